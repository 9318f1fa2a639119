//! A sample of the bytes against a real Prosody.

use std::cell::Cell;

use futures_util::future::join_all;
use jitsimeet_chaos::client::Broken;
use jitsimeet_chaos::scripts::Scene;
use jitsimeet_chaos::seed_of_a_test;
use jitsimeet_chaos::sweep::{Kind, Sample, sweep};
use jitsimeet_chaos::world::Site;

/// How many bytes of each scene.
const SAMPLE: usize = 10;

#[tokio::test]
async fn every_scene_survives_a_cut_at_any_byte() {
    let seed = seed_of_a_test();
    println!("CHAOS_SEED={seed}");
    join_all(Scene::ALL.map(|scene| swept(scene, seed))).await;
}

async fn swept(scene: Scene, seed: u64) {
    let installed = Cell::new(true);
    let site = async || {
        let site = Site::prosody().await;
        installed.set(site.is_some());
        site.ok_or_else(|| Broken("Prosody is not installed".to_owned()))
    };
    let swept = sweep(scene, Kind::Cut, Sample { stride: 1, seed }, SAMPLE, site).await;
    if !installed.get() {
        return;
    }
    let swept = swept.unwrap();
    println!("{scene:?}: {}", swept.summary());
    assert!(swept.broken.is_empty(), "{:#?}", swept.broken);
    assert_eq!(swept.places, SAMPLE);
}
