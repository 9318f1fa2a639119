//! What is said in a room.

use std::time::Instant;

use serde_json::Value;

use super::{Occupant, RoomQuestion, name_of};
use crate::conference::{ConferenceErrorType, ConferenceEvent, ConferenceFailure, ConferenceId, TextMessage};
use crate::session::Session;
use crate::xml::{Element, condition_and_text, ns};

/// A message has no more reactions than that.
const MAX_REACTIONS: usize = 100;

impl Session {
    pub(super) fn handle_room_message(&mut self, now: Instant, id: ConferenceId, message: &Element<'_>) {
        let Some(room) = self.rooms.find(id).filter(|room| room.is_joined()) else { return };
        let from = message.attribute("from").unwrap_or_default();
        let of_the_room = from == room.start.address;
        let sender = name_of(from).to_owned();
        let kind = message.attribute("type");
        if kind == Some("error") {
            return self.handle_message_error(id, message);
        }
        if let Some(subject) = message.child("subject", ns::CLIENT)
            // A message with a body has a subject of its own (XEP-0045, section 8.1).
            && message.child("body", ns::CLIENT).is_none()
        {
            let subject = subject.text();
            room.info.subject = Some(subject.trim().to_owned());
            self.room_info(id);
            return self.room_event(id, ConferenceEvent::SubjectChanged { subject });
        }
        if of_the_room && Occupant::of(message).has_status("104") {
            // The configuration of the room has changed.
            return self.ask_room(now, id, RoomQuestion::Info);
        }
        if let Some(reactions) = message.child("reactions", ns::REACTIONS) {
            return self.handle_reactions(id, sender, reactions);
        }
        let stamp = timestamp(message);
        if let Some(json) = message.child("json-message", ns::JITMEET).map(Element::text)
            && is_json_message(&json)
        {
            // What was said long ago is of no use by now: subtitles, for example.
            if stamp.is_none() {
                self.handle_json_message(id, sender, json);
            }
            return;
        }
        if let Some(retracted) = message.child("retract", ns::RETRACT) {
            if let Some(message_id) = retracted.attribute("id").filter(|message_id| !message_id.is_empty()) {
                let message_id = message_id.to_owned();
                self.room_event(id, ConferenceEvent::MessageRetracted { id: sender, message_id });
            }
            return;
        }
        let text = message.child("body", ns::CLIENT).map(Element::text).unwrap_or_default();
        if !text.is_empty() {
            self.handle_text(id, sender, kind == Some("groupchat"), text, stamp, message);
        }
    }

    fn handle_text(
        &mut self,
        id: ConferenceId,
        sender: String,
        to_all: bool,
        text: String,
        timestamp: Option<String>,
        message: &Element<'_>,
    ) {
        let name = message.child("display-name", ns::DISPLAY_NAME);
        let source = name.and_then(|name| name.attribute("source"));
        let is_visitor = source == Some("visitor");
        let original = message.child("addresses", ns::ADDRESS).and_then(|addresses| {
            let mut addresses = addresses.children();
            addresses.find(|address| address.attribute("type") == Some("ofrom"))?.attribute("jid")
        });
        let sender = match original {
            Some(original) if is_visitor && !to_all => original.to_owned(),
            _ => sender,
        };
        let said = Box::new(TextMessage {
            id: sender,
            text,
            timestamp,
            display_name: name.filter(|_| to_all || is_visitor).map(Element::text),
            is_visitor,
            message_id: message.attribute("id").map(ToOwned::to_owned),
            source: source.filter(|_| to_all && !is_visitor).map(ToOwned::to_owned),
            reply_to_id: message
                .child("reply", ns::REPLY)
                .and_then(|reply| reply.attribute("to"))
                .map(ToOwned::to_owned),
        });
        self.room_event(
            id,
            match to_all {
                true => ConferenceEvent::MessageReceived(said),
                false => ConferenceEvent::PrivateMessageReceived(said),
            },
        );
    }

    fn handle_reactions(&mut self, id: ConferenceId, sender: String, reactions: &Element<'_>) {
        let texts = reactions.children().filter(|child| child.name == "reaction").map(Element::text);
        let texts: Vec<_> = texts.filter(|text| !text.is_empty()).take(MAX_REACTIONS).collect();
        if let Some(message_id) = reactions.attribute("id").filter(|_| !texts.is_empty()) {
            let message_id = message_id.to_owned();
            self.room_event(
                id,
                ConferenceEvent::ReactionReceived { id: sender, reactions: texts, message_id },
            );
        }
    }

    fn handle_json_message(&mut self, id: ConferenceId, sender: String, payload: String) {
        let member = self.rooms.find(id).and_then(|room| room.members.get(&sender));
        let participant = member.filter(|member| !member.unseen).map(|member| member.participant.clone());
        let event = match participant {
            Some(participant) => ConferenceEvent::EndpointMessageReceived { participant, payload },
            None => ConferenceEvent::NonParticipantMessageReceived { id: sender, payload },
        };
        self.room_event(id, event);
    }

    fn handle_message_error(&mut self, id: ConferenceId, message: &Element<'_>) {
        let error = message.child("error", ns::CLIENT);
        let (condition, text) =
            error.map(|error| condition_and_text(error, ns::STANZA_ERRORS)).unwrap_or_default();
        let said = text.clone().or_else(|| condition.clone()).unwrap_or_else(|| "no reason given".to_owned());
        let failure = ConferenceFailure {
            condition,
            server_text: text,
            ..ConferenceFailure::new(
                ConferenceErrorType::ChatError,
                format!("the message was not delivered: {said}"),
            )
        };
        self.room_event(id, ConferenceEvent::Error(Box::new(failure)));
    }
}

/// When a message was said, if not now (XEP-0203, and XEP-0091 of old in the form of the newer one).
fn timestamp(message: &Element<'_>) -> Option<String> {
    if let Some(stamp) = message.child("delay", ns::DELAY).and_then(|delay| delay.attribute("stamp")) {
        return Some(stamp.to_owned());
    }
    let old = message.child("x", ns::DELAY_OF_OLD)?.attribute("stamp")?;
    // CCYYMMDDThh:mm:ss
    match (old.get(..4), old.get(4..6), old.get(6..)) {
        (Some(year), Some(month), Some(rest)) => Some(format!("{year}-{month}-{rest}Z")),
        _ => None,
    }
}

/// A JSON message is an object with `type`: what else there is under that name is not one.
fn is_json_message(text: &str) -> bool {
    matches!(serde_json::from_str(text), Ok(Value::Object(object)) if object.contains_key("type"))
}
