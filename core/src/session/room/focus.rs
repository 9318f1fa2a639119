//! The focus of a room: what it says of the conference, and the media that it offers, which nobody here takes.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::conference::{ConferenceErrorType, ConferenceEvent, ConferenceFailure, ConferenceId};
use crate::outgoing::next_id;
use crate::session::Session;
use crate::xml::{Element, ns};

/// A focus has a handful.
const MAX_PROPERTIES: usize = 100;

impl Session {
    pub(super) fn handle_focus_presence(&mut self, id: ConferenceId, presence: &Element<'_>) {
        let child = |name: &str| presence.children().find(|child| child.name == name);
        if child("bridgeNotAvailable").is_some()
            && let Some(room) = self.rooms.find(id)
            && !std::mem::replace(&mut room.no_bridge, true)
        {
            let message = format!("the focus of {} has no bridge for its media", room.start.address);
            let failure = ConferenceFailure::new(ConferenceErrorType::VideobridgeNotAvailable, message);
            self.room_event(id, ConferenceEvent::Failed(Box::new(failure)));
        }
        let Some(told) = child("conference-properties") else { return };
        let property = |child: &Element<'_>| {
            Some((child.attribute("key")?.to_owned(), child.attribute("value")?.to_owned()))
        };
        let properties: BTreeMap<_, _> = told.children().filter_map(property).take(MAX_PROPERTIES).collect();
        let Some(room) = self.rooms.find(id) else { return };
        if room.info.properties != properties {
            room.info.properties.clone_from(&properties);
            self.room_info(id);
            self.room_event(id, ConferenceEvent::PropertiesChanged { properties });
        }
    }

    /// Whether a request is an offer of media by somebody in a room (XEP-0166).
    pub(in crate::session) fn is_media_offer(&self, iq: &Element<'_>) -> bool {
        let from = iq.attribute("from").unwrap_or_default();
        let offers = |jingle: &Element<'_>| jingle.attribute("action") == Some("session-initiate");
        self.rooms.of(from).is_some() && iq.child("jingle", ns::JINGLE).is_some_and(offers)
    }

    /// Acknowledges an offer and declines it. The focus does not offer again if the session of its bridge is named;
    /// another participant's, for media from peer to peer, is none of a client without media.
    pub(in crate::session) fn decline_media(&mut self, now: Instant, iq: &Element<'_>, id: &str) {
        let from = iq.attribute("from").unwrap_or_default();
        let Some(offer) = iq.child("jingle", ns::JINGLE) else { return };
        let result = Element::iq("result", id).with_attribute("to", from).to_xml();
        self.send_own(now, result);
        let number = next_id();
        let reason = Element::new("reason", ns::JINGLE).with_child(Element::new("decline", ns::JINGLE));
        let mut jingle = Element::new("jingle", ns::JINGLE)
            .with_attribute("action", "session-terminate")
            .with_attribute("sid", offer.attribute("sid").unwrap_or_default())
            .with_child(reason);
        let bridge = offer.child("bridge-session", ns::FOCUS).and_then(|bridge| bridge.attribute("id"));
        if let Some(bridge) = bridge {
            jingle =
                jingle.with_child(Element::new("bridge-session", ns::FOCUS).with_attribute("id", bridge));
        }
        let terminate = Element::iq("set", &number).with_attribute("to", from).with_child(jingle).to_xml();
        self.send_own(now, terminate);
    }
}
