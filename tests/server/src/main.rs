//! The server as a program: prints where it listens as one line of JSON, then takes commands as lines of JSON on its
//! standard input, answers each with one line, and ends when that input is closed.
#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use jitsimeet_testserver::{ConferenceAnswer, Deployment, Faults, Options, Order, TestServer};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
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

enum Command {
    Faults(Faults),
    Deployment(Deployment),
    Conference(Conference),
    Deliver(Deliver),
    Prebind(Prebind),
    Sessions,
    Requests,
    ConferenceRequests,
    Order(Order),
}

/// The answers to conference requests.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Conference {
    answers: Vec<ConferenceAnswer>,
}

/// Sets up a BOSH session to attach to.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Prebind {
    token: Option<String>,
}

/// Sends a stanza to a full JID.
#[derive(Deserialize)]
struct Deliver {
    jid: String,
    stanza: String,
}

/// What a line says.
fn read(line: &str) -> Result<Command, String> {
    let object: Map<String, Value> = serde_json::from_str(line).map_err(|error| error.to_string())?;
    understand(&object).map_err(|error| {
        let error = error.to_string();
        if error.starts_with("missing field") {
            return error;
        }
        // The library does not say where a wrong type is. It is in the field without which the error is another.
        let wrong = object.keys().filter(|field| *field != "command").find(|field| {
            let mut rest = object.clone();
            rest.remove(*field);
            understand(&rest).err().is_none_or(|other| other.to_string() != error)
        });
        wrong.map_or_else(|| error.clone(), |field| format!("{field}: {error}"))
    })
}

fn understand(object: &Map<String, Value>) -> serde_json::Result<Command> {
    let mut fields = object.clone();
    let command = fields.remove("command");
    // Not an enum of serde's with all of them: beside an order that is an enum itself it would hide what is wrong.
    Ok(match command.as_ref().and_then(Value::as_str).unwrap_or_default() {
        "faults" => Command::Faults(take(fields)?),
        "deployment" => Command::Deployment(take(fields)?),
        "conference" => Command::Conference(take(fields)?),
        "deliver" => Command::Deliver(take(fields)?),
        "prebind" => Command::Prebind(take(fields)?),
        "sessions" => Command::Sessions,
        "requests" => Command::Requests,
        "conference_requests" => Command::ConferenceRequests,
        _ => Command::Order(take(object.clone())?),
    })
}

fn take<T: DeserializeOwned>(fields: Map<String, Value>) -> serde_json::Result<T> {
    serde_json::from_value(Value::Object(fields))
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
    };
    let server = TestServer::start(options).await?;
    say(&json!({
        "serviceUrl": server.service_url(),
        "boshUrl": server.bosh_url(),
        "healthUrl": server.health_url(),
        "conferenceRequestUrl": server.conference_request_url(),
        "domain": server.domain(),
        "caCertificate": server.ca_certificate(),
    }))?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        say(&match read(&line) {
            Ok(command) => obey(&server, command),
            Err(error) => json!({ "error": error }),
        })?;
    }
    Ok(())
}

fn obey(server: &TestServer, command: Command) -> Value {
    match command {
        Command::Faults(faults) => server.set_faults(faults),
        Command::Deployment(deployment) => server.set_deployment(deployment),
        Command::Conference(conference) => server.set_conference(conference.answers),
        Command::Order(order) => server.order(&order),
        Command::Deliver(Deliver { jid, stanza }) => return json!({ "ok": server.deliver(&jid, stanza) }),
        Command::Prebind(Prebind { token }) => return json!({ "prebound": server.prebind(token.as_deref()) }),
        Command::Requests => return json!({ "requests": server.requests() }),
        Command::ConferenceRequests => return json!({ "requests": server.conference_requests() }),
        Command::Sessions => {
            return json!({ "sessions": server.sessions(), "connections": server.connections() });
        }
    }
    json!({ "ok": true })
}

fn say(value: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{value}")?;
    out.flush()
}
