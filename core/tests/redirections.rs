//! A redirection of HTTP is not followed, by whatever asks over HTTP: a server cannot send the client, and its token,
//! elsewhere.

mod common;

use std::net::{Ipv4Addr, TcpListener};

use common::wire::{Service, Wire, serve};
use common::{next, options, server, within};
use jitsimeet::{Code, ConnectOptions, Error, ErrorType, Event, Failure, JitsiConnection, Options};
use jitsimeet_testserver::Order;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;

const REDIRECTIONS: [u16; 5] = [301, 302, 303, 307, 308];

/// Who redirects everyone, and where to.
struct Redirecting {
    service: Service,
    asked: watch::Receiver<u64>,
    elsewhere: TcpListener,
}

impl Redirecting {
    async fn start(status: u16) -> Self {
        let elsewhere = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
        elsewhere.set_nonblocking(true).expect("a socket that can be asked");
        let port = elsewhere.local_addr().expect("its address").port();
        let answer = format!(
            "HTTP/1.1 {status} Elsewhere\r\nlocation: http://127.0.0.1:{port}/\r\ncontent-length: 0\r\n\r\n"
        );
        let (count, asked) = watch::channel(0);
        let service = serve(Ipv4Addr::LOCALHOST.into(), None, move |stream| {
            redirect(stream, answer.clone(), count.clone())
        });
        Self { service: service.await.expect("a loopback port"), asked, elsewhere }
    }

    fn url(&self, scheme: &str) -> String {
        format!("{scheme}://127.0.0.1:{}/", self.service.port)
    }

    async fn has_been_asked(&mut self, times: u64) {
        within("a request", self.asked.wait_for(|count| *count >= times)).await.expect("it runs");
    }

    fn assert_not_followed(&self, what: &str) {
        assert!(*self.asked.borrow() > 0, "{what}: nobody has asked");
        let error = self.elsewhere.accept().expect_err("nobody goes there");
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{what}");
    }
}

async fn redirect(mut stream: Box<dyn Wire>, answer: String, count: watch::Sender<u64>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    count.send_modify(|count| *count += 1);
    // Who does not want to hear it has gone.
    let _ = stream.write_all(answer.as_bytes()).await;
    // A connection that is closed with a body unread would be reset.
    while matches!(stream.read(&mut [0; 1024]).await, Ok(1..)) {}
}

async fn refused(options: &Options, room: Option<&str>) -> Failure {
    let connection = JitsiConnection::new(None, Some("a.to.ken"), options).expect("complete options");
    let mut connect = ConnectOptions::default();
    connect.name = room.map(ToOwned::to_owned);
    match within("the end of the attempt", connection.connect_with(connect)).await {
        Err(Error::ConnectionFailed(failure)) => *failure,
        outcome => panic!("{outcome:?}"),
    }
}

#[tokio::test]
async fn of_the_service_url() {
    for scheme in ["ws", "http"] {
        for status in REDIRECTIONS {
            let redirecting = Redirecting::start(status).await;
            let failure = refused(&options(&redirecting.url(scheme), "meet.example"), None).await;
            assert_eq!(
                (failure.error_type, failure.code, failure.http_status),
                (ErrorType::OtherError, Code::HttpStatus, Some(status)),
                "{scheme}: {failure}"
            );
            redirecting.assert_not_followed(scheme);
        }
    }
}

#[tokio::test]
async fn of_the_conference_request() {
    let server = server().await;
    for status in REDIRECTIONS {
        let redirecting = Redirecting::start(status).await;
        let mut options = options(&server.service_url(), server.domain());
        options.set("conferenceRequestUrl", redirecting.url("http")).unwrap();
        let failure = refused(&options, Some("daily")).await;
        assert_eq!(
            (failure.error_type, failure.http_status),
            (ErrorType::ConferenceRequestFailed, Some(status)),
            "{failure}"
        );
        redirecting.assert_not_followed("the conference request");
    }
    assert_eq!(server.sessions(), [""; 0], "no room, no session");
}

#[tokio::test]
async fn of_the_keep_alive() {
    let server = server().await;
    for status in REDIRECTIONS {
        let mut redirecting = Redirecting::start(status).await;
        let mut options = options(&server.service_url(), server.domain());
        options.merge(json!({ "websocketKeepAliveUrl": redirecting.url("http") })).unwrap();
        let connection = JitsiConnection::new(None, None, &options).unwrap();
        let mut events = connection.events();
        within("the connection", connection.connect()).await.unwrap();
        assert!(matches!(next(&mut events).await, Event::ConnectionEstablished { .. }));
        // After each loss it comes at once; the second time the first has been dealt with.
        for times in 1..=2 {
            server.order(&Order::Cut);
            while !matches!(next(&mut events).await, Event::ConnectionEstablished { .. }) {}
            redirecting.has_been_asked(times).await;
        }
        within("an answer", connection.ping(None)).await.expect("the session goes on");
        redirecting.assert_not_followed("the keep-alive");
        within("the end", connection.disconnect()).await.unwrap();
    }
}
