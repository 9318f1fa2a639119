//! The server as a program: prints where it listens as one line of JSON, then takes commands as lines of JSON on its
//! standard input, answers each with one line, and ends when that input is closed.
#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use jitsimeet_testserver::{Deployment, Options, RoomSettings, TestServer};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};

/// A loopback XMPP server for tests.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The port on 127.0.0.1; 0 lets the system choose.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Serve wss: with a certificate for localhost from a fresh authority.
    #[arg(long)]
    tls: bool,
    /// An account, as NAME:PASSWORD; may be given again.
    #[arg(long, value_parser = account)]
    account: Vec<(String, String)>,
    /// Guests must bear a JSON Web Token signed with this secret (HS256).
    #[arg(long)]
    token_secret: Option<String>,
    /// What the server tells of itself, as JSON.
    #[arg(long, value_parser = deployment, default_value = "{}")]
    deployment: Deployment,
}

fn deployment(text: &str) -> Result<Deployment, serde_json::Error> {
    serde_json::from_str(text)
}

fn account(text: &str) -> Result<(String, String), String> {
    let (name, password) = text.split_once(':').ok_or("must be NAME:PASSWORD")?;
    Ok((name.to_owned(), password.to_owned()))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("jitsimeet-testserver: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> io::Result<()> {
    let options = Options {
        port: arguments.port,
        tls: arguments.tls,
        accounts: arguments.account.into_iter().collect(),
        token_secret: arguments.token_secret,
        deployment: arguments.deployment,
        conference: Vec::new(),
        rooms: RoomSettings::default(),
        keep_wire: false,
    };
    let server = TestServer::start(options).await?;
    say(&server.about())?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        say(&server.command(&line))?;
    }
    Ok(())
}

fn say(value: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{value}")?;
    out.flush()
}
