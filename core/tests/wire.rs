//! What goes out before anything has come back.

mod common;

use std::net::Ipv4Addr;

use common::{options, within};
use jitsimeet::{ConnectOptions, JitsiConnection};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

/// The head of the upgrade request of a connection with this application and token.
async fn request(app_id: &str, token: Option<&str>) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("ws://127.0.0.1:{}/xmpp-websocket?a=b", listener.local_addr().unwrap().port());
    let connection = JitsiConnection::new(Some(app_id), token, &options(&url, "meet.example")).unwrap();
    connection.start_connect(&ConnectOptions::default(), None).unwrap();
    let (mut socket, _) = within("the connection", listener.accept()).await.unwrap();
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        head.push(within("the request", socket.read_u8()).await.unwrap().into());
    }
    head
}

#[tokio::test]
async fn the_upgrade_request_holds_what_it_must_and_nothing_else() {
    // A server under `limits.c2s` stops reading for as long as the bytes of the request take.
    let head = request("canary-app", Some("t.o.k")).await;
    let mut lines = head.trim_end().split("\r\n");
    assert_eq!(lines.next(), Some("GET /xmpp-websocket?a=b&token=t.o.k HTTP/1.1"));
    let mut names: Vec<_> = lines.map(|line| line.split(':').next().unwrap().to_lowercase()).collect();
    names.sort();
    let needed = [
        "connection",
        "host",
        "sec-websocket-key",
        "sec-websocket-protocol",
        "sec-websocket-version",
        "upgrade",
    ];
    assert_eq!(names, needed);
    assert!(!head.contains("canary-app"), "lib-jitsi-meet does not send it either");
    assert!(head.len() < 260, "{} bytes", head.len());
}
