//! Leaving a room, and being made to.

use std::time::Instant;

use super::{Occupant, Room, Stage};
use crate::conference::{ConferenceErrorType, ConferenceEvent, ConferenceFailure, ConferenceId};
use crate::session::{CallId, Session};
use crate::xml::{Element, ns};
use crate::{Completed, Error};

impl Session {
    /// The caller wants out.
    pub(crate) fn leave_room(
        &mut self,
        now: Instant,
        call: CallId,
        id: ConferenceId,
        reason: Option<String>,
    ) {
        let Some(mut room) = self.rooms.take(id) else {
            return self.complete(call, Ok(Completed::Done));
        };
        self.settle_join(&mut room, Err(Error::Aborted("the conference was left")));
        match room.stage {
            Stage::Joined | Stage::Joining(_) => {
                self.send_goodbye(now, &room, reason.as_deref());
                let deadline = now + room.start.options.leave_timeout;
                room.stage = Stage::Leaving { deadline, calls: vec![call] };
                self.rooms.rooms.push(room);
            }
            // It joins the one under way.
            Stage::Leaving { ref mut calls, .. } => {
                calls.push(call);
                self.rooms.rooms.push(room);
            }
            // The room does not know of this client.
            Stage::Requesting | Stage::Retrying(_) | Stage::Lost => {
                self.forget_conference_of_room(id);
                self.room_emptied(&mut room);
                self.room_left(room);
                self.complete(call, Ok(Completed::Done));
            }
        }
    }

    pub(super) fn send_goodbye(&mut self, now: Instant, room: &Room, reason: Option<&str>) {
        let mut presence = Element::new("presence", ns::CLIENT)
            .with_attribute("to", &room.own)
            .with_attribute("type", "unavailable");
        if let Some(reason) = reason {
            presence = presence.with_child(Element::new("status", ns::CLIENT).with_text(reason));
        }
        self.send_to_room(now, &presence);
    }

    /// The room has not said that this client is out.
    pub(super) fn room_not_left(&mut self, id: ConferenceId) {
        let Some(mut room) = self.rooms.take(id) else { return };
        self.room_emptied(&mut room);
        let (address, ms) = (&room.start.address, room.start.options.leave_timeout.as_millis());
        let message = format!("{address} did not say within {ms} ms (leaveTimeout) that this client is out");
        let calls = match &mut room.stage {
            Stage::Leaving { calls, .. } => std::mem::take(calls),
            _ => Vec::new(),
        };
        self.room_left(room);
        for call in calls {
            self.complete(call, Err(Error::Timeout(message.clone())));
        }
    }

    /// The room says that this client is out of it, or that nobody is in it any more.
    pub(super) fn handle_out(&mut self, id: ConferenceId, presence: &Element<'_>) {
        let Some(mut room) = self.rooms.take(id) else { return };
        let occupant = Occupant::of(presence);
        if let Some(destroyed) = occupant.child("destroy") {
            let reason = destroyed.child("reason", ns::MUC_USER).map(Element::text);
            let what = format!("{} was destroyed", room.start.address);
            let message = reason.as_ref().map_or_else(|| what.clone(), |reason| format!("{what}: {reason}"));
            let failure = ConferenceFailure {
                room: destroyed.attribute("jid").map(ToOwned::to_owned),
                server_text: reason,
                ..ConferenceFailure::new(ConferenceErrorType::ConferenceDestroyed, message)
            };
            return self.room_failed(room, failure);
        }
        if occupant.has_status("307") {
            let (actor, reason) = kicked(&occupant);
            let replaced = presence.children().any(|child| child.name == "flip_device");
            self.room_event(id, ConferenceEvent::Kicked { actor, reason, replaced });
        }
        self.room_emptied(&mut room);
        self.settle_join(&mut room, Err(Error::Aborted("the room has sent this client away")));
        self.room_left(room);
    }
}

/// Who has kicked, and why.
pub(super) fn kicked(occupant: &Occupant<'_>) -> (Option<String>, Option<String>) {
    let of_item = |name: &str| occupant.child("item").and_then(|item| item.child(name, ns::MUC_USER));
    let actor = of_item("actor").and_then(|actor| actor.attribute("nick")).map(ToOwned::to_owned);
    (actor, of_item("reason").map(Element::text))
}
