//! Through an HTTP proxy: the WebSocket, the keep-alive and the conference request alike.

mod common;

use common::tunnel::Tunnel;
use common::{next, options, within};
use data_encoding::BASE64;
use jitsimeet::{Code, ConnectOptions, Error, ErrorType, Event, JitsiConnection, Options};
use jitsimeet_testserver::{Deployment, Order, TestServer};
use serde_json::{Value, json};

async fn server(tls: bool) -> TestServer {
    let deployment = Deployment { shard: Some("shard-1".to_owned()), ..Deployment::default() };
    let options = jitsimeet_testserver::Options { tls, deployment, ..Default::default() };
    TestServer::start(options).await.expect("a loopback server")
}

fn through(tunnel: &Tunnel, server: &TestServer, more: Value) -> Options {
    let mut options = options(&server.service_url(), server.domain());
    options
        .merge(json!({ "transport": {
            "proxy": format!("http://me:secret@127.0.0.1:{}", tunnel.port), "headers": { "x-own": "value" }
        } }))
        .expect("right types");
    if let Some(certificate) = server.ca_certificate() {
        options.set("tls.caCertificates", certificate).expect("text");
    }
    options.merge(more).expect("right types");
    options
}

fn credentials() -> String {
    format!("Basic {}", BASE64.encode(b"me:secret"))
}

#[tokio::test]
async fn everything_goes_through_the_proxy_with_the_callers_headers() {
    for tls in [false, true] {
        let server = server(tls).await;
        let tunnel = Tunnel::start(Some(&credentials())).await;
        let url = json!({ "conferenceRequestUrl": server.conference_request_url() });
        let connection = JitsiConnection::new(None, None, &through(&tunnel, &server, url)).unwrap();
        let mut events = connection.events();
        let mut room = ConnectOptions::default();
        room.name = Some("daily".to_owned());
        within("the connection", connection.connect_with(room)).await.unwrap();
        assert!(matches!(next(&mut events).await, Event::ConnectionEstablished { .. }));
        server.order(&Order::Cut);
        // The conference request, two WebSockets, and the keep-alive at once behind the resume.
        within("the keep-alive", server.requested(4)).await;
        let seen = tunnel.seen();
        assert_eq!(seen.matches("CONNECT ").count(), 4, "{seen}");
        if !tls {
            assert_eq!(seen.matches("x-own: value\r\n").count(), 4, "{seen}");
            assert_eq!(seen.matches("GET /xmpp-websocket HTTP/1.1\r\n").count(), 1, "the keep-alive: {seen}");
        }
    }
}

#[tokio::test]
async fn a_proxy_that_wants_other_credentials_is_a_named_failure() {
    let server = server(false).await;
    let tunnel = Tunnel::start(Some("Basic other")).await;
    let connection = JitsiConnection::new(None, None, &through(&tunnel, &server, json!({}))).unwrap();
    let outcome = within("the failure", connection.connect()).await;
    let Err(Error::ConnectionFailed(failure)) = outcome else { panic!("{outcome:?}") };
    assert_eq!((failure.error_type, failure.code), (ErrorType::OtherError, Code::Proxy), "{failure}");
    assert!(!failure.transient && failure.message.contains("407"), "{failure}");
    assert!(!failure.message.contains("secret"), "{failure}");
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_a_named_failure() {
    let server = server(false).await;
    let gone = Tunnel::start(None).await;
    let options = through(&gone, &server, json!({ "transport": { "proxy": "http://127.0.0.1:1" } }));
    let connection = JitsiConnection::new(None, None, &options).unwrap();
    let outcome = within("the failure", connection.connect()).await;
    let Err(Error::ConnectionFailed(failure)) = outcome else { panic!("{outcome:?}") };
    assert_eq!((failure.code, failure.transient), (Code::Proxy, true), "{failure}");
    assert_eq!(server.connections(), 0, "it is not gone around");
}
