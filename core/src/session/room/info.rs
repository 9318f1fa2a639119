//! What a room says of itself when it is asked (XEP-0045, section 6.4), and how a new one is configured.

use std::time::Instant;

use super::RoomQuestion;
use crate::conference::{ConferenceEvent, ConferenceId, ConferenceInfo};
use crate::session::Session;
use crate::xml::{Element, ns};

impl Session {
    pub(super) fn handle_room_info(&mut self, id: ConferenceId, answer: &Element<'_>) {
        let Some(query) = answer.child("query", ns::DISCO_INFO) else { return };
        let Some(room) = self.rooms.find(id).filter(|room| room.is_joined()) else { return };
        let has = |feature: &str| {
            let mut features = query.children().filter(|child| child.name == "feature");
            features.any(|child| child.attribute("var") == Some(feature))
        };
        let (locked, members_only) = (has("muc_passwordprotected"), has("muc_membersonly"));
        let field = |name: &str| {
            let form = query.children().find(|child| child.is("x", ns::DATA))?;
            let field = form.children().find(|field| field.attribute("var") == Some(name))?;
            field.child("value", ns::DATA).map(Element::text).filter(|value| !value.is_empty())
        };
        let before = room.info.clone();
        let info = ConferenceInfo {
            locked,
            members_only,
            lobby_room: field("muc#roominfo_lobbyroom"),
            meeting_id: field("muc#roominfo_meetingId").or_else(|| before.meeting_id.clone()),
            created_timestamp: field("muc#roominfo_created_timestamp"),
            visitors_supported: field("muc#roominfo_visitorsEnabled").as_deref() == Some("1"),
            is_breakout: field("muc#roominfo_isbreakout")
                .is_some_and(|value| value != "0" && value != "false"),
            main_room: field("muc#roominfo_breakout_main_room"),
            ..before.clone()
        };
        room.info = info.clone();
        self.room_info(id);
        if info.locked != before.locked {
            self.room_event(id, ConferenceEvent::LockStateChanged { locked: info.locked });
        }
        if let Some(meeting_id) = info.meeting_id.filter(|new| before.meeting_id.as_ref() != Some(new)) {
            self.room_event(id, ConferenceEvent::UniqueIdSet { meeting_id });
        }
        let created = info.created_timestamp.filter(|new| before.created_timestamp.as_ref() != Some(new));
        if let Some(timestamp) = created {
            self.room_event(id, ConferenceEvent::CreatedTimestamp { timestamp });
        }
        if info.members_only != before.members_only {
            let members_only = info.members_only;
            self.room_event(id, ConferenceEvent::MembersOnlyChanged { members_only });
        }
        if info.visitors_supported != before.visitors_supported {
            let supported = info.visitors_supported;
            self.room_event(id, ConferenceEvent::VisitorsSupportedChanged { supported });
        }
    }

    /// The form of a new room, if it has the field that matters.
    pub(super) fn handle_room_form(&mut self, now: Instant, id: ConferenceId, answer: &Element<'_>) {
        let form = answer.child("query", ns::MUC_OWNER).and_then(|query| query.child("x", ns::DATA));
        let mut fields = form.into_iter().flat_map(Element::children);
        if fields.any(|field| field.attribute("var") == Some("muc#roomconfig_whois")) {
            self.ask_room(now, id, RoomQuestion::Submit);
        }
    }
}
