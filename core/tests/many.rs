//! A thousand connections on one hub.

mod common;

use std::collections::HashMap;
use std::sync::Arc;

use common::{options, server, within};
use jitsimeet::{Completed, ConnectOptions, ConnectionId, Drained, Event, EventHub, Item, JitsiConnection};
use tokio::sync::Notify;

const CONNECTIONS: usize = 1_000;

/// What came for one connection, in order.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    Established,
    Connected,
    Disconnected,
    Done,
}

#[tokio::test]
async fn a_thousand_connections_share_one_hub_and_each_keeps_its_order() {
    let server = server().await;
    let options = options(&server.service_url(), server.domain());
    let wake = Arc::new(Notify::new());
    let hub = EventHub::new({
        let wake = Arc::clone(&wake);
        move || wake.notify_one()
    });

    let mut connections: HashMap<ConnectionId, JitsiConnection> = HashMap::new();
    for _ in 0..CONNECTIONS {
        let connection = JitsiConnection::with_hub(&hub, None, None, &options).unwrap();
        connection.start_connect(&ConnectOptions::default(), Some(connection.id())).unwrap();
        connections.insert(connection.id(), connection);
    }
    let mut came: HashMap<ConnectionId, Vec<Came>> = HashMap::new();
    let mut ended = 0;
    within("the end of all connections", async {
        while ended < CONNECTIONS {
            wake.notified().await;
            let mut deliver = |id, item| {
                let what = match item {
                    Item::Event(Event::ConnectionEstablished { .. }) => Came::Established,
                    Item::Completed { token, result: Ok(Completed::Connected { .. }) } => {
                        assert_eq!(token, id);
                        // From within the delivery, as a listener would.
                        connections[&id].start_disconnect(Some(id)).unwrap();
                        Came::Connected
                    }
                    Item::Event(Event::ConnectionDisconnected { .. }) => Came::Disconnected,
                    Item::Completed { result: Ok(Completed::Done), .. } => {
                        ended += 1;
                        Came::Done
                    }
                    other => panic!("{other:?}"),
                };
                came.entry(id).or_default().push(what);
            };
            while hub.drain(64, &mut deliver) == Drained::More {}
        }
    })
    .await;
    assert_eq!(came.len(), CONNECTIONS);
    let expected = [Came::Established, Came::Connected, Came::Disconnected, Came::Done];
    assert!(came.values().all(|came| *came == expected), "each connection's own order");
    assert_eq!(server.connections(), CONNECTIONS as u64);
}
