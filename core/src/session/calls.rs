//! Requests of the caller that wait for an answer, and stanzas on their way.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use super::management::{BadCount, Outgoing};
use super::{CallId, Link, Output, Phase, Session, failures, login};
use crate::xml::{Element, ns};
use crate::{Completed, Error, Stanza};

/// The IQ requests under way.
#[derive(Default)]
pub(super) struct Calls {
    by_id: HashMap<String, Request>,
    by_deadline: BTreeMap<(Instant, u64), String>,
}

struct Request {
    call: CallId,
    to: Option<String>,
    deadline: Instant,
}

impl Calls {
    fn insert(&mut self, id: String, request: Request) {
        self.by_deadline.insert((request.deadline, request.call.0), id.clone());
        self.by_id.insert(id, request);
    }

    /// The call that this answers: by its id **and** its sender (RFC 6120, section 8.1.2.1). An answer without
    /// `from` is from the account, which also answers for requests without `to`.
    fn answered(&mut self, id: &str, from: Option<&str>, own: &str) -> Option<CallId> {
        let request = self.by_id.get(id)?;
        let bare = own.split('/').next().unwrap_or_default();
        let domain = bare.split('@').next_back().unwrap_or_default();
        let matches = match (&request.to, from) {
            (Some(to), Some(from)) => jid::Jid::new(to).ok() == jid::Jid::new(from).ok(),
            (None, Some(from)) => from == own || from == bare || from == domain,
            (Some(to), None) => to == own || to == bare,
            (None, None) => true,
        };
        matches.then(|| self.remove(id)).flatten()
    }

    fn remove(&mut self, id: &str) -> Option<CallId> {
        let request = self.by_id.remove(id)?;
        self.by_deadline.remove(&(request.deadline, request.call.0));
        Some(request.call)
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.by_deadline.keys().next().map(|(deadline, _)| *deadline)
    }

    pub(super) fn expire(&mut self, now: Instant) -> Vec<CallId> {
        let mut expired = Vec::new();
        while let Some(entry) = self.by_deadline.first_entry()
            && entry.key().0 <= now
        {
            let id = entry.remove();
            expired.extend(self.by_id.remove(&id).map(|request| request.call));
        }
        expired
    }

    pub(super) fn take_all(&mut self) -> Vec<CallId> {
        self.by_id.clear();
        std::mem::take(&mut self.by_deadline).into_keys().map(|(_, call)| CallId(call)).collect()
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
    pub(crate) fn send_stanza(&mut self, call: CallId, xml: String) {
        self.submit(call, Outgoing { xml, call: Some(call), iq: None });
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
        if self.submit(call, Outgoing { xml, call: None, iq: Some(call) }) {
            self.calls.insert(id, Request { call, to, deadline: now + patience });
        }
    }

    /// False if the stanza was refused, and the call is settled with the reason.
    fn submit(&mut self, call: CallId, stanza: Outgoing) -> bool {
        let refusal = match self.phase {
            Phase::Connected | Phase::Interrupted => {
                self.queue_is_full(&stanza).then_some(Error::SendQueueFull)
            }
            Phase::Connecting | Phase::Closing | Phase::Ended => Some(Error::NotConnected),
        };
        match refusal {
            Some(refusal) => {
                self.complete(call, Err(refusal));
                false
            }
            None => {
                self.transmit(stanza);
                true
            }
        }
    }

    fn queue_is_full(&self, next: &Outgoing) -> bool {
        let (stanzas, bytes) =
            self.management.as_ref().map_or((0, 0), |sent| (sent.unacknowledged(), sent.bytes()));
        let held_bytes: usize = self.held.iter().map(|stanza| stanza.xml.len()).sum();
        let limits = self.config.send_queue;
        stanzas + self.held.len() + self.unwritten.len() >= limits.max_stanzas
            || bytes + held_bytes + next.xml.len() > limits.max_bytes
    }

    /// Sends a stanza now, or once the transport is back.
    pub(super) fn transmit(&mut self, stanza: Outgoing) {
        if !self.is_up() {
            self.held.push_back(stanza);
            return;
        }
        self.outputs.push_back(Output::Send(stanza.xml.clone()));
        match &mut self.management {
            Some(management) => {
                if management.sent(stanza) {
                    self.send(&Element::new("r", ns::SM));
                }
            }
            None => self.unwritten.extend(stanza.call),
        }
    }

    /// What was held while the transport was away.
    pub(super) fn send_held(&mut self) {
        for stanza in std::mem::take(&mut self.held) {
            self.transmit(stanza);
        }
    }

    /// Whether stanzas are delivered to a listener.
    pub(crate) const fn set_listening(&mut self, listening: bool) {
        self.listening = listening;
    }

    pub(super) fn handle_established(&mut self, now: Instant, element: &Element, frame: &str) {
        if element.namespace == ns::SM && self.management.is_some() {
            return self.handle_management(now, element);
        }
        if element.namespace != ns::CLIENT || !matches!(element.name.as_str(), "iq" | "message" | "presence")
        {
            return self.link_failed(now, failures::unexpected(&self.config, element, "a stanza"));
        }
        if self.management.as_mut().is_some_and(super::Management::received) {
            self.acknowledge();
        }
        // Before the outcome of the call that it settles, as every event.
        if self.listening {
            self.outputs.push_back(Output::Stanza(Box::new(Stanza::from_element(element, frame))));
        }
        if element.name == "iq" {
            self.handle_iq(element, frame);
        }
    }

    fn handle_iq(&mut self, iq: &Element, frame: &str) {
        let Some(id) = iq.attribute("id") else { return };
        let from = iq.attribute("from");
        match iq.attribute("type") {
            Some("result" | "error") => {
                let own = self.jid.as_deref().unwrap_or_default();
                if let Some(call) = self.calls.answered(id, from, own) {
                    self.complete(call, Ok(Completed::Answer { xml: frame.to_owned() }));
                }
            }
            // Every request is answered (RFC 6120, section 8.2.3).
            Some("get" | "set") => {
                let condition = Element::new("service-unavailable", ns::STANZA_ERRORS);
                let error =
                    Element::new("error", ns::CLIENT).with_attribute("type", "cancel").with_child(condition);
                let mut answer = Element::iq("error", id).with_child(error);
                if let Some(from) = from {
                    answer = answer.with_attribute("to", from);
                }
                self.transmit(Outgoing::own(answer.to_xml()));
            }
            _ => {}
        }
    }

    fn handle_management(&mut self, now: Instant, element: &Element) {
        match (element.name.as_str(), self.management.as_mut()) {
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
                Element::new("handled-count-too-high", ns::SM)
                    .with_attribute("send-count", &sent.to_string()),
            );
        }
        if !matches!(self.link, Link::None) {
            self.send(&error);
            self.send(&Element::new("close", ns::FRAMING));
        }
        self.link_failed(now, failures::bad_count(&self.config, bad));
    }
}
