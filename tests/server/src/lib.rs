//! A loopback XMPP server that speaks what a Jitsi Meet deployment speaks to its clients, with faults on command.
//!
//! It is there so that programs can be tested offline and against misbehaviour that no real server shows on request.
//! # What it speaks
//! - WebSocket (RFC 7395) and BOSH (XEP-0124, XEP-0206), TLS; guests, accounts, tokens; stream management with
//!   resumption (XEP-0198); service discovery, external services, pings; the health check.
//! - Conference requests over IQ and HTTP, answered by a script: [`TestServer::set_conference`].
//! - Rooms, `NAME@conference.meet.example`: multi-user chat (XEP-0045) with the status codes, the errors and the order of
//!   Prosody's mod_muc, and what Jitsi's modules make of it: the identity of a token in presences, lobbies
//!   (`NAME@lobby.meet.example`), meeting ids, permissions of moderators. Nicks are locked down, and an occupant is one
//!   session: a second of the same account is refused with `conflict`, where Prosody would let both share the nick.
//! - A focus as Jicofo shows itself. A conference request brings it into the room; it makes the first to come an owner,
//!   and offers media as soon as there are two. Who declines with the right `<bridge-session/>` is left alone until
//!   nobody has a session and somebody comes, as with Jicofo; with the wrong one it is told `item-not-found`, and gets no
//!   other offer. What clients say to offers is in [`TestServer::jingle_answers`].
//!
//! # What it does on command
//! - [`TestServer::set_faults`] and [`TestServer::order`]: connections, streams and sessions misbehave.
//! - [`TestServer::set_rooms`] says what rooms are like, [`TestServer::set_joins`] who may not enter, and
//!   [`TestServer::order_room`] has something happen in one: a [`RoomOrder`]. [`TestServer::room`] tells how it is.
//! - [`TestServer::deliver`] sends any stanza to a session.
//!
//! Programs in other languages give the same commands as JSON: [`TestServer::command`].
//!
//! It never leaves the loopback interface and reads XML with another parser than the library it tests, so that the
//! two cannot share a mistake.
#![forbid(unsafe_code)]

mod auth;
mod bosh;
mod commands;
mod conference;
mod deployment;
mod faults;
mod http;
mod muc;
mod orders;
mod requests;
mod seen;
mod sessions;
mod stream;
mod tls;
mod websocket;
mod xml;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use auth::{expired_token, token, token_of};
pub use bosh::Prebound;
pub use conference::{ConferenceAnswer, ConferenceRequest, HttpAnswer, Over, Reservation};
pub use deployment::{Deployment, Extdisco, Push, Service};
pub use faults::{Faults, HealthFault, ResumeFault, StreamFault, UpgradeFault};
pub use http::HttpRequest;
pub use muc::{
    Affiliation, JingleAnswer, JoinAnswer, OccupantState, Role, RoomCommand, RoomOrder, RoomSettings,
    RoomState,
};
pub use orders::Order;
use seen::Seen;
use sessions::{Out, Sessions};
pub use tls::Authority;

/// The domain of the server.
pub const DOMAIN: &str = "meet.example";

/// How a server is to be started.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The port on 127.0.0.1; 0 lets the system choose.
    pub port: u16,
    /// Serve `wss:`, with a certificate for `localhost` from a fresh authority.
    pub tls: bool,
    /// Accounts: user names and their passwords.
    pub accounts: HashMap<String, String>,
    /// Guests must bear a JSON Web Token signed with this secret (HS256).
    pub token_secret: Option<String>,
    /// What the server tells of itself.
    pub deployment: Deployment,
    /// The answers to conference requests, as [`TestServer::set_conference`] takes them.
    pub conference: Vec<ConferenceAnswer>,
    /// What the rooms are like, as [`TestServer::set_rooms`] takes it.
    pub rooms: RoomSettings,
    /// Keep what goes over the wire, for [`TestServer::wire`].
    pub keep_wire: bool,
}

/// A running server. Dropping it ends it and cuts all its connections.
#[derive(Debug)]
pub struct TestServer {
    address: SocketAddr,
    authority: Option<Authority>,
    shared: Arc<Shared>,
    _stop: DropGuard,
}

/// What the connections of a server share.
#[derive(Debug)]
struct Shared {
    accounts: HashMap<String, String>,
    salted_passwords: auth::SaltedPasswords,
    token_secret: Option<String>,
    state: Mutex<State>,
    /// How many stanzas of clients have been handled.
    handled: watch::Sender<u64>,
    requests: Seen<HttpRequest>,
    conference_requests: Seen<ConferenceRequest>,
    sasl: Seen<String>,
    jingle: Seen<JingleAnswer>,
    /// What went over the wire, if it is to be kept.
    wire: Option<Seen<String>>,
    /// Where what outlives a connection runs.
    runtime: Handle,
    /// Ends what outlives a connection.
    stop: CancellationToken,
}

#[derive(Debug, Default)]
struct State {
    faults: Faults,
    deployment: Arc<Deployment>,
    /// The answers to come; the last stays.
    conference: VecDeque<ConferenceAnswer>,
    sessions: Sessions,
    rooms: muc::Rooms,
    bosh: bosh::Manager,
    connections: HashMap<u64, UnboundedSender<Out>>,
    accepted: u64,
    /// Of those, the ones that have become WebSockets.
    upgraded: u64,
    /// TLS connections of clients with a certificate.
    certified: u64,
}

impl TestServer {
    /// Starts a server on the current tokio runtime.
    ///
    /// # Errors
    /// The port cannot be had, or the certificate cannot be made.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let authority = options.tls.then(|| Authority::new(&["localhost"])).transpose()?;
        let acceptor = authority.as_ref().map(Authority::acceptor).transpose()?;
        let stop = CancellationToken::new();
        let state = State {
            deployment: Arc::new(options.deployment),
            conference: options.conference.into(),
            rooms: muc::Rooms::new(options.rooms),
            ..State::default()
        };
        let shared = Arc::new(Shared {
            accounts: options.accounts,
            salted_passwords: auth::SaltedPasswords::default(),
            token_secret: options.token_secret,
            state: Mutex::new(state),
            handled: watch::Sender::default(),
            requests: Seen::default(),
            conference_requests: Seen::default(),
            sasl: Seen::default(),
            jingle: Seen::default(),
            wire: options.keep_wire.then(Seen::default),
            runtime: Handle::current(),
            stop: stop.clone(),
        });
        let address = listener.local_addr()?;
        tokio::spawn(stop.clone().run_until_cancelled_owned(accept(
            listener,
            acceptor,
            Arc::clone(&shared),
            stop.clone(),
        )));
        Ok(Self { address, authority, shared, _stop: stop.drop_guard() })
    }

    /// The URL for the option `serviceUrl`.
    #[must_use]
    pub fn service_url(&self) -> String {
        format!("{}{}", self.origin("ws"), http::WEBSOCKET)
    }

    /// The URL for the option `serviceUrl`, for BOSH.
    #[must_use]
    pub fn bosh_url(&self) -> String {
        format!("{}{}", self.origin("http"), http::BOSH)
    }

    /// Sets up a BOSH session of a guest, who bears this token if one is wanted, for a client to attach to. `None` if
    /// the login is refused.
    #[must_use]
    pub fn prebind(&self, token: Option<&str>) -> Option<Prebound> {
        bosh::prebind(&self.shared, stream::Query::of(token))
    }

    /// The URL of the health check, which answers as the service URL does without an upgrade.
    #[must_use]
    pub fn health_url(&self) -> String {
        format!("{}{}", self.origin("http"), http::HEALTH)
    }

    /// The URL for the option `conferenceRequestUrl`.
    #[must_use]
    pub fn conference_request_url(&self) -> String {
        format!("{}{}", self.origin("http"), http::CONFERENCE_REQUEST)
    }

    fn origin(&self, scheme: &str) -> String {
        let port = self.address.port();
        match self.authority {
            // The certificate is for the name.
            Some(_) => format!("{scheme}s://localhost:{port}"),
            None => format!("{scheme}://127.0.0.1:{port}"),
        }
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// The domain for the option `hosts.domain`.
    #[must_use]
    pub const fn domain(&self) -> &'static str {
        DOMAIN
    }

    /// The certificate, in PEM form, of the authority that a client must trust. `None` without TLS.
    #[must_use]
    pub fn ca_certificate(&self) -> Option<&str> {
        self.authority.as_ref().map(Authority::certificate)
    }

    /// Issues a certificate for a client: it and its key, in PEM form. `None` without TLS.
    #[must_use]
    pub fn client_certificate(&self) -> Option<(String, String)> {
        self.authority.as_ref().and_then(|authority| authority.client_certificate().ok())
    }

    /// How many TLS connections came from clients that have shown such a certificate.
    #[must_use]
    pub fn certified_connections(&self) -> u64 {
        self.shared.state().certified
    }

    /// Sets the faults of connections that are accepted from now on, and those of the health check at once.
    pub fn set_faults(&self, faults: Faults) {
        self.shared.state().faults = faults;
    }

    /// Sets what the server tells of itself from now on.
    pub fn set_deployment(&self, deployment: Deployment) {
        self.shared.state().deployment = Arc::new(deployment);
    }

    /// Sets the answers to conference requests. Each request takes the next; the last stays. Without any the
    /// conference is ready.
    pub fn set_conference(&self, answers: Vec<ConferenceAnswer>) {
        self.shared.state().conference = answers.into();
    }

    /// The HTTP requests seen, those for a WebSocket included: the last 1000.
    #[must_use]
    pub fn requests(&self) -> Vec<HttpRequest> {
        self.shared.requests.list()
    }

    /// The conference requests seen: the last 1000.
    #[must_use]
    pub fn conference_requests(&self) -> Vec<ConferenceRequest> {
        self.shared.conference_requests.list()
    }

    /// The messages of SASL seen and sent, as they are: the last 1000.
    #[must_use]
    pub fn sasl_messages(&self) -> Vec<String> {
        self.shared.sasl.list()
    }

    /// What went over the wire, as it is: the heads and bodies of requests, and the frames of WebSockets in both
    /// directions; the last 1000. Empty without [`Options::keep_wire`].
    #[must_use]
    pub fn wire(&self) -> Vec<String> {
        self.shared.wire.as_ref().map(Seen::list).unwrap_or_default()
    }

    /// Waits until the server has seen so many HTTP requests since it was started.
    pub async fn requested(&self, count: u64) {
        self.shared.requests.reached(count).await;
    }

    /// The full JIDs that are bound at this moment, those that wait to be resumed included.
    #[must_use]
    pub fn sessions(&self) -> Vec<String> {
        self.shared.state().sessions.jids()
    }

    /// How many TCP connections have been accepted so far.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.state().accepted
    }

    /// Sends a stanza to a full JID; false if nobody is bound there.
    pub fn deliver(&self, jid: &str, stanza: impl Into<String>) -> bool {
        self.shared.state().sessions.deliver(jid, stanza.into())
    }

    /// Forgets the session of a full JID and drops its connection, as a server that restarts does with all of them;
    /// false if nobody is bound there.
    pub fn forget(&self, jid: &str) -> bool {
        self.shared.state().sessions.forget(jid)
    }

    /// Waits until the server has handled so many stanzas of its clients' since it was started.
    pub async fn handled(&self, count: u64) {
        let mut handled = self.shared.handled.subscribe();
        // The sender lives as long as the server does.
        let _ = handled.wait_for(|handled| *handled >= count).await;
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn carried(&self, text: impl FnOnce() -> String) {
        if let Some(wire) = &self.wire {
            wire.add(text());
        }
    }

    fn tell_all(&self, out: &Out) {
        for connection in self.state().connections.values() {
            // A connection that is ending does not need to be told.
            let _ = connection.send(out.clone());
        }
    }

    /// A connection that is there to be told things; returns its number.
    fn connected(&self, connection: UnboundedSender<Out>) -> u64 {
        let mut state = self.state();
        state.upgraded += 1;
        let number = state.upgraded;
        state.connections.insert(number, connection);
        number
    }

    fn disconnected(&self, number: u64) {
        self.state().connections.remove(&number);
    }
}

async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    stop: CancellationToken,
) {
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            // Out of file descriptors: those of ended connections come back.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        shared.state().accepted += 1;
        let connection = http::serve(socket, tls.clone(), Arc::clone(&shared));
        tokio::spawn(stop.clone().run_until_cancelled_owned(connection));
    }
}
