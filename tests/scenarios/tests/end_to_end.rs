//! The program plays every scenario with a player in another process, and what it says of them is true.
//!
//! The player is this program again, with the API of the crate under the protocol.

#[path = "../../../core/tests/common/player.rs"]
mod player;

use std::io::{self, Write as _};
use std::process::Command;

use jitsimeet_testscenarios::{Failure, Player as _, Scenarios};
use player::RustPlayer;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};

const PLAYER: &str = "--be-the-player";

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Request {
    New { options: Value, token: Option<String> },
    Call { name: String, arguments: Map<String, Value>, number: u64 },
    Next,
    Rest,
    Shown,
    End,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    if std::env::args().any(|argument| argument == PLAYER) {
        return serve().await;
    }
    let played = Command::new(env!("CARGO_BIN_EXE_jitsimeet-scenarios"))
        .args(["--place", "embedded", "--"])
        .arg(std::env::current_exe().expect("this program"))
        .arg(PLAYER)
        .output()
        .expect("the program");
    let told = String::from_utf8_lossy(&played.stdout);
    print!("{told}{}", String::from_utf8_lossy(&played.stderr));
    assert!(played.status.success(), "{}", played.status);

    let scenarios = Scenarios::read().expect("the scenarios");
    let embedded =
        scenarios.list().filter(|(_, places)| places.iter().any(|one| one.to_string() == "embedded"));
    let names: Vec<_> = embedded.map(|(name, _)| format!("embedded: {name}")).collect();
    let count = format!("embedded: {0} of {0} scenarios played", names.len());
    let expected: Vec<_> = names.iter().chain([&count]).map(String::as_str).collect();
    assert_eq!(told.lines().collect::<Vec<_>>(), expected);
}

async fn serve() {
    let mut player = RustPlayer::default();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await.expect("standard input") {
        let request = serde_json::from_str(&line).expect("a request");
        let answer = respond(&mut player, request).await;
        let answer = answer.unwrap_or_else(|failure| json!({ "error": failure.to_string() }));
        writeln!(io::stdout(), "{answer}").expect("standard output");
    }
}

async fn respond(player: &mut RustPlayer, request: Request) -> Result<Value, Failure> {
    let done = json!({ "ok": true });
    Ok(match request {
        Request::New { options, token } => {
            player.begin(&options, token.as_deref()).await?;
            done
        }
        Request::Call { name, arguments, number } => {
            json!({ "status": player.call(&name, &arguments, number).await? })
        }
        Request::Next => player.next().await?,
        Request::Rest => json!({ "deliveries": player.rest().await? }),
        Request::Shown => json!(player.shown().await?),
        Request::End => {
            player.end().await?;
            done
        }
    })
}
