//! `JitsiConnection`: the handle.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use futures_util::Stream;
use futures_util::task::AtomicWaker;
use tokio::sync::{mpsc, oneshot};

use crate::driver::{Command, Completion, Driver};
use crate::hub::{ConnectionId, HubEnd, Item};
use crate::options::Config;
use crate::times::{ConnectionTimes, Milestone};
use crate::{Completed, CompletionResult, Error, Event, EventHub, Options, runtime};

/// A connection to a Jitsi Meet deployment: lib-jitsi-meet's `JitsiConnection`.
///
/// A cheap handle: clones share the connection. Dropping the last one closes the connection in the background.
/// All methods may be called from any thread, and never block.
///
/// ```no_run
/// use futures_util::StreamExt;
/// use jitsimeet::{Event, JitsiConnection, Options};
///
/// # async fn example() -> Result<(), jitsimeet::Error> {
/// let mut options = Options::new();
/// options.set("serviceUrl", "wss://meet.example.org/xmpp-websocket")?;
/// options.set("hosts.domain", "meet.example.org")?;
///
/// let connection = JitsiConnection::new(None, None, &options)?;
/// let mut events = connection.events();
/// println!("connected as {}", connection.connect().await?);
/// connection.disconnect().await?;
/// while let Some(event) = events.next().await {
///     println!("{}", event.kind());
///     if matches!(event, Event::ConnectionDisconnected { .. }) {
///         break;
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct JitsiConnection {
    handle: Arc<Handle>,
}

/// What all clones of a handle share; dropping it ends the connection.
struct Handle {
    shared: Arc<Shared>,
    /// Of the connection's own hub, where it has one.
    waker: Option<Arc<AtomicWaker>>,
}

/// What handle and driver share.
pub(crate) struct Shared {
    config: Arc<Config>,
    hub: HubEnd,
    state: Mutex<State>,
}

pub(crate) struct State {
    phase: Phase,
    /// To the driver, while there is one.
    commands: Option<mpsc::UnboundedSender<Command>>,
    jid: Option<String>,
    times: ConnectionTimes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    Connecting,
    Connected,
    Disconnecting,
}

impl Phase {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Disconnecting => "disconnecting",
        }
    }
}

impl JitsiConnection {
    /// Makes a connection, without connecting. Its events are to be had from [`events`](Self::events).
    ///
    /// `app_id` is accepted for lib-jitsi-meet's sake, which does not send it either. `token` is a JSON Web Token
    /// of the deployment; it goes into the query of the service URL. An empty one is none.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] naming the key that is missing or unusable.
    pub fn new(app_id: Option<&str>, token: Option<&str>, options: &Options) -> Result<Self, Error> {
        let waker = Arc::new(AtomicWaker::new());
        let hub = EventHub::new({
            let waker = Arc::clone(&waker);
            move || waker.wake()
        });
        let connection = Self::make(&hub, app_id, token, options, Some(waker))?;
        connection.handle.shared.hub.mute(true);
        Ok(connection)
    }

    /// Makes a connection whose events and completions come through `hub`, under its [`id`](Self::id). For bindings
    /// and for programs that serve many connections from one place.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_hub(
        hub: &EventHub,
        app_id: Option<&str>,
        token: Option<&str>,
        options: &Options,
    ) -> Result<Self, Error> {
        Self::make(hub, app_id, token, options, None)
    }

    fn make(
        hub: &EventHub,
        _app_id: Option<&str>,
        token: Option<&str>,
        options: &Options,
        waker: Option<Arc<AtomicWaker>>,
    ) -> Result<Self, Error> {
        let state =
            State { phase: Phase::Idle, commands: None, jid: None, times: ConnectionTimes::default() };
        let shared = Arc::new(Shared {
            config: Arc::new(options.config(token.filter(|token| !token.is_empty()))?),
            hub: hub.register(),
            state: Mutex::new(state),
        });
        Ok(Self { handle: Arc::new(Handle { shared, waker }) })
    }

    /// The name of this connection in its hub.
    #[must_use]
    pub fn id(&self) -> ConnectionId {
        self.shared().hub.id()
    }

    /// Connects and returns the full JID that the server has bound.
    ///
    /// Dropping the future before it is done is `disconnect`.
    ///
    /// # Errors
    /// [`Error::InvalidState`] unless the connection is idle; [`Error::ConnectionFailed`] with the same failure as
    /// the event; [`Error::Aborted`] after `disconnect`.
    pub async fn connect(&self) -> Result<String, Error> {
        let (sender, receiver) = oneshot::channel();
        self.start(Completion::Future(sender))?;
        let abort = AbortOnDrop(Some(self));
        let completed = settled(receiver).await;
        abort.disarm();
        match completed? {
            Completed::Connected { jid } => Ok(jid),
            Completed::Done => Err(Error::Internal("connect completed as another call".to_owned())),
        }
    }

    /// As [`connect`](Self::connect), without waiting: the outcome comes as an event and, with a token, as a
    /// completion in the hub behind that event.
    ///
    /// # Errors
    /// [`Error::InvalidState`] unless the connection is idle.
    pub fn start_connect(&self, token: Option<u64>) -> Result<(), Error> {
        self.start(token.map_or(Completion::Unheard, Completion::Token))
    }

    fn start(&self, completion: Completion) -> Result<(), Error> {
        let shared = self.shared();
        let mut state = shared.lock();
        if state.phase != Phase::Idle {
            return Err(Error::InvalidState { call: "connect", state: state.phase.as_str() });
        }
        let (sender, receiver) = mpsc::unbounded_channel();
        runtime::spawn(|stop| Driver::new(Arc::clone(shared), receiver, stop, completion).run())?;
        state.phase = Phase::Connecting;
        state.commands = Some(sender);
        state.jid = None;
        Ok(())
    }

    /// Closes the connection in an orderly way, or gives up the attempt under way. Of an idle connection it does
    /// nothing. Returns when `connectionDisconnected` has been delivered to the stream of events.
    ///
    /// # Errors
    /// None today; kept for what may come.
    pub async fn disconnect(&self) -> Result<(), Error> {
        let (sender, receiver) = oneshot::channel();
        self.stop(Completion::Future(sender));
        settled(receiver).await.map(drop)
    }

    /// As [`disconnect`](Self::disconnect), without waiting; with a token, the completion comes through the hub
    /// behind the event.
    pub fn start_disconnect(&self, token: Option<u64>) {
        self.stop(token.map_or(Completion::Unheard, Completion::Token));
    }

    fn stop(&self, completion: Completion) {
        let shared = self.shared();
        let mut state = shared.lock();
        let wake = match &state.commands {
            Some(commands) => match commands.send(Command::Disconnect(completion)) {
                Ok(()) => {
                    state.phase = Phase::Disconnecting;
                    None
                }
                Err(mpsc::error::SendError(Command::Disconnect(completion))) => {
                    completion.complete(&shared.hub, Ok(Completed::Done))
                }
                Err(_) => None,
            },
            None => completion.complete(&shared.hub, Ok(Completed::Done)),
        };
        drop(state);
        if let Some(wake) = wake {
            wake.fire();
        }
    }

    /// The full JID, from the moment it is bound until the next attempt.
    #[must_use]
    pub fn jid(&self) -> Option<String> {
        self.shared().lock().jid.clone()
    }

    /// When the phases of this connection happened.
    #[must_use]
    pub fn connection_times(&self) -> ConnectionTimes {
        self.shared().lock().times
    }

    /// The events of this connection, kept from this call on. One consumer: two streams of the same connection
    /// share the events between them. Of a connection in a hub of the caller's the stream is empty.
    ///
    /// The stream ends when the last handle is dropped.
    pub fn events(&self) -> Events {
        let hub = self.shared().hub.clone();
        let waker = self.handle.waker.clone();
        if waker.is_some() {
            hub.mute(false);
        }
        Events { hub, waker }
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }
}

impl fmt::Debug for JitsiConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared().lock();
        f.debug_struct("JitsiConnection")
            .field("id", &self.shared().hub.id())
            .field("state", &state.phase.as_str())
            .field("jid", &state.jid)
            .finish_non_exhaustive()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.hub.close();
        if let Some(commands) = &self.shared.lock().commands {
            // A driver that has just ended has nothing left to close.
            let _ = commands.send(Command::Abandon);
        }
        if let Some(waker) = &self.waker {
            waker.wake();
        }
    }
}

impl Shared {
    pub(crate) const fn config(&self) -> &Arc<Config> {
        &self.config
    }

    pub(crate) const fn hub(&self) -> &HubEnd {
        &self.hub
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn reached(&self, milestone: Milestone, now: Instant) {
        self.lock().times.record(milestone, now);
    }
}

impl State {
    pub(crate) fn established(&mut self, jid: String) {
        // A disconnect that has been asked for meanwhile stays asked for.
        if self.phase == Phase::Connecting {
            self.phase = Phase::Connected;
        }
        self.jid = Some(jid);
    }

    pub(crate) fn idle(&mut self) {
        self.phase = Phase::Idle;
        self.commands = None;
    }

    pub(crate) fn jid(&self) -> Option<String> {
        self.jid.clone()
    }
}

async fn settled(receiver: oneshot::Receiver<CompletionResult>) -> CompletionResult {
    receiver
        .await
        .unwrap_or_else(|_| Err(Error::Internal("a call was dropped without an outcome".to_owned())))
}

/// Makes cancelling `connect` the same as `disconnect`.
struct AbortOnDrop<'connection>(Option<&'connection JitsiConnection>);

impl AbortOnDrop<'_> {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for AbortOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.0 {
            connection.start_disconnect(None);
        }
    }
}

/// The events of one connection, in order: a [`Stream`].
///
/// Dropping it means that nobody listens: events are no longer kept.
#[must_use = "events are kept until they are taken"]
pub struct Events {
    hub: HubEnd,
    waker: Option<Arc<AtomicWaker>>,
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let Some(waker) = &self.waker else { return Poll::Ready(None) };
        // Before the look, so that what comes between the look and the sleep wakes us.
        waker.register(cx.waker());
        let mut next = None;
        while next.is_none() {
            let drained = self.hub.hub().drain(1, |_, item| {
                if let Item::Event(event) = item {
                    next = Some(event);
                }
            });
            if drained == crate::Drained::Empty {
                break;
            }
        }
        match next {
            Some(event) => Poll::Ready(Some(event)),
            None if self.hub.is_closed() => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        if self.waker.is_some() {
            self.hub.mute(true);
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}
