//! What stands between a client and the embedded server: a relay that may speak TLS, and a proxy.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// Ends with this value.
pub struct Service {
    pub port: u16,
    task: JoinHandle<()>,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves every connection by `serve`, after a TLS handshake if there is an acceptor.
pub async fn serve<S, F>(address: IpAddr, tls: Option<TlsAcceptor>, serve: S) -> std::io::Result<Service>
where
    S: Fn(Box<dyn Wire>) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind((address, 0)).await?;
    let port = listener.local_addr()?.port();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (tls, serve) = (tls.clone(), serve.clone());
            tokio::spawn(async move {
                match tls {
                    None => serve(Box::new(stream)).await,
                    // A client that refuses the certificate is what some tests are about.
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            serve(Box::new(stream)).await;
                        }
                    }
                }
            });
        }
    });
    Ok(Service { port, task })
}

pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// Passes everything on to a port of 127.0.0.1.
pub async fn relay(address: IpAddr, tls: Option<TlsAcceptor>, to: u16) -> std::io::Result<Service> {
    serve(address, tls, move |stream| pass(stream, to)).await
}

async fn pass(mut stream: Box<dyn Wire>, to: u16) {
    if let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await {
        // Either side may end it in any way.
        let _ = copy_bidirectional(&mut stream, &mut server).await;
    }
}

/// An HTTP CONNECT proxy that lets in whoever brings the credentials, if it wants any, and goes to 127.0.0.1 whatever
/// the name of the host.
pub struct Proxy {
    service: Service,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub async fn start(credentials: Option<&str>, tls: Option<TlsAcceptor>) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, credentials) = (Arc::clone(&seen), credentials.map(ToOwned::to_owned));
        let service = serve(Ipv4Addr::LOCALHOST.into(), tls, move |stream| {
            tunnel(stream, Arc::clone(&log), credentials.clone())
        });
        Self { service: service.await.expect("a loopback port"), seen }
    }

    pub const fn port(&self) -> u16 {
        self.service.port
    }

    /// The heads of the requests so far.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn tunnel(mut stream: Box<dyn Wire>, seen: Arc<Mutex<Vec<String>>>, credentials: Option<String>) {
    let Some(head) = head(&mut stream).await else { return };
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(head.clone());
    let allowed = credentials.is_none_or(|credentials| {
        head.lines()
            .any(|line| line.eq_ignore_ascii_case(&format!("proxy-authorization: basic {credentials}")))
    });
    let target =
        head.split_ascii_whitespace().nth(1).and_then(|target| target.rsplit(':').next()?.parse().ok());
    let answer = match target {
        Some(_) if allowed => "HTTP/1.1 200 Connection established\r\n\r\n",
        Some(_) => "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n",
        None => "HTTP/1.1 400 Bad Request\r\n\r\n",
    };
    if stream.write_all(answer.as_bytes()).await.is_ok()
        && let Some(port) = target.filter(|_| allowed)
    {
        pass(stream, port).await;
    }
}

/// The head of a request over HTTP.
pub async fn head(stream: &mut Box<dyn Wire>) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}
