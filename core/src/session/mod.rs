//! The protocol, and nothing else: no socket, no clock, no randomness, no task.
//!
//! Every input carries the time. After one input, whatever it is, drain [`poll_output`](Session::poll_output) until
//! it returns `None`, then wait for the next input or for [`poll_timeout`](Session::poll_timeout). That is the whole
//! contract; the driver keeps it with sockets and a real clock, the tests keep it with neither.

mod failures;
mod login;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::options::Config;
use crate::times::Milestone;
use crate::transport::TransportError;
use crate::xml::{Element, ns, parse};

use login::Step;

/// One session, from `connect` to its end.
pub(crate) struct Session {
    config: Arc<Config>,
    phase: Phase,
    deadline: Option<Instant>,
    outputs: VecDeque<Output>,
    /// The JID that the server bound.
    jid: Option<String>,
}

/// Where the session stands.
enum Phase {
    /// The transport is being opened.
    Opening,
    /// The transport is open, the stream is being negotiated.
    Login(Step),
    /// The server has bound a resource.
    Established,
    /// We have closed the stream and wait for the server to do the same.
    Closing,
    Ended,
}

/// What the session wants done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Open a transport and report with `handle_opened` or `handle_transport_error`.
    Open,
    /// Send a frame. Frames between two polls that return `None` belong in one write.
    Send(String),
    /// A moment to note.
    Reached(Milestone),
    /// The session is established under this JID.
    Established { jid: String },
    /// The session is over and the transport is to be closed; nothing follows.
    Ended(Ending),
}

/// How a session ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Failed(Box<Failure>),
    Disconnected,
}

impl Session {
    /// Starts an attempt.
    pub(crate) fn connect(config: Arc<Config>, now: Instant) -> Self {
        let deadline = Some(now + config.connect_timeout);
        let outputs = VecDeque::from([Output::Reached(Milestone::Connecting), Output::Open]);
        Self { config, phase: Phase::Opening, deadline, outputs, jid: None }
    }

    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When `handle_timeout` is due, if nothing else comes before.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    /// The transport is open.
    pub(crate) fn handle_opened(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Opening) {
            self.deadline = Some(now + self.config.login_timeout);
            self.start_login();
        }
    }

    /// A frame came.
    pub(crate) fn handle_frame(&mut self, frame: &str) {
        if matches!(self.phase, Phase::Ended | Phase::Opening) {
            return;
        }
        match parse(frame) {
            Ok(element) => self.handle_element(&element),
            // Nothing that comes after our `<close/>` can change the outcome.
            Err(_) if matches!(self.phase, Phase::Closing) => self.end(Ending::Disconnected),
            Err(error) => self.fail(failures::malformed(&self.config, error)),
        }
    }

    fn handle_element(&mut self, element: &Element) {
        if element.is("close", ns::FRAMING) {
            return self.handle_peer_closed();
        }
        if element.is("error", ns::STREAM) {
            return match self.phase {
                Phase::Closing => self.end(Ending::Disconnected),
                _ => self.fail(failures::stream_error(&self.config, element, self.is_established())),
            };
        }
        match self.phase {
            Phase::Login(step) => self.handle_login(step, element),
            Phase::Established => self.handle_stanza(element),
            // What the server had under way when we closed.
            Phase::Closing | Phase::Opening | Phase::Ended => {}
        }
    }

    fn handle_stanza(&mut self, element: &Element) {
        if element.namespace != ns::CLIENT || !matches!(element.name.as_str(), "iq" | "message" | "presence")
        {
            return self.fail(failures::unexpected(&self.config, element, "a stanza"));
        }
        let request = element.name == "iq" && matches!(element.attribute("type"), Some("get" | "set"));
        if request && let Some(id) = element.attribute("id") {
            // Every request is answered (RFC 6120, section 8.2.3).
            let mut answer = Element::iq("error", id);
            if let Some(from) = element.attribute("from") {
                answer = answer.with_attribute("to", from);
            }
            let condition = Element::new("service-unavailable", ns::STANZA_ERRORS);
            let error =
                Element::new("error", ns::CLIENT).with_attribute("type", "cancel").with_child(condition);
            self.send(&answer.with_child(error));
        }
    }

    /// The server closed the stream, or the transport without a word.
    fn handle_peer_closed(&mut self) {
        match self.phase {
            Phase::Closing => self.end(Ending::Disconnected),
            _ => self.fail(failures::closed(&self.config, self.is_established())),
        }
    }

    /// The transport could not be opened, or broke.
    pub(crate) fn handle_transport_error(&mut self, error: TransportError) {
        match self.phase {
            Phase::Ended => {}
            Phase::Closing => self.end(Ending::Disconnected),
            _ if matches!(error, TransportError::Closed) => self.handle_peer_closed(),
            _ => self.fail(failures::transport(&self.config, error, self.is_established())),
        }
    }

    /// The time that `poll_timeout` named has come.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return;
        }
        match self.phase {
            Phase::Opening => self.fail(failures::connect_timeout(&self.config)),
            Phase::Login(step) => self.fail(failures::login_timeout(&self.config, step.waiting_for())),
            Phase::Closing => self.end(Ending::Disconnected),
            Phase::Established | Phase::Ended => self.deadline = None,
        }
    }

    /// The caller wants the connection closed, and waits this long for the server to agree.
    pub(crate) fn disconnect(&mut self, now: Instant, patience: Duration) {
        match self.phase {
            Phase::Opening => {
                self.reached(Milestone::Disconnecting);
                self.end(Ending::Disconnected);
            }
            Phase::Login(_) => {
                self.reached(Milestone::Disconnecting);
                self.send(&Element::new("close", ns::FRAMING));
                self.end(Ending::Disconnected);
            }
            Phase::Established => {
                self.reached(Milestone::Disconnecting);
                self.send(&Element::new("presence", ns::CLIENT).with_attribute("type", "unavailable"));
                self.send(&Element::new("close", ns::FRAMING));
                self.phase = Phase::Closing;
                self.deadline = Some(now + patience);
            }
            Phase::Closing | Phase::Ended => {}
        }
    }

    const fn is_established(&self) -> bool {
        matches!(self.phase, Phase::Established)
    }

    fn fail(&mut self, failure: Failure) {
        self.end(Ending::Failed(Box::new(failure)));
    }

    fn end(&mut self, ending: Ending) {
        use crate::ErrorType;
        self.reached(match &ending {
            Ending::Disconnected => Milestone::Disconnected,
            Ending::Failed(failure) if failure.error_type == ErrorType::PasswordRequired => {
                Milestone::Authfail
            }
            Ending::Failed(_) => Milestone::Connfail,
        });
        self.phase = Phase::Ended;
        self.deadline = None;
        self.outputs.push_back(Output::Ended(ending));
    }

    fn reached(&mut self, milestone: Milestone) {
        self.outputs.push_back(Output::Reached(milestone));
    }

    fn send(&mut self, element: &Element) {
        self.outputs.push_back(Output::Send(element.to_xml()));
    }
}
