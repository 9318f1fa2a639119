//! What a client may tell, and when. The model knows nothing of how the client works: it sees the calls that are made,
//! the items that come out of the hub in their order, and what arrives at the other end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jitsimeet::{Code, Completed, CompletionResult, ConnectionState, Error, Event, Failure};

/// How much of the past a report tells.
const REMEMBERED: usize = 80;

/// What holds for a client beyond the rules that hold for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claims {
    /// No session is lost: nothing is done to it that a resume does not mend.
    pub keeps_session: bool,
    /// What is acknowledged arrives once and in order, and what arrives is what was sent.
    pub delivery: bool,
    /// A lost session is followed by a fresh one (the option `reconnect`).
    pub reconnects: bool,
    /// No failure is final: the network alone caused it.
    pub transient: bool,
}

impl Claims {
    /// A network that loses connections, and nothing else.
    pub const CUTS: Self = Self { keeps_session: true, delivery: true, reconnects: false, transient: true };
    /// A server that forgets sessions too.
    pub const LOSSES: Self = Self { keeps_session: false, ..Self::CUTS };
    /// A server to which half a frame is worse than none. Prosody 0.12 goes on with the buffer of the first connection
    /// after a resume, and what is left in it spoils the next frame.
    pub const HALF_FRAMES: Self = Self { transient: false, ..Self::LOSSES };
    /// A network that changes bytes.
    pub const CORRUPTION: Self =
        Self { keeps_session: false, delivery: false, reconnects: false, transient: false };
}

/// What has been asked of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// `connect`.
    Connect,
    /// `disconnect`.
    Disconnect,
    /// `refreshToken`.
    Refresh,
    /// `sendStanza`, of the message with this number.
    Send(u64),
}

/// Where the client stands, by what it has told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No attempt, no session.
    Idle,
    /// An attempt is under way.
    Connecting,
    /// There is a session.
    Connected,
    /// The transport is lost.
    Interrupted,
    /// The session has been resumed, and is due to be established again.
    Resumed,
}

/// What has happened to a client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Sessions, those that go on not among them.
    pub established: u64,
    /// Attempts and sessions that failed.
    pub failed: u64,
    /// Transports lost.
    pub interrupted: u64,
    /// Sessions that went on.
    pub resumed: u64,
    /// Sessions that were closed.
    pub disconnected: u64,
    /// Stanzas acknowledged.
    pub acknowledged: u64,
    /// Stanzas of which the client said that it does not know.
    pub lost: u64,
    /// Stanzas received.
    pub received: u64,
    /// Tokens replaced.
    pub refreshed: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.established += other.established;
        self.failed += other.failed;
        self.interrupted += other.interrupted;
        self.resumed += other.resumed;
        self.disconnected += other.disconnected;
        self.acknowledged += other.acknowledged;
        self.lost += other.lost;
        self.received += other.received;
        self.refreshed += other.refreshed;
    }
}

/// The model of one client.
#[derive(Debug)]
pub struct Model {
    claims: Claims,
    state: State,
    /// There has been a session since the last `connect`.
    had_session: bool,
    jid: Option<String>,
    failure: Option<Box<Failure>>,
    calls: BTreeMap<u64, Call>,
    next_token: u64,
    /// The calls that wait for the outcome of a stanza, in the order of the stanzas.
    sending: VecDeque<u64>,
    /// Those that came when the session was over already.
    late: BTreeSet<u64>,
    next_number: u64,
    acknowledged: BTreeSet<u64>,
    arrived: BTreeSet<u64>,
    /// What is to come: for which JID, and its number.
    expected: VecDeque<(String, u64)>,
    next_expected: u64,
    tally: Tally,
    codes: BTreeSet<&'static str>,
    history: VecDeque<String>,
    violations: Vec<String>,
}

impl Model {
    /// A client that is idle.
    #[must_use]
    pub fn new(claims: Claims) -> Self {
        Self {
            claims,
            state: State::Idle,
            had_session: false,
            jid: None,
            failure: None,
            calls: BTreeMap::new(),
            next_token: 1,
            sending: VecDeque::new(),
            late: BTreeSet::new(),
            next_number: 0,
            acknowledged: BTreeSet::new(),
            arrived: BTreeSet::new(),
            expected: VecDeque::new(),
            next_expected: 0,
            tally: Tally::default(),
            codes: BTreeSet::new(),
            history: VecDeque::new(),
            violations: Vec::new(),
        }
    }

    /// Where the client stands.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// The full JID of the session.
    #[must_use]
    pub fn jid(&self) -> Option<&str> {
        self.jid.as_deref()
    }

    /// What has happened.
    #[must_use]
    pub const fn tally(&self) -> Tally {
        self.tally
    }

    /// What is claimed of this client.
    #[must_use]
    pub const fn claims(&self) -> Claims {
        self.claims
    }

    /// The codes of all failures and interruptions.
    #[must_use]
    pub const fn codes(&self) -> &BTreeSet<&'static str> {
        &self.codes
    }

    /// Whether a call waits for its outcome.
    #[must_use]
    pub fn is_pending(&self, token: u64) -> bool {
        self.calls.contains_key(&token)
    }

    /// Whether no call waits for its outcome.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.calls.is_empty()
    }

    /// Whether the message has arrived at the other end.
    #[must_use]
    pub fn has_arrived(&self, number: u64) -> bool {
        self.arrived.contains(&number)
    }

    /// Whether the message to this client has come, or will not.
    #[must_use]
    pub fn has_received(&self, number: u64) -> bool {
        self.expected.front().is_none_or(|(_, next)| *next > number)
    }

    /// What was found wrong, with what came before it.
    #[must_use]
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// The last things that happened.
    #[must_use]
    pub fn history(&self) -> String {
        self.history.iter().map(|line| format!("\n    {line}")).collect()
    }

    /// A call is about to be made: its token.
    pub fn call(&mut self, call: Call) -> u64 {
        let token = self.next_token;
        self.next_token += 1;
        self.calls.insert(token, call);
        match call {
            Call::Connect => {
                self.check(self.state == State::Idle, || "connect is called in another state".to_owned());
                self.state = State::Connecting;
                self.had_session = false;
            }
            Call::Send(_) => self.sending.push_back(token),
            _ => {}
        }
        self.remember(format!("call {token}: {call:?}"));
        token
    }

    /// The number of the next message that this client sends.
    pub const fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// The number of a message that is about to be sent to this client.
    pub fn expect(&mut self) -> Option<(String, u64)> {
        let jid = self.jid.clone()?;
        self.next_expected += 1;
        self.expected.push_back((jid.clone(), self.next_expected));
        self.remember(format!("message {} is sent to {jid}", self.next_expected));
        Some((jid, self.next_expected))
    }

    /// A message of this client has come to the other end.
    pub fn arrive(&mut self, number: u64) {
        self.remember(format!("message {number} has arrived"));
        let last = self.arrived.last().copied().unwrap_or(0);
        self.check(number > last || !self.claims.delivery, || {
            format!("message {number} arrived behind {last}: doubled or out of order")
        });
        self.arrived.insert(number);
    }

    /// A message to this client has come. `intact` says whether it is what was sent.
    pub fn receive(&mut self, number: u64, intact: bool) {
        self.tally.received += 1;
        if !self.claims.delivery {
            return;
        }
        self.check(intact, || format!("message {number} came changed"));
        loop {
            match self.expected.pop_front() {
                Some((_, expected)) if expected == number => return,
                Some((jid, expected)) if expected < number => {
                    // Sent to a session that was lost, it went with it.
                    let lost = self.jid.as_deref() != Some(&jid);
                    self.check(lost, || format!("message {expected} was lost, {number} came"));
                }
                other => {
                    self.expected.extend(other);
                    return self.violate(format!("message {number} came doubled or out of order"));
                }
            }
        }
    }

    /// All calls are settled and a last message has come each way: nothing may be missing.
    pub fn settled(&mut self) {
        if self.claims.delivery {
            let lost: Vec<_> = self.acknowledged.difference(&self.arrived).copied().collect();
            self.check(lost.is_empty(), || format!("acknowledged and lost: {lost:?}"));
        }
        // They are accounted for. What comes late is still seen to be out of order.
        self.acknowledged.clear();
        let last = self.arrived.pop_last();
        self.arrived.clear();
        self.arrived.extend(last);
    }

    /// An event has come. `jid` and `state` are what the client says at this moment.
    pub fn event(&mut self, event: &Event, jid: Option<String>, state: ConnectionState) {
        self.remember(match event {
            Event::StanzaReceived(stanza) => format!("stanza {}", stanza.xml()),
            event => format!("{event:?}"),
        });
        if let Event::ConnectionFailed(failure) = event {
            self.note(failure.code);
        }
        if let Event::Interrupted { code, .. } = event {
            self.note(*code);
        }
        let before = self.state;
        match (before, event) {
            (State::Connected, Event::StanzaReceived(_))
            | (State::Connecting | State::Connected, Event::PropertiesUpdated { .. }) => {}
            (
                State::Connecting | State::Interrupted,
                Event::ConnectionEstablished { id, resumed: false, reconnected },
            ) if before == State::Connecting || self.claims.reconnects => {
                let had = self.had_session;
                self.check(*reconnected == had, || {
                    format!("reconnected: {reconnected}, where {had} is true")
                });
                self.establish(id, jid);
            }
            (State::Resumed, Event::ConnectionEstablished { id, resumed: true, reconnected: false }) => {
                self.check(self.is_resource(id), || format!("resumed with another resource: {id}"));
                self.check(jid == self.jid, || format!("resumed with another JID: {jid:?}"));
                self.state = State::Connected;
            }
            (State::Connected, Event::Resumed { .. }) if self.is_refreshing() => self.resume(),
            (State::Interrupted, Event::Resumed { .. }) => self.resume(),
            (State::Connected, Event::Interrupted { .. }) => self.interrupt(),
            (State::Connecting | State::Interrupted, Event::Interrupted { .. }) if self.claims.reconnects => {
                self.interrupt();
            }
            (State::Connecting | State::Connected | State::Interrupted, Event::ConnectionFailed(failure)) => {
                self.check(state == ConnectionState::Idle, || format!("failed, and not idle but {state}"));
                self.fail(failure);
            }
            (
                State::Connecting | State::Connected | State::Interrupted,
                Event::ConnectionDisconnected { .. },
            ) => {
                let asked = self.calls.values().any(|call| *call == Call::Disconnect);
                self.check(asked, || "disconnected unasked".to_owned());
                self.tally.disconnected += 1;
                self.end();
            }
            (_, event) => self.violate(format!("{} in the state {before:?}", event.kind())),
        }
    }

    /// The outcome of a call has come.
    pub fn complete(&mut self, token: u64, result: &CompletionResult) {
        self.remember(format!("outcome of {token}: {result:?}"));
        let Some(call) = self.calls.remove(&token) else {
            return self.violate(format!("call {token} has two outcomes"));
        };
        let legal = match (call, result) {
            (_, Err(Error::Internal(_))) => false,
            (Call::Connect, Ok(Completed::Connected { jid })) => {
                self.state == State::Connected && self.jid.as_ref() == Some(jid)
            }
            (Call::Connect, Err(Error::ConnectionFailed(failure))) => {
                self.state == State::Idle && self.failure.as_ref() == Some(failure)
            }
            (Call::Connect, Err(Error::Aborted(_))) => self.state == State::Idle,
            (Call::Disconnect, Ok(Completed::Done)) => self.state == State::Idle,
            (Call::Refresh, Ok(Completed::Done)) => {
                self.tally.refreshed += 1;
                matches!(self.state, State::Connected | State::Idle)
            }
            (Call::Refresh, Err(error)) => {
                matches!(error, Error::ConnectionFailed(_) | Error::Aborted(_))
            }
            (Call::Send(number), result) => self.complete_send(token, number, result),
            _ => false,
        };
        self.check(legal, || format!("{call:?} ended in {result:?}"));
    }

    fn complete_send(&mut self, token: u64, number: u64, result: &CompletionResult) -> bool {
        let in_order = self.sending.front() == Some(&token);
        self.sending.retain(|waiting| *waiting != token);
        if self.late.remove(&token) {
            return *result == Err(Error::NotConnected);
        }
        match result {
            Ok(Completed::Done) => {
                self.tally.acknowledged += 1;
                self.acknowledged.insert(number);
                in_order
            }
            Err(Error::SessionLost) => {
                self.tally.lost += 1;
                in_order && !self.claims.keeps_session
            }
            // It was asked for while the session was there, and taken up when it was not.
            Err(Error::NotConnected) => in_order && self.state == State::Idle && !self.claims.keeps_session,
            _ => false,
        }
    }

    fn establish(&mut self, id: &str, jid: Option<String>) {
        self.tally.established += 1;
        self.state = State::Connected;
        self.had_session = true;
        self.jid = jid;
        self.check(self.is_resource(id), || format!("established as {id}"));
    }

    fn resume(&mut self) {
        self.tally.resumed += 1;
        self.state = State::Resumed;
    }

    fn interrupt(&mut self) {
        self.tally.interrupted += 1;
        self.state = State::Interrupted;
    }

    fn fail(&mut self, failure: &Failure) {
        self.tally.failed += 1;
        let established = matches!(self.state, State::Connected | State::Interrupted);
        self.check(!(established && self.claims.keeps_session), || format!("a session is lost: {failure}"));
        self.check(failure.transient || !self.claims.transient, || {
            format!("the network alone caused a final failure: {failure}")
        });
        self.failure = Some(Box::new(failure.clone()));
        self.end();
    }

    /// Whatever the session had to say has been said.
    fn end(&mut self) {
        self.state = State::Idle;
        self.late.extend(&self.sending);
    }

    fn is_resource(&self, id: &str) -> bool {
        self.jid.as_deref().and_then(|jid| jid.split_once('/')).is_some_and(|(_, resource)| resource == id)
    }

    fn is_refreshing(&self) -> bool {
        self.calls.values().any(|call| *call == Call::Refresh)
    }

    fn note(&mut self, code: Code) {
        self.codes.insert(code.as_str());
        self.check(code != Code::Internal, || "a defect of the library".to_owned());
    }

    fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.violate(what());
        }
    }

    /// Something is wrong.
    pub fn violate(&mut self, what: String) {
        let report = format!("{what}; before that:{}", self.history());
        self.violations.push(report);
    }

    fn remember(&mut self, line: String) {
        if self.history.len() == REMEMBERED {
            self.history.pop_front();
        }
        self.history.push_back(line);
    }
}
