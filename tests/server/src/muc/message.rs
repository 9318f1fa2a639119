//! Talk: messages to all and to one, the subject, and what was said before (XEP-0045, sections 7.2.14 to 8.1).

use chrono::{DateTime, SecondsFormat, Utc};
use minidom::Element;

use super::lobby::Verdict;
use super::rank::{Affiliation, Role};
use super::room::{NOT_CONNECTED, Occupant, Room, without_claims};
use super::{Fault, MUC, Moment, NICK, Outbox, Sender, USER};
use crate::xml::{CLIENT, escape, inner};

/// How many messages are told to who comes.
const REMEMBERED: usize = 20;
const HINTS: &str = "urn:xmpp:hints";
/// What makes a room take the receiver for gone.
const GONE: [&str; 9] = [
    "gone",
    "internal-server-error",
    "item-not-found",
    "jid-malformed",
    "recipient-unavailable",
    "redirect",
    "remote-server-not-found",
    "remote-server-timeout",
    "service-unavailable",
];

/// The subject of a room, and who has set it when.
#[derive(Debug)]
pub(super) struct Subject {
    from: String,
    pub text: String,
    at: DateTime<Utc>,
}

/// A message that was said: what stands before the receiver's JID, and what behind it.
#[derive(Debug)]
pub(super) struct Historic {
    head: String,
    tail: String,
    at: DateTime<Utc>,
}

impl Room {
    /// Takes a message to the room itself.
    pub(super) fn handle_message(&mut self, stanza: &Element, sender: &Sender<'_>, out: &mut Outbox) {
        match stanza.attr("type") {
            Some("groupchat") => self.say(stanza, sender, out),
            Some("error") => self.receive_error(stanza, sender, out),
            None | Some("normal") => self.invite(stanza, sender, out),
            Some(_) => {}
        }
    }

    fn say(&mut self, stanza: &Element, sender: &Sender<'_>, out: &mut Outbox) {
        let Some(occupant) = self.occupant_of(sender.jid) else {
            return out.refuse(stanza, sender, &Fault::new("cancel", "not-acceptable").text(NOT_CONNECTED));
        };
        if occupant.role <= Role::Visitor {
            let text = "You do not currently have permission to speak in this chat";
            return out.refuse(stanza, sender, &Fault::new("auth", "forbidden").text(text));
        }
        let (nick, role) = (occupant.nick.clone(), occupant.role);
        let content = stanza.has_child("body", CLIENT) || stanza.has_child("thread", CLIENT);
        if let Some(subject) = stanza.get_child("subject", CLIENT).filter(|_| !content) {
            if role < Role::Moderator && !self.configuration.change_subject {
                let text = "You are not allowed to change the subject";
                return out.refuse(stanza, sender, &Fault::new("auth", "forbidden").text(text));
            }
            return self.set_subject(&nick, &subject.text(), sender.now, out);
        }
        let ours =
            |child: &&Element| child.is("delay", "urn:xmpp:delay") && child.attr("from") == Some(&self.jid);
        let children = without_claims(stanza).filter(|child| !ours(child) && !child.is("nick", NICK));
        let (content, id) = (inner(children), stanza.attr("id"));
        let historic = is_historic(stanza);
        self.speak(&nick, id, &content, historic.then_some(sender.now), out);
    }

    /// Sends a message of an occupant to everybody.
    pub(super) fn speak(
        &mut self,
        nick: &str,
        id: Option<&str>,
        content: &str,
        remember: Option<Moment>,
        out: &mut Outbox,
    ) {
        let Some(occupant) = self.occupants.get(nick) else { return };
        let content = format!("{content}{}", occupant.occupant_id);
        let id = id.map_or_else(|| format!("message-{}", self.count + 1), ToOwned::to_owned);
        let head = format!(
            "<message xmlns='jabber:client' type='groupchat' from='{}' id='{}' to='",
            escape(&self.address(nick)),
            escape(&id),
        );
        let hears = |other: &Occupant| self.hears(occupant, other);
        self.broadcast_to(hears, &head, &format!("'>{content}</message>"), out);
        self.count += 1;
        if let Some(at) = remember {
            let tail = format!("'>{content}{}</message>", self.delay(at));
            self.history.push_back(Historic { head, tail, at });
            if self.history.len() > REMEMBERED {
                self.history.pop_front();
            }
        }
    }

    pub(super) fn set_subject(&mut self, nick: &str, text: &str, now: Moment, out: &mut Outbox) {
        let from = self.address(nick);
        if self.subject.as_ref().is_some_and(|subject| subject.text == text && subject.from == from) {
            return;
        }
        let (head, tail) = subject(&from, text, "");
        self.broadcast(&head, &tail, out);
        self.subject = Some(Subject { from, text: text.to_owned(), at: now });
    }

    /// Tells who comes of the subject, even if there is none (section 7.2.15).
    pub(super) fn send_subject(&self, to: &str, out: &mut Outbox) {
        if self.main.is_some() {
            // What comes from the lobby itself does not pass Jitsi's filter.
            return;
        }
        let (head, tail) = match &self.subject {
            Some(it) => subject(&it.from, &it.text, &self.delay(it.at)),
            None => subject(&self.jid, "", ""),
        };
        out.send_between(to, &head, &tail);
    }

    /// Tells who comes of what was said, as much of it as it asks for (section 7.2.14).
    pub(super) fn send_history(&self, stanza: &Element, to: &str, now: Moment, out: &mut Outbox) {
        let asked = stanza.get_child("x", MUC).and_then(|x| x.get_child("history", MUC));
        let number = |name: &str| asked.and_then(|asked| asked.attr(name)?.parse::<u32>().ok());
        let most = number("maxstanzas").map_or(REMEMBERED, |most| most as usize);
        let mut characters = number("maxchars").map_or(usize::MAX, |most| most as usize);
        let seconds = number("seconds").map(|seconds| now - chrono::Duration::seconds(seconds.into()));
        let since = asked.and_then(|asked| asked.attr("since")?.parse::<DateTime<Utc>>().ok()).max(seconds);
        let escaped = escape(to);
        let mut wanted = Vec::new();
        for message in self.history.iter().rev().take(most) {
            let text = [&*message.head, &*escaped, &*message.tail].concat();
            if since.is_some_and(|since| since > message.at) || text.len() > characters {
                break;
            }
            characters -= text.len();
            wanted.push(text);
        }
        wanted.into_iter().rev().for_each(|text| out.send(to, text));
    }

    fn delay(&self, at: DateTime<Utc>) -> String {
        let stamp = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        format!("<delay xmlns='urn:xmpp:delay' from='{}' stamp='{stamp}'/>", escape(&self.jid))
    }

    /// Takes a message to an occupant (section 7.5).
    pub(super) fn whisper(&mut self, stanza: &Element, nick: &str, sender: &Sender<'_>, out: &mut Outbox) {
        let kind = stanza.attr("type");
        let Some(own) = self.occupant_of(sender.jid) else {
            if kind != Some("error") {
                out.refuse(stanza, sender, &Fault::new("cancel", "not-acceptable").text(NOT_CONNECTED));
            }
            return;
        };
        match kind {
            Some("groupchat") => return out.refuse(stanza, sender, &Fault::new("modify", "bad-request")),
            Some("error") => return self.receive_error(stanza, sender, out),
            _ => {}
        }
        let Some(other) = self.occupants.get(nick) else {
            let fault = Fault::new("cancel", "item-not-found").text("Recipient not in room");
            return out.refuse(stanza, sender, &fault);
        };
        if !self.hears(own, other) {
            return;
        }
        let mut head = format!("<message xmlns='jabber:client' from='{}'", escape(&self.address(&own.nick)));
        for (name, value) in [("type", kind), ("id", stanza.attr("id"))] {
            if let Some(value) = value {
                head.push_str(&format!(" {name}='{}'", escape(value)));
            }
        }
        let content = inner(without_claims(stanza));
        let text = format!(
            "{head} to='{}'>{content}<x xmlns='{USER}'/>{}</message>",
            escape(&other.jid),
            own.occupant_id
        );
        out.send(&other.jid, text);
    }

    /// Who cannot be reached is taken out.
    fn receive_error(&mut self, stanza: &Element, sender: &Sender<'_>, out: &mut Outbox) {
        let error = stanza.get_child("error", CLIENT).and_then(|error| error.children().next());
        let gone = error.is_none_or(|condition| GONE.contains(&condition.name()));
        if let Some(nick) = self.nicks.get(sender.jid).filter(|_| gone).cloned() {
            self.expel_for_error(stanza, &nick, out);
        }
    }

    /// Passes invitations on (section 7.8.2). They make a member in a members-only room, which is how a lobby admits.
    fn invite(&mut self, stanza: &Element, sender: &Sender<'_>, out: &mut Outbox) {
        let Some(x) = stanza.get_child("x", USER) else { return };
        let invitations = x.children().filter(|child| child.is("invite", USER));
        let invitations: Vec<_> =
            invitations.filter_map(|invite| Some((invite, invite.attr("to")?))).collect();
        if invitations.is_empty() {
            return out.refuse(stanza, sender, &Fault::new("cancel", "bad-request"));
        }
        let affiliation = self.affiliation(sender.jid);
        let role = self.occupant_of(sender.jid).map_or(Role::None, |occupant| occupant.role);
        let needed = if self.configuration.members_only { Affiliation::Admin } else { Affiliation::None };
        if role <= Role::Visitor || affiliation < needed {
            return out.refuse(stanza, sender, &Fault::new("auth", "forbidden"));
        }
        for (invite, to) in invitations {
            if self.configuration.members_only && self.affiliation(to) == Affiliation::None {
                self.affiliations.insert(crate::xml::bare(to).to_owned(), Affiliation::Member);
            }
            let reason = invite.get_child("reason", USER).map(Element::text).unwrap_or_default();
            let text = format!(
                "<message xmlns='jabber:client' from='{}' to='{}'><x xmlns='{USER}'><invite from='{}'>\
                 <reason>{}</reason></invite></x></message>",
                escape(&self.jid),
                escape(to),
                escape(sender.jid),
                escape(&reason),
            );
            out.send(to, text);
            out.verdicts.push(Verdict {
                main: self.jid.clone(),
                actor: sender.jid.to_owned(),
                occupant: None,
                admitted: Some(to.to_owned()),
            });
        }
    }
}

fn subject(from: &str, text: &str, delay: &str) -> (String, String) {
    let head = format!("<message xmlns='jabber:client' type='groupchat' from='{}' to='", escape(from));
    (head, format!("'><subject>{}</subject>{delay}</message>", escape(text)))
}

/// Whether a message is for those too who come later (XEP-0334).
fn is_historic(stanza: &Element) -> bool {
    if stanza.has_child("no-store", HINTS) || stanza.has_child("no-permanent-store", HINTS) {
        return false;
    }
    stanza.has_child("store", HINTS) || stanza.has_child("body", CLIENT)
}
