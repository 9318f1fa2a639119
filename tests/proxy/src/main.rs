//! The proxy as a program: prints its port as one line of JSON, then takes commands as lines of JSON on its standard
//! input, answers each with one line, and ends when that input is closed.
#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use jitsimeet_testproxy::{Conditions, TestProxy};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

/// A loopback TCP proxy for tests.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The port on 127.0.0.1 to carry to.
    target_port: u16,
}

#[derive(Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
enum Command {
    Conditions(Conditions),
    Refuse { refusing: bool },
    Cut,
    Stall,
    Seen,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("jitsimeet-testproxy: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> io::Result<()> {
    let proxy = TestProxy::start(arguments.target_port).await?;
    say(&json!({ "port": proxy.port() }))?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        say(&match serde_json::from_str(&line) {
            Ok(command) => obey(&proxy, command),
            Err(error) => json!({ "error": error.to_string() }),
        })?;
    }
    Ok(())
}

fn obey(proxy: &TestProxy, command: Command) -> Value {
    match command {
        Command::Conditions(conditions) => proxy.set_conditions(conditions),
        Command::Refuse { refusing } => proxy.set_refusing(refusing),
        Command::Cut => proxy.cut(),
        Command::Stall => proxy.stall(),
        Command::Seen => return json!({ "connections": proxy.seen() }),
    }
    json!({ "ok": true })
}

fn say(value: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{value}")?;
    out.flush()
}
