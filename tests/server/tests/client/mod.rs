//! A client that says what a test has it say.
#![allow(dead_code)] // Each test uses some of it.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use jitsimeet_testserver::TestServer;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{WebSocketStream, client_async};

const OPEN: &str = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='meet.example' version='1.0'/>";
const AUTH: &str = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>";
const BIND: &str =
    "<iq xmlns='jabber:client' type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";

pub struct Client(WebSocketStream<TcpStream>);

impl Client {
    /// A client that has asked to be bound.
    pub async fn bind(server: &TestServer) -> Self {
        Self::bind_at(server, &server.service_url()).await
    }

    pub async fn bind_at(server: &TestServer, url: &str) -> Self {
        let socket = TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("Sec-WebSocket-Protocol", "xmpp".parse().unwrap());
        let mut client = Self(client_async(request, socket).await.unwrap().0);
        for (frame, answers) in [(OPEN, 2), (AUTH, 1), (OPEN, 2), (BIND, 0)] {
            client.send(frame).await;
            for _ in 0..answers {
                client.next().await;
            }
        }
        client
    }

    pub async fn send(&mut self, frame: &str) {
        self.0.send(Message::text(frame)).await.unwrap();
    }

    pub async fn next(&mut self) -> String {
        let frame = timeout(Duration::from_secs(10), self.0.next()).await.expect("a frame");
        frame.unwrap().unwrap().into_text().unwrap().to_string()
    }

    pub async fn ask(&mut self, room: &str, id: &str) {
        let conference = format!("<conference xmlns='http://jitsi.org/protocol/focus' room='{room}'/>");
        let to = "focus.meet.example";
        self.send(&format!("<iq xmlns='jabber:client' type='set' id='{id}' to='{to}'>{conference}</iq>"))
            .await;
    }

    /// The next frame that holds this. What comes before it is passed over.
    pub async fn until(&mut self, part: &str) -> String {
        loop {
            let frame = self.next().await.replace('"', "'");
            if frame.contains(part) {
                return frame;
            }
        }
    }

    /// Enters a room under this nick.
    pub async fn enter(&mut self, nick: &str) {
        let x = "<x xmlns='http://jabber.org/protocol/muc'/>";
        let to = format!("room@conference.meet.example/{nick}");
        self.send(&format!("<presence xmlns='jabber:client' to='{to}'>{x}</presence>")).await;
        self.until("<subject").await;
    }
}
