//! From a URL to a byte stream: name look-up, TCP, the proxy, TLS.

use std::io;
use std::pin::Pin;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;
use url::Url;

use super::proxy::Proxy;
use super::tcp::Tcp;
use super::{TransportError, tcp, tls};
use crate::options::Config;
use crate::times::Milestone;

/// What TLS runs on: TCP, or a tunnel in the TLS of a proxy.
type Carrier = Either<Tcp, Pin<Box<dyn Tunnel>>>;

pub(super) trait Tunnel: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Tunnel for T {}

/// A connection to the server, over TLS or not. TLS keeps a kilobyte and a half, which the others need not pay for.
pub(super) type Connection = Either<Carrier, Box<TlsStream<Carrier>>>;

/// Connects to the host of a URL, telling `reached` of each phase. Returns the round trips it took as well.
///
/// The ways by a proxy and by TLS are boxed: they are most of what a future holds that goes neither.
pub(super) async fn connect(
    config: &Config,
    url: &Url,
    reached: &mut (dyn FnMut(Milestone) + Send),
) -> Result<(Connection, u32), TransportError> {
    let (carrier, mut round_trips) = match Proxy::of(config, url)? {
        Some(proxy) => match Box::pin(through(&proxy, config, url, reached)).await {
            Ok(carrier) => carrier,
            Err(error) => return Err(proxy.failed(error)),
        },
        None => (Either::Left(open(url, reached).await?), 1),
    };
    if !is_secure(url) {
        return Ok((Either::Left(carrier), round_trips));
    }
    let stream = Box::pin(secure(config, url, carrier)).await?;
    reached(Milestone::Tls);
    round_trips += handshakes(&stream);
    Ok((Either::Right(Box::new(stream)), round_trips))
}

/// By way of a proxy: the phases are those of the way to it.
async fn through(
    proxy: &Proxy,
    config: &Config,
    url: &Url,
    reached: &mut (dyn FnMut(Milestone) + Send),
) -> Result<(Carrier, u32), TransportError> {
    let stream = open(&proxy.url, reached).await?;
    if !is_secure(&proxy.url) {
        return Ok((Either::Left(proxy.tunnel(stream, url).await?), 2));
    }
    let stream = secure(config, &proxy.url, stream).await?;
    let round_trips = 2 + handshakes(&stream);
    Ok((Either::Right(Box::pin(proxy.tunnel(stream, url).await?)), round_trips))
}

async fn open(url: &Url, reached: &mut (dyn FnMut(Milestone) + Send)) -> Result<Tcp, TransportError> {
    let addresses = tcp::resolve(url).await?;
    reached(Milestone::Dns);
    let stream = tcp::connect(&addresses).await?;
    reached(Milestone::Tcp);
    Ok(stream)
}

fn is_secure(url: &Url) -> bool {
    matches!(url.scheme(), "wss" | "https")
}

fn handshakes<S>(stream: &TlsStream<S>) -> u32 {
    match stream.get_ref().1.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_2) => 2,
        _ => 1,
    }
}

/// `tls.serverName` is the name of the server of the service URL alone; a proxy has its own.
async fn secure<S: AsyncRead + AsyncWrite + Unpin>(
    config: &Config,
    url: &Url,
    stream: S,
) -> Result<TlsStream<S>, TransportError> {
    let client = tls::client_config(&config.tls)?;
    let host = url.host_str().unwrap_or_default();
    let own = config.tls.server_name.as_deref().filter(|_| url.host() == config.service_url.host());
    // ServerName wants an IPv6 address without the brackets of the URL.
    let host = own.unwrap_or(host).trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned()).map_err(|_| TransportError::TlsHandshake {
        reason: format!("{host} is not a name that TLS can use. Check serviceUrl."),
    })?;
    TlsConnector::from(Arc::clone(&client))
        .connect(name, stream)
        .await
        .map_err(|error| tls::handshake_error(host, &error))
}

pub(super) fn lost(error: &io::Error) -> TransportError {
    if let Some(reason) = tls::refusal(error) {
        return TransportError::TlsHandshake { reason };
    }
    match error.kind() {
        // A peer that is gone without a word: TCP's end of file, or TLS's without its close_notify.
        io::ErrorKind::UnexpectedEof => TransportError::Closed,
        _ => TransportError::Lost { reason: error.to_string() },
    }
}
