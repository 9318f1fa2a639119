//! A room: who is in it, who may do what, and how a change is told to everybody (XEP-0045).

use std::collections::{BTreeMap, HashMap, VecDeque};

use data_encoding::BASE64;
use minidom::Element;
use ring::digest;

use super::config::Configuration;
use super::focus::Focus;
use super::message::{Historic, Subject};
use super::rank::{Affiliation, Role};
use super::{Moment, Outbox, USER};
use crate::xml::{bare, escape};

pub(super) const NOT_CONNECTED: &str = "You are not currently connected to this chat";

/// A room.
#[derive(Debug)]
pub(super) struct Room {
    /// Its bare JID.
    pub jid: String,
    pub configuration: Configuration,
    /// By nick.
    pub occupants: BTreeMap<String, Occupant>,
    /// The nicks of those that are clients, by their full JID.
    pub nicks: HashMap<String, String>,
    /// By bare JID.
    pub affiliations: HashMap<String, Affiliation>,
    pub subject: Option<Subject>,
    pub history: VecDeque<Historic>,
    /// When it had two occupants for the first time, in milliseconds.
    pub created: Option<i64>,
    pub meeting_id: String,
    pub focus: Option<Focus>,
    /// The bare JID of the room that this one is the lobby of.
    pub main: Option<String>,
    /// Counts occupants and messages.
    pub count: u64,
}

/// Who is in a room.
#[derive(Debug, Clone)]
pub(super) struct Occupant {
    pub nick: String,
    /// Its full JID.
    pub jid: String,
    pub kind: Kind,
    pub role: Role,
    /// What its presence holds beside what the room adds.
    pub presence: String,
    /// The id of its last presence.
    pub id: Option<String>,
    /// Who it is across nicks (XEP-0421), as it stands in a stanza.
    pub occupant_id: String,
    /// The order in which they came.
    pub number: u64,
}

/// What an occupant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A session of this server.
    Client,
    /// Nobody: it is there and does what it is ordered to.
    Silent,
    /// The focus.
    Focus,
}

/// What is to be told of a presence beside the presence.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Change<'a> {
    /// The status codes for everybody.
    pub statuses: &'a [u16],
    /// Those for the occupant itself, beside 110.
    pub own: &'a [u16],
    /// Who has done it: its nick, and its full JID.
    pub actor: Option<(&'a str, &'a str)>,
    pub reason: Option<&'a str>,
    /// What else the room says.
    pub extra: &'a str,
    /// What it adds to the presence for the occupant itself.
    pub permissions: &'a str,
}

impl Occupant {
    pub(super) fn bare(&self) -> &str {
        bare(&self.jid)
    }
}

impl Room {
    pub(super) fn new(jid: &str, configuration: Configuration, meeting_id: String) -> Self {
        Self {
            jid: jid.to_owned(),
            configuration,
            occupants: BTreeMap::new(),
            nicks: HashMap::new(),
            affiliations: HashMap::new(),
            subject: None,
            history: VecDeque::new(),
            created: None,
            meeting_id,
            focus: None,
            main: None,
            count: 0,
        }
    }

    pub(super) fn affiliation(&self, jid: &str) -> Affiliation {
        if super::focus::is_focus(jid) {
            return Affiliation::Owner;
        }
        self.affiliations.get(bare(jid)).copied().unwrap_or_default()
    }

    pub(super) fn occupant_of(&self, jid: &str) -> Option<&Occupant> {
        self.occupants.get(self.nicks.get(jid)?)
    }

    /// Nobody is there but the focus.
    pub(super) fn is_deserted(&self) -> bool {
        self.occupants.values().all(|occupant| occupant.kind == Kind::Focus)
    }

    pub(super) fn next_number(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    pub(super) fn new_occupant(&mut self, nick: &str, jid: &str, kind: Kind) -> Occupant {
        let role = self.affiliation(jid).role(self.configuration.members_only);
        let secret = format!("{} {}", self.meeting_id, bare(jid));
        let id = BASE64.encode(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref());
        Occupant {
            nick: nick.to_owned(),
            jid: jid.to_owned(),
            kind,
            role,
            presence: String::new(),
            id: None,
            occupant_id: format!("<occupant-id xmlns='urn:xmpp:occupant-id:0' id='{id}'/>"),
            number: self.next_number(),
        }
    }

    pub(super) fn insert(&mut self, occupant: Occupant, moment: Moment) {
        if occupant.kind == Kind::Client {
            self.nicks.insert(occupant.jid.clone(), occupant.nick.clone());
        }
        self.occupants.insert(occupant.nick.clone(), occupant);
        if self.occupants.len() > 1 && self.created.is_none() {
            // Whole seconds, as Jitsi's module counts them.
            self.created = Some(moment.timestamp() * 1000);
        }
    }

    /// Takes an occupant out; it has no role any more.
    pub(super) fn remove(&mut self, nick: &str) -> Option<Occupant> {
        let mut occupant = self.occupants.remove(nick)?;
        self.nicks.remove(&occupant.jid);
        occupant.role = Role::None;
        Some(occupant)
    }

    pub(super) fn address(&self, nick: &str) -> String {
        format!("{}/{nick}", self.jid)
    }

    /// Whether an occupant is told the real JIDs of others.
    fn sees_jids(&self, occupant: &Occupant) -> bool {
        !self.configuration.semi_anonymous || occupant.role == Role::Moderator
    }

    /// `<item/>` of an occupant.
    pub(super) fn item(
        &self,
        occupant: &Occupant,
        with_jids: bool,
        own: bool,
        change: &Change<'_>,
    ) -> String {
        let affiliation = self.affiliation(&occupant.jid).name();
        let mut item = format!("<item affiliation='{affiliation}' role='{}'", occupant.role.name());
        if with_jids || own {
            item.push_str(&format!(" jid='{}'", escape(&occupant.jid)));
        }
        if change.actor.is_none() && change.reason.is_none() {
            return item + "/>";
        }
        item.push('>');
        if let Some((nick, jid)) = change.actor {
            let jid = if with_jids && !own { format!(" jid='{}'", escape(jid)) } else { String::new() };
            item.push_str(&format!("<actor nick='{}'{jid}/>", escape(nick)));
        }
        if let Some(reason) = change.reason {
            item.push_str(&format!("<reason>{}</reason>", escape(reason)));
        }
        item + "</item>"
    }

    /// The presence of an occupant: what stands before the receiver's JID, and what behind it.
    fn presence(
        &self,
        occupant: &Occupant,
        with_jids: bool,
        own: bool,
        change: &Change<'_>,
    ) -> (String, String) {
        let mut head = format!(
            "<presence xmlns='jabber:client' from='{}/{}'",
            escape(&self.jid),
            escape(&occupant.nick)
        );
        if occupant.role == Role::None {
            head.push_str(" type='unavailable'");
        }
        if let Some(id) = &occupant.id {
            head.push_str(&format!(" id='{}'", escape(id)));
        }
        head.push_str(" to='");
        let mut tail = format!("'>{}{}", occupant.presence, occupant.occupant_id);
        if own {
            tail.push_str(change.permissions);
        }
        tail.push_str(&format!("<x xmlns='{USER}'>{}", self.item(occupant, with_jids, own, change)));
        let codes =
            change.statuses.iter().chain(if own { change.own } else { &[] }).chain(own.then_some(&110));
        codes.for_each(|code| tail.push_str(&format!("<status code='{code}'/>")));
        tail.push_str(change.extra);
        tail.push_str("</x></presence>");
        (head, tail)
    }

    /// Tells everybody, and at last the occupant itself, of a presence.
    pub(super) fn publicise(&self, occupant: &Occupant, change: &Change<'_>, out: &mut Outbox) {
        let full = self.presence(occupant, true, false, change);
        let anonymous =
            self.configuration.semi_anonymous.then(|| self.presence(occupant, false, false, change));
        for other in self.occupants.values() {
            if other.kind != Kind::Client || other.jid == occupant.jid || !self.shows(occupant, other) {
                continue;
            }
            let (head, tail) = match &anonymous {
                Some(anonymous) if !self.sees_jids(other) => anonymous,
                _ => &full,
            };
            out.send_between(&other.jid, head, tail);
        }
        if occupant.kind == Kind::Client {
            let (head, tail) = self.presence(occupant, true, true, change);
            out.send_between(&occupant.jid, &head, &tail);
        }
    }

    /// Sends the presences of all others to an occupant.
    pub(super) fn send_occupants(&self, to: &Occupant, out: &mut Outbox) {
        let with_jids = self.sees_jids(to);
        for occupant in self.occupants.values() {
            if occupant.nick != to.nick && self.shows(occupant, to) {
                let (head, tail) = self.presence(occupant, with_jids, false, &Change::default());
                out.send_between(&to.jid, &head, &tail);
            }
        }
    }

    /// Sends a stanza to everybody: what stands before the receiver's JID, and what behind it.
    pub(super) fn broadcast(&self, head: &str, tail: &str, out: &mut Outbox) {
        self.broadcast_to(|_| true, head, tail, out);
    }

    pub(super) fn broadcast_to(
        &self,
        whom: impl Fn(&Occupant) -> bool,
        head: &str,
        tail: &str,
        out: &mut Outbox,
    ) {
        let clients = self.occupants.values().filter(|occupant| occupant.kind == Kind::Client);
        for occupant in clients.filter(|occupant| whom(occupant)) {
            out.send_between(&occupant.jid, head, tail);
        }
    }

    /// Tells everybody that the room is configured otherwise (XEP-0045, section 10.2.1).
    pub(super) fn announce_configuration(&self, codes: &[u16], out: &mut Outbox) {
        let head =
            format!("<message xmlns='jabber:client' type='groupchat' from='{}' to='", escape(&self.jid));
        let codes: String = codes.iter().map(|code| format!("<status code='{code}'/>")).collect();
        self.broadcast(&head, &format!("'><x xmlns='{USER}'>{codes}</x></message>"), out);
    }
}

/// Removes what only the room may say from the children of a client's stanza.
pub(super) fn without_claims(stanza: &Element) -> impl Iterator<Item = &Element> {
    stanza.children().filter(|child| {
        !child.has_ns(super::MUC) && !child.has_ns(USER) && !child.is("occupant-id", "urn:xmpp:occupant-id:0")
    })
}
