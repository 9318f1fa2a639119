//! What a room is like, and how its owners change it (XEP-0045, section 10).

use std::collections::BTreeMap;

use minidom::Element;
use serde::Deserialize;

use super::rank::Affiliation;
use super::room::{Change, Room};
use super::{CONFIGURATION, DATA, Fault, OWNER, Outbox, Sender};
use crate::xml::escape;

/// What the rooms of a server are like.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RoomSettings {
    /// Only the focus may create a room; others are told "Room creation is restricted".
    pub restrict_creation: bool,
    /// How many may be in a room beside the focus.
    pub max_occupants: Option<usize>,
    /// Moderators alone learn the real JIDs, in rooms that are created from now on.
    pub semi_anonymous: bool,
    /// A conference request brings the focus into the room.
    pub focus: bool,
    /// The focus makes the first to come an owner, and another one when the owner leaves.
    pub auto_owner: bool,
    /// The focus offers media as soon as there are two.
    pub offers: bool,
    /// The region of the bridge, as offers tell it.
    pub region: String,
    /// What the focus tells in its presence as `conference-properties`.
    pub properties: BTreeMap<String, String>,
    /// The id of the meeting in rooms that are created from now on; a new one for each if not given.
    pub meeting_id: Option<String>,
    /// More fields of the form that tells about a room, such as `muc#roominfo_isbreakout`.
    pub fields: BTreeMap<String, String>,
    /// More features of a room.
    pub features: Vec<String>,
}

impl Default for RoomSettings {
    fn default() -> Self {
        Self {
            restrict_creation: false,
            max_occupants: None,
            semi_anonymous: false,
            focus: true,
            auto_owner: true,
            offers: true,
            region: "region-1".to_owned(),
            properties: [("support-session-restart".to_owned(), "true".to_owned())].into(),
            meeting_id: None,
            fields: BTreeMap::new(),
            features: Vec::new(),
        }
    }
}

/// How a room is configured.
#[derive(Debug, Clone, Default)]
pub(super) struct Configuration {
    pub password: Option<String>,
    pub members_only: bool,
    pub semi_anonymous: bool,
    pub change_subject: bool,
    /// The JID of the lobby, if there is one.
    pub lobby: Option<String>,
    /// Those in the lobby wait for somebody who may let them in.
    pub waiting_for_host: bool,
}

impl Room {
    /// Answers a request of an owner.
    pub(super) fn handle_owner(&mut self, iq: &Element, sender: &Sender<'_>, out: &mut Outbox) {
        if self.affiliation(sender.jid) != Affiliation::Owner {
            let text = "Only owners can configure rooms";
            return out.refuse(iq, sender, &Fault::new("auth", "forbidden").text(text));
        }
        let Some(query) = iq.get_child("query", OWNER) else { return };
        if iq.attr("type") == Some("get") {
            return out.answer(iq, sender, &format!("<query xmlns='{OWNER}'>{}</query>", self.form()));
        }
        let Some(child) = query.children().next() else {
            return out.refuse(iq, sender, &Fault::new("modify", "bad-request"));
        };
        if child.is("destroy", OWNER) {
            let reason = child.get_child("reason", OWNER).map(Element::text);
            self.destroy(reason.as_deref(), child.attr("jid"), out);
            return out.answer(iq, sender, "");
        }
        match child.attr("type").filter(|_| child.is("x", DATA)) {
            Some("cancel") => out.answer(iq, sender, ""),
            Some("submit") => self.submit(iq, child, sender, out),
            Some(_) => {
                out.refuse(iq, sender, &Fault::new("cancel", "bad-request").text("Not a submitted form"))
            }
            None => out.refuse(iq, sender, &Fault::new("cancel", "service-unavailable")),
        }
    }

    fn form(&self) -> String {
        let it = &self.configuration;
        let boolean = |name: &str, label: &str, value: bool| {
            format!(
                "<field var='{name}' type='boolean' label='{label}'><value>{}</value></field>",
                u8::from(value)
            )
        };
        let whois = if it.semi_anonymous { "moderators" } else { "anyone" };
        [
            format!("<x xmlns='{DATA}' type='form'><title>Configuration for {}</title>", escape(&self.jid)),
            format!("<field var='FORM_TYPE' type='hidden'><value>{CONFIGURATION}</value></field>"),
            format!(
                "<field var='muc#roomconfig_roomsecret' type='text-private' label='Password'>\
                 <value>{}</value></field>",
                escape(it.password.as_deref().unwrap_or_default())
            ),
            boolean("muc#roomconfig_membersonly", "Only allow members to join", it.members_only),
            format!(
                "<field var='muc#roomconfig_whois' type='list-single' label='Addresses may be viewed by'>\
                 <value>{whois}</value><option label='Moderators only'><value>moderators</value></option>\
                 <option label='Anyone'><value>anyone</value></option></field>"
            ),
            boolean("muc#roomconfig_changesubject", "Allow anyone to set the subject", it.change_subject),
            format!(
                "<field var='muc#roominfo_meetingId' type='text-single' label='The meeting unique id.'>\
                 <value>{}</value></field></x>",
                escape(&self.meeting_id)
            ),
        ]
        .concat()
    }

    /// Takes what an owner has filled in. What it has left out stays.
    fn submit(&mut self, iq: &Element, form: &Element, sender: &Sender<'_>, out: &mut Outbox) {
        let fields = fields(form);
        let value = |name: &str| fields.get(name).map(String::as_str);
        let flag = |name: &str| value(name).map(|value| matches!(value, "1" | "true"));
        if !fields.is_empty() && value("FORM_TYPE") != Some(CONFIGURATION) {
            let text = "Form is not of type room configuration";
            return out.refuse(iq, sender, &Fault::new("cancel", "bad-request").text(text));
        }
        let mut codes = Vec::new();
        let members_only = flag("muc#roomconfig_membersonly");
        let lobby = self.set_lobby(members_only == Some(true), sender, out);
        if let Some(secret) = value("muc#roomconfig_roomsecret") {
            let secret = Some(secret.to_owned()).filter(|secret| !secret.is_empty());
            if std::mem::replace(&mut self.configuration.password, secret.clone()) != secret {
                codes.push(104);
            }
        }
        if members_only.is_some_and(|new| self.set_members_only(new, out)) || lobby {
            codes.push(104);
        }
        if let Some(new) = flag("muc#roomconfig_changesubject")
            && std::mem::replace(&mut self.configuration.change_subject, new) != new
        {
            codes.push(104);
        }
        if let Some(whois) = value("muc#roomconfig_whois") {
            let new = whois == "moderators";
            if std::mem::replace(&mut self.configuration.semi_anonymous, new) != new {
                codes.push(if new { 173 } else { 172 });
            }
        }
        out.answer(iq, sender, "");
        codes.sort_unstable();
        codes.dedup();
        if !codes.is_empty() {
            self.announce_configuration(&codes, out);
        }
    }

    /// Opens the lobby or closes it, as Jitsi does with a room that becomes members-only. True if it was opened.
    fn set_lobby(&mut self, wanted: bool, sender: &Sender<'_>, out: &mut Outbox) -> bool {
        let Some(nick) = self.nicks.get(sender.jid).cloned() else { return false };
        if wanted == self.configuration.lobby.is_some() {
            return false;
        }
        self.configuration.lobby = wanted.then(|| super::lobby::of(&self.jid));
        let json = format!(r#"{{"type":"lobby-notify","event":"LOBBY-ENABLED","value":{wanted}}}"#);
        let content = format!("<json-message xmlns='{}'>{}</json-message>", super::JITMEET, escape(&json));
        self.speak(&nick, None, &content, None, out);
        wanted
    }

    /// Makes the room members-only or open; who is no member has to go. False if it is so already.
    pub(super) fn set_members_only(&mut self, new: bool, out: &mut Outbox) -> bool {
        if std::mem::replace(&mut self.configuration.members_only, new) == new {
            return false;
        }
        if new {
            let strangers =
                self.occupants.values().filter(|it| self.affiliation(&it.jid) <= Affiliation::None);
            let strangers: Vec<_> = strangers.map(|occupant| occupant.nick.clone()).collect();
            for nick in strangers {
                self.expel(&nick, &Change { statuses: &[322], ..Change::default() }, out);
            }
        }
        true
    }
}

fn fields(form: &Element) -> BTreeMap<String, String> {
    let fields = form.children().filter(|child| child.is("field", DATA));
    let value = |field: &Element| field.get_child("value", DATA).map(Element::text).unwrap_or_default();
    fields.filter_map(|field| Some((field.attr("var")?.to_owned(), value(field)))).collect()
}
