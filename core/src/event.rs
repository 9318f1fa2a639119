//! What a connection tells its listeners.

use std::borrow::Cow;
use std::ops::Range;
use std::time::Duration;

use crate::frame::Frame;
use crate::xml::Head;
use crate::{Code, Conference, ConferenceEvent, ConferenceId, Error, Failure, closed_list::closed_list};

closed_list! {
    /// The kinds of events, with the strings of lib-jitsi-meet's `JitsiConnectionEvents` and `JitsiConferenceEvents`.
    ///
    /// ```
    /// assert_eq!(jitsimeet::EventKind::Interrupted.as_str(), "connection.interrupted");
    /// ```
    pub enum EventKind {
        /// The session is established.
        ConnectionEstablished = 1 => "connection.connectionEstablished",
        /// The attempt failed or the session was lost.
        ConnectionFailed = 2 => "connection.connectionFailed",
        /// The connection was closed on request.
        ConnectionDisconnected = 3 => "connection.connectionDisconnected",
        /// The transport is lost; the session is being resumed, or a fresh one set up.
        Interrupted = 4 => "connection.interrupted",
        /// The session goes on over a new transport.
        Resumed = 5 => "connection.resumed",
        /// A stanza came.
        StanzaReceived = 6 => "connection.stanzaReceived",
        /// The conference has moved to another server.
        Redirected = 7 => "connection.redirected",
        /// The token has expired: the session is resumed with the next one.
        TokenExpired = 8 => "connection.token_expired",
        /// The deployment wants a display name of everyone.
        DisplayNameRequired = 9 => "connection.display_name_required",
        /// The deployment has told what it is.
        PropertiesUpdated = 10 => "connection.propertiesUpdated",
        /// A room has begun to tell who is in it.
        ConferenceJoinInProgress = 101 => "conference.join_in_progress",
        /// A conference is joined.
        ConferenceJoined = 102 => "conference.joined",
        /// This client is out of a conference.
        ConferenceLeft = 103 => "conference.left",
        /// A conference failed.
        ConferenceFailed = 104 => "conference.failed",
        /// Something went wrong in a conference that goes on.
        ConferenceError = 105 => "conference.error",
        /// The id of the meeting is known.
        ConferenceUniqueIdSet = 106 => "conference.unique_id_set",
        /// It is known when the conference began.
        ConferenceCreatedTimestamp = 107 => "conference.createdTimestamp",
        /// Somebody came.
        UserJoined = 108 => "conference.userJoined",
        /// Somebody went.
        UserLeft = 109 => "conference.userLeft",
        /// Somebody has another role.
        UserRoleChanged = 110 => "conference.roleChanged",
        /// Somebody has another name.
        DisplayNameChanged = 111 => "conference.displayNameChanged",
        /// Somebody has another status.
        UserStatusChanged = 112 => "conference.statusChanged",
        /// Somebody has changed a property.
        ParticipantPropertyChanged = 113 => "conference.participant_property_changed",
        /// Somebody has other features.
        PartcipantFeaturesChanged = 114 => "conference.partcipant_features_changed",
        /// Somebody is another kind of bot.
        BotTypeChanged = 115 => "conference.bot_type_changed",
        /// Somebody is with or without audio.
        SilentStatusChanged = 116 => "conference.silentStatusChanged",
        /// This client was kicked.
        Kicked = 117 => "conference.kicked",
        /// Somebody was kicked.
        ParticipantKicked = 118 => "conference.participant_kicked",
        /// The focus says something else of the conference.
        PropertiesChanged = 119 => "conference.propertiesChanged",
        /// Somebody said something.
        MessageReceived = 120 => "conference.messageReceived",
        /// Somebody said something to this client alone.
        PrivateMessageReceived = 121 => "conference.privateMessageReceived",
        /// Somebody reacted to a message.
        ReactionReceived = 122 => "conference.reactionReceived",
        /// Somebody took a message back.
        MessageRetracted = 123 => "conference.messageRetracted",
        /// A JSON message of a participant.
        EndpointMessageReceived = 124 => "conference.endpoint_message_received",
        /// A JSON message of somebody else.
        NonParticipantMessageReceived = 125 => "conference.non_participant_message_received",
        /// The subject is another one.
        SubjectChanged = 126 => "conference.subjectChanged",
        /// The room has a password, or has none any more.
        LockStateChanged = 127 => "conference.lock_state_changed",
        /// The room is for members only, or is not any more.
        MembersOnlyChanged = 128 => "conference.membersOnlyChanged",
        /// There may be visitors, or may not any more.
        VisitorsSupportedChanged = 129 => "conference.visitorsSupported",
    }
}

impl EventKind {
    /// Whether it is of a conference, and not of a connection.
    ///
    /// ```
    /// use jitsimeet::EventKind;
    ///
    /// assert!(EventKind::UserJoined.is_conference());
    /// assert!(!EventKind::Interrupted.is_conference());
    /// ```
    #[must_use]
    pub const fn is_conference(self) -> bool {
        self.as_i32() > 100
    }
}

/// An event of a connection. Events of one connection come in order, one at a time.
///
/// One attempt ends in exactly one of established, failed, disconnected and redirected.
///
/// ```
/// use jitsimeet::{Event, EventKind};
///
/// let event = Event::ConnectionDisconnected { message: None };
/// assert_eq!(event.kind(), EventKind::ConnectionDisconnected);
/// assert_eq!(event.kind().as_str(), "connection.connectionDisconnected");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// `connection.connectionEstablished`: the server has bound a resource.
    ConnectionEstablished {
        /// The resource of the JID, as lib-jitsi-meet passes it.
        id: String,
        /// The session of before goes on (XEP-0198).
        resumed: bool,
        /// It is a fresh session after a lost one.
        reconnected: bool,
    },
    /// `connection.connectionFailed`: why, in full. The connection is idle again when this is delivered, so that
    /// `connect` may be called from the listener.
    ConnectionFailed(Box<Failure>),
    /// `connection.connectionDisconnected`: after `disconnect`, or `shutdown`.
    ConnectionDisconnected {
        /// What the server said on closing, if anything.
        message: Option<String>,
    },
    /// `connection.interrupted`: the transport is lost, and recovery is under way.
    Interrupted {
        /// Why the transport was lost, or why the last attempt failed.
        code: Code,
        /// The same, as a sentence.
        message: String,
    },
    /// `connection.resumed`: comes before its `connection.connectionEstablished`.
    Resumed {
        /// How many attempts it took.
        attempts: u32,
        /// How long the session was without a transport.
        downtime: Duration,
        /// How many of the caller's stanzas were sent again.
        resent: usize,
    },
    /// `connection.stanzaReceived`: a stanza as it came. Only while stanzas are listened for.
    StanzaReceived(Box<Stanza>),
    /// `connection.redirected`: the conference of the conference request is served elsewhere. It ends an attempt that
    /// sent its request before it connected; a session that sends one goes on.
    Redirected {
        /// The visitor node, by which the deployment finds the other server.
        vnode: String,
        /// The JID of the conference's focus there.
        focus_jid: String,
    },
    /// `connection.token_expired`: the session is to be resumed and its token has expired. It waits for
    /// [`refresh_token`](crate::JitsiConnection::refresh_token), for as long as the server keeps it.
    TokenExpired,
    /// `connection.display_name_required`: the deployment lets nobody join without a display name.
    DisplayNameRequired,
    /// `connection.propertiesUpdated`: what the deployment says of itself.
    PropertiesUpdated {
        /// The shard that serves this client.
        shard: Option<String>,
        /// The region that it is in.
        region: Option<String>,
    },
    /// An event of this conference of the connection, by its [`id`](crate::JitsiConference::id).
    Conference(ConferenceId, Box<ConferenceEvent>),
}

impl Event {
    /// The kind of this event, which has its name and number.
    ///
    /// ```
    /// use jitsimeet::{Event, EventKind};
    ///
    /// assert_eq!(Event::TokenExpired.kind(), EventKind::TokenExpired);
    /// ```
    #[must_use]
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::ConnectionEstablished { .. } => EventKind::ConnectionEstablished,
            Self::ConnectionFailed(_) => EventKind::ConnectionFailed,
            Self::ConnectionDisconnected { .. } => EventKind::ConnectionDisconnected,
            Self::Interrupted { .. } => EventKind::Interrupted,
            Self::Resumed { .. } => EventKind::Resumed,
            Self::StanzaReceived(_) => EventKind::StanzaReceived,
            Self::Redirected { .. } => EventKind::Redirected,
            Self::TokenExpired => EventKind::TokenExpired,
            Self::DisplayNameRequired => EventKind::DisplayNameRequired,
            Self::PropertiesUpdated { .. } => EventKind::PropertiesUpdated,
            Self::Conference(_, event) => event.kind(),
        }
    }
}

/// A stanza as it came (RFC 6120, section 8). Cheap to clone: the clones share the text.
///
/// ```
#[doc = include_str!("../doc/connected.txt")]
#[doc = include_str!("../doc/stanza.txt")]
/// assert_eq!((stanza.name(), stanza.kind()), ("message", Some("groupchat")));
/// assert!(stanza.xml().starts_with("<message "));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stanza {
    frame: Frame,
    name: &'static str,
    from: Option<Span>,
    to: Option<Span>,
    kind: Option<Span>,
    id: Option<Span>,
}

/// The value of an attribute: a part of the frame, unless it holds references, which are rare.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Span {
    Within { start: u32, end: u32 },
    Resolved(Box<str>),
}

impl Stanza {
    #[cfg(test)]
    pub(crate) fn new(xml: &str, name: &'static str) -> Self {
        Self { frame: xml.into(), name, from: None, to: None, kind: None, id: None }
    }

    /// From a frame and what it begins with; `None` if it is no stanza.
    pub(crate) fn from_head(head: &Head<'_>, frame: &Frame) -> Option<Self> {
        let name = ["message", "presence", "iq"].into_iter().find(|name| *name == head.name)?;
        let span = |name| {
            head.attribute(name).map(|attribute| match attribute.value() {
                Cow::Owned(text) => Span::Resolved(text.into()),
                Cow::Borrowed(_) => {
                    let Range { start, end } = attribute.range(frame);
                    match (u32::try_from(start), u32::try_from(end)) {
                        (Ok(start), Ok(end)) => Span::Within { start, end },
                        _ => Span::Resolved(attribute.value().into()),
                    }
                }
            })
        };
        Some(Self {
            name,
            from: span("from"),
            to: span("to"),
            kind: span("type"),
            id: span("id"),
            frame: frame.clone(),
        })
    }

    fn text<'a>(&'a self, span: &'a Option<Span>) -> Option<&'a str> {
        match span.as_ref()? {
            Span::Within { start, end } => self.frame.get(*start as usize..*end as usize),
            Span::Resolved(text) => Some(text),
        }
    }

    /// The XML text, as it came.
    ///
    /// ```
    #[doc = include_str!("../doc/connected.txt")]
    #[doc = include_str!("../doc/stanza.txt")]
    /// assert!(stanza.xml().ends_with("<body>hello</body></message>"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn xml(&self) -> &str {
        &self.frame
    }

    /// `iq`, `message` or `presence`.
    ///
    /// ```
    #[doc = include_str!("../doc/connected.txt")]
    #[doc = include_str!("../doc/stanza.txt")]
    /// assert_eq!(stanza.name(), "message");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Who sent it; absent if it is the server, for this account.
    ///
    /// ```
    #[doc = include_str!("../doc/connected.txt")]
    #[doc = include_str!("../doc/stanza.txt")]
    /// assert_eq!(stanza.from(), Some("standup@conference.meet.example/alice"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn from(&self) -> Option<&str> {
        self.text(&self.from)
    }

    /// Whom it is for.
    ///
    /// ```
    #[doc = include_str!("../doc/connected.txt")]
    #[doc = include_str!("../doc/stanza.txt")]
    /// assert_eq!(stanza.to(), None);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn to(&self) -> Option<&str> {
        self.text(&self.to)
    }

    /// The attribute `type`.
    ///
    /// ```
    #[doc = include_str!("../doc/connected.txt")]
    #[doc = include_str!("../doc/stanza.txt")]
    /// assert_eq!(stanza.kind(), Some("groupchat"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.text(&self.kind)
    }

    /// The attribute `id`.
    ///
    /// ```
    #[doc = include_str!("../doc/connected.txt")]
    #[doc = include_str!("../doc/stanza.txt")]
    /// assert_eq!(stanza.id(), Some("7"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.text(&self.id)
    }
}

/// What an asynchronous call succeeded with.
///
/// ```
/// use std::time::Duration;
///
/// use jitsimeet::Completed;
///
/// let completed = Completed::Pong { round_trip: Duration::from_millis(20) };
/// let Completed::Pong { round_trip } = completed else { panic!("not of a ping: {completed:?}") };
/// assert_eq!(round_trip.as_millis(), 20);
/// ```
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
    /// `sendIq`: the answer as it came, a result or an error.
    Answer {
        /// The XML text of the answer.
        xml: String,
    },
    /// `ping`: the server is there.
    Pong {
        /// From the request to its answer.
        round_trip: Duration,
    },
    /// `sendConferenceRequest`: the conference can be joined.
    Conference(Box<Conference>),
}

/// The outcome of an asynchronous call.
///
/// ```
/// use jitsimeet::{Completed, CompletionResult, Error};
///
/// let tell = |result: CompletionResult| match result {
///     Ok(Completed::Connected { jid }) => format!("connected as {jid}"),
///     Ok(other) => format!("{other:?}"),
///     Err(error) => error.to_string(),
/// };
/// assert!(tell(Err(Error::NotConnected)).contains("no session"));
/// ```
pub type CompletionResult = Result<Completed, Error>;
