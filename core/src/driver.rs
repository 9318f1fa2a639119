//! The task of a connection: owns one transport and one session and does what the session asks. The only place that
//! waits.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::command::{Command, Completion};
use crate::hub::{Item, Wake};
use crate::link::{BoxFuture, Link, LinkEvent, poll_link};
use crate::logs::Direction;
use crate::session::{
    Attachment, CallId, Derivation, Ending, Entropy, HttpAnswer, HttpPurpose, HttpRequest, Output,
    RoomOutput, SaltedPassword, Session, Start, WallClock,
};
use crate::shared::{Attempt, Shared};
use crate::transport::{self, Transport, TransportError};
use crate::{Completed, Error, Event, Failure, knowledge, runtime};

/// How long a dropped connection may take to say goodbye, and a closed transport to be written out.
const FAREWELL: Duration = Duration::from_secs(1);
/// A deadline that moves back by less leaves the timer where it is: it moves with every frame.
const SLACK: Duration = Duration::from_secs(1);
/// Where the timer waits while there is no deadline.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);
/// How many commands, and how many frames, are taken in one turn beyond the first.
const MORE: usize = 63;

pub(crate) struct Driver {
    shared: Arc<Shared>,
    session: Session,
    commands: mpsc::UnboundedReceiver<Box<Command>>,
    stop: CancellationToken,
    connecting: Option<Completion>,
    disconnecting: Vec<Completion>,
    /// Calls that the session will settle, in the order in which they were made.
    calls: BTreeMap<CallId, Completion>,
    next_call: u64,
    link: Link,
    /// The transport of the old token, while a new one is tried.
    parked: Option<Transport>,
    derivation: Option<BoxFuture<SaltedPassword>>,
    /// Requests over HTTP under way.
    requests: Vec<(HttpPurpose, BoxFuture<Result<HttpAnswer, TransportError>>)>,
    paused: Option<Pause>,
    /// Told to the consumer when the turn is over: to change threads for each event costs more than the event.
    wake: Option<Wake>,
    last_received: Option<Instant>,
    ended: bool,
}

/// The transport is not read, since the consumer's queue is full.
struct Pause {
    /// What the consumer had taken when this began, or when it was last seen to make progress.
    taken: u64,
    stalled_at: Instant,
}

impl Driver {
    /// The session starts now; its first outputs are carried out when the task runs.
    pub(crate) fn new(
        shared: Arc<Shared>,
        commands: mpsc::UnboundedReceiver<Box<Command>>,
        stop: CancellationToken,
        attempt: Attempt,
        connecting: Completion,
    ) -> Box<Self> {
        let config = Arc::clone(shared.config());
        let known = knowledge::of(&config.service_url, attempt.credentials.domain());
        let start = Start {
            credentials: attempt.credentials,
            token: attempt.token,
            room: attempt.room,
            attachment: attempt.attachment,
            features: attempt.features,
            machine_uid: attempt.machine_uid,
            conference_session: attempt.conference_session,
            known,
            entropy: Entropy::fresh(),
            wall: WallClock::now(),
        };
        let session = Session::connect(config, start, Instant::now());
        Box::new(Self {
            shared,
            session,
            commands,
            stop,
            connecting: Some(connecting),
            disconnecting: Vec::new(),
            calls: BTreeMap::new(),
            next_call: 0,
            link: Link::None,
            parked: None,
            derivation: None,
            requests: Vec::new(),
            paused: None,
            wake: None,
            last_received: None,
            ended: false,
        })
    }

    /// Boxed, so that the task does not hold it twice.
    pub(crate) async fn run(mut self: Box<Self>) {
        let mut stopping = false;
        let stop = self.stop.clone();
        let mut stopped = pin!(stop.cancelled());
        let mut online = runtime::online().subscribe();
        online.mark_changed();
        // The deadline moves with every frame; the timer follows when it would fire too late, or much too early: to be
        // woken for nothing costs more than to move it.
        let mut timer = pin!(tokio::time::sleep(Duration::ZERO));
        let mut armed: Option<Instant> = None;
        while !self.ended && !self.carry_out() {
            if self.paused.is_none() && self.shared.hub().is_full() {
                self.pause();
                continue;
            }
            let stalled_at = self.paused.as_ref().map(|pause| pause.stalled_at);
            let deadline = [self.session.poll_timeout(), stalled_at].into_iter().flatten().min();
            let moves = match (armed, deadline) {
                (Some(armed), Some(deadline)) => deadline < armed || deadline > armed + SLACK,
                (armed, deadline) => armed != deadline,
            };
            if moves {
                timer.as_mut().reset(deadline.unwrap_or_else(|| Instant::now() + FAR).into());
                armed = deadline;
            }
            self.wake.take().into_iter().for_each(Wake::fire);
            self.session.rest();
            let (link, derivation, requests) = (&mut self.link, &mut self.derivation, &mut self.requests);
            let reading = self.paused.is_none() && self.session.may_read();
            // What can come in a flood comes last, so that it delays nothing else; neither does a flood of commands delay
            // the frames, nor one of frames the commands.
            tokio::select! {
                biased;
                () = &mut stopped, if !stopping => {
                    stopping = true;
                    self.session.disconnect(Instant::now(), self.shared.config().disconnect_timeout);
                }
                Ok(()) = online.changed() => {
                    let is_online = *online.borrow_and_update();
                    self.session.set_online(Instant::now(), is_online);
                }
                () = &mut timer, if armed.is_some() => {
                    armed = None;
                    let now = Instant::now();
                    self.check_stalled(now);
                    self.session.set_wall_clock(WallClock::now());
                    if let Link::Open(transport) = &self.link
                        && let Some(at) = transport.last_read()
                    {
                        self.session.handle_bytes(at);
                    }
                    self.session.handle_timeout(now);
                }
                () = self.shared.hub().room(), if self.paused.is_some() => self.unpause(),
                Some(command) = self.commands.recv() => {
                    self.handle_command(*command);
                    self.handle_more_commands();
                    self.handle_more();
                }
                event = poll_fn(|cx| poll_link(link, derivation, requests, reading, cx)) => {
                    self.handle_link(event);
                    self.handle_more();
                }
            }
        }
        if let Link::Open(transport) = std::mem::replace(&mut self.link, Link::None) {
            // Past its deadline the peer does without the transport's own goodbye.
            let _ = Box::pin(tokio::time::timeout(FAREWELL, transport.close())).await;
        }
    }

    /// What has been asked for meanwhile.
    fn handle_more_commands(&mut self) {
        for _ in 0..MORE {
            if self.ended || self.carry_out() {
                return;
            }
            let Ok(command) = self.commands.try_recv() else { return };
            self.handle_command(*command);
        }
    }

    /// What has come meanwhile, as with the last frame: a turn of the loop costs more than a frame.
    fn handle_more(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..MORE {
            if self.ended || self.carry_out() {
                return;
            }
            let reading = self.paused.is_none() && self.session.may_read() && !self.shared.hub().is_full();
            match poll_link(&mut self.link, &mut self.derivation, &mut self.requests, reading, &mut cx) {
                Poll::Ready(event) => self.handle_link(event),
                // The turn that follows waits for it in earnest.
                Poll::Pending => return,
            }
        }
    }

    fn pause(&mut self) {
        let stalled_at = Instant::now() + self.shared.config().event_queue.stall_timeout;
        self.paused = Some(Pause { taken: self.shared.hub().taken(), stalled_at });
        self.session.pause();
    }

    fn unpause(&mut self) {
        if !self.shared.hub().is_full() {
            self.paused = None;
            self.session.unpause(Instant::now());
        }
    }

    /// A consumer that takes nothing at all is stuck; one that is slow is waited for.
    fn check_stalled(&mut self, now: Instant) {
        let patience = self.shared.config().event_queue.stall_timeout;
        let Some(pause) = self.paused.as_mut().filter(|pause| pause.stalled_at <= now) else { return };
        let taken = self.shared.hub().taken();
        if taken != pause.taken {
            *pause = Pause { taken, stalled_at: now + patience };
            return;
        }
        self.shared.hub().discard_stanzas();
        self.session.handle_stalled(patience);
    }

    fn handle_command(&mut self, command: Command) {
        self.shared.waiting().taken(&command);
        let now = Instant::now();
        match command {
            Command::Disconnect(completion) => {
                self.disconnecting.push(completion);
                self.session.disconnect(now, self.shared.config().disconnect_timeout);
            }
            Command::RefreshToken { token, completion } => {
                let call = self.call(completion);
                self.session.refresh_token(now, call, token);
            }
            Command::SendStanza { xml, completion } => {
                let call = self.call(completion);
                self.session.send_stanza(now, call, xml);
            }
            Command::SendIq { id, to, xml, timeout, completion } => {
                let call = self.call(completion);
                self.session.send_iq(now, call, id, to, xml, timeout);
            }
            Command::SetListening(listening) => self.session.set_listening(listening),
            Command::SetFeatures { features, submit } => self.session.set_features(now, features, submit),
            Command::Ping { timeout, completion } => {
                let call = self.call(completion);
                self.session.ping(now, call, timeout);
            }
            Command::RequestConference { room, completion } => {
                let call = self.call(completion);
                self.session.request_conference(now, call, room);
            }
            Command::JoinRoom { start, password, completion } => {
                let call = self.call(completion);
                self.session.join_room(now, call, *start, password);
            }
            Command::LeaveRoom { id, reason, completion } => {
                let call = self.call(completion);
                self.session.leave_room(now, call, id, reason);
            }
            Command::Abandon => self.session.disconnect(now, FAREWELL),
        }
    }

    fn call(&mut self, completion: Completion) -> CallId {
        self.next_call += 1;
        let call = CallId(self.next_call);
        self.calls.insert(call, completion);
        call
    }

    fn handle_link(&mut self, event: LinkEvent) {
        let now = Instant::now();
        match event {
            LinkEvent::Opened(transport) => {
                let round_trips = transport.round_trips();
                self.link = Link::Open(transport);
                self.session.handle_opened(now, round_trips);
            }
            LinkEvent::Flushed => self.session.handle_flushed(),
            LinkEvent::Frame(frame) => {
                self.last_received = Some(now);
                self.shared.frame(Direction::Incoming, &frame);
                self.session.handle_frame(now, &frame);
            }
            LinkEvent::Answered(purpose, answer) => {
                if let Err(error) = &answer {
                    tracing::debug!(?purpose, "a request over HTTP failed: {error}");
                }
                self.session.handle_http(now, purpose, answer);
            }
            LinkEvent::Failed(error) => {
                self.link = Link::None;
                self.session.handle_transport_error(now, error);
            }
            LinkEvent::Derived(key) => {
                self.derivation = None;
                self.session.handle_derived(&key);
            }
        }
    }

    /// Does all that the session asks for; true when the session is over.
    fn carry_out(&mut self) -> bool {
        let ended = self.carry_out_all();
        self.shared.counters().unacknowledged.store(self.session.unsettled() as u64, Ordering::Relaxed);
        ended
    }

    fn carry_out_all(&mut self) -> bool {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Open { room, token, previd, attachment } => {
                    self.close_link();
                    self.shared.lock().times.begin_attempt();
                    tracing::debug!(url = self.shared.config().display_url(), "opening a transport");
                    let url = self.shared.config().url(room.as_deref(), token.as_deref(), previd.as_deref());
                    self.link = self.open(url, attachment);
                }
                Output::Drop => self.link = Link::None,
                Output::Park => {
                    if let Link::Open(transport) = std::mem::replace(&mut self.link, Link::None) {
                        self.parked = Some(transport);
                    }
                }
                Output::Unpark => self.link = self.parked.take().map_or(Link::None, Link::Open),
                Output::TokenRefused(refused) => {
                    let mut state = self.shared.lock();
                    // Unless the caller has given yet another one meanwhile, the next attempt is made with it too.
                    if state.token == refused {
                        state.token = self.session.token();
                    }
                }
                Output::DropParked => self.parked = None,
                Output::Send(frame) => {
                    self.shared.frame(Direction::Outgoing, &frame);
                    if let Link::Open(transport) = &mut self.link {
                        transport.send(&frame);
                    }
                }
                Output::Derive(derivation) => self.derivation = Some(self.derive(derivation)),
                Output::Learned(known) => {
                    knowledge::learn(&self.shared.config().service_url, self.session.domain(), known);
                }
                Output::Reached(milestone) => self.shared.reached(milestone, Instant::now()),
                Output::Request(purpose, request) => self.request(purpose, request),
                Output::ConferenceSession(id) => self.shared.lock().conference_session = id,
                Output::Discovered(discovered) => self.shared.discovered(*discovered),
                Output::Event(event) => self.push(event),
                Output::Established { jid, resumed, reconnected, round_trips } => {
                    self.established(jid, resumed, reconnected, round_trips);
                }
                Output::Interrupted(failure) => {
                    tracing::info!(code = %failure.code, "interrupted: {}", failure.message);
                    let event = Event::Interrupted { code: failure.code, message: failure.message };
                    let mut state = self.shared.lock();
                    state.interrupted();
                    let wake = self.shared.hub().push(Item::Event(event));
                    drop(state);
                    self.wake_later(wake);
                }
                Output::Resumed { attempts, downtime, resent } => {
                    self.shared.counters().resumes.fetch_add(1, Ordering::Relaxed);
                    self.push(Event::Resumed { attempts, downtime, resent });
                }
                Output::Stanza(stanza) => self.push(Event::StanzaReceived(stanza)),
                Output::Room(id, RoomOutput::Event(event)) => self.push(Event::Conference(id, event)),
                Output::Room(id, output) => {
                    let room =
                        self.shared.lock().rooms.iter().find(|room| room.start.id == id).map(Arc::clone);
                    if let Some(room) = room {
                        room.apply(output);
                    }
                }
                Output::Completed(call, result) => {
                    let completion = self.calls.remove(&call);
                    let wake =
                        completion.and_then(|completion| completion.complete(self.shared.hub(), result));
                    wake.into_iter().for_each(|wake| self.wake_later(wake));
                }
                Output::Ended(ending) => {
                    self.end(ending);
                    return true;
                }
            }
        }
        false
    }

    fn push(&mut self, event: Event) {
        let wake = self.shared.hub().push(Item::Event(event));
        self.wake_later(wake);
    }

    /// When the turn is over. Nobody else wakes the consumer until that is fired.
    fn wake_later(&mut self, wake: Wake) {
        if wake.is_due() {
            self.wake = Some(wake);
        }
    }

    fn open(&self, url: Url, attachment: Option<Attachment>) -> Link {
        let shared = Arc::clone(&self.shared);
        Link::Opening(Box::pin(async move {
            let mut reached = |milestone| shared.reached(milestone, Instant::now());
            Transport::open(shared.config(), url, attachment, &mut reached).await
        }))
    }

    fn request(&mut self, purpose: HttpPurpose, request: HttpRequest) {
        let shared = Arc::clone(&self.shared);
        self.requests.retain(|(other, _)| *other != purpose);
        let sending = async move {
            let config = shared.config();
            transport::http::send(config, request, config.http_timeout).await
        };
        self.requests.push((purpose, Box::pin(sending)));
    }

    /// Writes out what is queued on the transport that is about to be replaced.
    fn close_link(&mut self) {
        if let Link::Open(transport) = std::mem::replace(&mut self.link, Link::None) {
            tokio::spawn(tokio::time::timeout(FAREWELL, transport.close()));
        }
    }

    /// Key derivation costs tens of milliseconds of a processor, which no event may wait for.
    fn derive(&self, derivation: Derivation) -> BoxFuture<SaltedPassword> {
        let credentials = self.session.credentials();
        Box::pin(async move { knowledge::derive(credentials, derivation).await })
    }

    fn established(&mut self, jid: String, resumed: bool, reconnected: bool, round_trips: u32) {
        tracing::info!(jid, resumed, reconnected, round_trips, "established");
        let id = jid.split_once('/').map_or_else(String::new, |(_, resource)| resource.to_owned());
        let hub = self.shared.hub();
        if reconnected {
            self.shared.counters().reconnects.fetch_add(1, Ordering::Relaxed);
        }
        let mut state = self.shared.lock();
        state.established(jid.clone(), round_trips);
        let event = hub.push(Item::Event(Event::ConnectionEstablished { id, resumed, reconnected }));
        let connecting = self.connecting.take();
        let outcome =
            connecting.and_then(|connecting| connecting.complete(hub, Ok(Completed::Connected { jid })));
        drop(state);
        self.wake_later(event);
        outcome.into_iter().for_each(|wake| self.wake_later(wake));
    }

    /// Makes the connection idle and tells everyone who waits, in that order and in one step, so that a listener
    /// finds it idle and a new attempt cannot overtake the end of this one.
    fn end(&mut self, ending: Ending) {
        self.ended = true;
        let hub = self.shared.hub();
        let mut state = self.shared.lock();
        state.idle();
        let (event, outcome) = match ending {
            Ending::Failed(mut failure) => {
                tracing::info!(error_type = %failure.error_type, code = %failure.code, "failed: {}", failure.message);
                failure.time_since_last_success = self.last_received.map(|last| last.elapsed());
                failure.jid = state.jid.clone().or_else(|| self.session.intended_jid());
                (Event::ConnectionFailed(failure.clone()), Error::ConnectionFailed(failure))
            }
            Ending::Redirected { vnode, focus_jid } => (
                Event::Redirected { vnode: vnode.clone(), focus_jid: focus_jid.clone() },
                Error::Redirected { vnode, focus_jid },
            ),
            Ending::Disconnected => {
                (Event::ConnectionDisconnected { message: None }, Error::Aborted("the connection was closed"))
            }
        };
        let mut wakes = vec![hub.push(Item::Event(event))];
        wakes.extend(self.wake.take());
        let connecting = self.connecting.take();
        wakes.extend(connecting.and_then(|connecting| connecting.complete(hub, Err(outcome.clone()))));
        let refreshing = self.session.refreshing().and_then(|call| self.calls.remove(&call));
        wakes.extend(refreshing.and_then(|refreshing| refreshing.complete(hub, Err(outcome))));
        for disconnecting in self.disconnecting.drain(..) {
            wakes.extend(disconnecting.complete(hub, Ok(Completed::Done)));
        }
        for (_, call) in std::mem::take(&mut self.calls) {
            wakes.extend(call.complete(hub, Err(Error::SessionLost)));
        }
        // What had not come as far as the session.
        state.rooms.iter().for_each(|room| room.lost());
        while let Ok(command) = self.commands.try_recv() {
            self.shared.waiting().taken(&command);
            let refused = command.refuse(Error::NotConnected);
            wakes.extend(refused.and_then(|(completion, result)| completion.complete(hub, result)));
        }
        drop(state);
        wakes.into_iter().for_each(Wake::fire);
    }
}

/// However the task ends, by a panic or cut off by `shutdown`, nobody is left waiting.
impl Drop for Driver {
    fn drop(&mut self) {
        if !self.ended {
            let ending = if std::thread::panicking() {
                let message = "the task of the connection panicked; please report it";
                Ending::Failed(Box::new(Failure::internal(message)))
            } else {
                Ending::Disconnected
            };
            self.end(ending);
        }
    }
}
