//! What a handle of a conference and the driver of its connection share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{ConferenceId, ConferenceInfo, ConferenceOptions, Participant};
use crate::session::{RoomOutput, RoomStart};

/// A room that a connection holds.
pub(crate) struct Room {
    pub id: ConferenceId,
    /// The name of the room alone.
    pub name: String,
    /// Its JID.
    pub address: String,
    /// The name of this client in it.
    pub nick: String,
    pub options: ConferenceOptions,
    state: Mutex<RoomState>,
}

#[derive(Default)]
pub(crate) struct RoomState {
    pub stage: Stage,
    pub info: ConferenceInfo,
    pub participants: BTreeMap<String, Arc<Participant>>,
}

/// Whether the room may be joined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It may.
    #[default]
    Idle,
    /// This client is in it, or on its way in or out.
    Active,
    /// The conference is over.
    Left,
}

impl Stage {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Active => "joined",
            Self::Left => "left",
        }
    }
}

impl Room {
    pub(crate) fn new(
        id: ConferenceId,
        name: String,
        address: String,
        nick: String,
        options: ConferenceOptions,
    ) -> Self {
        Self { id, name, address, nick, options, state: Mutex::default() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, RoomState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn start(&self) -> RoomStart {
        RoomStart {
            id: self.id,
            name: self.name.clone(),
            address: self.address.clone(),
            nick: self.nick.clone(),
            display_name: self.options.display_name.clone(),
            stats_id: self.options.stats_id.clone(),
            hidden_domain: self.options.hidden_domain.clone(),
            rejoin: self.options.rejoin,
            join_timeout: self.options.join_timeout,
            leave_timeout: self.options.leave_timeout,
        }
    }

    /// The session has ended, and whatever was under way with it.
    pub(crate) fn lost(&self) {
        let mut state = self.lock();
        if state.stage == Stage::Active {
            *state = RoomState::default();
        }
    }

    /// What the session says of it, but for the events.
    pub(crate) fn apply(&self, output: RoomOutput) {
        let mut state = self.lock();
        match output {
            RoomOutput::Participant(participant) => {
                state.participants.insert(participant.id.clone(), participant);
            }
            RoomOutput::Gone(id) => drop(state.participants.remove(&id)),
            RoomOutput::Info(info) => state.info = *info,
            RoomOutput::Over { spent } => state.stage = if spent { Stage::Left } else { Stage::Idle },
            RoomOutput::Event(_) => {}
        }
    }
}
