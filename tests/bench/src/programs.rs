//! The programs that are measured, and how they are built. Each is told what to do by the orders of `orders.rs`.

use std::env;
use std::io::{self, Error};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::process::{Address, Process};

/// A program that can be started.
pub struct Program {
    command: Vec<PathBuf>,
    speaks: Speaks,
}

/// What its arguments tell it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Speaks {
    /// The URL and the options, as JSON.
    WebSocket,
    /// The host and the port.
    Tcp,
}

/// On which cores a client runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Cores {
    All,
    One,
}

/// What is measured: ours and the peers.
pub const OURS: [&str; 4] = ["jitsimeet", "jitsimeet-c", "jitsimeet-python", "jitsimeet-node"];

/// A peer, and the one of ours that is for the same programs.
pub struct Peer {
    pub name: &'static str,
    pub ours: &'static str,
}

pub const PEERS: [Peer; 5] = [
    Peer { name: "tokio-xmpp", ours: "jitsimeet" },
    Peer { name: "libstrophe", ours: "jitsimeet-c" },
    Peer { name: "slixmpp", ours: "jitsimeet-python" },
    Peer { name: "@xmpp/client", ours: "jitsimeet-node" },
    Peer { name: "strophe.js", ours: "jitsimeet-node" },
];

const HERE: &str = env!("CARGO_MANIFEST_DIR");

impl Program {
    /// Builds the program of this name, or says why it cannot be built here.
    pub fn build(name: &str) -> io::Result<Self> {
        let (command, speaks) = match name {
            "libstrophe" => (vec![libstrophe()?], Speaks::Tcp),
            "tokio-xmpp" => (vec![tokio_xmpp()?], Speaks::Tcp),
            "slixmpp" => (python(name)?, Speaks::Tcp),
            "jitsimeet-c" | "jitsimeet-c-queue" => {
                let mode = if name == "jitsimeet-c" { "callbacks" } else { "queue" };
                (vec![c_abi()?, mode.into()], Speaks::WebSocket)
            }
            "jitsimeet-python" => (python(name)?, Speaks::WebSocket),
            "jitsimeet-node" | "@xmpp/client" | "strophe.js" => (node(name)?, Speaks::WebSocket),
            _ => (vec![env::current_exe()?, "client".into(), name.into()], Speaks::WebSocket),
        };
        Ok(Self { command, speaks })
    }

    /// Starts it as a client of a server.
    pub fn start(&self, address: Address, options: &Value, cores: Cores) -> io::Result<Process> {
        self.start_at(&address.url(), address.plain, options, cores)
    }

    /// Starts one that speaks WebSocket.
    pub fn start_url(&self, url: &str, options: &Value) -> io::Result<Process> {
        self.start_at(url, 0, options, Cores::All)
    }

    fn start_at(&self, url: &str, port: u16, options: &Value, cores: Cores) -> io::Result<Process> {
        let mut words = self.command.iter();
        let mut command = match cores {
            Cores::All => Command::new(words.next().expect("a program")),
            Cores::One => Command::new(env::current_exe()?),
        };
        if cores == Cores::One {
            command.arg("pin");
        }
        command.args(words);
        match self.speaks {
            Speaks::WebSocket => command.args([url, &options.to_string()]),
            Speaks::Tcp => command.args(["127.0.0.1", &port.to_string()]),
        };
        Process::start(&mut command)
    }
}

/// Beside this program.
fn beside(name: &str) -> io::Result<PathBuf> {
    Ok(env::current_exe()?.with_file_name(name))
}

fn tool(variable: &str, default: &str) -> String {
    env::var(variable).unwrap_or_else(|_| default.to_owned())
}

/// A program in C around the library of this checkout.
fn c_abi() -> io::Result<PathBuf> {
    let program = beside("jitsimeet-bench-c")?;
    let mut command = c("jitsimeet.c", &program);
    command.arg(program.with_file_name("libjitsimeet.a")).args(["-lpthread", "-ldl", "-lm"]);
    built("the C ABI of this checkout", &mut command)?;
    Ok(program)
}

fn libstrophe() -> io::Result<PathBuf> {
    let program = beside("jitsimeet-bench-libstrophe")?;
    built("libstrophe, of Debian's libstrophe-dev", c("libstrophe.c", &program).arg("-lstrophe"))?;
    Ok(program)
}

fn c(source: &str, program: &Path) -> Command {
    let mut command = Command::new(tool("CC", "cc"));
    command.args(["-O2", "-Wall", "-Wextra", "-D_GNU_SOURCE", "-o"]).arg(program);
    command.arg(format!("-I{HERE}/../../include")).arg(format!("{HERE}/peers/{source}"));
    command
}

/// From crates.io, with a lock file of its own. Takes some minutes the first time.
fn tokio_xmpp() -> io::Result<PathBuf> {
    let folder = beside("jitsimeet-bench-tokio-xmpp.d")?;
    let mut command = Command::new(tool("CARGO", "cargo"));
    command.args(["build", "--release", "--locked", "--manifest-path"]);
    command.arg(format!("{HERE}/peers/tokio-xmpp/Cargo.toml")).arg("--target-dir").arg(&folder);
    built("tokio-xmpp, of crates.io", &mut command)?;
    Ok(folder.join("release/jitsimeet-bench-tokio-xmpp"))
}

/// A client in Python, in the virtual environment that `make py` makes.
fn python(name: &str) -> io::Result<Vec<PathBuf>> {
    let interpreter = PathBuf::from(format!("{HERE}/../../.venv/bin/python"));
    let module = name.trim_end_matches("-python");
    let mut command = Command::new(&interpreter);
    built(&format!("{module} for Python"), command.arg("-c").arg(format!("import {module}")))?;
    Ok(vec![interpreter, format!("{HERE}/../../py/benchmarks/client.py").into(), name.into()])
}

/// A client in JavaScript. `make node` builds ours; the peers are of npm.
fn node(name: &str) -> io::Result<Vec<PathBuf>> {
    let folder = format!("{HERE}/../../node/bench");
    if name != "jitsimeet-node" {
        let mut command = Command::new(tool("NPM", "npm"));
        command.args(["install", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&folder);
        built(&format!("{name}, of npm"), &mut command)?;
    }
    // So that memory is read without what is garbage.
    Ok(vec![
        tool("NODE", "node").into(),
        "--expose-gc".into(),
        format!("{folder}/client.js").into(),
        name.into(),
    ])
}

fn built(what: &str, command: &mut Command) -> io::Result<()> {
    eprintln!("building the program around {what}");
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    // All of it here, and of the results a line.
    let said = String::from_utf8_lossy(&output.stderr);
    eprint!("{said}");
    let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    Err(Error::other(format!("{what} cannot be built or installed, {}: {}", output.status, last.trim())))
}
