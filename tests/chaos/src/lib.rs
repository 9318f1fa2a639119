//! Chaos: what a network and a server can do to a client, at every byte and at random, and a model that checks all
//! that the client tells meanwhile.
//!
//! A [`script::Script`] is played against a [`world::World`]: a server, a peer at the other end, and a proxy in between.
//! The [`model::Model`] knows the rules of the library: events in legal order, one outcome for every call, every stanza
//! once and in order both ways where sessions are resumed. [`sweep`] disturbs one script at every byte in turn;
//! [`soak`] disturbs many clients at random for as long as one likes.
#![forbid(unsafe_code)]

pub mod client;
pub mod model;
pub mod plan;
pub mod resources;
pub mod script;
pub mod scripts;
pub mod soak;
pub mod sweep;
pub mod world;

/// The seed of a run: that of the variable `CHAOS_SEED`, to play a run again, or a new one. To be printed.
#[must_use]
pub fn seed() -> u64 {
    given().unwrap_or_else(|| fastrand::u64(..))
}

/// That of a test, which plays the same every time unless `CHAOS_SEED` says otherwise: what is new is found by the long
/// forms.
#[must_use]
pub fn seed_of_a_test() -> u64 {
    given().unwrap_or(198)
}

fn given() -> Option<u64> {
    std::env::var("CHAOS_SEED").ok().and_then(|seed| seed.parse().ok())
}
