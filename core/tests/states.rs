//! The state table: what `connect` and `disconnect` do in every state.

mod common;

use common::{connection_to, faulty, next, options, server, within};
use futures_util::{FutureExt, StreamExt};
use jitsimeet::{Code, ConnectOptions, Error, Event, JitsiConnection, Options, Status};
use jitsimeet_testserver::StreamFault;

fn assert_invalid_state(result: Result<(), Error>, state: &str) {
    let error = result.expect_err("the call should be refused");
    assert_eq!(error.status(), Status::InvalidState);
    assert_eq!(error.to_string(), format!("connect() is not allowed in the state `{state}`"));
}

#[tokio::test]
async fn connect_while_connecting_is_refused_and_opens_no_second_socket() {
    let server = faulty(StreamFault::Silent).await;
    let connection = connection_to(&server);
    connection.start_connect(&ConnectOptions::default(), None).unwrap();
    assert_invalid_state(connection.start_connect(&ConnectOptions::default(), None), "connecting");
    within("the first socket", async {
        while server.connections() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    within("the disconnect", connection.disconnect()).await.unwrap();
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn connect_while_connected_is_refused_and_leaves_the_session_alone() {
    let server = server().await;
    let connection = connection_to(&server);
    let jid = within("the connection", connection.connect()).await.unwrap();
    assert_invalid_state(connection.start_connect(&ConnectOptions::default(), None), "connected");
    assert_eq!(server.sessions(), [jid]);
}

#[tokio::test]
async fn connect_while_disconnecting_is_refused() {
    let server = faulty(StreamFault::NoClose).await;
    let connection = connection_to(&server);
    within("the connection", connection.connect()).await.unwrap();
    connection.start_disconnect(None).unwrap();
    assert_invalid_state(connection.start_connect(&ConnectOptions::default(), None), "disconnecting");
}

#[tokio::test]
async fn connect_is_allowed_from_the_moment_of_the_failure() {
    let server = faulty(StreamFault::Close).await;
    let connection = connection_to(&server);
    let mut events = connection.events();
    connection.start_connect(&ConnectOptions::default(), None).unwrap();
    assert!(matches!(next(&mut events).await, Event::ConnectionFailed(_)));
    server.set_faults(jitsimeet_testserver::Faults::default());
    within("the second attempt", connection.connect()).await.unwrap();
}

#[tokio::test]
async fn disconnect_of_an_idle_connection_resolves_without_an_event() {
    let server = server().await;
    let connection = connection_to(&server);
    let mut events = connection.events();
    within("the disconnect", connection.disconnect()).await.unwrap();
    assert_eq!(events.next().now_or_never(), None);
}

#[tokio::test]
async fn disconnect_while_connecting_aborts_the_attempt() {
    let server = faulty(StreamFault::Silent).await;
    let connection = connection_to(&server);
    let mut events = connection.events();
    let attempt = connection.connect();
    let abort = async { connection.disconnect().await };
    let (attempt, abort) = within("both calls", async { futures_util::join!(attempt, abort) }).await;
    assert_eq!(attempt.unwrap_err().status(), Status::Aborted);
    abort.unwrap();
    assert_eq!(next(&mut events).await, Event::ConnectionDisconnected { message: None });
    drop(connection);
    assert_eq!(within("the end", events.next()).await, None, "an attempt ends once");
}

#[tokio::test]
async fn a_second_disconnect_joins_the_first() {
    let server = server().await;
    let connection = connection_to(&server);
    let mut events = connection.events();
    within("the connection", connection.connect()).await.unwrap();
    let both = async { futures_util::join!(connection.disconnect(), connection.disconnect()) };
    let (first, second) = within("both calls", both).await;
    first.unwrap();
    second.unwrap();
    assert!(matches!(next(&mut events).await, Event::ConnectionEstablished { .. }));
    assert_eq!(next(&mut events).await, Event::ConnectionDisconnected { message: None });
    drop(connection);
    assert_eq!(within("the end", events.next()).await, None);
}

#[tokio::test]
async fn disconnect_gives_up_on_a_server_that_does_not_close() {
    let server = faulty(StreamFault::NoClose).await;
    let mut options = options(&server.service_url(), server.domain());
    options.set("disconnectTimeout", 50).unwrap();
    let connection = JitsiConnection::new(None, None, &options).unwrap();
    within("the connection", connection.connect()).await.unwrap();
    within("the disconnect", connection.disconnect()).await.unwrap();
}

#[tokio::test]
async fn dropping_the_future_of_connect_is_disconnect() {
    let server = faulty(StreamFault::Silent).await;
    let connection = connection_to(&server);
    let mut events = connection.events();
    assert!(connection.connect().now_or_never().is_none());
    assert_eq!(next(&mut events).await, Event::ConnectionDisconnected { message: None });
}

#[test]
fn options_are_checked_at_construction() {
    let cases = [
        (Options::new(), "option `serviceUrl`: required"),
        (options("meet.example", "d"), "option `serviceUrl`: not a URL: relative URL without a base"),
        (options("ftp://h/", "d"), "option `serviceUrl`: the scheme must be ws, wss, http or https, got ftp"),
        (options("ws://h/", ""), "option `hosts.domain`: not a domain name"),
        (options("ws://h/", "a b@c"), "option `hosts.domain`: not a domain name"),
    ];
    for (options, expected) in cases {
        let error = JitsiConnection::new(None, None, &options).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
        assert_eq!(error.status(), Status::InvalidOption);
    }
    let mut options = options("ws://h/", "d");
    options.set("tls.caCertificates", "not PEM").unwrap();
    let error = JitsiConnection::new(None, None, &options).unwrap_err();
    assert_eq!(error.to_string(), "option `tls.caCertificates`: holds no certificate in PEM form");
}

#[tokio::test]
async fn guests_without_a_token_use_the_anonymous_domain() {
    let server = server().await;
    let mut options = options(&server.service_url(), "accounts.example");
    options.set("hosts.anonymousdomain", server.domain()).unwrap();
    let guest = JitsiConnection::new(None, None, &options).unwrap();
    within("the guest's connection", guest.connect()).await.unwrap();

    let with_token = JitsiConnection::new(None, Some("token"), &options).unwrap();
    let error = within("the failure", with_token.connect()).await.unwrap_err();
    let Error::ConnectionFailed(failure) = error else { panic!("{error}") };
    assert_eq!(failure.code, Code::StreamError, "accounts.example is unknown to this server");
}
