//! The rooms: multi-user chat (XEP-0045) as Prosody's mod_muc and Jitsi's modules for it do it, with a focus.
//!
//! They do no input or output: a stanza and the moment go in, and what is to be sent to whom comes out.

mod admin;
mod config;
mod disco;
mod focus;
mod jingle;
mod join;
mod lobby;
mod message;
mod orders;
mod rank;
mod room;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use minidom::Element;

use self::config::Configuration;
pub use self::config::RoomSettings;
pub use self::jingle::JingleAnswer;
pub use self::join::JoinAnswer;
pub use self::orders::{OccupantState, RoomCommand, RoomOrder, RoomState};
pub use self::rank::{Affiliation, Role};
use self::room::{NOT_CONNECTED, Room};
use crate::Shared;
use crate::requests::{DISCO_INFO, PING};
use crate::xml::{STANZA_ERRORS, bare, condition, escape, is_request};

/// The domain of the rooms.
pub(crate) const CONFERENCE: &str = "conference.meet.example";
/// The domain of the rooms where those wait who may not enter.
pub(crate) const LOBBY: &str = "lobby.meet.example";
/// More rooms than this there cannot be.
const MOST_ROOMS: usize = 10_000;

const MUC: &str = "http://jabber.org/protocol/muc";
const USER: &str = "http://jabber.org/protocol/muc#user";
const ADMIN: &str = "http://jabber.org/protocol/muc#admin";
const OWNER: &str = "http://jabber.org/protocol/muc#owner";
const CONFIGURATION: &str = "http://jabber.org/protocol/muc#roomconfig";
const DATA: &str = "jabber:x:data";
const DISCO_ITEMS: &str = "http://jabber.org/protocol/disco#items";
const NICK: &str = "http://jabber.org/protocol/nick";
const JITMEET: &str = "http://jitsi.org/jitmeet";
const FOCUS_PROTOCOL: &str = "http://jitsi.org/protocol/focus";

type Moment = DateTime<Utc>;

/// All rooms.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    settings: Arc<RoomSettings>,
    /// The answers to those who want to enter; each takes the next.
    joins: VecDeque<JoinAnswer>,
    /// By bare JID.
    rooms: HashMap<String, Room>,
    /// The rooms that sessions have been in, by their full JID.
    visited: HashMap<String, BTreeSet<String>>,
    created: u64,
}

/// Who sends a stanza, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sender<'a> {
    /// The full JID.
    pub jid: &'a str,
    /// What the token says of the user, as it stands in a presence.
    pub identity: Option<&'a str>,
    pub now: Moment,
}

/// What is to be sent, by full JID, and what is to be remembered.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    stanzas: Vec<(String, String)>,
    answers: Vec<JingleAnswer>,
    verdicts: Vec<lobby::Verdict>,
}

/// A refusal.
#[derive(Debug, Clone)]
struct Fault<'a> {
    kind: &'a str,
    condition: &'a str,
    text: Option<&'a str>,
    application: String,
}

impl<'a> Fault<'a> {
    const fn new(kind: &'a str, condition: &'a str) -> Self {
        Self { kind, condition, text: None, application: String::new() }
    }

    fn text(self, text: &'a str) -> Self {
        Self { text: Some(text), ..self }
    }

    fn with(self, application: String) -> Self {
        Self { application, ..self }
    }
}

impl Outbox {
    fn send(&mut self, to: &str, stanza: String) {
        self.stanzas.push((to.to_owned(), stanza));
    }

    /// Sends a stanza of which one part stands before the JID that it is for, and one behind it.
    fn send_between(&mut self, to: &str, head: &str, tail: &str) {
        self.send(to, [head, &escape(to), tail].concat());
    }

    fn reply(&mut self, stanza: &Element, sender: &Sender<'_>, kind: &str, content: &str) {
        let name = stanza.name();
        let id = stanza.attr("id").map(|id| format!(" id='{}'", escape(id))).unwrap_or_default();
        let from = escape(stanza.attr("to").unwrap_or_default());
        let to = escape(sender.jid);
        let text = format!(
            "<{name} xmlns='jabber:client' type='{kind}'{id} from='{from}' to='{to}'>{content}</{name}>"
        );
        self.send(sender.jid, text);
    }

    fn answer(&mut self, iq: &Element, sender: &Sender<'_>, content: &str) {
        self.reply(iq, sender, "result", content);
    }

    fn refuse(&mut self, stanza: &Element, sender: &Sender<'_>, fault: &Fault<'_>) {
        if matches!((stanza.name(), stanza.attr("type")), (_, Some("error")) | ("iq", Some("result"))) {
            return;
        }
        let text = fault.text.map(|text| format!("<text xmlns='{STANZA_ERRORS}'>{}</text>", escape(text)));
        let condition = String::from(&condition(fault.condition, STANZA_ERRORS).build());
        let (text, application) = (text.unwrap_or_default(), &fault.application);
        let kind = escape(fault.kind);
        let content = format!("<error type='{kind}'>{condition}{text}{application}</error>");
        self.reply(stanza, sender, "error", &content);
    }
}

/// Whether a stanza is for a room, or for the component that they are in.
pub(crate) fn is_for_rooms(stanza: &Element) -> bool {
    match bare(stanza.attr("to").unwrap_or_default()).rsplit_once('@') {
        Some((_, domain)) => domain == CONFERENCE || domain == LOBBY,
        None => stanza.attr("to") == Some(CONFERENCE),
    }
}

impl Rooms {
    pub(crate) fn new(settings: RoomSettings) -> Self {
        Self { settings: Arc::new(settings), ..Self::default() }
    }

    /// Takes a stanza to a room, an occupant, or the component.
    pub(crate) fn handle(&mut self, stanza: &Element, sender: &Sender<'_>, out: &mut Outbox) {
        let to = stanza.attr("to").unwrap_or_default();
        let (jid, nick) = match to.split_once('/') {
            Some((jid, nick)) => (jid, Some(nick)),
            None => (to, None),
        };
        if !jid.contains('@') {
            return ask_component(stanza, sender, out);
        }
        if self.is_join(stanza, jid, nick, sender) {
            match self.joins.pop_front() {
                Some(JoinAnswer { silent: true, .. }) => return,
                Some(answer) => {
                    if let Some(fault) = answer.fault() {
                        return out.refuse(stanza, sender, &fault);
                    }
                }
                None => {}
            }
            if !self.rooms.contains_key(jid) {
                match self.create(jid, sender.jid) {
                    // Who creates a room with a password locks it.
                    Ok(room) => room.configuration.password = join::password(stanza),
                    Err(fault) => return out.refuse(stanza, sender, &fault),
                }
            }
            self.visited.entry(sender.jid.to_owned()).or_default().insert(jid.to_owned());
        }
        self.adopt_affiliations(jid);
        let Some(room) = self.rooms.get_mut(jid) else {
            if stanza.attr("type") != Some("unavailable") {
                out.refuse(stanza, sender, &Fault::new("cancel", "item-not-found"));
            }
            return;
        };
        match (stanza.name(), nick) {
            ("presence", Some(nick)) => room.handle_presence(stanza, nick, sender, &self.settings, out),
            // Some clients send their changes to the room.
            ("presence", None) => {
                if let Some(nick) = room.nicks.get(sender.jid).cloned() {
                    room.handle_presence(stanza, &nick, sender, &self.settings, out);
                }
            }
            ("message", Some(nick)) => room.whisper(stanza, nick, sender, out),
            ("message", None) => room.handle_message(stanza, sender, out),
            (_, Some(nick)) => room.pass_on(stanza, nick, sender, out),
            (_, None) => room.handle_iq(stanza, sender, &self.settings, out),
        }
        self.tidy(jid, out);
    }

    /// Whether somebody who is not there wants to enter.
    fn is_join(&self, stanza: &Element, jid: &str, nick: Option<&str>, sender: &Sender<'_>) -> bool {
        let inside = self.rooms.get(jid).is_some_and(|room| room.nicks.contains_key(sender.jid));
        nick.is_some()
            && stanza.name() == "presence"
            && stanza.attr("type").is_none()
            && stanza.has_child("x", MUC)
            && !inside
    }

    fn create(&mut self, jid: &str, creator: &str) -> Result<&mut Room, Fault<'static>> {
        let lobby = jid.ends_with(LOBBY);
        if (self.settings.restrict_creation && !focus::is_focus(creator)) || lobby {
            return Err(Fault::new("cancel", "not-allowed").text("Room creation is restricted"));
        }
        if self.rooms.len() >= MOST_ROOMS {
            // The focus waits in those, for people who did not come.
            self.rooms.retain(|_, room| room.main.is_some() || !room.is_deserted());
        }
        if self.rooms.len() >= MOST_ROOMS {
            return Err(Fault::new("wait", "resource-constraint"));
        }
        self.created += 1;
        let meeting_id = self.settings.meeting_id.clone();
        let meeting_id =
            meeting_id.unwrap_or_else(|| format!("00000000-0000-4000-8000-{:012x}", self.created));
        let configuration =
            Configuration { semi_anonymous: self.settings.semi_anonymous, ..Configuration::default() };
        let mut room = Room::new(jid, configuration, meeting_id);
        if !focus::is_focus(creator) {
            room.affiliations.insert(bare(creator).to_owned(), Affiliation::Owner);
        }
        Ok(self.rooms.entry(jid.to_owned()).insert_entry(room).into_mut())
    }

    /// A room without anybody is gone, and its lobby with it.
    fn tidy(&mut self, jid: &str, out: &mut Outbox) {
        if self.rooms.get(jid).is_some_and(|room| room.occupants.is_empty() && room.main.is_none()) {
            self.rooms.remove(jid);
        }
        self.tend_lobby(jid, out);
    }

    /// A conference request brings the focus into a room.
    pub(crate) fn request_focus(&mut self, jid: &str, now: Moment, out: &mut Outbox) {
        if self.settings.focus && jid.rsplit('@').next() == Some(CONFERENCE) && jid.contains('@') {
            self.bring_focus(jid, now, out);
        }
    }

    fn bring_focus(&mut self, jid: &str, now: Moment, out: &mut Outbox) -> bool {
        if !self.rooms.contains_key(jid) && self.create(jid, &focus::jid()).is_err() {
            return false;
        }
        let settings = Arc::clone(&self.settings);
        self.rooms.get_mut(jid).is_some_and(|room| room.enter_focus(&settings, now, out))
    }

    /// A session is over: it leaves all its rooms.
    pub(crate) fn ended(&mut self, session: &str, out: &mut Outbox) {
        for jid in self.visited.remove(session).unwrap_or_default() {
            self.adopt_affiliations(&jid);
            if let Some(room) = self.rooms.get_mut(&jid)
                && let Some(nick) = room.nicks.get(session).cloned()
            {
                room.leave(&nick, None, out);
                self.tidy(&jid, out);
            }
        }
    }

    /// Forgets all rooms, as a server that restarts.
    pub(crate) fn clear(&mut self) {
        self.rooms.clear();
        self.visited.clear();
    }

    pub(crate) fn set_settings(&mut self, settings: RoomSettings, out: &mut Outbox) {
        self.settings = Arc::new(settings);
        self.rooms.values_mut().for_each(|room| room.update_focus(&self.settings, out));
    }

    pub(crate) fn set_joins(&mut self, joins: Vec<JoinAnswer>) {
        self.joins = joins.into();
    }
}

impl Room {
    /// Answers an IQ to the room itself.
    fn handle_iq(&mut self, iq: &Element, sender: &Sender<'_>, settings: &RoomSettings, out: &mut Outbox) {
        let asks = |name, namespace| {
            is_request(iq, "get", name, namespace) || is_request(iq, "set", name, namespace)
        };
        if is_request(iq, "get", "query", DISCO_INFO) {
            self.tell(iq, sender, settings, out);
        } else if is_request(iq, "get", "query", DISCO_ITEMS) {
            out.answer(iq, sender, &format!("<query xmlns='{DISCO_ITEMS}'/>"));
        } else if is_request(iq, "get", "ping", PING) {
            out.answer(iq, sender, "");
        } else if asks("query", ADMIN) {
            self.handle_admin(iq, sender, out);
        } else if asks("query", OWNER) {
            self.handle_owner(iq, sender, out);
        } else {
            out.refuse(iq, sender, &Fault::new("cancel", "service-unavailable"));
        }
    }

    /// Passes an IQ on to an occupant, and answers pings to oneself (XEP-0410).
    fn pass_on(&mut self, iq: &Element, nick: &str, sender: &Sender<'_>, out: &mut Outbox) {
        let Some(own) = self.nicks.get(sender.jid) else {
            return out.refuse(iq, sender, &Fault::new("cancel", "not-acceptable").text(NOT_CONNECTED));
        };
        let Some(other) = self.occupants.get(nick) else {
            return out.refuse(
                iq,
                sender,
                &Fault::new("cancel", "item-not-found").text("Recipient not in room"),
            );
        };
        if own == nick && is_request(iq, "get", "ping", PING) {
            return out.answer(iq, sender, "");
        }
        match other.kind {
            room::Kind::Focus => self.ask_focus(iq, sender, out),
            // It says nothing, as a client that has hung.
            room::Kind::Silent => {}
            room::Kind::Client => {
                let (kind, id) = (iq.attr("type").unwrap_or_default(), iq.attr("id").unwrap_or_default());
                let text = format!(
                    "<iq xmlns='jabber:client' type='{}' id='{}' from='{}' to='{}'>{}</iq>",
                    escape(kind),
                    escape(id),
                    escape(&self.address(own)),
                    escape(&other.jid),
                    crate::xml::inner(iq.children())
                );
                out.send(&other.jid, text);
            }
        }
    }
}

fn ask_component(stanza: &Element, sender: &Sender<'_>, out: &mut Outbox) {
    if is_request(stanza, "get", "query", DISCO_INFO) {
        disco::tell_component(stanza, sender, out);
    } else if is_request(stanza, "get", "query", DISCO_ITEMS) {
        out.answer(stanza, sender, &format!("<query xmlns='{DISCO_ITEMS}'/>"));
    } else if is_request(stanza, "get", "ping", PING) {
        out.answer(stanza, sender, "");
    } else if stanza.name() == "iq" {
        out.refuse(stanza, sender, &Fault::new("cancel", "service-unavailable"));
    }
}

impl Shared {
    /// Has the rooms do something, and sends what comes of it.
    pub(crate) fn in_rooms<R>(&self, act: impl FnOnce(&mut Rooms, &mut Outbox) -> R) -> R {
        let mut out = Outbox::default();
        let mut state = self.state();
        let result = act(&mut state.rooms, &mut out);
        for (to, stanza) in out.stanzas {
            state.sessions.deliver(&to, stanza);
        }
        drop(state);
        out.answers.into_iter().for_each(|answer| self.jingle.add(answer));
        result
    }

    /// Takes a client's stanza to a room.
    pub(crate) fn handle_in_rooms(&self, jid: &str, stanza: &Element) {
        let identity = self.state().sessions.identity(jid);
        let sender = Sender { jid, identity: identity.as_deref(), now: Utc::now() };
        self.in_rooms(|rooms, out| rooms.handle(stanza, &sender, out));
    }
}

#[cfg(test)]
mod tests;
