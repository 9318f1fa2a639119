//! A connection: TLS, faults in place of HTTP, then HTTP until it becomes a WebSocket.

pub(crate) mod reply;

use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode, Version};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_util::either::Either;

use self::reply::Reply;
use crate::bosh::{self, Cut};
use crate::conference::{self, LONGEST};
use crate::stream::Query;
use crate::websocket::converse;
use crate::{Faults, HealthFault, Shared, UpgradeFault};

pub(crate) const WEBSOCKET: &str = "/xmpp-websocket";
pub(crate) const BOSH: &str = "/http-bind";
pub(crate) const HEALTH: &str = "/health";
pub(crate) const CONFERENCE_REQUEST: &str = "/conference-request/v1";
const SHARD: HeaderName = HeaderName::from_static("x-jitsi-shard");
/// A test may have thousands of connections; the library's default of 128 KiB each is for other servers.
const READ_BUFFER: usize = 4096;
/// The longest head of a request, and what hyper writes ahead of a client.
const HEAD: usize = 64 * 1024;

/// An HTTP request that the server has seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HttpRequest {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The header `Authorization`.
    pub authorization: Option<String>,
    /// The body.
    pub body: String,
    /// Whether it asks for a WebSocket.
    pub upgrade: bool,
}

pub(crate) async fn serve(socket: TcpStream, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let faults = shared.state().faults.clone();
    // Without it the second frame of a burst waits for the acknowledgement of the first.
    let _ = socket.set_nodelay(true);
    let socket = match tls {
        // A client that does not trust us ends the handshake: that is its good right.
        Some(acceptor) => match acceptor.accept(socket).await {
            Ok(socket) => {
                let certified = socket.get_ref().1.peer_certificates().is_some();
                shared.state().certified += u64::from(certified);
                Either::Left(socket)
            }
            Err(_) => return,
        },
        None => Either::Right(socket),
    };
    match faults.upgrade {
        Some(UpgradeFault::Silent) => swallow(socket).await,
        Some(UpgradeFault::NotHttp) => greet(socket, b"220 mail.example ESMTP\r\n").await,
        Some(UpgradeFault::WebPage) => {
            // A web server waits to be asked.
            let mut socket = socket;
            let _ = socket.read(&mut [0; 1024]).await;
            greet(socket, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nHi").await;
        }
        _ => speak_http(socket, faults, shared).await,
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

async fn speak_http<S: AsyncRead + AsyncWrite + Unpin>(socket: S, faults: Faults, shared: Arc<Shared>) {
    let upgraded = Mutex::new(None);
    let connection = http1::Builder::new()
        .max_buf_size(HEAD)
        .serve_connection(
            TokioIo::new(socket),
            service_fn(|request| async {
                let (reply, query) = route(request, &faults, &shared).await?;
                if query.is_some() {
                    *upgraded.lock().unwrap_or_else(PoisonError::into_inner) = query;
                }
                Ok::<_, Cut>(reply)
            }),
        )
        // The plain socket, and not hyper's upgrade of it: a WebSocket is to see each read and write as it is.
        .without_shutdown();
    // The client spoke no HTTP, or went away in the middle of it.
    let Ok(http1::Parts { io, read_buf, .. }) = connection.await else { return };
    let mut socket = io.into_inner();
    let Some(query) = upgraded.into_inner().unwrap_or_else(PoisonError::into_inner) else {
        let _ = socket.shutdown().await;
        return;
    };
    let options = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
    // A client may send its first frame with its request.
    let read = read_buf.to_vec();
    // It is as large as hyper made it, and the conversation may be long.
    drop(read_buf);
    let socket = WebSocketStream::from_partially_read(socket, read, Role::Server, Some(options)).await;
    converse(socket, query, faults, &shared).await;
}

/// Answers a request; the query of its URL too if the connection is a WebSocket from now on.
async fn route(
    request: Request<Incoming>,
    faults: &Faults,
    shared: &Arc<Shared>,
) -> Result<(Reply, Option<Query>), Cut> {
    let (head, body) = request.into_parts();
    let upgrade = head.headers.contains_key(UPGRADE) || head.headers.contains_key(SEC_WEBSOCKET_KEY);
    let bosh = head.uri.path() == BOSH && head.method == Method::POST;
    let body = match upgrade {
        // What follows its head are frames.
        true => Some(Bytes::new()),
        false => Limited::new(body, if bosh { bosh::LONGEST } else { LONGEST })
            .collect()
            .await
            .ok()
            .map(|body| body.to_bytes()),
    };
    let text = body.as_ref().filter(|_| bosh).and_then(|body| bosh::readable(&head.headers, body));
    let lossy = || body.as_deref().map(|body| String::from_utf8_lossy(body).into_owned());
    let readable = text.clone().or_else(lossy).unwrap_or_default();
    shared.carried(|| format!("{} {:?}\n{readable}", head.uri, head.headers));
    shared.requests.add(HttpRequest {
        method: head.method.to_string(),
        path: head.uri.path_and_query().map_or_else(|| head.uri.to_string(), ToString::to_string),
        authorization: reply::authorization(&head.headers),
        body: readable,
        upgrade,
    });
    if upgrade {
        let well_formed = head.method == Method::GET && head.version == Version::HTTP_11;
        return Ok(match accept_upgrade(&head.headers, well_formed, faults) {
            Ok(reply) => (reply, Some(Query::parse(head.uri.query().unwrap_or_default()))),
            Err(status) => (refuse_upgrade(status), None),
        });
    }
    let Some(body) = body else { return Ok((reply::text(413, "too large\n"), None)) };
    if bosh {
        let query = head.uri.query().unwrap_or_default();
        return Ok((bosh::answer(shared, &head.headers, query, text).await?, None));
    }
    let reply = match (head.uri.path(), head.method) {
        (WEBSOCKET | BOSH | HEALTH, Method::GET) => health(shared).await,
        (CONFERENCE_REQUEST, Method::POST) => conference::http::answer(shared, &head.headers, &body).await,
        (WEBSOCKET | BOSH | HEALTH | CONFERENCE_REQUEST, _) => reply::text(405, "not with this method\n"),
        _ => reply::text(404, "nothing is here\n"),
    };
    Ok((reply, None))
}

/// The answer that makes the connection a WebSocket, or the status of the refusal.
fn accept_upgrade(headers: &HeaderMap, well_formed: bool, faults: &Faults) -> Result<Reply, u16> {
    if faults.upgrade == Some(UpgradeFault::Refuse) {
        return Err(faults.status.unwrap_or(503));
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|_| {
        well_formed
            && lists(headers, CONNECTION, |item| item.eq_ignore_ascii_case("upgrade"))
            && lists(headers, UPGRADE, |item| item.eq_ignore_ascii_case("websocket"))
            && headers.get(SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13")
            && lists(headers, SEC_WEBSOCKET_PROTOCOL, |item| item == "xmpp")
    });
    let key = derive_accept_key(key.ok_or(400u16)?.as_bytes());
    let mut reply = reply::empty(StatusCode::SWITCHING_PROTOCOLS);
    let headers = reply.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, HeaderValue::from_str(&key).map_err(|_| 400u16)?);
    if faults.upgrade != Some(UpgradeFault::NoSubprotocol) {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("xmpp"));
    }
    Ok(reply)
}

fn refuse_upgrade(status: u16) -> Reply {
    let mut reply = reply::empty(reply::final_status(status));
    // What the client may have sent behind its request is no HTTP.
    reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    reply
}

/// Whether a header that is a list has such an item.
fn lists(headers: &HeaderMap, name: HeaderName, wanted: impl Fn(&str) -> bool) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| wanted(item.trim()))
}

async fn health(shared: &Shared) -> Reply {
    let (fault, status, shard) = {
        let state = shared.state();
        (state.faults.health, state.faults.status, state.deployment.shard.clone())
    };
    let mut reply = match fault {
        Some(HealthFault::Silent) => std::future::pending().await,
        Some(HealthFault::Status) => reply::text(status.unwrap_or(503), "not well\n"),
        Some(HealthFault::Endless) => reply::endless(200),
        Some(HealthFault::NoShard) => return reply::text(200, "well\n"),
        None => reply::text(200, "well\n"),
    };
    // What cannot be in a header cannot be sent.
    if let Some(shard) = shard.and_then(|shard| HeaderValue::from_str(&shard).ok()) {
        reply.headers_mut().insert(SHARD, shard);
    }
    reply
}
