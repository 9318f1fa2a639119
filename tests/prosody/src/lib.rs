//! A real Prosody for tests: Debian's package, in the foreground, on free ports of the loopback interface, with a
//! configuration, a certificate and a data folder of its own that are gone when it is.
//!
//! Guests log in to the domain `localhost` with SASL ANONYMOUS, bearers of a token to `tokens.localhost`, the account
//! to `accounts.localhost` and, by PLAIN alone, to `plain.localhost`, over WebSocket or BOSH, with and without TLS.
//!
//! ```no_run
//! let prosody = jitsimeet_testprosody::TestProsody::start()?;
//! println!("{} and {}", prosody.service_url(), prosody.secure_service_url());
//! # Ok::<(), jitsimeet_testprosody::StartError>(())
//! ```
#![forbid(unsafe_code)]

mod config;

use std::path::Path;
use std::process::Command;

pub use jitsimeet_testdaemon::StartError;
use jitsimeet_testdaemon::{Daemon, Ports, Program};

/// The XMPP domain whose guests must bear a token.
pub const TOKENS_DOMAIN: &str = "tokens.localhost";
/// The secret that tokens are signed with (HS256).
pub const TOKEN_SECRET: &str = "secret";

/// Prosody, as [`Daemon`] runs it.
#[derive(Debug)]
pub struct Prosody;

/// A running Prosody.
pub type TestProsody = Daemon<Prosody>;

impl Program for Prosody {
    const NAME: &'static str = "Prosody";
    const PACKAGE: &'static str = "prosody";
    const PORT_TAKEN: &'static str = "Failed to open server port";
    const CONFIG: &'static str = "prosody.cfg.lua";
    const FILES: &'static [(&'static str, &'static str)] = &[
        ("mod_jitsimeet_test.lua", include_str!("mod_jitsimeet_test.lua")),
        ("mod_auth_jitsimeet_test.lua", include_str!("mod_auth_jitsimeet_test.lua")),
    ];

    fn configuration(folder: &Path, ports: Ports) -> String {
        config::config(folder, ports)
    }

    fn command(folder: &Path) -> Option<Command> {
        let mut command = Command::new("prosody");
        command.arg("-F").arg("--config").arg(folder.join(Self::CONFIG));
        Some(command)
    }
}

#[cfg(test)]
mod tests {
    jitsimeet_testdaemon::check!(super::Prosody, "problem occurred while reading the config file");
}
