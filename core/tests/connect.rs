//! An anonymous connection from `connect` to `disconnect`.

mod common;

use common::{connection_to, faulty, next, server, within};
use jitsimeet::{ConnectOptions, Event, Milestone};
use jitsimeet_testserver::{Order, StreamFault};

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
async fn the_connection_times_are_those_of_the_last_attempt() {
    use Milestone as M;
    let server = server().await;
    let connection = connection_to(&server);
    let mut events = connection.events();
    within("the connection", connection.connect()).await.unwrap();
    let first = connection.connection_times();
    next(&mut events).await;
    server.order(&Order::Cut);
    while !matches!(next(&mut events).await, Event::Resumed { .. }) {}
    while !matches!(next(&mut events).await, Event::ConnectionEstablished { .. }) {}
    let resumed = connection.connection_times();
    assert_eq!(resumed.get(M::Connecting), first.get(M::Connecting), "that is the caller's");
    assert!(resumed.get(M::Connected) > first.get(M::Connected), "the last one wins");
    assert!(resumed.get(M::Tcp) > first.get(M::Connected));
    assert!(resumed.get(M::Resumed).is_some());
    assert_eq!(resumed.get(M::Bound), None, "a resumed session is not bound again");

    within("the disconnect", connection.disconnect()).await.unwrap();
    within("the failure", connection.connect_with(ConnectOptions::account("user", "p"))).await.unwrap_err();
    let failed = connection.connection_times();
    assert!(failed.get(M::Authfail) > failed.get(M::Disconnected), "statuses outlive the attempt");
    assert_eq!((failed.get(M::Resumed), failed.round_trips()), (None, None));

    let mut incomplete = ConnectOptions::default();
    incomplete.id = Some("user".to_owned());
    within("the failure", connection.connect_with(incomplete)).await.unwrap_err();
    let incomplete = connection.connection_times();
    assert!(incomplete.get(M::Connecting) > failed.get(M::Connecting));
    assert!(incomplete.get(M::Authfail) > failed.get(M::Authfail));
    assert_eq!(incomplete.get(M::Tcp), None, "nothing was opened");
    assert_eq!(incomplete.get(M::Connfail), None);
}

#[tokio::test]
async fn a_lost_attempt_leaves_its_time() {
    let server = faulty(StreamFault::Cut).await;
    let connection = connection_to(&server);
    within("the failure", connection.connect()).await.unwrap_err();
    let times = connection.connection_times();
    assert!(times.get(Milestone::Connfail) >= times.get(Milestone::Upgrade), "{times:?}");
    assert_eq!(times.get(Milestone::Authfail), None);
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
