//! What is known of a conference.

use std::collections::BTreeMap;

/// What is known of a conference beside who is in it: [`JitsiConference::info`](crate::JitsiConference::info).
///
/// ```
/// let guarded = |info: &jitsimeet::ConferenceInfo| info.locked || info.members_only;
/// assert!(!guarded(&jitsimeet::ConferenceInfo::default()));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConferenceInfo {
    /// This client is in the room.
    pub joined: bool,
    /// The role of this client: `moderator`, `participant`, `visitor`; empty before the room has said so.
    pub role: String,
    /// The subject, once there was one.
    pub subject: Option<String>,
    /// The room has a password.
    pub locked: bool,
    /// Only members may join.
    pub members_only: bool,
    /// The room in which others wait to be let in.
    pub lobby_room: Option<String>,
    /// The id of the meeting.
    pub meeting_id: Option<String>,
    /// When the conference began, in milliseconds since 1970, as the room has written it.
    pub created_timestamp: Option<String>,
    /// There may be visitors.
    pub visitors_supported: bool,
    /// It is a breakout room.
    pub is_breakout: bool,
    /// The room that a breakout room is of.
    pub main_room: Option<String>,
    /// What the focus says of the conference.
    pub properties: BTreeMap<String, String>,
}
