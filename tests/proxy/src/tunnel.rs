//! An HTTP proxy that makes tunnels (CONNECT), and sees what goes through them to the server.

use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A running proxy for CONNECT. Dropping it ends it and cuts all its connections.
#[derive(Debug)]
pub struct Tunnel {
    port: u16,
    seen: Arc<Mutex<Vec<u8>>>,
    slow: Arc<AtomicBool>,
    _stop: DropGuard,
}

impl Tunnel {
    /// Makes tunnels for whoever bears these credentials, as the header `Proxy-Authorization` has them, or for
    /// everyone; on the current tokio runtime.
    ///
    /// # Errors
    /// No port can be had.
    pub async fn start(credentials: Option<&str>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let wanted = credentials.map(|value| format!("proxy-authorization: {value}\r\n").to_lowercase());
        let slow = Arc::new(AtomicBool::new(false));
        let stop = CancellationToken::new();
        tokio::spawn(stop.clone().run_until_cancelled_owned({
            let (seen, slow, stop) = (Arc::clone(&seen), Arc::clone(&slow), stop.clone());
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    let tunnel = serve(client, wanted.clone(), Arc::clone(&seen), Arc::clone(&slow));
                    tokio::spawn(stop.clone().run_until_cancelled_owned(tunnel));
                }
            }
        }));
        Ok(Self { port, seen, slow, _stop: stop.drop_guard() })
    }

    /// The port on 127.0.0.1 that clients connect to.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// From now on the server's bytes come a few at a time.
    pub fn slow_down(&self) {
        self.slow.store(true, Ordering::Relaxed);
    }

    /// All that came from clients.
    #[must_use]
    pub fn seen(&self) -> String {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&seen).into_owned()
    }
}

/// Whatever fails ends the tunnel, which is all that a proxy can do about it.
async fn serve(
    mut client: TcpStream,
    wanted: Option<String>,
    seen: Arc<Mutex<Vec<u8>>>,
    slow: Arc<AtomicBool>,
) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.ok()?);
    }
    let note = |bytes: &[u8]| seen.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
    note(&head);
    let head = String::from_utf8_lossy(&head).to_lowercase();
    if wanted.is_some_and(|wanted| !head.contains(&wanted)) {
        client.write_all(b"HTTP/1.1 407 Who are you\r\ncontent-length: 0\r\n\r\n").await.ok()?;
        return None;
    }
    let target = head.strip_prefix("connect ")?.split(' ').next()?.to_owned();
    let mut server = TcpStream::connect(target).await.ok()?;
    client.write_all(b"HTTP/1.1 200 Go on\r\n\r\n").await.ok()?;
    let (mut up, mut down) = ([0; 4096], [0; 4096]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => match read {
                Ok(0) | Err(_) => return None,
                Ok(count) => {
                    note(&up[..count]);
                    server.write_all(&up[..count]).await.ok()?;
                }
            },
            read = server.read(&mut down) => match read {
                Ok(0) | Err(_) => return None,
                Ok(count) => {
                    for part in down[..count].chunks(if slow.load(Ordering::Relaxed) { 16 } else { count }) {
                        if slow.load(Ordering::Relaxed) {
                            tokio::time::sleep(Duration::from_millis(5)).await;
                        }
                        client.write_all(part).await.ok()?;
                    }
                }
            },
        }
    }
}
