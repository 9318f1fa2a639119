//! Who may do what, and who has to go (XEP-0045, section 9).

use minidom::Element;

use super::lobby::Verdict;
use super::rank::{Affiliation, Role};
use super::room::{Change, Room};
use super::{ADMIN, Fault, Outbox, Sender, USER};
use crate::xml::{bare, escape};

/// Who asks for a change: its nick, and its full JID. Nobody is the server itself.
pub(super) type Actor<'a> = Option<(&'a str, &'a str)>;

/// Why a change is refused.
type Refusal = (&'static str, &'static str);

const NOT_ALLOWED: Refusal = ("cancel", "not-allowed");
const NOT_ACCEPTABLE: Refusal = ("modify", "not-acceptable");

/// The features that Jitsi grants with the role of a moderator.
const PERMISSIONS: [&str; 8] = [
    "livestreaming",
    "recording",
    "transcription",
    "outbound-call",
    "create-polls",
    "send-groupchat",
    "send-private-message",
    "flip",
];

impl Room {
    /// Answers a request of a moderator.
    pub(super) fn handle_admin(&mut self, iq: &Element, sender: &Sender<'_>, out: &mut Outbox) {
        let Some(query) = iq.get_child("query", ADMIN) else { return };
        let items: Vec<_> = query.children().filter(|child| child.is("item", ADMIN)).collect();
        let Some(first) = items.first() else {
            return out.refuse(iq, sender, &Fault::new("cancel", "bad-request"));
        };
        if iq.attr("type") == Some("get") {
            return self.list(iq, first, sender, out);
        }
        // Jitsi takes many at once. The answer comes behind what they lead to, and tells of the first that is refused.
        let outcomes: Vec<_> = items.iter().map(|item| self.change(item, sender, out)).collect();
        match outcomes.into_iter().find_map(Result::err) {
            Some((kind, condition)) => out.refuse(iq, sender, &Fault::new(kind, condition)),
            None => out.answer(iq, sender, ""),
        }
    }

    fn change(&mut self, item: &Element, sender: &Sender<'_>, out: &mut Outbox) -> Result<(), Refusal> {
        if item.attr("jid").is_some_and(|jid| jid.contains('/') || jid.is_empty()) {
            return Err(("modify", "jid-malformed"));
        }
        let own = self.nicks.get(sender.jid).cloned().unwrap_or_default();
        let actor = Some((own.as_str(), sender.jid));
        let reason = item.get_child("reason", ADMIN).map(Element::text);
        let (nick, jid) = (item.attr("nick"), item.attr("jid"));
        let of_nick =
            nick.and_then(|nick| self.occupants.get(nick)).map(|occupant| occupant.bare().to_owned());
        let of_jid = jid.and_then(|jid| self.occupants.values().find(|occupant| occupant.bare() == jid));
        let of_jid = of_jid.map(|occupant| occupant.nick.clone());
        match (item.attr("affiliation"), item.attr("role")) {
            (Some(affiliation), None) => {
                let jid = jid.map(ToOwned::to_owned).or(of_nick).ok_or(("cancel", "bad-request"))?;
                let affiliation = Affiliation::parse(affiliation).ok_or(NOT_ACCEPTABLE)?;
                self.set_affiliation(actor, &jid, affiliation, reason.as_deref(), out)
            }
            (None, Some(role)) => {
                let nick = nick.map(ToOwned::to_owned).or(of_jid).ok_or(("cancel", "bad-request"))?;
                let role = Role::parse(role).ok_or(NOT_ACCEPTABLE)?;
                self.set_role(actor, &nick, role, reason.as_deref(), out)
            }
            _ => Err(("cancel", "bad-request")),
        }
    }

    /// Changes the affiliation of a bare JID, and with it the roles of its occupants.
    pub(super) fn set_affiliation(
        &mut self,
        actor: Actor<'_>,
        jid: &str,
        affiliation: Affiliation,
        reason: Option<&str>,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        if super::focus::is_focus(jid) && affiliation != Affiliation::Owner {
            return Err(NOT_ACCEPTABLE);
        }
        let jid = bare(jid);
        let old = self.affiliation(jid);
        if let Some((_, actor)) = actor {
            let own = self.affiliation(actor);
            let last = || {
                let mut owners = self.affiliations.iter().filter(|(_, it)| **it == Affiliation::Owner);
                owners.all(|(owner, _)| owner == jid)
            };
            match own {
                Affiliation::Owner if bare(actor) == jid && affiliation < old && last() => {
                    return Err(("cancel", "conflict"));
                }
                Affiliation::Owner => {}
                Affiliation::Admin if affiliation.max(old) < Affiliation::Admin => {}
                _ => return Err(NOT_ALLOWED),
            }
        }
        match affiliation {
            Affiliation::None => drop(self.affiliations.remove(jid)),
            _ => drop(self.affiliations.insert(jid.to_owned(), affiliation)),
        }
        let role = affiliation.role(self.configuration.members_only);
        let statuses: &[u16] = match (role, affiliation) {
            (Role::None, Affiliation::Outcast) => &[301],
            (Role::None, _) => &[321],
            _ => &[],
        };
        let change = Change { statuses, actor, reason, ..Change::default() };
        let here = self.occupants.values().filter(|occupant| occupant.bare() == jid);
        let here: Vec<_> = here.map(|occupant| occupant.nick.clone()).collect();
        for nick in &here {
            if role == Role::None {
                self.expel(nick, &change, out);
            } else if let Some(occupant) = self.occupants.get_mut(nick) {
                let before = occupant.role;
                if affiliation < old || before < role {
                    occupant.role = role;
                }
                let occupant = occupant.clone();
                let rises = before < Role::Moderator && occupant.role == Role::Moderator;
                let permissions = if rises { permissions() } else { String::new() };
                self.publicise(&occupant, &Change { permissions: &permissions, ..change }, out);
                if rises && self.configuration.semi_anonymous {
                    // It may see from now on who the others are.
                    self.send_occupants(&occupant, out);
                }
            }
        }
        if here.is_empty() {
            self.announce_affiliation(jid, affiliation, reason, None, out);
        }
        Ok(())
    }

    /// Tells all but one of a change that concerns nobody who is here.
    fn announce_affiliation(
        &self,
        jid: &str,
        affiliation: Affiliation,
        reason: Option<&str>,
        but: Option<&str>,
        out: &mut Outbox,
    ) {
        let head = format!("<message xmlns='jabber:client' from='{}' to='", escape(&self.jid));
        let reason = reason.map(|reason| format!("<reason>{}</reason>", escape(reason))).unwrap_or_default();
        let tail = format!(
            "'><x xmlns='{USER}'><item affiliation='{}' role='none' jid='{}'>{reason}</item></x></message>",
            affiliation.name(),
            escape(jid)
        );
        self.broadcast_to(|occupant| but != Some(&occupant.nick), &head, &tail, out);
    }

    /// Changes the role of an occupant. Without a role it is kicked.
    pub(super) fn set_role(
        &mut self,
        actor: Actor<'_>,
        nick: &str,
        role: Role,
        reason: Option<&str>,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        let occupant = self.occupants.get(nick).ok_or(("modify", "item-not-found"))?;
        if let Some((_, actor)) = actor {
            let own = self.affiliation(actor);
            let moderates = self.occupant_of(actor).is_some_and(|it| it.role == Role::Moderator);
            let of_moderators = occupant.role == Role::Moderator || role == Role::Moderator;
            let may = own >= self.affiliation(&occupant.jid) && (own >= Affiliation::Admin || !of_moderators);
            if !may || !moderates {
                return Err(NOT_ALLOWED);
            }
        }
        let change = Change { actor, reason, ..Change::default() };
        if role == Role::None {
            let jid = occupant.bare().to_owned();
            // As Jitsi does: who is kicked loses its affiliation, of which the others hear first.
            self.affiliations.remove(&jid);
            match (&self.main, actor) {
                (Some(main), Some((_, actor))) => out.verdicts.push(Verdict {
                    main: main.clone(),
                    actor: actor.to_owned(),
                    occupant: self.occupants.get(nick).cloned(),
                    admitted: None,
                }),
                _ => self.announce_affiliation(&jid, Affiliation::None, reason, Some(nick), out),
            }
            self.expel(nick, &Change { statuses: &[307], ..change }, out);
            return Ok(());
        }
        if let Some(occupant) = self.occupants.get_mut(nick) {
            occupant.role = role;
            let occupant = occupant.clone();
            self.publicise(&occupant, &change, out);
        }
        Ok(())
    }

    /// Lists who has an affiliation or a role.
    fn list(&self, iq: &Element, wanted: &Element, sender: &Sender<'_>, out: &mut Outbox) {
        let own = self.affiliation(sender.jid);
        let items = match (wanted.attr("affiliation"), wanted.attr("role")) {
            (Some(name), None) => Affiliation::parse(name).map(|affiliation| {
                (own >= Affiliation::Admin && own >= affiliation).then(|| {
                    let some = self.affiliations.iter().filter(|(_, it)| **it == affiliation);
                    some.map(|(jid, _)| format!("<item affiliation='{name}' jid='{}'/>", escape(jid)))
                        .collect()
                })
            }),
            (None, Some(name)) => Role::parse(name).map(|role| {
                let moderates = self.occupant_of(sender.jid).is_some_and(|it| it.role == Role::Moderator);
                moderates.then(|| {
                    let some = self.occupants.values().filter(|occupant| occupant.role == role);
                    some.map(|occupant| {
                        let affiliation = self.affiliation(&occupant.jid).name();
                        let (jid, nick) = (escape(&occupant.jid), escape(&occupant.nick));
                        format!("<item affiliation='{affiliation}' role='{name}' jid='{jid}' nick='{nick}'/>")
                    })
                    .collect()
                })
            }),
            _ => None,
        };
        let items: String = match items {
            Some(Some(items)) => items,
            Some(None) => return out.refuse(iq, sender, &Fault::new("auth", "forbidden")),
            None => return out.refuse(iq, sender, &Fault::new("cancel", "bad-request")),
        };
        out.answer(iq, sender, &format!("<query xmlns='{ADMIN}'>{items}</query>"));
    }
}

fn permissions() -> String {
    let each = PERMISSIONS.iter().map(|name| format!("<p name='{name}' val='true'/>"));
    format!("<permissions xmlns='{}'>{}</permissions>", super::JITMEET, each.collect::<String>())
}
