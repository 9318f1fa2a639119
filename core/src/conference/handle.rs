//! The handle of a conference: coming, going, and what is known of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::state::Stage;
use super::{ConferenceId, ConferenceInfo, Participant, Room};
use crate::command::{Command, Completion};
use crate::connection::settled;
use crate::session::RoomStart;
use crate::{ConnectionState, Error, JitsiConnection, exchange};

/// How a conference is joined: the second argument of
/// [`init_jitsi_conference`](JitsiConnection::init_jitsi_conference).
///
/// ```
/// let mut options = jitsimeet::ConferenceOptions::default();
/// options.display_name = Some("Recorder".to_owned());
/// assert_eq!(options.join_timeout.as_secs(), 15);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConferenceOptions {
    /// What the others are to call this client. None if not given.
    pub display_name: Option<String>,
    /// `statisticsId`: the id of this client in statistics. None if not given.
    pub stats_id: Option<String>,
    /// `hiddenDomain`: participants of this domain are hidden. None if not given.
    pub hidden_domain: Option<String>,
    /// Join again when the connection has lost its session and has made a fresh one (option `reconnect`). Without it
    /// the conference fails.
    pub rejoin: bool,
    /// How long the room may take to answer. 15 s if not given.
    pub join_timeout: Duration,
    /// How long the room may take to let this client go. 5 s if not given.
    pub leave_timeout: Duration,
}

impl Default for ConferenceOptions {
    fn default() -> Self {
        Self {
            display_name: None,
            stats_id: None,
            hidden_domain: None,
            rejoin: false,
            join_timeout: Duration::from_secs(15),
            leave_timeout: Duration::from_secs(5),
        }
    }
}

/// A conference: lib-jitsi-meet's `JitsiConference`, without media.
///
/// A cheap handle: clones share the conference, and keep its connection. Its events come in the stream of the
/// connection, as [`Event::Conference`](crate::Event::Conference). All methods may be called from any thread, and
/// never block.
///
/// ```
#[doc = include_str!("../../doc/connected.txt")]
/// use futures_util::StreamExt;
/// use jitsimeet::{ConferenceEvent, ConferenceOptions, Event};
///
/// let mut events = connection.events();
/// let conference = connection.init_jitsi_conference("standup", &ConferenceOptions::default())?;
/// conference.join(None).await?;
/// conference.send_text_message("hello", None).await?;
/// while let Some(event) = events.next().await {
///     if let Event::Conference(_, event) = event
///         && let ConferenceEvent::MessageReceived(message) = *event
///     {
///         assert_eq!((message.id, message.text.as_str()), (conference.my_user_id().to_owned(), "hello"));
///         break;
///     }
/// }
/// conference.leave(None).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct JitsiConference {
    pub(super) connection: JitsiConnection,
    pub(super) room: Arc<Room>,
}

impl JitsiConnection {
    /// The conference of this name, which this client has not joined yet. Of one that this connection still holds, not
    /// having left it, the same.
    ///
    /// `name` is the name of the room alone, in lower case.
    ///
    /// ```
    #[doc = include_str!("../../doc/connected.txt")]
    /// use jitsimeet::ConferenceOptions;
    ///
    /// let options = ConferenceOptions::default();
    /// let conference = connection.init_jitsi_conference("standup", &options)?;
    /// assert_eq!(connection.init_jitsi_conference("standup", &options)?.id(), conference.id());
    /// assert!(connection.init_jitsi_conference("Standup", &options).is_err());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a name that is empty, not in lower case, or none of a room;
    /// [`Error::NotConnected`] without a session, whose JID gives this client its id in the room;
    /// [`Error::InvalidState`] for a conference that this connection holds with other options.
    pub fn init_jitsi_conference(
        &self,
        name: &str,
        options: &ConferenceOptions,
    ) -> Result<JitsiConference, Error> {
        let shared = self.own()?;
        if name.is_empty() || exchange::room(name)? != name {
            let problem =
                format!("`{name}` cannot be the name of a room: it is empty or has capital letters");
            return Err(Error::InvalidArgument(problem));
        }
        let mut state = shared.lock();
        let rooms = &mut state.rooms;
        rooms.retain(|room| room.lock().stage != Stage::Left);
        if let Some(room) = rooms.iter().find(|room| room.start.name == name) {
            if room.start.options != *options {
                let stage = "held with other options";
                return Err(Error::InvalidState { call: "initJitsiConference", state: stage });
            }
            return Ok(JitsiConference { connection: self.clone(), room: Arc::clone(room) });
        }
        let connected = matches!(state.state, ConnectionState::Connected | ConnectionState::Interrupted);
        let Some(jid) = state.jid.clone().filter(|_| connected) else { return Err(Error::NotConnected) };
        state.last_room += 1;
        let config = shared.config();
        let room = Arc::new(Room::new(RoomStart {
            id: state.last_room,
            name: name.to_owned(),
            address: format!("{name}@{}", config.conference.muc),
            nick: nick(&jid),
            options: options.clone(),
        }));
        state.rooms.push(Arc::clone(&room));
        drop(state);
        Ok(JitsiConference { connection: self.clone(), room })
    }
}

/// The first part of a guest's JID, by which logs of a deployment find one another, or else a random name. Never with
/// `-`, where Jicofo splits the names of sources.
fn nick(jid: &str) -> String {
    let node = jid.split_once('@').map_or("", |(node, _)| node);
    match node.get(..8) {
        Some(first) if first.bytes().all(|byte| byte.is_ascii_hexdigit()) => first.to_ascii_lowercase(),
        _ => format!("{:08x}", fastrand::u32(..)),
    }
}

impl JitsiConference {
    /// The name of this conference among those of its connection.
    ///
    /// ```
    #[doc = include_str!("../../doc/connected.txt")]
    /// # let conference = connection.init_jitsi_conference("standup", &Default::default())?;
    /// let other = connection.init_jitsi_conference("retrospective", &Default::default())?;
    /// assert_ne!(conference.id(), other.id());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn id(&self) -> ConferenceId {
        self.room.start.id
    }

    /// The name of the room.
    ///
    /// ```
    #[doc = include_str!("../../doc/connected.txt")]
    /// # let conference = connection.init_jitsi_conference("standup", &Default::default())?;
    /// assert_eq!(conference.name(), "standup");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        &self.room.start.name
    }

    /// The JID of the room.
    ///
    /// ```
    #[doc = include_str!("../../doc/connected.txt")]
    /// # let conference = connection.init_jitsi_conference("standup", &Default::default())?;
    /// assert_eq!(conference.jid(), "standup@conference.meet.example");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn jid(&self) -> &str {
        &self.room.start.address
    }

    /// The connection that it is of.
    ///
    /// ```
    #[doc = include_str!("../../doc/connected.txt")]
    /// # let conference = connection.init_jitsi_conference("standup", &Default::default())?;
    /// assert_eq!(conference.connection().id(), connection.id());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub const fn connection(&self) -> &JitsiConnection {
        &self.connection
    }

    /// The id of this client in the conference.
    ///
    /// ```
    #[doc = include_str!("../../doc/connected.txt")]
    /// # let conference = connection.init_jitsi_conference("standup", &Default::default())?;
    /// assert!(!conference.my_user_id().contains('-'));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn my_user_id(&self) -> &str {
        &self.room.start.nick
    }

    /// Joins the room: asks the focus to be in it, unless `disableFocus` is set, and then the room. Returns when this
    /// client is in it, behind `conference.joined`.
    ///
    /// ```
    #[doc = include_str!("../../doc/connected.txt")]
    /// # let conference = connection.init_jitsi_conference("standup", &Default::default())?;
    /// conference.join(None).await?;
    /// assert!(conference.info().joined);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidState`] unless the conference is idle: new, or failed; [`Error::NotConnected`];
    /// [`Error::ConferenceFailed`] with the same failure as the event; [`Error::Redirected`] if the conference is
    /// served elsewhere; [`Error::Aborted`] after [`leave`](Self::leave) or `disconnect`.
    pub async fn join(&self, password: Option<&str>) -> Result<(), Error> {
        let (sender, receiver) = oneshot::channel();
        self.submit_join(password, Completion::Future(sender))?;
        settled(receiver).await.map(drop)
    }

    /// As [`join`](Self::join), without waiting: the outcome comes as an event and, with a token, as a completion in
    /// the hub behind it.
    ///
    /// ```
    #[doc = include_str!("../../doc/hub.txt")]
    #[doc = include_str!("../../doc/hub_connected.txt")]
    /// use jitsimeet::Completed;
    ///
    /// let conference = connection.init_jitsi_conference("standup", &Default::default())?;
    /// conference.start_join(None, Some(42))?;
    /// // Later, as an `Item::Completed` from the hub:
    /// # let (token, result) = completed(&hub, &woken).await;
    /// assert_eq!((token, result), (42, Ok(Completed::Done)));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidState`], [`Error::NotConnected`].
    pub fn start_join(&self, password: Option<&str>, completion: Option<u64>) -> Result<(), Error> {
        self.submit_join(password, completion.map_or(Completion::Unheard, Completion::Token))
    }

    fn submit_join(&self, password: Option<&str>, completion: Completion) -> Result<(), Error> {
        let shared = self.connection.own()?;
        let state = shared.lock();
        if !matches!(state.state, ConnectionState::Connected | ConnectionState::Interrupted) {
            return Err(Error::NotConnected);
        }
        let mut room = self.room.lock();
        if room.stage != Stage::Idle {
            return Err(Error::InvalidState { call: "join", state: room.stage.as_str() });
        }
        room.stage = Stage::Active;
        drop(room);
        let password = password.map(|password| Zeroizing::new(password.to_owned()));
        let command = Command::JoinRoom { start: Box::new(self.room.start.clone()), password, completion };
        JitsiConnection::command(shared, state, command);
        Ok(())
    }

    /// Leaves the room, or gives up joining it. The conference is over then. Returns when the room has let this client
    /// go, behind `conference.left`. Of one that was not joined, or is left, it does nothing.
    ///
    /// ```
    #[doc = include_str!("../../doc/connected.txt")]
    /// # let conference = connection.init_jitsi_conference("standup", &Default::default())?;
    /// conference.join(None).await?;
    /// conference.leave(Some("that was all")).await?;
    /// assert!(conference.join(None).await.is_err(), "it is over");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Timeout`] if the room did not answer in `leave_timeout`: the conference is over all the same.
    pub async fn leave(&self, reason: Option<&str>) -> Result<(), Error> {
        let (sender, receiver) = oneshot::channel();
        self.submit_leave(reason, Completion::Future(sender))?;
        settled(receiver).await.map(drop)
    }

    /// As [`leave`](Self::leave), without waiting.
    ///
    /// ```
    #[doc = include_str!("../../doc/hub.txt")]
    #[doc = include_str!("../../doc/hub_connected.txt")]
    /// use jitsimeet::Completed;
    ///
    /// let conference = connection.init_jitsi_conference("standup", &Default::default())?;
    /// conference.start_leave(None, Some(42))?;
    /// // Later, as an `Item::Completed` from the hub:
    /// # let (token, result) = completed(&hub, &woken).await;
    /// assert_eq!((token, result), (42, Ok(Completed::Done)));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Forked`]; everything else comes as the completion.
    pub fn start_leave(&self, reason: Option<&str>, completion: Option<u64>) -> Result<(), Error> {
        self.submit_leave(reason, completion.map_or(Completion::Unheard, Completion::Token))
    }

    fn submit_leave(&self, reason: Option<&str>, completion: Completion) -> Result<(), Error> {
        let shared = self.connection.own()?;
        let state = shared.lock();
        let mut room = self.room.lock();
        if room.stage == Stage::Idle {
            room.stage = Stage::Left;
        }
        drop(room);
        let reason = reason.map(ToOwned::to_owned);
        let command = Command::LeaveRoom { id: self.room.start.id, reason, completion };
        JitsiConnection::command(shared, state, command);
        Ok(())
    }

    /// Leaves the conference and disconnects the connection, as lib-jitsi-meet's `dispose` does.
    ///
    /// ```
    #[doc = include_str!("../../doc/connected.txt")]
    /// # let conference = connection.init_jitsi_conference("standup", &Default::default())?;
    /// conference.join(None).await?;
    /// conference.dispose().await?;
    /// assert_eq!(connection.state(), jitsimeet::ConnectionState::Idle);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`leave`](Self::leave); the connection is closed all the same.
    pub async fn dispose(&self) -> Result<(), Error> {
        let left = self.leave(None).await;
        self.connection.disconnect().await?;
        left
    }

    /// What is known of the conference.
    ///
    /// ```
    #[doc = include_str!("../../doc/connected.txt")]
    /// # let conference = connection.init_jitsi_conference("standup", &Default::default())?;
    /// assert!(!conference.info().joined);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn info(&self) -> ConferenceInfo {
        self.connection.own().map(|_| self.room.lock().info.clone()).unwrap_or_default()
    }

    /// Whether this client is a moderator.
    ///
    /// ```
    #[doc = include_str!("../../doc/connected.txt")]
    /// # let conference = connection.init_jitsi_conference("standup", &Default::default())?;
    /// conference.join(None).await?;
    /// println!("as moderator: {}", conference.is_moderator());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn is_moderator(&self) -> bool {
        self.info().role == "moderator"
    }

    /// The others, by their ids. The focus is not one of them.
    ///
    /// ```
    #[doc = include_str!("../../doc/connected.txt")]
    /// # let conference = connection.init_jitsi_conference("standup", &Default::default())?;
    /// conference.join(None).await?;
    /// assert!(conference.participants().is_empty(), "nobody else is there");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn participants(&self) -> Vec<Arc<Participant>> {
        let participants = |_| self.room.lock().participants.values().map(Arc::clone).collect();
        self.connection.own().map(participants).unwrap_or_default()
    }

    /// The participant of this id, if there is one.
    ///
    /// ```
    #[doc = include_str!("../../doc/connected.txt")]
    /// # let conference = connection.init_jitsi_conference("standup", &Default::default())?;
    /// assert_eq!(conference.participant("nobody"), None);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn participant(&self, id: &str) -> Option<Arc<Participant>> {
        self.connection.own().ok().and_then(|_| self.room.lock().participants.get(id).cloned())
    }

    /// How many there are, this client included. Hidden ones count if they are asked for.
    ///
    /// ```
    #[doc = include_str!("../../doc/connected.txt")]
    /// # let conference = connection.init_jitsi_conference("standup", &Default::default())?;
    /// conference.join(None).await?;
    /// assert_eq!(conference.participant_count(false), 1);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn participant_count(&self, hidden: bool) -> usize {
        let count = |_| self.room.lock().participants.values().filter(|one| hidden || !one.hidden).count();
        1 + self.connection.own().map(count).unwrap_or_default()
    }
}

/// Shows where this client stands, nothing of what is said.
impl fmt::Debug for JitsiConference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JitsiConference")
            .field("id", &self.room.start.id)
            .field("jid", &self.room.start.address)
            .finish_non_exhaustive()
    }
}
