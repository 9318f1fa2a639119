//! A connection: TLS, the WebSocket upgrade, and frames to and from the stream.

use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Error as WebSocketError, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};
use tokio_util::either::Either;

use crate::sessions::Out;
use crate::stream::{Query, Stream};
use crate::{Faults, Shared, UpgradeFault};

const SUBPROTOCOL: &str = "Sec-WebSocket-Protocol";
/// A test may have thousands of connections; the library's default of 128 KiB each is for other servers.
const READ_BUFFER: usize = 4096;

pub(crate) async fn serve(socket: TcpStream, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let faults = shared.state().faults.clone();
    // Without it the second frame of a burst waits for the acknowledgement of the first.
    let _ = socket.set_nodelay(true);
    let socket = match tls {
        // A client that does not trust us ends the handshake: that is its good right.
        Some(acceptor) => match acceptor.accept(socket).await {
            Ok(socket) => Either::Left(socket),
            Err(_) => return,
        },
        None => Either::Right(socket),
    };
    match faults.upgrade {
        Some(UpgradeFault::Silent) => swallow(socket).await,
        Some(UpgradeFault::NotHttp) => greet(socket, b"220 mail.example ESMTP\r\n").await,
        Some(UpgradeFault::WebPage) => greet(socket, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nHi").await,
        _ => {
            let query = Arc::default();
            let upgrade = Upgrade { faults: faults.clone(), query: Arc::clone(&query) };
            let options = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
            if let Ok(socket) = accept_hdr_async_with_config(socket, upgrade, Some(options)).await {
                let query = std::mem::take(&mut *query.lock().expect("nothing panics while it is held"));
                converse(socket, query, faults, &shared).await;
            }
        }
    }
}

async fn swallow(mut socket: impl AsyncRead + Unpin) {
    let mut buffer = [0; 1024];
    while matches!(socket.read(&mut buffer).await, Ok(1..)) {}
}

async fn greet(mut socket: impl AsyncRead + AsyncWrite + Unpin, greeting: &[u8]) {
    let _ = socket.write_all(greeting).await;
    swallow(socket).await;
}

/// Answers the upgrade request and keeps what its query says.
struct Upgrade {
    faults: Faults,
    query: Arc<Mutex<Query>>,
}

impl Callback for Upgrade {
    fn on_request(self, request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
        if self.faults.upgrade == Some(UpgradeFault::Refuse) {
            return Err(refusal(self.faults.status.unwrap_or(503)));
        }
        let offered = request.headers().get_all(SUBPROTOCOL).iter().filter_map(|value| value.to_str().ok());
        if !offered.flat_map(|value| value.split(',')).any(|protocol| protocol.trim() == "xmpp") {
            return Err(refusal(400));
        }
        if self.faults.upgrade != Some(UpgradeFault::NoSubprotocol) {
            response.headers_mut().insert(SUBPROTOCOL, HeaderValue::from_static("xmpp"));
        }
        let query = Query::parse(request.uri().query().unwrap_or_default());
        *self.query.lock().expect("nothing panics while it is held") = query;
        Ok(response)
    }
}

fn refusal(status: u16) -> ErrorResponse {
    let mut response = ErrorResponse::new(None);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    response
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    socket: WebSocketStream<S>,
    query: Query,
    faults: Faults,
    shared: &Arc<Shared>,
) {
    let (sender, mut orders) = mpsc::unbounded_channel();
    let number = shared.connected(sender.clone());
    let mut stream = Stream::new(query, faults, Arc::clone(shared), sender);
    let mut wire = Wire { socket, fragment: None, swap: false, held: None, silent: false };
    loop {
        tokio::select! {
            // What is to be sent goes first, so that an answer comes behind what led to it.
            biased;
            Some(order) = orders.recv() => match wire.obey(&mut stream, order).await {
                Ok(true) => {}
                Ok(false) | Err(_) => break,
            },
            frame = wire.socket.next() => match frame {
                Some(Ok(Message::Text(frame))) => stream.handle_frame(&frame),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                // RFC 7395 allows text only; everything else ends the connection.
                Some(Ok(_) | Err(_)) | None => break,
            },
        }
    }
    shared.disconnected(number);
}

/// The WebSocket, and what it does to frames that go out.
struct Wire<S> {
    socket: WebSocketStream<S>,
    /// The length of fragments, if frames are to be split.
    fragment: Option<usize>,
    /// The next frame changes places with the one after it.
    swap: bool,
    held: Option<String>,
    silent: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// Carries an order out; false if the connection is to end.
    async fn obey(&mut self, stream: &mut Stream, order: Out) -> Result<bool, WebSocketError> {
        match order {
            Out::Cut => return Ok(false),
            Out::End => {
                self.socket.close(None).await?;
                return Ok(false);
            }
            Out::Stall => std::future::pending().await,
            Out::Silence => self.silent = true,
            Out::Split(bytes) => self.fragment = Some(bytes),
            Out::Reorder => self.swap = true,
            Out::CloseStream => stream.close(),
            Out::Fail(condition) => stream.fail(&condition),
            Out::Count { beyond } => stream.count(beyond),
            Out::Text(_) | Out::Raw(_) | Out::Binary(_) | Out::Flood(_) if self.silent => {}
            Out::Text(text) => self.send_text(text).await?,
            Out::Raw(bytes) => self.socket.send(fragment(bytes, Data::Text, true)).await?,
            Out::Binary(bytes) => self.socket.send(Message::binary(bytes)).await?,
            Out::Flood(text) => loop {
                self.socket.send(Message::text(text.as_str())).await?;
            },
        }
        Ok(true)
    }

    async fn send_text(&mut self, text: String) -> Result<(), WebSocketError> {
        if std::mem::take(&mut self.swap) {
            self.held = Some(text);
            return Ok(());
        }
        for text in [Some(text), self.held.take()].into_iter().flatten() {
            match self.fragment {
                Some(length) => self.send_in_fragments(text.as_bytes(), length).await?,
                None => self.socket.send(Message::text(text)).await?,
            }
        }
        Ok(())
    }

    /// Fragments end anywhere, inside a character too (RFC 6455, section 5.4).
    async fn send_in_fragments(&mut self, bytes: &[u8], length: usize) -> Result<(), WebSocketError> {
        let count = bytes.chunks(length).count();
        for (number, part) in bytes.chunks(length).enumerate() {
            let data = if number == 0 { Data::Text } else { Data::Continue };
            self.socket.send(fragment(part.to_vec(), data, number + 1 == count)).await?;
        }
        Ok(())
    }
}

fn fragment(bytes: Vec<u8>, data: Data, last: bool) -> Message {
    Message::Frame(Frame::message(bytes, OpCode::Data(data), last))
}
