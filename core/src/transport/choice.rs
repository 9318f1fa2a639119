//! The transport of a connection, whichever the scheme of its service URL asks for.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use url::Url;

use super::TransportError;
use super::bosh::Bosh;
use super::websocket::WebSocket;
use crate::frame::Frame;
use crate::options::Config;
use crate::session::Attachment;
use crate::times::Milestone;

/// Carries frames as RFC 7395 has them: on BOSH too a stream begins with `<open/>` and ends with `<close/>`.
pub(crate) enum Transport {
    WebSocket(Box<WebSocket>),
    Bosh(Box<Bosh>),
}

impl Transport {
    /// Only on BOSH is there something to attach to.
    pub(crate) async fn open(
        config: &Arc<Config>,
        url: Url,
        attachment: Option<Attachment>,
        reached: &mut (dyn FnMut(Milestone) + Send),
    ) -> Result<Self, TransportError> {
        Ok(if config.uses_bosh() {
            let opening = Bosh::open(Arc::clone(config), url, attachment, reached);
            Self::Bosh(Box::new(Box::pin(opening).await?))
        } else {
            Self::WebSocket(Box::new(WebSocket::open(config, &url, reached).await?))
        })
    }

    /// What it took to open it.
    pub(crate) const fn round_trips(&self) -> u32 {
        match self {
            Self::WebSocket(websocket) => websocket.round_trips(),
            Self::Bosh(bosh) => bosh.round_trips(),
        }
    }

    /// When the last byte came, of a whole frame or not. BOSH does not tell: each of its answers comes in one piece.
    pub(crate) const fn last_read(&self) -> Option<Instant> {
        match self {
            Self::WebSocket(websocket) => Some(websocket.last_read()),
            Self::Bosh(_) => None,
        }
    }

    /// Queues a frame.
    pub(crate) fn send(&mut self, frame: &str) {
        match self {
            Self::WebSocket(websocket) => websocket.send(frame),
            Self::Bosh(bosh) => bosh.send(frame),
        }
    }

    /// Sends what is queued, as far as the peer takes it. Tells whether that emptied the queue.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, TransportError>> {
        match self {
            Self::WebSocket(websocket) => websocket.poll_flush(cx),
            Self::Bosh(bosh) => bosh.poll_flush(cx),
        }
    }

    /// Reads the next frame.
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, TransportError>> {
        match self {
            Self::WebSocket(websocket) => websocket.poll_frame(cx),
            Self::Bosh(bosh) => bosh.poll_frame(cx),
        }
    }

    /// Closes it in an orderly way, behind what is queued. The caller sets the deadline.
    pub(crate) async fn close(self) {
        match self {
            Self::WebSocket(websocket) => websocket.close().await,
            Self::Bosh(bosh) => bosh.close().await,
        }
    }
}
