//! Who is in a conference.

use std::collections::{BTreeMap, BTreeSet};

/// Another one in a conference: lib-jitsi-meet's `JitsiParticipant`, as it was at one moment.
///
/// A later moment has a snapshot of its own: [`participant`](crate::JitsiConference::participant) gives the newest.
///
/// ```
/// let greet = |participant: &jitsimeet::Participant| match &participant.display_name {
///     Some(name) => format!("hello, {name}"),
///     None => format!("hello, {}", participant.id),
/// };
/// # let _ = greet;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Participant {
    /// The id: the nickname in the room, which is the endpoint id in Jitsi.
    pub id: String,
    /// The occupant JID: the room and the id.
    pub jid: String,
    /// The JID that they are connected with, where the room tells it.
    pub connection_jid: Option<String>,
    /// What they want to be called (XEP-0172).
    pub display_name: Option<String>,
    /// The role in the room: `moderator`, `participant` or `visitor` (XEP-0045, section 5.1).
    pub role: String,
    /// Of the domain that the option `hiddenDomain` names: a recorder or a transcriber, not counted and not shown.
    pub hidden: bool,
    /// The kind of bot that they say they are.
    pub bot_type: Option<String>,
    /// The text of their status.
    pub status: Option<String>,
    /// Their id in statistics.
    pub stats_id: Option<String>,
    /// They joined without audio.
    pub silent: bool,
    /// They take the place of a participant with the same token.
    pub replacing: bool,
    /// The features that their presence lists.
    pub features: BTreeSet<String>,
    /// What their token says of them, as the server has verified it.
    pub identity: Option<Identity>,
    /// Their properties: what they set as `jitsi_participant_NAME`, by NAME.
    pub properties: BTreeMap<String, String>,
    /// Their media sources, as the JSON text of `<SourceInfo/>`.
    pub source_info: Option<String>,
}

/// What a token says of its bearer.
///
/// ```
/// let admin = |identity: &jitsimeet::Identity| identity.user.get("affiliation").is_some_and(|is| is == "owner");
/// assert!(!admin(&jitsimeet::Identity::default()));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// `id`, `name`, `avatar` and whatever else the token has under `context.user`.
    pub user: BTreeMap<String, String>,
    /// The group that the token belongs to.
    pub group: Option<String>,
}

impl Participant {
    /// Whether they are a moderator.
    ///
    /// ```
    /// assert!(!jitsimeet::Participant::default().is_moderator());
    /// ```
    #[must_use]
    pub fn is_moderator(&self) -> bool {
        self.role == "moderator"
    }
}
