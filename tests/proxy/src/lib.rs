//! A loopback TCP proxy for tests: what a network does to a connection, on command.
//!
//! It knows nothing of what it carries. It counts flights: a flight begins whenever the client writes after the
//! server has, so that the number of flights is the number of round trips that a conversation took.
#![forbid(unsafe_code)]

mod relay;
mod tunnel;

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use tunnel::Tunnel;

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// What is done to connections that are accepted from now on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    /// How long every piece of data is under way, in milliseconds, in each direction.
    #[serde(default)]
    pub delay: u64,
    /// Cut the connection when so many bytes have gone in a direction.
    pub cut: Option<Offset>,
    /// Stop carrying anything when so many bytes have gone in a direction.
    pub stall: Option<Offset>,
    /// Cut the connection so many milliseconds after it was accepted.
    pub cut_after: Option<u64>,
    /// Stop carrying anything so many milliseconds after the connection was accepted.
    pub stall_after: Option<u64>,
    /// Pass on at most so many bytes at a time.
    pub split: Option<usize>,
    /// Pass on in one piece what comes within so many milliseconds.
    pub merge: Option<u64>,
    /// Pass on another byte than came.
    pub corrupt: Option<Corruption>,
}

/// A place in one direction of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offset {
    /// The direction.
    pub direction: Direction,
    /// How many bytes go through before it.
    pub bytes: u64,
}

/// A byte that is changed on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Corruption {
    /// The direction.
    pub direction: Direction,
    /// How many bytes of it come before.
    pub bytes: u64,
    /// The bits that are flipped.
    pub mask: u8,
}

/// What was seen of a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// How often the client began to write, at the beginning or after the server had written.
    pub flights: u32,
    /// Bytes from the client to the server.
    pub to_server: u64,
    /// Bytes from the server to the client.
    pub to_client: u64,
}

/// A running proxy. Dropping it ends it and cuts all its connections.
#[derive(Debug)]
pub struct TestProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    _stop: DropGuard,
}

#[derive(Debug)]
struct Shared {
    target: SocketAddr,
    state: Mutex<State>,
    /// What all living connections are told.
    order: watch::Sender<Order>,
}

#[derive(Debug, Default)]
struct State {
    conditions: Conditions,
    /// Of the next connections, one each.
    next: VecDeque<Conditions>,
    refusing: bool,
    seen: Vec<Seen>,
    /// When the flights of each connection began.
    flights: Vec<Vec<Instant>>,
}

/// Counted, so that a connection obeys only what was ordered after it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Order {
    cuts: u64,
    stalls: u64,
}

impl TestProxy {
    /// Starts a proxy to a port on 127.0.0.1, on the current tokio runtime.
    ///
    /// # Errors
    /// No port can be had.
    pub async fn start(target_port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            target: (Ipv4Addr::LOCALHOST, target_port).into(),
            state: Mutex::default(),
            order: watch::Sender::default(),
        });
        let stop = CancellationToken::new();
        let accepting = accept(listener, Arc::clone(&shared), stop.clone());
        tokio::spawn(stop.clone().run_until_cancelled_owned(accepting));
        Ok(Self { address, shared, _stop: stop.drop_guard() })
    }

    /// The port on 127.0.0.1 that clients connect to.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// Sets what is done to connections that are accepted from now on.
    pub fn set_conditions(&self, conditions: Conditions) {
        self.shared.state().conditions = conditions;
    }

    /// Sets what is done to each of the next connections, in the order in which they are accepted, instead of what
    /// [`set_conditions`](Self::set_conditions) says.
    pub fn set_next(&self, conditions: impl IntoIterator<Item = Conditions>) {
        self.shared.state().next = conditions.into_iter().collect();
    }

    /// Whether new connections are closed at once.
    pub fn set_refusing(&self, refusing: bool) {
        self.shared.state().refusing = refusing;
    }

    /// Cuts every living connection.
    pub fn cut(&self) {
        self.shared.order.send_modify(|order| order.cuts += 1);
    }

    /// Stops carrying anything on every living connection.
    pub fn stall(&self) {
        self.shared.order.send_modify(|order| order.stalls += 1);
    }

    /// What was seen of each connection, in the order in which they were accepted.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.state().seen.clone()
    }

    /// How many flights of the newest connection began before this moment.
    #[must_use]
    pub fn flights_before(&self, moment: Instant) -> usize {
        let state = self.shared.state();
        state.flights.last().map_or(0, |begun| begun.iter().filter(|begun| **begun < moment).count())
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn see(&self, number: usize, update: impl FnOnce(&mut Seen)) {
        update(&mut self.state().seen[number]);
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken) {
    while let Ok((client, _)) = listener.accept().await {
        let (number, conditions, refusing) = {
            let mut state = shared.state();
            state.seen.push(Seen::default());
            state.flights.push(Vec::new());
            let refusing = state.refusing;
            let next = if refusing { None } else { state.next.pop_front() };
            (state.seen.len() - 1, next.unwrap_or(state.conditions), refusing)
        };
        if !refusing {
            // From here on it is one of the living.
            let orders = shared.order.subscribe();
            let relay = relay(client, number, conditions, orders, Arc::clone(&shared));
            tokio::spawn(stop.clone().run_until_cancelled_owned(relay));
        }
    }
}

async fn relay(
    client: TcpStream,
    number: usize,
    conditions: Conditions,
    mut orders: watch::Receiver<Order>,
    shared: Arc<Shared>,
) {
    let begun = *orders.borrow_and_update();
    let Ok(server) = TcpStream::connect(shared.target).await else { return };
    let saw = |direction, bytes| {
        shared.see(number, |seen| match direction {
            Direction::ToServer => seen.to_server += bytes,
            Direction::ToClient => seen.to_client += bytes,
        });
    };
    let flight = || {
        let mut state = shared.state();
        state.seen[number].flights += 1;
        state.flights[number].push(Instant::now());
    };
    relay::run(client, server, conditions, begun, orders, saw, flight).await;
}
