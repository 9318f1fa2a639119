//! An anonymous connection from `connect` to `disconnect`.

mod common;

use common::{connection_to, faulty, next, server, within};
use jitsimeet::{Event, Milestone};
use jitsimeet_testserver::StreamFault;

#[tokio::test]
async fn a_connection_is_established_and_closed_in_order() {
    let server = server().await;
    let connection = connection_to(&server);
    let mut events = connection.events();

    let jid = within("the connection", connection.connect()).await.unwrap();
    assert_eq!(server.sessions(), std::slice::from_ref(&jid));
    assert_eq!(connection.jid(), Some(jid.clone()));
    let (_, resource) = jid.split_once('/').expect("a full JID");
    assert_eq!(
        next(&mut events).await,
        Event::ConnectionEstablished { id: resource.to_owned(), resumed: false, reconnected: false }
    );

    within("the disconnect", connection.disconnect()).await.unwrap();
    assert_eq!(next(&mut events).await, Event::ConnectionDisconnected { message: None });
    assert_eq!(server.sessions(), [""; 0], "the server has seen the stream closed");
    assert_eq!(connection.jid(), Some(jid), "as in lib-jitsi-meet, the JID outlives the connection");
}

#[tokio::test]
async fn the_object_connects_again_after_a_disconnect() {
    let server = server().await;
    let connection = connection_to(&server);
    let first = within("the first connection", connection.connect()).await.unwrap();
    within("the disconnect", connection.disconnect()).await.unwrap();
    let second = within("the second connection", connection.connect()).await.unwrap();
    assert_ne!(first, second);
    assert_eq!(server.sessions(), [second]);
}

#[tokio::test]
async fn the_connection_times_are_those_of_the_phases_in_order() {
    use Milestone as M;
    let server = server().await;
    let connection = connection_to(&server);
    within("the connection", connection.connect()).await.unwrap();
    within("the disconnect", connection.disconnect()).await.unwrap();

    let times = connection.connection_times();
    let order = [
        M::Connecting,
        M::Dns,
        M::Tcp,
        M::Upgrade,
        M::Authenticating,
        M::Authenticated,
        M::Bound,
        M::Connected,
        M::Disconnecting,
        M::Disconnected,
    ];
    let moments: Vec<_> =
        order.iter().map(|m| times.get(*m).unwrap_or_else(|| panic!("no time for {m}"))).collect();
    assert!(moments.is_sorted(), "{times:?}");
    assert_eq!(times.get(M::Tls), None);
    assert_eq!(times.on_clock(0.0).count(), order.len());
    assert!(times.on_clock(0.0).all(|(_, ms)| ms <= 0.0), "what has happened lies in the past of any clock");
}

#[tokio::test]
async fn a_server_that_requires_the_old_session_request_gets_it() {
    let server = faulty(StreamFault::RequireSession).await;
    within("the connection", connection_to(&server).connect()).await.unwrap();
}

#[tokio::test]
async fn a_dropped_connection_is_closed_in_the_background() {
    let server = server().await;
    let connection = connection_to(&server);
    within("the connection", connection.connect()).await.unwrap();
    drop(connection);
    within("the end of the session", async {
        while !server.sessions().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
