//! Real XMPP servers for tests: a Debian package's program, in the foreground, on free ports of the loopback
//! interface, with a configuration, a certificate and a data folder of its own that are gone when it is.
//!
//! Which program, and what it is told, is a [`Program`].
#![forbid(unsafe_code)]

mod certificate;
pub mod checks;
mod process;

use std::fmt::Debug;
use std::io::{self, Write as _};
use std::marker::PhantomData;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{env, fs};

use tempfile::TempDir;

use certificate::Certificates;
use process::{Process, Started, User};

/// The XMPP domain of guests, and the host name of the certificate.
pub const DOMAIN: &str = "localhost";
/// The XMPP domain of accounts.
pub const ACCOUNTS_DOMAIN: &str = "accounts.localhost";
/// The XMPP domain of accounts that offers no mechanism but PLAIN.
pub const PLAIN_DOMAIN: &str = "plain.localhost";
/// The account that there is, at both of them: its user name and its password.
pub const ACCOUNT: (&str, &str) = ("user", "pencil");

/// The server's certificate, and its key, below the folder.
pub const CERTIFICATE: &str = "localhost.crt";
/// See [`CERTIFICATE`].
pub const KEY: &str = "localhost.key";
/// What the program writes as soon as clients can connect and the account exists.
pub const READY: &str = "the test may begin";
/// What the program ends for in an orderly way when it comes from its standard input.
pub const STOP: &str = "stop\n";

/// The ports are free when they are chosen; another program may take one before the server does.
const ATTEMPTS: usize = 5;

/// Where a server listens, on 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// Without TLS.
    pub http: u16,
    /// With TLS.
    pub https: u16,
}

/// A server program of Debian's.
///
/// It must end when its standard input does, heed [`STOP`], write [`READY`], and serve [`DOMAIN`], [`ACCOUNTS_DOMAIN`],
/// [`PLAIN_DOMAIN`] and `/xmpp-websocket` on both ports.
pub trait Program: Debug {
    /// What it is called.
    const NAME: &'static str;
    /// Debian's name of the package, of its main program and of the user that the package makes.
    const PACKAGE: &'static str;
    /// What it writes when a port is taken.
    const PORT_TAKEN: &'static str;

    /// The file of its configuration.
    const CONFIG: &'static str;
    /// Further files, as they are: names and contents.
    const FILES: &'static [(&'static str, &'static str)];

    /// What it is told. The files are in `folder`.
    fn configuration(folder: &Path, ports: Ports) -> String;

    /// How it is run in the foreground, in its folder. `None` if it is not installed.
    fn command(folder: &Path) -> Option<Command>;
}

/// A running server. Dropping it ends it; it also ends, by itself, with the process that started it.
#[derive(Debug)]
pub struct Daemon<P> {
    // Fields are dropped in this order: the folder goes when nothing runs in it any more.
    process: Mutex<Process>,
    folder: TempDir,
    user: Option<User>,
    ports: Ports,
    ca_certificate: String,
    program: PhantomData<P>,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The program is not there, or the user is not that its package makes.
    #[error("{package} is not installed (on Debian: apt-get install {package})")]
    NotInstalled {
        /// Debian's name of it.
        package: &'static str,
    },
    /// Something of the operating system's failed.
    #[error("cannot start a server: {doing}: {source}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// What came back.
        source: io::Error,
    },
    /// The certificate could not be issued.
    #[error("cannot issue a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The server ended, or did not open its ports in time.
    #[error("{name} {problem}; its output ends in:\n{log}")]
    Server {
        /// What it is called.
        name: &'static str,
        /// What it did instead of starting.
        problem: &'static str,
        /// The last lines that it wrote.
        log: String,
    },
}

impl<P: Program> Daemon<P> {
    /// Starts a server and waits until its ports are open. Blocks meanwhile, normally for less than a second.
    ///
    /// Run by root, the server runs as the user that the Debian package makes; otherwise as the caller.
    ///
    /// # Errors
    /// [`StartError::NotInstalled`] if there is no such server on this machine; any other if it cannot be started.
    pub fn start() -> Result<Self, StartError> {
        let Certificates { authority, certificate, key } = certificate::issue(DOMAIN)?;
        let folder = tempfile::Builder::new()
            .prefix(&format!("jitsimeet-{}-", P::PACKAGE))
            .tempdir()
            .map_err(system("making a folder"))?;
        let user = User::of::<P>(folder.path())?;
        let certificate = [(CERTIFICATE, certificate.as_str()), (KEY, key.as_str())];
        for (name, content) in certificate.iter().chain(P::FILES) {
            fs::write(folder.path().join(name), content).map_err(system("writing its files"))?;
        }
        for _ in 0..ATTEMPTS {
            let ports = free_ports().map_err(system("looking for free ports"))?;
            if let Started::Yes(process) = launch::<P>(folder.path(), user.as_ref(), ports)? {
                let process = Mutex::new(process);
                let (ca_certificate, program) = (authority, PhantomData);
                return Ok(Self { process, folder, user, ports, ca_certificate, program });
            }
        }
        Err(ports_taken::<P>())
    }

    /// For tests: as [`start`](Self::start), but `None` with a line on standard error if it is not installed.
    ///
    /// # Panics
    /// If the server cannot be started, and if it is not installed while the variable `CI` is `true`: there, a test
    /// that does not run has failed.
    #[must_use]
    pub fn start_or_skip() -> Option<Self> {
        match Self::start() {
            Ok(daemon) => Some(daemon),
            Err(error @ StartError::NotInstalled { .. }) if env::var("CI").as_deref() != Ok("true") => {
                // Not eprintln!, which the test harness captures. Nothing is lost if nobody can read it.
                let _ = writeln!(io::stderr(), "SKIPPED, a test against {}: {error}", P::NAME);
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Ends the server in an orderly way: it says goodbye. Only [`restart`](Self::restart) brings it back.
    ///
    /// # Errors
    /// It cannot be told.
    pub fn shut_down(&self) -> Result<(), StartError> {
        self.process().stop().map_err(system("ending it"))
    }

    /// Kills the server, which says goodbye to nobody and forgets its sessions, and starts another on the same ports.
    /// Blocks as [`start`](Self::start).
    ///
    /// # Errors
    /// It does not come up again.
    pub fn restart(&self) -> Result<(), StartError> {
        let mut process = self.process();
        process.kill();
        match launch::<P>(self.folder.path(), self.user.as_ref(), self.ports)? {
            Started::Yes(new) => *process = new,
            Started::PortsTaken => return Err(ports_taken::<P>()),
        }
        Ok(())
    }

    /// Waits until the server logs a line with this text, and returns the line. What it has logged before it is
    /// forgotten.
    ///
    /// # Panics
    /// If it does not, in half a minute.
    #[must_use]
    pub fn await_log(&self, text: &str) -> String {
        match self.process().await_line(text) {
            Ok(line) => line,
            Err(error) => panic!("{} did not log {text:?}: {error}", P::NAME),
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

    /// The XMPP domain of guests.
    #[must_use]
    pub fn domain(&self) -> &'static str {
        DOMAIN
    }

    /// The XMPP domain of accounts.
    #[must_use]
    pub fn accounts_domain(&self) -> &'static str {
        ACCOUNTS_DOMAIN
    }

    /// The XMPP domain of accounts that offers no mechanism but PLAIN.
    pub const PLAIN_DOMAIN: &str = "plain.localhost";
    /// The account that there is, at both of them: its user name and its password.
    #[must_use]
    pub fn account(&self) -> (&'static str, &'static str) {
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

    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The folder that it runs in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// Writes a string literal, the same in Lua and in YAML.
#[must_use]
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn system(doing: &'static str) -> impl FnOnce(io::Error) -> StartError {
    move |source| StartError::System { doing, source }
}

fn ports_taken<P: Program>() -> StartError {
    let problem = "found its ports taken at every attempt";
    StartError::Server { name: P::NAME, problem, log: String::new() }
}

/// Runs a server on these ports, in a folder that has its certificate in it.
fn launch<P: Program>(folder: &Path, user: Option<&User>, ports: Ports) -> Result<Started, StartError> {
    let command = P::command(folder).ok_or(StartError::NotInstalled { package: P::PACKAGE })?;
    let configuration = P::configuration(folder, ports);
    fs::write(folder.join(P::CONFIG), configuration).map_err(system("writing its configuration"))?;
    if let Some(user) = user {
        user.own(folder).map_err(system("giving its folder to its user"))?;
    }
    Process::start::<P>(command, user)
}

fn free_ports() -> io::Result<Ports> {
    // Both are held while they are chosen, so that they differ.
    let listeners = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    let [http, https] = listeners.map(|listener| listener?.local_addr().map(|address| address.port()));
    Ok(Ports { http: http?, https: https? })
}
