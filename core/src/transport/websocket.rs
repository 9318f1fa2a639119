//! XMPP over WebSocket (RFC 7395): one frame, one text message.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use data_encoding::BASE64;
use futures_util::{Sink, Stream};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL};
use hyper::header::{SEC_WEBSOCKET_VERSION, UPGRADE};
use hyper::{HeaderMap, Request, Response, StatusCode};
use ring::digest;
use tokio_websockets::{ClientBuilder, Config as WebSocketConfig, Error, Limits, Message, WebSocketStream};
use url::{Position, Url};

use super::TransportError;
use super::connector::{self, Connection};
use crate::frame::Frame;
use crate::options::Config;
use crate::times::Milestone;

/// RFC 6455, section 1.3.
const ACCEPT_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const SUBPROTOCOL: &str = "xmpp";

/// An open WebSocket. Frames are queued by `send` and go out by `poll_flush`.
pub(crate) struct WebSocket {
    stream: WebSocketStream<Connection>,
    round_trips: u32,
    unflushed: bool,
}

impl WebSocket {
    pub(crate) async fn open(
        config: &Config,
        url: &Url,
        reached: &mut (dyn FnMut(Milestone) + Send),
    ) -> Result<Self, TransportError> {
        let (connection, round_trips) = connector::connect(config, url, reached).await?;
        let connection = upgrade(config, connection, url).await?;
        reached(Milestone::Upgrade);
        let stream = ClientBuilder::new()
            .limits(Limits::default().max_payload_len(Some(config.max_stanza_bytes)))
            .config(WebSocketConfig::default())
            .take_over(connection);
        Ok(Self { stream, round_trips: round_trips + 1, unflushed: false })
    }

    /// What it took to open it.
    pub(crate) const fn round_trips(&self) -> u32 {
        self.round_trips
    }

    /// Queues a frame. All that is queued before the next flush goes out in one write.
    pub(crate) fn send(&mut self, frame: String) -> Result<(), TransportError> {
        self.unflushed = true;
        Pin::new(&mut self.stream).start_send(Message::text(frame)).map_err(stream_error)
    }

    /// Writes what is queued, as far as the peer takes it. Tells whether that emptied the queue.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, TransportError>> {
        if !self.unflushed {
            return Poll::Ready(Ok(false));
        }
        ready!(Pin::new(&mut self.stream).poll_flush(cx)).map_err(stream_error)?;
        self.unflushed = false;
        Poll::Ready(Ok(true))
    }

    /// Reads the next frame.
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, TransportError>> {
        loop {
            match ready!(Pin::new(&mut self.stream).poll_next(cx)) {
                Some(Ok(message)) if message.is_text() => return Poll::Ready(Ok(Frame::new(message))),
                Some(Ok(message)) if message.is_binary() => {
                    let reason = "it sent a binary frame".to_owned();
                    return Poll::Ready(Err(TransportError::BadFrame { reason }));
                }
                // The library answers pings by itself, before it reads on.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(stream_error(error))),
                None => return Poll::Ready(Err(TransportError::Closed)),
            }
        }
    }

    /// Sends the WebSocket's own close frame behind what is queued and writes it all. The caller sets the deadline.
    pub(crate) async fn close(mut self) {
        // A peer that is gone already needs no goodbye, so the outcome does not matter.
        let _ = poll_fn(|cx| Pin::new(&mut self.stream).poll_close(cx)).await;
    }
}

fn stream_error(error: Error) -> TransportError {
    match error {
        Error::PayloadTooLong { max_len, .. } => TransportError::TooLarge { limit: max_len },
        Error::Io(error) => connector::lost(&error),
        Error::AlreadyClosed => TransportError::Closed,
        other => TransportError::BadFrame { reason: other.to_string() },
    }
}

/// Asks for the WebSocket (RFC 6455, section 4.1), and gives the connection back once the server has agreed.
async fn upgrade(config: &Config, connection: Connection, url: &Url) -> Result<Connection, TransportError> {
    let mut nonce = [0; 16];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut nonce)
        .expect("the system's random generator works");
    let key = BASE64.encode(&nonce);
    let request = request(config, url, &key)?;
    let agreed = |response: &Response<Incoming>| check(response.status(), response.headers(), &key);
    super::http::switch(connection, request, agreed).await.map_err(|error| match error {
        TransportError::NotHttp { reason } => TransportError::NotWebsocket { reason },
        other => other,
    })
}

/// As short as a request can be: deployments limit the bytes that a client may send in a second.
fn request(config: &Config, url: &Url, key: &str) -> Result<Request<Empty<Bytes>>, TransportError> {
    let mut builder = Request::get(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, &url[Position::BeforeHost..Position::AfterPort])
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, key)
        .header(SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL);
    for (name, value) in &config.headers {
        builder = builder.header(name, value);
    }
    builder.body(Empty::new()).map_err(|_| not_websocket("the URL cannot be asked for over HTTP"))
}

/// What the server must have answered (RFC 6455, section 4.1; RFC 7395, section 3.1).
fn check(status: StatusCode, headers: &HeaderMap, key: &str) -> Result<(), TransportError> {
    if status.is_success() {
        return Err(not_websocket(&format!("HTTP {} instead of 101", status.as_u16())));
    }
    if status != StatusCode::SWITCHING_PROTOCOLS {
        return Err(TransportError::HttpStatus { status: status.as_u16() });
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let accept =
        digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{ACCEPT_SUFFIX}").as_bytes());
    if !text(UPGRADE).eq_ignore_ascii_case("websocket")
        || text(SEC_WEBSOCKET_ACCEPT) != BASE64.encode(accept.as_ref())
    {
        return Err(not_websocket("its answer to the upgrade is not that of a WebSocket"));
    }
    if text(SEC_WEBSOCKET_PROTOCOL) != SUBPROTOCOL {
        return Err(TransportError::BadSubprotocol);
    }
    Ok(())
}

fn not_websocket(reason: &str) -> TransportError {
    TransportError::NotWebsocket { reason: reason.to_owned() }
}
