//! The server of the measurements: one process, one core, a port for WebSocket and one for TCP.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::broadcast;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use crate::conversation::{Conversation, Reply, Resumable};

const CORPUS: &str = include_str!("../corpus/stanzas.txt");
/// For a thousand that come at once.
const BACKLOG: u32 = 4096;

/// The stanzas, ready to be written, again and again.
struct Corpus {
    bytes: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
}

impl Corpus {
    fn new(framed: bool) -> Self {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for stanza in CORPUS.lines() {
            if framed {
                bytes.push(0x81);
                match u8::try_from(stanza.len()) {
                    Ok(length @ 0..126) => bytes.push(length),
                    _ => {
                        bytes.push(126);
                        let length = u16::try_from(stanza.len()).expect("a stanza of a few hundred bytes");
                        bytes.extend(length.to_be_bytes());
                    }
                }
            }
            bytes.extend(stanza.as_bytes());
            ends.push(bytes.len());
        }
        Self { bytes, ends }
    }

    async fn write(&self, stream: &mut TcpStream, count: usize) -> io::Result<()> {
        for _ in 0..count / self.ends.len() {
            stream.write_all(&self.bytes).await?;
        }
        match count % self.ends.len() {
            0 => Ok(()),
            rest => stream.write_all(&self.bytes[..self.ends[rest - 1]]).await,
        }
    }
}

struct Shared {
    framed: Corpus,
    plain: Corpus,
    floods: broadcast::Sender<usize>,
    resumable: Arc<Resumable>,
}

/// Serves until standard input ends. Says on which ports.
pub async fn run() -> io::Result<()> {
    let (framed, plain) = (listen()?, listen()?);
    println!("{} {}", framed.local_addr()?.port(), plain.local_addr()?.port());
    let shared = Shared {
        framed: Corpus::new(true),
        plain: Corpus::new(false),
        floods: broadcast::Sender::new(16),
        resumable: Arc::default(),
    };
    tokio::spawn(accept(framed, plain, Arc::new(shared)));
    tokio::io::copy(&mut tokio::io::stdin(), &mut tokio::io::sink()).await.map(drop)
}

fn listen() -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    socket.listen(BACKLOG)
}

async fn accept(framed: TcpListener, plain: TcpListener, shared: Arc<Shared>) {
    for number in 0.. {
        let shared = Arc::clone(&shared);
        tokio::select! {
            Ok((stream, _)) = framed.accept() => {
                let _ = stream.set_nodelay(true);
                tokio::spawn(async move { serve_framed(stream, number, &shared).await });
            }
            Ok((stream, _)) = plain.accept() => {
                let _ = stream.set_nodelay(true);
                tokio::spawn(async move { serve_plain(stream, number, &shared).await });
            }
        }
    }
}

#[expect(clippy::unnecessary_wraps, clippy::result_large_err, reason = "the shape of tungstenite's callback")]
fn agree(_: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    response.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("xmpp"));
    Ok(response)
}

/// A client that goes away ends its connection, with or without an error.
async fn serve_framed(stream: TcpStream, number: u64, shared: &Shared) -> Option<()> {
    let config = WebSocketConfig::default().read_buffer_size(4096);
    let mut socket = accept_hdr_async_with_config(stream, agree, Some(config)).await.ok()?;
    let mut conversation = Conversation::new(true, number, Arc::clone(&shared.resumable));
    let mut floods = shared.floods.subscribe();
    loop {
        tokio::select! {
            frame = socket.next() => {
                let frame = frame?.ok()?;
                let (_, replies) = conversation.take(frame.to_text().unwrap_or_default());
                for reply in replies {
                    reply_framed(&mut socket, reply, shared).await?;
                }
                socket.flush().await.ok()?;
            }
            Ok(count) = floods.recv() => shared.framed.write(socket.get_mut(), count).await.ok()?,
        }
    }
}

async fn reply_framed(socket: &mut WebSocketStream<TcpStream>, reply: Reply, shared: &Shared) -> Option<()> {
    match reply {
        Reply::Text(text) => socket.feed(text.into()).await.ok(),
        Reply::Flood(count) => shared.framed.write(socket.get_mut(), count).await.ok(),
        Reply::FloodAll(count) => shared.floods.send(count).ok().map(drop),
        Reply::Close => socket.close(None).await.ok(),
    }
}

async fn serve_plain(mut stream: TcpStream, number: u64, shared: &Shared) -> Option<()> {
    let mut conversation = Conversation::new(false, number, Arc::clone(&shared.resumable));
    let mut floods = shared.floods.subscribe();
    let (mut arrived, mut buffer) = (String::new(), [0; 4096]);
    loop {
        tokio::select! {
            count = stream.read(&mut buffer) => {
                let count = count.ok().filter(|count| *count > 0)?;
                arrived.push_str(std::str::from_utf8(&buffer[..count]).ok()?);
                let (taken, replies) = conversation.take(&arrived);
                arrived.drain(..taken);
                let mut answer = String::new();
                for reply in replies {
                    match reply {
                        Reply::Text(text) => answer.push_str(&text),
                        Reply::Flood(count) => shared.plain.write(&mut stream, count).await.ok()?,
                        Reply::FloodAll(count) => drop(shared.floods.send(count).ok()?),
                        Reply::Close => return None,
                    }
                }
                stream.write_all(answer.as_bytes()).await.ok()?;
            }
            Ok(count) = floods.recv() => shared.plain.write(&mut stream, count).await.ok()?,
        }
    }
}
