//! Every way an attempt fails: one event, one code, and a message that says where to look.

mod common;

use std::net::Ipv4Addr;

use common::{assert_failure, failure, faulty, next, options, server, within};
use jitsimeet::{Code, Error, ErrorType, Event, JitsiConnection, Options};
use jitsimeet_testserver::{Faults, Order, StreamFault, TestServer, UpgradeFault};
use tokio::net::TcpListener;

async fn upgrade_fault(fault: UpgradeFault, status: Option<u16>) -> TestServer {
    let server = server().await;
    server.set_faults(Faults { upgrade: Some(fault), status, ..Faults::default() });
    server
}

fn options_of(server: &TestServer) -> Options {
    options(&server.service_url(), server.domain())
}

#[tokio::test]
async fn nothing_listens() {
    let port = {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let failure = failure(&options(&format!("ws://127.0.0.1:{port}/x"), "meet.example")).await;
    let address = format!("127.0.0.1:{port}");
    assert_failure(&failure, ErrorType::OtherError, Code::Refused, true, &[&address, "refused"]);
}

#[tokio::test]
async fn the_name_is_unknown() {
    // RFC 6761, section 6.4: never resolves.
    let failure = failure(&options("ws://nowhere.invalid/x", "meet.example")).await;
    assert_failure(&failure, ErrorType::OtherError, Code::Dns, true, &["nowhere.invalid", "serviceUrl"]);
}

#[tokio::test]
async fn what_answers_does_not_speak_http() {
    let server = upgrade_fault(UpgradeFault::NotHttp, None).await;
    let failure = failure(&options_of(&server)).await;
    assert_failure(&failure, ErrorType::OtherError, Code::NotWebsocket, false, &["does not speak WebSocket"]);
}

#[tokio::test]
async fn what_answers_is_a_web_page() {
    let server = upgrade_fault(UpgradeFault::WebPage, None).await;
    let failure = failure(&options_of(&server)).await;
    assert_failure(&failure, ErrorType::OtherError, Code::NotWebsocket, false, &["HTTP 200"]);
}

#[tokio::test]
async fn the_path_is_wrong() {
    let server = upgrade_fault(UpgradeFault::Refuse, Some(404)).await;
    let failure = failure(&options_of(&server)).await;
    assert_failure(&failure, ErrorType::OtherError, Code::HttpStatus, false, &["HTTP 404", "path"]);
    assert_eq!(failure.http_status, Some(404));
}

#[tokio::test]
async fn the_server_is_overloaded() {
    let server = upgrade_fault(UpgradeFault::Refuse, Some(503)).await;
    let failure = failure(&options_of(&server)).await;
    assert_failure(&failure, ErrorType::ServerError, Code::HttpStatus, true, &["HTTP 503"]);
}

#[tokio::test]
async fn the_subprotocol_is_not_accepted() {
    let server = upgrade_fault(UpgradeFault::NoSubprotocol, None).await;
    let failure = failure(&options_of(&server)).await;
    assert_failure(&failure, ErrorType::OtherError, Code::BadSubprotocol, false, &["RFC 7395"]);
}

#[tokio::test]
async fn the_server_accepts_and_says_nothing() {
    let server = upgrade_fault(UpgradeFault::Silent, None).await;
    let mut options = options_of(&server);
    options.set("transport.connectTimeout", 50).unwrap();
    let failure = failure(&options).await;
    assert_failure(
        &failure,
        ErrorType::OtherError,
        Code::TimeoutConnect,
        true,
        &["50 ms", "transport.connectTimeout"],
    );
}

#[tokio::test]
async fn the_server_upgrades_and_says_nothing() {
    let server = faulty(StreamFault::Silent).await;
    let mut options = options_of(&server);
    options.set("loginTimeout", 50).unwrap();
    let failure = failure(&options).await;
    assert_failure(
        &failure,
        ErrorType::OtherError,
        Code::TimeoutLogin,
        true,
        &["50 ms", "loginTimeout", "<open/>"],
    );
}

#[tokio::test]
async fn the_authority_is_not_trusted() {
    let server = tls_server().await;
    let failure = failure(&options_of(&server)).await;
    assert_failure(&failure, ErrorType::OtherError, Code::TlsCertificate, false, &["tls.caCertificates"]);
}

#[tokio::test]
async fn the_certificate_is_for_another_name() {
    let server = tls_server().await;
    let mut options = options(&format!("wss://127.0.0.1:{}/x", server.port()), server.domain());
    options.set("tls.caCertificates", server.ca_certificate()).unwrap();
    let failure = failure(&options).await;
    assert_failure(&failure, ErrorType::OtherError, Code::TlsCertificate, false, &["not for 127.0.0.1"]);
}

#[tokio::test]
async fn the_port_does_not_speak_tls() {
    let server = upgrade_fault(UpgradeFault::NotHttp, None).await;
    let failure = failure(&options(&format!("wss://127.0.0.1:{}/x", server.port()), server.domain())).await;
    assert_failure(&failure, ErrorType::OtherError, Code::TlsHandshake, false, &["speaks TLS"]);
}

#[tokio::test]
async fn a_trusted_certificate_is_accepted() {
    let server = tls_server().await;
    let mut options = options_of(&server);
    options.set("tls.caCertificates", server.ca_certificate()).unwrap();
    let connection = JitsiConnection::new(None, None, &options).unwrap();
    within("the connection", connection.connect()).await.unwrap();
    assert!(connection.connection_times().get(jitsimeet::Milestone::Tls).is_some());
}

async fn tls_server() -> TestServer {
    let options = jitsimeet_testserver::Options { tls: true, ..Default::default() };
    TestServer::start(options).await.expect("a loopback server")
}

#[tokio::test]
async fn the_login_goes_wrong() {
    use Code as C;
    use ErrorType as T;
    let cases = [
        (StreamFault::Close, T::OtherError, C::ClosedByServer, true, "closed the connection"),
        (StreamFault::Cut, T::OtherError, C::ClosedByServer, true, "closed the connection"),
        (StreamFault::Malformed, T::DroppedError, C::MalformedXml, false, "not well-formed"),
        (StreamFault::Binary, T::DroppedError, C::ProtocolViolation, false, "binary frame"),
        (StreamFault::Large, T::DroppedError, C::StanzaTooLarge, false, "transport.maxStanzaBytes"),
        (StreamFault::Stanza, T::DroppedError, C::ProtocolViolation, false, "<message/>"),
        (StreamFault::HostUnknown, T::OtherError, C::StreamError, false, "host-unknown"),
        (StreamFault::NoAnonymous, T::PasswordRequired, C::NoMechanism, false, "offered: PLAIN"),
        (StreamFault::RefuseAuth, T::PasswordRequired, C::SaslFailure, false, "not-allowed (token required)"),
        (StreamFault::RefuseBind, T::OtherError, C::BindRefused, true, "resource-constraint"),
    ];
    for (fault, error_type, code, transient, says) in cases {
        let server = faulty(fault).await;
        let mut options = options_of(&server);
        options.set("transport.maxStanzaBytes", 10_000).unwrap();
        let failure = failure(&options).await;
        assert_failure(&failure, error_type, code, transient, &[says]);
    }
}

#[tokio::test]
async fn the_same_cause_is_the_same_failure_at_every_attempt() {
    for fault in
        [StreamFault::Cut, StreamFault::HostUnknown, StreamFault::RefuseAuth, StreamFault::RefuseBind]
    {
        let server = server().await;
        let connection = JitsiConnection::new(None, None, &options_of(&server)).unwrap();
        let mut seen = Vec::new();
        // Fresh, again, and after a session that was established.
        for attempt in 0..4 {
            if attempt == 2 {
                server.set_faults(Faults::default());
                within("the connection", connection.connect()).await.unwrap();
                within("the disconnect", connection.disconnect()).await.unwrap();
            }
            server.set_faults(Faults { stream: Some(fault), ..Faults::default() });
            let outcome = within("the failure", connection.connect()).await;
            let Err(Error::ConnectionFailed(failure)) = outcome else { panic!("{outcome:?}") };
            seen.push((failure.error_type, failure.code, failure.transient));
        }
        assert!(seen.iter().all(|failure| *failure == seen[0]), "{fault:?}: {seen:?}");
    }
}

#[tokio::test]
async fn the_server_text_and_condition_are_fields() {
    let server = faulty(StreamFault::RefuseAuth).await;
    let failure = failure(&options_of(&server)).await;
    assert_eq!(failure.condition.as_deref(), Some("not-allowed"));
    assert_eq!(failure.server_text.as_deref(), Some("token required"));
}

#[tokio::test]
async fn an_established_session_that_the_server_closes_is_dropped() {
    let server = server().await;
    let connection = common::connection_to(&server);
    let mut events = connection.events();
    let jid = within("the connection", connection.connect()).await.unwrap();
    next(&mut events).await;
    server.order(&Order::Close);
    let Event::ConnectionFailed(failure) = next(&mut events).await else {
        panic!("the session should be lost")
    };
    assert_failure(&failure, ErrorType::DroppedError, Code::ClosedByServer, true, &[]);
    assert_eq!(failure.jid, Some(jid));
}

#[tokio::test]
async fn a_message_never_shows_the_token_or_the_userinfo_of_the_url() {
    let server = upgrade_fault(UpgradeFault::Refuse, Some(503)).await;
    let url = format!("ws://user:canary-userinfo@127.0.0.1:{}/x?secret=canary-query", server.port());
    let connection =
        JitsiConnection::new(None, Some("canary-token"), &options(&url, "meet.example")).unwrap();
    let error = within("the failure", connection.connect()).await.unwrap_err();
    let shown = format!("{error} {error:?} {connection:?}");
    assert!(!shown.contains("canary"), "{shown}");
}
