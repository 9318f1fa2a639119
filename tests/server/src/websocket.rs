//! A connection: TLS, the WebSocket upgrade, and frames to and from the stream.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};
use tokio_util::either::Either;

use crate::stream::{Reply, Stream};
use crate::{Faults, Shared, UpgradeFault};

const SUBPROTOCOL: &str = "Sec-WebSocket-Protocol";
/// A test may have thousands of connections; the library's default of 128 KiB each is for other servers.
const READ_BUFFER: usize = 4096;

pub(crate) async fn serve(socket: TcpStream, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let faults = shared.state().faults;
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
            let options = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
            if let Ok(socket) = accept_hdr_async_with_config(socket, Upgrade(faults), Some(options)).await {
                converse(socket, faults, &shared).await;
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

/// Answers the upgrade request.
struct Upgrade(Faults);

impl Callback for Upgrade {
    fn on_request(self, request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
        if self.0.upgrade == Some(UpgradeFault::Refuse) {
            return Err(refusal(self.0.status.unwrap_or(503)));
        }
        let offered = request.headers().get_all(SUBPROTOCOL).iter().filter_map(|value| value.to_str().ok());
        if !offered.flat_map(|value| value.split(',')).any(|protocol| protocol.trim() == "xmpp") {
            return Err(refusal(400));
        }
        if self.0.upgrade != Some(UpgradeFault::NoSubprotocol) {
            response.headers_mut().insert(SUBPROTOCOL, HeaderValue::from_static("xmpp"));
        }
        Ok(response)
    }
}

fn refusal(status: u16) -> ErrorResponse {
    let mut response = ErrorResponse::new(None);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    response
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    mut socket: WebSocketStream<S>,
    faults: Faults,
    shared: &Arc<Shared>,
) {
    let mut stream = Stream::new(faults, Arc::clone(shared));
    let mut close = shared.close.subscribe();
    loop {
        let replies = tokio::select! {
            frame = socket.next() => match frame {
                Some(Ok(Message::Text(frame))) => stream.handle_frame(&frame),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                // RFC 7395 allows text only; everything else ends the connection.
                Some(Ok(_)) | Some(Err(_)) | None => return,
            },
            Ok(()) = close.changed() => stream.close(),
        };
        for reply in replies {
            let sent = match reply {
                Reply::Text(text) => socket.feed(Message::text(text)).await,
                Reply::Binary(bytes) => socket.feed(Message::binary(bytes)).await,
                Reply::End => return drop(socket.close(None).await),
                Reply::Cut => return,
            };
            if sent.is_err() {
                return;
            }
        }
        if socket.flush().await.is_err() {
            return;
        }
    }
}
