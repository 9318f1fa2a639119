//! BOSH against the embedded server and its faults.

mod common;

use std::collections::HashMap;

use common::{failure, next, options, server, within};
use jitsimeet::{Code, ConnectOptions, Error, ErrorType, Event, Events, JitsiConnection, Milestone, Options};
use jitsimeet_testproxy::TestProxy;
use jitsimeet_testserver::{Faults, Order, TestServer, UpgradeFault};
use serde_json::json;

fn bosh(server: &TestServer) -> Options {
    let mut options = options(&server.bosh_url(), server.domain());
    options.merge(json!({ "httpTimeout": 400 })).unwrap();
    options
}

fn connection(options: &Options) -> JitsiConnection {
    JitsiConnection::new(None, None, options).expect("complete options")
}

async fn connect(server: &TestServer) -> (JitsiConnection, Events, String) {
    let connection = connection(&bosh(server));
    connection.set_stanza_listening(true).unwrap();
    let mut events = connection.events();
    let jid = within("the connection", connection.connect()).await.unwrap();
    while !matches!(next(&mut events).await, Event::ConnectionEstablished { .. }) {}
    (connection, events, jid)
}

/// The ids of the messages that come, up to the last of so many.
async fn messages(events: &mut Events, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    while ids.len() < count {
        if let Event::StanzaReceived(stanza) = next(events).await
            && stanza.name() == "message"
        {
            ids.extend(stanza.id().map(ToOwned::to_owned));
        }
    }
    ids
}

fn message(id: &str) -> String {
    format!("<message xmlns='jabber:client' id='{id}'/>")
}

fn bodies(server: &TestServer) -> Vec<String> {
    let requests = server.requests().into_iter();
    requests.filter(|request| request.method == "POST").map(|request| request.body).collect()
}

async fn failed(events: &mut Events) -> jitsimeet::Failure {
    loop {
        if let Event::ConnectionFailed(failure) = next(events).await {
            return *failure;
        }
    }
}

#[tokio::test]
async fn a_session_takes_four_requests_and_is_terminated_for_real() {
    let server = server().await;
    let proxy = TestProxy::start(server.port()).await.unwrap();
    let mut options = bosh(&server);
    options.set("serviceUrl", format!("http://127.0.0.1:{}/http-bind?key=1", proxy.port())).unwrap();
    options.set("name", "daily").unwrap();
    let connection = connection(&options);
    let mut events = connection.events();
    let jid = within("the connection", connection.connect()).await.unwrap();
    let to_established = bodies(&server);
    let carries = |what: &str| to_established.iter().position(|body| body.contains(what));
    // As many as come behind the bind are of the session that is there.
    assert!(carries("urn:ietf:params:xml:ns:xmpp-bind") == Some(3), "{to_established:#?}");
    assert_eq!((carries("hold="), carries("<auth"), carries("xmpp:restart")), (Some(0), Some(1), Some(2)));
    assert!(server.requests().iter().all(|request| request.path == "/http-bind?key=1&room=daily"));
    assert_eq!(server.sessions(), std::slice::from_ref(&jid));
    // TCP, creation, authentication, restart with bind.
    assert_eq!(connection.connection_times().round_trips(), Some(4));
    assert_eq!(connection.connection_times().get(Milestone::Upgrade), None);
    assert!(proxy.seen().len() <= 2, "connections are kept");

    within("the disconnect", connection.disconnect()).await.unwrap();
    while !matches!(next(&mut events).await, Event::ConnectionDisconnected { .. }) {}
    assert_eq!(server.sessions(), [""; 0]);
    let last = bodies(&server).pop().unwrap();
    assert!(last.contains("type='terminate'") && last.contains("type='unavailable'"), "{last}");
    within("another connection", connection.connect()).await.unwrap();
}

#[tokio::test]
async fn every_login_works_and_step_by_step_too() {
    let server = TestServer::start(jitsimeet_testserver::Options {
        accounts: HashMap::from([("user".to_owned(), "pencil".to_owned())]),
        token_secret: Some("secret".to_owned()),
        tls: true,
        ..Default::default()
    })
    .await
    .unwrap();
    for pipelining in ["auto", "off"] {
        let mut options = bosh(&server);
        options.set("tls.caCertificates", server.ca_certificate().unwrap()).unwrap();
        options.set("transport.pipelining", pipelining).unwrap();
        // As much of it as is behind the scenes may take its time.
        options.set("httpTimeout", 10_000).unwrap();
        let account = connection(&options);
        let login = ConnectOptions::account("user", "pencil");
        let jid = within("the account", account.connect_with(login)).await.unwrap();
        assert!(jid.starts_with("user@"), "{jid}");
        // Over TLS the password may be shown.
        options.set("sasl.mechanisms", json!(["PLAIN"])).unwrap();
        let plain = connection(&options);
        let login = ConnectOptions::account("user", "pencil");
        within("the account by PLAIN", plain.connect_with(login)).await.unwrap();
        options.set("sasl.mechanisms", json!(["ANONYMOUS"])).unwrap();
        let token = jitsimeet_testserver::token("secret");
        let guest = JitsiConnection::new(None, Some(&token), &options).unwrap();
        let first = within("the token", guest.connect()).await.unwrap();
        // There is nothing to resume: a fresh login on the same object.
        within("the refresh", guest.refresh_token(&token)).await.unwrap();
        assert_ne!(guest.jid(), Some(first));
    }
}

#[tokio::test]
async fn what_is_lost_late_or_out_of_order_is_neither_lost_nor_doubled() {
    let server = server().await;
    let (connection, mut events, jid) = connect(&server).await;
    let orders = [Order::LoseAnswer, Order::DelayAnswer { milliseconds: 50 }, Order::SwapAnswers, Order::Cut];
    for order in orders.iter().cycle().take(12) {
        server.order(order);
        for id in ["one", "two"] {
            assert!(server.deliver(&jid, message(id)));
            let round_trip = within("the ping", connection.ping(None)).await;
            assert!(round_trip.is_ok(), "{order:?}: {round_trip:?}");
        }
        assert_eq!(messages(&mut events, 2).await, ["one", "two"], "{order:?}");
    }
    // To itself, by the server.
    let own: Vec<_> = (0..40).map(|number| number.to_string()).collect();
    let sending = own.iter().enumerate().map(|(number, id)| {
        if number % 10 == 5 {
            server.order(&orders[number / 10]);
        }
        let (connection, stanza) = (connection.clone(), format!("<message to='{jid}' id='{id}'/>"));
        tokio::spawn(async move { connection.send_stanza(&stanza).await })
    });
    let sent = sending.collect::<Vec<_>>();
    for outcome in sent {
        within("the outcome", outcome).await.unwrap().unwrap();
    }
    assert_eq!(messages(&mut events, own.len()).await, own);
}

#[tokio::test]
async fn stanzas_written_together_go_out_together_and_in_order() {
    let server = server().await;
    let (connection, mut events, jid) = connect(&server).await;
    within("the end of the discovery", connection.ping(None)).await.unwrap();
    let before = bodies(&server).len();
    let own: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    for id in &own {
        connection.start_send_stanza(&format!("<message to='{jid}' id='{id}'/>"), None).unwrap();
    }
    assert_eq!(messages(&mut events, own.len()).await, own);
    let requests = bodies(&server).len() - before;
    assert!(requests <= 30, "{requests} requests for {} stanzas", own.len());
}

#[tokio::test]
async fn long_stanzas_go_both_ways_and_compressed() {
    let server = server().await;
    let (connection, mut events, jid) = connect(&server).await;
    let text = "\u{20ac}".repeat(50_000);
    let stanza = format!("<message to='{jid}' id='long'><body>{text}</body></message>");
    within("the stanza", connection.send_stanza(&stanza)).await.unwrap();
    loop {
        if let Event::StanzaReceived(stanza) = next(&mut events).await
            && stanza.name() == "message"
        {
            assert!(stanza.xml().contains(&text));
            break;
        }
    }
}

#[tokio::test]
async fn a_server_that_is_gone_and_back_is_not_missed() {
    let server = server().await;
    let proxy = TestProxy::start(server.port()).await.unwrap();
    let mut options = bosh(&server);
    options.set("serviceUrl", format!("http://127.0.0.1:{}/http-bind", proxy.port())).unwrap();
    options.set("httpTimeout", 15_000).unwrap();
    let connection = connection(&options);
    connection.set_stanza_listening(true).unwrap();
    let mut events = connection.events();
    let jid = within("the connection", connection.connect()).await.unwrap();
    proxy.set_refusing(true);
    proxy.cut();
    assert!(server.deliver(&jid, message("meanwhile")));
    let asking = connection.clone();
    let ping = tokio::spawn(async move { asking.ping(None).await });
    // It has tried, and was refused.
    let tried = proxy.seen().len();
    within("an attempt", async {
        while proxy.seen().len() < tried + 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    proxy.set_refusing(false);
    within("the answer", ping).await.unwrap().unwrap();
    assert_eq!(messages(&mut events, 1).await, ["meanwhile"]);
    assert_eq!(connection.jid(), Some(jid));
}

#[tokio::test]
async fn failures_have_a_name() {
    let server = server().await;
    let refused =
        |status| Faults { upgrade: Some(UpgradeFault::Refuse), status: Some(status), ..Faults::default() };
    let cases = [
        (refused(404), ErrorType::OtherError, Code::HttpStatus, Some(404), false),
        (refused(302), ErrorType::OtherError, Code::HttpStatus, Some(302), false),
        (refused(502), ErrorType::ServerError, Code::HttpStatus, Some(502), true),
        (
            Faults { upgrade: Some(UpgradeFault::WebPage), ..Faults::default() },
            ErrorType::OtherError,
            Code::NotBosh,
            None,
            false,
        ),
        (
            Faults { upgrade: Some(UpgradeFault::NotHttp), ..Faults::default() },
            ErrorType::OtherError,
            Code::NotBosh,
            None,
            false,
        ),
        (
            Faults { upgrade: Some(UpgradeFault::Silent), ..Faults::default() },
            ErrorType::OtherError,
            Code::GivingUp,
            None,
            true,
        ),
    ];
    for (faults, error_type, code, status, transient) in cases {
        server.set_faults(faults.clone());
        let failure = failure(&bosh(&server)).await;
        let got = (failure.error_type, failure.code, failure.http_status, failure.transient);
        assert_eq!(got, (error_type, code, status, transient), "{faults:?}: {}", failure.message);
    }
    let retried = server.requests().iter().filter(|request| request.path == "/http-bind").count();
    assert!(retried > 3, "a server error is tried again: {retried}");
}

#[tokio::test]
async fn an_unreachable_server_is_given_up() {
    let mut options = options("http://127.0.0.1:1/http-bind", "meet.example");
    options.set("httpTimeout", 400).unwrap();
    let failure = failure(&options).await;
    assert_eq!((failure.error_type, failure.code), (ErrorType::OtherError, Code::GivingUp));
    assert!(failure.message.contains("refused the connection"), "{}", failure.message);
    // A session that is there is dropped, for the same reason.
    let server = server().await;
    let (_connection, mut events, _) = connect(&server).await;
    drop(server);
    let failure = failed(&mut events).await;
    assert_eq!((failure.error_type, failure.code), (ErrorType::DroppedError, Code::GivingUp));
}

#[tokio::test]
async fn a_server_error_in_the_session_is_tried_again_and_then_said() {
    let server = server().await;
    let faults =
        |status| Faults { upgrade: Some(UpgradeFault::Refuse), status: Some(status), ..Faults::default() };
    // Long enough for this test to see the first failure and mend the server.
    let mut options = bosh(&server);
    options.set("httpTimeout", 3000).unwrap();
    let connection = connection(&options);
    let mut events = connection.events();
    within("the connection", connection.connect()).await.unwrap();
    let before = bodies(&server).len();
    server.set_faults(faults(502));
    server.order(&Order::Cut);
    server.requested(before as u64 + 1).await;
    server.set_faults(Faults::default());
    within("the ping", connection.ping(None)).await.unwrap();

    server.set_faults(faults(502));
    server.order(&Order::Cut);
    let failure = failed(&mut events).await;
    let got = (failure.error_type, failure.code, failure.http_status);
    assert_eq!(got, (ErrorType::ServerError, Code::HttpStatus, Some(502)));

    server.set_faults(Faults::default());
    let (_connection, mut events, _) = connect(&server).await;
    server.set_faults(faults(404));
    server.order(&Order::Cut);
    let failure = failed(&mut events).await;
    assert_eq!(failure.condition.as_deref(), Some("item-not-found"));
    assert_eq!(failure.http_status, Some(404));
}

#[tokio::test]
async fn the_server_ends_the_session() {
    let server = server().await;
    for condition in
        ["host-gone", "item-not-found", "policy-violation", "system-shutdown", "undefined-condition"]
    {
        let (_connection, mut events, _) = connect(&server).await;
        server.order(&Order::Terminate { condition: Some(condition.to_owned()) });
        let failure = failed(&mut events).await;
        assert_eq!((failure.error_type, failure.code), (ErrorType::DroppedError, Code::StreamError));
        assert_eq!(failure.condition.as_deref(), Some(condition));
    }
    let (_connection, mut events, _) = connect(&server).await;
    server.order(&Order::Terminate { condition: None });
    assert_eq!(failed(&mut events).await.code, Code::ClosedByServer);
    let (_connection, mut events, _) = connect(&server).await;
    server.order(&Order::StreamError { condition: "conflict".to_owned() });
    let failure = failed(&mut events).await;
    assert_eq!((failure.code, failure.condition.as_deref()), (Code::StreamError, Some("conflict")));
}

#[tokio::test]
async fn a_forgotten_session_is_replaced_if_that_is_wanted() {
    let server = server().await;
    let mut options = bosh(&server);
    options.set("reconnect", json!({})).unwrap();
    let connection = connection(&options);
    let mut events = connection.events();
    within("the connection", connection.connect()).await.unwrap();
    assert!(matches!(next(&mut events).await, Event::ConnectionEstablished { .. }));
    server.order(&Order::Restart);
    loop {
        match next(&mut events).await {
            Event::ConnectionEstablished { reconnected, .. } => break assert!(reconnected),
            Event::ConnectionFailed(failure) => panic!("{failure}"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn what_the_server_may_not_send_ends_the_session() {
    let server = server().await;
    let cases = [
        (Order::Malformed, Code::MalformedXml),
        (Order::InvalidUtf8, Code::ProtocolViolation),
        (Order::Oversize { bytes: 60_000 }, Code::StanzaTooLarge),
    ];
    for (order, code) in cases {
        let mut options = bosh(&server);
        options.set("transport.maxStanzaBytes", 50_000).unwrap();
        let connection = connection(&options);
        let mut events = connection.events();
        within("the connection", connection.connect()).await.unwrap();
        server.order(&order);
        let failure = failed(&mut events).await;
        assert_eq!((failure.error_type, failure.code), (ErrorType::DroppedError, code), "{order:?}");
        assert!(!failure.transient);
    }
}

#[tokio::test]
async fn a_slow_listener_holds_the_server_back() {
    let server = server().await;
    let mut options = bosh(&server);
    options.merge(json!({ "eventQueue": { "maxEvents": 100 } })).unwrap();
    let connection = connection(&options);
    connection.set_stanza_listening(true).unwrap();
    let mut events = connection.events();
    within("the connection", connection.connect()).await.unwrap();
    server.order(&Order::Flood { bytes: 100 });
    within("a full queue", async {
        while connection.statistics().queued_events < 100 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let requests = bodies(&server).len();
    assert!(messages_of_any_id(&mut events, 500).await);
    assert!(bodies(&server).len() > requests, "it goes on when there is room");
    assert!(connection.statistics().queued_events < 300);
}

async fn messages_of_any_id(events: &mut Events, count: usize) -> bool {
    let mut seen = 0;
    while seen < count {
        seen += usize::from(matches!(next(events).await, Event::StanzaReceived(_)));
    }
    true
}

#[tokio::test]
async fn a_dropped_connection_is_terminated_in_the_background() {
    let server = server().await;
    let (connection, events, _) = connect(&server).await;
    drop((connection, events));
    within("the end of the session", async {
        while !server.sessions().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_attempt_that_is_given_up_leaves_no_session() {
    let server = server().await;
    let connection = connection(&bosh(&server));
    connection.start_connect(&ConnectOptions::default(), None).unwrap();
    within("the first request", server.requested(1)).await;
    within("the disconnect", connection.disconnect()).await.unwrap();
    within("the end of the session", async {
        let ended = || bodies(&server).last().is_some_and(|body| body.contains("type='terminate'"));
        while !ended() || !server.sessions().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let outcome = within("a call", connection.ping(None)).await;
    assert_eq!(outcome, Err(Error::NotConnected));
}
