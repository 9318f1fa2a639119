//! Plays `tests/scenarios` with a program in C, which takes what comes from a queue: on every server under the
//! sanitizers, and on the embedded one under valgrind too.

mod common;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use common::{Language, Linkage, SANITIZERS, VALGRIND, compile, have};
use jitsimeet_testscenarios::{DEADLINE, Place, ProcessPlayer, Scenarios};

fn player(program: &str, flags: &[&str]) -> Option<PathBuf> {
    let flags: Vec<_> = flags.iter().copied().chain(["-lcjson"]).collect();
    common::have_library("libcjson")
        .then(|| compile("tests/c/scenarios.c", program, Language::C11, Linkage::Static, &flags))?
}

async fn play_all(place: Place, program: Vec<OsString>, deadline: Duration) {
    let scenarios = Scenarios::read().and_then(|all| all.at(&[place])).expect("the scenarios");
    let mut player = ProcessPlayer::start(&program).expect("it starts");
    let all = scenarios.play(place, &mut player, deadline).await.expect("a player that answers");
    // What the sanitizers and valgrind find at the end is in its status.
    player.finish(deadline).await.expect("it ends well");
    assert!(all, "not every scenario was played to its end");
}

async fn sanitized(place: Place) {
    if let Some(program) = player(&format!("scenarios-{place}"), SANITIZERS) {
        play_all(place, vec![program.into()], DEADLINE).await;
    }
}

#[tokio::test]
async fn on_the_embedded_server_under_the_sanitizers() {
    sanitized(Place::Embedded).await;
}

#[tokio::test]
async fn on_prosody_under_the_sanitizers() {
    sanitized(Place::Prosody).await;
}

#[tokio::test]
async fn on_ejabberd_under_the_sanitizers() {
    sanitized(Place::Ejabberd).await;
}

/// Several times slower, and so is what it may take.
#[tokio::test]
async fn on_the_embedded_server_under_valgrind() {
    let Some(program) = player("scenarios-valgrind", &[]) else { return };
    if have("valgrind") {
        let mut command: Vec<OsString> = vec!["valgrind".into()];
        command.extend(VALGRIND.iter().map(OsString::from));
        let suppressions = common::crate_folder().join("tests/valgrind.supp");
        command.push(format!("--suppressions={}", suppressions.display()).into());
        command.push(program.into());
        play_all(Place::Embedded, command, DEADLINE * 4).await;
    }
}
