//! Plays `tests/scenarios` against the embedded server, a real Prosody and a real ejabberd. See the README there.

mod common;

use common::player::RustPlayer;
use jitsimeet_testscenarios::{DEADLINE, Place, Scenarios};

async fn play_all(place: Place) {
    let scenarios = Scenarios::read().and_then(|all| all.at(&[place])).expect("the scenarios");
    let all =
        scenarios.play(place, &mut RustPlayer::default(), DEADLINE).await.expect("a player that answers");
    assert!(all, "not every scenario was played to its end");
}

#[tokio::test]
async fn on_the_embedded_server() {
    play_all(Place::Embedded).await;
}

#[tokio::test]
async fn on_prosody() {
    play_all(Place::Prosody).await;
}

#[tokio::test]
async fn on_ejabberd() {
    play_all(Place::Ejabberd).await;
}
