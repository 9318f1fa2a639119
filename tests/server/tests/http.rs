//! HTTP beside the WebSocket: health, what is remembered of requests, upgrades, and the conference request.

use std::time::Duration;

use jitsimeet_testserver::{
    ConferenceAnswer, ConferenceRequest, Deployment, Faults, HealthFault, HttpAnswer, Options, Over,
    Reservation, TestServer, UpgradeFault,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const UPGRADE: &str = "Host: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const SUBPROTOCOL: &str = "Sec-WebSocket-Protocol: other, xmpp\r\n";

async fn server() -> TestServer {
    TestServer::start(Options::default()).await.unwrap()
}

async fn connect(server: &TestServer) -> TcpStream {
    TcpStream::connect(("127.0.0.1", server.port())).await.unwrap()
}

/// Sends text and reads until the server closes.
async fn exchange(server: &TestServer, text: &str) -> String {
    let mut socket = connect(server).await;
    socket.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = socket.read_to_end(&mut answer);
    timeout(Duration::from_secs(10), read).await.expect("the server closes").unwrap();
    String::from_utf8(answer).unwrap()
}

async fn get(server: &TestServer, path: &str) -> String {
    exchange(server, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).await
}

/// Reads until the text is there.
async fn read_until(socket: &mut TcpStream, text: &str) -> String {
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let read =
            timeout(Duration::from_secs(10), socket.read(&mut buffer)).await.expect("an answer").unwrap();
        all.extend(&buffer[..read]);
        let so_far = String::from_utf8_lossy(&all);
        if so_far.contains(text) {
            return so_far.into_owned();
        }
        assert_ne!(read, 0, "{so_far}");
    }
}

/// Nothing comes, and the connection stays.
async fn assert_silent(socket: &mut TcpStream) {
    assert!(timeout(Duration::from_millis(100), socket.read(&mut [0; 16])).await.is_err());
}

fn post(body: &str, headers: &str) -> String {
    let length = body.len();
    format!(
        "POST /conference-request/v1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Length: {length}\r\n{headers}\r\n{body}"
    )
}

fn ask() -> String {
    let body = json!({ "room": "room@muc", "machineUid": "m", "sessionId": "s", "properties": { "a": "b", "c": true } });
    post(
        &body.to_string(),
        "Content-Type: application/json; charset=utf-8\r\nAuthorization: Bearer t.o.k\r\n",
    )
}

/// The status and the body of the answer to a conference request.
async fn answer(server: &TestServer) -> (u16, String) {
    let answer = exchange(server, &ask()).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// The status and the body of the answer to a conference request, if the script says this.
async fn scripted(script: ConferenceAnswer) -> (u16, String) {
    let options = Options { conference: vec![script], ..Options::default() };
    answer(&TestServer::start(options).await.unwrap()).await
}

#[tokio::test]
async fn health_names_the_shard() {
    let server = server().await;
    let plain = get(&server, "/health").await;
    assert!(plain.starts_with("HTTP/1.1 200 ") && !plain.contains("x-jitsi-shard"), "{plain}");
    server.set_deployment(Deployment { shard: Some("shard-7".to_owned()), ..Deployment::default() });
    for path in ["/health", "/xmpp-websocket?room=r"] {
        let answer = get(&server, path).await;
        assert!(
            answer.starts_with("HTTP/1.1 200 ") && answer.contains("x-jitsi-shard: shard-7\r\n"),
            "{answer}"
        );
    }
    assert!(get(&server, "/elsewhere").await.starts_with("HTTP/1.1 404 "));
    assert!(exchange(&server, "DELETE /health HTTP/1.0\r\n\r\n").await.starts_with("HTTP/1.0 405 "));
    server.set_deployment(Deployment { shard: Some("no\nheader".to_owned()), ..Deployment::default() });
    assert!(!get(&server, "/health").await.contains("x-jitsi-shard"));
}

#[tokio::test]
async fn health_fails_on_command_and_at_once() {
    let server = server().await;
    server.set_deployment(Deployment { shard: Some("shard-7".to_owned()), ..Deployment::default() });
    let request = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut open = connect(&server).await;
    open.write_all(request).await.unwrap();
    read_until(&mut open, "well\n").await;
    let fault = |health, status| Faults { health: Some(health), status, ..Faults::default() };

    for (status, expected) in [(Some(502), "502"), (None, "503"), (Some(101), "503"), (Some(9), "503")] {
        server.set_faults(fault(HealthFault::Status, status));
        // The connection is older than the fault.
        open.write_all(request).await.unwrap();
        let answer = read_until(&mut open, "not well\n").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{answer}");
    }
    server.set_faults(fault(HealthFault::NoShard, None));
    let answer = get(&server, "/health").await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && !answer.contains("x-jitsi-shard"), "{answer}");

    server.set_faults(fault(HealthFault::Endless, None));
    open.write_all(request).await.unwrap();
    let mut read = 0;
    while read < 1_000_000 {
        read += open.read(&mut [0; 65_536]).await.unwrap();
    }

    server.set_faults(fault(HealthFault::Silent, None));
    let mut silent = connect(&server).await;
    silent.write_all(request).await.unwrap();
    assert_silent(&mut silent).await;
}

#[tokio::test]
async fn requests_are_remembered() {
    let server = server().await;
    get(&server, "/health?token=x").await;
    exchange(&server, &ask()).await;
    exchange(&server, &format!("GET /xmpp-websocket?room=r&previd=p HTTP/1.1\r\n{UPGRADE}\r\n")).await;
    server.requested(3).await;
    let seen = serde_json::to_value(server.requests()).unwrap();
    let body: Value = serde_json::from_str(seen[1]["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["room"], "room@muc");
    let get = json!({ "method": "GET", "path": "/health?token=x", "authorization": null, "body": "", "upgrade": false });
    assert_eq!(seen[0], get);
    assert_eq!((&seen[1]["method"], &seen[1]["authorization"]), (&json!("POST"), &json!("Bearer t.o.k")));
    assert_eq!(
        (&seen[2]["path"], &seen[2]["upgrade"]),
        (&json!("/xmpp-websocket?room=r&previd=p"), &json!(true))
    );
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let server = server().await;
    let mut socket = connect(&server).await;
    let request = post(&"x".repeat(65_537), "Content-Type: application/json\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    read_until(&mut socket, "HTTP/1.1 413 ").await;
    assert_eq!(server.requests()[0].body, "");
}

#[tokio::test]
async fn a_first_frame_may_come_with_the_request() {
    let server = server().await;
    let mut socket = connect(&server).await;
    let open = b"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='meet.example' version='1.0'/>";
    let mut bytes = format!("GET /any/path?token=t HTTP/1.1\r\n{UPGRADE}{SUBPROTOCOL}\r\n").into_bytes();
    // A text frame of less than 126 bytes, masked with zeroes.
    bytes.extend([0x81, 0x80 | u8::try_from(open.len()).unwrap(), 0, 0, 0, 0]);
    bytes.extend(open);
    socket.write_all(&bytes).await.unwrap();
    let answer = read_until(&mut socket, "ANONYMOUS").await.to_lowercase();
    assert!(answer.starts_with("http/1.1 101 "), "{answer}");
    assert!(answer.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"), "{answer}");
    assert!(answer.contains("sec-websocket-protocol: xmpp\r\n"), "{answer}");
}

#[tokio::test]
async fn a_malformed_upgrade_is_refused_and_closed() {
    let server = server().await;
    let refused = |method: &str, headers: String| {
        let request = format!("{method} /xmpp-websocket HTTP/1.1\r\n{headers}\r\n");
        let server = &server;
        async move {
            let answer = exchange(server, &request).await;
            assert!(answer.starts_with("HTTP/1.1 400 "), "{request}{answer}");
            assert!(answer.contains("connection: close\r\n"), "{request}{answer}");
        }
    };
    let whole = format!("{UPGRADE}{SUBPROTOCOL}");
    refused("POST", whole.clone()).await;
    refused("GET", UPGRADE.to_owned()).await;
    for part in ["keep-alive, Upgrade", "websocket\r\n", "13\r\n", "dGhlIHNhbXBsZSBub25jZQ==", "xmpp\r\n"] {
        let other = if part.ends_with('\n') { "other\r\n" } else { "close" };
        if part.starts_with("dGhl") {
            let line = format!("Sec-WebSocket-Key: {part}\r\n");
            refused("GET", whole.replace(&line, "")).await;
        } else {
            refused("GET", whole.replace(part, other)).await;
        }
    }
}

#[tokio::test]
async fn an_upgrade_fails_on_command() {
    let server = server().await;
    let request = format!("GET /xmpp-websocket HTTP/1.1\r\n{UPGRADE}{SUBPROTOCOL}\r\n");
    let fault = |upgrade, status| Faults { upgrade: Some(upgrade), status, ..Faults::default() };
    for (status, expected) in [(None, "503"), (Some(404), "404"), (Some(100), "503")] {
        server.set_faults(fault(UpgradeFault::Refuse, status));
        let answer = exchange(&server, &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{answer}");
        assert!(get(&server, "/health").await.starts_with("HTTP/1.1 200 "));
    }
    for (upgrade, says) in [(UpgradeFault::NotHttp, "220 mail"), (UpgradeFault::WebPage, "\r\n\r\nHi")] {
        server.set_faults(fault(upgrade, None));
        let mut socket = connect(&server).await;
        socket.write_all(request.as_bytes()).await.unwrap();
        read_until(&mut socket, says).await;
    }
    server.set_faults(fault(UpgradeFault::NoSubprotocol, None));
    let mut socket = connect(&server).await;
    socket.write_all(request.as_bytes()).await.unwrap();
    let answer = read_until(&mut socket, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 101 ") && !answer.contains("protocol"), "{answer}");
    server.set_faults(fault(UpgradeFault::Silent, None));
    let mut socket = connect(&server).await;
    socket.write_all(request.as_bytes()).await.unwrap();
    assert_silent(&mut socket).await;
}

#[tokio::test]
async fn a_conference_is_ready_unless_a_script_says_otherwise() {
    let server = server().await;
    let (status, body) = answer(&server).await;
    let expected = json!({
        "ready": true, "room": "room@muc", "focusJid": "focus@auth.meet.example",
        "properties": { "authentication": "false" },
    });
    assert_eq!((status, serde_json::from_str::<Value>(&body).unwrap()), (200, expected));
    let seen: Vec<ConferenceRequest> = server.conference_requests();
    assert_eq!((seen.len(), seen[0].over, seen[0].room.as_str()), (1, Over::Http, "room@muc"));
    assert_eq!(seen[0].machine_uid.as_deref(), Some("m"));
    assert_eq!(seen[0].session_id.as_deref(), Some("s"));
    assert_eq!(seen[0].token.as_deref(), Some("t.o.k"));
    assert_eq!((seen[0].properties["a"].as_str(), seen[0].properties["c"].as_str()), ("b", "true"));

    let later = ConferenceAnswer { ready: false, focus_jid: None, ..Default::default() };
    let node = ConferenceAnswer {
        vnode: Some("v1".to_owned()),
        identity: Some("i".to_owned()),
        session_id: Some("s2".to_owned()),
        ..Default::default()
    };
    server.set_conference(vec![later, node]);
    let body: Value = serde_json::from_str(&answer(&server).await.1).unwrap();
    assert_eq!((&body["ready"], body.get("focusJid")), (&json!(false), None));
    for _ in 0..2 {
        let body: Value = serde_json::from_str(&answer(&server).await.1).unwrap();
        let told = (&body["vnode"], &body["identity"], &body["sessionId"]);
        assert_eq!(told, (&json!("v1"), &json!("i"), &json!("s2")));
    }
}

#[tokio::test]
async fn a_conference_request_must_be_json_with_a_room() {
    let server = server().await;
    let json = "Content-Type: application/json\r\n";
    for (body, headers, status) in [
        (r#"{"room":"r"}"#, "Content-Type: text/plain\r\n", "415"),
        (r#"{"room":"r"}"#, "", "415"),
        (r#"{"rooms":"r"}"#, json, "400"),
        (r#"{"room":7}"#, json, "400"),
        ("[]", json, "400"),
        ("{", json, "400"),
    ] {
        let answer = exchange(&server, &post(body, headers)).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{body} {answer}");
    }
    assert_eq!(server.conference_requests(), []);
    let get = get(&server, "/conference-request/v1").await;
    assert!(get.starts_with("HTTP/1.1 405 "), "{get}");
}

#[tokio::test]
async fn a_conference_request_is_refused_on_command() {
    let error = |error: &str| ConferenceAnswer { error: Some(error.to_owned()), ..Default::default() };
    assert_eq!(scripted(error("not-authorized")).await.0, 403);
    let (status, body) = scripted(error("session-invalid")).await;
    assert!(status == 400 && body.contains("400 invalid-session"), "{status} {body}");
    assert_eq!(scripted(error("internal-server-error")).await.0, 500);
    let reservation = Some(Reservation { code: 409, text: "The room is taken".to_owned() });
    let (status, body) = scripted(ConferenceAnswer { reservation, ..Default::default() }).await;
    assert_eq!((status, body.as_str()), (400, "The room is taken"));
}

#[tokio::test]
async fn a_conference_request_is_answered_wrongly_on_command() {
    let http = |http| ConferenceAnswer { http: Some(http), ..Default::default() };
    let answer = HttpAnswer { status: Some(418), body: "<html>".to_owned(), ..Default::default() };
    assert_eq!(scripted(http(answer)).await, (418, "<html>".to_owned()));

    let server = server().await;
    let location = Some("http://127.0.0.1:1/".to_owned());
    server.set_conference(vec![
        http(HttpAnswer { location: location.clone(), ..Default::default() }),
        http(HttpAnswer { status: Some(307), location, ..Default::default() }),
    ]);
    for status in ["302", "307"] {
        let answer = exchange(&server, &ask()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.contains("location: http://127.0.0.1:1/\r\n"), "{answer}");
    }

    server.set_conference(vec![http(HttpAnswer { endless: true, ..Default::default() })]);
    let mut socket = connect(&server).await;
    socket.write_all(ask().as_bytes()).await.unwrap();
    let mut read = 0;
    while read < 1_000_000 {
        read += socket.read(&mut [0; 65_536]).await.unwrap();
    }

    for silent in [
        http(HttpAnswer { hang: true, ..Default::default() }),
        ConferenceAnswer { silent: true, ..Default::default() },
        ConferenceAnswer { delay: 60_000, ..Default::default() },
    ] {
        let asked = server.conference_requests().len();
        server.set_conference(vec![silent]);
        let mut socket = connect(&server).await;
        socket.write_all(ask().as_bytes()).await.unwrap();
        assert_silent(&mut socket).await;
        assert_eq!(server.conference_requests().len(), asked + 1);
    }
}
