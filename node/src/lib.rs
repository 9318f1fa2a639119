//! The native half of the npm package `jitsimeet`. Private to its JavaScript in `lib/`, which owns the public surface:
//! this side translates values and nothing else.
//!
//! Every entry catches panics: one that escaped would abort the host process.

mod connection;
mod delivery;
mod error;
mod hub;
mod log;
pub mod testing;

use std::time::Duration;

use jitsimeet::{ErrorType, EventKind, Options, Status};
use napi::bindgen_prelude::AsyncTask;
use napi::{Env, Task};
use napi_derive::napi;

use error::{ErrorRecord, throw};

/// The version of the library.
#[napi]
pub const VERSION: &str = jitsimeet::VERSION;

/// An event's string.
#[napi]
pub const CONNECTION_ESTABLISHED: &str = EventKind::ConnectionEstablished.as_str();
/// An event's string.
#[napi]
pub const CONNECTION_FAILED: &str = EventKind::ConnectionFailed.as_str();
/// An event's string.
#[napi]
pub const CONNECTION_DISCONNECTED: &str = EventKind::ConnectionDisconnected.as_str();
/// An event's string.
#[napi]
pub const INTERRUPTED: &str = EventKind::Interrupted.as_str();
/// An event's string.
#[napi]
pub const RESUMED: &str = EventKind::Resumed.as_str();
/// An event's string.
#[napi]
pub const STANZA_RECEIVED: &str = EventKind::StanzaReceived.as_str();
/// An event's string.
#[napi]
pub const CONNECTION_REDIRECTED: &str = EventKind::Redirected.as_str();
/// An event's string.
#[napi]
pub const CONNECTION_TOKEN_EXPIRED: &str = EventKind::TokenExpired.as_str();
/// An event's string.
#[napi]
pub const DISPLAY_NAME_REQUIRED: &str = EventKind::DisplayNameRequired.as_str();
/// An event's string.
#[napi]
pub const PROPERTIES_UPDATED: &str = EventKind::PropertiesUpdated.as_str();

/// An error type's string.
#[napi]
pub const PASSWORD_REQUIRED: &str = ErrorType::PasswordRequired.as_str();
/// An error type's string.
#[napi]
pub const CONNECTION_DROPPED_ERROR: &str = ErrorType::DroppedError.as_str();
/// An error type's string.
#[napi]
pub const SERVER_ERROR: &str = ErrorType::ServerError.as_str();
/// An error type's string.
#[napi]
pub const OTHER_ERROR: &str = ErrorType::OtherError.as_str();
/// An error type's string.
#[napi]
pub const CONFERENCE_REQUEST_FAILED: &str = ErrorType::ConferenceRequestFailed.as_str();
/// An error type's string.
#[napi]
pub const NOT_LIVE_ERROR: &str = ErrorType::NotLiveError.as_str();
/// An error type's string.
#[napi]
pub const SHARD_CHANGED_ERROR: &str = ErrorType::ShardChangedError.as_str();

/// A status's string.
#[napi]
pub const INVALID_ARGUMENT: &str = Status::InvalidArgument.as_str();
/// A status's string.
#[napi]
pub const INVALID_OPTION: &str = Status::InvalidOption.as_str();

/// Sets what holds for the whole process, from options as JSON. Throws an `ErrorRecord`.
#[napi(catch_unwind)]
pub fn init(env: &Env, options: String) -> napi::Result<()> {
    Options::from_json(&options)
        .and_then(|options| jitsimeet::init(&options))
        .map_err(|error| throw(env, &error))
}

/// Tells all connections of the process whether the machine has a network.
#[napi(catch_unwind)]
pub fn set_network_info(is_online: bool) {
    jitsimeet::set_network_info(is_online);
}

/// Closes all connections of the process and joins its threads, off the event loop. Resolves with an `ErrorRecord`
/// if connections had to be cut off.
#[napi(catch_unwind, ts_return_type = "Promise<ErrorRecord | null>")]
pub fn shutdown(timeout_ms: u32) -> AsyncTask<Shutdown> {
    AsyncTask::new(Shutdown { timeout: Duration::from_millis(timeout_ms.into()) })
}

/// As `shutdown`, blocking: for the end of the process, when the event loop has stopped.
#[napi(catch_unwind)]
pub fn shutdown_at_exit(timeout_ms: u32) {
    // Nobody is left to be told of a connection that had to be cut off.
    let _ = jitsimeet::shutdown(Duration::from_millis(timeout_ms.into()));
}

/// The work of `shutdown`.
pub struct Shutdown {
    timeout: Duration,
}

impl Task for Shutdown {
    type Output = Option<ErrorRecord>;
    type JsValue = Option<ErrorRecord>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(jitsimeet::shutdown(self.timeout).err().as_ref().map(ErrorRecord::from))
    }

    fn resolve(&mut self, _env: Env, output: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(output)
    }
}
