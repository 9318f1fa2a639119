//! What the rooms tell of themselves (XEP-0030; XEP-0045, section 6).

use minidom::Element;

use super::room::{Kind, Room};
use super::{CONFERENCE, DATA, MUC, Outbox, RoomSettings, Sender};
use crate::requests::{DISCO_INFO, PING};
use crate::xml::escape;

/// What the component itself tells.
pub(super) fn tell_component(iq: &Element, sender: &Sender<'_>, out: &mut Outbox) {
    let identity = format!("<identity category='conference' type='text' name='{CONFERENCE}'/>");
    let features: String =
        [DISCO_INFO, MUC, PING].iter().map(|var| format!("<feature var='{var}'/>")).collect();
    out.answer(iq, sender, &format!("<query xmlns='{DISCO_INFO}'>{identity}{features}</query>"));
}

impl Room {
    /// Answers a request for what the room is like.
    pub(super) fn tell(&self, iq: &Element, sender: &Sender<'_>, settings: &RoomSettings, out: &mut Outbox) {
        let it = &self.configuration;
        let own = [
            DISCO_INFO,
            MUC,
            "http://jabber.org/protocol/muc#stable_id",
            "http://jabber.org/protocol/muc#self-ping-optimization",
            "urn:xmpp:occupant-id:0",
            if it.password.is_some() { "muc_passwordprotected" } else { "muc_unsecured" },
            if it.members_only { "muc_membersonly" } else { "muc_open" },
            if it.semi_anonymous { "muc_semianonymous" } else { "muc_nonanonymous" },
            "muc_unmoderated",
            "muc_temporary",
            "muc_hidden",
        ];
        let features = own.into_iter().chain(settings.features.iter().map(String::as_str));
        let features: String = features.map(|var| format!("<feature var='{}'/>", escape(var))).collect();
        let name = self.jid.split('@').next().unwrap_or_default();
        let people =
            self.occupants.values().filter(|occupant| occupant.kind != Kind::Focus || !self.is_deserted());
        let people = people.count().to_string();
        let created = self.created.map(|created| created.to_string()).unwrap_or_default();
        let mut fields = vec![
            ("FORM_TYPE", "hidden", "http://jabber.org/protocol/muc#roominfo"),
            ("muc#roominfo_occupants", "text-single", &people),
            ("muc#roominfo_meetingId", "text-single", &self.meeting_id),
            ("muc#roominfo_created_timestamp", "text-single", &created),
        ];
        if let Some(lobby) = it.lobby.as_deref().filter(|_| it.members_only) {
            fields.push(("muc#roominfo_lobbyroom", "text-single", lobby));
        }
        fields.extend(
            settings.fields.iter().map(|(name, value)| (name.as_str(), "text-single", value.as_str())),
        );
        let form: String = fields.into_iter().map(|(name, kind, value)| field(name, kind, value)).collect();
        out.answer(
            iq,
            sender,
            &format!(
                "<query xmlns='{DISCO_INFO}'><identity category='conference' type='text' name='{}'/>{features}\
                 <x xmlns='{DATA}' type='result'>{form}</x></query>",
                escape(name)
            ),
        );
    }
}

/// A field without a value has none, as Prosody writes it.
fn field(name: &str, kind: &str, value: &str) -> String {
    let value = if value.is_empty() { String::new() } else { format!("<value>{}</value>", escape(value)) };
    format!("<field var='{}' type='{kind}'>{value}</field>", escape(name))
}
