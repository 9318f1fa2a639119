//! What a handle tells its driver, and how the outcome comes back.

use std::time::Duration;

use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::conference::ConferenceId;
use crate::hub::{HubEnd, Item, Wake};
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
    /// The command comes too late: the session has ended.
    pub(crate) fn refuse(self) -> Option<(Completion, CompletionResult)> {
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
            | Self::JoinRoom { completion, .. } => Some((completion, Err(Error::NotConnected))),
            Self::SetListening(_) | Self::SetFeatures { .. } | Self::Abandon => None,
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
