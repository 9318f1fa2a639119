//! Accounts, stanzas, and sessions that outlive their transport, against the embedded server.

mod common;

use std::collections::HashMap;
use std::time::Duration;

use common::{connection_to, next, options, server, within};
use jitsimeet::{Code, ConnectOptions, Error, ErrorType, Event, Events, JitsiConnection, Options};
use jitsimeet_testproxy::Tunnel;
use jitsimeet_testserver::{Faults, Order, ResumeFault, TestServer};
use serde_json::json;

async fn server_with_account() -> TestServer {
    let accounts = HashMap::from([("user".to_owned(), "pencil".to_owned())]);
    let options = jitsimeet_testserver::Options { accounts, ..Default::default() };
    TestServer::start(options).await.expect("a loopback server")
}

fn connect_with(server: &TestServer, more: serde_json::Value) -> JitsiConnection {
    let mut options = options(&server.service_url(), server.domain());
    options.merge(more).unwrap();
    JitsiConnection::new(None, None, &options).unwrap()
}

async fn established(connection: &JitsiConnection) -> (Events, String) {
    let mut events = connection.events();
    let jid = within("the connection", connection.connect()).await.unwrap();
    next(&mut events).await;
    (events, jid)
}

async fn resumed(events: &mut Events) -> (u32, usize) {
    let Event::Interrupted { .. } = next(events).await else { panic!("the loss should be told first") };
    let Event::Resumed { attempts, resent, .. } = next(events).await else {
        panic!("the session should resume")
    };
    let Event::ConnectionEstablished { resumed: true, .. } = next(events).await else {
        panic!("established again")
    };
    (attempts, resent)
}

#[tokio::test]
async fn an_account_logs_in_by_the_strongest_mechanism_on_offer() {
    for mechanisms in [&["SCRAM-SHA-1"][..], &["SCRAM-SHA-256", "PLAIN"], &["SCRAM-SHA-256", "SCRAM-SHA-1"]] {
        let server = server_with_account().await;
        let mechanisms = Some(mechanisms.iter().map(|name| (*name).to_owned()).collect());
        server.set_faults(Faults { mechanisms, ..Faults::default() });
        let connection = connection_to(&server);
        let account = ConnectOptions::account("user", "pencil");
        let jid = within("the connection", connection.connect_with(account)).await.unwrap();
        assert!(jid.starts_with("user@meet.example/"), "{jid}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_a_final_failure() {
    let server = server_with_account().await;
    let account = ConnectOptions::account("user@meet.example/desk", "wrong-canary");
    let outcome = within("the failure", connection_to(&server).connect_with(account)).await;
    let Err(Error::ConnectionFailed(failure)) = outcome else { panic!("{outcome:?}") };
    assert_eq!((failure.error_type, failure.code), (ErrorType::PasswordRequired, Code::SaslFailure));
    assert_eq!(failure.jid.as_deref(), Some("user@meet.example"));
    assert!(!format!("{failure:?}").contains("canary"));
}

#[tokio::test]
async fn a_full_jid_gets_its_resource() {
    let server = server_with_account().await;
    let account = ConnectOptions::account("user@meet.example/desk", "pencil");
    let jid = within("the connection", connection_to(&server).connect_with(account)).await.unwrap();
    assert_eq!(jid, "user@meet.example/desk");
}

#[tokio::test]
async fn a_login_takes_four_round_trips_and_a_resume_three() {
    let server = server().await;
    let connection = connection_to(&server);
    let (mut events, _) = established(&connection).await;
    assert_eq!(connection.connection_times().round_trips(), Some(4));
    server.order(&Order::Cut);
    resumed(&mut events).await;
    assert_eq!(connection.connection_times().round_trips(), Some(3));
}

#[tokio::test]
async fn a_server_without_stream_management_is_remembered() {
    let server = server().await;
    server.set_faults(Faults { no_management: true, ..Faults::default() });
    let connection = connection_to(&server);
    let (mut events, _) = established(&connection).await;
    assert_eq!(server.connections(), 2, "the first login found out");
    within("the disconnect", connection.disconnect()).await.unwrap();
    assert!(matches!(next(&mut events).await, Event::ConnectionDisconnected { .. }));
    within("the second connection", connection_to(&server).connect()).await.unwrap();
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn no_stanza_is_lost_or_doubled_across_a_drop_either_way() {
    let server = server().await;
    let connection = connection_to(&server);
    connection.set_stanza_listening(true).unwrap();
    let (mut events, jid) = established(&connection).await;
    let peer = connection_to(&server);
    peer.set_stanza_listening(true).unwrap();
    let (mut peer_events, peer_jid) = established(&peer).await;

    let mut outcomes = Vec::new();
    for number in 0..20 {
        if number == 10 {
            server.order(&Order::Cut);
        }
        assert!(server.deliver(&jid, format!("<message xmlns='jabber:client' to='{jid}' id='in{number}'/>")));
        let message = format!("<message to='{peer_jid}' id='out{number}'/>");
        let connection = connection.clone();
        outcomes.push(tokio::spawn(async move { connection.send_stanza(&message).await }));
        tokio::task::yield_now().await;
    }
    for outcome in outcomes {
        within("every outcome", outcome).await.unwrap().unwrap();
    }
    assert_eq!(ids(&mut events, 20).await, (0..20).map(|n| format!("in{n}")).collect::<Vec<_>>());
    assert_eq!(ids(&mut peer_events, 20).await, (0..20).map(|n| format!("out{n}")).collect::<Vec<_>>());
}

async fn ids(events: &mut Events, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    while ids.len() < count {
        if let Event::StanzaReceived(stanza) = next(events).await {
            ids.push(stanza.id().unwrap_or_default().to_owned());
        }
    }
    ids
}

#[tokio::test]
async fn a_black_hole_is_found_by_ping_and_the_session_resumed() {
    let server = server().await;
    let ping = json!({ "xmppPing": { "interval": 50, "timeout": 50 } });
    let connection = connect_with(&server, ping);
    let (mut events, jid) = established(&connection).await;
    server.order(&Order::Stall);
    let Event::Interrupted { code, .. } = next(&mut events).await else { panic!("the link is dead") };
    assert_eq!(code, Code::PingTimeout);
    assert!(matches!(next(&mut events).await, Event::Resumed { .. }));
    assert_eq!(connection.jid(), Some(jid));
}

#[tokio::test]
async fn a_frame_that_takes_long_to_come_is_no_black_hole() {
    let server = server().await;
    let tunnel = Tunnel::start(None).await.unwrap();
    let proxy = format!("http://127.0.0.1:{}", tunnel.port());
    // Dead after 300 ms; the frame takes two seconds.
    let connection = connect_with(
        &server,
        json!({ "transport": { "proxy": proxy }, "xmppPing": { "interval": 100, "timeout": 100 } }),
    );
    connection.set_stanza_listening(true).unwrap();
    let (mut events, _) = established(&connection).await;
    tunnel.slow_down();
    server.order(&Order::Oversize { bytes: 6_000 });
    let Event::StanzaReceived(stanza) = next(&mut events).await else { panic!("the link is alive") };
    assert_eq!(stanza.xml().len(), 6_000);
}

#[tokio::test]
async fn a_refused_resume_is_dropped_and_the_object_connects_afresh() {
    let server = server().await;
    let connection = connection_to(&server);
    let (mut events, old) = established(&connection).await;
    server.order(&Order::Restart);
    assert!(matches!(next(&mut events).await, Event::Interrupted { .. }));
    let Event::ConnectionFailed(failure) = next(&mut events).await else { panic!("the session is gone") };
    assert_eq!((failure.error_type, failure.code), (ErrorType::DroppedError, Code::ResumeRefused));
    assert_eq!(failure.condition.as_deref(), Some("item-not-found"));
    let new = within("the connection", connection.connect()).await.unwrap();
    assert_ne!(old, new);
}

#[tokio::test]
async fn with_reconnect_a_restarted_server_is_come_back_to() {
    let server = server().await;
    let connection = connect_with(&server, json!({ "reconnect": { "maxAttempts": 5 } }));
    let (mut events, _) = established(&connection).await;
    server.order(&Order::Restart);
    loop {
        match next(&mut events).await {
            Event::Interrupted { .. } => {}
            Event::ConnectionEstablished { reconnected, resumed, .. } => {
                assert!(reconnected && !resumed);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_over_acknowledged_resume_is_final() {
    let server = server().await;
    let connection = connection_to(&server);
    let (mut events, _) = established(&connection).await;
    server.set_faults(Faults { resume: Some(ResumeFault::OverAcknowledge), ..Faults::default() });
    server.order(&Order::Cut);
    assert!(matches!(next(&mut events).await, Event::Interrupted { .. }));
    let Event::ConnectionFailed(failure) = next(&mut events).await else { panic!("broken") };
    assert_eq!(failure.code, Code::OverAcknowledged);
}

#[tokio::test]
async fn disconnect_while_away_resolves_at_once() {
    let server = server().await;
    let connection = connect_with(&server, json!({ "resume": { "minDelay": 10_000 } }));
    let (mut events, _) = established(&connection).await;
    server.set_faults(Faults { resume: Some(ResumeFault::Silent), ..Faults::default() });
    server.order(&Order::Cut);
    assert!(matches!(next(&mut events).await, Event::Interrupted { .. }));
    within("the disconnect", connection.disconnect()).await.unwrap();
    assert_eq!(next(&mut events).await, Event::ConnectionDisconnected { message: None });
}

#[tokio::test]
async fn a_request_is_answered_and_an_unknown_one_refused() {
    let server = server().await;
    let connection = connection_to(&server);
    let (_events, _) = established(&connection).await;
    let ping = "<iq type='get' to='meet.example'><ping xmlns='urn:xmpp:ping'/></iq>";
    let answer = within("the answer", connection.send_iq(ping, Some(Duration::MAX))).await.unwrap();
    assert!(answer.contains("result"), "{answer}");
    let unknown = "<iq type='get' to='meet.example'><q xmlns='urn:example'/></iq>";
    let answer = within("the answer", connection.send_iq(unknown, None)).await.unwrap();
    assert!(answer.contains("service-unavailable"), "{answer}");
}

#[tokio::test]
async fn a_listener_that_never_returns_costs_bounded_memory_and_the_session() {
    let server = server().await;
    let connection =
        connect_with(&server, json!({ "eventQueue": { "maxEvents": 100, "stallTimeout": 100 } }));
    connection.set_stanza_listening(true).unwrap();
    let (mut events, jid) = established(&connection).await;
    for number in 0..1_000 {
        server.deliver(&jid, format!("<message xmlns='jabber:client' id='{number}'/>"));
    }
    // Nothing is taken until the connection has given up.
    within("the end", async {
        while connection.jid().is_some()
            && connection.connection_times().get(jitsimeet::Milestone::Connfail).is_none()
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let Event::ConnectionFailed(failure) = next(&mut events).await else { panic!("the stanzas are freed") };
    assert_eq!((failure.error_type, failure.code), (ErrorType::DroppedError, Code::ListenerStalled));
}

#[tokio::test]
async fn a_slow_listener_gets_everything_in_order() {
    let server = server().await;
    let connection = connect_with(&server, json!({ "eventQueue": { "maxEvents": 10 } }));
    connection.set_stanza_listening(true).unwrap();
    let (mut events, jid) = established(&connection).await;
    for number in 0..1_000 {
        server.deliver(&jid, format!("<message xmlns='jabber:client' id='{number}'/>"));
    }
    assert_eq!(ids(&mut events, 1_000).await, (0..1_000).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_token_is_refreshed_on_the_living_session_and_a_bad_one_leaves_it_alone() {
    let secret = "secret";
    let options =
        jitsimeet_testserver::Options { token_secret: Some(secret.to_owned()), ..Default::default() };
    let server = TestServer::start(options).await.unwrap();
    let mut connection_options = Options::new();
    let tree = json!({ "serviceUrl": server.service_url(), "hosts": { "domain": server.domain() } });
    connection_options.merge(tree).unwrap();
    let good = jitsimeet_testserver::token(secret);
    let connection = JitsiConnection::new(None, Some(&good), &connection_options).unwrap();
    let (mut events, jid) = established(&connection).await;
    let error = within("the refusal", connection.refresh_token("bad")).await.unwrap_err();
    let Error::ConnectionFailed(failure) = error else { panic!("{error}") };
    assert_eq!(failure.server_text.as_deref(), Some("Invalid signature"));
    let ping = "<iq type='get' to='meet.example'><ping xmlns='urn:xmpp:ping'/></iq>";
    within("an answer on the old transport", connection.send_iq(ping, None)).await.unwrap();
    within("the disconnect", connection.disconnect()).await.unwrap();
    assert!(matches!(next(&mut events).await, Event::ConnectionDisconnected { .. }));
    let jid_before = jid;
    let jid = within("a connection with the old token", connection.connect()).await.unwrap();
    assert_ne!(jid, jid_before);
    assert!(matches!(next(&mut events).await, Event::ConnectionEstablished { .. }));
    within("the refresh", connection.refresh_token(&jitsimeet_testserver::token(secret))).await.unwrap();
    assert!(matches!(next(&mut events).await, Event::Resumed { .. }));
    assert_eq!(connection.jid(), Some(jid));

    let without = JitsiConnection::new(None, None, &connection_options).unwrap();
    let Err(Error::ConnectionFailed(failure)) = within("the refusal", without.connect()).await else {
        panic!()
    };
    assert_eq!(failure.server_text.as_deref(), Some("token required"));
}
