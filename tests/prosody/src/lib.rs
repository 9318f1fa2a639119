//! A real Prosody for tests: Debian's package, in the foreground, on free ports of the loopback interface, with a
//! configuration, a certificate and a data folder of its own that are gone when it is.
//!
//! Clients log in to the domain `localhost` with SASL ANONYMOUS, over WebSocket or BOSH, with and without TLS.
//!
//! ```no_run
//! let prosody = jitsimeet_testprosody::TestProsody::start()?;
//! println!("{} and {}", prosody.service_url(), prosody.secure_service_url());
//! # Ok::<(), jitsimeet_testprosody::StartError>(())
//! ```
#![forbid(unsafe_code)]

mod certificate;
mod config;
mod process;

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::{env, fs};

use tempfile::TempDir;

use certificate::Certificates;
use config::{
    ACCOUNT, ACCOUNTS_DOMAIN, CERTIFICATE, CERTIFICATES, CONFIG, DATA, DOMAIN, KEY, MODULES, Ports,
};
use process::{Process, Started, User};

/// The ports are free when they are chosen; another program may take one before Prosody does.
const ATTEMPTS: usize = 5;

/// A running Prosody. Dropping it ends it; it also ends, by itself, with the process that started it.
#[derive(Debug)]
pub struct TestProsody {
    // Fields are dropped in this order: the folder goes when nothing runs in it any more.
    _process: Process,
    _folder: TempDir,
    ports: Ports,
    ca_certificate: String,
}

/// Why there is no Prosody.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// There is no program `prosody` in the `PATH`.
    #[error("prosody is not installed (on Debian: apt-get install prosody)")]
    NotInstalled,
    /// Something of the operating system's failed.
    #[error("cannot start Prosody: {doing}: {source}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// What came back.
        source: io::Error,
    },
    /// The certificate could not be issued.
    #[error("cannot issue a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// Prosody ended, or did not open its ports in time.
    #[error("Prosody {problem}; its output ends in:\n{log}")]
    Prosody {
        /// What it did instead of starting.
        problem: &'static str,
        /// The last lines that it wrote.
        log: String,
    },
}

impl TestProsody {
    /// Starts Prosody and waits until its ports are open. Blocks meanwhile, normally for a fraction of a second.
    ///
    /// Run by root, Prosody runs as the user `prosody`, which the Debian package makes; otherwise as the caller.
    ///
    /// # Errors
    /// [`StartError::NotInstalled`] if there is no Prosody on this machine; any other if it cannot be started.
    pub fn start() -> Result<Self, StartError> {
        let certificates = certificate::issue(DOMAIN)?;
        let folder = tempfile::Builder::new()
            .prefix("jitsimeet-prosody-")
            .tempdir()
            .map_err(system("making a folder"))?;
        let user = process::user(folder.path())?;
        lay_out(folder.path(), &certificates).map_err(system("writing its files"))?;
        for _ in 0..ATTEMPTS {
            let ports = free_ports().map_err(system("looking for free ports"))?;
            if let Started::Yes(process) = launch(folder.path(), user.as_ref(), ports)? {
                let ca_certificate = certificates.authority;
                return Ok(Self { _process: process, _folder: folder, ports, ca_certificate });
            }
        }
        let problem = "found its ports taken at every attempt";
        Err(StartError::Prosody { problem, log: String::new() })
    }

    /// For tests: as [`start`](Self::start), but `None` with a line on standard error if Prosody is not installed.
    ///
    /// # Panics
    /// If Prosody cannot be started, and if it is not installed while the variable `CI` is `true`: there, a test
    /// that does not run has failed.
    #[must_use]
    pub fn start_or_skip() -> Option<Self> {
        match Self::start() {
            Ok(prosody) => Some(prosody),
            Err(StartError::NotInstalled) if env::var("CI").as_deref() != Ok("true") => {
                // Not eprintln!, which the test harness captures. Nothing is lost if nobody can read it.
                let _ =
                    writeln!(io::stderr(), "SKIPPED, a test against Prosody: {}", StartError::NotInstalled);
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// The URL of the XMPP WebSocket without TLS.
    #[must_use]
    pub fn service_url(&self) -> String {
        format!("ws://localhost:{}/xmpp-websocket", self.ports.http)
    }

    /// The URL of the XMPP WebSocket with TLS. The certificate is for the name `localhost` alone.
    #[must_use]
    pub fn secure_service_url(&self) -> String {
        format!("wss://localhost:{}/xmpp-websocket", self.ports.https)
    }

    /// The XMPP domain.
    #[must_use]
    pub fn domain(&self) -> &str {
        DOMAIN
    }

    /// The XMPP domain of accounts.
    #[must_use]
    pub fn accounts_domain(&self) -> &str {
        ACCOUNTS_DOMAIN
    }

    /// The account that there is: its user name and its password.
    #[must_use]
    pub fn account(&self) -> (&str, &str) {
        ACCOUNT
    }

    /// The port on 127.0.0.1 of the XMPP WebSocket without TLS.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.ports.http
    }

    /// The port on 127.0.0.1 of the XMPP WebSocket with TLS.
    #[must_use]
    pub fn secure_port(&self) -> u16 {
        self.ports.https
    }

    /// The certificate, in PEM, of the authority that has issued the server's; made for this instance.
    #[must_use]
    pub fn ca_certificate(&self) -> &str {
        &self.ca_certificate
    }
}

fn system(doing: &'static str) -> impl FnOnce(io::Error) -> StartError {
    move |source| StartError::System { doing, source }
}

fn lay_out(folder: &Path, certificates: &Certificates) -> io::Result<()> {
    for name in [DATA, MODULES, CERTIFICATES] {
        fs::create_dir(folder.join(name))?;
    }
    let modules = folder.join(MODULES);
    fs::write(modules.join("mod_jitsimeet_test.lua"), include_str!("mod_jitsimeet_test.lua"))?;
    fs::write(modules.join("mod_auth_jitsimeet_test.lua"), include_str!("mod_auth_jitsimeet_test.lua"))?;
    fs::write(folder.join(CERTIFICATE), &certificates.certificate)?;
    fs::write(folder.join(KEY), &certificates.key)
}

fn launch(folder: &Path, user: Option<&User>, ports: Ports) -> Result<Started, StartError> {
    let path = folder.join(CONFIG);
    fs::write(&path, config::config(folder, ports)).map_err(system("writing its configuration"))?;
    if let Some(user) = user {
        user.own(folder).map_err(system("giving its folder to the user prosody"))?;
    }
    Process::start(&path, user)
}

fn free_ports() -> io::Result<Ports> {
    // Both are held while they are chosen, so that they differ.
    let listeners = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    let [http, https] = listeners.map(|listener| listener?.local_addr().map(|address| address.port()));
    Ok(Ports { http: http?, https: https? })
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn a_dropped_prosody_leaves_no_port_and_no_folder() {
        let Some(prosody) = TestProsody::start_or_skip() else { return };
        let (folder, ports) = (prosody._folder.path().to_owned(), prosody.ports);
        for port in [ports.http, ports.https] {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        }
        drop(prosody);
        for port in [ports.http, ports.https] {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap_err();
        }
        assert!(!folder.exists());
    }

    #[test]
    fn a_port_that_another_program_has_taken_is_noticed() {
        let Some(prosody) = TestProsody::start_or_skip() else { return };
        let user = process::user(prosody._folder.path()).unwrap();
        let ports = Ports { http: prosody.ports.http, ..free_ports().unwrap() };
        let started = launch(prosody._folder.path(), user.as_ref(), ports).unwrap();
        assert!(matches!(started, Started::PortsTaken));
    }

    #[test]
    fn an_error_shows_what_prosody_wrote() {
        let Some(prosody) = TestProsody::start_or_skip() else { return };
        let user = process::user(prosody._folder.path()).unwrap();
        let path = prosody._folder.path().join("broken.cfg.lua");
        fs::write(&path, "this is not a configuration").unwrap();
        user.iter().for_each(|user| user.own(prosody._folder.path()).unwrap());
        let Err(error) = Process::start(&path, user.as_ref()) else { panic!("it started") };
        assert!(error.to_string().contains("Prosody ended"), "{error}");
        assert!(error.to_string().contains("problem occurred while reading the config file"), "{error}");
    }
}
