//! Every scene, disturbed at a byte: at every so many, from one on that the seed chooses. `make chaos` takes them all.

use futures_util::future::join_all;
use jitsimeet_chaos::client::Broken;
use jitsimeet_chaos::scripts::Scene;
use jitsimeet_chaos::seed_of_a_test;
use jitsimeet_chaos::sweep::{Kind, Sample, bear, sweep};
use jitsimeet_chaos::world::{Site, World};
use jitsimeet_testproxy::Conditions;

async fn embedded() -> Result<Site, Broken> {
    Ok(Site::embedded().await?)
}

async fn swept(scene: Scene, kind: Kind, stride: u64) {
    let sample = Sample { stride, seed: seed_of_a_test() };
    println!("{scene:?}, {kind:?}: CHAOS_SEED={}", sample.seed);
    let swept = sweep(scene, kind, sample, usize::MAX, embedded).await.unwrap();
    println!("{}", swept.summary());
    assert!(swept.broken.is_empty(), "{} broken, the first: {}", swept.broken.len(), swept.broken[0]);
    // A disturbance that disturbs nothing proves nothing.
    assert!(swept.reached * 2 > swept.places, "{}", swept.summary());
}

#[tokio::test]
async fn a_guest_survives_a_cut_at_any_byte() {
    swept(Scene::Guest, Kind::Cut, 32).await;
}

#[tokio::test]
async fn an_account_survives_a_cut_at_any_byte() {
    swept(Scene::Account, Kind::Cut, 32).await;
}

#[tokio::test]
async fn a_resume_survives_a_cut_at_any_byte() {
    swept(Scene::Resume, Kind::Cut, 32).await;
}

#[tokio::test]
async fn a_new_token_survives_a_cut_at_any_byte() {
    swept(Scene::Refresh, Kind::Cut, 32).await;
}

#[tokio::test]
async fn bosh_survives_a_cut_at_any_byte() {
    swept(Scene::Bosh, Kind::Cut, 32).await;
}

#[tokio::test]
async fn a_connection_that_stalls_at_any_byte_is_left_for_another() {
    join_all(Scene::ALL.map(|scene| swept(scene, Kind::Stall, 256))).await;
}

#[tokio::test]
async fn a_changed_byte_has_a_named_outcome_and_no_other_effect() {
    join_all(Scene::ALL.map(|scene| swept(scene, Kind::Corrupt, 128))).await;
}

#[tokio::test]
async fn bytes_that_come_late_in_pieces_or_together_are_the_same_bytes() {
    let world = World::with_peer(embedded().await.unwrap()).await.unwrap();
    let none = Conditions::default();
    for conditions in [
        Conditions { split: Some(1), ..none },
        Conditions { split: Some(7), delay: 2, ..none },
        Conditions { merge: Some(5), ..none },
        Conditions { merge: Some(20), split: Some(100), ..none },
        Conditions { delay: 20, ..none },
    ] {
        let borne = join_all(Scene::ALL.map(|scene| bear(&world, scene, conditions))).await;
        assert!(borne.iter().all(Result::is_ok), "{borne:?}");
    }
    assert_eq!(world.violations(), [""; 0]);
}
