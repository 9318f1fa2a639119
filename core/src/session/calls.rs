//! Requests of the caller that wait for an answer, and stanzas on their way.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use super::discovery::Question;
use super::management::{BadCount, Outgoing};
use super::room::RoomQuestion;
use super::{CallId, Link, Output, Phase, Session, failures, login};
use crate::conference::ConferenceId;
use crate::frame::Frame;
use crate::options::SendQueue;
use crate::outgoing::next_id;
use crate::xml::{Element, Head, XmlError, ns, parse, scan};
use crate::{Completed, Error, Stanza};

/// The IQ requests under way.
#[derive(Default)]
pub(super) struct Calls {
    by_id: HashMap<String, Request>,
    by_deadline: BTreeSet<(Instant, String)>,
}

/// What the answer to a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The caller's.
    Caller(CallId),
    /// The caller wants to know how long it takes.
    Ping {
        call: CallId,
        since: Instant,
    },
    Discovery(Question),
    Conference(u64),
    /// What a room says of itself.
    Room(ConferenceId, RoomQuestion),
}

struct Request {
    purpose: Purpose,
    to: Option<String>,
    deadline: Instant,
}

impl Calls {
    /// A request goes out under this id, which is not in use.
    pub(super) fn expect(&mut self, id: String, purpose: Purpose, to: Option<String>, deadline: Instant) {
        self.by_deadline.insert((deadline, id.clone()));
        self.by_id.insert(id, Request { purpose, to, deadline });
    }

    /// What this answers: by its id **and** its sender (RFC 6120, section 8.1.2.1). An answer without `from` is from
    /// the account, which also answers for requests without `to`.
    fn answered(&mut self, id: &str, from: Option<&str>, own: &str) -> Option<Purpose> {
        let request = self.by_id.get(id)?;
        let bare = own.split('/').next().unwrap_or_default();
        let domain = bare.split('@').next_back().unwrap_or_default();
        let matches = match (&request.to, from) {
            (Some(to), Some(from)) => to == from || same_jid(to, from),
            (None, Some(from)) => from == own || from == bare || from == domain,
            (Some(to), None) => to == own || to == bare,
            (None, None) => true,
        };
        if !matches {
            return None;
        }
        let request = self.by_id.remove(id)?;
        self.by_deadline.remove(&(request.deadline, id.to_owned()));
        Some(request.purpose)
    }

    /// A table keeps its room when it is empty.
    pub(super) fn rest(&mut self) {
        if self.by_id.is_empty() {
            *self = Self::default();
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.by_deadline.first().map(|(deadline, _)| *deadline)
    }

    fn expire(&mut self, now: Instant) -> Vec<Purpose> {
        let mut expired = Vec::new();
        while self.poll_timeout().is_some_and(|deadline| deadline <= now) {
            let id = self.by_deadline.pop_first().map(|(_, id)| id).unwrap_or_default();
            expired.extend(self.by_id.remove(&id).map(|request| request.purpose));
        }
        expired
    }

    fn take_all(&mut self) -> Vec<Purpose> {
        let entries = std::mem::take(&mut self.by_deadline).into_iter();
        entries.filter_map(|(_, id)| self.by_id.remove(&id)).map(|request| request.purpose).collect()
    }
}

fn same_jid(one: &str, other: &str) -> bool {
    match (jid::Jid::new(one), jid::Jid::new(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

impl Outgoing {
    /// A stanza of our own, whose outcome nobody waits for.
    pub(super) const fn own(xml: String) -> Self {
        Self { xml, call: None, iq: None }
    }
}

impl Session {
    /// The caller sends a stanza, which has been checked. It is settled when the server has acknowledged it.
    pub(crate) fn send_stanza(&mut self, now: Instant, call: CallId, xml: String) {
        self.submit(now, call, Outgoing { xml, call: Some(call), iq: None });
    }

    /// The caller sends a request, which has been checked. It is settled by the answer.
    pub(crate) fn send_iq(
        &mut self,
        now: Instant,
        call: CallId,
        id: String,
        to: Option<String>,
        xml: String,
        patience: Duration,
    ) {
        if self.calls.by_id.contains_key(&id) {
            let message = "the id of the request is in use by another one under way".to_owned();
            return self.complete(call, Err(Error::InvalidStanza(message)));
        }
        if self.submit(now, call, Outgoing { xml, call: None, iq: Some(call) }) {
            self.calls.expect(id, Purpose::Caller(call), to, now + patience);
        }
    }

    /// The caller wants to know whether the server is there (XEP-0199).
    pub(crate) fn ping(&mut self, now: Instant, call: CallId, patience: Duration) {
        let (id, to) = (next_id(), self.config.domain.clone());
        let ping =
            Element::iq("get", &id).with_attribute("to", &to).with_child(Element::new("ping", ns::PING));
        if self.submit(now, call, Outgoing { xml: ping.to_xml(), call: None, iq: Some(call) }) {
            self.calls.expect(id, Purpose::Ping { call, since: now }, Some(to), now + patience);
        }
    }

    /// Requests whose time is up.
    pub(super) fn expire_calls(&mut self, now: Instant) {
        for purpose in self.calls.expire(now) {
            match purpose {
                Purpose::Caller(call) | Purpose::Ping { call, .. } => {
                    self.held.retain(|stanza| stanza.iq != Some(call));
                    let message = "the request was not answered in time".to_owned();
                    self.complete(call, Err(Error::Timeout(message)));
                }
                Purpose::Discovery(_) => {}
                Purpose::Room(id, question) => self.handle_room_answer(now, id, question, None),
                Purpose::Conference(number) => {
                    let call = self.conferences.call(number);
                    self.held.retain(|stanza| call.is_none() || stanza.iq != call);
                    self.handle_conference_iq(now, number, None);
                }
            }
        }
    }

    /// The session on the server is gone, and with it what was asked in it.
    pub(super) fn lose_calls(&mut self) {
        for purpose in self.calls.take_all() {
            match purpose {
                Purpose::Caller(call) | Purpose::Ping { call, .. } => {
                    self.complete(call, Err(Error::SessionLost));
                }
                // The conference knows its caller by itself.
                Purpose::Discovery(_) | Purpose::Conference(_) | Purpose::Room(..) => {}
            }
        }
        self.lose_conferences();
    }

    /// Whether there is a session to send on, now or once its transport is back.
    pub(super) const fn can_send(&self) -> bool {
        matches!(self.phase, Phase::Connected | Phase::Interrupted)
    }

    /// False if the stanza was refused, and the call is settled with the reason.
    pub(super) fn submit(&mut self, now: Instant, call: CallId, stanza: Outgoing) -> bool {
        let refusal = match self.can_send() {
            true => self.queue_is_full(&stanza).then_some(Error::SendQueueFull),
            false => Some(Error::NotConnected),
        };
        match refusal {
            Some(refusal) => {
                self.complete(call, Err(refusal));
                false
            }
            None => {
                self.transmit(now, stanza);
                true
            }
        }
    }

    /// Stanzas whose outcome is open: unacknowledged, on their way out, or held.
    pub(crate) fn unsettled(&self) -> usize {
        let unacknowledged = self.management.as_ref().map_or(0, super::Management::unacknowledged);
        unacknowledged + self.held.len() + self.unwritten.len()
    }

    /// How many stanzas, requests and outputs are kept. A fuzzer asks whether that is bounded.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn held(&self) -> usize {
        self.unsettled() + self.calls.by_id.len() + self.conferences.under_way() + self.outputs.len()
    }

    fn queue_is_full(&self, next: &Outgoing) -> bool {
        self.exceeds(self.config.send_queue, next)
    }

    fn exceeds(&self, limits: SendQueue, next: &Outgoing) -> bool {
        let bytes = self.management.as_ref().map_or(self.unwritten_bytes, super::Management::bytes);
        let held_bytes: usize = self.held.iter().map(|stanza| stanza.xml.len()).sum();
        self.unsettled() >= limits.max_stanzas || bytes + held_bytes + next.xml.len() > limits.max_bytes
    }

    /// Sends a stanza now, or once the transport is back.
    pub(super) fn transmit(&mut self, now: Instant, stanza: Outgoing) {
        if !self.is_up() {
            self.held.push_back(stanza);
            return;
        }
        self.send_text(stanza.xml.clone());
        match &mut self.management {
            Some(management) => {
                if management.sent(stanza) {
                    self.send(&Element::new("r", ns::SM));
                }
            }
            None => {
                self.liveness.handle_sent(now, stanza.xml.len());
                self.unwritten.push(stanza.call);
            }
        }
    }

    /// Sends an answer, or a question of our own. A peer that acknowledges nothing gets no more of them: what waits for it
    /// is bounded, as the caller's stanzas are, apart from which it has room of its own.
    pub(super) fn send_own(&mut self, now: Instant, xml: String) {
        let stanza = Outgoing::own(xml);
        let SendQueue { max_stanzas, max_bytes } = self.config.send_queue;
        let twice = SendQueue { max_stanzas: max_stanzas * 2, max_bytes: max_bytes * 2 };
        if self.exceeds(twice, &stanza) {
            tracing::debug!("a stanza of our own is not sent: the server acknowledges nothing");
        } else {
            self.transmit(now, stanza);
        }
    }

    /// What was held while the transport was away.
    pub(super) fn send_held(&mut self, now: Instant) {
        for stanza in std::mem::take(&mut self.held) {
            self.transmit(now, stanza);
        }
    }

    /// Whether stanzas are delivered to a listener.
    pub(crate) const fn set_listening(&mut self, listening: bool) {
        self.listening = listening;
    }

    /// A frame of an established session. Stanzas are read without being built: most are for the listeners alone.
    pub(super) fn handle_established(&mut self, now: Instant, frame: &Frame) -> Result<(), XmlError> {
        let head = scan(frame)?;
        let stanza = (head.namespace == ns::CLIENT).then(|| Stanza::from_head(&head, frame)).flatten();
        let Some(stanza) = stanza else {
            self.handle_element(now, &parse(frame)?);
            return Ok(());
        };
        if self.management.as_mut().is_some_and(super::Management::received) {
            self.acknowledge();
        }
        // Before the outcome of the call that it settles, as every event.
        let name = stanza.name();
        if self.listening {
            self.outputs.push_back(Output::Stanza(Box::new(stanza)));
        }
        match name {
            "iq" => self.handle_iq(now, &head, frame),
            "message" if self.may_be_push(&head) => {
                self.handle_push(now, &parse(frame)?);
                Ok(())
            }
            "message" | "presence" => self.handle_room_stanza(now, &head, frame),
            _ => Ok(()),
        }
    }

    fn handle_iq(&mut self, now: Instant, head: &Head<'_>, frame: &str) -> Result<(), XmlError> {
        let Some(id) = head.value("id") else { return Ok(()) };
        match head.value("type").as_deref() {
            Some("result" | "error") => {
                let own = self.jid.as_deref().unwrap_or_default();
                match self.calls.answered(&id, head.value("from").as_deref(), own) {
                    None => {}
                    Some(Purpose::Caller(call)) => {
                        self.complete(call, Ok(Completed::Answer { xml: frame.to_owned() }));
                    }
                    // An error is an answer too.
                    Some(Purpose::Ping { call, since }) => {
                        let round_trip = now.saturating_duration_since(since);
                        self.complete(call, Ok(Completed::Pong { round_trip }));
                    }
                    Some(Purpose::Discovery(question)) => {
                        self.handle_discovered(now, question, &parse(frame)?)
                    }
                    Some(Purpose::Conference(number)) => {
                        self.handle_conference_iq(now, number, Some(&parse(frame)?));
                    }
                    Some(Purpose::Room(room, question)) => {
                        self.handle_room_answer(now, room, question, Some(&parse(frame)?));
                    }
                }
            }
            Some("get" | "set") => {
                let iq = parse(frame)?;
                if self.is_media_offer(&iq) {
                    self.decline_media(now, &iq, &id);
                } else {
                    let answer = self.features.answer(&iq, &id).to_xml();
                    self.send_own(now, answer);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What an established session receives beside stanzas.
    pub(super) fn handle_management(&mut self, now: Instant, element: &Element<'_>) {
        let management = self.management.as_mut().filter(|_| element.namespace == ns::SM);
        match (&*element.name, management) {
            ("r", Some(_)) => self.acknowledge(),
            ("a", Some(management)) => {
                let h = element.attribute("h").and_then(|h| h.parse().ok());
                match h.map(|h| management.acknowledge(h)) {
                    Some(Ok((settled, ask))) => {
                        self.settle(settled);
                        if ask {
                            self.send(&Element::new("r", ns::SM));
                        }
                    }
                    Some(Err(bad)) => self.refuse_count(now, bad),
                    None => self.link_failed(now, failures::unexpected(&self.config, element, "a count")),
                }
            }
            _ => self.link_failed(now, failures::unexpected(&self.config, element, "a stanza")),
        }
    }

    /// We have closed the stream, and the server tells what it had handled before: that was not in vain.
    pub(super) fn handle_late_acknowledgement(&mut self, element: &Element<'_>) {
        let h = element.attribute("h").filter(|_| element.is("a", ns::SM)).and_then(|h| h.parse().ok());
        if let (Some(h), Some(management)) = (h, &mut self.management)
            && let Ok((settled, _)) = management.acknowledge(h)
        {
            self.settle(settled);
        }
    }

    /// Tells the server what has been handled.
    pub(super) fn acknowledge(&mut self) {
        if let Some(management) = &mut self.management {
            let h = management.tell();
            self.send(&login::acknowledgement(h));
        }
    }

    /// The stream is closed with the error that XEP-0198, section 4 asks for.
    pub(super) fn refuse_count(&mut self, now: Instant, bad: BadCount) {
        let mut error = Element::new("error", ns::STREAM)
            .with_child(Element::new("undefined-condition", ns::STREAM_ERRORS));
        if let BadCount::TooHigh { sent } = bad {
            error = error.with_child(
                Element::new("handled-count-too-high", ns::SM).with_attribute("send-count", sent.to_string()),
            );
        }
        if !matches!(self.link, Link::None) {
            self.send(&error);
            self.send(&Element::new("close", ns::FRAMING));
        }
        self.link_failed(now, failures::bad_count(&self.config, bad));
    }
}
