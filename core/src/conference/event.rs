//! What a conference tells its listeners.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::closed_list::closed_list;
use crate::{EventKind, Participant};

closed_list! {
    /// Why a conference failed, with the strings of lib-jitsi-meet's `JitsiConferenceErrors`: those that signalling
    /// can raise.
    ///
    /// ```
    /// assert_eq!(jitsimeet::ConferenceErrorType::PasswordRequired.as_str(), "conference.passwordRequired");
    /// ```
    pub enum ConferenceErrorType {
        /// The room has a password, and none or another one was given.
        PasswordRequired = 1 => "conference.passwordRequired",
        /// Only members may join; others wait in the lobby, where there is one.
        MembersOnlyError = 2 => "conference.connectionError.membersOnly",
        /// The room does not let this client in.
        NotAllowedError = 3 => "conference.connectionError.notAllowed",
        /// The room is full.
        ConferenceMaxUsers = 4 => "conference.max_users",
        /// Only who has logged in may create the room.
        AuthenticationRequired = 5 => "conference.authenticationRequired",
        /// The room lets nobody join without a display name.
        DisplayNameRequired = 6 => "conference.display_name_required",
        /// The room was destroyed.
        ConferenceDestroyed = 7 => "conference.destroyed",
        /// The focus has left the room.
        FocusLeft = 8 => "conference.focusLeft",
        /// The focus could not be asked to serve the room.
        FocusDisconnected = 9 => "conference.focusDisconnected",
        /// The room is not reserved, or reserved for others.
        ReservationError = 10 => "conference.reservationError",
        /// The room could not be joined, or its session was lost.
        ConnectionError = 11 => "conference.connectionError",
        /// The focus has no bridge for the media of the conference.
        VideobridgeNotAvailable = 12 => "conference.videobridgeNotAvailable",
        /// A message could not be delivered.
        ChatError = 13 => "conference.chatError",
    }
}

/// Why a conference failed: the arguments of `conference.failed` and `conference.error`.
///
/// ```
/// use jitsimeet::{ConferenceErrorType, ConferenceFailure};
///
/// let ask = |failure: &ConferenceFailure| failure.error_type == ConferenceErrorType::PasswordRequired;
/// # let _ = ask;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConferenceFailure {
    /// The class of the failure, as lib-jitsi-meet reports it.
    pub error_type: ConferenceErrorType,
    /// A sentence a person can act on.
    pub message: String,
    /// The condition of RFC 6120, section 8.3.3 that the room named, or Jitsi's own.
    pub condition: Option<String>,
    /// The human-readable text that the room sent.
    pub server_text: Option<String>,
    /// The room to go to instead: the lobby of a room for members, or what replaces a room that was destroyed.
    pub room: Option<String>,
    /// A room for members waits for its host.
    pub waiting_for_host: bool,
}

impl ConferenceFailure {
    pub(crate) fn new(error_type: ConferenceErrorType, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { error_type, message, condition: None, server_text: None, room: None, waiting_for_host: false }
    }
}

impl fmt::Display for ConferenceFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_type, self.message)
    }
}

/// Names a conference of a connection: [`JitsiConference::id`](crate::JitsiConference::id).
///
/// ```
/// let of_interest: Vec<jitsimeet::ConferenceId> = vec![1, 2];
/// assert!(of_interest.contains(&1));
/// ```
pub type ConferenceId = u64;

/// A text that somebody has sent: the arguments of `conference.messageReceived`, and of
/// `conference.privateMessageReceived`.
///
/// ```
/// let is_ping = |message: &jitsimeet::TextMessage| message.text.trim() == "!ping";
/// # let _ = is_ping;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextMessage {
    /// Who sent it. Of a private message of a visitor it is the JID that they are known by.
    pub id: String,
    /// The text.
    pub text: String,
    /// When it was sent, if that was before now: of a message from the history of the room (XEP-0203).
    pub timestamp: Option<String>,
    /// The name that came with it: of a visitor, or of somebody outside.
    pub display_name: Option<String>,
    /// A visitor sent it.
    pub is_visitor: bool,
    /// The id of the message, for reactions, replies and retractions.
    pub message_id: Option<String>,
    /// Where it came from, if from outside.
    pub source: Option<String>,
    /// The message that it replies to (XEP-0461).
    pub reply_to_id: Option<String>,
}

/// An event of a conference, with the arguments of lib-jitsi-meet's.
///
/// ```
/// use jitsimeet::{ConferenceEvent, EventKind};
///
/// assert_eq!(ConferenceEvent::Joined.kind(), EventKind::ConferenceJoined);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConferenceEvent {
    /// `conference.join_in_progress`: the room has begun to tell who is in it.
    JoinInProgress,
    /// `conference.joined`. Again after each time that the conference was joined anew.
    Joined,
    /// `conference.left`: this client is out of the room.
    Left,
    /// `conference.failed`.
    Failed(Box<ConferenceFailure>),
    /// `conference.error`: something went wrong, and the conference goes on.
    Error(Box<ConferenceFailure>),
    /// `conference.unique_id_set`: the id of the meeting.
    UniqueIdSet {
        /// The id.
        meeting_id: String,
    },
    /// `conference.createdTimestamp`: when the conference began.
    CreatedTimestamp {
        /// In milliseconds since 1970, as the room has written it.
        timestamp: String,
    },
    /// `conference.userJoined`.
    UserJoined(Arc<Participant>),
    /// `conference.userLeft`.
    UserLeft {
        /// As they were last.
        participant: Arc<Participant>,
        /// The text that they left with.
        reason: Option<String>,
    },
    /// `conference.roleChanged`: of a participant, or of this client.
    RoleChanged {
        /// Whose.
        id: String,
        /// The new role.
        role: String,
    },
    /// `conference.displayNameChanged`.
    DisplayNameChanged {
        /// Whose.
        id: String,
        /// The new name.
        display_name: Option<String>,
    },
    /// `conference.statusChanged`.
    StatusChanged {
        /// Whose.
        id: String,
        /// The new text.
        status: Option<String>,
    },
    /// `conference.participant_property_changed`.
    ParticipantPropertyChanged {
        /// Whose, with the new value.
        participant: Arc<Participant>,
        /// The property.
        name: String,
        /// Its value before.
        old: Option<String>,
        /// Its value now.
        new: String,
    },
    /// `conference.partcipant_features_changed`, spelt as lib-jitsi-meet spells it.
    PartcipantFeaturesChanged(Arc<Participant>),
    /// `conference.bot_type_changed`.
    BotTypeChanged {
        /// Whose.
        id: String,
        /// The new kind.
        bot_type: Option<String>,
    },
    /// `conference.silentStatusChanged`.
    SilentStatusChanged {
        /// Whose.
        id: String,
        /// Whether they are there without audio.
        silent: bool,
    },
    /// `conference.kicked`: this client was kicked out.
    Kicked {
        /// The id of who did it.
        actor: Option<String>,
        /// Why.
        reason: Option<String>,
        /// By the server, to make room for another client with the same token.
        replaced: bool,
    },
    /// `conference.participant_kicked`.
    ParticipantKicked {
        /// The id of who did it.
        actor: Option<String>,
        /// Who was kicked.
        kicked: Arc<Participant>,
        /// Why.
        reason: Option<String>,
    },
    /// `conference.propertiesChanged`: what the focus says of the conference.
    PropertiesChanged {
        /// All of it.
        properties: BTreeMap<String, String>,
    },
    /// `conference.messageReceived`. What this client sends comes back as well.
    MessageReceived(Box<TextMessage>),
    /// `conference.privateMessageReceived`.
    PrivateMessageReceived(Box<TextMessage>),
    /// `conference.reactionReceived`.
    ReactionReceived {
        /// Whose.
        id: String,
        /// The emojis.
        reactions: Vec<String>,
        /// The message that they are for.
        message_id: String,
    },
    /// `conference.messageRetracted` (XEP-0424).
    MessageRetracted {
        /// By whom.
        id: String,
        /// The message that is to be forgotten.
        message_id: String,
    },
    /// `conference.endpoint_message_received`: a JSON message of a participant.
    EndpointMessageReceived {
        /// Whose.
        participant: Arc<Participant>,
        /// The JSON text of an object with `type`.
        payload: String,
    },
    /// `conference.non_participant_message_received`: a JSON message of somebody who is no participant.
    NonParticipantMessageReceived {
        /// The last part of the sender's JID.
        id: String,
        /// The JSON text of an object with `type`.
        payload: String,
    },
    /// `conference.subjectChanged`.
    SubjectChanged {
        /// The subject.
        subject: String,
    },
    /// `conference.lock_state_changed`: whether the room has a password.
    LockStateChanged {
        /// Whether it has.
        locked: bool,
    },
    /// `conference.membersOnlyChanged`.
    MembersOnlyChanged {
        /// Whether only members may join.
        members_only: bool,
    },
    /// `conference.visitorsSupported`.
    VisitorsSupportedChanged {
        /// Whether there may be visitors.
        supported: bool,
    },
}

impl ConferenceEvent {
    /// The kind of this event, which has its name and number.
    ///
    /// ```
    /// assert_eq!(jitsimeet::ConferenceEvent::Left.kind().as_str(), "conference.left");
    /// ```
    #[must_use]
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::JoinInProgress => EventKind::ConferenceJoinInProgress,
            Self::Joined => EventKind::ConferenceJoined,
            Self::Left => EventKind::ConferenceLeft,
            Self::Failed(_) => EventKind::ConferenceFailed,
            Self::Error(_) => EventKind::ConferenceError,
            Self::UniqueIdSet { .. } => EventKind::ConferenceUniqueIdSet,
            Self::CreatedTimestamp { .. } => EventKind::ConferenceCreatedTimestamp,
            Self::UserJoined(_) => EventKind::UserJoined,
            Self::UserLeft { .. } => EventKind::UserLeft,
            Self::RoleChanged { .. } => EventKind::UserRoleChanged,
            Self::DisplayNameChanged { .. } => EventKind::DisplayNameChanged,
            Self::StatusChanged { .. } => EventKind::UserStatusChanged,
            Self::ParticipantPropertyChanged { .. } => EventKind::ParticipantPropertyChanged,
            Self::PartcipantFeaturesChanged(_) => EventKind::PartcipantFeaturesChanged,
            Self::BotTypeChanged { .. } => EventKind::BotTypeChanged,
            Self::SilentStatusChanged { .. } => EventKind::SilentStatusChanged,
            Self::Kicked { .. } => EventKind::Kicked,
            Self::ParticipantKicked { .. } => EventKind::ParticipantKicked,
            Self::PropertiesChanged { .. } => EventKind::PropertiesChanged,
            Self::MessageReceived(_) => EventKind::MessageReceived,
            Self::PrivateMessageReceived(_) => EventKind::PrivateMessageReceived,
            Self::ReactionReceived { .. } => EventKind::ReactionReceived,
            Self::MessageRetracted { .. } => EventKind::MessageRetracted,
            Self::EndpointMessageReceived { .. } => EventKind::EndpointMessageReceived,
            Self::NonParticipantMessageReceived { .. } => EventKind::NonParticipantMessageReceived,
            Self::SubjectChanged { .. } => EventKind::SubjectChanged,
            Self::LockStateChanged { .. } => EventKind::LockStateChanged,
            Self::MembersOnlyChanged { .. } => EventKind::MembersOnlyChanged,
            Self::VisitorsSupportedChanged { .. } => EventKind::VisitorsSupportedChanged,
        }
    }
}
