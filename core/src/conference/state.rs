//! What a handle of a conference and the driver of its connection share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{ConferenceInfo, Participant};
use crate::session::{RoomOutput, RoomStart};

/// A room that a connection holds.
pub(crate) struct Room {
    pub start: RoomStart,
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
    pub(crate) fn new(start: RoomStart) -> Self {
        Self { start, state: Mutex::default() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, RoomState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
