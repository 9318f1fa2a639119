//! The task of a connection: owns one transport and one session and does what the session asks. The only place that
//! waits.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_util::sync::CancellationToken;

use crate::connection::{Attempt, Shared};
use crate::hub::{HubEnd, Item, Wake};
use crate::session::{CallId, Derivation, Ending, Entropy, Output, SaltedPassword, Session};
use crate::transport::TransportError;
use crate::transport::websocket::WebSocket;
use crate::{Completed, CompletionResult, Error, Event, Failure, knowledge, runtime};

/// How long a dropped connection may take to say goodbye, and a closed transport to be written out.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a handle tells its driver.
pub(crate) enum Command {
    Disconnect(Completion),
    RefreshToken {
        token: String,
        completion: Completion,
    },
    SendStanza {
        xml: String,
        completion: Completion,
    },
    SendIq {
        id: String,
        to: Option<String>,
        xml: String,
        timeout: Duration,
        completion: Completion,
    },
    SetListening(bool),
    /// The last handle is gone: close in an orderly way, tell nobody.
    Abandon,
}

impl Command {
    /// The command comes too late: the session has ended.
    pub(crate) fn refuse(self) -> Option<(Completion, CompletionResult)> {
        match self {
            Self::Disconnect(completion) => Some((completion, Ok(Completed::Done))),
            // The token is stored: the next attempt uses it.
            Self::RefreshToken { completion, .. } => Some((completion, Ok(Completed::Done))),
            Self::SendStanza { completion, .. } | Self::SendIq { completion, .. } => {
                Some((completion, Err(Error::NotConnected)))
            }
            Self::SetListening(_) | Self::Abandon => None,
        }
    }
}

/// How the caller of an asynchronous call wants to hear of its outcome.
pub(crate) enum Completion {
    /// Through the hub, behind the event that caused it.
    Token(u64),
    /// As a future.
    Future(oneshot::Sender<CompletionResult>),
    /// Not at all.
    Unheard,
}

impl Completion {
    pub(crate) fn complete(self, hub: &HubEnd, result: CompletionResult) -> Option<Wake> {
        match self {
            Self::Token(token) => return Some(hub.push(Item::Completed { token, result })),
            // A caller that dropped its future no longer wants to know.
            Self::Future(sender) => drop(sender.send(result)),
            Self::Unheard => {}
        }
        None
    }
}

pub(crate) struct Driver {
    shared: Arc<Shared>,
    session: Session,
    commands: mpsc::UnboundedReceiver<Command>,
    stop: CancellationToken,
    connecting: Option<Completion>,
    disconnecting: Vec<Completion>,
    /// Calls that the session will settle.
    calls: HashMap<CallId, Completion>,
    next_call: u64,
    link: Link,
    /// The transport of the old token, while a new one is tried.
    parked: Option<Box<WebSocket>>,
    derivation: Option<BoxFuture<SaltedPassword>>,
    paused: Option<Pause>,
    ended: bool,
}

/// The transport is not read, since the consumer's queue is full.
struct Pause {
    /// What the consumer had taken when this began, or when it was last seen to make progress.
    taken: u64,
    stalled_at: Instant,
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The transport, as far as it has got.
enum Link {
    None,
    Opening(BoxFuture<Result<Box<WebSocket>, TransportError>>),
    Open(Box<WebSocket>),
}

enum LinkEvent {
    Opened(Box<WebSocket>),
    Flushed,
    Frame(Utf8Bytes),
    Failed(TransportError),
    Derived(SaltedPassword),
}

impl Driver {
    /// The session starts now; its first outputs are carried out when the task runs.
    pub(crate) fn new(
        shared: Arc<Shared>,
        commands: mpsc::UnboundedReceiver<Command>,
        stop: CancellationToken,
        attempt: Attempt,
        connecting: Completion,
    ) -> Self {
        let config = Arc::clone(shared.config());
        let known = knowledge::of(&config.service_url, attempt.credentials.domain());
        let session = Session::connect(
            config,
            attempt.credentials,
            attempt.token,
            known,
            Entropy::fresh(),
            Instant::now(),
        );
        Self {
            shared,
            session,
            commands,
            stop,
            connecting: Some(connecting),
            disconnecting: Vec::new(),
            calls: HashMap::new(),
            next_call: 0,
            link: Link::None,
            parked: None,
            derivation: None,
            paused: None,
            ended: false,
        }
    }

    pub(crate) async fn run(mut self) {
        let mut stopping = false;
        let mut online = runtime::online().subscribe();
        online.mark_changed();
        while !self.carry_out() {
            if self.paused.is_none() && self.shared.hub().is_full() {
                self.pause();
                continue;
            }
            let stalled_at = self.paused.as_ref().map(|pause| pause.stalled_at);
            let deadline = [self.session.poll_timeout(), stalled_at].into_iter().flatten().min();
            let timer = async move {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                    None => std::future::pending().await,
                }
            };
            let (link, derivation, reading) = (&mut self.link, &mut self.derivation, self.paused.is_none());
            // The link comes last, so that a flood of frames delays neither the caller nor a deadline.
            tokio::select! {
                biased;
                () = self.stop.cancelled(), if !stopping => {
                    stopping = true;
                    self.session.disconnect(Instant::now(), self.shared.config().disconnect_timeout);
                }
                Some(command) = self.commands.recv() => self.handle_command(command),
                Ok(()) = online.changed() => {
                    let is_online = *online.borrow_and_update();
                    self.session.set_online(Instant::now(), is_online);
                }
                () = timer => {
                    let now = Instant::now();
                    self.check_stalled(now);
                    self.session.handle_timeout(now);
                }
                () = self.shared.hub().room(), if !reading => self.unpause(),
                event = poll_fn(|cx| poll_link(link, derivation, reading, cx)) => self.handle_link(event),
            }
        }
        if let Link::Open(transport) = std::mem::replace(&mut self.link, Link::None) {
            // Past its deadline the peer does without the WebSocket's close frame.
            let _ = tokio::time::timeout(FAREWELL, transport.close()).await;
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
                self.session.send_stanza(call, xml);
            }
            Command::SendIq { id, to, xml, timeout, completion } => {
                let call = self.call(completion);
                self.session.send_iq(now, call, id, to, xml, timeout);
            }
            Command::SetListening(listening) => self.session.set_listening(listening),
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
            LinkEvent::Frame(frame) => self.session.handle_frame(now, &frame),
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
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Open { token, previd } => {
                    self.close_link();
                    self.link = self.open(token.as_deref(), previd.as_deref());
                }
                Output::Drop => self.link = Link::None,
                Output::Park => {
                    if let Link::Open(transport) = std::mem::replace(&mut self.link, Link::None) {
                        self.parked = Some(transport);
                    }
                }
                Output::Unpark => {
                    self.link = self.parked.take().map_or(Link::None, Link::Open);
                    // The next attempt is made with the token that is in force, not with the one that was refused.
                    self.shared.lock().token = self.session.token();
                }
                Output::DropParked => self.parked = None,
                Output::Send(frame) => {
                    if let Link::Open(transport) = &mut self.link
                        && let Err(error) = transport.send(frame)
                    {
                        self.link = Link::None;
                        self.session.handle_transport_error(Instant::now(), error);
                    }
                }
                Output::Derive(derivation) => self.derivation = Some(self.derive(derivation)),
                Output::Learned(known) => {
                    knowledge::learn(&self.shared.config().service_url, self.session.domain(), known);
                }
                Output::Reached(milestone) => self.shared.reached(milestone, Instant::now()),
                Output::Established { jid, resumed, reconnected, round_trips } => {
                    self.established(jid, resumed, reconnected, round_trips);
                }
                Output::Interrupted(failure) => {
                    let event = Event::Interrupted { code: failure.code, message: failure.message };
                    let mut state = self.shared.lock();
                    state.interrupted();
                    let wake = self.shared.hub().push(Item::Event(event));
                    drop(state);
                    wake.fire();
                }
                Output::Resumed { attempts, downtime, resent } => {
                    self.shared.hub().push(Item::Event(Event::Resumed { attempts, downtime, resent })).fire();
                }
                Output::Stanza(stanza) => {
                    self.shared.hub().push(Item::Event(Event::StanzaReceived(stanza))).fire()
                }
                Output::Completed(call, result) => {
                    let completion = self.calls.remove(&call);
                    let wake =
                        completion.and_then(|completion| completion.complete(self.shared.hub(), result));
                    wake.into_iter().for_each(Wake::fire);
                }
                Output::Ended(ending) => {
                    self.end(ending);
                    return true;
                }
            }
        }
        false
    }

    fn open(&self, token: Option<&str>, previd: Option<&str>) -> Link {
        let shared = Arc::clone(&self.shared);
        let url = shared.config().url(token, previd);
        Link::Opening(Box::pin(async move {
            let mut reached = |milestone| shared.reached(milestone, Instant::now());
            WebSocket::open(shared.config(), &url, &mut reached).await.map(Box::new)
        }))
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
        let id = jid.split_once('/').map_or_else(String::new, |(_, resource)| resource.to_owned());
        let hub = self.shared.hub();
        let mut state = self.shared.lock();
        state.established(jid.clone(), round_trips);
        let mut wakes =
            vec![hub.push(Item::Event(Event::ConnectionEstablished { id, resumed, reconnected }))];
        if let Some(connecting) = self.connecting.take() {
            wakes.extend(connecting.complete(hub, Ok(Completed::Connected { jid })));
        }
        drop(state);
        wakes.into_iter().for_each(Wake::fire);
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
                failure.jid = state.jid().or_else(|| self.session.credentials().jid());
                (Event::ConnectionFailed(failure.clone()), Error::ConnectionFailed(failure))
            }
            Ending::Disconnected => {
                (Event::ConnectionDisconnected { message: None }, Error::Aborted("the connection was closed"))
            }
        };
        let mut wakes = vec![hub.push(Item::Event(event))];
        wakes.extend(self.connecting.take().and_then(|connecting| connecting.complete(hub, Err(outcome))));
        for disconnecting in self.disconnecting.drain(..) {
            wakes.extend(disconnecting.complete(hub, Ok(Completed::Done)));
        }
        for (_, call) in self.calls.drain() {
            wakes.extend(call.complete(hub, Err(Error::SessionLost)));
        }
        while let Ok(command) = self.commands.try_recv() {
            wakes.extend(command.refuse().and_then(|(completion, result)| completion.complete(hub, result)));
        }
        drop(state);
        wakes.into_iter().for_each(Wake::fire);
    }
}

fn poll_link(
    link: &mut Link,
    derivation: &mut Option<BoxFuture<SaltedPassword>>,
    reading: bool,
    cx: &mut Context<'_>,
) -> Poll<LinkEvent> {
    if let Some(derivation) = derivation
        && let Poll::Ready(key) = derivation.as_mut().poll(cx)
    {
        return Poll::Ready(LinkEvent::Derived(key));
    }
    match link {
        Link::None => Poll::Pending,
        Link::Opening(opening) => opening.as_mut().poll(cx).map(|opened| match opened {
            Ok(transport) => LinkEvent::Opened(transport),
            Err(error) => LinkEvent::Failed(error),
        }),
        Link::Open(transport) => {
            match transport.poll_flush(cx) {
                Poll::Ready(Ok(true)) => return Poll::Ready(LinkEvent::Flushed),
                Poll::Ready(Err(error)) => return Poll::Ready(LinkEvent::Failed(error)),
                Poll::Ready(Ok(false)) | Poll::Pending => {}
            }
            if !reading {
                return Poll::Pending;
            }
            transport.poll_frame(cx).map(|frame| match frame {
                Ok(frame) => LinkEvent::Frame(frame),
                Err(error) => LinkEvent::Failed(error),
            })
        }
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
