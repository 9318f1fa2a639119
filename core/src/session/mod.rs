//! The protocol, and nothing else: no socket, no clock, no randomness of its own, no task.
//!
//! Every input carries the time. After one input, whatever it is, drain [`poll_output`](Session::poll_output) until
//! it returns `None`, then wait for the next input or for [`poll_timeout`](Session::poll_timeout). That is the whole
//! contract; the driver keeps it with sockets and a real clock, the tests keep it with neither.

mod attach;
mod backoff;
mod calls;
mod conference;
mod conference_failures;
mod credentials;
mod discovery;
mod failures;
mod features;
mod http;
mod keep_alive;
mod liveness;
mod login;
mod management;
mod output;
mod recovery;
mod room;
mod scram;
#[cfg(test)]
mod tests;
mod token;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::frame::Frame;
use crate::options::Config;
use crate::times::Milestone;
use crate::transport::TransportError;
use crate::xml::{Element, XmlError, ns, parse};
use crate::{Completed, CompletionResult, Error, ErrorType};

pub(crate) use attach::Attachment;
pub(crate) use backoff::Backoff;
use calls::Calls;
use conference::Conferences;
pub(crate) use credentials::{Credentials, Known, Mechanism};
use discovery::Discovery;
pub(crate) use features::Features;
pub(crate) use http::{HttpAnswer, HttpPurpose, HttpRequest};
use keep_alive::KeepAlive;
use liveness::Liveness;
use login::{Login, Step};
use management::{Management, Outgoing};
pub(crate) use output::{CallId, Ending, Entropy, Output, Start};
use recovery::Recovery;
use room::Rooms;
pub(crate) use room::{RoomOutput, RoomStart};
#[cfg(test)]
pub(crate) use scram::Hash;
pub(crate) use scram::{Derivation, SaltedPassword};
pub(crate) use token::WallClock;

/// What may be on its way out beside the caller's stanzas: our answers to what the peer asks.
const ALLOWANCE_OF_ANSWERS: usize = 1024 * 1024;

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
    /// The session that someone else has bound, as long as it is this one.
    attachment: Option<Attachment>,
    /// The JID that the server bound.
    jid: Option<String>,
    management: Option<Management>,
    /// Stanzas that wait for the transport to come back.
    held: VecDeque<Outgoing>,
    /// Stanzas on their way out of a stream without stream management, by the calls that wait for them.
    unwritten: Vec<Option<CallId>>,
    /// What has been sent since the transport was last seen to have written everything.
    unwritten_bytes: usize,
    calls: Calls,
    conferences: Conferences,
    rooms: Rooms,
    /// What the focus knows us by, and what it calls our session with it.
    machine_uid: String,
    conference_session: Option<String>,
    /// The room that the connection is for.
    room: Option<String>,
    /// The focus has been asked for it.
    conference_ready: bool,
    discovery: Discovery,
    features: Features,
    keep_alive: KeepAlive,
    wall: WallClock,
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

impl Session {
    pub(crate) fn credentials(&self) -> Credentials {
        self.credentials.clone()
    }

    /// The JID that the attempt is for, where that is known before the server has bound one.
    pub(crate) fn intended_jid(&self) -> Option<String> {
        match &self.attachment {
            Some(attachment) => Some(attachment.jid.clone()),
            None => self.credentials.jid(),
        }
    }

    pub(crate) fn token(&self) -> Option<String> {
        self.token.clone()
    }

    pub(crate) fn domain(&self) -> &str {
        self.credentials.domain()
    }

    /// Starts an attempt.
    pub(crate) fn connect(config: Arc<Config>, start: Start, now: Instant) -> Self {
        let mut session = Self {
            liveness: Liveness::new(&config),
            recovery: Recovery::default(),
            config,
            credentials: start.credentials,
            token: start.token,
            known: start.known,
            rng: Rng::with_seed(start.entropy.seed),
            nonces: credentials::Nonces::new(start.entropy.nonces),
            phase: Phase::Connecting,
            link: Link::None,
            attachment: start.attachment,
            jid: None,
            management: None,
            held: VecDeque::new(),
            unwritten: Vec::new(),
            unwritten_bytes: 0,
            calls: Calls::default(),
            conferences: Conferences::default(),
            rooms: Rooms::default(),
            machine_uid: start.machine_uid,
            conference_session: start.conference_session,
            room: start.room,
            conference_ready: false,
            discovery: Discovery::default(),
            features: start.features,
            keep_alive: KeepAlive::default(),
            wall: start.wall,
            closing: None,
            listening: false,
            outputs: VecDeque::new(),
        };
        if session.attachment.is_some() {
            session.reached(Milestone::Attaching);
            session.attempt_attach(now);
        } else {
            session.reached(Milestone::Connecting);
            session.attempt_fresh(now);
        }
        session
    }

    /// What the calendar says.
    pub(crate) fn set_wall_clock(&mut self, wall: WallClock) {
        self.wall = wall;
    }

    /// The features that are advertised from now on, and to the rooms at once if they are to be submitted.
    pub(crate) fn set_features(&mut self, now: Instant, features: Features, submit: bool) {
        self.features = features;
        if submit {
            self.submit_presence(now);
        }
    }

    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Nothing may come for a long time: frees what only work needs.
    pub(crate) fn rest(&mut self) {
        if self.outputs.is_empty() {
            self.outputs = VecDeque::new();
        }
        self.calls.rest();
        if let Some(management) = &mut self.management {
            management.rest();
        }
    }

    /// When `handle_timeout` is due, if nothing else comes before.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let login = match &self.link {
            Link::Opening(login) | Link::Login(login) => Some(login.deadline),
            Link::None | Link::Up => None,
        };
        let up =
            [self.liveness.poll_timeout(), self.keep_alive.poll_timeout(), self.discovery.poll_timeout()];
        let up = up.into_iter().filter(|_| self.is_up());
        let always = [
            self.recovery.poll_timeout(),
            self.calls.poll_timeout(),
            self.conferences.poll_timeout(),
            self.rooms.poll_timeout(),
        ];
        [login, self.closing].into_iter().chain(up).chain(always).flatten().min()
    }

    /// The time that `poll_timeout` named has come.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.closing.is_some_and(|deadline| deadline <= now) {
            return self.end(Ending::Disconnected);
        }
        self.expire_calls(now);
        self.check_conferences(now);
        self.check_rooms(now);
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
            self.check_keep_alive(now);
            self.check_discovery(now);
            self.check_liveness(now);
        }
        self.recover(now);
    }

    /// A request over HTTP was answered, or failed.
    pub(crate) fn handle_http(
        &mut self,
        now: Instant,
        purpose: HttpPurpose,
        answer: Result<HttpAnswer, TransportError>,
    ) {
        if matches!(self.phase, Phase::Closing | Phase::Ended) {
            return;
        }
        match purpose {
            HttpPurpose::KeepAlive => self.handle_keep_alive(now, answer.as_ref().ok()),
            HttpPurpose::Conference(number) => self.handle_conference_http(now, number, answer),
        }
    }

    /// A transport is open, after so many round trips of its own.
    pub(crate) fn handle_opened(&mut self, now: Instant, round_trips: u32) {
        if let Link::Opening(login) = std::mem::replace(&mut self.link, Link::None) {
            self.start_login(now, login, round_trips);
        }
    }

    /// What was sent has left for the network.
    pub(crate) fn handle_flushed(&mut self) {
        self.unwritten_bytes = 0;
        for call in std::mem::take(&mut self.unwritten).into_iter().flatten() {
            self.complete(call, Ok(Completed::Done));
        }
    }

    /// Whether the transport is to be read. Not while it holds more than the caller may have under way: then it is
    /// answers to a peer that asks and does not read.
    pub(crate) fn may_read(&self) -> bool {
        self.unwritten_bytes <= self.config.send_queue.max_bytes + ALLOWANCE_OF_ANSWERS
    }

    /// Some bytes came at that time, of a frame that may take long to be whole.
    pub(crate) fn handle_bytes(&mut self, at: Instant) {
        self.liveness.handle_bytes(at);
    }

    /// A frame came.
    pub(crate) fn handle_frame(&mut self, now: Instant, frame: &Frame) {
        if self.phase == Phase::Ended {
            return;
        }
        self.liveness.handle_received(now);
        let outcome = match &self.link {
            Link::Up if self.is_up() => self.handle_established(now, frame),
            Link::Login(login) if login.step == Step::Attach => self.handle_attaching(now, frame),
            _ => self.handle_other(now, frame),
        };
        match outcome {
            Ok(()) => {}
            // Nothing that comes after our `<close/>` can change the outcome.
            Err(_) if self.phase == Phase::Closing => self.end(Ending::Disconnected),
            Err(error) => self.link_failed(now, failures::malformed(&self.config, error)),
        }
    }

    /// Outside the established session everything is looked at in full.
    fn handle_other(&mut self, now: Instant, frame: &str) -> Result<(), XmlError> {
        self.handle_element(now, &parse(frame)?);
        Ok(())
    }

    /// What is no stanza of an established session.
    fn handle_element(&mut self, now: Instant, element: &Element<'_>) {
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
                match self.phase {
                    Phase::Connected => self.handle_management(now, element),
                    // What else the server had under way when we closed the stream is of no interest.
                    _ => self.handle_late_acknowledgement(element),
                }
            }
            link => self.link = link,
        }
    }

    fn handle_stream_error(&mut self, now: Instant, element: &Element<'_>) {
        if self.phase == Phase::Closing {
            return self.end(Ending::Disconnected);
        }
        if let Link::Login(login) = &self.link
            && login.refuses_management(element)
        {
            return self.log_in_without_management(now);
        }
        self.link_closed(now, failures::stream_error(&self.config, element, self.concerns_session()));
    }

    /// The server closed the stream, or the transport without a word.
    fn handle_closed(&mut self, now: Instant) {
        match self.phase {
            Phase::Closing => self.end(Ending::Disconnected),
            _ => self.link_closed(now, failures::closed(&self.config, self.concerns_session())),
        }
    }

    /// The transport could not be opened, or broke.
    pub(crate) fn handle_transport_error(&mut self, now: Instant, error: TransportError) {
        match self.phase {
            Phase::Ended => {}
            Phase::Closing => self.end(Ending::Disconnected),
            _ => {
                let failure = failures::transport(&self.config, error, self.concerns_session());
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

    /// Whether a failure of the transport of the moment concerns an established session, and not a login.
    fn concerns_session(&self) -> bool {
        match &self.link {
            Link::Up => true,
            Link::Opening(login) | Link::Login(login) => login.purpose == login::Purpose::Resume,
            Link::None => false,
        }
    }

    /// A `refreshToken` under way, which shares the fate of the attempt.
    pub(crate) fn refreshing(&self) -> Option<CallId> {
        self.recovery.refreshing()
    }

    fn end(&mut self, ending: Ending) {
        self.reached(match &ending {
            Ending::Disconnected | Ending::Redirected { .. } => Milestone::Disconnected,
            Ending::Failed(failure) if failure.error_type == ErrorType::PasswordRequired => {
                Milestone::Authfail
            }
            Ending::Failed(_) => Milestone::Connfail,
        });
        self.lose_stanzas(None);
        self.lose_rooms(!matches!(ending, Ending::Failed(_)), true);
        self.phase = Phase::Ended;
        self.link = Link::None;
        self.closing = None;
        self.recovery.end();
        self.outputs.push_back(Output::Ended(ending));
    }

    /// Settles every stanza and request that the end of the session on the server leaves open.
    fn lose_stanzas(&mut self, h: Option<u32>) {
        let (settled, lost) = self.management.take().map(|management| management.lose(h)).unwrap_or_default();
        self.settle(settled);
        self.lose_calls();
        let lost = lost.into_iter().chain(std::mem::take(&mut self.held)).filter_map(|stanza| stanza.call);
        let unwritten = std::mem::take(&mut self.unwritten).into_iter().flatten();
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

    fn send(&mut self, element: &Element<'_>) {
        self.send_text(element.to_xml());
    }

    fn send_text(&mut self, frame: String) {
        self.unwritten_bytes += frame.len();
        self.outputs.push_back(Output::Send(frame));
    }
}
