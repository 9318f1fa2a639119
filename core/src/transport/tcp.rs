//! From a host name to an open TCP connection: name look-up and Happy Eyeballs (RFC 8305).

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use url::{Host, Url};

use super::TransportError;

/// How long an address has before the next one is tried beside it (RFC 8305, section 8).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

pub(super) async fn resolve(url: &Url) -> Result<Vec<SocketAddr>, TransportError> {
    let port = url.port_or_known_default().unwrap_or_default();
    let (host, found) = match url.host() {
        Some(Host::Ipv4(address)) => return Ok(vec![(address, port).into()]),
        Some(Host::Ipv6(address)) => return Ok(vec![(address, port).into()]),
        Some(Host::Domain(name)) => (name, tokio::net::lookup_host((name, port)).await),
        None => ("", Err(io::Error::other("the URL names no host"))),
    };
    let failed = |reason: String| TransportError::Dns { host: host.to_owned(), reason };
    let addresses: Vec<_> = found.map_err(|error| failed(error.to_string()))?.collect();
    if addresses.is_empty() { Err(failed("it has no address".to_owned())) } else { Ok(interleave(addresses)) }
}

/// The families take turns, in the resolver's order (RFC 8305, section 4), so that a family that does not work costs
/// one delay and not one for each of its addresses.
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut order = Vec::new();
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            return order;
        }
        order.extend(pair.into_iter().flatten());
    }
}

/// A TCP connection that writes what is gathered in one call, and never raises SIGPIPE: the host program is not ours,
/// and a signal that it does not expect ends it. The standard library writes one buffer without the signal, and
/// several with it.
#[derive(Debug)]
pub(crate) struct Tcp(TcpStream);

impl AsyncRead for Tcp {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Tcp {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};

        loop {
            ready!(self.0.poll_write_ready(cx))?;
            let write = || {
                let mut none = SendAncillaryBuffer::default();
                Ok(sendmsg(&self.0, bufs, &mut none, SendFlags::NOSIGNAL)?)
            };
            match self.0.try_io(Interest::WRITABLE, write) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// The first address that answers wins. Each has a head start on the next; one that fails gives way at once. The
/// error is that of the first address, which is the one that was meant.
pub(super) async fn connect(addresses: &[SocketAddr]) -> Result<Tcp, TransportError> {
    let mut waiting = addresses.iter().copied();
    let mut attempts = FuturesUnordered::new();
    let mut failures: Vec<(SocketAddr, TransportError)> = Vec::new();
    loop {
        if let Some(address) = waiting.next() {
            attempts.push(attempt(address));
        } else if attempts.is_empty() {
            let first = |(address, _): &(SocketAddr, _)| addresses.first() == Some(address);
            let index = failures.iter().position(first).unwrap_or_default();
            return Err(failures.into_iter().nth(index).map_or(TransportError::Closed, |(_, error)| error));
        }
        let more = waiting.len() > 0;
        tokio::select! {
            Some(outcome) = attempts.next() => match outcome {
                Ok(stream) => return Ok(stream),
                Err(failure) => failures.push(failure),
            },
            () = tokio::time::sleep(ATTEMPT_DELAY), if more => {}
        }
    }
}

async fn attempt(address: SocketAddr) -> Result<Tcp, (SocketAddr, TransportError)> {
    open(address).await.map(Tcp).map_err(|error| {
        let address_text = address.to_string();
        let failure = match error.kind() {
            io::ErrorKind::ConnectionRefused => TransportError::Refused { address: address_text },
            _ => TransportError::Unreachable { address: address_text, reason: error.to_string() },
        };
        (address, failure)
    })
}

async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // Frames are written whole; waiting for more would only delay them.
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    /// The kernel gives an address up after two minutes.
    const DEADLINE: Duration = Duration::from_secs(20);

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    /// An address of this machine where nothing answers: a listener whose queue is full lets nobody in and refuses
    /// nobody.
    struct BlackHole {
        listener: TcpListener,
        _callers: Vec<std::net::TcpStream>,
    }

    impl BlackHole {
        fn new() -> Self {
            let socket =
                rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::STREAM, None)
                    .expect("a socket");
            rustix::net::bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
            rustix::net::listen(&socket, 0).expect("it listens");
            let listener = TcpListener::from(socket);
            let target = listener.local_addr().expect("bound");
            let mut callers = Vec::new();
            while let Ok(caller) = std::net::TcpStream::connect_timeout(&target, Duration::from_millis(50)) {
                callers.push(caller);
            }
            Self { listener, _callers: callers }
        }
    }

    #[test]
    fn the_families_take_turns() {
        let order =
            interleave(["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"].map(address).to_vec());
        assert_eq!(order, ["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"].map(address));
    }

    #[tokio::test]
    async fn a_dead_first_address_is_not_waited_for() {
        let dead = BlackHole::new();
        let alive = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let addresses = [&dead.listener, &alive].map(|listener| listener.local_addr().expect("bound"));
        let connected = tokio::time::timeout(DEADLINE, connect(&addresses)).await;
        let stream = connected.expect("the first is not waited for").expect("the second answers");
        assert_eq!(stream.0.peer_addr().expect("connected"), addresses[1]);
    }

    #[tokio::test]
    async fn an_address_that_refuses_gives_way_at_once_and_the_first_names_the_error() {
        let free = |_| {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
            listener.local_addr().expect("bound")
        };
        let refusing = [(), ()].map(free);
        let error = connect(&refusing).await.expect_err("nobody listens");
        assert_eq!(error, TransportError::Refused { address: refusing[0].to_string() });
        let alive = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        connect(&[refusing[0], alive.local_addr().expect("bound")]).await.expect("the second answers");
    }
}
