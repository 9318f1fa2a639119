//! The lobby: the room where those wait who may not enter (Jitsi's mod_muc_lobby_rooms).
//!
//! It is there while its main room has one. Owners of the main room are owners here; those who wait see nobody, and talk
//! with owners alone.

use minidom::Element;
use serde_json::json;

use super::rank::Affiliation;
use super::room::{Occupant, Room};
use super::{JITMEET, LOBBY, NICK, Outbox, Rooms};
use crate::xml::escape;

/// Somebody was let in from the lobby, or was not.
#[derive(Debug)]
pub(super) struct Verdict {
    /// The main room.
    pub main: String,
    /// The full JID of who has decided.
    pub actor: String,
    /// Who waited: its nick, its full JID and its presence.
    pub occupant: Option<Occupant>,
    /// The full JID that was let in.
    pub admitted: Option<String>,
}

/// The bare JID of the lobby of a room.
pub(super) fn of(room: &str) -> String {
    format!("{}@{LOBBY}", room.split('@').next().unwrap_or_default())
}

impl Rooms {
    /// A lobby goes by what its main room says of affiliations.
    pub(super) fn adopt_affiliations(&mut self, jid: &str) {
        let Some(main) = self.rooms.get(jid).and_then(|lobby| lobby.main.as_ref()) else { return };
        let affiliations = self.rooms.get(main).map(|main| main.affiliations.clone()).unwrap_or_default();
        if let Some(lobby) = self.rooms.get_mut(jid) {
            lobby.affiliations = affiliations;
        }
    }

    /// Opens and closes the lobby of a room that may have changed, and tells what was decided about who waits.
    pub(super) fn tend_lobby(&mut self, jid: &str, out: &mut Outbox) {
        for verdict in std::mem::take(&mut out.verdicts) {
            self.tell(&verdict, out);
        }
        let room = self.rooms.get(jid);
        if room.is_some_and(|room| room.main.is_some()) {
            return;
        }
        let wanted = room.and_then(|room| room.configuration.lobby.clone());
        let gone = room.is_none();
        let lobby = of(jid);
        match (wanted, self.rooms.contains_key(&lobby)) {
            (Some(_), false) => {
                let mut room = Room::new(&lobby, super::Configuration::default(), lobby.clone());
                room.main = Some(jid.to_owned());
                self.rooms.insert(lobby, room);
            }
            (None, true) => {
                if let Some(mut lobby) = self.rooms.remove(&lobby) {
                    lobby.destroy(Some("Lobby room closed."), (!gone).then_some(jid), out);
                }
            }
            _ => {}
        }
    }

    /// Tells the main room of a verdict, in the name of who has decided.
    fn tell(&mut self, verdict: &Verdict, out: &mut Outbox) {
        let lobby = of(&verdict.main);
        let waiting =
            verdict.admitted.as_deref().and_then(|jid| self.rooms.get(&lobby)?.occupant_of(jid).cloned());
        let Some(occupant) = verdict.occupant.clone().or(waiting) else { return };
        let event = if verdict.admitted.is_some() { "LOBBY-ACCESS-GRANTED" } else { "LOBBY-ACCESS-DENIED" };
        let mut message =
            json!({ "type": "lobby-notify", "event": event, "value": format!("{lobby}/{}", occupant.nick) });
        if let Some(name) = display_name(&occupant) {
            message["name"] = name.into();
        }
        let Some(main) = self.rooms.get_mut(&verdict.main) else { return };
        if let Some(nick) = main.nicks.get(&verdict.actor).cloned() {
            let content =
                format!("<json-message xmlns='{JITMEET}'>{}</json-message>", escape(&message.to_string()));
            main.speak(&nick, None, &content, None, out);
        }
    }
}

impl Room {
    /// Whether an occupant is shown to another. In a lobby those who wait are shown to owners, unless they go.
    pub(super) fn shows(&self, occupant: &Occupant, to: &Occupant) -> bool {
        let owns = |it: &Occupant| self.affiliation(&it.jid) == Affiliation::Owner;
        self.main.is_none() || occupant.role == super::Role::None || (owns(to) && !owns(occupant))
    }

    /// Whether what one occupant says comes to another. In a lobby owners alone are talked with.
    pub(super) fn hears(&self, from: &Occupant, to: &Occupant) -> bool {
        let owns = |it: &Occupant| self.affiliation(&it.jid) == Affiliation::Owner;
        self.main.is_none() || owns(to) || owns(from)
    }
}

fn display_name(occupant: &Occupant) -> Option<String> {
    let presence = format!("<presence xmlns='jabber:client'>{}</presence>", occupant.presence);
    let presence: Element = presence.parse().ok()?;
    presence.get_child("nick", NICK).map(Element::text)
}
