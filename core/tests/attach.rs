//! `attach` against the embedded server.

mod common;

use common::{next, options, server, within};
use jitsimeet::{AttachOptions, Code, Error, ErrorType, Event, JitsiConnection, Milestone, Status};
use jitsimeet_testserver::TestServer;
use serde_json::json;

fn connection_to(server: &TestServer) -> JitsiConnection {
    let mut options = options(&server.bosh_url(), server.domain());
    options.merge(json!({ "httpTimeout": 400, "websocketKeepAlive": -1, "reconnect": {} })).unwrap();
    JitsiConnection::new(None, None, &options).expect("complete options")
}

#[tokio::test]
async fn a_session_that_someone_else_has_bound_goes_on() {
    let server = server().await;
    let prebound = server.prebind(None).expect("guests may log in");
    let connection = connection_to(&server);
    connection.set_stanza_listening(true).unwrap();
    let mut events = connection.events();
    let options = AttachOptions::new(&prebound.jid, &prebound.sid, prebound.rid);
    let jid = within("the session", connection.attach(options)).await.unwrap();
    assert_eq!(jid, prebound.jid);
    let (_, resource) = jid.split_once('/').unwrap();
    let established =
        Event::ConnectionEstablished { id: resource.to_owned(), resumed: false, reconnected: false };
    assert_eq!(next(&mut events).await, established);
    let first = server.requests()[0].body.clone();
    assert!(first.contains(&format!("rid='{}'", prebound.rid + 1)), "{first}");
    assert!(!server.requests().iter().any(|request| request.body.contains("<auth")));
    let times = connection.connection_times();
    assert!(times.get(Milestone::Attaching) <= times.get(Milestone::Attached));
    assert_eq!((times.get(Milestone::Connecting), times.get(Milestone::Connected)), (None, None));

    assert!(server.deliver(&jid, "<message xmlns='jabber:client' id='1'/>"));
    while !matches!(next(&mut events).await, Event::StanzaReceived(stanza) if stanza.id() == Some("1")) {}
    within("the ping", connection.ping(None)).await.unwrap();

    within("the disconnect", connection.disconnect()).await.unwrap();
    assert_eq!(server.sessions(), [""; 0], "it is terminated for real");
}

#[tokio::test]
async fn a_session_that_the_server_does_not_know_fails_once() {
    let server = server().await;
    let prebound = server.prebind(None).unwrap();
    // A wrong sid, and a rid that is not the next.
    for (sid, rid) in [("wrong", prebound.rid), (prebound.sid.as_str(), prebound.rid + 50)] {
        let connection = connection_to(&server);
        let mut events = connection.events();
        let outcome = within("the end", connection.attach(AttachOptions::new(&prebound.jid, sid, rid))).await;
        let Err(Error::ConnectionFailed(failure)) = outcome else { panic!("{outcome:?}") };
        assert_eq!((failure.error_type, failure.code), (ErrorType::OtherError, Code::StreamError));
        assert_eq!(failure.condition.as_deref(), Some("item-not-found"));
        assert_eq!(failure.jid.as_deref(), Some(prebound.jid.as_str()));
        assert_eq!(next(&mut events).await, Event::ConnectionFailed(failure));
    }
}

#[tokio::test]
async fn what_cannot_be_attached_to_is_an_error_of_the_call() {
    let server = server().await;
    let good = AttachOptions::new("guest@meet.example/r", "sid", 1);
    let options = options(&server.service_url(), server.domain());
    let websocket = JitsiConnection::new(None, None, &options).unwrap();
    let error = within("the call", websocket.attach(good.clone())).await.unwrap_err();
    assert_eq!(error.status(), Status::UnsupportedTransport);

    let connection = connection_to(&server);
    let mut bad = good.clone();
    bad.rid = "next".to_owned();
    let error = within("the call", connection.attach(bad)).await.unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument);
    assert!(error.to_string().contains("`rid`"), "{error}");

    within("the connection", connection.connect()).await.unwrap();
    let error = within("the call", connection.attach(good)).await.unwrap_err();
    assert_eq!(error, Error::InvalidState { call: "attach", state: "connected" });
    assert_eq!(server.requests().iter().filter(|request| request.body.contains("sid='sid'")).count(), 0);
}

#[tokio::test]
async fn nothing_else_goes_on_while_attaching() {
    let server = server().await;
    let prebound = server.prebind(None).unwrap();
    let connection = connection_to(&server);
    let options = AttachOptions::new(&prebound.jid, &prebound.sid, prebound.rid);
    connection.start_attach(&options, None).unwrap();
    let error = within("the call", connection.connect()).await.unwrap_err();
    assert_eq!(error, Error::InvalidState { call: "connect", state: "connecting" });
    within("the disconnect", connection.disconnect()).await.unwrap();
}
