//! Plays the scenarios of this folder, which say what every binding does the same, with a client of any language: a
//! [`Player`]. The servers, the proxy in front of them and the comparison of what comes with what should come are here,
//! once. See the README beside this crate.
#![forbid(unsafe_code)]

mod failure;
mod host;
mod play;
mod player;
mod prebind;
mod process;
mod scenario;
mod secrets;

use std::time::Duration;

pub use failure::Failure;
pub use play::Scenarios;
pub use player::Player;
pub use process::ProcessPlayer;
pub use scenario::Place;
pub use secrets::Shown;

/// How long a player may take for an answer, and a server for an order, if nothing else is said.
pub const DEADLINE: Duration = Duration::from_secs(30);
