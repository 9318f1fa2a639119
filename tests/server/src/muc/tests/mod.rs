//! A room and its clients, without a wire.

mod focus;
mod join;
mod lobby;
mod moderation;
mod orders;
mod talk;

use chrono::{DateTime, Utc};
use minidom::Element;

use super::*;
use crate::xml::CLIENT;

const ROOM: &str = "room@conference.meet.example";

/// The rooms, and what they have sent that nobody has looked at.
#[derive(Default)]
struct Stage {
    rooms: Rooms,
    out: Outbox,
}

fn noon() -> DateTime<Utc> {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

fn jid(name: &str) -> String {
    format!("{name}@meet.example/r")
}

impl Stage {
    /// Where conference requests bring no focus.
    fn with(settings: RoomSettings) -> Self {
        let mut stage = Self::default();
        stage.rooms.set_settings(settings, &mut Outbox::default());
        stage
    }

    /// A client sends a stanza. `{to}` is the room.
    fn send(&mut self, name: &str, stanza: &str) -> &mut Self {
        self.send_as(name, None, stanza)
    }

    fn send_as(&mut self, name: &str, identity: Option<&str>, stanza: &str) -> &mut Self {
        let stanza = stanza.replace("{to}", ROOM).replacen(' ', " xmlns='jabber:client' ", 1);
        let stanza: Element = stanza.parse().unwrap();
        assert!(is_for_rooms(&stanza));
        let sender = Sender { jid: &jid(name), identity, now: noon() };
        self.rooms.handle(&stanza, &sender, &mut self.out);
        self
    }

    /// A client enters with its name as its nick, and looks at nothing of what comes of it.
    fn enter(&mut self, names: &[&str]) -> &mut Self {
        for name in names {
            self.join(name, "");
        }
        self.out.stanzas.clear();
        self
    }

    /// A client asks to enter, with this in `<x/>`.
    fn join(&mut self, name: &str, content: &str) -> &mut Self {
        self.send(name, &format!("<presence to='{{to}}/{name}'><x xmlns='{MUC}'>{content}</x></presence>"))
    }

    /// What a client has been sent since, read.
    fn inbox(&mut self, name: &str) -> Vec<Element> {
        let to = jid(name);
        let its = self.out.stanzas.extract_if(.., |(jid, _)| *jid == to);
        let read = |(jid, text): (String, String)| {
            let stanza: Element = text.parse().expect(&text);
            assert_eq!(stanza.attr("to"), Some(&*jid), "{text}");
            stanza
        };
        its.map(read).collect()
    }

    /// The one stanza that a client has been sent.
    fn one(&mut self, name: &str) -> Element {
        let mut inbox = self.inbox(name);
        assert_eq!(inbox.len(), 1, "{:?}", inbox.iter().map(String::from).collect::<Vec<_>>());
        inbox.remove(0)
    }

    /// The first stanza of a kind that a client has been sent from this nick.
    fn from(&mut self, name: &str, nick: &str) -> Element {
        let from = format!("{ROOM}/{nick}");
        let inbox = self.inbox(name);
        inbox.into_iter().find(|stanza| stanza.attr("from") == Some(&from)).expect(&from)
    }
}

/// The status codes of a stanza.
fn codes(stanza: &Element) -> Vec<String> {
    let Some(x) = stanza.get_child("x", USER) else { return Vec::new() };
    let mut codes: Vec<_> = x.children().filter_map(|child| Some(child.attr("code")?.to_owned())).collect();
    codes.sort();
    codes
}

/// The item of a presence.
fn item(stanza: &Element) -> &Element {
    stanza.get_child("x", USER).and_then(|x| x.get_child("item", USER)).expect("an item")
}

/// The affiliation and the role that a presence tells.
fn rank(stanza: &Element) -> (&str, &str) {
    let item = item(stanza);
    (item.attr("affiliation").unwrap(), item.attr("role").unwrap())
}

/// The type, the condition and the text of an error.
fn error(stanza: &Element) -> (String, String, String) {
    assert_eq!(stanza.attr("type"), Some("error"), "{}", String::from(stanza));
    let error = stanza.get_child("error", CLIENT).unwrap();
    let condition = error.children().next().unwrap().name().to_owned();
    let text = error.get_child("text", STANZA_ERRORS).map(Element::text).unwrap_or_default();
    (error.attr("type").unwrap().to_owned(), condition, text)
}

fn nick_of(stanza: &Element) -> &str {
    stanza.attr("from").and_then(|from| from.split_once('/')).map_or("", |(_, nick)| nick)
}
