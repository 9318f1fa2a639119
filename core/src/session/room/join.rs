//! Joining a room: the focus is asked first, then the room.

use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::{Room, RoomQuestion, RoomStart, Stage};
use crate::conference::{ConferenceErrorType, ConferenceEvent, ConferenceFailure, ConferenceId};
use crate::outgoing::next_id;
use crate::session::calls::Purpose;
use crate::session::{CallId, Session};
use crate::xml::{Element, condition_and_text, ns};
use crate::{Completed, Error, Failure};

/// A room that only the focus may create is tried again so often, and not sooner than that, and half as much later
/// each time, as lib-jitsi-meet does.
const RETRIES: u32 = 3;
const RETRY: Duration = Duration::from_millis(500);

impl Session {
    /// The caller wants to be in a room, in which this client is not.
    pub(crate) fn join_room(
        &mut self,
        now: Instant,
        call: CallId,
        start: RoomStart,
        password: Option<Zeroizing<String>>,
    ) {
        let id = start.id;
        if !self.can_send() {
            self.room_output(id, super::RoomOutput::Over { spent: false });
            return self.complete(call, Err(Error::NotConnected));
        }
        // One of before is over, or the handle would not have let us.
        self.rooms.take(id);
        let mut room = Room::new(start);
        room.password = password.filter(|password| !password.is_empty());
        room.joining = Some(call);
        self.rooms.rooms.push(room);
        self.request_room(now, id);
    }

    /// Asks the focus to be there, then the room.
    pub(super) fn request_room(&mut self, now: Instant, id: ConferenceId) {
        let disabled = self.config.conference.disable_focus;
        let Some(room) = self.rooms.find(id) else { return };
        room.stage = Stage::Requesting;
        if disabled {
            return self.enter_room(now, id);
        }
        let name = room.start.name.clone();
        self.request_conference_of_room(now, name, id);
    }

    /// The focus is there, under this JID.
    pub(in crate::session) fn conference_ready_for_room(
        &mut self,
        now: Instant,
        id: ConferenceId,
        focus: Option<String>,
    ) {
        self.rooms.focus_is(focus);
        self.enter_room(now, id);
    }

    pub(in crate::session) fn conference_refused_for_room(&mut self, id: ConferenceId, failure: &Failure) {
        let Some(room) = self.rooms.take(id) else { return };
        let error_type = match failure.condition.as_deref() {
            Some("not-authorized") => ConferenceErrorType::AuthenticationRequired,
            Some("reservation-error") => ConferenceErrorType::ReservationError,
            _ => ConferenceErrorType::FocusDisconnected,
        };
        let refused = ConferenceFailure {
            condition: failure.condition.clone(),
            server_text: failure.server_text.clone(),
            ..ConferenceFailure::new(error_type, failure.message.clone())
        };
        self.room_failed(room, refused);
    }

    /// The conference is served elsewhere.
    pub(in crate::session) fn conference_redirected_for_room(&mut self, id: ConferenceId, error: Error) {
        let Some(mut room) = self.rooms.take(id) else { return };
        self.room_emptied(&mut room);
        self.room_output(id, super::RoomOutput::Over { spent: false });
        self.settle_join(&mut room, Err(error));
    }

    fn enter_room(&mut self, now: Instant, id: ConferenceId) {
        let Some(room) = self.rooms.find(id) else { return };
        room.stage = Stage::Joining(now + room.start.options.join_timeout);
        self.send_presence(now, id, true);
    }

    /// Tells the room what this client is: with the first presence, and when that has changed.
    pub(super) fn send_presence(&mut self, now: Instant, id: ConferenceId, first: bool) {
        let features = self.features.clone();
        let Some(room) = self.rooms.find(id) else { return };
        let (own, password) = (room.own.clone(), room.password.clone());
        let options = room.start.options.clone();
        let mut presence = Element::new("presence", ns::CLIENT).with_attribute("to", own);
        if let Some(stats_id) = &options.stats_id {
            presence = presence.with_child(Element::new("stats-id", ns::CLIENT).with_text(stats_id));
        }
        presence = presence.with_child(features.caps());
        if let Some(listed) = features.of_presence() {
            presence = presence.with_child(listed);
        }
        if let Some(name) = &options.display_name {
            presence = presence.with_child(Element::new("nick", ns::NICK).with_text(name));
        }
        let told = presence.to_xml();
        if room.told.as_ref() == Some(&told) && !first {
            return;
        }
        room.told = Some(told);
        if first {
            let mut muc = Element::new("x", ns::MUC);
            if let Some(password) = &password {
                muc = muc.with_child(Element::new("password", ns::MUC).with_text(password.as_str()));
            }
            presence = presence.with_child(muc);
        }
        self.send_to_room(now, &presence);
    }

    /// To every room that this client is in, where it has changed.
    pub(in crate::session) fn submit_presence(&mut self, now: Instant) {
        let joined = self.rooms.rooms.iter().filter(|room| room.is_joined());
        for id in joined.map(|room| room.start.id).collect::<Vec<_>>() {
            self.send_presence(now, id, false);
        }
    }

    /// This client is in the room.
    pub(super) fn room_joined(&mut self, now: Instant, id: ConferenceId) {
        let Some(room) = self.rooms.find(id) else { return };
        room.stage = Stage::Joined;
        room.retries = 0;
        room.info.joined = true;
        room.info.locked = room.password.is_some();
        let call = room.joining.take();
        self.room_info(id);
        self.room_event(id, ConferenceEvent::Joined);
        if let Some(call) = call {
            self.complete(call, Ok(Completed::Done));
        }
        // What has changed while the room had not answered.
        self.send_presence(now, id, false);
        self.ask_room(now, id, RoomQuestion::Info);
    }

    pub(super) fn ask_room(&mut self, now: Instant, id: ConferenceId, question: RoomQuestion) {
        let Some(room) = self.rooms.find(id) else { return };
        let (to, number) = (room.start.address.clone(), next_id());
        let iq = match question {
            RoomQuestion::Info => {
                Element::iq("get", &number).with_child(Element::new("query", ns::DISCO_INFO))
            }
            RoomQuestion::Form => {
                Element::iq("get", &number).with_child(Element::new("query", ns::MUC_OWNER))
            }
            RoomQuestion::Submit => {
                let value = |text: &'static str| Element::new("value", ns::DATA).with_text(text);
                let field = |name: &'static str, text| {
                    Element::new("field", ns::DATA).with_attribute("var", name).with_child(value(text))
                };
                let form = Element::new("x", ns::DATA)
                    .with_attribute("type", "submit")
                    .with_child(field("FORM_TYPE", "http://jabber.org/protocol/muc#roomconfig"))
                    .with_child(field("muc#roomconfig_whois", "anyone"));
                Element::iq("set", &number).with_child(Element::new("query", ns::MUC_OWNER).with_child(form))
            }
        };
        let iq = iq.with_attribute("to", &to).to_xml();
        let deadline = now + self.config.iq_timeout;
        self.calls.expect(number, Purpose::Room(id, question), Some(to), deadline);
        self.send_own(now, iq);
    }

    /// The room has refused this client's presence.
    pub(super) fn handle_join_error(&mut self, now: Instant, id: ConferenceId, presence: &Element<'_>) {
        let Some(room) = self.rooms.find(id).filter(|room| matches!(room.stage, Stage::Joining(_))) else {
            return;
        };
        let error = presence.child("error", ns::CLIENT);
        let failure = join_failure(&room.start.address, error);
        let creation = failure.server_text.as_deref() == Some("Room creation is restricted")
            || failure.condition.as_deref() == Some("room-does-not-exist");
        if creation && room.retries < RETRIES {
            room.retries += 1;
            let retries = room.retries;
            let delay = RETRY.mul_f64(1.5_f64.powi(retries as i32 - 1) * (1.0 + self.rng.f64()));
            if let Some(room) = self.rooms.find(id) {
                room.stage = Stage::Retrying(now + delay);
            }
            return;
        }
        if let Some(room) = self.rooms.take(id) {
            self.room_failed(room, failure);
        }
    }

    /// The room has said nothing.
    pub(super) fn room_unanswered(&mut self, now: Instant, id: ConferenceId) {
        let Some(room) = self.rooms.take(id) else { return };
        // It may have let this client in after all.
        self.send_goodbye(now, &room, None);
        let (address, ms) = (&room.start.address, room.start.options.join_timeout.as_millis());
        let message =
            format!("{address} did not answer within {ms} ms (joinTimeout). Check that the server is well.");
        self.room_failed(room, ConferenceFailure::new(ConferenceErrorType::ConnectionError, message));
    }
}

/// What an error presence says, as lib-jitsi-meet reads it.
fn join_failure(address: &str, error: Option<&Element<'_>>) -> ConferenceFailure {
    use ConferenceErrorType as Type;
    let (condition, text) =
        error.map(|error| condition_and_text(error, ns::STANZA_ERRORS)).unwrap_or_default();
    let of = |name: &str| error.into_iter().flat_map(Element::children).find(|child| child.name == name);
    // Jitsi's own conditions say more.
    let own = ["room-does-not-exist", "authentication-required", "displayname-required"];
    let own = own.into_iter().find(|name| of(name).is_some());
    let (error_type, what) = match (condition.as_deref(), own) {
        (_, Some("displayname-required")) => {
            (Type::DisplayNameRequired, "lets nobody in without a display name")
        }
        (Some("not-authorized"), _) => (Type::PasswordRequired, "wants a password, or another one"),
        (Some("not-allowed"), Some("authentication-required")) => {
            (Type::NotAllowedError, "lets in only who has logged in")
        }
        (Some("not-allowed" | "forbidden"), _) => (Type::NotAllowedError, "does not let this client in"),
        (Some("service-unavailable"), _) => (Type::ConferenceMaxUsers, "is full"),
        (Some("registration-required"), _) => (Type::MembersOnlyError, "lets in members only"),
        _ => (Type::ConnectionError, "cannot be joined"),
    };
    let mut message = format!("{address} {what}");
    if let Some(text) = &text {
        message = format!("{message}: {text}");
    } else if let Some(condition) = &condition {
        message = format!("{message} ({condition})");
    }
    ConferenceFailure {
        condition: own.map(ToOwned::to_owned).or(condition),
        server_text: text,
        room: of("lobbyroom").map(Element::text).filter(|room| !room.is_empty()),
        waiting_for_host: of("waiting-for-host").is_some(),
        ..ConferenceFailure::new(error_type, message)
    }
}
