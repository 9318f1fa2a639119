//! The signalling client of [Jitsi Meet](https://jitsi.org/jitsi-meet/) as a native library, for programs that are
//! not browsers: bots, load tests, recorders, monitors, moderators, bridges.
//!
//! The names, event strings and semantics are those of lib-jitsi-meet's `JitsiConnection`. See [`JitsiConnection`]
//! for how to begin.
//!
//! ```
//! let mut options = jitsimeet::Options::new();
//! options.set("serviceUrl", "wss://meet.example.org/xmpp-websocket")?;
//! options.set("hosts.domain", "meet.example.org")?;
//! let connection = jitsimeet::JitsiConnection::new(None, None, &options)?;
//! assert_eq!(connection.state(), jitsimeet::ConnectionState::Idle);
//! # Ok::<(), jitsimeet::Error>(())
//! ```
//!
//! # Threads
//! All connections of the process share one small runtime of their own, made on first use and ended by [`shutdown`].
//! Any executor can await the futures of this crate.
#![forbid(unsafe_code)]

mod attach;
mod closed_list;
mod command;
mod conference;
mod connect_options;
mod connection;
mod deployment;
mod driver;
mod error;
mod event;
mod events;
mod exchange;
mod frame;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod getters;
mod hub;
mod knowledge;
mod link;
mod logging;
mod logs;
pub mod options;
mod outgoing;
mod process;
mod runtime;
mod session;
mod shared;
mod statistics;
mod times;
mod transport;
mod xml;

pub use attach::AttachOptions;
pub use conference::{
    ConferenceErrorType, ConferenceEvent, ConferenceFailure, ConferenceId, ConferenceInfo, ConferenceOptions,
    Identity, JitsiConference, Participant, TextMessage,
};
pub use connect_options::ConnectOptions;
pub use connection::JitsiConnection;
pub use deployment::{Conference, IceServer, Properties};
pub use error::{Code, Error, ErrorType, Failure, Status};
pub use event::{Completed, CompletionResult, Event, EventKind, Stanza};
pub use events::Events;
pub use hub::{ConnectionId, Drained, EventHub, Item};
pub use logging::{LogLevel, LogRecord, close_log, drain_log, log_level, open_log, set_log_level};
pub use logs::{Direction, LogEntry, Logs};
pub use options::Options;
pub use process::{Owner, PerProcess};
pub use runtime::{init, set_network_info, shutdown};
pub use shared::ConnectionState;
pub use statistics::Statistics;
pub use times::{ConnectionTimes, Milestone};

/// The version of this library, as `major.minor.patch`.
///
/// ```
/// assert_eq!(jitsimeet::VERSION.split('.').count(), 3);
/// ```
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
