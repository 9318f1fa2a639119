//! From a URL to a byte stream: name look-up, TCP, TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;
use url::{Host, Url};

use super::{TransportError, tls};
use crate::options::Config;
use crate::times::Milestone;

/// A connection to the server, over TLS or not. TLS keeps a kilobyte and a half, which the others need not pay for.
pub(super) type Connection = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// Connects to the host of the service URL, telling `reached` of each phase. Returns the round trips it took as well.
pub(super) async fn connect(
    config: &Config,
    reached: &mut (dyn FnMut(Milestone) + Send),
) -> Result<(Connection, u32), TransportError> {
    let url = &config.service_url;
    let addresses = resolve(url).await?;
    reached(Milestone::Dns);
    let stream = connect_tcp(&addresses).await?;
    reached(Milestone::Tcp);
    // Frames are written whole; waiting for more would only delay them.
    stream.set_nodelay(true).map_err(|error| lost(&error))?;
    if url.scheme() != "wss" {
        return Ok((Either::Left(stream), 1));
    }
    let stream = connect_tls(config, stream).await?;
    reached(Milestone::Tls);
    let handshake = match stream.get_ref().1.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_2) => 2,
        _ => 1,
    };
    Ok((Either::Right(Box::new(stream)), 1 + handshake))
}

async fn resolve(url: &Url) -> Result<Vec<SocketAddr>, TransportError> {
    let port = url.port_or_known_default().unwrap_or_default();
    let (host, found) = match url.host() {
        Some(Host::Ipv4(address)) => return Ok(vec![(address, port).into()]),
        Some(Host::Ipv6(address)) => return Ok(vec![(address, port).into()]),
        Some(Host::Domain(name)) => (name, tokio::net::lookup_host((name, port)).await),
        None => ("", Err(io::Error::other("the URL names no host"))),
    };
    let failed = |reason: String| TransportError::Dns { host: host.to_owned(), reason };
    let addresses: Vec<_> = found.map_err(|error| failed(error.to_string()))?.collect();
    if addresses.is_empty() { Err(failed("it has no address".to_owned())) } else { Ok(addresses) }
}

/// Tries the addresses in the resolver's order; the error is that of the last.
async fn connect_tcp(addresses: &[SocketAddr]) -> Result<TcpStream, TransportError> {
    let mut failure = TransportError::Closed;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                failure = TransportError::Refused { address: address.to_string() };
            }
            Err(error) => {
                failure =
                    TransportError::Unreachable { address: address.to_string(), reason: error.to_string() };
            }
        }
    }
    Err(failure)
}

async fn connect_tls(config: &Config, stream: TcpStream) -> Result<TlsStream<TcpStream>, TransportError> {
    let client = tls::client_config(&config.tls)?;
    let host = config.service_url.host_str().unwrap_or_default();
    // ServerName wants an IPv6 address without the brackets of the URL.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| TransportError::TlsHandshake { reason: format!("{host} is not a name TLS can use") })?;
    TlsConnector::from(Arc::clone(&client))
        .connect(name, stream)
        .await
        .map_err(|error| tls::handshake_error(host, &error))
}

pub(super) fn lost(error: &io::Error) -> TransportError {
    match error.kind() {
        // A peer that is gone without a word: TCP's end of file, or TLS's without its close_notify.
        io::ErrorKind::UnexpectedEof => TransportError::Closed,
        _ => TransportError::Lost { reason: error.to_string() },
    }
}
