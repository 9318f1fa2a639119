//! What can be made to happen in a room.

use chrono::Utc;
use minidom::{Element, rxml};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::rank::{Affiliation, Role};
use super::room::{Change, Kind, Room};
use super::{CONFERENCE, JITMEET, Outbox, Rooms};
use crate::TestServer;
use crate::xml::{escape, name};

/// Something that is to happen in a room. As JSON an object whose `order` is the name of the order in snake case,
/// beside its fields.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum RoomOrder {
    /// End the room.
    Destroy {
        /// Why.
        reason: Option<String>,
        /// The JID of the room to go to.
        alternate: Option<String>,
    },
    /// Kick an occupant.
    Kick {
        /// Who.
        nick: String,
        /// Why.
        reason: Option<String>,
        /// The nick of who does it.
        actor: Option<String>,
    },
    /// Give an occupant another affiliation: `owner` makes a moderator, `outcast` bans.
    Affiliate {
        /// Who.
        nick: String,
        /// What it becomes.
        affiliation: Affiliation,
        /// Why.
        reason: Option<String>,
        /// The nick of who does it.
        actor: Option<String>,
    },
    /// Give an occupant another role.
    Role {
        /// Who.
        nick: String,
        /// What it becomes.
        role: Role,
    },
    /// Change the configuration, and tell the occupants that it has changed. What is left out stays.
    Configure {
        /// The password; an empty one is none.
        password: Option<String>,
        /// Members alone may enter. Who is none has to go.
        members_only: Option<bool>,
        /// Members alone may enter, others are sent to a lobby. Who is here becomes a member.
        lobby: Option<bool>,
        /// Those in the lobby are told that a host is to come.
        waiting_for_host: Option<bool>,
        /// Moderators alone learn the real JIDs.
        semi_anonymous: Option<bool>,
        /// All participants may set the subject.
        change_subject: Option<bool>,
    },
    /// Have somebody enter who is not connected: it says nothing but what it is ordered to.
    Enter {
        /// Its nick.
        nick: String,
        /// Its full JID; one of its own if not given. That of the focus, `focus@auth.meet.example/focus`, or one like it
        /// makes it an impostor.
        jid: Option<String>,
        /// Its affiliation.
        affiliation: Option<Affiliation>,
        /// What its presence holds, as XML.
        #[serde(default)]
        content: String,
    },
    /// Have so many of these enter, each with a presence as Jitsi Meet sends it.
    Populate {
        /// How many.
        count: u64,
    },
    /// Have one of these send another presence.
    Presence {
        /// Its nick.
        nick: String,
        /// What its presence holds, as XML.
        #[serde(default)]
        content: String,
    },
    /// Have one of these send so many presences.
    Flood {
        /// Its nick.
        nick: String,
        /// How many.
        count: u64,
    },
    /// Have one of these take a display name of so many bytes.
    LongName {
        /// Its nick.
        nick: String,
        /// The length of the display name.
        bytes: usize,
    },
    /// Have one of these leave.
    Leave {
        /// Its nick.
        nick: String,
        /// What it says.
        status: Option<String>,
    },
    /// Send a stanza as if it came from the room, or from an occupant who need not be there.
    Send {
        /// The stanza, with its namespace.
        stanza: String,
        /// The nick that it comes from; the room if not given.
        from: Option<String>,
        /// The nick that it goes to; all clients in the room if not given.
        to: Option<String>,
    },
    /// The focus comes.
    FocusJoins,
    /// The focus goes.
    FocusLeaves,
    /// The focus offers media to an occupant that has no session with it.
    Offer {
        /// Its nick.
        nick: String,
    },
}

/// An order and the room that it is for. As JSON the fields of the order beside `room`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub struct RoomCommand {
    /// The name of the room, or its bare JID.
    pub room: String,
    /// What is to happen.
    pub order: RoomOrder,
}

impl TryFrom<Map<String, Value>> for RoomCommand {
    type Error = serde_json::Error;

    // A flattened order would take fields that it does not know.
    fn try_from(mut fields: Map<String, Value>) -> Result<Self, Self::Error> {
        let room = fields.remove("room").ok_or_else(|| serde::de::Error::missing_field("room"))?;
        let order = serde_json::from_value(Value::Object(fields))?;
        Ok(Self { room: serde_json::from_value(room)?, order })
    }
}

/// What a room is like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RoomState {
    /// Its bare JID.
    pub jid: String,
    /// Who is in it, by nick.
    pub occupants: Vec<OccupantState>,
    /// The subject, if it was set.
    pub subject: Option<String>,
    /// The password, if there is one.
    pub password: Option<String>,
    /// Members alone may enter.
    pub members_only: bool,
    /// The JID of the lobby, if there is one.
    pub lobby: Option<String>,
    /// Moderators alone learn the real JIDs.
    pub semi_anonymous: bool,
    /// The id of the meeting.
    pub meeting_id: String,
}

/// An occupant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OccupantState {
    /// The nick.
    pub nick: String,
    /// The full JID.
    pub jid: String,
    /// The affiliation.
    pub affiliation: Affiliation,
    /// The role.
    pub role: Role,
    /// What its presence holds beside what the room adds, as XML.
    pub presence: String,
}

impl Rooms {
    /// Carries an order out; false if the room, or who is to do it, is not there.
    pub(super) fn obey(&mut self, jid: &str, order: &RoomOrder, out: &mut Outbox) -> bool {
        if matches!(order, RoomOrder::FocusJoins) {
            return self.bring_focus(jid, Utc::now(), out);
        }
        if matches!(order, RoomOrder::Enter { .. } | RoomOrder::Populate { .. })
            && !self.rooms.contains_key(jid)
            && self.create(jid, &super::focus::jid()).is_err()
        {
            return false;
        }
        self.adopt_affiliations(jid);
        let obeyed = self.rooms.get_mut(jid).is_some_and(|room| room.obey(order, out));
        self.tidy(jid, out);
        obeyed
    }

    pub(super) fn state(&self, jid: &str) -> Option<RoomState> {
        let room = self.rooms.get(jid)?;
        let occupants = room.occupants.values().map(|occupant| OccupantState {
            nick: occupant.nick.clone(),
            jid: occupant.jid.clone(),
            affiliation: room.affiliation(&occupant.jid),
            role: occupant.role,
            presence: occupant.presence.clone(),
        });
        let it = &room.configuration;
        Some(RoomState {
            jid: room.jid.clone(),
            occupants: occupants.collect(),
            subject: room.subject.as_ref().map(|subject| subject.text.clone()),
            password: it.password.clone(),
            members_only: it.members_only,
            lobby: it.lobby.clone(),
            semi_anonymous: it.semi_anonymous,
            meeting_id: room.meeting_id.clone(),
        })
    }
}

impl Room {
    fn obey(&mut self, order: &RoomOrder, out: &mut Outbox) -> bool {
        match order {
            RoomOrder::Destroy { reason, alternate } => {
                self.destroy(reason.as_deref(), alternate.as_deref(), out);
                true
            }
            RoomOrder::Kick { nick, reason, actor } => {
                let role = Role::None;
                self.as_actor(
                    actor,
                    |room, actor, out| room.set_role(actor, nick, role, reason.as_deref(), out),
                    out,
                )
            }
            RoomOrder::Affiliate { nick, affiliation, reason, actor } => {
                let Some(jid) = self.occupants.get(nick).map(|occupant| occupant.bare().to_owned()) else {
                    return false;
                };
                let change = |room: &mut Self, actor: super::admin::Actor<'_>, out: &mut Outbox| {
                    room.set_affiliation(actor, &jid, *affiliation, reason.as_deref(), out)
                };
                self.as_actor(actor, change, out)
            }
            RoomOrder::Role { nick, role } => self.set_role(None, nick, *role, None, out).is_ok(),
            RoomOrder::Configure { .. } => {
                self.configure(order, out);
                true
            }
            RoomOrder::Enter { nick, jid, affiliation, content } => {
                let jid = jid.clone().unwrap_or_else(|| silent_jid(nick));
                self.enter_silent(nick, &jid, *affiliation, content.clone(), out)
            }
            RoomOrder::Populate { count } => {
                for _ in 0..*count {
                    let number = self.count + 1;
                    let nick = format!("{number:08x}");
                    let (jid, content) = (silent_jid(&nick), typical(&nick, number));
                    self.enter_silent(&nick, &jid, None, content, out);
                }
                true
            }
            RoomOrder::Presence { nick, content } => self.update_silent(nick, content.clone(), out),
            RoomOrder::Flood { nick, count } => {
                (0..*count).all(|number| self.update_silent(nick, typical(nick, number), out))
            }
            RoomOrder::LongName { nick, bytes } => {
                let content = format!("<nick xmlns='{}'>{}</nick>", super::NICK, "x".repeat(*bytes));
                self.update_silent(nick, content, out)
            }
            RoomOrder::Leave { nick, status } => {
                let silent = self.occupants.get(nick).is_some_and(|occupant| occupant.kind == Kind::Silent);
                let status = status.as_ref().map(|status| format!("<status>{}</status>", escape(status)));
                silent && self.leave_with(nick, status.unwrap_or_default(), None, out)
            }
            RoomOrder::Send { stanza, from, to } => self.forge(stanza, from.as_deref(), to.as_deref(), out),
            RoomOrder::FocusLeaves => self.leave_focus(out),
            RoomOrder::Offer { nick } => self.offer(nick, out),
            RoomOrder::FocusJoins => false,
        }
    }

    /// Has an occupant do something, or the server if none is named.
    fn as_actor<E>(
        &mut self,
        nick: &Option<String>,
        act: impl FnOnce(&mut Self, super::admin::Actor<'_>, &mut Outbox) -> Result<(), E>,
        out: &mut Outbox,
    ) -> bool {
        let Some(nick) = nick else { return act(self, None, out).is_ok() };
        let Some(jid) = self.occupants.get(nick).map(|occupant| occupant.jid.clone()) else { return false };
        act(self, Some((nick, &jid)), out).is_ok()
    }

    fn configure(&mut self, order: &RoomOrder, out: &mut Outbox) {
        let RoomOrder::Configure {
            password,
            members_only,
            lobby,
            waiting_for_host,
            semi_anonymous,
            change_subject,
        } = order
        else {
            return;
        };
        if let Some(password) = password {
            self.configuration.password = Some(password.clone()).filter(|password| !password.is_empty());
        }
        if let Some(new) = *lobby {
            self.configuration.lobby = new.then(|| super::lobby::of(&self.jid));
            for occupant in self.occupants.values().filter(|occupant| occupant.kind != Kind::Focus) {
                self.affiliations.entry(occupant.bare().to_owned()).or_insert(Affiliation::Member);
            }
            self.set_members_only(new, out);
        }
        if let Some(new) = *members_only {
            self.set_members_only(new, out);
        }
        let it = &mut self.configuration;
        it.waiting_for_host = waiting_for_host.unwrap_or(it.waiting_for_host);
        it.semi_anonymous = semi_anonymous.unwrap_or(it.semi_anonymous);
        it.change_subject = change_subject.unwrap_or(it.change_subject);
        self.announce_configuration(&[104], out);
    }

    fn enter_silent(
        &mut self,
        nick: &str,
        jid: &str,
        affiliation: Option<Affiliation>,
        content: String,
        out: &mut Outbox,
    ) -> bool {
        if self.occupants.contains_key(nick) {
            return false;
        }
        if let Some(affiliation) = affiliation {
            self.affiliations.insert(crate::xml::bare(jid).to_owned(), affiliation);
        }
        let mut occupant = self.new_occupant(nick, jid, Kind::Silent);
        occupant.presence = content;
        self.insert(occupant.clone(), Utc::now());
        self.publicise(&occupant, &Change::default(), out);
        self.focus_sees_join(nick, out);
        true
    }

    fn update_silent(&mut self, nick: &str, content: String, out: &mut Outbox) -> bool {
        let occupant = self.occupants.get_mut(nick).filter(|occupant| occupant.kind == Kind::Silent);
        let Some(occupant) = occupant else { return false };
        occupant.presence = content;
        let occupant = occupant.clone();
        self.publicise(&occupant, &Change::default(), out);
        true
    }

    /// Sends a stanza that nobody has sent. What cannot be read is not sent.
    fn forge(&self, stanza: &str, from: Option<&str>, to: Option<&str>, out: &mut Outbox) -> bool {
        let Ok(mut stanza) = stanza.parse::<Element>() else { return false };
        let from = from.map_or_else(|| self.jid.clone(), |nick| self.address(nick));
        stanza.set_attr(rxml::Namespace::NONE, name("from"), from);
        let clients = self.occupants.values().filter(|occupant| occupant.kind == Kind::Client);
        let mut sent = false;
        for occupant in clients.filter(|occupant| to.is_none_or(|nick| nick == occupant.nick)) {
            stanza.set_attr(rxml::Namespace::NONE, name("to"), &*occupant.jid);
            out.send(&occupant.jid, String::from(&stanza));
            sent = true;
        }
        sent
    }
}

fn silent_jid(nick: &str) -> String {
    format!("silent-{nick}@meet.example/{nick}")
}

/// What the presence of a participant of Jitsi Meet holds, 700 bytes or so of it.
fn typical(nick: &str, number: u64) -> String {
    let sources = format!(
        r#"{{"{nick}-a0":{{"muted":{}}},"{nick}-v0":{{"muted":false,"videoType":"camera"}}}}"#,
        number.is_multiple_of(2)
    );
    let sources = escape(&sources);
    format!(
        "<stats-id>Someone-{number:03x}</stats-id><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' \
         node='https://jitsi.org/jitsi-meet' ver='0c30212b39929ecc0f574c949b0='/><SourceInfo>{sources}</SourceInfo>\
         <jitsi_participant_codecList>av1,vp9,vp8,h264</jitsi_participant_codecList>\
         <jitsi_participant_region xmlns='{JITMEET}'>region-1</jitsi_participant_region>\
         <nick xmlns='http://jabber.org/protocol/nick'>Participant {number}</nick>"
    )
}

/// The bare JID of a room that may be given by its name alone.
fn room_jid(room: &str) -> String {
    if room.contains('@') { room.to_owned() } else { format!("{room}@{CONFERENCE}") }
}

impl TestServer {
    /// Sets what the rooms are like from now on.
    pub fn set_rooms(&self, settings: super::RoomSettings) {
        self.shared.in_rooms(|rooms, out| rooms.set_settings(settings, out));
    }

    /// Sets the answers to those who want to enter a room. Each takes the next; without any the room answers.
    pub fn set_joins(&self, answers: Vec<super::JoinAnswer>) {
        self.shared.in_rooms(|rooms, _| rooms.set_joins(answers));
    }

    /// Has something happen in a room, which is given by its name or its bare JID. False if it cannot happen: the room,
    /// or who is to do it, is not there, or may not do it.
    pub fn order_room(&self, room: &str, order: &RoomOrder) -> bool {
        self.shared.in_rooms(|rooms, out| rooms.obey(&room_jid(room), order, out))
    }

    /// What a room is like, which is given by its name or its bare JID; `None` if there is none.
    #[must_use]
    pub fn room(&self, room: &str) -> Option<RoomState> {
        self.shared.in_rooms(|rooms, _| rooms.state(&room_jid(room)))
    }

    /// What clients said to offers of the focus: the last 1000.
    #[must_use]
    pub fn jingle_answers(&self) -> Vec<super::JingleAnswer> {
        self.shared.jingle.list()
    }

    /// Waits until clients have said so much since the server was started.
    pub async fn jingle_answered(&self, count: u64) {
        self.shared.jingle.reached(count).await;
    }
}
