//! `JitsiConference`: a room of a connection, as lib-jitsi-meet has it, without media.

mod event;
mod handle;
mod info;
mod participant;
mod state;
mod talk;

pub use event::{ConferenceErrorType, ConferenceEvent, ConferenceFailure, ConferenceId, TextMessage};
pub use handle::{ConferenceOptions, JitsiConference};
pub use info::ConferenceInfo;
pub use participant::{Identity, Participant};
pub(crate) use state::Room;
