//! XMPP over WebSocket (RFC 7395): one frame, one text message.

use std::cell::RefCell;
use std::future::poll_fn;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use data_encoding::BASE64;
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL};
use hyper::header::{SEC_WEBSOCKET_VERSION, UPGRADE};
use hyper::{HeaderMap, Request, Response, StatusCode};
use ring::digest;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use url::{Position, Url};

use super::TransportError;
use super::connector::{self, Connection};
use super::framing::{self, Decoder, FramingError};
use crate::frame::Frame;
use crate::options::Config;
use crate::times::Milestone;

/// RFC 6455, section 1.3.
const ACCEPT_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const SUBPROTOCOL: &str = "xmpp";

/// How much is read at once, when something is there to be read.
const READ: usize = 64 * 1024;
/// Less than this of a frame is copied from one buffer to the next.
const SMALL: usize = 4 * 1024;
/// How many buffers a thread keeps for its connections.
const SPARE: usize = 4;

thread_local!(static BUFFERS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) });

/// An open WebSocket. Frames are queued by `send` and go out by `poll_flush`. Between frames it holds no buffer: what
/// is read goes through one that the connections of a thread share, and only what is left of it is kept.
pub(crate) struct WebSocket {
    connection: Connection,
    decoder: Decoder,
    limit: usize,
    /// What has arrived and not been taken lies in `waiting` of it. Borrowed from the thread while there is much.
    buffer: Vec<u8>,
    waiting: Range<usize>,
    /// What is to be written, and how much of it has been.
    out: Vec<u8>,
    written: usize,
    unflushed: bool,
    closing: bool,
    round_trips: u32,
    last_read: Instant,
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
        Ok(Self {
            connection,
            decoder: Decoder::new(config.max_stanza_bytes),
            limit: config.max_stanza_bytes,
            buffer: Vec::new(),
            waiting: 0..0,
            out: Vec::new(),
            written: 0,
            unflushed: false,
            closing: false,
            round_trips: round_trips + 1,
            last_read: Instant::now(),
        })
    }

    /// What it took to open it.
    pub(crate) const fn round_trips(&self) -> u32 {
        self.round_trips
    }

    /// When the last byte came, of a whole frame or not.
    pub(crate) const fn last_read(&self) -> Instant {
        self.last_read
    }

    /// Queues a frame. All that is queued before the next flush goes out in one write.
    pub(crate) fn send(&mut self, frame: &str) {
        if !self.closing {
            framing::encode_text(&mut self.out, frame);
            self.unflushed = true;
        }
    }

    /// Writes what is queued, as far as the peer takes it. Tells whether that emptied the queue of frames.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, TransportError>> {
        if self.out.is_empty() {
            return Poll::Ready(Ok(false));
        }
        while self.written < self.out.len() {
            let rest = &self.out[self.written..];
            match ready!(Pin::new(&mut self.connection).poll_write(cx, rest)) {
                Ok(0) => return Poll::Ready(Err(TransportError::Closed)),
                Ok(count) => self.written += count,
                Err(error) => return Poll::Ready(Err(connector::lost(&error))),
            }
        }
        ready!(Pin::new(&mut self.connection).poll_flush(cx)).map_err(|error| connector::lost(&error))?;
        // An idle connection needs no buffer to write from.
        self.out = Vec::new();
        self.written = 0;
        Poll::Ready(Ok(std::mem::take(&mut self.unflushed)))
    }

    /// Reads the next frame.
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, TransportError>> {
        loop {
            let decoded = self.decoder.decode(&self.buffer[self.waiting.clone()]);
            match decoded.map_err(|error| self.framing_error(&error))? {
                Some((incoming, used)) => {
                    self.waiting.start += used;
                    match incoming {
                        Some(framing::Incoming::Text(frame)) => return Poll::Ready(Ok(frame)),
                        Some(framing::Incoming::Ping(payload)) => self.answer_ping(cx, &payload)?,
                        Some(framing::Incoming::Close) => {
                            self.answer_close(cx);
                            return Poll::Ready(Err(TransportError::Closed));
                        }
                        None => {}
                    }
                }
                None => {
                    ready!(self.poll_fill(cx))?;
                    self.last_read = Instant::now();
                }
            }
        }
    }

    /// Reads what is there, behind what is left of what came before.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        if self.waiting.len() < SMALL { self.poll_fill_borrowed(cx) } else { self.poll_fill_own(cx) }
    }

    /// With little or nothing left, into a buffer that is kept only if something is there.
    fn poll_fill_borrowed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        let mut buffer = BUFFERS.with_borrow_mut(Vec::pop).unwrap_or_else(|| vec![0; READ]);
        let kept = self.waiting.len();
        buffer[..kept].copy_from_slice(&self.buffer[self.waiting.clone()]);
        match poll_read(&mut self.connection, cx, &mut buffer[kept..]) {
            Poll::Ready(Ok(count)) => {
                give_back(std::mem::replace(&mut self.buffer, buffer));
                self.waiting = 0..kept + count;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                give_back(buffer);
                if self.buffer.len() != kept {
                    let rest = self.buffer[self.waiting.clone()].to_vec();
                    give_back(std::mem::replace(&mut self.buffer, rest));
                    self.waiting = 0..kept;
                }
                Poll::Pending
            }
        }
    }

    /// A long frame stays where it is; its buffer grows with what arrives.
    fn poll_fill_own(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        if self.waiting.start > 0 {
            self.buffer.copy_within(self.waiting.clone(), 0);
            self.waiting = 0..self.waiting.len();
        }
        if self.waiting.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let read = poll_read(&mut self.connection, cx, &mut self.buffer[self.waiting.end..]);
        read.map_ok(|count| self.waiting.end += count)
    }

    /// At once, since nothing else may be on its way out for a long time.
    fn answer_ping(&mut self, cx: &mut Context<'_>, payload: &[u8]) -> Result<(), TransportError> {
        framing::encode_pong(&mut self.out, payload);
        let unflushed = self.unflushed;
        let flushed = self.poll_flush(cx);
        // Frames that went out with it are still to be told of.
        self.unflushed |= unflushed;
        match flushed {
            Poll::Ready(Err(error)) => Err(error),
            Poll::Ready(Ok(_)) | Poll::Pending => Ok(()),
        }
    }

    fn answer_close(&mut self, cx: &mut Context<'_>) {
        if !std::mem::replace(&mut self.closing, true) {
            framing::encode_close(&mut self.out);
            // The peer may be gone already.
            let _ = self.poll_flush(cx);
        }
    }

    /// Sends the WebSocket's own close frame behind what is queued, writes it all, and waits for the peer to do the
    /// same. The caller sets the deadline.
    pub(crate) async fn close(mut self) {
        if !std::mem::replace(&mut self.closing, true) {
            framing::encode_close(&mut self.out);
        }
        // A peer that is gone already needs no goodbye, so the outcome does not matter.
        if poll_fn(|cx| self.poll_flush(cx)).await.is_ok() {
            while poll_fn(|cx| self.poll_frame(cx)).await.is_ok() {}
            let _ = poll_fn(|cx| Pin::new(&mut self.connection).poll_shutdown(cx)).await;
        }
    }

    fn framing_error(&self, error: &FramingError) -> TransportError {
        match error {
            FramingError::TooLarge => TransportError::TooLarge { limit: self.limit },
            FramingError::Protocol(problem) => TransportError::BadFrame { reason: (*problem).to_owned() },
        }
    }
}

/// Nothing is the end of the connection.
fn poll_read(
    connection: &mut Connection,
    cx: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<Result<usize, TransportError>> {
    let mut buffer = ReadBuf::new(buffer);
    let outcome = ready!(Pin::new(connection).poll_read(cx, &mut buffer));
    Poll::Ready(match (outcome, buffer.filled().len()) {
        (Ok(()), 0) => Err(TransportError::Closed),
        (Ok(()), count) => Ok(count),
        (Err(error), _) => Err(connector::lost(&error)),
    })
}

/// Only those of the common size are worth keeping.
fn give_back(buffer: Vec<u8>) {
    if buffer.len() == READ {
        BUFFERS.with_borrow_mut(|buffers| {
            if buffers.len() < SPARE {
                buffers.push(buffer);
            }
        });
    }
}

/// Asks for the WebSocket (RFC 6455, section 4.1), and gives the connection back once the server has agreed.
async fn upgrade(config: &Config, connection: Connection, url: &Url) -> Result<Connection, TransportError> {
    // No secret: it only has to be another one each time, as the keys that mask have to be.
    let nonce = [(); 4].map(|()| framing::masking_key());
    let key = BASE64.encode(nonce.as_flattened());
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
