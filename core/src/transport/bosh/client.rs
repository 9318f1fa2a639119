//! Requests over HTTP on connections that are kept (XEP-0124, section 8).

use std::future::poll_fn;
use std::io::Read;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use flate2::Compression;
use flate2::read::{GzEncoder, MultiGzDecoder};
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HOST};
use hyper::{Request, Response as HttpResponse};
use hyper_util::rt::TokioIo;
use url::{Position, Url};

use super::machine::{Post, Response};
use crate::link::BoxFuture;
use crate::options::Config;
use crate::times::Milestone;
use crate::transport::http::http_error;
use crate::transport::{TransportError, connector};

/// Less than this is not worth compressing.
const SMALL: usize = 1024;

/// The connections to a server, as many as requests are ever open at once.
pub(super) struct Client {
    config: Arc<Config>,
    url: Url,
    idle: Vec<Channel>,
    /// One that will be needed, on its way.
    opening: Option<BoxFuture<Result<Channel, TransportError>>>,
}

/// A connection that speaks HTTP.
pub(super) struct Channel {
    sender: SendRequest<Payload>,
    /// None once it has ended.
    connection: Option<BoxFuture<hyper::Result<()>>>,
}

/// A request under way.
pub(super) struct Exchange {
    pub rid: u64,
    pub attempt: u32,
    written: Arc<AtomicBool>,
    /// The bytes of the answer that have come, and those that were known of.
    received: Arc<AtomicUsize>,
    seen: usize,
    future: BoxFuture<(Result<Response, TransportError>, Option<Channel>)>,
}

impl Client {
    pub(super) const fn new(config: Arc<Config>, url: Url) -> Self {
        Self { config, url, idle: Vec::new(), opening: None }
    }

    /// Opens the first connection; returns the round trips it took.
    pub(super) async fn open(
        &mut self,
        reached: &mut (dyn FnMut(Milestone) + Send),
    ) -> Result<u32, TransportError> {
        let (channel, round_trips) = connect(&self.config, &self.url, reached).await?;
        self.idle.push(channel);
        Ok(round_trips)
    }

    /// Opens another connection beside, so that the next request need not wait for it.
    pub(super) fn prepare(&mut self) {
        let (config, url) = (Arc::clone(&self.config), self.url.clone());
        self.opening = Some(Box::pin(async move {
            let (channel, _) = connect(&config, &url, &mut |_| {}).await?;
            Ok(channel)
        }));
    }

    /// Drives the connection that is being opened.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) {
        if let Some(opening) = &mut self.opening
            && let Poll::Ready(channel) = opening.as_mut().poll(cx)
        {
            self.opening = None;
            // Whoever needs it will try again.
            self.idle.extend(channel);
        }
    }

    pub(super) fn keep(&mut self, channel: Channel) {
        self.idle.push(channel);
    }

    pub(super) fn post(&mut self, post: Post) -> Exchange {
        let written = Arc::new(AtomicBool::new(false));
        let (config, url) = (Arc::clone(&self.config), self.url.clone());
        let idle = self.idle.pop();
        let opening = if idle.is_none() { self.opening.take() } else { None };
        let received = Arc::new(AtomicUsize::new(0));
        let (flag, count) = (Arc::clone(&written), Arc::clone(&received));
        let Post { rid, attempt, body, gzip } = post;
        let future = Box::pin(async move {
            let (body, gzip) = if gzip { compress(body) } else { (body, false) };
            let limit = config.max_stanza_bytes;
            let mut request = match request(&config, &url, Payload::new(body, flag), gzip) {
                Ok(request) => request,
                Err(error) => return (Err(error), idle),
            };
            if let Some(channel) = idle {
                match channel.exchange(request, limit, &count).await {
                    Sent::Yes(outcome, channel) => return (outcome, channel),
                    // A server closes a connection that is idle whenever it likes.
                    Sent::No(returned, _) => request = *returned,
                }
            }
            let opened = async {
                match opening {
                    Some(opening) => opening.await,
                    None => connect(&config, &url, &mut |_| {}).await.map(|(channel, _)| channel),
                }
            };
            let patience = config.http_timeout;
            match tokio::time::timeout(patience, opened).await {
                Ok(Ok(channel)) => match channel.exchange(request, limit, &count).await {
                    Sent::Yes(outcome, channel) => (outcome, channel),
                    Sent::No(_, error) => (Err(error), None),
                },
                Ok(Err(error)) => (Err(error), None),
                Err(_) => (Err(TransportError::Timeout { patience }), None),
            }
        });
        Exchange { rid, attempt, written, received, seen: 0, future }
    }
}

impl Exchange {
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<(Result<Response, TransportError>, Option<Channel>)> {
        self.future.as_mut().poll(cx)
    }

    /// Whether more of the answer has come since this was asked.
    pub(super) fn has_progressed(&mut self) -> bool {
        let received = self.received.load(Ordering::Relaxed);
        std::mem::replace(&mut self.seen, received) != received
    }

    /// Whether the whole request has been handed to the network.
    pub(super) fn is_written(&self) -> bool {
        self.written.load(Ordering::Relaxed)
    }
}

async fn connect(
    config: &Config,
    url: &Url,
    reached: &mut (dyn FnMut(Milestone) + Send),
) -> Result<(Channel, u32), TransportError> {
    let (stream, round_trips) = connector::connect(config, url, reached).await?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(http_error)?;
    Ok((Channel { sender, connection: Some(Box::pin(connection)) }, round_trips))
}

/// Whether a request has left.
enum Sent {
    /// What came of it, and the connection if it can be used again.
    Yes(Result<Response, TransportError>, Option<Channel>),
    /// The connection had ended before.
    No(Box<Request<Payload>>, TransportError),
}

impl Channel {
    async fn exchange(mut self, request: Request<Payload>, limit: usize, received: &AtomicUsize) -> Sent {
        // Whether it is still open shows when it is looked at. One that has ended tells nobody that waits for it.
        let ready = poll_fn(|cx| match poll_connection(&mut self.connection, cx) {
            Ok(true) => self.sender.poll_ready(cx).map_err(http_error),
            Ok(false) => Poll::Ready(Err(TransportError::Closed)),
            Err(error) => Poll::Ready(Err(http_error(error))),
        });
        if let Err(error) = ready.await {
            return Sent::No(Box::new(request), not_bosh(error));
        }
        let (sender, connection) = (&mut self.sender, &mut self.connection);
        let mut returned = None;
        let answer = async {
            match sender.try_send_request(request).await {
                Ok(response) => read(response, limit, received).await,
                Err(mut error) => {
                    returned = error.take_message();
                    Err(http_error(error.into_error()))
                }
            }
        };
        let mut answer = Box::pin(answer);
        let outcome = poll_fn(|cx| match (answer.as_mut().poll(cx), poll_connection(connection, cx)) {
            (Poll::Pending, Err(error)) => Poll::Ready(Err(http_error(error))),
            // It ends what waits for it when it goes.
            (Poll::Pending, Ok(false)) => answer.as_mut().poll(cx),
            (outcome, _) => outcome,
        });
        let outcome = outcome.await.map_err(not_bosh);
        drop(answer);
        match (returned, outcome) {
            (Some(request), Err(error)) => Sent::No(Box::new(request), error),
            (_, outcome) => {
                let again = outcome.is_ok() && self.connection.is_some() && !self.sender.is_closed();
                Sent::Yes(outcome, again.then_some(self))
            }
        }
    }
}

fn not_bosh(error: TransportError) -> TransportError {
    match error {
        TransportError::NotHttp { reason } => TransportError::NotBosh { reason },
        other => other,
    }
}

/// Keeps a connection going; false if it has ended.
fn poll_connection(
    connection: &mut Option<BoxFuture<hyper::Result<()>>>,
    cx: &mut Context<'_>,
) -> hyper::Result<bool> {
    let ended = connection.as_mut().map(|connection| connection.as_mut().poll(cx));
    if let Some(Poll::Ready(end)) = ended {
        *connection = None;
        end?;
    }
    Ok(connection.is_some())
}

fn request(
    config: &Config,
    url: &Url,
    payload: Payload,
    gzip: bool,
) -> Result<Request<Payload>, TransportError> {
    let mut builder = Request::post(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, &url[Position::BeforeHost..Position::AfterPort])
        .header(CONTENT_TYPE, "text/xml; charset=utf-8")
        .header(ACCEPT_ENCODING, "gzip");
    if gzip {
        builder = builder.header(CONTENT_ENCODING, "gzip");
    }
    for (name, value) in &config.headers {
        builder = builder.header(name, value);
    }
    let unusable = || TransportError::NotHttp { reason: "the URL cannot be asked for".to_owned() };
    builder.body(payload).map_err(|_| unusable())
}

async fn read(
    response: HttpResponse<Incoming>,
    limit: usize,
    received: &AtomicUsize,
) -> Result<Response, TransportError> {
    let status = response.status().as_u16();
    let gzip = response.headers().get(CONTENT_ENCODING).is_some_and(|encoding| encoding == "gzip");
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(http_error)?.into_data() {
            if data.len() > limit - bytes.len() {
                return Err(TransportError::TooLarge { limit });
            }
            bytes.extend_from_slice(&data);
            received.store(bytes.len(), Ordering::Relaxed);
        }
    }
    let bytes = if gzip { decompress(&bytes, limit)? } else { bytes };
    // The page of an error may be in any encoding, and is not read.
    if status != 200 {
        return Ok(Response { status, body: String::new() });
    }
    let bad = |_| TransportError::BadFrame { reason: "an answer that is not UTF-8".to_owned() };
    Ok(Response { status, body: String::from_utf8(bytes).map_err(bad)? })
}

fn compress(body: Bytes) -> (Bytes, bool) {
    let mut compressed = Vec::new();
    let worth = body.len() >= SMALL
        && GzEncoder::new(&body[..], Compression::fast()).read_to_end(&mut compressed).is_ok()
        && compressed.len() < body.len();
    if worth { (compressed.into(), true) } else { (body, false) }
}

/// As much as a frame may have, however small it was packed.
fn decompress(bytes: &[u8], limit: usize) -> Result<Vec<u8>, TransportError> {
    let mut plain = Vec::new();
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let read = MultiGzDecoder::new(bytes).take(bound).read_to_end(&mut plain);
    let bad = |_| TransportError::BadFrame { reason: "an answer that cannot be decompressed".to_owned() };
    if read.map_err(bad)? > limit { Err(TransportError::TooLarge { limit }) } else { Ok(plain) }
}

/// The body of a request, which tells when it has been taken.
pub(super) struct Payload {
    bytes: Option<Bytes>,
    written: Arc<AtomicBool>,
}

impl Payload {
    const fn new(bytes: Bytes, written: Arc<AtomicBool>) -> Self {
        Self { bytes: Some(bytes), written }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let bytes = self.bytes.take();
        self.written.store(true, Ordering::Relaxed);
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compressed_reads_back_and_a_bomb_does_not_go_off() {
        let text = Bytes::from("<a/>".repeat(10_000));
        let (small, gzip) = compress(text.clone());
        assert!(gzip && small.len() < text.len() / 10);
        assert_eq!(decompress(&small, text.len()).unwrap(), text);
        assert_eq!(
            decompress(&small, text.len() - 1),
            Err(TransportError::TooLarge { limit: text.len() - 1 })
        );
        assert!(matches!(decompress(b"no gzip", 10), Err(TransportError::BadFrame { .. })));
        assert_eq!(compress(Bytes::from("short")), (Bytes::from("short"), false));
    }
}
