//! From the open transport to the bound resource (RFC 6120, sections 4, 6 and 7, framed by RFC 7395), one step after
//! the other.

use super::{Output, Phase, Session, failures};
use crate::times::Milestone;
use crate::xml::{Element, ns};

/// What the negotiation waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Header(Stream),
    Features(Stream),
    Authentication,
    /// `session` tells whether the server requires the session request of RFC 3921 after the bind.
    Bind {
        session: bool,
    },
    Session,
}

/// A stream is opened twice: before the authentication and after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    First,
    Authenticated,
}

const BIND_ID: &str = "bind";
const SESSION_ID: &str = "session";

impl Step {
    pub(super) const fn waiting_for(self) -> &'static str {
        match self {
            Self::Header(_) => "the stream header <open/>",
            Self::Features(_) => "the stream features",
            Self::Authentication => "the answer to the authentication",
            Self::Bind { .. } => "the answer to the resource binding",
            Self::Session => "the answer to the session request",
        }
    }
}

impl Session {
    pub(super) fn start_login(&mut self) {
        self.open_stream(Stream::First);
    }

    fn open_stream(&mut self, stream: Stream) {
        let open = Element::new("open", ns::FRAMING)
            .with_attribute("to", &self.config.domain)
            .with_attribute("version", "1.0");
        self.send(&open);
        self.phase = Phase::Login(Step::Header(stream));
    }

    pub(super) fn handle_login(&mut self, step: Step, element: &Element) {
        match step {
            Step::Header(stream) if element.is("open", ns::FRAMING) => {
                self.phase = Phase::Login(Step::Features(stream));
            }
            Step::Features(Stream::First) if element.is("features", ns::STREAM) => self.authenticate(element),
            Step::Features(Stream::Authenticated) if element.is("features", ns::STREAM) => self.bind(element),
            Step::Authentication if element.is("success", ns::SASL) => {
                self.reached(Milestone::Authenticated);
                self.open_stream(Stream::Authenticated);
            }
            Step::Authentication if element.is("failure", ns::SASL) => {
                self.fail(failures::sasl(&self.config, element));
            }
            Step::Bind { session } if is_answer(element, BIND_ID) => self.handle_bound(element, session),
            Step::Session if is_answer(element, SESSION_ID) => self.handle_session(element),
            // Jitsi's servers push what they have to tell before they answer the bind.
            Step::Bind { .. } | Step::Session
                if element.namespace == ns::CLIENT
                    && matches!(element.name.as_str(), "message" | "presence") => {}
            _ => self.fail(failures::unexpected(&self.config, element, step.waiting_for())),
        }
    }

    fn authenticate(&mut self, features: &Element) {
        let offered: Vec<String> = features
            .child("mechanisms", ns::SASL)
            .into_iter()
            .flat_map(Element::children)
            .filter(|child| child.is("mechanism", ns::SASL))
            .map(Element::text)
            .collect();
        if !offered.iter().any(|mechanism| mechanism == "ANONYMOUS") {
            return self.fail(failures::no_mechanism(&self.config, &offered));
        }
        self.reached(Milestone::Authenticating);
        self.send(&Element::new("auth", ns::SASL).with_attribute("mechanism", "ANONYMOUS"));
        self.phase = Phase::Login(Step::Authentication);
    }

    fn bind(&mut self, features: &Element) {
        if features.child("bind", ns::BIND).is_none() {
            return self.fail(failures::no_bind(&self.config));
        }
        // RFC 6120 dropped the session request; a server that means it does not call it optional (RFC 3921).
        let session = features
            .child("session", ns::SESSION)
            .is_some_and(|session| session.child("optional", ns::SESSION).is_none());
        self.send(&Element::iq("set", BIND_ID).with_child(Element::new("bind", ns::BIND)));
        self.phase = Phase::Login(Step::Bind { session });
    }

    fn handle_bound(&mut self, answer: &Element, session: bool) {
        let jid =
            answer.child("bind", ns::BIND).and_then(|bind| bind.child("jid", ns::BIND)).map(Element::text);
        let jid = match (answer.attribute("type"), jid) {
            (Some("result"), Some(jid)) => jid,
            (Some("error"), _) => return self.fail(failures::bind_refused(&self.config, answer)),
            _ => return self.fail(failures::unexpected(&self.config, answer, "the bound JID")),
        };
        if jid::FullJid::new(&jid).is_err() {
            return self.fail(failures::unexpected(&self.config, answer, "a full JID"));
        }
        self.reached(Milestone::Bound);
        self.jid = Some(jid);
        if session {
            self.send(&Element::iq("set", SESSION_ID).with_child(Element::new("session", ns::SESSION)));
            self.phase = Phase::Login(Step::Session);
        } else {
            self.establish();
        }
    }

    fn handle_session(&mut self, answer: &Element) {
        match answer.attribute("type") {
            Some("result") => self.establish(),
            _ => self.fail(failures::bind_refused(&self.config, answer)),
        }
    }

    fn establish(&mut self) {
        self.phase = Phase::Established;
        self.deadline = None;
        self.reached(Milestone::Connected);
        self.outputs.push_back(Output::Established { jid: self.jid.clone().unwrap_or_default() });
    }
}

/// Only the server itself answers these requests, and only it can speak before the resource is bound; `from` is the
/// account or absent (RFC 6120, section 8.1.2.1).
fn is_answer(element: &Element, id: &str) -> bool {
    element.is("iq", ns::CLIENT) && element.attribute("id") == Some(id)
}
