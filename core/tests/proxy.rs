//! By way of an HTTP CONNECT proxy: from the options and from the environment.

mod common;

use std::env;
use std::net::Ipv4Addr;

use common::certificates::Authority;
use common::wire::{Proxy, head, relay, serve};
use common::{again, assert_failure, failure, next, options, server, within};
use jitsimeet::{Code, ConnectOptions, ErrorType, Event, JitsiConnection, Options};
use jitsimeet_testproxy::Tunnel;
use jitsimeet_testserver::{Deployment, Order, TestServer};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

/// `user:secret`.
const CREDENTIALS: &str = "dXNlcjpzZWNyZXQ=";

fn through(server: &TestServer, proxy: &str) -> Options {
    let mut options = options(&server.service_url(), server.domain());
    options.set("transport.proxy", proxy).unwrap();
    options
}

async fn assert_connects(options: &Options) {
    let connection = JitsiConnection::new(None, None, options).unwrap();
    within("the connection", connection.connect()).await.unwrap();
    within("the disconnect", connection.disconnect()).await.unwrap();
}

#[tokio::test]
async fn a_proxy_is_asked_for_a_tunnel_to_the_server() {
    let server = server().await;
    let proxy = Proxy::start(None, None).await;
    assert_connects(&through(&server, &format!("http://127.0.0.1:{}", proxy.port()))).await;
    let [head] = &proxy.seen()[..] else { panic!("{:?}", proxy.seen()) };
    let target = format!("127.0.0.1:{}", server.port());
    assert!(head.starts_with(&format!("CONNECT {target} HTTP/1.1\r\n")), "{head}");
    assert!(!head.to_lowercase().contains("proxy-authorization"), "{head}");
}

#[tokio::test]
async fn a_proxy_that_wants_credentials_gets_them() {
    let server = server().await;
    let proxy = Proxy::start(Some(CREDENTIALS), None).await;
    assert_connects(&through(&server, &format!("http://user:secret@127.0.0.1:{}", proxy.port()))).await;
}

#[tokio::test]
async fn a_proxy_that_is_not_content_says_so_and_no_password_is_shown() {
    let server = server().await;
    let proxy = Proxy::start(Some(CREDENTIALS), None).await;
    for userinfo in ["", "user:canary@"] {
        let options = through(&server, &format!("http://{userinfo}127.0.0.1:{}", proxy.port()));
        let failure = failure(&options).await;
        let says = [&format!("127.0.0.1:{}", proxy.port())[..], "HTTP 407", "transport.proxy"];
        assert_failure(&failure, ErrorType::OtherError, Code::Proxy, false, &says);
        assert!(!format!("{failure:?}").contains("canary"), "{failure:?}");
    }
    assert_eq!(proxy.seen().len(), 2);
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named() {
    let server = server().await;
    let port = Proxy::start(None, None).await.port();
    let failure = failure(&through(&server, &format!("http://127.0.0.1:{port}"))).await;
    let says = [&format!("127.0.0.1:{port}")[..], "transport.proxy", "HTTPS_PROXY"];
    assert_failure(&failure, ErrorType::OtherError, Code::Proxy, true, &says);
}

/// The name in the certificate is the server's, which the client does not look up itself.
#[tokio::test]
async fn tls_goes_through_the_tunnel_to_a_name_that_the_proxy_resolves() {
    let (server, authority) = (server().await, Authority::new());
    let acceptor = authority.issue("meet.invalid").acceptor();
    let secure = relay(Ipv4Addr::LOCALHOST.into(), Some(acceptor), server.port()).await.unwrap();
    let proxy = Proxy::start(None, None).await;
    let mut options = options(&format!("wss://meet.invalid:{}/xmpp-websocket", secure.port), server.domain());
    options.set("tls.caCertificates", authority.pem()).unwrap();
    options.set("transport.proxy", format!("http://127.0.0.1:{}", proxy.port())).unwrap();
    assert_connects(&options).await;
}

#[tokio::test]
async fn the_way_to_the_proxy_may_be_tls_itself() {
    let (server, authority) = (server().await, Authority::new());
    let proxy = Proxy::start(Some(CREDENTIALS), Some(authority.issue("localhost").acceptor())).await;
    let mut options = through(&server, &format!("https://user:secret@localhost:{}", proxy.port()));
    options.set("tls.caCertificates", authority.pem()).unwrap();
    assert_connects(&options).await;
    assert_eq!(proxy.seen().len(), 1);
}

#[tokio::test]
async fn extra_headers_go_with_the_upgrade_and_not_to_the_proxy() {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let recorder = serve(Ipv4Addr::LOCALHOST.into(), None, move |mut stream| {
        let sender = sender.clone();
        async move {
            sender.send(head(&mut stream).await.unwrap()).unwrap();
            // The client may have gone.
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\n\r\n").await;
        }
    });
    let recorder = recorder.await.unwrap();
    let proxy = Proxy::start(None, None).await;
    let mut options = options(&format!("ws://127.0.0.1:{}/x", recorder.port), "meet.example");
    let headers = json!({ "User-Agent": "bot/1", "X-Room": "42" });
    options.merge(json!({ "transport": { "headers": headers, "proxy": format!("http://127.0.0.1:{}", proxy.port()) } })).unwrap();
    assert_eq!(failure(&options).await.http_status, Some(404));
    let head = receiver.recv().await.unwrap().to_lowercase();
    assert!(head.contains("user-agent: bot/1\r\n") && head.contains("x-room: 42\r\n"), "{head}");
    assert!(!proxy.seen()[0].to_lowercase().contains("x-room"), "{:?}", proxy.seen());
}

/// One row: the variables, the scheme, and whether the proxy is to be used.
#[tokio::test]
async fn the_environment_names_the_proxy_as_for_curl() {
    if let Ok(options) = env::var("PROXY_TEST_OPTIONS") {
        return assert_connects(&Options::from_json(&options).unwrap()).await;
    }
    let (server, authority) = (server().await, Authority::new());
    let acceptor = authority.issue("localhost").acceptor();
    let secure = relay(Ipv4Addr::LOCALHOST.into(), Some(acceptor), server.port()).await.unwrap();
    type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, bool);
    let rows: [Row<'_>; 13] = [
        (&[("HTTPS_PROXY", "proxy")], "wss", true),
        (&[("https_proxy", "proxy")], "wss", true),
        (&[("HTTPS_PROXY", "proxy")], "ws", false),
        (&[("http_proxy", "proxy")], "ws", true),
        (&[("HTTP_PROXY", "proxy")], "wss", false),
        (&[("ALL_PROXY", "proxy")], "wss", true),
        (&[("ALL_PROXY", "proxy")], "ws", true),
        (&[("HTTPS_PROXY", "proxy"), ("NO_PROXY", "localhost")], "wss", false),
        (&[("HTTPS_PROXY", "proxy"), ("no_proxy", "elsewhere,localhost")], "wss", false),
        (&[("HTTPS_PROXY", "proxy"), ("NO_PROXY", "*")], "wss", false),
        (&[("HTTPS_PROXY", "proxy"), ("NO_PROXY", "host")], "wss", true),
        (&[("http_proxy", "proxy"), ("NO_PROXY", "127.0.0.0/8")], "ws", false),
        (&[], "wss", false),
    ];
    for (variables, scheme, used) in rows {
        let proxy = Proxy::start(Some(CREDENTIALS), None).await;
        let value = format!("http://user:secret@127.0.0.1:{}", proxy.port());
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, what)| (*name, if *what == "proxy" { value.as_str() } else { *what }))
            .collect();
        let (host, port) =
            if scheme == "wss" { ("localhost", secure.port) } else { ("127.0.0.1", server.port()) };
        let options = json!({
            "serviceUrl": format!("{scheme}://{host}:{port}/xmpp-websocket"),
            "hosts": { "domain": server.domain() },
            "tls": { "caCertificates": authority.pem() },
        });
        let mut environment = vec![("PROXY_TEST_OPTIONS", options.to_string())];
        environment.extend(variables.iter().map(|(name, value)| (*name, (*value).to_owned())));
        again("the_environment_names_the_proxy_as_for_curl", &environment).await;
        assert_eq!(!proxy.seen().is_empty(), used, "{variables:?} with {scheme}");
    }
}

/// Empty is none.
#[tokio::test]
async fn the_option_goes_before_the_environment() {
    if let Ok(options) = env::var("PROXY_TEST_OPTIONS") {
        return assert_connects(&Options::from_json(&options).unwrap()).await;
    }
    let server = server().await;
    let (theirs, ours) = (Proxy::start(None, None).await, Proxy::start(None, None).await);
    for (option, used) in [(String::new(), 0), (format!("http://127.0.0.1:{}", ours.port()), 1)] {
        let options = json!({
            "serviceUrl": server.service_url(),
            "hosts": { "domain": server.domain() },
            "transport": { "proxy": option },
        });
        let environment = [
            ("PROXY_TEST_OPTIONS", options.to_string()),
            ("ALL_PROXY", format!("http://127.0.0.1:{}", theirs.port())),
        ];
        again("the_option_goes_before_the_environment", &environment).await;
        assert_eq!((theirs.seen().len(), ours.seen().len()), (0, used));
    }
}

async fn sharded(tls: bool) -> TestServer {
    let deployment = Deployment { shard: Some("shard-1".to_owned()), ..Deployment::default() };
    let options = jitsimeet_testserver::Options { tls, deployment, ..Default::default() };
    TestServer::start(options).await.expect("a loopback server")
}

fn tunnelled(tunnel: &Tunnel, server: &TestServer, more: Value) -> Options {
    let mut options = through(server, &format!("http://user:secret@127.0.0.1:{}", tunnel.port()));
    options.merge(json!({ "transport": { "headers": { "x-own": "value" } } })).unwrap();
    if let Some(certificate) = server.ca_certificate() {
        options.set("tls.caCertificates", certificate).unwrap();
    }
    options.merge(more).unwrap();
    options
}

#[tokio::test]
async fn everything_goes_through_the_proxy_with_the_callers_headers() {
    for tls in [false, true] {
        let server = sharded(tls).await;
        let tunnel = Tunnel::start(Some(&format!("Basic {CREDENTIALS}"))).await.unwrap();
        let url = json!({ "conferenceRequestUrl": server.conference_request_url() });
        let connection = JitsiConnection::new(None, None, &tunnelled(&tunnel, &server, url)).unwrap();
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
async fn so_does_bosh_with_every_request() {
    let server = sharded(false).await;
    let tunnel = Tunnel::start(Some(&format!("Basic {CREDENTIALS}"))).await.unwrap();
    let more = json!({
        "serviceUrl": server.bosh_url(), "conferenceRequestUrl": server.conference_request_url(),
    });
    let connection = JitsiConnection::new(None, None, &tunnelled(&tunnel, &server, more)).unwrap();
    let mut room = ConnectOptions::default();
    room.name = Some("daily".to_owned());
    within("the connection", connection.connect_with(room)).await.unwrap();
    within("the disconnect", connection.disconnect()).await.unwrap();
    let seen = tunnel.seen();
    let posts = seen.matches("POST ").count();
    assert!(posts > 4, "the conference request, a login and its end: {seen}");
    assert_eq!(seen.matches("x-own: value\r\n").count(), posts, "{seen}");
    assert_eq!(seen.matches("room=daily").count(), posts - 1, "all but the conference request: {seen}");
    // Two connections of the session, and that of the conference request.
    assert!(seen.matches("CONNECT ").count() <= 3, "{seen}");
}
