//! XMPP over WebSocket (RFC 7395): one frame, one text message.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::{Sink, Stream};
use http::Request;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use url::Url;

use super::TransportError;
use super::connector::{self, Connection};
use crate::options::Config;
use crate::times::Milestone;

/// Small enough for thousands of idle connections; a burst takes more reads, not more memory.
const READ_BUFFER: usize = 4096;

/// An open WebSocket. Frames are queued by `send` and go out by `poll_flush`.
pub(crate) struct WebSocket {
    stream: WebSocketStream<Connection>,
    limit: usize,
    round_trips: u32,
    unflushed: bool,
}

impl WebSocket {
    pub(crate) async fn open(
        config: &Config,
        url: &Url,
        reached: &mut (dyn FnMut(Milestone) + Send),
    ) -> Result<Self, TransportError> {
        let (connection, round_trips) = connector::connect(config, reached).await?;
        let limit = config.max_stanza_bytes;
        let options = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .max_message_size(Some(limit))
            .max_frame_size(Some(limit));
        let (stream, _response) = client_async_with_config(upgrade_request(url)?, connection, Some(options))
            .await
            .map_err(upgrade_error)?;
        reached(Milestone::Upgrade);
        Ok(Self { stream, limit, round_trips: round_trips + 1, unflushed: false })
    }

    /// What it took to open it.
    pub(crate) const fn round_trips(&self) -> u32 {
        self.round_trips
    }

    /// Queues a frame. All that is queued before the next flush goes out in one write.
    pub(crate) fn send(&mut self, frame: String) -> Result<(), TransportError> {
        self.unflushed = true;
        let message = Message::Text(Utf8Bytes::from(frame));
        let started = Pin::new(&mut self.stream).start_send(message);
        started.map_err(|error| self.stream_error(error))
    }

    /// Writes what is queued, as far as the peer takes it. Tells whether that emptied the queue.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, TransportError>> {
        if !self.unflushed {
            return Poll::Ready(Ok(false));
        }
        let flushed = ready!(Pin::new(&mut self.stream).poll_flush(cx));
        flushed.map_err(|error| self.stream_error(error))?;
        self.unflushed = false;
        Poll::Ready(Ok(true))
    }

    /// Reads the next frame.
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Result<Utf8Bytes, TransportError>> {
        loop {
            match ready!(Pin::new(&mut self.stream).poll_next(cx)) {
                Some(Ok(Message::Text(frame))) => return Poll::Ready(Ok(frame)),
                Some(Ok(Message::Binary(_))) => {
                    let reason = "it sent a binary frame".to_owned();
                    return Poll::Ready(Err(TransportError::BadFrame { reason }));
                }
                // The library answers pings by itself, before it reads on.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(self.stream_error(error))),
                None => return Poll::Ready(Err(TransportError::Closed)),
            }
        }
    }

    /// Sends the WebSocket's own close frame behind what is queued and writes it all. The caller sets the deadline.
    pub(crate) async fn close(mut self) {
        // A peer that is gone already needs no goodbye, so the outcome does not matter.
        let _ = poll_fn(|cx| Pin::new(&mut self.stream).poll_close(cx)).await;
    }

    fn stream_error(&self, error: Error) -> TransportError {
        match error {
            Error::Capacity(CapacityError::MessageTooLong { .. }) => {
                TransportError::TooLarge { limit: self.limit }
            }
            Error::Io(error) => connector::lost(&error),
            Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Protocol(
                ProtocolError::ResetWithoutClosingHandshake | ProtocolError::SendAfterClosing,
            ) => TransportError::Closed,
            other => TransportError::BadFrame { reason: other.to_string() },
        }
    }
}

/// As short as a request can be: deployments limit the bytes that a client may send in a second.
fn upgrade_request(url: &Url) -> Result<Request<()>, TransportError> {
    let authority = url.port().map_or_else(
        || url.host_str().unwrap_or_default().to_owned(),
        |port| format!("{}:{port}", url.host_str().unwrap_or_default()),
    );
    let query = url.query().map_or_else(String::new, |query| format!("?{query}"));
    Request::get(format!("{}://{authority}{}{query}", url.scheme(), url.path()))
        .header("Host", authority)
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", generate_key())
        .header("Sec-WebSocket-Protocol", "xmpp")
        .body(())
        .map_err(|_| TransportError::NotWebsocket {
            reason: "the URL cannot be asked for over HTTP".to_owned(),
        })
}

fn upgrade_error(error: Error) -> TransportError {
    match error {
        Error::Http(response) if response.status().is_success() || response.status().is_informational() => {
            TransportError::NotWebsocket {
                reason: format!("HTTP {} instead of 101", response.status().as_u16()),
            }
        }
        Error::Http(response) => TransportError::HttpStatus { status: response.status().as_u16() },
        Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(_)) => TransportError::BadSubprotocol,
        Error::Protocol(ProtocolError::HandshakeIncomplete) => TransportError::Closed,
        Error::Io(error) => connector::lost(&error),
        other => TransportError::NotWebsocket { reason: other.to_string() },
    }
}
