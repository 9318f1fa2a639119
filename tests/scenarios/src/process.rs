//! A player in another language, in a process of its own.

use std::ffi::OsString;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::failure::answer;
use crate::{Failure, Player, Shown};

/// A program that speaks the protocol of the README on its standard input and output. It is killed when this is
/// dropped before [`finish`](Self::finish).
#[derive(Debug)]
pub struct ProcessPlayer {
    child: Child,
    requests: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Done {
    ok: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Called {
    status: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rest {
    deliveries: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unable {
    error: String,
}

/// How long an ended program may take to have ended.
const ENDING: Duration = Duration::from_secs(1);

impl ProcessPlayer {
    /// Starts a program with its arguments; its standard error is this process's.
    ///
    /// # Errors
    /// It cannot be started.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn start(program: &[OsString]) -> Result<Self, Failure> {
        let [program, arguments @ ..] = program else {
            return Err(Failure::broken("there is no program to start"));
        };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let fails =
            |text: String| Failure::broken(text).at(format_args!("cannot start {}", program.display()));
        let mut child = command.spawn().map_err(|error| fails(error.to_string()))?;
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(fails("it has no pipes".to_owned()));
        };
        Ok(Self { child, requests, answers: BufReader::new(answers).lines() })
    }

    /// Closes the program's input, and waits until it has ended.
    ///
    /// # Errors
    /// It does not end in time, or with another status than 0.
    pub async fn finish(self, deadline: Duration) -> Result<(), Failure> {
        let Self { mut child, requests, .. } = self;
        drop(requests);
        let ended = async { child.wait().await.map_err(|error| Failure::broken(error.to_string())) };
        let status = answer(deadline, ended).await.map_err(|failure| failure.at("the end of its input"))?;
        match status.success() {
            true => Ok(()),
            false => Err(Failure::broken(format!("the player ended with {status}"))),
        }
    }

    async fn ask<T: DeserializeOwned>(&mut self, request: &Value) -> Result<T, Failure> {
        // Without what it bears: the token, the password.
        let asked = &request["do"];
        let line = format!("{request}\n");
        let answer = match self.requests.write_all(line.as_bytes()).await {
            Ok(()) => self.answers.next_line().await,
            // It has ended.
            Err(_) => Ok(None),
        };
        let line = match answer {
            Ok(Some(line)) => line,
            Ok(None) => return Err(self.ended().await),
            Err(error) => return Err(Failure::broken(format!("the player wrote nonsense: {error}"))),
        };
        let nonsense = || Failure::broken(format!("the player answered {asked} with {line:?}"));
        let value: Value = serde_json::from_str(&line).map_err(|_| nonsense())?;
        if let Ok(Unable { error }) = Unable::deserialize(&value) {
            return Err(Failure::new(format!("the player cannot: {error}")));
        }
        T::deserialize(value).map_err(|_| nonsense())
    }

    async fn ended(&mut self) -> Failure {
        Failure::broken(match tokio::time::timeout(ENDING, self.child.wait()).await {
            Ok(Ok(status)) => format!("the player ended with {status}"),
            _ => "the player closed its standard output".to_owned(),
        })
    }

    async fn done(&mut self, request: &Value) -> Result<(), Failure> {
        match self.ask(request).await? {
            Done { ok: true } => Ok(()),
            Done { ok: false } => {
                Err(Failure::broken(format!("the player answered {} with false", request["do"])))
            }
        }
    }
}

impl Player for ProcessPlayer {
    async fn begin(&mut self, options: &Value, token: Option<&str>) -> Result<(), Failure> {
        self.done(&json!({ "do": "new", "options": options, "token": token })).await
    }

    async fn call(
        &mut self,
        name: &str,
        arguments: &Map<String, Value>,
        number: u64,
    ) -> Result<String, Failure> {
        let request = json!({ "do": "call", "name": name, "arguments": arguments, "number": number });
        self.ask(&request).await.map(|Called { status }| status)
    }

    async fn next(&mut self) -> Result<Value, Failure> {
        let seen: Map<String, Value> = self.ask(&json!({ "do": "next" })).await?;
        Ok(seen.into())
    }

    async fn rest(&mut self) -> Result<Vec<Value>, Failure> {
        self.ask(&json!({ "do": "rest" })).await.map(|Rest { deliveries }| deliveries)
    }

    async fn shown(&mut self) -> Result<Shown, Failure> {
        self.ask(&json!({ "do": "shown" })).await
    }

    async fn end(&mut self) -> Result<(), Failure> {
        self.done(&json!({ "do": "end" })).await
    }
}
