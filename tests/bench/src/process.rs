//! The processes of a measurement, which end with the value that stands for them.

use std::env;
use std::io::{self, BufRead, BufReader, Error, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// Nothing that a process is told to do takes longer.
const DEADLINE: Duration = Duration::from_secs(180);

/// Another process of this program, or of a peer.
pub struct Process {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
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
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (input, output) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        let (sender, lines) = mpsc::channel();
        // It ends with the output.
        thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Ok(Self { child, input, lines })
    }

    /// This program again.
    pub fn again(arguments: &[&str]) -> io::Result<Self> {
        Self::start(Command::new(env::current_exe()?).args(arguments))
    }

    pub fn line(&mut self) -> io::Result<String> {
        self.lines.recv_timeout(DEADLINE).map_err(|error| Error::other(format!("no answer: {error}")))
    }

    /// Gives an order whose cost is asked for later.
    pub fn begin(&mut self, order: &str) -> io::Result<()> {
        writeln!(self.input, "{order}")
    }

    /// What the order that was begun has cost.
    pub fn end(&mut self) -> io::Result<Cost> {
        let line = self.line()?;
        let numbers: Vec<u64> = line.split(' ').map_while(|word| word.parse().ok()).collect();
        let [cpu, wall, memory] = numbers[..] else {
            return Err(Error::other(format!("three numbers were due: {line}")));
        };
        Ok(Cost { cpu: Duration::from_nanos(cpu), wall: Duration::from_nanos(wall), memory })
    }

    pub fn order(&mut self, order: &str) -> io::Result<Cost> {
        self.begin(order)?;
        self.end()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where clients reach a server: ports on 127.0.0.1.
#[derive(Debug, Clone, Copy)]
pub struct Address {
    /// Of the WebSocket.
    pub framed: u16,
    /// Of plain TCP.
    pub plain: u16,
}

impl Address {
    pub fn url(&self) -> String {
        format!("ws://127.0.0.1:{}/xmpp-websocket", self.framed)
    }
}

/// The server of the measurements.
pub struct Server {
    _process: Process,
    pub address: Address,
}

impl Server {
    pub fn start() -> io::Result<Self> {
        let mut process = Process::again(&["server"])?;
        let line = process.line()?;
        let ports: Vec<u16> = line.split(' ').map_while(|word| word.parse().ok()).collect();
        let [framed, plain] = ports[..] else { return Err(Error::other("the server did not start")) };
        Ok(Self { address: Address { framed, plain }, _process: process })
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
    pub fn start(tls: bool) -> io::Result<Self> {
        let mut process = Process::again(if tls { &["embedded", "tls"] } else { &["embedded"] })?;
        let said: Value = serde_json::from_str(&process.line()?)?;
        let text = |name: &str| said[name].as_str().map(ToOwned::to_owned);
        Ok(Self { _process: process, url: text("url").expect("it says"), authority: text("authority") })
    }
}
