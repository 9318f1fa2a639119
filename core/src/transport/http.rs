//! Requests over HTTP, each on a connection of its own: they are a minute or more apart.

use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use url::Position;

use super::{TransportError, connector};
use crate::options::Config;
use crate::session::{HttpAnswer, HttpRequest};

/// The answer to a conference request has a few hundred bytes.
const MAX_BODY: usize = 64 * 1024;
/// What answers a request for another protocol: a status and some headers.
const MAX_SWITCH: usize = 16 * 1024;
const SHARD: &str = "x-jitsi-shard";

/// Sends a request and reads the answer, within `patience`.
pub(crate) async fn send(
    config: &Config,
    request: HttpRequest,
    patience: Duration,
) -> Result<HttpAnswer, TransportError> {
    match tokio::time::timeout(patience, exchange(config, request)).await {
        Ok(answer) => answer,
        Err(_) => Err(TransportError::Timeout { patience }),
    }
}

async fn exchange(config: &Config, request: HttpRequest) -> Result<HttpAnswer, TransportError> {
    let reads_body = request.json.is_some();
    let message = message(config, &request)?;
    let (stream, _) = connector::connect(config, &request.url, &mut |_| {}).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(http_error)?;
    let answer = async {
        let response = sender.send_request(message).await.map_err(http_error)?;
        read(response, reads_body).await
    };
    drive(answer, connection).await
}

/// Awaits what is done on a connection, and keeps the connection going meanwhile. One that ends without an error may
/// have been taken over: what is done on it knows.
async fn drive<T>(
    exchange: impl Future<Output = Result<T, TransportError>>,
    connection: impl Future<Output = hyper::Result<()>>,
) -> Result<T, TransportError> {
    let (mut exchange, mut connection) = (pin!(exchange), pin!(connection));
    let mut ended = false;
    loop {
        tokio::select! {
            biased;
            outcome = &mut exchange => return outcome,
            end = &mut connection, if !ended => {
                end.map_err(http_error)?;
                ended = true;
            }
        }
    }
}

/// Sends a request that asks for another protocol on its connection: the answer, and the connection if `agreed` takes
/// the answer for a yes.
pub(super) async fn switch<S>(
    stream: S,
    request: Request<Empty<Bytes>>,
    agreed: impl FnOnce(&Response<Incoming>) -> Result<(), TransportError>,
) -> Result<S, TransportError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = http1::Builder::new();
    let handshake = builder.max_buf_size(MAX_SWITCH).handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(http_error)?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(http_error)?;
        agreed(&response)?;
        hyper::upgrade::on(response).await.map_err(http_error)
    };
    let upgraded = drive(exchange, connection.with_upgrades()).await?;
    let unexpected = |reason: &str| TransportError::NotHttp { reason: reason.to_owned() };
    let parts = upgraded.downcast::<TokioIo<S>>().map_err(|_| unexpected("the connection was replaced"))?;
    if !parts.read_buf.is_empty() {
        return Err(unexpected("it spoke before it was spoken to"));
    }
    Ok(parts.io.into_inner())
}

fn message(config: &Config, request: &HttpRequest) -> Result<Request<Full<Bytes>>, TransportError> {
    let url = &request.url;
    let unusable = || TransportError::NotHttp { reason: "the URL cannot be asked for".to_owned() };
    let method = if request.json.is_some() { "POST" } else { "GET" };
    let mut builder = Request::builder()
        .method(method)
        .uri(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, &url[Position::BeforeHost..Position::AfterPort]);
    if request.json.is_some() {
        builder = builder.header(CONTENT_TYPE, "application/json");
    }
    for (name, value) in &config.headers {
        builder = builder.header(name, value);
    }
    if let Some(token) = &request.token {
        let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| unusable())?;
        value.set_sensitive(true);
        builder = builder.header(AUTHORIZATION, value);
    }
    let body = request.json.clone().unwrap_or_default();
    builder.body(Full::from(body)).map_err(|_| unusable())
}

async fn read(response: Response<Incoming>, reads_body: bool) -> Result<HttpAnswer, TransportError> {
    let status = response.status().as_u16();
    let shard = response.headers().get(SHARD).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
    let mut body = String::new();
    if reads_body {
        let limited = Limited::new(response.into_body(), MAX_BODY).collect().await;
        let bytes =
            limited.map_err(|error| TransportError::NotHttp { reason: error.to_string() })?.to_bytes();
        body = String::from_utf8_lossy(&bytes).into_owned();
    }
    Ok(HttpAnswer { status, shard, body })
}

/// Looks for the cause: hyper cancels a request for whatever befalls its connection.
#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
pub(super) fn http_error(error: hyper::Error) -> TransportError {
    let first: &(dyn Error + 'static) = &error;
    let chain = || std::iter::successors(Some(first), |&error| error.source());
    if let Some(error) = chain().find_map(|error| error.downcast_ref::<io::Error>()) {
        return connector::lost(error);
    }
    let ended =
        |error: &hyper::Error| error.is_incomplete_message() || error.is_canceled() || error.is_closed();
    let cause = chain().filter_map(|error| error.downcast_ref::<hyper::Error>()).find(|error| !ended(error));
    match cause {
        Some(cause) => TransportError::NotHttp { reason: cause.to_string() },
        None => TransportError::Closed,
    }
}
