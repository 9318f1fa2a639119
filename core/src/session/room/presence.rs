//! Who is in a room, and what they say of themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use super::leave::kicked;
use super::{MAX_NAME, MAX_PARTICIPANTS, Member, Occupant, RoomOutput, RoomQuestion, Stage, name_of};
use crate::conference::{
    ConferenceErrorType, ConferenceEvent, ConferenceFailure, ConferenceId, Identity, Participant,
};
use crate::session::Session;
use crate::xml::{Element, ns};

/// A text of a presence that is longer is not kept, and neither are more properties or features of one participant.
const MAX_TEXT: usize = 16 * 1024;
const MAX_ENTRIES: usize = 100;
const PROPERTY: &str = "jitsi_participant_";

impl Session {
    pub(super) fn handle_room_presence(&mut self, now: Instant, id: ConferenceId, presence: &Element<'_>) {
        let Some(room) = self.rooms.find(id) else { return };
        let from = presence.attribute("from").unwrap_or_default();
        let own = from == room.own;
        let stage = &room.stage;
        match presence.attribute("type") {
            None if matches!(stage, Stage::Joining(_) | Stage::Joined) => {
                self.handle_available(now, id, from, own, presence);
            }
            Some("unavailable") if !matches!(stage, Stage::Requesting | Stage::Retrying(_) | Stage::Lost) => {
                self.handle_unavailable(id, from, own, presence);
            }
            Some("error") if own || from == room.start.address => self.handle_join_error(now, id, presence),
            _ => {}
        }
    }

    fn handle_available(
        &mut self,
        now: Instant,
        id: ConferenceId,
        from: &str,
        own: bool,
        presence: &Element<'_>,
    ) {
        let occupant = Occupant::of(presence);
        if own && occupant.has_status("201") {
            // A new room: who is in it is to be known to everyone in it.
            self.ask_room(now, id, RoomQuestion::Form);
        }
        let Some(room) = self.rooms.find(id) else { return };
        if !room.is_joined() && !std::mem::replace(&mut room.in_progress, true) {
            self.room_event(id, ConferenceEvent::JoinInProgress);
        }
        if own {
            return self.handle_self(now, id, &occupant);
        }
        let name = name_of(from);
        if name.is_empty() || name.len() > MAX_NAME {
            return;
        }
        // Without the JID a participant can be neither told from the focus nor addressed.
        let Some(jid) = occupant.item("jid") else { return };
        let focus = self.is_focus(jid);
        let Some(room) = self.rooms.find(id) else { return };
        match room.members.get(name) {
            Some(_) => self.member_changed(id, name, &occupant, focus, presence),
            None if room.members.len() < MAX_PARTICIPANTS => {
                self.member_came(id, from, jid, &occupant, focus, presence);
            }
            None => tracing::warn!("a room has more than {MAX_PARTICIPANTS} participants: one is not kept"),
        }
        if focus {
            self.handle_focus_presence(id, presence);
        }
    }

    /// The room says how it sees this client.
    fn handle_self(&mut self, now: Instant, id: ConferenceId, occupant: &Occupant<'_>) {
        let role = occupant.item("role").unwrap_or("none").to_owned();
        let Some(room) = self.rooms.find(id) else { return };
        if !room.is_joined() {
            self.room_joined(now, id);
        }
        let Some(room) = self.rooms.find(id) else { return };
        if room.info.role != role {
            room.info.role.clone_from(&role);
            let nick = room.start.nick.clone();
            self.room_info(id);
            self.room_event(id, ConferenceEvent::RoleChanged { id: nick, role });
        }
    }

    /// The focus is known by its JID, which the room vouches for, and not by its name.
    pub(super) fn is_focus(&self, jid: &str) -> bool {
        let bare = jid.split_once('/').map_or(jid, |(bare, _)| bare);
        self.config.conference.focus_user_jid.as_deref() == Some(bare)
            || self.rooms.focuses.iter().any(|focus| focus == bare)
    }

    fn member_came(
        &mut self,
        id: ConferenceId,
        from: &str,
        jid: &str,
        occupant: &Occupant<'_>,
        focus: bool,
        presence: &Element<'_>,
    ) {
        let Some(room) = self.rooms.find(id) else { return };
        let name = name_of(from);
        let hidden_domain = room.start.options.hidden_domain.as_deref();
        let seen = Seen::of(presence);
        let mut participant = Participant {
            id: name.to_owned(),
            jid: from.to_owned(),
            connection_jid: Some(jid.to_owned()),
            role: occupant.item("role").unwrap_or("none").to_owned(),
            hidden: hidden_domain.is_some() && domain_of(jid) == hidden_domain,
            stats_id: seen.stats_id,
            identity: seen.identity,
            replacing: seen.replacing,
            display_name: seen.display_name,
            bot_type: seen.bot_type,
            status: seen.status,
            silent: seen.silent,
            features: seen.features,
            source_info: seen.source_info,
            properties: BTreeMap::new(),
        };
        // Nobody may pass for the focus, or for this client.
        let unseen = focus || name == "focus" || name == room.start.nick;
        let told = Arc::new(participant.clone());
        if !unseen {
            self.room_output(id, RoomOutput::Participant(Arc::clone(&told)));
            self.room_event(id, ConferenceEvent::UserJoined(told));
        }
        let properties = seen.properties;
        let events = set_properties(&mut participant, properties);
        let participant = Arc::new(participant);
        if let Some(room) = self.rooms.find(id) {
            let member = Member { participant: Arc::clone(&participant), focus, unseen };
            room.members.insert(name.to_owned(), member);
        }
        if !unseen && !events.is_empty() {
            self.tell_changes(id, participant, events);
        }
    }

    fn member_changed(
        &mut self,
        id: ConferenceId,
        name: &str,
        occupant: &Occupant<'_>,
        focus: bool,
        presence: &Element<'_>,
    ) {
        let seen = Seen::of(presence);
        let Some(member) = self.rooms.find(id).and_then(|room| room.members.get_mut(name)) else { return };
        // The room may have told its JID later only.
        member.focus |= focus;
        member.unseen |= focus;
        let unseen = member.unseen;
        let mut events: Vec<Change> = Vec::new();
        let participant = Arc::make_mut(&mut member.participant);
        let of = || name.to_owned();
        let role = occupant.item("role").unwrap_or("none");
        if participant.role != role {
            role.clone_into(&mut participant.role);
            events.push(Change::Plain(ConferenceEvent::RoleChanged { id: of(), role: role.to_owned() }));
        }
        if participant.bot_type != seen.bot_type {
            participant.bot_type.clone_from(&seen.bot_type);
            events.push(Change::Plain(ConferenceEvent::BotTypeChanged { id: of(), bot_type: seen.bot_type }));
        }
        if participant.features != seen.features {
            participant.features = seen.features;
            events.push(Change::Features);
        }
        // A presence without a name takes it away.
        if participant.display_name != seen.display_name {
            participant.display_name.clone_from(&seen.display_name);
            let display_name = seen.display_name;
            events.push(Change::Plain(ConferenceEvent::DisplayNameChanged { id: of(), display_name }));
        }
        if participant.silent != seen.silent {
            participant.silent = seen.silent;
            events
                .push(Change::Plain(ConferenceEvent::SilentStatusChanged { id: of(), silent: seen.silent }));
        }
        events.extend(set_properties(participant, seen.properties));
        if participant.status != seen.status {
            participant.status.clone_from(&seen.status);
            events.push(Change::Plain(ConferenceEvent::StatusChanged { id: of(), status: seen.status }));
        }
        participant.source_info = seen.source_info;
        participant.identity = seen.identity;
        let participant = Arc::clone(&member.participant);
        if !unseen {
            self.tell_changes(id, participant, events);
        }
    }

    fn tell_changes(&mut self, id: ConferenceId, participant: Arc<Participant>, changes: Vec<Change>) {
        self.room_output(id, RoomOutput::Participant(Arc::clone(&participant)));
        for change in changes {
            let participant = Arc::clone(&participant);
            let event = match change {
                Change::Plain(event) => event,
                Change::Features => ConferenceEvent::PartcipantFeaturesChanged(participant),
                Change::Property { name, old, new } => {
                    ConferenceEvent::ParticipantPropertyChanged { participant, name, old, new }
                }
            };
            self.room_event(id, event);
        }
    }

    fn handle_unavailable(&mut self, id: ConferenceId, from: &str, own: bool, presence: &Element<'_>) {
        // Of a client that goes to another room of the same meeting.
        if presence.child("ignore", "http://jitsi.org/jitmeet/").is_some() {
            return;
        }
        let occupant = Occupant::of(presence);
        if own || occupant.child("destroy").is_some() {
            return self.handle_out(id, presence);
        }
        let Some(room) = self.rooms.find(id) else { return };
        let address = room.start.address.clone();
        let Some(member) = room.members.remove(name_of(from)) else { return };
        let participant = member.participant;
        if !member.unseen {
            self.room_output(id, RoomOutput::Gone(participant.id.clone()));
            if occupant.has_status("307") {
                let (actor, reason) = kicked(&occupant);
                let kicked = Arc::clone(&participant);
                self.room_event(id, ConferenceEvent::ParticipantKicked { actor, kicked, reason });
            }
            let reason = presence.child("status", ns::CLIENT).map(Element::text);
            self.room_event(id, ConferenceEvent::UserLeft { participant, reason });
        }
        if member.focus {
            let message =
                format!("the focus has left {address}: leave the conference, or wait for it to come back");
            let failure = ConferenceFailure::new(ConferenceErrorType::FocusLeft, message);
            self.room_event(id, ConferenceEvent::Failed(Box::new(failure)));
        }
    }
}

/// What a participant has changed.
enum Change {
    Plain(ConferenceEvent),
    Features,
    Property { name: String, old: Option<String>, new: String },
}

fn domain_of(jid: &str) -> Option<&str> {
    let bare = jid.split_once('/').map_or(jid, |(bare, _)| bare);
    bare.split_once('@').map(|(_, domain)| domain)
}

/// One that is no longer named keeps its value, as in lib-jitsi-meet.
fn set_properties(participant: &mut Participant, properties: Vec<(String, String)>) -> Vec<Change> {
    let mut changes = Vec::new();
    for (name, new) in properties {
        let old = participant.properties.get(&name).cloned();
        if old.as_ref() == Some(&new) || old.is_none() && participant.properties.len() >= MAX_ENTRIES {
            continue;
        }
        participant.properties.insert(name.clone(), new.clone());
        changes.push(Change::Property { name, old, new });
    }
    changes
}

/// What one presence says.
#[derive(Default)]
struct Seen {
    display_name: Option<String>,
    bot_type: Option<String>,
    status: Option<String>,
    stats_id: Option<String>,
    silent: bool,
    replacing: bool,
    features: BTreeSet<String>,
    identity: Option<Identity>,
    source_info: Option<String>,
    properties: Vec<(String, String)>,
}

impl Seen {
    fn of(presence: &Element<'_>) -> Self {
        let mut seen = Self::default();
        for node in presence.children() {
            let text = || Some(node.text()).filter(|text| text.len() <= MAX_TEXT);
            match &*node.name {
                "nick" => seen.display_name = text().filter(|name| !name.is_empty()),
                "bot" => seen.bot_type = node.attribute("type").map(ToOwned::to_owned),
                "status" => seen.status = text(),
                "stats-id" => seen.stats_id = text(),
                "silent" => seen.silent = !node.text().is_empty(),
                "flip_device" => seen.replacing = true,
                "SourceInfo" => seen.source_info = text(),
                "identity" => seen.identity = Some(identity(node)),
                "features" => {
                    let features = node.children().filter_map(|feature| feature.attribute("var"));
                    seen.features = features.take(MAX_ENTRIES).map(ToOwned::to_owned).collect();
                }
                name => {
                    if let Some(name) = name.strip_prefix(PROPERTY)
                        && seen.properties.len() < MAX_ENTRIES
                    {
                        seen.properties.extend(text().map(|text| (name.to_owned(), text)));
                    }
                }
            }
        }
        seen
    }
}

fn identity(node: &Element<'_>) -> Identity {
    let child = |name: &str| node.children().find(|child| child.name == name);
    let short = |text: &String| text.len() <= MAX_TEXT;
    let user = child("user").into_iter().flat_map(Element::children);
    let user = user.map(|child| (child.name.to_string(), child.text())).filter(|(_, text)| short(text));
    Identity {
        user: user.take(MAX_ENTRIES).collect(),
        group: child("group").map(Element::text).filter(short),
    }
}
