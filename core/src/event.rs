//! What a connection tells its listeners.

use crate::{Error, Failure, closed_list::closed_list};

closed_list! {
    /// The kinds of events, with the strings of lib-jitsi-meet's `JitsiConnectionEvents`.
    pub enum EventKind {
        /// The session is established.
        ConnectionEstablished = 1 => "connection.connectionEstablished",
        /// The attempt failed or the session was lost.
        ConnectionFailed = 2 => "connection.connectionFailed",
        /// The connection was closed on request.
        ConnectionDisconnected = 3 => "connection.connectionDisconnected",
    }
}

/// An event of a connection. Events of one connection come in order, one at a time.
///
/// One attempt ends in exactly one of established, failed and disconnected.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// `connection.connectionEstablished`: the server has bound a resource.
    ConnectionEstablished {
        /// The resource of the JID, as lib-jitsi-meet passes it.
        id: String,
    },
    /// `connection.connectionFailed`: why, in full. The connection is idle again when this is delivered, so that
    /// `connect` may be called from the listener.
    ConnectionFailed(Box<Failure>),
    /// `connection.connectionDisconnected`: after `disconnect`, or `shutdown`.
    ConnectionDisconnected {
        /// What the server said on closing, if anything.
        message: Option<String>,
    },
}

impl Event {
    /// The kind of this event, which has its name and number.
    #[must_use]
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::ConnectionEstablished { .. } => EventKind::ConnectionEstablished,
            Self::ConnectionFailed(_) => EventKind::ConnectionFailed,
            Self::ConnectionDisconnected { .. } => EventKind::ConnectionDisconnected,
        }
    }
}

/// What an asynchronous call succeeded with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Completed {
    /// `disconnect`: nothing to say.
    Done,
    /// `connect`: the full JID that the server bound.
    Connected {
        /// The full JID.
        jid: String,
    },
}

/// The outcome of an asynchronous call.
pub type CompletionResult = Result<Completed, Error>;
