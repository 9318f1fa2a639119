//! Frames to and from the stream.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Error as WebSocketError, Message};

use crate::sessions::Out;
use crate::stream::{Query, Stream};
use crate::{Faults, Shared};

pub(crate) async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    socket: WebSocketStream<S>,
    query: Query,
    faults: Faults,
    shared: &Arc<Shared>,
) {
    let (sender, mut orders) = mpsc::unbounded_channel();
    let number = shared.connected(sender.clone());
    let mut stream = Stream::new(query, faults, Arc::clone(shared), sender);
    let mut wire = Wire { socket, fragment: None, swap: false, held: None, silent: false };
    loop {
        tokio::select! {
            // What is to be sent goes first, so that an answer comes behind what led to it.
            biased;
            Some(order) = orders.recv() => {
                if let Out::Text(text) = &order {
                    shared.carried(|| text.clone());
                }
                match wire.obey(&mut stream, order).await {
                    Ok(true) => {}
                    Ok(false) | Err(_) => break,
                }
            }
            frame = wire.socket.next() => match frame {
                Some(Ok(Message::Text(frame))) => {
                    shared.carried(|| frame.as_str().to_owned());
                    stream.handle_frame(&frame);
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                // RFC 7395 allows text only; everything else ends the connection.
                Some(Ok(_) | Err(_)) | None => break,
            },
        }
    }
    shared.disconnected(number);
}

/// The WebSocket, and what it does to frames that go out.
struct Wire<S> {
    socket: WebSocketStream<S>,
    /// The length of fragments, if frames are to be split.
    fragment: Option<usize>,
    /// The next frame changes places with the one after it.
    swap: bool,
    held: Option<String>,
    silent: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// Carries an order out; false if the connection is to end.
    async fn obey(&mut self, stream: &mut Stream, order: Out) -> Result<bool, WebSocketError> {
        match order {
            Out::Cut | Out::Forget => return Ok(false),
            // Of BOSH alone.
            Out::Terminate(_) | Out::LoseAnswer | Out::DelayAnswer(_) | Out::SwapAnswers => {}
            Out::End => {
                self.socket.close(None).await?;
                return Ok(false);
            }
            Out::Stall => std::future::pending().await,
            Out::Silence => self.silent = true,
            Out::Split(bytes) => self.fragment = Some(bytes),
            Out::Reorder => self.swap = true,
            Out::CloseStream => stream.close(),
            Out::Fail(condition) => stream.fail(&condition),
            Out::Count { beyond } => stream.count(beyond),
            Out::Text(_) | Out::Raw(_) | Out::Binary(_) | Out::Flood(_) if self.silent => {}
            Out::Text(text) => self.send_text(text).await?,
            Out::Raw(bytes) => self.socket.send(fragment(bytes, Data::Text, true)).await?,
            Out::Binary(bytes) => self.socket.send(Message::binary(bytes)).await?,
            Out::Flood(text) => loop {
                self.socket.send(Message::text(text.as_str())).await?;
            },
        }
        Ok(true)
    }

    async fn send_text(&mut self, text: String) -> Result<(), WebSocketError> {
        if std::mem::take(&mut self.swap) {
            self.held = Some(text);
            return Ok(());
        }
        for text in [Some(text), self.held.take()].into_iter().flatten() {
            match self.fragment {
                Some(length) => self.send_in_fragments(text.as_bytes(), length).await?,
                None => self.socket.send(Message::text(text)).await?,
            }
        }
        Ok(())
    }

    /// Fragments end anywhere, inside a character too (RFC 6455, section 5.4).
    async fn send_in_fragments(&mut self, bytes: &[u8], length: usize) -> Result<(), WebSocketError> {
        let count = bytes.chunks(length).count();
        for (number, part) in bytes.chunks(length).enumerate() {
            let data = if number == 0 { Data::Text } else { Data::Continue };
            self.socket.send(fragment(part.to_vec(), data, number + 1 == count)).await?;
        }
        Ok(())
    }
}

fn fragment(bytes: Vec<u8>, data: Data, last: bool) -> Message {
    Message::Frame(Frame::message(bytes, OpCode::Data(data), last))
}
