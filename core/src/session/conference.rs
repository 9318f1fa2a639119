//! The conference request: asks the focus (Jicofo) to be in a room before a client joins it. Over HTTP, where the
//! deployment has a URL for it, else as an IQ.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::calls::Purpose;
use super::management::Outgoing;
use super::{
    CallId, Ending, HttpAnswer, HttpPurpose, HttpRequest, Output, Session, conference_failures as failures,
};
use crate::conference::ConferenceId;
use crate::options::Config;
use crate::outgoing::next_id;
use crate::transport::TransportError;
use crate::xml::{Element, condition_and_text, ns};
use crate::{Completed, Conference, Error, Event, Failure};

/// The first delay of either back-off; it doubles.
const STEP: Duration = Duration::from_secs(1);
/// The longest delay between two requests while the conference is not ready.
const LONGEST: Duration = Duration::from_secs(120);
/// A refused session id is tried without for so long.
const PATIENCE: Duration = Duration::from_secs(60);
/// A focus has a handful.
const MAX_PROPERTIES: usize = 100;

/// The requests under way.
#[derive(Default)]
pub(super) struct Conferences {
    requests: Vec<Request>,
    next: u64,
}

struct Request {
    number: u64,
    room: String,
    asker: Asker,
    not_ready: u32,
    refused: u32,
    retry: Option<Instant>,
}

/// Who waits for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asker {
    /// The attempt to connect.
    Attempt,
    Call(CallId),
    /// A room that is to be joined.
    Room(ConferenceId),
}

/// What the focus has answered. Its names are Jicofo's.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Answer {
    ready: bool,
    focus_jid: Option<String>,
    session_id: Option<String>,
    identity: Option<String>,
    vnode: Option<String>,
    properties: Map<String, Value>,
}

/// How the focus has refused.
enum Refusal {
    /// The id of our session with it is not good any more.
    Session,
    Final(Box<Failure>),
}

impl Asker {
    const fn call(self) -> Option<CallId> {
        match self {
            Self::Call(call) => Some(call),
            Self::Attempt | Self::Room(_) => None,
        }
    }
}

impl Conferences {
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.requests.iter().filter_map(|request| request.retry).min()
    }

    #[cfg(any(test, fuzzing))]
    pub(super) const fn under_way(&self) -> usize {
        self.requests.len()
    }

    /// The call that waits for this request.
    pub(super) fn call(&self, number: u64) -> Option<CallId> {
        self.requests.iter().find(|request| request.number == number)?.asker.call()
    }

    fn take(&mut self, number: u64) -> Option<Request> {
        let index = self.requests.iter().position(|request| request.number == number)?;
        Some(self.requests.swap_remove(index))
    }
}

impl Session {
    /// Whether the attempt to connect begins with a conference request.
    pub(super) fn needs_conference(&self) -> bool {
        let options = &self.config.conference;
        self.room.is_some() && options.url.is_some() && !options.disable_focus && !self.conference_ready
    }

    /// The attempt begins with it.
    pub(super) fn request_conference_first(&mut self, now: Instant) {
        let room = self.room.clone().unwrap_or_default();
        self.conferences.requests.retain(|request| request.asker != Asker::Attempt);
        self.start_conference(now, room, Asker::Attempt);
    }

    /// The caller wants one.
    pub(crate) fn request_conference(&mut self, now: Instant, call: CallId, room: String) {
        if self.can_send() {
            self.start_conference(now, room, Asker::Call(call));
        } else {
            self.complete(call, Err(Error::NotConnected));
        }
    }

    /// A room is to be joined. One that was asked for before is not waited for any more.
    pub(super) fn request_conference_of_room(&mut self, now: Instant, room: String, id: ConferenceId) {
        self.forget_conference_of_room(id);
        self.start_conference(now, room, Asker::Room(id));
    }

    pub(super) fn forget_conference_of_room(&mut self, id: ConferenceId) {
        self.conferences.requests.retain(|request| request.asker != Asker::Room(id));
    }

    fn start_conference(&mut self, now: Instant, room: String, asker: Asker) {
        self.conferences.next += 1;
        let number = self.conferences.next;
        self.send_conference(now, Request { number, room, asker, not_ready: 0, refused: 0, retry: None });
    }

    pub(super) fn check_conferences(&mut self, now: Instant) {
        let due = |request: &&Request| request.retry.is_some_and(|retry| retry <= now);
        let due: Vec<_> =
            self.conferences.requests.iter().filter(due).map(|request| request.number).collect();
        for number in due {
            if let Some(request) = self.conferences.take(number) {
                self.send_conference(now, request);
            }
        }
    }

    fn send_conference(&mut self, now: Instant, mut request: Request) {
        request.retry = None;
        let properties = properties(&self.config);
        let room = format!("{}@{}", request.room, self.config.conference.muc);
        let sent = match &self.config.conference.url {
            Some(url) => {
                let mut body =
                    json!({ "room": room, "machineUid": self.machine_uid, "properties": properties });
                if let Some(id) = &self.conference_session {
                    body["sessionId"] = id.as_str().into();
                }
                let json = Some(body.to_string());
                let http = HttpRequest { url: url.clone(), json, token: self.token.clone() };
                self.outputs.push_back(Output::Request(HttpPurpose::Conference(request.number), http));
                true
            }
            None => self.send_conference_iq(now, &request, &room, &properties),
        };
        if sent {
            self.conferences.requests.push(request);
        }
    }

    /// False if it was refused, and the call is settled with the reason.
    fn send_conference_iq(
        &mut self,
        now: Instant,
        request: &Request,
        room: &str,
        properties: &Map<String, Value>,
    ) -> bool {
        let mut conference = Element::new("conference", ns::FOCUS)
            .with_attribute("room", room)
            .with_attribute("machine-uid", &self.machine_uid);
        let optional = [("session-id", &self.conference_session), ("token", &self.token)];
        for (name, value) in optional {
            if let Some(value) = value {
                conference = conference.with_attribute(name, value);
            }
        }
        for (name, value) in properties {
            let property = Element::new("property", ns::FOCUS)
                .with_attribute("name", name)
                .with_attribute("value", plain(value));
            conference = conference.with_child(property);
        }
        let (id, to) = (next_id(), self.config.conference.focus.clone());
        let iq = Element::iq("set", &id).with_attribute("to", &to).with_child(conference).to_xml();
        let purpose = Purpose::Conference(request.number);
        let deadline = now + self.config.iq_timeout;
        let sent = match request.asker {
            // An attempt begins with one over HTTP alone.
            Asker::Attempt => false,
            Asker::Call(call) => self.submit(now, call, Outgoing { iq: Some(call), ..Outgoing::own(iq) }),
            Asker::Room(_) => {
                self.send_own(now, iq);
                true
            }
        };
        if sent {
            self.calls.expect(id, purpose, Some(to), deadline);
        }
        sent
    }

    /// The focus has answered, or not in time.
    pub(super) fn handle_conference_iq(&mut self, now: Instant, number: u64, iq: Option<&Element<'_>>) {
        let outcome = match iq {
            None => Err(Refusal::Final(Box::new(failures::conference_timeout(&self.config)))),
            Some(iq) if iq.attribute("type") == Some("result") => match iq.child("conference", ns::FOCUS) {
                Some(conference) => Ok(Answer::read(conference)),
                None => Err(Refusal::unusable(&self.config, "it holds no <conference/>")),
            },
            Some(iq) => Err(Refusal::read(&self.config, iq)),
        };
        self.handle_conference(now, number, outcome);
    }

    pub(super) fn handle_conference_http(
        &mut self,
        now: Instant,
        number: u64,
        answer: Result<HttpAnswer, TransportError>,
    ) {
        let outcome = match answer {
            Err(error) => Err(Refusal::Final(Box::new(failures::conference_transport(&self.config, error)))),
            Ok(answer) if (200..300).contains(&answer.status) => Answer::from_json(&answer.body)
                .ok_or_else(|| Refusal::unusable(&self.config, "it is not the JSON of a conference")),
            Ok(answer) if answer.status == 400 && answer.body.contains("invalid-session") => {
                Err(Refusal::Session)
            }
            Ok(answer) => {
                Err(Refusal::Final(Box::new(failures::conference_status(&self.config, answer.status))))
            }
        };
        self.handle_conference(now, number, outcome);
    }

    fn handle_conference(&mut self, now: Instant, number: u64, outcome: Result<Answer, Refusal>) {
        // What was given up meanwhile needs no answer.
        let Some(mut request) = self.conferences.take(number) else { return };
        match outcome {
            Ok(answer) => self.handle_conference_answer(now, request, answer),
            Err(Refusal::Session) => {
                self.remember_conference_session(None);
                let delay = back_off(&mut request.refused);
                if delay < PATIENCE {
                    request.retry = Some(now + delay);
                    self.conferences.requests.push(request);
                } else {
                    let failure = failures::conference_session(&self.config);
                    self.refuse_conference(now, request.asker, failure);
                }
            }
            Err(Refusal::Final(failure)) => self.refuse_conference(now, request.asker, *failure),
        }
    }

    fn handle_conference_answer(&mut self, now: Instant, mut request: Request, answer: Answer) {
        request.refused = 0;
        if answer.session_id.is_some() {
            self.remember_conference_session(answer.session_id.clone());
        }
        let flag = |name: &str| answer.properties.get(name).map(plain);
        if flag("live").as_deref() == Some("false") {
            return self.refuse_conference(
                now,
                request.asker,
                failures::not_live(&self.config, &request.room),
            );
        }
        if !answer.ready {
            request.retry = Some(now + back_off(&mut request.not_ready));
            self.conferences.requests.push(request);
            return;
        }
        if let Some(vnode) = answer.vnode.clone().filter(|_| self.config.conference.redirects) {
            return self.redirect(request.asker, vnode, answer.focus_jid.unwrap_or_default());
        }
        match request.asker {
            Asker::Call(call) => {
                self.complete(call, Ok(Completed::Conference(Box::new(answer.into_conference()))))
            }
            Asker::Room(id) => self.conference_ready_for_room(now, id, answer.focus_jid),
            Asker::Attempt => {
                self.conference_ready = true;
                self.rooms.focus_is(answer.focus_jid);
                self.attempt_fresh(now);
            }
        }
    }

    /// An attempt ends with it; a session that is established goes on.
    fn redirect(&mut self, asker: Asker, vnode: String, focus_jid: String) {
        if asker == Asker::Attempt {
            return self.end(Ending::Redirected { vnode, focus_jid });
        }
        let event = Event::Redirected { vnode: vnode.clone(), focus_jid: focus_jid.clone() };
        self.outputs.push_back(Output::Event(event));
        let error = Error::Redirected { vnode, focus_jid };
        match asker {
            Asker::Call(call) => self.complete(call, Err(error)),
            Asker::Room(id) => self.conference_redirected_for_room(id, error),
            Asker::Attempt => {}
        }
    }

    fn refuse_conference(&mut self, now: Instant, asker: Asker, failure: Failure) {
        match asker {
            Asker::Call(call) => self.complete(call, Err(Error::ConferenceRequestFailed(Box::new(failure)))),
            Asker::Room(id) => self.conference_refused_for_room(id, &failure),
            Asker::Attempt => self.lose_session(now, None, failure),
        }
    }

    fn remember_conference_session(&mut self, id: Option<String>) {
        if self.conference_session != id {
            self.conference_session.clone_from(&id);
            self.outputs.push_back(Output::ConferenceSession(id));
        }
    }

    /// The session on the server is gone, and what was asked in it.
    pub(super) fn lose_conferences(&mut self) {
        for request in std::mem::take(&mut self.conferences.requests) {
            if let Some(call) = request.asker.call() {
                self.complete(call, Err(Error::SessionLost));
            }
        }
    }
}

impl Answer {
    /// An object: serde would take a list for a structure as well.
    fn from_json(text: &str) -> Option<Self> {
        let object: Map<String, Value> = serde_json::from_str(text).ok()?;
        serde_json::from_value(Value::Object(object)).ok()
    }

    fn read(conference: &Element<'_>) -> Self {
        let attribute = |name| conference.attribute(name).map(ToOwned::to_owned);
        let properties = conference.children().filter(|child| child.is("property", ns::FOCUS));
        let properties = properties.filter_map(|property| {
            Some((property.attribute("name")?.to_owned(), property.attribute("value")?.into()))
        });
        Self {
            ready: attribute("ready").as_deref() == Some("true"),
            focus_jid: attribute("focusjid"),
            session_id: attribute("session-id"),
            identity: attribute("identity"),
            vnode: attribute("vnode").filter(|vnode| !vnode.is_empty()),
            properties: properties.take(MAX_PROPERTIES).collect(),
        }
    }

    fn into_conference(self) -> Conference {
        let properties = self.properties.iter().take(MAX_PROPERTIES);
        let properties: BTreeMap<_, _> =
            properties.map(|(name, value)| (name.clone(), plain(value))).collect();
        Conference { focus_jid: self.focus_jid, identity: self.identity, vnode: self.vnode, properties }
    }
}

impl Refusal {
    fn read(config: &Config, iq: &Element<'_>) -> Self {
        let Some(error) = iq.child("error", ns::CLIENT) else {
            return Self::unusable(config, "it is an error without a reason");
        };
        let (condition, text) = condition_and_text(error, ns::STANZA_ERRORS);
        if let Some(reservation) = error.children().find(|child| child.name == "reservation-error") {
            let code = reservation.attribute("error-code");
            return Self::Final(Box::new(failures::reservation(config, code, text)));
        }
        let invalid = error.children().any(|child| child.name == "session-invalid");
        if invalid || condition.as_deref() == Some("not-acceptable") {
            return Self::Session;
        }
        Self::Final(Box::new(failures::conference_refused(config, condition, text)))
    }

    fn unusable(config: &Config, problem: &str) -> Self {
        Self::Final(Box::new(failures::conference_unusable(config, problem)))
    }
}

/// What the options say of the conference, in the types of lib-jitsi-meet's JSON.
fn properties(config: &Config) -> Map<String, Value> {
    let options = &config.conference;
    let mut properties = Map::new();
    for (name, value) in ["startAudioMuted", "startVideoMuted"].into_iter().zip(&options.start_muted) {
        if let Some(value) = value.as_deref().and_then(|text| serde_json::from_str(text).ok()) {
            properties.insert(name.to_owned(), value);
        }
    }
    // The other side takes what is not said for true.
    if !options.rtcstats {
        properties.insert("rtcstatsEnabled".to_owned(), false.into());
    }
    if options.redirects {
        properties.insert("visitors-version".to_owned(), 1.into());
        if options.prefer_visitor {
            properties.insert("visitor".to_owned(), true.into());
        }
    }
    properties
}

/// A property as text: an attribute has no types.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// 1, 2, 4 ... 120 s.
fn back_off(count: &mut u32) -> Duration {
    let delay = STEP.saturating_mul(1 << (*count).min(10)).min(LONGEST);
    *count += 1;
    delay
}
