//! What a connection's handle and its driver share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use data_encoding::HEXLOWER;
use tokio::sync::mpsc;

use crate::closed_list::closed_list;
use crate::command::{Command, Waiting};
use crate::conference::{ConferenceId, Room};
use crate::hub::HubEnd;
use crate::logs::{Direction, FrameLog};
use crate::options::Config;
use crate::session::{Attachment, Credentials, Features};
use crate::statistics::Counters;
use crate::times::{ConnectionTimes, Milestone};
use crate::{IceServer, Properties};

closed_list! {
    /// Where a connection stands: `getState()`.
    ///
    /// ```
    #[doc = include_str!("../doc/connected.txt")]
    /// assert_eq!(connection.state(), jitsimeet::ConnectionState::Connected);
    /// assert_eq!(connection.state().as_str(), "connected");
    /// # Ok(()) }
    /// ```
    pub enum ConnectionState {
        /// New, failed, disconnected or redirected: `connect` may be called.
        Idle = 0 => "idle",
        /// An attempt is under way.
        Connecting = 1 => "connecting",
        /// The session is established.
        Connected = 2 => "connected",
        /// The transport is lost; the session is being resumed, or a fresh one set up.
        Interrupted = 3 => "interrupted",
        /// `disconnect` was called and is under way.
        Disconnecting = 4 => "disconnecting",
    }
}

pub(crate) struct Shared {
    config: Arc<Config>,
    hub: HubEnd,
    state: Mutex<State>,
    log: Mutex<FrameLog>,
    counters: Counters,
    waiting: Waiting,
}

pub(crate) struct State {
    pub state: ConnectionState,
    pub token: Option<String>,
    pub listening: bool,
    pub features: Features,
    /// What the focus knows this client by.
    machine_uid: String,
    /// What the focus calls its session with it.
    pub conference_session: Option<String>,
    /// The rooms that the connection holds, and the number of the last one.
    pub rooms: Vec<Arc<Room>>,
    pub last_room: ConferenceId,
    /// What the server has told of itself.
    pub discovered: Box<(Properties, Vec<IceServer>)>,
    /// To the driver, while there is one. Boxed, since a channel has room for 32 of what it carries.
    pub commands: Option<mpsc::UnboundedSender<Box<Command>>>,
    pub jid: Option<String>,
    pub times: ConnectionTimes,
}

/// What one attempt begins with.
pub(crate) struct Attempt {
    pub credentials: Credentials,
    pub token: Option<String>,
    pub room: Option<String>,
    pub attachment: Option<Attachment>,
    pub features: Features,
    pub machine_uid: String,
    pub conference_session: Option<String>,
}

impl Shared {
    pub(crate) fn new(config: Arc<Config>, hub: HubEnd, token: Option<String>) -> Self {
        let state = State {
            state: ConnectionState::Idle,
            token,
            listening: false,
            features: Features::new(&config),
            machine_uid: machine_uid(),
            conference_session: None,
            rooms: Vec::new(),
            last_room: 0,
            discovered: Box::new((placed(&config, Properties::default()), Vec::new())),
            commands: None,
            jid: None,
            times: ConnectionTimes::default(),
        };
        let log = Mutex::new(FrameLog::new(config.logs));
        Self {
            config,
            hub,
            state: Mutex::new(state),
            log,
            counters: Counters::default(),
            waiting: Waiting::default(),
        }
    }

    pub(crate) const fn config(&self) -> &Arc<Config> {
        &self.config
    }

    pub(crate) const fn hub(&self) -> &HubEnd {
        &self.hub
    }

    pub(crate) const fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(crate) const fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, FrameLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn reached(&self, milestone: Milestone, now: Instant) {
        self.lock().times.record(milestone, now);
    }

    /// The server has told what it is.
    pub(crate) fn discovered(&self, (properties, servers): (Properties, Vec<IceServer>)) {
        *self.lock().discovered = (placed(&self.config, properties), servers);
    }

    /// A frame came or goes.
    pub(crate) fn frame(&self, direction: Direction, frame: &str) {
        match direction {
            Direction::Incoming => self.counters.received(frame),
            Direction::Outgoing => self.counters.sent(frame),
        }
        self.log().record(direction, frame);
    }
}

/// What lib-jitsi-meet keeps for a browser, here for a connection: many users may share a process.
fn machine_uid() -> String {
    let mut bytes = [0; 16];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes)
        .expect("the system's random generator works");
    HEXLOWER.encode(&bytes)
}

/// What the server does not say of its place, the options may.
fn placed(config: &Config, properties: Properties) -> Properties {
    let shard = properties.shard.or_else(|| config.shard.clone());
    let region = properties.region.or_else(|| config.region.clone());
    Properties { shard, region, ..properties }
}

impl State {
    pub(crate) fn attempt(&self, credentials: Credentials, room: Option<String>) -> Attempt {
        Attempt {
            credentials,
            token: self.token.clone(),
            room,
            attachment: None,
            features: self.features.clone(),
            machine_uid: self.machine_uid.clone(),
            conference_session: self.conference_session.clone(),
        }
    }

    pub(crate) fn established(&mut self, jid: String, round_trips: u32) {
        // A disconnect that has been asked for meanwhile stays asked for.
        if self.state != ConnectionState::Disconnecting {
            self.state = ConnectionState::Connected;
        }
        self.jid = Some(jid);
        self.times.record_round_trips(round_trips);
    }

    pub(crate) fn interrupted(&mut self) {
        if self.state == ConnectionState::Connected {
            self.state = ConnectionState::Interrupted;
        }
    }

    pub(crate) fn idle(&mut self) {
        self.state = ConnectionState::Idle;
        self.commands = None;
    }
}
