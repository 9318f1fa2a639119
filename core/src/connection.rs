//! `JitsiConnection`: the handle.

use std::fmt;
use std::sync::{Arc, MutexGuard};
use std::time::Instant;

use futures_util::task::AtomicWaker;
use tokio::sync::{mpsc, oneshot};
use tracing::Instrument;

use crate::command::{Command, Completion};
use crate::driver::Driver;
use crate::events::Events;
use crate::exchange::room;
use crate::hub::{ConnectionId, Item, Wake};
use crate::options::Config;
use crate::process::Owner;
use crate::session::Credentials;
use crate::shared::{Attempt, ConnectionState, Shared, State};
use crate::times::Milestone;
use crate::{Completed, CompletionResult, ConnectOptions, Error, Event, EventHub, Options, runtime};

/// A connection to a Jitsi Meet deployment: lib-jitsi-meet's `JitsiConnection`.
///
/// A cheap handle: clones share the connection. Dropping the last one closes the connection in the background.
/// All methods may be called from any thread, and never block.
///
/// ```
/// use futures_util::StreamExt;
/// use jitsimeet::{Event, JitsiConnection, Options};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut options = Options::new();
/// options.set("serviceUrl", "wss://meet.example.org/xmpp-websocket")?;
/// options.set("hosts.domain", "meet.example.org")?;
/// # let server = jitsimeet_testserver::TestServer::start(Default::default()).await?;
/// # options.set("serviceUrl", server.service_url())?;
/// # options.set("hosts.domain", server.domain())?;
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
    /// The process that it was made in. In a fork of it, a lock of ours may be held for ever.
    owner: Owner,
    shared: Arc<Shared>,
    /// Of the connection's own hub, where it has one.
    waker: Option<Arc<AtomicWaker>>,
}

impl JitsiConnection {
    /// Makes a connection, without connecting. Its events are to be had from [`events`](Self::events).
    ///
    /// `app_id` is accepted for lib-jitsi-meet's sake, which does not send it either. `token` is a JSON Web Token
    /// of the deployment; it goes into the query of the service URL. An empty one is none.
    ///
    /// ```
    /// let mut options = jitsimeet::Options::new();
    /// options.set("serviceUrl", "wss://meet.example.org/xmpp-websocket")?;
    /// let error = jitsimeet::JitsiConnection::new(None, None, &options).unwrap_err();
    /// assert_eq!(error.to_string(), "option `hosts.domain`: required");
    /// # Ok::<(), jitsimeet::Error>(())
    /// ```
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
        connection.handle.shared.hub().mute(true);
        Ok(connection)
    }

    /// Makes a connection whose events and completions come through `hub`, under its [`id`](Self::id). For bindings
    /// and for programs that serve many connections from one place.
    ///
    /// ```
    #[doc = include_str!("../doc/made.txt")]
    /// use jitsimeet::{EventHub, JitsiConnection};
    ///
    /// let hub = EventHub::new(|| println!("to be drained"));
    /// let bots = [(); 3].map(|()| JitsiConnection::with_hub(&hub, None, None, &options));
    /// assert!(bots.iter().all(Result::is_ok));
    /// # Ok(()) }
    /// ```
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
        let token = token.filter(|token| !token.is_empty()).map(ToOwned::to_owned);
        let config = options.config()?;
        let end = hub.register(config.event_queue.limits);
        let shared = Arc::new(Shared::new(config, end, token));
        Ok(Self { handle: Arc::new(Handle { owner: Owner::this_process(), shared, waker }) })
    }

    /// Whether this process made the connection. Where it was forked from the one that did, every call fails with
    /// the same error, and what returns no error tells of a connection that was never connected.
    ///
    /// ```
    #[doc = include_str!("../doc/made.txt")]
    /// assert_eq!(connection.check_process(), Ok(()), "this is no fork");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Forked`].
    pub fn check_process(&self) -> Result<(), Error> {
        self.own().map(drop)
    }

    /// What the handles share, in the process that made it.
    pub(crate) fn own(&self) -> Result<&Arc<Shared>, Error> {
        if self.handle.owner.is_this_process() { Ok(&self.handle.shared) } else { Err(Error::Forked) }
    }

    /// It never changes, so that a fork may read it.
    pub(crate) fn config(&self) -> &Config {
        self.handle.shared.config()
    }

    /// The name of this connection in its hub.
    ///
    /// ```
    #[doc = include_str!("../doc/made.txt")]
    /// assert_eq!(connection.id(), connection.clone().id());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn id(&self) -> ConnectionId {
        self.handle.shared.hub().id()
    }

    /// Connects and returns the full JID that the server has bound.
    ///
    /// Dropping the future before it is done is `disconnect`.
    ///
    /// ```
    #[doc = include_str!("../doc/made.txt")]
    /// let jid = connection.connect().await?;
    /// assert_eq!(connection.jid(), Some(jid));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidState`] unless the connection is idle; [`Error::ConnectionFailed`] with the same failure as
    /// the event; [`Error::Aborted`] after `disconnect`.
    pub async fn connect(&self) -> Result<String, Error> {
        self.connect_with(ConnectOptions::default()).await
    }

    /// As [`connect`](Self::connect), with an account.
    ///
    /// ```
    #[doc = include_str!("../doc/made.txt")]
    /// use jitsimeet::ConnectOptions;
    ///
    /// let mut guest = ConnectOptions::default();
    /// guest.name = Some("standup".to_owned());
    /// assert!(connection.connect_with(guest).await?.contains("@meet.example/"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_with(&self, options: ConnectOptions) -> Result<String, Error> {
        let (sender, receiver) = oneshot::channel();
        self.start(&options, Completion::Future(sender))?;
        self.established(receiver).await
    }

    /// Waits for the outcome of an attempt, and gives it up if nobody waits any more.
    pub(crate) async fn established(
        &self,
        receiver: oneshot::Receiver<CompletionResult>,
    ) -> Result<String, Error> {
        let abort = AbortOnDrop(Some(self));
        let completed = settled(receiver).await;
        abort.disarm();
        match completed? {
            Completed::Connected { jid } => Ok(jid),
            _ => Err(Error::Internal("connect completed as another call".to_owned())),
        }
    }

    /// As [`connect`](Self::connect), without waiting: the outcome comes as an event and, with a token, as a
    /// completion in the hub behind that event.
    ///
    /// ```
    #[doc = include_str!("../doc/hub.txt")]
    /// use jitsimeet::{Completed, ConnectOptions};
    ///
    /// connection.start_connect(&ConnectOptions::default(), Some(42))?;
    /// // Later, as an `Item::Completed` from the hub:
    /// # let (token, result) = completed(&hub, &woken).await;
    /// assert_eq!(token, 42);
    /// assert!(matches!(result, Ok(Completed::Connected { .. })));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidState`] unless the connection is idle.
    pub fn start_connect(&self, options: &ConnectOptions, token: Option<u64>) -> Result<(), Error> {
        self.start(options, token.map_or(Completion::Unheard, Completion::Token))
    }

    fn start(&self, options: &ConnectOptions, completion: Completion) -> Result<(), Error> {
        let shared = self.own()?;
        let room = match &options.name {
            Some(name) => Some(room(name)?),
            None => shared.config().conference.room.clone(),
        };
        let mut state = shared.lock();
        if state.state != ConnectionState::Idle {
            return Err(Error::InvalidState { call: "connect", state: state.state.as_str() });
        }
        let (id, password) = (options.id.as_deref(), options.password.as_deref());
        let credentials = match Credentials::new(shared.config(), state.token.as_deref(), id, password) {
            Ok(credentials) => credentials,
            Err(failure) => {
                state.times.record(Milestone::Connecting, Instant::now());
                state.times.record(Milestone::Authfail, Instant::now());
                let event = shared.hub().push(Item::Event(Event::ConnectionFailed(failure.clone())));
                let completed = completion.complete(shared.hub(), Err(Error::ConnectionFailed(failure)));
                drop(state);
                [Some(event), completed].into_iter().flatten().for_each(Wake::fire);
                return Ok(());
            }
        };
        let attempt = state.attempt(credentials, room);
        Self::launch(shared, state, attempt, completion)
    }

    /// Starts the task of an attempt.
    pub(crate) fn launch(
        shared: &Arc<Shared>,
        mut state: MutexGuard<'_, State>,
        attempt: Attempt,
        completion: Completion,
    ) -> Result<(), Error> {
        let (sender, receiver) = mpsc::unbounded_channel();
        if state.listening {
            let _ = sender.send(Box::new(Command::SetListening(true)));
        }
        let span = tracing::error_span!("connection", id = shared.hub().id());
        let driver = |stop| Driver::new(Arc::clone(shared), receiver, stop, attempt, completion);
        runtime::spawn(|stop| driver(stop).run().instrument(span))?;
        state.state = ConnectionState::Connecting;
        state.commands = Some(sender);
        state.jid = None;
        Ok(())
    }

    /// Closes the connection in an orderly way, or gives up the attempt under way. Of an idle connection it does
    /// nothing. Returns when `connectionDisconnected` has been delivered to the stream of events.
    ///
    /// ```
    #[doc = include_str!("../doc/connected.txt")]
    /// use jitsimeet::ConnectionState;
    ///
    /// connection.disconnect().await?;
    /// assert_eq!(connection.state(), ConnectionState::Idle);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Forked`].
    pub async fn disconnect(&self) -> Result<(), Error> {
        let (sender, receiver) = oneshot::channel();
        self.stop(Completion::Future(sender))?;
        settled(receiver).await.map(drop)
    }

    /// As [`disconnect`](Self::disconnect), without waiting; with a token, the completion comes through the hub
    /// behind the event.
    ///
    /// ```
    #[doc = include_str!("../doc/hub.txt")]
    #[doc = include_str!("../doc/hub_connected.txt")]
    /// use jitsimeet::Completed;
    ///
    /// connection.start_disconnect(Some(42))?;
    /// // Later, as an `Item::Completed` from the hub:
    /// # let (token, result) = completed(&hub, &woken).await;
    /// assert_eq!((token, result), (42, Ok(Completed::Done)));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Forked`].
    pub fn start_disconnect(&self, token: Option<u64>) -> Result<(), Error> {
        self.stop(token.map_or(Completion::Unheard, Completion::Token))
    }

    fn stop(&self, completion: Completion) -> Result<(), Error> {
        let shared = self.own()?;
        let mut state = shared.lock();
        if state.state != ConnectionState::Idle {
            state.state = ConnectionState::Disconnecting;
        }
        Self::command(shared, state, Command::Disconnect(completion));
        Ok(())
    }

    /// Gives the driver a command, or, where there is none or it has too much to take, settles it as refused.
    pub(crate) fn command(shared: &Shared, state: MutexGuard<'_, State>, command: Command) {
        let refused = match &state.commands {
            Some(_) if !shared.waiting().admit(&command, shared.config().send_queue) => {
                command.refuse(Error::SendQueueFull)
            }
            Some(commands) => commands.send(Box::new(command)).err().and_then(|error| {
                shared.waiting().taken(&error.0);
                error.0.refuse(Error::NotConnected)
            }),
            None => command.refuse(Error::NotConnected),
        };
        let hub = shared.hub();
        let wake = refused.and_then(|(completion, result)| completion.complete(hub, result));
        drop(state);
        wake.into_iter().for_each(Wake::fire);
    }

    /// Goes on with another token: at once where there is a session, from the next attempt on where there is none.
    ///
    /// A resumable session is resumed with the new token on a new transport; if the server refuses the token, the
    /// session goes on as before. Without resumption the login is made afresh.
    ///
    /// ```
    #[doc = include_str!("../doc/made.txt")]
    /// # let server = jitsimeet_testserver::Options { token_secret: Some("secret".into()), ..Default::default() };
    /// # let server = jitsimeet_testserver::TestServer::start(server).await?;
    /// # options.set("serviceUrl", server.service_url())?;
    /// # let (token, next) = (jitsimeet_testserver::token("secret"), jitsimeet_testserver::token("secret"));
    /// let connection = jitsimeet::JitsiConnection::new(None, Some(&token), &options)?;
    /// let jid = connection.connect().await?;
    /// connection.refresh_token(&next).await?;
    /// assert_eq!(connection.jid(), Some(jid), "the session goes on");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidState`] while disconnecting; [`Error::ConnectionFailed`] with the server's text if it
    /// refused the token, and with the reason if the attempt failed; [`Error::Aborted`] if `disconnect` ended it or a
    /// newer token came.
    pub async fn refresh_token(&self, token: &str) -> Result<(), Error> {
        let (sender, receiver) = oneshot::channel();
        self.refresh(token, Completion::Future(sender))?;
        settled(receiver).await.map(drop)
    }

    /// As [`refresh_token`](Self::refresh_token), without waiting.
    ///
    /// ```
    #[doc = include_str!("../doc/hub.txt")]
    /// # let server = jitsimeet_testserver::Options { token_secret: Some("secret".into()), ..Default::default() };
    /// # let server = jitsimeet_testserver::TestServer::start(server).await?;
    /// # options.set("serviceUrl", server.service_url())?;
    /// # let (token, next) = (jitsimeet_testserver::token("secret"), jitsimeet_testserver::token("secret"));
    /// # let connection = jitsimeet::JitsiConnection::with_hub(&hub, None, Some(&token), &options)?;
    #[doc = include_str!("../doc/hub_connected.txt")]
    /// use jitsimeet::Completed;
    ///
    /// connection.start_refresh_token(&next, Some(42))?;
    /// // Later, as an `Item::Completed` from the hub:
    /// # let (token, result) = completed(&hub, &woken).await;
    /// assert_eq!((token, result), (42, Ok(Completed::Done)));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidState`] while disconnecting.
    pub fn start_refresh_token(&self, token: &str, completion: Option<u64>) -> Result<(), Error> {
        self.refresh(token, completion.map_or(Completion::Unheard, Completion::Token))
    }

    fn refresh(&self, token: &str, completion: Completion) -> Result<(), Error> {
        let shared = self.own()?;
        let mut state = shared.lock();
        if state.state == ConnectionState::Disconnecting {
            return Err(Error::InvalidState { call: "refreshToken", state: state.state.as_str() });
        }
        state.token = Some(token.to_owned()).filter(|token| !token.is_empty());
        Self::command(shared, state, Command::RefreshToken { token: token.to_owned(), completion });
        Ok(())
    }

    /// Whether stanzas are delivered, as `connection.stanzaReceived`. They are not, unless this is called.
    ///
    /// ```
    #[doc = include_str!("../doc/connected.txt")]
    /// use futures_util::StreamExt;
    /// use jitsimeet::Event;
    ///
    /// let mut events = connection.events();
    /// connection.set_stanza_listening(true)?;
    /// # server.deliver(&connection.jid().unwrap(), "<message xmlns='jabber:client' from='a@b/c' id='7'/>");
    /// while let Some(event) = events.next().await {
    ///     if let Event::StanzaReceived(stanza) = event {
    ///         assert_eq!((stanza.name(), stanza.from(), stanza.id()), ("message", Some("a@b/c"), Some("7")));
    ///         break;
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Forked`].
    pub fn set_stanza_listening(&self, listening: bool) -> Result<(), Error> {
        let shared = self.own()?;
        let mut state = shared.lock();
        state.listening = listening;
        Self::command(shared, state, Command::SetListening(listening));
        Ok(())
    }

    /// The events of this connection, kept from this call on. One consumer: two streams of the same connection
    /// share the events between them. Of a connection in a hub of the caller's the stream is empty.
    ///
    /// The stream ends when the last handle is dropped.
    ///
    /// ```
    #[doc = include_str!("../doc/made.txt")]
    /// use futures_util::StreamExt;
    /// use jitsimeet::EventKind;
    ///
    /// let mut events = connection.events();
    /// connection.connect().await?;
    /// let first = events.next().await.expect("there is a handle");
    /// assert_eq!(first.kind(), EventKind::ConnectionEstablished);
    /// # Ok(()) }
    /// ```
    pub fn events(&self) -> Events {
        let waker = self.own().ok().and(self.handle.waker.clone());
        Events::new(self.handle.shared.hub().clone(), waker)
    }
}

impl fmt::Debug for JitsiConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JitsiConnection")
            .field("id", &self.id())
            .field("state", &self.state().as_str())
            .field("jid", &self.jid())
            .finish_non_exhaustive()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if !self.owner.is_this_process() {
            // The parent's driver is in here too, and holds what must not be dropped without its threads.
            return;
        }
        self.shared.hub().close();
        if let Some(commands) = &self.shared.lock().commands {
            // A driver that has just ended has nothing left to close.
            let _ = commands.send(Box::new(Command::Abandon));
        }
        if let Some(waker) = &self.waker {
            waker.wake();
        }
    }
}

pub(crate) async fn settled(receiver: oneshot::Receiver<CompletionResult>) -> CompletionResult {
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
            // In a fork there is nothing to give up.
            let _ = connection.start_disconnect(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_fork_the_parents_connection_refuses_every_call_and_can_be_dropped() {
        let mut options = Options::new();
        options.set("serviceUrl", "ws://127.0.0.1:1/").unwrap();
        options.set("hosts.domain", "example.org").unwrap();
        let mut connection = JitsiConnection::new(None, None, &options).unwrap();
        let shared = Arc::clone(&connection.handle.shared);
        Arc::get_mut(&mut connection.handle).expect("the only handle").owner = Owner::other();
        // As a thread that the child does not have would hold it.
        let _held = shared.lock();

        let refused = [
            connection.check_process(),
            connection.start_connect(&ConnectOptions::default(), None),
            connection.start_disconnect(None),
            connection.start_refresh_token("token", None),
            connection.start_send_stanza("<message/>", None),
            connection.start_send_iq("<iq type='get'><a xmlns='b'/></iq>", None, None),
            connection.start_ping(None, None),
            connection.start_send_conference_request("room", None),
            connection.add_feature("feature", false),
            connection.remove_feature("feature", false),
            connection.set_stanza_listening(true),
        ];
        assert_eq!(refused, [const { Err(Error::Forked) }; 11]);
        assert_eq!((connection.jid(), connection.state()), (None, ConnectionState::Idle));
        assert_eq!(connection.logs().entries, []);
        assert!(format!("{connection:?}").contains("idle"));
        drop(connection);
    }
}
