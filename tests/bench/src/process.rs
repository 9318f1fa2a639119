//! The processes of a measurement, which end with the value that stands for them.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;

/// Another process of this program, or of a peer.
pub struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// What an order took.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    pub cpu: Duration,
    pub wall: Duration,
    /// What the process has at its end, in bytes.
    pub memory: u64,
}

impl Process {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        let (input, output) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        Self { child, input, output: BufReader::new(output) }
    }

    /// This program again.
    pub fn again(arguments: &[&str]) -> Self {
        Self::start(Command::new(env::current_exe().expect("this program")).args(arguments))
    }

    pub fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.output.read_line(&mut line).expect("text");
        assert!(read > 0, "the process has ended");
        line.trim().to_owned()
    }

    pub fn order(&mut self, order: &str) -> Cost {
        writeln!(self.input, "{order}").expect("the process reads");
        let line = self.line();
        let mut numbers = line.split(' ').map(|word| word.parse::<u64>().expect("a number"));
        let mut next = || numbers.next().expect("three numbers");
        Cost { cpu: Duration::from_nanos(next()), wall: Duration::from_nanos(next()), memory: next() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server of the measurements, with its ports.
pub struct Server {
    _process: Process,
    pub url: String,
    pub address: String,
}

impl Server {
    pub fn start() -> Self {
        let mut process = Process::again(&["server"]);
        let line = process.line();
        let (framed, plain) = line.split_once(' ').expect("two ports");
        Self {
            url: format!("ws://127.0.0.1:{framed}/xmpp-websocket"),
            address: format!("127.0.0.1:{plain}"),
            _process: process,
        }
    }

    /// A client of it, by name; `None` if this machine cannot build it.
    pub fn client(&self, name: &str, options: &Value) -> Option<Process> {
        let program = match name {
            "jitsimeet-c" => return c_abi("callbacks", &self.url, options),
            "jitsimeet-c-queue" => return c_abi("queue", &self.url, options),
            "libstrophe" => libstrophe()?,
            "tokio-xmpp" => tokio_xmpp()?,
            _ => return Some(Process::again(&["client", name, &self.url, &options.to_string()])),
        };
        let mut command = pinned(program, options);
        let (host, port) = self.address.split_once(':').expect("a port");
        Some(Process::start(command.args([host, port])))
    }
}

/// The embedded server of the tests, in a process of its own.
pub struct Embedded {
    _process: Process,
    pub url: String,
    /// The authority of its certificate, with TLS.
    pub authority: Option<String>,
}

impl Embedded {
    pub fn start(tls: bool) -> Self {
        let mut process = Process::again(if tls { &["embedded", "tls"] } else { &["embedded"] });
        let said: Value = serde_json::from_str(&process.line()).expect("JSON");
        let text = |name: &str| said[name].as_str().map(ToOwned::to_owned);
        Self { _process: process, url: text("url").expect("it says"), authority: text("authority") }
    }
}

/// Where the programs around the peers are.
const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");

/// On one core, if that is what is measured.
fn pinned(program: PathBuf, options: &Value) -> Command {
    if options["pinned"] != true {
        return Command::new(program);
    }
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.arg("pin").arg(program);
    command
}

/// A program in C around the library of this checkout.
fn c_abi(mode: &str, url: &str, options: &Value) -> Option<Process> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let build = || {
        let program = env::current_exe().expect("this program").with_file_name("jitsimeet-bench-c");
        let mut command = Command::new(env::var("CC").unwrap_or_else(|_| "cc".to_owned()));
        command.args(["-O2", "-Wall", "-Wextra", "-D_GNU_SOURCE", "-o"]).arg(&program);
        command.arg(format!("-I{PEERS}/../../../include")).arg(format!("{PEERS}/jitsimeet.c"));
        command.arg(program.with_file_name("libjitsimeet.a")).args(["-lpthread", "-ldl", "-lm"]);
        built("the C ABI", "of this checkout", &mut command).then_some(program)
    };
    let program = PROGRAM.get_or_init(build).clone()?;
    Some(Process::start(pinned(program, options).args([url, mode])))
}

/// The program around libstrophe.
fn libstrophe() -> Option<PathBuf> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let build = || {
        let program = env::current_exe().expect("this program").with_file_name("jitsimeet-bench-libstrophe");
        let mut command = Command::new(env::var("CC").unwrap_or_else(|_| "cc".to_owned()));
        command.args(["-O2", "-Wall", "-Wextra", "-o"]).arg(&program);
        command.arg(format!("{PEERS}/libstrophe.c")).arg("-lstrophe");
        built("libstrophe", "Debian: libstrophe-dev", &mut command).then_some(program)
    };
    PROGRAM.get_or_init(build).clone()
}

/// The program around tokio-xmpp.
fn tokio_xmpp() -> Option<PathBuf> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let build = || {
        let folder = env::current_exe().expect("this program").with_file_name("jitsimeet-bench-tokio-xmpp.d");
        let mut command = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
        command.args(["build", "--release", "--locked", "--manifest-path"]);
        command.arg(format!("{PEERS}/tokio-xmpp/Cargo.toml")).arg("--target-dir").arg(&folder);
        let program = folder.join("release/jitsimeet-bench-tokio-xmpp");
        built("tokio-xmpp", "from crates.io, some minutes the first time", &mut command).then_some(program)
    };
    PROGRAM.get_or_init(build).clone()
}

fn built(peer: &str, origin: &str, command: &mut Command) -> bool {
    eprintln!("building the program around {peer} ({origin})");
    let output = command.output();
    let built = output.as_ref().is_ok_and(|output| output.status.success());
    if !built {
        let said = output.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
        eprintln!("{peer} is not measured: it does not build\n{}", said.unwrap_or_default());
    }
    built
}
