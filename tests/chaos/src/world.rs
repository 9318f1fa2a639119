//! A server, a peer that nothing disturbs, and the clients that are disturbed, all in one hub.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jitsimeet::{
    ConnectOptions, ConnectionId, Drained, Event, EventHub, Item, JitsiConnection, Options, Stanza,
};
use jitsimeet_testprosody::TestProsody;
use jitsimeet_testproxy::{Direction, TestProxy};
use jitsimeet_testserver::TestServer;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::client::{Broken, Client};
use crate::model::{Call, Claims};

/// How many items are taken before others have a turn.
const TURN: usize = 256;
/// The account of the embedded server.
const ACCOUNT: (&str, &str) = ("user", "pencil");

/// Where clients connect to.
pub enum Site {
    /// The embedded server of the tests.
    Embedded(Box<TestServer>),
    /// Debian's Prosody.
    Prosody(Box<TestProsody>),
}

/// Who logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// A guest, by SASL ANONYMOUS.
    Guest,
    /// The account, by SCRAM.
    Account,
}

/// By what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// RFC 7395.
    WebSocket,
    /// XEP-0124.
    Bosh,
}

/// A server with its clients.
pub struct World {
    site: Site,
    hub: EventHub,
    shared: Arc<Shared>,
    /// Nobody is at the other end where bytes are changed: what is changed may name anybody.
    peer: Option<Arc<Client>>,
    dispatcher: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    clients: HashMap<ConnectionId, Arc<Client>>,
    /// The clients that were bound as these, for the peer to know who writes to it.
    by_jid: HashMap<String, Arc<Client>>,
    peer: Option<ConnectionId>,
}

impl Site {
    /// Starts the embedded server, with the account.
    ///
    /// # Errors
    /// There is no port.
    pub async fn embedded() -> io::Result<Self> {
        let accounts = HashMap::from([(ACCOUNT.0.to_owned(), ACCOUNT.1.to_owned())]);
        let options = jitsimeet_testserver::Options { accounts, ..Default::default() };
        TestServer::start(options).await.map(Box::new).map(Self::Embedded)
    }

    /// Starts a Prosody; `None` if it is not installed.
    pub async fn prosody() -> Option<Self> {
        let started = tokio::task::spawn_blocking(TestProsody::start_or_skip).await.ok().flatten();
        started.map(Box::new).map(Self::Prosody)
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        match self {
            Self::Embedded(server) => server.port(),
            Self::Prosody(daemon) => daemon.port(),
        }
    }

    fn domain(&self, login: Login) -> &'static str {
        match (self, login) {
            (Self::Embedded(server), _) => server.domain(),
            (Self::Prosody(daemon), Login::Guest) => daemon.domain(),
            (Self::Prosody(daemon), Login::Account) => daemon.accounts_domain(),
        }
    }

    /// What a client of this server is made with, whose way leads through `port`.
    fn options(&self, port: u16, login: Login, transport: Transport, more: &Value) -> Options {
        let url = match transport {
            Transport::WebSocket => format!("ws://localhost:{port}/xmpp-websocket"),
            Transport::Bosh => format!("http://localhost:{port}/http-bind"),
        };
        let mut options = Options::new();
        let needed = json!({
            "serviceUrl": url.replace("localhost", self.host()),
            "hosts": { "domain": self.domain(login) },
            // It would be one more connection, at a time of its own.
            "websocketKeepAlive": -1,
            "resume": { "maxDelay": 20 },
            "logs": { "maxEntries": 0 },
            "sendQueue": { "maxStanzas": 1_000_000, "maxBytes": 100_000_000 },
        });
        for tree in [needed, more.clone()] {
            options.merge(tree).expect("options of the right types");
        }
        options
    }

    /// Prosody looks at the name that it is asked for.
    const fn host(&self) -> &'static str {
        match self {
            Self::Embedded(_) => "127.0.0.1",
            Self::Prosody(_) => "localhost",
        }
    }
}

impl World {
    /// A world with a peer, which is connected when this returns.
    ///
    /// # Errors
    /// The peer cannot connect.
    pub async fn with_peer(site: Site) -> Result<Self, Broken> {
        let mut world = Self::lonely(site);
        let options = world.site.options(world.site.port(), Login::Guest, Transport::WebSocket, &json!({}));
        let peer = world.make(Claims::CUTS, &options);
        world.shared.state().peer = Some(peer.id());
        peer.connect(&ConnectOptions::default()).await?;
        world.peer = Some(peer);
        Ok(world)
    }

    /// A world without: clients write to the server, which writes to them.
    #[must_use]
    pub fn lonely(site: Site) -> Self {
        let work = Arc::new(Notify::new());
        let shared = Arc::new(Shared::default());
        let hub = EventHub::new({
            let work = Arc::clone(&work);
            move || work.notify_one()
        });
        let dispatcher = tokio::spawn({
            let (hub, shared) = (hub.clone(), Arc::clone(&shared));
            async move {
                loop {
                    work.notified().await;
                    while hub.drain(TURN, |id, item| shared.deliver(id, &item)) == Drained::More {
                        tokio::task::yield_now().await;
                    }
                }
            }
        });
        Self { site, hub, shared, peer: None, dispatcher }
    }

    /// Makes a client whose way to the server leads through the proxy.
    #[must_use]
    pub fn client(
        &self,
        proxy: &TestProxy,
        login: Login,
        transport: Transport,
        claims: Claims,
        more: &Value,
    ) -> Arc<Client> {
        self.make(claims, &self.site.options(proxy.port(), login, transport, more))
    }

    fn make(&self, claims: Claims, options: &Options) -> Arc<Client> {
        let connection = JitsiConnection::with_hub(&self.hub, None, None, options).expect("complete options");
        let client = Arc::new(Client::new(connection, claims));
        self.shared.state().clients.insert(client.id(), Arc::clone(&client));
        client
    }

    /// Starts a proxy to the server.
    ///
    /// # Errors
    /// There is no port.
    pub async fn proxy(&self) -> io::Result<TestProxy> {
        TestProxy::start(self.site.port()).await
    }

    /// Who logs in, as `connect` takes it.
    #[must_use]
    pub fn login(&self, login: Login) -> ConnectOptions {
        match login {
            Login::Guest => ConnectOptions::default(),
            Login::Account => ConnectOptions::account(ACCOUNT.0, ACCOUNT.1),
        }
    }

    /// The client writes to the peer, or to the server if there is none. Returns the number of the message, and the
    /// token of the call.
    ///
    /// # Errors
    /// It is refused.
    pub fn send(&self, client: &Client) -> Result<(u64, u64), Broken> {
        let to = match &self.peer {
            Some(peer) => peer.model().jid().unwrap_or_default().to_owned(),
            None => self.site.domain(Login::Guest).to_owned(),
        };
        let number = client.model().number();
        let token = client.start(Call::Send(number), |connection, token| {
            connection.start_send_stanza(&message(&to, number), Some(token))
        })?;
        Ok((number, token))
    }

    /// The peer, or the server if there is none, writes to the client, if it has a session. Returns the number of the
    /// message.
    ///
    /// # Errors
    /// It is refused.
    pub fn send_to(&self, client: &Client) -> Result<Option<u64>, Broken> {
        let Some((jid, number)) = client.model().expect() else { return Ok(None) };
        let text = message(&jid, number);
        match (&self.peer, &self.site) {
            (Some(peer), _) => {
                let own = peer.model().number();
                peer.start(Call::Send(own), |connection, token| {
                    connection.start_send_stanza(&text, Some(token))
                })?;
            }
            (None, Site::Embedded(server)) => drop(server.deliver(&jid, text)),
            (None, Site::Prosody(_)) => {}
        }
        Ok(Some(number))
    }

    /// What can be claimed of a client whose connection is cut in this direction.
    #[must_use]
    pub const fn claims_of_cut(&self, direction: Direction) -> Claims {
        match (&self.site, direction) {
            (Site::Prosody(_), Direction::ToServer) => Claims::HALF_FRAMES,
            _ => Claims::CUTS,
        }
    }

    /// Whether a client can expect a message from the other end.
    #[must_use]
    pub const fn has_peer(&self) -> bool {
        self.peer.is_some()
    }

    /// The server forgets the session of a client, which the embedded one alone can do.
    pub fn forget(&self, client: &Client) {
        if let Site::Embedded(server) = &self.site
            && let Some(jid) = client.model().jid()
        {
            server.forget(jid);
        }
    }

    /// The client is gone; its session too.
    pub fn remove(&self, client: &Client) {
        self.forget(client);
        let mut state = self.shared.state();
        state.clients.remove(&client.id());
        state.by_jid.retain(|_, other| other.id() != client.id());
    }

    /// What was found wrong with the peer.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.peer.as_ref().map(|peer| peer.model().violations().to_vec()).unwrap_or_default()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.dispatcher.abort();
        self.hub.close();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn deliver(&self, id: ConnectionId, item: &Item) {
        let mut state = self.state();
        // One that was given up may still have had something to say.
        let Some(client) = state.clients.get(&id).cloned() else { return };
        if let Item::Event(Event::ConnectionEstablished { .. }) = item
            && client.model().claims().delivery
            && let Some(jid) = client.jid()
        {
            state.by_jid.insert(jid, Arc::clone(&client));
        }
        let peer = state.peer.and_then(|peer| state.clients.get(&peer)).map(Arc::clone);
        let sender = match item {
            Item::Event(Event::StanzaReceived(stanza)) => {
                stanza.from().and_then(|from| state.by_jid.get(from)).cloned()
            }
            _ => None,
        };
        drop(state);
        client.take(item);
        if let Item::Event(Event::StanzaReceived(stanza)) = item
            && stanza.name() == "message"
            // A server sends back what was for a session that it has given up.
            && stanza.kind() != Some("error")
        {
            let Some((number, intact)) = read(stanza) else { return };
            let is_peer = peer.as_ref().is_some_and(|peer| peer.id() == id);
            match sender {
                Some(sender) if is_peer => sender.arrived(number, intact),
                // The peer is known by its own name.
                Some(sender) if peer.is_some_and(|peer| peer.id() == sender.id()) => {
                    client.received(number, intact);
                }
                _ => {}
            }
        }
    }
}

/// A message of the conversation: what XML must escape, and more than ASCII, at both ends of the number.
fn message(to: &str, number: u64) -> String {
    format!("<message xmlns='jabber:client' to='{to}' id='n{number}'><body>{}</body></message>", body(number))
}

fn body(number: u64) -> String {
    format!("é&amp;{number}&lt;€")
}

/// The number of a message, and whether it is what was sent; `None` if it is none of the conversation.
fn read(stanza: &Stanza) -> Option<(u64, bool)> {
    let number = stanza.id()?.strip_prefix('n')?.parse().ok()?;
    Some((number, stanza.xml().contains(&body(number))))
}
