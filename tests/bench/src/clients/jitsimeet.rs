//! jitsimeet, as a program with many connections uses it (one hub), and as one with few does (a stream of events).

use std::collections::HashMap;
use std::thread;

use futures_util::{FutureExt, StreamExt};
use jitsimeet::{
    Completed, ConnectOptions, ConnectionId, Drained, Event, EventHub, Events, Item, JitsiConnection, Options,
};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use super::flood_request;
use crate::orders::Client;

fn options(url: &str, more: &Value) -> Options {
    let mut options = Options::new();
    options.merge(json!({ "serviceUrl": url, "hosts": { "domain": "meet.example" } })).expect("right types");
    options.merge(more.clone()).expect("right types");
    jitsimeet::init(&options).expect("the first call");
    options
}

pub struct Hub {
    hub: EventHub,
    options: Options,
    connections: HashMap<ConnectionId, JitsiConnection>,
    first: ConnectionId,
}

impl Hub {
    pub fn new(url: &str, more: &Value) -> Self {
        let consumer = thread::current();
        let hub = EventHub::new(move || consumer.unpark());
        Self { hub, options: options(url, more), connections: HashMap::new(), first: 0 }
    }

    /// Gives `deliver` what comes, until it has said "one" so often.
    fn take(&self, mut count: usize, mut deliver: impl FnMut(ConnectionId, Item) -> usize) {
        while count > 0 {
            let drained = self.hub.drain(1024, |id, item| count = count.saturating_sub(deliver(id, item)));
            if drained == Drained::Empty && count > 0 {
                thread::park();
            }
        }
    }

    fn ask(&self, what: &str, count: usize, stanzas: usize) {
        let first = &self.connections[&self.first];
        first.start_send_stanza(&flood_request(what, count), None).expect("a stanza");
        self.take(stanzas, |_, item| match item {
            Item::Event(Event::StanzaReceived(stanza)) => {
                usize::from(std::hint::black_box(stanza.from()).is_some_and(|from| from != "meet.example"))
            }
            Item::Event(Event::ConnectionFailed(failure)) => panic!("{failure}"),
            _ => 0,
        });
    }
}

impl Client for Hub {
    fn open(&mut self, count: usize, at_once: usize) {
        let mut waiting = Vec::new();
        for _ in 0..count {
            let connection =
                JitsiConnection::with_hub(&self.hub, None, None, &self.options).expect("complete options");
            connection.set_stanza_listening(true).expect("made here");
            self.first = if self.connections.is_empty() { connection.id() } else { self.first };
            waiting.push(connection.clone());
            self.connections.insert(connection.id(), connection);
        }
        let start = |connection: &JitsiConnection| {
            connection.start_connect(&ConnectOptions::default(), Some(1)).expect("an idle connection");
        };
        waiting.drain(waiting.len() - at_once.min(count)..).for_each(|connection| start(&connection));
        self.take(count, |_, item| match item {
            Item::Completed { result: Ok(Completed::Connected { .. }), .. } => {
                waiting.pop().iter().for_each(start);
                1
            }
            Item::Completed { result, .. } => panic!("{result:?}"),
            _ => 0,
        });
    }

    fn flood(&mut self, count: usize) {
        self.ask("flood", count, count);
    }

    fn spread(&mut self, each: usize) {
        self.ask("all", each, each * self.connections.len());
    }

    fn resume(&mut self) {
        self.take(self.connections.len(), |_, item| match item {
            Item::Event(Event::ConnectionEstablished { resumed: true, .. }) => 1,
            Item::Event(Event::ConnectionFailed(failure)) => panic!("{failure}"),
            _ => 0,
        });
    }

    fn close(&mut self) {
        self.connections
            .values()
            .for_each(|connection| connection.start_disconnect(Some(2)).expect("made here"));
        self.take(self.connections.len(), |_, item| {
            usize::from(matches!(item, Item::Completed { token: 2, .. }))
        });
        self.connections.clear();
    }
}

pub struct Stream {
    runtime: Runtime,
    options: Options,
    connections: Vec<(JitsiConnection, Events)>,
}

impl Stream {
    pub fn new(url: &str, more: &Value) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { runtime, options: options(url, more), connections: Vec::new() }
    }
}

impl Client for Stream {
    fn open(&mut self, count: usize, _: usize) {
        for _ in 0..count {
            let connection = JitsiConnection::new(None, None, &self.options).expect("complete options");
            connection.set_stanza_listening(true).expect("made here");
            let events = connection.events();
            self.runtime.block_on(connection.connect()).expect("a session");
            self.connections.push((connection, events));
        }
    }

    fn flood(&mut self, count: usize) {
        let (connection, events) = &mut self.connections[0];
        self.runtime.block_on(async {
            let sending = connection.start_send_stanza(&flood_request("flood", count), None);
            sending.expect("a stanza");
            let mut left = count;
            while left > 0 {
                match events.next().await {
                    Some(Event::StanzaReceived(stanza)) => {
                        let from = std::hint::black_box(stanza.from());
                        left -= usize::from(from.is_some_and(|from| from != "meet.example"));
                    }
                    Some(Event::ConnectionFailed(failure)) => panic!("{failure}"),
                    _ => {}
                }
            }
        });
    }

    fn close(&mut self) {
        for (connection, _) in &self.connections {
            self.runtime.block_on(connection.disconnect().map(drop));
        }
        self.connections.clear();
    }
}
