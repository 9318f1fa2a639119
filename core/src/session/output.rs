//! What goes in at the beginning of a session, and what comes out of it.

use std::time::Duration;

use super::attach::Attachment;
use super::credentials::{Credentials, Known};
use super::features::Features;
use super::http::{HttpPurpose, HttpRequest};
use super::room::RoomOutput;
use super::scram::Derivation;
use super::token::WallClock;
use crate::conference::ConferenceId;
use crate::times::Milestone;
use crate::{CompletionResult, Event, Failure, IceServer, Properties, Stanza};

/// Names a call that waits for its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CallId(pub u64);

/// What the driver gives a session to be unpredictable with.
pub(crate) struct Entropy {
    /// For delays and names.
    pub seed: u64,
    /// For the nonces of SCRAM: a secret.
    pub nonces: [u8; 32],
}

/// What the session wants done. It holds secrets, so it can be shown in tests only.
#[derive(PartialEq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) enum Output {
    /// Open a transport, with these in the query of its URL, and report with `handle_opened` or
    /// `handle_transport_error`. The one before is closed, unless it is parked.
    Open {
        room: Option<String>,
        token: Option<String>,
        previd: Option<String>,
        /// The session that the transport is to take over.
        attachment: Option<Attachment>,
    },
    /// Give the transport up, at once.
    Drop,
    /// Keep the open transport aside, unread, until `Unpark` or the next `Drop` of it.
    Park,
    /// Go on with the transport that was parked, in place of the one of the moment.
    Unpark,
    /// The session does not go on with this token, but with the one from before.
    TokenRefused(Option<String>),
    /// Close the transport that was parked.
    DropParked,
    /// Send a frame. Frames between two polls that return `None` belong in one write.
    Send(String),
    /// Derive a key from the password, away from the event path, and report with `handle_derived`.
    Derive(Derivation),
    /// What the process should remember of this server.
    Learned(Known),
    /// A moment to note.
    Reached(Milestone),
    /// Make a request over HTTP, and report with `handle_http`; one under way for the same purpose is given up.
    Request(HttpPurpose, HttpRequest),
    /// What the focus calls our session with it, for the next attempt.
    ConferenceSession(Option<String>),
    /// What the server has told of itself.
    Discovered(Box<(Properties, Vec<IceServer>)>),
    /// Something to tell the listeners that changes nothing else.
    Event(Event),
    /// The session is established under this JID.
    Established { jid: String, resumed: bool, reconnected: bool, round_trips: u32 },
    /// The transport is lost, and recovery is under way.
    Interrupted(Box<Failure>),
    /// The session goes on over a new transport.
    Resumed { attempts: u32, downtime: Duration, resent: usize },
    /// What a room says.
    Room(ConferenceId, RoomOutput),
    /// A stanza came; only while someone listens.
    Stanza(Box<Stanza>),
    /// A call has its outcome.
    Completed(CallId, CompletionResult),
    /// The session is over and the transport is to be closed; nothing follows. A call that is still `refreshing` has
    /// the outcome of the session.
    Ended(Ending),
}

/// How a session ended.
#[derive(Debug, PartialEq)]
pub(crate) enum Ending {
    Failed(Box<Failure>),
    Disconnected,
    /// The conference is served elsewhere.
    Redirected {
        vnode: String,
        focus_jid: String,
    },
}

/// What an attempt begins with.
pub(crate) struct Start {
    pub credentials: Credentials,
    pub token: Option<String>,
    pub room: Option<String>,
    /// The session to take over, in place of a login.
    pub attachment: Option<Attachment>,
    pub features: Features,
    pub machine_uid: String,
    pub conference_session: Option<String>,
    pub known: Known,
    pub entropy: Entropy,
    pub wall: WallClock,
}

impl Entropy {
    /// From the system's generator.
    pub(crate) fn fresh() -> Self {
        let mut bytes = [0; 40];
        ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes)
            .expect("the system's random generator works");
        let (mut nonces, mut seed) = ([0; 32], [0; 8]);
        nonces.copy_from_slice(&bytes[..32]);
        seed.copy_from_slice(&bytes[32..]);
        Self { seed: u64::from_ne_bytes(seed), nonces }
    }
}
