//! The task of a connection: owns one transport and one session and does what the session asks. The only place that
//! waits.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_util::sync::CancellationToken;

use crate::connection::Shared;
use crate::hub::{HubEnd, Item, Wake};
use crate::session::{Ending, Output, Session};
use crate::transport::TransportError;
use crate::transport::websocket::WebSocket;
use crate::{Completed, CompletionResult, Error, Event, Failure};

/// How long a dropped connection may take to say goodbye, and a closed transport to be written out.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a handle tells its driver.
pub(crate) enum Command {
    Disconnect(Completion),
    /// The last handle is gone: close in an orderly way, tell nobody.
    Abandon,
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
    ended: bool,
}

/// The transport, as far as it has got.
enum Link {
    None,
    Opening(Pin<Box<dyn Future<Output = Result<Box<WebSocket>, TransportError>> + Send>>),
    Open(Box<WebSocket>),
}

enum LinkEvent {
    Opened(Box<WebSocket>),
    Frame(Utf8Bytes),
    Failed(TransportError),
}

impl Link {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<LinkEvent> {
        match self {
            Self::None => Poll::Pending,
            Self::Opening(opening) => opening.as_mut().poll(cx).map(|opened| match opened {
                Ok(transport) => LinkEvent::Opened(transport),
                Err(error) => LinkEvent::Failed(error),
            }),
            Self::Open(transport) => transport.poll_frame(cx).map(|frame| match frame {
                Ok(frame) => LinkEvent::Frame(frame),
                Err(error) => LinkEvent::Failed(error),
            }),
        }
    }
}

impl Driver {
    /// The session starts now; its first outputs are carried out when the task runs.
    pub(crate) fn new(
        shared: Arc<Shared>,
        commands: mpsc::UnboundedReceiver<Command>,
        stop: CancellationToken,
        connecting: Completion,
    ) -> Self {
        let session = Session::connect(Arc::clone(shared.config()), Instant::now());
        Self {
            shared,
            session,
            commands,
            stop,
            connecting: Some(connecting),
            disconnecting: Vec::new(),
            ended: false,
        }
    }

    pub(crate) async fn run(mut self) {
        let mut link = Link::None;
        let mut stopping = false;
        while !self.carry_out(&mut link) {
            let deadline = self.session.poll_timeout();
            let timer = async move {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                    None => std::future::pending().await,
                }
            };
            // The link comes last, so that a flood of frames delays neither the caller nor a deadline.
            tokio::select! {
                biased;
                () = self.stop.cancelled(), if !stopping => {
                    stopping = true;
                    self.session.disconnect(Instant::now(), self.shared.config().disconnect_timeout);
                }
                Some(command) = self.commands.recv() => self.handle_command(command),
                () = timer => self.session.handle_timeout(Instant::now()),
                event = poll_fn(|cx| link.poll(cx)) => self.handle_link(&mut link, event),
            }
        }
        if let Link::Open(transport) = link {
            // Past its deadline the peer does without the WebSocket's close frame.
            let _ = tokio::time::timeout(FAREWELL, transport.close()).await;
        }
    }

    fn handle_command(&mut self, command: Command) {
        let now = Instant::now();
        match command {
            Command::Disconnect(completion) => {
                self.disconnecting.push(completion);
                self.session.disconnect(now, self.shared.config().disconnect_timeout);
            }
            Command::Abandon => self.session.disconnect(now, FAREWELL),
        }
    }

    fn handle_link(&mut self, link: &mut Link, event: LinkEvent) {
        match event {
            LinkEvent::Opened(transport) => {
                *link = Link::Open(transport);
                self.session.handle_opened(Instant::now());
            }
            LinkEvent::Frame(frame) => self.session.handle_frame(&frame),
            LinkEvent::Failed(error) => {
                *link = Link::None;
                self.session.handle_transport_error(error);
            }
        }
    }

    /// Does all that the session asks for; true when the session is over.
    fn carry_out(&mut self, link: &mut Link) -> bool {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Open => *link = self.open(),
                Output::Send(frame) => {
                    if let Link::Open(transport) = link
                        && let Err(error) = transport.send(frame)
                    {
                        *link = Link::None;
                        self.session.handle_transport_error(error);
                    }
                }
                Output::Reached(milestone) => self.shared.reached(milestone, Instant::now()),
                Output::Established { jid } => self.established(jid),
                Output::Ended(ending) => {
                    self.end(ending);
                    return true;
                }
            }
        }
        false
    }

    fn open(&self) -> Link {
        let shared = Arc::clone(&self.shared);
        Link::Opening(Box::pin(async move {
            let mut reached = |milestone| shared.reached(milestone, Instant::now());
            WebSocket::open(shared.config(), &mut reached).await.map(Box::new)
        }))
    }

    fn established(&mut self, jid: String) {
        let id = jid.split_once('/').map_or_else(String::new, |(_, resource)| resource.to_owned());
        let hub = self.shared.hub();
        let mut state = self.shared.lock();
        state.established(jid.clone());
        let mut wakes = vec![hub.push(Item::Event(Event::ConnectionEstablished { id }))];
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
        while let Ok(command) = self.commands.try_recv() {
            if let Command::Disconnect(completion) = command {
                self.disconnecting.push(completion);
            }
        }
        let (event, outcome) = match ending {
            Ending::Failed(mut failure) => {
                failure.jid = state.jid();
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
        drop(state);
        wakes.into_iter().for_each(Wake::fire);
    }
}

/// However the task ends, by a panic or cut off by `shutdown`, nobody is left waiting.
impl Drop for Driver {
    fn drop(&mut self) {
        if !self.ended {
            let ending = if std::thread::panicking() {
                Ending::Failed(Box::new(Failure::internal(
                    "the task of the connection panicked; please report it",
                )))
            } else {
                Ending::Disconnected
            };
            self.end(ending);
        }
    }
}
