//! The rooms of a session (XEP-0045, as Jitsi uses it): who is in them, what is said, and how this client comes and
//! goes. What the caller asks of a room and sees of it is `crate::conference`.

mod focus;
mod info;
mod join;
mod leave;
mod messages;
mod presence;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use zeroize::Zeroizing;

use super::{CallId, Output, Session};
use crate::conference::{
    ConferenceEvent, ConferenceFailure, ConferenceId, ConferenceInfo, ConferenceOptions, Participant,
};
use crate::xml::{Element, Head, XmlError, ns, parse};

/// A resource has at most so many bytes (RFC 7622, section 3.4): no occupant has a longer name.
const MAX_NAME: usize = 1023;
/// More than Jitsi's largest meetings. Whoever comes beyond is not kept.
const MAX_PARTICIPANTS: usize = 20_000;
/// A deployment has one.
const MAX_FOCUSES: usize = 100;

/// What a room is joined with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoomStart {
    pub id: ConferenceId,
    /// The name of the room alone, for the conference request.
    pub name: String,
    /// Its bare JID.
    pub address: String,
    /// The name of this client in it.
    pub nick: String,
    pub options: ConferenceOptions,
}

/// What the session says of a room.
#[derive(Debug, PartialEq)]
pub(crate) enum RoomOutput {
    /// As this one is now, or as they were when they went.
    Participant(Arc<Participant>),
    Gone(String),
    Info(Box<ConferenceInfo>),
    /// It is not joined any more: for good, or it may be joined again.
    Over {
        spent: bool,
    },
    Event(Box<ConferenceEvent>),
}

/// What is asked of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RoomQuestion {
    Info,
    /// The form by which a new room is configured.
    Form,
    /// Its answer tells nothing.
    Submit,
}

#[derive(Default)]
pub(super) struct Rooms {
    rooms: Vec<Room>,
    /// JIDs of the focus, as the answers to conference requests have named them.
    focuses: Vec<String>,
}

struct Room {
    start: RoomStart,
    /// The JID of this client in the room.
    own: String,
    stage: Stage,
    password: Option<Zeroizing<String>>,
    /// The call that waits for the room to be joined.
    joining: Option<CallId>,
    /// How often the room was tried anew since only the focus may create it.
    retries: u32,
    in_progress: bool,
    /// In the order of their names, so that the same frames give the same events.
    members: BTreeMap<String, Member>,
    info: ConferenceInfo,
    /// The presence that the room has of this client, beside the parts that only the first one has.
    told: Option<String>,
    no_bridge: bool,
}

/// Where this client stands with a room.
enum Stage {
    /// The focus has been asked to be there.
    Requesting,
    /// Only the focus may create the room, and had left.
    Retrying(Instant),
    Joining(Instant),
    Joined,
    Leaving {
        deadline: Instant,
        calls: Vec<CallId>,
    },
    /// The session was lost, and the room is joined again in the next one.
    Lost,
}

struct Member {
    participant: Arc<Participant>,
    focus: bool,
    /// The focus, or whoever uses its name: not a participant.
    unseen: bool,
}

impl Rooms {
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let due = self.rooms.iter().filter_map(|room| match room.stage {
            Stage::Retrying(due) | Stage::Joining(due) | Stage::Leaving { deadline: due, .. } => Some(due),
            Stage::Requesting | Stage::Joined | Stage::Lost => None,
        });
        due.min()
    }

    /// The answer to a conference request has named the focus.
    pub(super) fn focus_is(&mut self, focus: Option<String>) {
        if let Some(focus) = focus
            && !self.focuses.contains(&focus)
            && self.focuses.len() < MAX_FOCUSES
        {
            self.focuses.push(focus);
        }
    }

    fn find(&mut self, id: ConferenceId) -> Option<&mut Room> {
        self.rooms.iter_mut().find(|room| room.start.id == id)
    }

    fn take(&mut self, id: ConferenceId) -> Option<Room> {
        let index = self.rooms.iter().position(|room| room.start.id == id)?;
        Some(self.rooms.remove(index))
    }

    /// The room that a stanza from this JID is of.
    fn of(&self, from: &str) -> Option<ConferenceId> {
        let address = from.split_once('/').map_or(from, |(address, _)| address);
        self.rooms.iter().find(|room| room.start.address == address).map(|room| room.start.id)
    }
}

impl Session {
    /// A stanza may be of a room; what a room says in it is told.
    pub(super) fn handle_room_stanza(
        &mut self,
        now: Instant,
        head: &Head<'_>,
        frame: &str,
    ) -> Result<(), XmlError> {
        if self.rooms.rooms.is_empty() {
            return Ok(());
        }
        let Some(id) = head.value("from").and_then(|from| self.rooms.of(&from)) else { return Ok(()) };
        let stanza = parse(frame)?;
        match head.name {
            "presence" => self.handle_room_presence(now, id, &stanza),
            "message" => self.handle_room_message(now, id, &stanza),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn check_rooms(&mut self, now: Instant) {
        let due: Vec<_> = self.rooms.rooms.iter().map(|room| room.start.id).collect();
        for id in due {
            let Some(room) = self.rooms.find(id) else { continue };
            match room.stage {
                Stage::Retrying(due) if due <= now => self.request_room(now, id),
                Stage::Joining(due) if due <= now => self.room_unanswered(now, id),
                Stage::Leaving { deadline, .. } if deadline <= now => self.room_not_left(id),
                _ => {}
            }
        }
    }

    pub(super) fn handle_room_answer(
        &mut self,
        now: Instant,
        id: ConferenceId,
        question: RoomQuestion,
        answer: Option<&Element<'_>>,
    ) {
        let answer = answer.filter(|answer| answer.attribute("type") == Some("result"));
        match (question, answer) {
            (RoomQuestion::Info, Some(answer)) => self.handle_room_info(id, answer),
            (RoomQuestion::Form, Some(answer)) => self.handle_room_form(now, id, answer),
            (RoomQuestion::Submit, _) | (_, None) => {}
        }
    }

    /// The session on the server is gone, and with it this client's place in every room.
    /// For good if nothing follows: then nothing is joined again.
    pub(super) fn lose_rooms(&mut self, closed: bool, for_good: bool) {
        for mut room in std::mem::take(&mut self.rooms.rooms) {
            self.room_emptied(&mut room);
            match room.stage {
                Stage::Leaving { .. } => self.room_left(room),
                _ if closed => {
                    self.settle_join(&mut room, Err(crate::Error::Aborted("the connection was closed")));
                    self.room_left(room);
                }
                _ if room.start.options.rejoin && !for_good && !room.was_never_in() => {
                    room.stage = Stage::Lost;
                    self.rooms.rooms.push(room);
                }
                _ => {
                    let message =
                        format!("the session was lost, and with it the place in {}", room.start.address);
                    let failure =
                        ConferenceFailure::new(crate::ConferenceErrorType::ConnectionError, message);
                    self.room_failed(room, failure);
                }
            }
        }
    }

    /// There is a fresh session: what was joined in the last one is joined again.
    pub(super) fn rejoin_rooms(&mut self, now: Instant) {
        let lost = self.rooms.rooms.iter().filter(|room| matches!(room.stage, Stage::Lost));
        for id in lost.map(|room| room.start.id).collect::<Vec<_>>() {
            self.request_room(now, id);
        }
    }

    /// Nobody is in the room any more, as far as this client can see.
    fn room_emptied(&mut self, room: &mut Room) {
        let id = room.start.id;
        for (name, member) in std::mem::take(&mut room.members) {
            if !member.unseen {
                self.room_output(id, RoomOutput::Gone(name));
                let participant = member.participant;
                self.room_event(id, ConferenceEvent::UserLeft { participant, reason: None });
            }
        }
        room.told = None;
        room.in_progress = false;
        room.info = ConferenceInfo::default();
        self.room_output(id, RoomOutput::Info(Box::default()));
    }

    /// This client is out, and the conference over.
    fn room_left(&mut self, room: Room) {
        let id = room.start.id;
        self.room_output(id, RoomOutput::Over { spent: true });
        self.room_event(id, ConferenceEvent::Left);
        if let Stage::Leaving { calls, .. } = room.stage {
            for call in calls {
                self.complete(call, Ok(crate::Completed::Done));
            }
        }
    }

    /// The room is out of reach, until it is joined again.
    fn room_failed(&mut self, mut room: Room, failure: ConferenceFailure) {
        let id = room.start.id;
        self.room_emptied(&mut room);
        self.room_output(id, RoomOutput::Over { spent: false });
        let failure = Box::new(failure);
        self.room_event(id, ConferenceEvent::Failed(failure.clone()));
        self.settle_join(&mut room, Err(crate::Error::ConferenceFailed(failure)));
    }

    fn settle_join(&mut self, room: &mut Room, result: crate::CompletionResult) {
        if let Some(call) = room.joining.take() {
            self.complete(call, result);
        }
    }

    fn room_output(&mut self, id: ConferenceId, output: RoomOutput) {
        self.outputs.push_back(Output::Room(id, output));
    }

    fn room_event(&mut self, id: ConferenceId, event: ConferenceEvent) {
        self.room_output(id, RoomOutput::Event(Box::new(event)));
    }

    fn room_info(&mut self, id: ConferenceId) {
        if let Some(room) = self.rooms.find(id) {
            let info = Box::new(room.info.clone());
            self.room_output(id, RoomOutput::Info(info));
        }
    }

    fn send_to_room(&mut self, now: Instant, stanza: &Element<'_>) {
        self.send_own(now, stanza.to_xml());
    }
}

impl Room {
    fn new(start: RoomStart) -> Self {
        Self {
            own: format!("{}/{}", start.address, start.nick),
            start,
            stage: Stage::Requesting,
            password: None,
            joining: None,
            retries: 0,
            in_progress: false,
            members: BTreeMap::new(),
            info: ConferenceInfo::default(),
            told: None,
            no_bridge: false,
        }
    }

    const fn is_joined(&self) -> bool {
        matches!(self.stage, Stage::Joined)
    }

    /// The first attempt to join it was still under way.
    const fn was_never_in(&self) -> bool {
        self.joining.is_some()
    }
}

/// The name of an occupant: what comes behind the room in their JID.
fn name_of(jid: &str) -> &str {
    jid.split_once('/').map_or("", |(_, name)| name)
}

/// The `<x/>` by which a room says who an occupant is, and what has become of them (XEP-0045, section 17.4).
struct Occupant<'stanza>(Option<&'stanza Element<'stanza>>);

impl<'stanza> Occupant<'stanza> {
    fn of(stanza: &'stanza Element<'stanza>) -> Self {
        Self(stanza.child("x", ns::MUC_USER))
    }

    fn has_status(&self, code: &str) -> bool {
        let mut codes = self.0.into_iter().flat_map(Element::children).filter(|child| child.name == "status");
        codes.any(|status| status.attribute("code") == Some(code))
    }

    fn child(&self, name: &str) -> Option<&'stanza Element<'stanza>> {
        self.0?.child(name, ns::MUC_USER)
    }

    fn item(&self, attribute: &str) -> Option<&'stanza str> {
        self.child("item")?.attribute(attribute)
    }
}
