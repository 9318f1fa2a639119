//! The floor: what the same libraries cost that any client in Rust would be made of, without a client. A bare
//! tokio-tungstenite connection that says what a login says and does not look at the answers, whose frames go through
//! quick-xml's namespace reader with every attribute read.

use futures_util::stream::{self, StreamExt};
use futures_util::{SinkExt, future};
use quick_xml::events::Event;
use quick_xml::reader::NsReader;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::flood_request;
use crate::orders::Client;

type Socket = WebSocketStream<TcpStream>;

const BURSTS: [&[&str]; 2] = [
    &[
        "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='meet.example' version='1.0'/>",
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>",
    ],
    &[
        "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='meet.example' version='1.0'/>",
        "<iq xmlns='jabber:client' type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
        "<enable xmlns='urn:xmpp:sm:3' resume='true'/>",
    ],
];
/// The last frame that the server answers each burst with.
const LAST: [&str; 2] = ["<success", "<enabled"];

pub struct Floor {
    runtime: Runtime,
    url: String,
    sockets: Vec<Socket>,
}

impl Floor {
    pub fn new(url: &str) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { runtime, url: url.to_owned(), sockets: Vec::new() }
    }
}

/// With a small buffer when it is memory that counts: the default is 128 KiB a connection.
async fn log_in(url: &str, large: bool) -> Socket {
    let mut request = url.into_client_request().expect("a URL");
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("xmpp"));
    let address = url.split('/').nth(2).expect("a host");
    let stream = TcpStream::connect(address).await.expect("the server listens");
    stream.set_nodelay(true).expect("a socket");
    let mut config = WebSocketConfig::default();
    if !large {
        config = config.read_buffer_size(4096).write_buffer_size(0);
    }
    let (mut socket, _) = client_async_with_config(request, stream, Some(config)).await.expect("an upgrade");
    for (burst, last) in BURSTS.iter().zip(LAST) {
        for frame in *burst {
            socket.feed((*frame).into()).await.expect("the server reads");
        }
        socket.flush().await.expect("the server reads");
        while !next(&mut socket).await.starts_with(last) {}
    }
    socket
}

async fn next(socket: &mut Socket) -> String {
    let message = socket.next().await.expect("the server stays").expect("a frame");
    message.to_text().expect("text").to_owned()
}

/// Every event of a frame, with every attribute read.
fn read(frame: &str) -> usize {
    let mut reader = NsReader::from_str(frame);
    let mut seen = 0;
    loop {
        let (namespace, event) = reader.read_resolved_event().expect("well-formed");
        std::hint::black_box(namespace);
        match event {
            Event::Start(tag) | Event::Empty(tag) => {
                for attribute in tag.attributes() {
                    seen += attribute.expect("well-formed").value.len();
                }
            }
            Event::Eof => return seen,
            _ => {}
        }
    }
}

async fn take(socket: &mut Socket, count: usize) {
    for _ in 0..count {
        let message = socket.next().await.expect("the server stays").expect("a frame");
        std::hint::black_box(read(message.to_text().expect("text")));
    }
}

impl Client for Floor {
    fn open(&mut self, count: usize, at_once: usize) {
        // One session is there to be flooded, many to be weighed.
        let large = count == 1;
        let url = self.url.as_str();
        let opened =
            stream::iter(0..count).map(|_| log_in(url, large)).buffer_unordered(at_once).collect::<Vec<_>>();
        self.sockets.extend(self.runtime.block_on(opened));
    }

    fn flood(&mut self, count: usize) {
        let socket = &mut self.sockets[0];
        self.runtime.block_on(async {
            socket.send(flood_request("flood", count).into()).await.expect("the server reads");
            take(socket, count).await;
        });
    }

    fn spread(&mut self, each: usize) {
        let sockets = &mut self.sockets;
        self.runtime.block_on(async {
            sockets[0].send(flood_request("all", each).into()).await.expect("the server reads");
            future::join_all(sockets.iter_mut().map(|socket| take(socket, each))).await;
        });
    }

    fn close(&mut self) {
        self.sockets.clear();
    }
}
