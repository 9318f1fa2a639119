//! The protocol, and nothing else: no socket, no clock, no randomness of its own, no task.
//!
//! Every input carries the time. After one input, whatever it is, drain [`poll_output`](Session::poll_output) until
//! it returns `None`, then wait for the next input or for [`poll_timeout`](Session::poll_timeout). That is the whole
//! contract; the driver keeps it with sockets and a real clock, the tests keep it with neither.

mod backoff;
mod calls;
mod credentials;
mod failures;
mod liveness;
mod login;
mod management;
mod recovery;
mod scram;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::options::Config;
use crate::times::Milestone;
use crate::transport::TransportError;
use crate::xml::{Element, ns, parse};
use crate::{Completed, CompletionResult, Error, ErrorType, Failure, Stanza};

pub(crate) use backoff::Backoff;
use calls::Calls;
pub(crate) use credentials::{Credentials, Known, Mechanism};
use liveness::Liveness;
use login::Login;
use management::{Management, Outgoing};
use recovery::Recovery;
pub(crate) use scram::{Derivation, SaltedPassword};

/// Names a call that waits for its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CallId(pub u64);

/// What the driver gives a session to be unpredictable with.
pub(crate) struct Entropy {
    /// For delays and names.
    pub seed: u64,
    /// For the nonces of SCRAM: a secret.
    pub nonces: [u8; 32],
}

/// One session, from `connect` to its end.
pub(crate) struct Session {
    config: Arc<Config>,
    credentials: Credentials,
    token: Option<String>,
    known: Known,
    rng: Rng,
    nonces: credentials::Nonces,
    phase: Phase,
    link: Link,
    /// The JID that the server bound.
    jid: Option<String>,
    management: Option<Management>,
    /// Stanzas that wait for the transport to come back.
    held: VecDeque<Outgoing>,
    /// Calls whose stanza is on its way out of a stream without stream management.
    unwritten: Vec<CallId>,
    calls: Calls,
    liveness: Liveness,
    recovery: Recovery,
    closing: Option<Instant>,
    listening: bool,
    outputs: VecDeque<Output>,
}

/// Where the session stands, as the caller sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Not yet established.
    Connecting,
    Connected,
    /// The transport is lost; the session is being resumed, or a fresh one set up.
    Interrupted,
    /// We have closed the stream and wait for the server to do the same.
    Closing,
    Ended,
}

/// The transport of the moment.
enum Link {
    None,
    Opening(Box<Login>),
    Login(Box<Login>),
    Up,
}

/// What the session wants done. It holds secrets, so it can be shown in tests only.
#[derive(PartialEq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) enum Output {
    /// Open a transport, with this token and `previd` in the query of its URL, and report with `handle_opened` or
    /// `handle_transport_error`. The one before is closed, unless it is parked.
    Open { token: Option<String>, previd: Option<String> },
    /// Give the transport up, at once.
    Drop,
    /// Keep the open transport aside, unread, until `Unpark` or the next `Drop` of it.
    Park,
    /// Go on with the transport that was parked, in place of the one of the moment.
    Unpark,
    /// Close the transport that was parked.
    DropParked,
    /// Send a frame. Frames between two polls that return `None` belong in one write.
    Send(String),
    /// Derive a key from the password, away from the event path, and report with `handle_derived`.
    Derive(Derivation),
    /// What the process should remember of this server.
    Learned(Known),
    /// A moment to note.
    Reached(Milestone),
    /// The session is established under this JID.
    Established { jid: String, resumed: bool, reconnected: bool, round_trips: u32 },
    /// The transport is lost, and recovery is under way.
    Interrupted(Box<Failure>),
    /// The session goes on over a new transport.
    Resumed { attempts: u32, downtime: Duration, resent: usize },
    /// A stanza came; only while someone listens.
    Stanza(Box<Stanza>),
    /// A call has its outcome.
    Completed(CallId, CompletionResult),
    /// The session is over and the transport is to be closed; nothing follows.
    Ended(Ending),
}

/// How a session ended.
#[derive(Debug, PartialEq)]
pub(crate) enum Ending {
    Failed(Box<Failure>),
    Disconnected,
}

impl Entropy {
    /// From the system's generator.
    pub(crate) fn fresh() -> Self {
        let (mut nonces, mut seed) = ([0; 32], [0; 8]);
        let random = ring::rand::SystemRandom::new();
        for bytes in [&mut nonces[..], &mut seed] {
            ring::rand::SecureRandom::fill(&random, bytes).expect("the system's random generator works");
        }
        Self { seed: u64::from_ne_bytes(seed), nonces }
    }
}

impl Session {
    pub(crate) fn credentials(&self) -> Credentials {
        self.credentials.clone()
    }

    pub(crate) fn token(&self) -> Option<String> {
        self.token.clone()
    }

    pub(crate) fn domain(&self) -> &str {
        self.credentials.domain()
    }

    /// Starts an attempt.
    pub(crate) fn connect(
        config: Arc<Config>,
        credentials: Credentials,
        token: Option<String>,
        known: Known,
        entropy: Entropy,
        now: Instant,
    ) -> Self {
        let mut session = Self {
            liveness: Liveness::new(&config),
            recovery: Recovery::default(),
            config,
            credentials,
            token,
            known,
            rng: Rng::with_seed(entropy.seed),
            nonces: credentials::Nonces::new(&entropy.nonces),
            phase: Phase::Connecting,
            link: Link::None,
            jid: None,
            management: None,
            held: VecDeque::new(),
            unwritten: Vec::new(),
            calls: Calls::default(),
            closing: None,
            listening: false,
            outputs: VecDeque::new(),
        };
        session.reached(Milestone::Connecting);
        session.attempt_fresh(now);
        session
    }

    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When `handle_timeout` is due, if nothing else comes before.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let login = match &self.link {
            Link::Opening(login) | Link::Login(login) => Some(login.deadline),
            Link::None | Link::Up => None,
        };
        let ping = self.is_up().then(|| self.liveness.poll_timeout()).flatten();
        [login, ping, self.closing, self.recovery.poll_timeout(), self.calls.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
    }

    /// The time that `poll_timeout` named has come.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.closing.is_some_and(|deadline| deadline <= now) {
            return self.end(Ending::Disconnected);
        }
        for call in self.calls.expire(now) {
            self.held.retain(|stanza| stanza.iq != Some(call));
            self.complete(call, Err(Error::Timeout("the request was not answered in time".to_owned())));
        }
        match &self.link {
            Link::Opening(login) if login.deadline <= now => {
                let failure = failures::connect_timeout(
                    &self.config,
                    login.patience,
                    login.option("transport.connectTimeout"),
                );
                return self.attempt_failed(now, failure);
            }
            Link::Login(login) if login.deadline <= now => {
                let failure = failures::login_timeout(
                    &self.config,
                    login.step.waiting_for(),
                    login.patience,
                    login.option("loginTimeout"),
                );
                return self.attempt_failed(now, failure);
            }
            _ => {}
        }
        if self.is_up() {
            self.check_liveness(now);
        }
        self.recover(now);
    }

    /// A transport is open, after so many round trips of its own.
    pub(crate) fn handle_opened(&mut self, now: Instant, round_trips: u32) {
        if let Link::Opening(login) = std::mem::replace(&mut self.link, Link::None) {
            self.start_login(now, login, round_trips);
        }
    }

    /// What was sent has left for the network.
    pub(crate) fn handle_flushed(&mut self) {
        for call in std::mem::take(&mut self.unwritten) {
            self.complete(call, Ok(Completed::Done));
        }
    }

    /// A frame came.
    pub(crate) fn handle_frame(&mut self, now: Instant, frame: &str) {
        if self.phase == Phase::Ended {
            return;
        }
        self.liveness.handle_received(now);
        match parse(frame) {
            Ok(element) => self.handle_element(now, &element, frame),
            // Nothing that comes after our `<close/>` can change the outcome.
            Err(_) if self.phase == Phase::Closing => self.end(Ending::Disconnected),
            Err(error) => self.link_failed(now, failures::malformed(&self.config, error)),
        }
    }

    fn handle_element(&mut self, now: Instant, element: &Element, frame: &str) {
        if element.is("close", ns::FRAMING) {
            return self.handle_closed(now);
        }
        if element.is("error", ns::STREAM) {
            return self.handle_stream_error(now, element);
        }
        match std::mem::replace(&mut self.link, Link::None) {
            Link::Login(login) => self.handle_login(now, login, element),
            Link::Up => {
                self.link = Link::Up;
                // What the server had under way when we closed the stream is of no interest.
                if self.phase == Phase::Connected {
                    self.handle_established(now, element, frame);
                }
            }
            link => self.link = link,
        }
    }

    fn handle_stream_error(&mut self, now: Instant, element: &Element) {
        if self.phase == Phase::Closing {
            return self.end(Ending::Disconnected);
        }
        if let Link::Login(login) = &self.link
            && login.refuses_management(element)
        {
            return self.log_in_without_management(now);
        }
        self.link_closed(now, failures::stream_error(&self.config, element, self.was_established()));
    }

    /// The server closed the stream, or the transport without a word.
    fn handle_closed(&mut self, now: Instant) {
        match self.phase {
            Phase::Closing => self.end(Ending::Disconnected),
            _ => self.link_closed(now, failures::closed(&self.config, self.was_established())),
        }
    }

    /// The transport could not be opened, or broke.
    pub(crate) fn handle_transport_error(&mut self, now: Instant, error: TransportError) {
        match self.phase {
            Phase::Ended => {}
            Phase::Closing => self.end(Ending::Disconnected),
            _ => {
                let failure = failures::transport(&self.config, error, self.was_established());
                self.link_failed(now, failure);
            }
        }
    }

    /// The caller wants the connection closed, and waits this long for the server to agree.
    pub(crate) fn disconnect(&mut self, now: Instant, patience: Duration) {
        if matches!(self.phase, Phase::Closing | Phase::Ended) {
            return;
        }
        self.reached(Milestone::Disconnecting);
        self.unpark();
        match (self.phase, &self.link) {
            (Phase::Connected, Link::Up) => {
                if let Some(management) = &mut self.management
                    && management.owes_acknowledgement()
                {
                    // So that the server does not bounce what we have handled.
                    let h = management.tell();
                    self.send(&login::acknowledgement(h));
                }
                self.send(&Element::new("presence", ns::CLIENT).with_attribute("type", "unavailable"));
                self.send(&Element::new("close", ns::FRAMING));
                self.phase = Phase::Closing;
                self.closing = Some(now + patience);
            }
            (Phase::Connecting, Link::Login(_)) => {
                self.send(&Element::new("close", ns::FRAMING));
                self.end(Ending::Disconnected);
            }
            // Away: there is nobody to say goodbye to.
            _ => self.end(Ending::Disconnected),
        }
    }

    /// The transport is not read for a while, since the consumer is slow: the server learns what was handled, and
    /// its silence says nothing.
    pub(crate) fn pause(&mut self) {
        self.liveness.set_paused(true);
        let owes = self.management.as_ref().is_some_and(Management::owes_acknowledgement);
        if owes && self.is_up() {
            self.acknowledge();
        }
    }

    /// The transport is read again.
    pub(crate) fn unpause(&mut self, now: Instant) {
        self.liveness.set_paused(false);
        self.liveness.handle_received(now);
    }

    /// The consumer has not taken anything for too long.
    pub(crate) fn handle_stalled(&mut self, patience: Duration) {
        if !matches!(self.phase, Phase::Closing | Phase::Ended) {
            self.end(Ending::Failed(Box::new(failures::stalled(patience))));
        }
    }

    const fn is_up(&self) -> bool {
        matches!(self.link, Link::Up) && matches!(self.phase, Phase::Connected)
    }

    const fn was_established(&self) -> bool {
        self.jid.is_some()
    }

    fn end(&mut self, ending: Ending) {
        self.reached(match &ending {
            Ending::Disconnected => Milestone::Disconnected,
            Ending::Failed(failure) if failure.error_type == ErrorType::PasswordRequired => {
                Milestone::Authfail
            }
            Ending::Failed(_) => Milestone::Connfail,
        });
        self.lose_stanzas(None);
        self.abandon_refresh();
        self.phase = Phase::Ended;
        self.link = Link::None;
        self.closing = None;
        self.recovery = Recovery::default();
        self.outputs.push_back(Output::Ended(ending));
    }

    /// Settles every stanza and request that the end of the session on the server leaves open.
    fn lose_stanzas(&mut self, h: Option<u32>) {
        let (settled, lost) = self.management.take().map(|management| management.lose(h)).unwrap_or_default();
        self.settle(settled);
        for call in self.calls.take_all() {
            self.complete(call, Err(Error::SessionLost));
        }
        let lost = lost.into_iter().chain(std::mem::take(&mut self.held)).filter_map(|stanza| stanza.call);
        let unwritten = std::mem::take(&mut self.unwritten);
        for call in lost.chain(unwritten).collect::<Vec<_>>() {
            self.complete(call, Err(Error::SessionLost));
        }
    }

    fn settle(&mut self, stanzas: Vec<Outgoing>) {
        for call in stanzas.into_iter().filter_map(|stanza| stanza.call) {
            self.complete(call, Ok(Completed::Done));
        }
    }

    fn complete(&mut self, call: CallId, result: CompletionResult) {
        self.outputs.push_back(Output::Completed(call, result));
    }

    fn reached(&mut self, milestone: Milestone) {
        self.outputs.push_back(Output::Reached(milestone));
    }

    fn send(&mut self, element: &Element) {
        self.outputs.push_back(Output::Send(element.to_xml()));
    }
}
