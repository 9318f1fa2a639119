//! The focus: Jicofo, as far as it shows in a room.

use std::collections::HashMap;
use std::sync::Arc;

use minidom::Element;

use super::jingle::Offer;
use super::rank::Affiliation;
use super::room::{Change, Kind, Occupant, Room};
use super::{FOCUS_PROTOCOL, Fault, JITMEET, Moment, Outbox, RoomSettings, Sender};
use crate::conference::FOCUS_USER;
use crate::requests::PING;
use crate::xml::{bare, escape, is_request};

pub(super) const NAME: &str = "focus";

/// What the focus of a room knows.
#[derive(Debug)]
pub(super) struct Focus {
    pub settings: Arc<RoomSettings>,
    /// The nick of who owns the room, as far as the focus cares.
    owner: Option<String>,
    /// The sessions that it has with occupants, by their nicks.
    pub offers: HashMap<String, Offer>,
    /// How many it has offered.
    pub offered: u64,
}

pub(crate) fn is_focus(jid: &str) -> bool {
    bare(jid) == FOCUS_USER
}

/// The full JID of the focus.
pub(super) fn jid() -> String {
    format!("{FOCUS_USER}/{NAME}")
}

/// What its presence holds.
fn presence(settings: &RoomSettings, room: &str) -> String {
    let name = room.split('@').next().unwrap_or_default();
    let property = |(key, value): (&String, &String)| {
        format!("<property key='{}' value='{}'/>", escape(key), escape(value))
    };
    format!(
        "<etherpad xmlns='http://jitsi.org/jitmeet/etherpad'>{}</etherpad>\
         <versions xmlns='{JITMEET}'><component name='focus'>1.0.1</component></versions>\
         <conference-properties xmlns='{FOCUS_PROTOCOL}'>{}</conference-properties>",
        escape(name),
        settings.properties.iter().map(property).collect::<String>()
    )
}

impl Room {
    /// The focus comes; false if it, or somebody by its name, is there.
    pub(super) fn enter_focus(
        &mut self,
        settings: &Arc<RoomSettings>,
        moment: Moment,
        out: &mut Outbox,
    ) -> bool {
        if self.occupants.contains_key(NAME) {
            return false;
        }
        let mut occupant = self.new_occupant(NAME, &jid(), Kind::Focus);
        occupant.presence = presence(settings, &self.jid);
        self.insert(occupant.clone(), moment);
        self.publicise(&occupant, &Change::default(), out);
        let settings = Arc::clone(settings);
        self.focus = Some(Focus { settings, owner: None, offers: HashMap::new(), offered: 0 });
        self.elect(out);
        self.offer_to_all(out);
        true
    }

    /// The focus goes, with all that it knew.
    pub(super) fn leave_focus(&mut self, out: &mut Outbox) -> bool {
        let here = self.focus.take().is_some();
        if here {
            self.expel(NAME, &Change::default(), out);
        }
        here
    }

    /// The focus tells other properties.
    pub(super) fn update_focus(&mut self, settings: &Arc<RoomSettings>, out: &mut Outbox) {
        let Some(focus) = &mut self.focus else { return };
        let changed = focus.settings.properties != settings.properties;
        focus.settings = Arc::clone(settings);
        let content = presence(settings, &self.jid);
        if let Some(occupant) = self.occupants.get_mut(NAME).filter(|_| changed) {
            occupant.presence = content;
            let occupant = occupant.clone();
            self.publicise(&occupant, &Change::default(), out);
        }
    }

    pub(super) fn focus_sees_join(&mut self, nick: &str, out: &mut Outbox) {
        self.elect(out);
        let people = self.occupants.len() - 1;
        match self.focus.as_ref().filter(|focus| focus.settings.offers && people > 1) {
            // As Jicofo does, who declined is asked again if nobody has a session.
            Some(focus) if focus.offers.is_empty() => self.offer_to_all(out),
            Some(_) => drop(self.offer(nick, out)),
            None => {}
        }
    }

    pub(super) fn focus_sees_leave(&mut self, occupant: &Occupant, out: &mut Outbox) {
        let Some(focus) = &mut self.focus else { return };
        focus.offers.remove(&occupant.nick);
        if focus.owner.as_deref() == Some(&occupant.nick) {
            focus.owner = None;
        }
        match self.is_deserted() {
            true => drop(self.leave_focus(out)),
            false => self.elect(out),
        }
    }

    /// Sees to it that the room has an owner: who is one, or else who came first.
    fn elect(&mut self, out: &mut Outbox) {
        let Some(focus) = self.focus.as_mut().filter(|focus| focus.settings.auto_owner) else { return };
        if focus.owner.is_some() {
            return;
        }
        let owns = |it: &&Occupant| self.affiliations.get(it.bare()) == Some(&Affiliation::Owner);
        let clients = || self.occupants.values().filter(|occupant| occupant.kind == Kind::Client);
        let owner = clients().find(owns);
        let chosen = owner.or_else(|| clients().min_by_key(|occupant| occupant.number));
        let Some((nick, jid)) = chosen.map(|it| (it.nick.clone(), it.bare().to_owned())) else { return };
        focus.owner = Some(nick);
        if owner.is_none() {
            let own = self::jid();
            // It is an owner, and may.
            let _ = self.set_affiliation(Some((NAME, &own)), &jid, Affiliation::Owner, None, out);
        }
    }

    /// Answers what a client asks the focus in the room.
    pub(super) fn ask_focus(&mut self, iq: &Element, sender: &Sender<'_>, out: &mut Outbox) {
        if is_request(iq, "set", "jingle", super::jingle::JINGLE) {
            self.handle_jingle(iq, sender, out);
        } else if is_request(iq, "get", "ping", PING) {
            out.answer(iq, sender, "");
        } else {
            match iq.attr("type") {
                Some("get" | "set") => {
                    out.refuse(iq, sender, &Fault::new("cancel", "feature-not-implemented"));
                }
                _ => self.handle_answer(iq, sender, out),
            }
        }
    }
}
