//! A real ejabberd for tests: Debian's package, in the foreground, on free ports of the loopback interface, with a
//! configuration, a certificate and a database of its own that are gone when it is.
//!
//! Guests log in to the domain `localhost` with SASL ANONYMOUS, the account to `accounts.localhost` and, by PLAIN
//! alone, to `plain.localhost`, over WebSocket or BOSH, with and without TLS. It is an Erlang node without a name: it needs no port mapper, and leaves none behind.
//!
//! ```no_run
//! let ejabberd = jitsimeet_testejabberd::TestEjabberd::start()?;
//! println!("{} and {}", ejabberd.service_url(), ejabberd.secure_service_url());
//! # Ok::<(), jitsimeet_testejabberd::StartError>(())
//! ```
#![forbid(unsafe_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub use jitsimeet_testdaemon::StartError;
use jitsimeet_testdaemon::{Daemon, Ports, Program};

/// ejabberd, as [`Daemon`] runs it.
#[derive(Debug)]
pub struct Ejabberd;

/// A running ejabberd.
pub type TestEjabberd = Daemon<Ejabberd>;

impl Program for Ejabberd {
    const NAME: &'static str = "ejabberd";
    const PACKAGE: &'static str = "ejabberd";
    const PORT_TAKEN: &'static str = "eaddrinuse";
    const CONFIG: &'static str = "ejabberd.yml";
    const FILES: &'static [(&'static str, &'static str)] = &[];

    fn configuration(_: &Path, ports: Ports) -> String {
        include_str!("ejabberd.yml")
            .replace("HTTP_PORT", &ports.http.to_string())
            .replace("HTTPS_PORT", &ports.https.to_string())
    }

    fn command(folder: &Path) -> Option<Command> {
        let mut command = Command::new("erl");
        // Its paths are relative to the folder.
        command.current_dir(folder).env("HOME", folder);
        command.env("ERL_LIBS", libraries()?).env("ERL_CRASH_DUMP_BYTES", "0");
        command.env("EJABBERD_CONFIG_PATH", Self::CONFIG).env("EJABBERD_LOG_PATH", "ejabberd.log");
        // Schedulers that spin while they wait would take the processors from the tests.
        command.args(["+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none"]);
        command.args(["-noshell", "-mnesia", "dir", "\"database\"", "-eval", include_str!("start.erl")]);
        Some(command)
    }
}

/// Where Debian puts Erlang's libraries: `ejabberdctl` knows, but is not in everybody's `PATH`.
fn libraries() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?.filter_map(Result::ok).map(|entry| entry.path());
    folders.into_iter().find(|folder| {
        let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
        entries.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with("ejabberd-"))
    })
}

#[cfg(test)]
mod tests {
    jitsimeet_testdaemon::check!(super::Ejabberd, "Failed to read YAML file");
}
