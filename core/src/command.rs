//! What a handle tells its driver, and how the outcome comes back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::conference::ConferenceId;
use crate::hub::{HubEnd, Item, Wake};
use crate::options::SendQueue;
use crate::session::{Features, RoomStart};
use crate::{Completed, CompletionResult, Error};

/// What a handle tells its driver.
pub(crate) enum Command {
    Disconnect(Completion),
    RefreshToken {
        token: String,
        completion: Completion,
    },
    SendStanza {
        xml: String,
        completion: Completion,
    },
    SendIq {
        id: String,
        to: Option<String>,
        xml: String,
        timeout: Duration,
        completion: Completion,
    },
    SetListening(bool),
    SetFeatures {
        features: Features,
        submit: bool,
    },
    Ping {
        timeout: Duration,
        completion: Completion,
    },
    RequestConference {
        room: String,
        completion: Completion,
    },
    JoinRoom {
        start: Box<RoomStart>,
        password: Option<Zeroizing<String>>,
        completion: Completion,
    },
    LeaveRoom {
        id: ConferenceId,
        reason: Option<String>,
        completion: Completion,
    },
    /// The last handle is gone: close in an orderly way, tell nobody.
    Abandon,
}

impl Command {
    /// The session has ended, or has more stanzas to take than it may hold. Of a command that would send one, `refusal`
    /// is the outcome.
    pub(crate) fn refuse(self, refusal: Error) -> Option<(Completion, CompletionResult)> {
        match self {
            Self::Disconnect(completion) | Self::LeaveRoom { completion, .. } => {
                Some((completion, Ok(Completed::Done)))
            }
            // The token is stored: the next attempt uses it.
            Self::RefreshToken { completion, .. } => Some((completion, Ok(Completed::Done))),
            Self::SendStanza { completion, .. }
            | Self::SendIq { completion, .. }
            | Self::Ping { completion, .. }
            | Self::RequestConference { completion, .. }
            | Self::JoinRoom { completion, .. } => Some((completion, Err(refusal))),
            Self::SetListening(_) | Self::SetFeatures { .. } | Self::Abandon => None,
        }
    }

    /// The length of the stanza that it sends at the caller's wish.
    const fn stanza(&self) -> Option<usize> {
        match self {
            Self::SendStanza { xml, .. } | Self::SendIq { xml, .. } => Some(xml.len()),
            // Made up by the session.
            Self::Ping { .. } | Self::RequestConference { .. } => Some(0),
            _ => None,
        }
    }
}

/// The stanzas in commands that the driver has not taken yet. They are unsent as those are that the session holds: what a
/// caller sends faster than the driver can take must not grow without end.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    stanzas: AtomicUsize,
    bytes: AtomicUsize,
}

impl Waiting {
    /// False if there is no room for the stanza of this command. Called by whoever holds the lock of the state.
    pub(crate) fn admit(&self, command: &Command, limits: SendQueue) -> bool {
        let Some(length) = command.stanza() else { return true };
        let full = self.stanzas.load(Ordering::Relaxed) >= limits.max_stanzas
            || self.bytes.load(Ordering::Relaxed) + length > limits.max_bytes;
        if !full {
            self.stanzas.fetch_add(1, Ordering::Relaxed);
            self.bytes.fetch_add(length, Ordering::Relaxed);
        }
        !full
    }

    /// The driver has taken this command.
    pub(crate) fn taken(&self, command: &Command) {
        if let Some(length) = command.stanza() {
            self.stanzas.fetch_sub(1, Ordering::Relaxed);
            self.bytes.fetch_sub(length, Ordering::Relaxed);
        }
    }
}

/// How the caller of an asynchronous call wants to hear of its outcome.
pub(crate) enum Completion {
    /// Through the hub, behind the event that caused it.
    Token(u64),
    /// As a future.
    Future(oneshot::Sender<CompletionResult>),
    /// Not at all.
    Unheard,
}

impl Completion {
    pub(crate) fn complete(self, hub: &HubEnd, result: CompletionResult) -> Option<Wake> {
        match self {
            Self::Token(token) => return Some(hub.push(Item::Completed { token, result })),
            // A caller that dropped its future no longer wants to know.
            Self::Future(sender) => drop(sender.send(result)),
            Self::Unheard => {}
        }
        None
    }
}
