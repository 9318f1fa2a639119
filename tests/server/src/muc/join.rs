//! Coming, changing and going: presence (XEP-0045, section 7).

use minidom::Element;
use serde::Deserialize;

use super::rank::{Affiliation, Role};
use super::room::{Change, Kind, NOT_CONNECTED, Occupant, Room, without_claims};
use super::{Fault, JITMEET, MUC, NICK, Outbox, RoomSettings, Sender};
use crate::xml::{CLIENT, escape, inner};

/// The answer to a request to enter a room. The default is what the room answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JoinAnswer {
    /// Answer nothing.
    pub silent: bool,
    /// Refuse with this condition (RFC 6120, section 8.3.3).
    pub error: Option<String>,
    /// The type of the error; `cancel` if not given.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Its text.
    pub text: Option<String>,
    /// What else is in the error, as XML.
    pub application: Option<String>,
}

impl JoinAnswer {
    /// What a script says; `None` if the room is to answer.
    pub(super) fn fault(&self) -> Option<Fault<'_>> {
        let condition = self.error.as_deref()?;
        let kind = self.kind.as_deref().unwrap_or("cancel");
        let (text, application) = (self.text.as_deref(), self.application.as_deref().unwrap_or_default());
        Some(Fault { kind, condition, text, application: application.to_owned() })
    }
}

impl Room {
    /// Takes the presence of a client, who may be in the room or not.
    pub(super) fn handle_presence(
        &mut self,
        stanza: &Element,
        nick: &str,
        sender: &Sender<'_>,
        settings: &RoomSettings,
        out: &mut Outbox,
    ) {
        let inside = self.nicks.get(sender.jid).cloned();
        let enters = stanza.has_child("x", MUC);
        match (stanza.attr("type"), inside) {
            (None, Some(own)) if own == nick => self.update(stanza, &own, enters, sender, out),
            // The nicks are locked down (section 7.6), as those of Jitsi are by their use.
            (None, Some(_)) => out.refuse(stanza, sender, &Fault::new("cancel", "not-acceptable")),
            (None, None) if enters => match self.objection(stanza, nick, sender, settings) {
                Some(fault) => out.refuse(stanza, sender, &fault),
                None => self.enter(stanza, nick, sender, out),
            },
            (None, None) => {
                out.refuse(stanza, sender, &Fault::new("cancel", "item-not-found").text(NOT_CONNECTED));
            }
            (Some("unavailable"), Some(own)) => self.leave(&own, Some(stanza), out),
            (Some("error"), Some(own)) => self.expel_for_error(stanza, &own, out),
            (Some("unavailable" | "error" | "probe"), _) => {}
            (Some(_), _) => out.refuse(stanza, sender, &Fault::new("modify", "bad-request")),
        }
    }

    /// Why somebody may not enter. The order is Prosody's.
    fn objection(
        &self,
        stanza: &Element,
        nick: &str,
        sender: &Sender<'_>,
        settings: &RoomSettings,
    ) -> Option<Fault<'static>> {
        if nick.trim().is_empty() {
            return Some(Fault::new("modify", "not-allowed").text("Invisible Nicknames are forbidden"));
        }
        let people = self.occupants.values().filter(|occupant| occupant.kind != Kind::Focus).count();
        if settings.max_occupants.is_some_and(|most| people >= most) {
            return Some(Fault::new("cancel", "service-unavailable"));
        }
        let affiliation = self.affiliation(sender.jid);
        let given = password(stanza);
        let secret = self.configuration.password.as_ref();
        let knows = secret.is_some() && given.as_ref() == secret;
        if self.configuration.members_only && affiliation <= Affiliation::None && !knows {
            return Some(self.members_only(stanza));
        }
        if affiliation == Affiliation::Outcast {
            return Some(Fault::new("auth", "forbidden"));
        }
        // Who was let in through the lobby need not know the password.
        let admitted =
            self.configuration.members_only && affiliation == Affiliation::Member && given.is_none();
        if secret.is_some() && !knows && !admitted {
            return Some(Fault::new("auth", "not-authorized"));
        }
        self.occupants.contains_key(nick).then(|| Fault::new("cancel", "conflict"))
    }

    /// The refusal of a members-only room, which tells of the lobby if there is one.
    fn members_only(&self, stanza: &Element) -> Fault<'static> {
        let Some(lobby) = &self.configuration.lobby else {
            return Fault::new("auth", "registration-required");
        };
        let named = stanza.get_child("nick", NICK).is_some_and(|nick| !nick.text().is_empty());
        if !named && !self.configuration.waiting_for_host {
            let required = format!("<displayname-required xmlns='{JITMEET}' lobby='true'/>");
            return Fault::new("modify", "not-acceptable").with(required);
        }
        let waiting = match self.configuration.waiting_for_host {
            true => format!("<waiting-for-host xmlns='{JITMEET}'/>"),
            false => String::new(),
        };
        let lobby = format!("<lobbyroom xmlns='{JITMEET}'>{}</lobbyroom>", escape(lobby));
        Fault::new("auth", "registration-required").with(waiting + &lobby)
    }

    /// Lets a client in.
    pub(super) fn enter(&mut self, stanza: &Element, nick: &str, sender: &Sender<'_>, out: &mut Outbox) {
        let new = self.occupants.is_empty();
        // The password lets into a members-only room, and makes a member, as Jitsi's lobby has it.
        if self.configuration.members_only && self.affiliation(sender.jid) == Affiliation::None {
            self.affiliations.insert(crate::xml::bare(sender.jid).to_owned(), Affiliation::Member);
        }
        let mut occupant = self.new_occupant(nick, sender.jid, Kind::Client);
        take_presence(&mut occupant, stanza, sender);
        self.insert(occupant.clone(), sender.now);
        self.send_occupants(&occupant, out);
        let mut own = Vec::new();
        if new {
            own.push(201);
        }
        if !self.configuration.semi_anonymous {
            own.push(100);
        }
        self.publicise(&occupant, &Change { own: &own, ..Change::default() }, out);
        self.send_history(stanza, &occupant.jid, sender.now, out);
        self.send_subject(&occupant.jid, out);
        self.focus_sees_join(nick, out);
    }

    /// The presence of who is there. With `<x/>` it has lost track of the room, and is told all again.
    fn update(&mut self, stanza: &Element, nick: &str, again: bool, sender: &Sender<'_>, out: &mut Outbox) {
        let Some(occupant) = self.occupants.get_mut(nick) else { return };
        take_presence(occupant, stanza, sender);
        let occupant = occupant.clone();
        if again {
            self.send_occupants(&occupant, out);
        }
        self.publicise(&occupant, &Change::default(), out);
        if again {
            self.send_history(stanza, &occupant.jid, sender.now, out);
            self.send_subject(&occupant.jid, out);
        }
    }

    /// An occupant goes, with what its last presence says.
    pub(super) fn leave(&mut self, nick: &str, stanza: Option<&Element>, out: &mut Outbox) {
        let content = stanza.map(|stanza| inner(without_claims(stanza))).unwrap_or_default();
        self.leave_with(nick, content, stanza.and_then(|stanza| stanza.attr("id")), out);
    }

    pub(super) fn leave_with(
        &mut self,
        nick: &str,
        content: String,
        id: Option<&str>,
        out: &mut Outbox,
    ) -> bool {
        let Some(mut occupant) = self.remove(nick) else { return false };
        occupant.presence = content;
        occupant.id = id.map(ToOwned::to_owned);
        self.publicise(&occupant, &Change::default(), out);
        self.focus_sees_leave(&occupant, out);
        true
    }

    /// Who answers with an error is gone, for a technical reason (status code 333).
    pub(super) fn expel_for_error(&mut self, stanza: &Element, nick: &str, out: &mut Outbox) {
        let Some(mut occupant) = self.remove(nick) else { return };
        let condition = stanza.get_child("error", CLIENT).and_then(|error| error.children().next());
        let condition = condition.map_or("presence error".to_owned(), |it| it.name().replace('-', " "));
        occupant.presence = format!("<status>Kicked: {}</status>", escape(&condition));
        self.publicise(&occupant, &Change { statuses: &[333], ..Change::default() }, out);
        self.focus_sees_leave(&occupant, out);
    }

    /// Takes an occupant out who did not ask for it.
    pub(super) fn expel(&mut self, nick: &str, change: &Change<'_>, out: &mut Outbox) {
        let Some(mut occupant) = self.remove(nick) else { return };
        occupant.presence.clear();
        occupant.id = None;
        self.publicise(&occupant, change, out);
        self.focus_sees_leave(&occupant, out);
    }

    /// Ends the room (section 10.9): everybody learns that it is gone.
    pub(super) fn destroy(&mut self, reason: Option<&str>, alternate: Option<&str>, out: &mut Outbox) {
        let jid = alternate.map(|jid| format!(" jid='{}'", escape(jid))).unwrap_or_default();
        let reason = reason.map(|reason| format!("<reason>{}</reason>", escape(reason))).unwrap_or_default();
        let extra = format!("<destroy{jid}>{reason}</destroy>");
        let occupants = std::mem::take(&mut self.occupants);
        self.nicks.clear();
        self.focus = None;
        for (_, mut occupant) in occupants {
            occupant.role = Role::None;
            occupant.presence.clear();
            occupant.id = None;
            // Nobody is left to be told of the others.
            self.publicise(&occupant, &Change { extra: &extra, ..Change::default() }, out);
        }
    }
}

/// The password that a client enters with.
pub(super) fn password(stanza: &Element) -> Option<String> {
    let password = stanza.get_child("x", MUC)?.get_child("password", MUC)?.text();
    Some(password).filter(|password| !password.is_empty())
}

/// What a client says of itself, with the identity that its token gives it.
fn take_presence(occupant: &mut Occupant, stanza: &Element, sender: &Sender<'_>) {
    let children = without_claims(stanza);
    occupant.presence = match sender.identity {
        Some(identity) => inner(children.filter(|child| !child.is("identity", CLIENT))) + identity,
        None => inner(children),
    };
    occupant.id = stanza.attr("id").map(ToOwned::to_owned);
}
