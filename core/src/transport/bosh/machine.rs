//! The BOSH session, and nothing else: no socket, no clock, no HTTP (XEP-0124, XEP-0206).
//!
//! Frames go in by [`send`](Machine::send) and come out by [`poll_frame`](Machine::poll_frame), framed as on a
//! WebSocket: `<open/>` becomes the creation of the session or a restart, `<close/>` its termination, and the other
//! way round. Requests come out by [`poll_request`](Machine::poll_request) and their answers go in, in any order, late,
//! twice or never. After each input, and when [`poll_timeout`](Machine::poll_timeout) is due, poll again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use fastrand::Rng;
use hyper::body::Bytes;

use super::body::{self, Answer, Kind, Terms};
use super::retry::Retry;
use crate::frame::Frame;
use crate::transport::TransportError;
use crate::xml::{Element, ns, parse};

/// The highest number of a request (XEP-0124, section 7.1).
pub(crate) const MAX_RID: u64 = (1 << 53) - 1;
/// The first one is below this, which leaves enough of them for any session.
const FIRST_RIDS: u64 = 1 << 52;
/// An answer that the server no longer has a reason to keep is awaited this long before it is asked for again.
const PROMPT: Duration = Duration::from_secs(5);
/// A request that is repeated has arrived after this long, unless it is lost.
const ARRIVAL: Duration = Duration::from_millis(250);
/// What was sent may take as long as over a link of this many bytes in a second.
const SLOWEST: u32 = 10_000;
/// Stanzas that wait go into one request up to so many bytes.
const PAYLOAD: usize = 64 * 1024;

pub(super) struct Machine {
    retry: Retry,
    patience: Duration,
    /// Beyond so many bytes that nobody has taken, the server is asked for no more.
    limit: usize,
    phase: Phase,
    sid: Option<String>,
    terms: Terms,
    next_rid: u64,
    queue: VecDeque<Item>,
    /// From the oldest request without an answer on, in the order of their numbers.
    flight: VecDeque<Flight>,
    frames: VecDeque<Frame>,
    waiting_bytes: usize,
    /// The stream was started anew, and its header is due before the features.
    awaits_header: bool,
    /// The server may speak first. Until the login is done it only answers.
    may_poll: bool,
    /// When a request that carries nothing may go out.
    next_poll: Instant,
    /// No other request goes out before.
    quiet_until: Option<Instant>,
    last_answer: Instant,
    unwritten: bool,
    failed: Option<TransportError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Waits for `<open/>`.
    New,
    /// The server has been asked for a session.
    Creating,
    Open,
    /// The server has been told that this is the end.
    Terminating,
    Ended,
}

/// What is to be sent.
enum Item {
    Stanza(String),
    Open { to: String },
    Close,
}

/// A request without an answer, or one whose answer came before that of an older one.
struct Flight {
    rid: u64,
    body: Bytes,
    attempts: u32,
    state: State,
    written: bool,
    sent: Instant,
    /// It carries nothing.
    empty: bool,
}

enum State {
    /// To be sent (again) at this moment.
    Due(Instant),
    /// On its way; asked for again if there is no answer by then.
    Posted {
        deadline: Instant,
    },
    Answered(Answer),
}

/// A request to send. The same number comes again, with the same body, if it has to be repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Post {
    pub rid: u64,
    /// Counts the times that this number was sent.
    pub attempt: u32,
    pub body: Bytes,
    /// Whether the server reads it compressed.
    pub gzip: bool,
}

/// What came back over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Response {
    pub status: u16,
    pub body: String,
}

impl Machine {
    /// A session to create.
    pub(super) fn new(
        random: &mut Rng,
        retry: Retry,
        patience: Duration,
        limit: usize,
        now: Instant,
    ) -> Self {
        let next_rid = random.u64(1..FIRST_RIDS);
        Self {
            retry,
            patience,
            limit,
            phase: Phase::New,
            sid: None,
            terms: Terms::default(),
            next_rid,
            queue: VecDeque::new(),
            flight: VecDeque::new(),
            frames: VecDeque::new(),
            waiting_bytes: 0,
            awaits_header: false,
            may_poll: false,
            next_poll: now,
            quiet_until: None,
            last_answer: now,
            unwritten: false,
            failed: None,
        }
    }

    /// A session that someone else has created, whose last request had this number.
    pub(super) fn attach(self, sid: String, rid: u64) -> Self {
        Self { phase: Phase::Open, sid: Some(sid), next_rid: rid + 1, may_poll: true, ..self }
    }

    /// Queues a frame.
    pub(super) fn send(&mut self, frame: &str) {
        // Stanzas of the caller never begin so: they are `message`, `presence` or `iq`.
        let framing = frame.starts_with("<open ") || frame.starts_with("<close ");
        let element = framing.then(|| parse(frame).ok()).flatten();
        let item = match element.filter(|element| element.namespace == ns::FRAMING) {
            Some(open) if open.name == "open" => {
                Item::Open { to: open.attribute("to").unwrap_or_default().to_owned() }
            }
            Some(_) => Item::Close,
            None => Item::Stanza(frame.to_owned()),
        };
        self.queue.push_back(item);
        self.unwritten = true;
    }

    /// Ends the session, unless that is under way.
    pub(super) fn close(&mut self) {
        match self.phase {
            Phase::New => self.phase = Phase::Ended,
            Phase::Creating | Phase::Open if !self.queue.iter().any(|item| matches!(item, Item::Close)) => {
                self.queue.push_back(Item::Close);
            }
            _ => {}
        }
    }

    /// Nothing is to be sent or received any more.
    pub(super) fn has_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// The next frame; an error is the end.
    pub(super) fn poll_frame(&mut self) -> Option<Result<Frame, TransportError>> {
        if let Some(frame) = self.frames.pop_front() {
            self.waiting_bytes -= frame.len();
            return Some(Ok(frame));
        }
        self.has_ended().then(|| Err(self.failed.take().unwrap_or(TransportError::Closed)))
    }

    /// Whether all that was queued has just left for the network.
    pub(super) fn take_flushed(&mut self) -> bool {
        let flushed = self.unwritten && self.queue.is_empty() && self.flight.iter().all(|one| one.written);
        self.unwritten &= !flushed;
        flushed
    }

    /// The body of a request has left for the network.
    pub(super) fn handle_written(&mut self, now: Instant, rid: u64) {
        if let Some(one) = self.flight.iter_mut().find(|one| one.rid == rid && !one.written) {
            one.written = true;
            // What was lost went with its connection. On the new ones a newer request may overtake it, and a server
            // that has held it before (Prosody 0.12) then takes it for one of long ago and ends the session.
            self.quiet_until = (one.attempts > 1).then_some(now + ARRIVAL);
        }
    }

    /// Some of the answer has come: the rest will.
    pub(super) fn handle_progress(&mut self, now: Instant, rid: u64) {
        let later = now + self.prompt();
        if let Some(one) = self.flight.iter_mut().find(|one| one.rid == rid)
            && let State::Posted { deadline } = &mut one.state
        {
            *deadline = later.max(*deadline);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let deadlines = self.flight.iter().filter_map(|one| match one.state {
            State::Posted { deadline } => Some(deadline),
            State::Due(_) | State::Answered(_) => None,
        });
        // What waits for a request to leave is looked at when it has left.
        let due = self.flight.iter().filter_map(Flight::due).chain(self.poll_due());
        let due = due.min().filter(|_| !self.is_sending()).max(self.quiet_until);
        deadlines.chain(due).min()
    }

    /// Whether a request is on its way to the network.
    fn is_sending(&self) -> bool {
        self.flight.iter().any(|one| matches!(one.state, State::Posted { .. }) && !one.written)
    }

    /// A request that the server has not answered in time. It may be a newer one that was lost, without which the
    /// server is free to keep this one: all that are on their way are sent again.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.quiet_until = self.quiet_until.filter(|until| now < *until);
        let late = |one: &Flight| matches!(one.state, State::Posted { deadline } if deadline <= now);
        if !self.flight.iter().any(late) {
            return;
        }
        match self.retry.failed(now, TransportError::Timeout { patience: self.patience }) {
            Ok(again) => {
                for one in &mut self.flight {
                    if let State::Posted { .. } = one.state {
                        one.state = State::Due(again);
                    }
                }
                self.advance();
            }
            Err(error) => self.fail(error),
        }
    }

    /// The next request to send: one to repeat, or one with what has been queued, or one to be held.
    pub(super) fn poll_request(&mut self, now: Instant) -> Option<Post> {
        // On connections that open side by side, requests overtake each other; not every server puts up with it.
        if self.has_ended() || self.quiet_until.is_some() || self.is_sending() {
            return None;
        }
        let due = |one: &Flight| one.due().is_some_and(|at| at <= now);
        // A server may not expect a new request ahead of one that is to be repeated.
        if !self.flight.iter().any(|one| one.due().is_some()) {
            let next = self.compose(now)?;
            self.flight.push_back(next);
        }
        let free = if self.phase == Phase::Creating { Duration::ZERO } else { self.terms.wait };
        let deadline = now + free + self.patience + self.upload();
        let one = self.flight.iter_mut().find(|one| due(one))?;
        one.attempts += 1;
        one.written = false;
        one.state = State::Posted { deadline };
        let (rid, attempt, body) = (one.rid, one.attempts, one.body.clone());
        self.hasten(now);
        Some(Post { rid, attempt, body, gzip: self.terms.gzip })
    }

    /// How long what is on its way may take to arrive.
    fn upload(&self) -> Duration {
        let bytes: usize = self.flight.iter().map(|one| one.body.len()).sum();
        Duration::from_secs(bytes.try_into().unwrap_or(u64::MAX)) / SLOWEST
    }

    /// How long an answer may take that the server owes.
    fn prompt(&self) -> Duration {
        PROMPT.min(self.patience) + self.upload()
    }

    /// The server owes the answers to those that it may no longer keep: older ones than one that is answered, and
    /// what is beyond `hold`.
    fn hasten(&mut self, now: Instant) {
        let answered = self.flight.iter().rposition(|one| matches!(one.state, State::Answered(_)));
        let beyond = self.flight.len().saturating_sub(self.terms.hold);
        let soon = now + self.prompt();
        for one in self.flight.iter_mut().take(answered.unwrap_or(0).max(beyond)) {
            if let State::Posted { deadline } = &mut one.state {
                *deadline = soon.min(*deadline);
            }
        }
    }

    fn compose(&mut self, now: Instant) -> Option<Flight> {
        let may_create = self.phase == Phase::New && matches!(self.queue.front(), Some(Item::Open { .. }));
        let may_carry = self.phase == Phase::Open
            && self.flight.len() < self.terms.requests
            && !self.queue.is_empty()
            && self.waiting_bytes <= self.limit;
        let may_poll = self.poll_due().is_some_and(|at| at <= now);
        if !may_create && !may_carry && !may_poll {
            return None;
        }
        if self.next_rid > MAX_RID {
            self.fail(TransportError::Lost { reason: "the numbers of its requests are used up".to_owned() });
            return None;
        }
        let rid = self.next_rid;
        self.next_rid += 1;
        let sid = self.sid.as_deref().unwrap_or_default();
        let text = match self.queue.front() {
            Some(Item::Open { to }) if may_create => {
                self.phase = Phase::Creating;
                body::create(rid, to)
            }
            Some(Item::Open { to }) if may_carry => {
                self.awaits_header = true;
                body::restart(rid, sid, to)
            }
            _ => {
                let (payload, terminate) =
                    if may_carry { take_payload(&mut self.queue) } else { (Vec::new(), false) };
                let empty = payload.is_empty() && !terminate;
                if terminate {
                    self.phase = Phase::Terminating;
                }
                return Some(Flight::new(rid, body::carry(rid, sid, &payload, terminate), now, empty));
            }
        };
        self.queue.pop_front();
        Some(Flight::new(rid, text, now, false))
    }

    /// When a request that carries nothing is due: at once when none is open, but not before what came has been
    /// taken, not faster than the server allows, and never so late that it forgets us.
    fn poll_due(&self) -> Option<Instant> {
        let wanted = self.phase == Phase::Open && self.may_poll && self.flight.is_empty();
        let taken = self.frames.is_empty() && self.queue.is_empty();
        wanted.then(|| if taken { self.next_poll } else { self.last_answer + self.terms.inactivity / 2 })
    }

    /// The outcome of a request that was sent as its `attempt`th.
    pub(super) fn handle_response(
        &mut self,
        now: Instant,
        rid: u64,
        attempt: u32,
        outcome: Result<Response, TransportError>,
    ) {
        let open = |one: &&Flight| one.rid == rid && !matches!(one.state, State::Answered(_));
        let Some(one) = self.flight.iter().find(open).filter(|_| !self.has_ended()) else { return };
        // An older attempt has been given up: that it failed is known.
        let current = one.attempts == attempt && matches!(one.state, State::Posted { .. });
        match outcome.and_then(|response| self.read(response)) {
            Ok(Answer { kind: Kind::Error, .. }) if current => {
                let reason = "the server wants the request again".to_owned();
                self.request_failed(now, rid, TransportError::Lost { reason });
            }
            Ok(Answer { kind: Kind::Error, .. }) => {}
            Ok(answer) => self.answered(now, rid, answer),
            Err(error) if current || !error.may_pass() => self.request_failed(now, rid, error),
            Err(_) => {}
        }
    }

    fn read(&self, response: Response) -> Result<Answer, TransportError> {
        let known = self.sid.is_some();
        let condition = match response.status {
            200 if known => return Answer::read(&response.body),
            200 => return Answer::read(&response.body).map_err(body::not_yet_bosh),
            // How connection managers said it before they had conditions (XEP-0124, section 17.1).
            400 if known => "bad-request",
            403 if known => "policy-violation",
            404 if known => "item-not-found",
            status => return Err(TransportError::HttpStatus { status }),
        };
        let (condition, status) = (Some(condition.to_owned()), Some(response.status));
        Err(TransportError::Terminated { condition, status })
    }

    fn answered(&mut self, now: Instant, rid: u64, answer: Answer) {
        self.retry.succeeded();
        self.quiet_until = None;
        self.last_answer = now;
        if let Some(one) = self.flight.iter_mut().find(|one| one.rid == rid) {
            one.state = State::Answered(answer);
            one.written = true;
        }
        self.advance();
        self.hasten(now);
    }

    /// Takes the answers in the order of their requests.
    fn advance(&mut self) {
        while let Some(State::Answered(_)) = self.flight.front().map(|one| &one.state) {
            if let Some(Flight { state: State::Answered(answer), sent, empty, .. }) = self.flight.pop_front()
            {
                self.take(answer, sent, empty);
            }
        }
        // An older answer that is not on its way any more will not come from a session that has ended.
        let ended =
            |one: &Flight| matches!(&one.state, State::Answered(answer) if answer.kind != Kind::Normal);
        let awaited = self.flight.iter().any(|one| matches!(one.state, State::Posted { .. }));
        if !awaited
            && let Some(index) = self.flight.iter().position(ended)
            && let Some(Flight { state: State::Answered(answer), sent, empty, .. }) =
                self.flight.remove(index)
        {
            self.take(answer, sent, empty);
        }
    }

    fn take(&mut self, answer: Answer, sent: Instant, empty: bool) {
        if self.has_ended() {
            return;
        }
        // Two requests in a row that carry nothing, and nothing in return: there has to be time between them.
        let nothing = answer.frames.is_empty();
        self.next_poll = if empty && nothing { sent + self.terms.polling } else { sent };
        let created = self.phase == Phase::Creating && answer.kind == Kind::Normal;
        if created {
            if answer.sid.is_none() {
                return self.fail(body::not_bosh("its answer names no session"));
            }
            self.phase = Phase::Open;
            self.sid = answer.sid;
            self.terms = answer.terms;
            self.push(answer.header);
        }
        // What is asked in a login is answered; only an answer that was empty has to be asked for.
        self.may_poll |= nothing;
        for frame in answer.frames {
            if self.awaits_header && is_features(&frame) {
                self.awaits_header = false;
                self.may_poll = true;
                self.push(Element::new("open", ns::FRAMING).with_attribute("version", "1.0").to_xml());
            }
            self.push(frame);
        }
        match answer.kind {
            Kind::Terminate { condition: Some(condition) } if self.phase != Phase::Terminating => {
                self.fail(TransportError::Terminated { condition: Some(condition), status: None });
            }
            Kind::Terminate { .. } => self.closed(),
            Kind::Normal | Kind::Error if self.phase == Phase::Terminating && self.flight.is_empty() => {
                self.closed();
            }
            Kind::Normal | Kind::Error => {}
        }
    }

    fn push(&mut self, frame: String) {
        self.waiting_bytes += frame.len();
        self.frames.push_back(frame.as_str().into());
    }

    fn closed(&mut self) {
        self.push(Element::new("close", ns::FRAMING).to_xml());
        self.end();
    }

    fn request_failed(&mut self, now: Instant, rid: u64, error: TransportError) {
        match self.retry.failed(now, error) {
            Ok(again) => {
                // What fails together is sent again together, in order: what is overdue has waited for this one, and
                // goes on waiting for it.
                let again =
                    self.flight.iter().find_map(Flight::due).filter(|due| *due > now).unwrap_or(again);
                for one in &mut self.flight {
                    if one.rid == rid || one.due().is_some() {
                        one.state = State::Due(again);
                    }
                }
                self.advance();
            }
            Err(error) => self.fail(error),
        }
    }

    fn fail(&mut self, error: TransportError) {
        self.failed = Some(error);
        self.unwritten = false;
        self.end();
    }

    fn end(&mut self) {
        self.phase = Phase::Ended;
        self.quiet_until = None;
        self.queue.clear();
        self.flight.clear();
    }
}

impl Flight {
    const fn due(&self) -> Option<Instant> {
        match self.state {
            State::Due(at) => Some(at),
            State::Posted { .. } | State::Answered(_) => None,
        }
    }

    fn new(rid: u64, body: String, now: Instant, empty: bool) -> Self {
        Self { rid, body: body.into(), attempts: 0, state: State::Due(now), written: false, sent: now, empty }
    }
}

/// The stanzas up to the next restart, and whether the end of the session follows them.
fn take_payload(queue: &mut VecDeque<Item>) -> (Vec<String>, bool) {
    let mut payload = Vec::new();
    let mut bytes = 0;
    while let Some(Item::Stanza(stanza)) = queue.front() {
        bytes += stanza.len();
        if !payload.is_empty() && bytes > PAYLOAD {
            return (payload, false);
        }
        if let Some(Item::Stanza(stanza)) = queue.pop_front() {
            payload.push(stanza);
        }
    }
    let terminate = matches!(queue.front(), Some(Item::Close));
    if terminate {
        queue.clear();
    }
    (payload, terminate)
}

fn is_features(frame: &str) -> bool {
    parse(frame).is_ok_and(|element| element.is("features", ns::STREAM))
}
