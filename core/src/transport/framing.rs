//! The WebSocket's frames (RFC 6455, section 5), the client's side, without input or output of its own.
//!
//! It is ours since it decides what an idle session costs and how fast stanzas come: nothing is kept between frames
//! but what has arrived of the next one, and nothing of a frame is ever logged.

use std::cell::RefCell;
use std::ops::Range;

use ring::rand::{SecureRandom, SystemRandom};

use crate::frame::Frame;

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0f;
const MASK: u8 = 0x80;
const LENGTH: u8 = 0x7f;
const LENGTH_16: u8 = 126;
const LENGTH_64: u8 = 127;
/// Section 5.5.
const MAX_CONTROL: usize = 125;

/// Section 5.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

/// What the peer has sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    Text(Frame),
    /// To be answered with a pong of the same content.
    Ping(Vec<u8>),
    /// The peer closes, or has answered our close.
    Close,
}

/// Why the connection cannot go on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FramingError {
    TooLarge,
    /// What is wrong, as a part of a sentence about the peer.
    Protocol(&'static str),
}

use FramingError::Protocol;

/// Takes frames out of what has arrived.
pub(super) struct Decoder {
    limit: usize,
    /// A message that comes in fragments, as far as it has come.
    message: Option<Vec<u8>>,
}

/// A frame's beginning.
struct Header {
    last: bool,
    opcode: Opcode,
    payload: Range<usize>,
}

impl Decoder {
    pub(super) const fn new(limit: usize) -> Self {
        Self { limit, message: None }
    }

    /// Looks at what has arrived. Returns what can be taken out of it, if anything, and how many bytes it was.
    pub(super) fn decode(
        &mut self,
        arrived: &[u8],
    ) -> Result<Option<(Option<Incoming>, usize)>, FramingError> {
        let Some(header) = header(arrived)? else { return Ok(None) };
        let so_far = self.message.as_ref().map_or(0, Vec::len);
        if header.opcode.is_data() && header.payload.len() > self.limit.saturating_sub(so_far) {
            return Err(FramingError::TooLarge);
        }
        let Some(payload) = arrived.get(header.payload.clone()) else { return Ok(None) };
        Ok(Some((self.take(&header, payload)?, header.payload.end)))
    }

    fn take(&mut self, header: &Header, payload: &[u8]) -> Result<Option<Incoming>, FramingError> {
        match header.opcode {
            Opcode::Ping => return Ok(Some(Incoming::Ping(payload.to_vec()))),
            Opcode::Pong => return Ok(None),
            Opcode::Close => return check_close(payload).map(|()| Some(Incoming::Close)),
            Opcode::Binary => return Err(Protocol("it sent a binary frame")),
            Opcode::Text if self.message.is_some() => {
                return Err(Protocol("it began a message inside another one"));
            }
            Opcode::Continuation if self.message.is_none() => {
                return Err(Protocol("it continued a message that it had not begun"));
            }
            Opcode::Text if header.last => return text(payload).map(|text| Some(Incoming::Text(text))),
            Opcode::Text | Opcode::Continuation => {}
        }
        self.message.get_or_insert_default().extend_from_slice(payload);
        if !header.last {
            return Ok(None);
        }
        let message = self.message.take().unwrap_or_default();
        text(&message).map(|text| Some(Incoming::Text(text)))
    }
}

impl Opcode {
    const fn is_data(self) -> bool {
        matches!(self, Self::Continuation | Self::Text | Self::Binary)
    }
}

fn text(payload: &[u8]) -> Result<Frame, FramingError> {
    let text =
        std::str::from_utf8(payload).map_err(|_| Protocol("it sent a text frame that is not UTF-8"))?;
    Ok(Frame::from(text))
}

/// `None` until all of it has arrived.
fn header(arrived: &[u8]) -> Result<Option<Header>, FramingError> {
    let &[first, second, ..] = arrived else { return Ok(None) };
    if first & RESERVED != 0 {
        return Err(Protocol("it used an extension that was not agreed on"));
    }
    if second & MASK != 0 {
        return Err(Protocol("it masked a frame, which only clients do"));
    }
    let opcode = match first & OPCODE {
        0x0 => Opcode::Continuation,
        0x1 => Opcode::Text,
        0x2 => Opcode::Binary,
        0x8 => Opcode::Close,
        0x9 => Opcode::Ping,
        0xa => Opcode::Pong,
        _ => return Err(Protocol("it sent a frame of an unknown kind")),
    };
    let last = first & FIN != 0;
    let Some((length, start)) = length(second & LENGTH, arrived)? else { return Ok(None) };
    if !opcode.is_data() && (!last || length > MAX_CONTROL) {
        return Err(Protocol("it sent a control frame that is too long or in fragments"));
    }
    // More than an address can hold cannot be within the limit either.
    let end = start.checked_add(length).ok_or(FramingError::TooLarge)?;
    Ok(Some(Header { last, opcode, payload: start..end }))
}

/// The length of the payload, and where it begins. It must be written in as few bytes as it can be.
fn length(short: u8, arrived: &[u8]) -> Result<Option<(usize, usize)>, FramingError> {
    let (length, start, least) = match short {
        LENGTH_16 => match arrived.get(2..4) {
            Some(&[a, b]) => (u64::from(u16::from_be_bytes([a, b])), 4, u64::from(LENGTH_16)),
            _ => return Ok(None),
        },
        LENGTH_64 => match arrived.get(2..10).and_then(|bytes| <[u8; 8]>::try_from(bytes).ok()) {
            Some(bytes) => (u64::from_be_bytes(bytes), 10, 1 << 16),
            None => return Ok(None),
        },
        short => (u64::from(short), 2, 0),
    };
    if length < least || length > i64::MAX as u64 {
        return Err(Protocol("it wrote the length of a frame in a form that is not allowed"));
    }
    Ok(Some((usize::try_from(length).unwrap_or(usize::MAX), start)))
}

/// Section 7.4: a code that may be sent, and a reason that is text; or nothing at all.
fn check_close(payload: &[u8]) -> Result<(), FramingError> {
    let (code, reason) = match payload {
        [] => return Ok(()),
        [a, b, reason @ ..] => (u16::from_be_bytes([*a, *b]), reason),
        [_] => return Err(Protocol("it closed with half a code")),
    };
    let allowed = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
    if allowed && std::str::from_utf8(reason).is_ok() {
        Ok(())
    } else {
        Err(Protocol("it closed with a code or a reason that is not allowed"))
    }
}

/// Appends a text message.
pub(super) fn encode_text(out: &mut Vec<u8>, text: &str) {
    encode(out, 0x1, text.as_bytes());
}

/// Appends the answer to a ping.
pub(super) fn encode_pong(out: &mut Vec<u8>, payload: &[u8]) {
    encode(out, 0xa, payload);
}

/// Appends a close without a code, which means that all is well.
pub(super) fn encode_close(out: &mut Vec<u8>) {
    encode(out, 0x8, &1000_u16.to_be_bytes());
}

fn encode(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    out.reserve(payload.len() + 14);
    out.push(FIN | opcode);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length), _) if length < LENGTH_16 => out.push(MASK | length),
        (_, Ok(length)) => {
            out.push(MASK | LENGTH_16);
            out.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            out.push(MASK | LENGTH_64);
            out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    let key = masking_key();
    out.extend_from_slice(&key);
    let start = out.len();
    out.extend_from_slice(payload);
    for part in out[start..].chunks_mut(4) {
        part.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
    }
}

/// Section 5.3: unpredictable, so that nobody who chooses what we send can choose what is on the wire. The system is
/// asked for many at once.
pub(super) fn masking_key() -> [u8; 4] {
    const KEYS: usize = 64;
    thread_local!(static POOL: RefCell<Vec<[u8; 4]>> = const { RefCell::new(Vec::new()) });
    POOL.with_borrow_mut(|pool| {
        if pool.is_empty() {
            let mut bytes = [0; 4 * KEYS];
            SystemRandom::new().fill(&mut bytes).expect("the system's random generator works");
            pool.extend(bytes.chunks_exact(4).map(|key| <[u8; 4]>::try_from(key).expect("four bytes")));
        }
        pool.pop().expect("just filled")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a server sends it.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match payload.len() {
            0..126 => frame.push(u8::try_from(payload.len()).unwrap()),
            126..65_536 => {
                frame.push(LENGTH_16);
                frame.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
            }
            length => {
                frame.push(LENGTH_64);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend(payload);
        frame
    }

    /// All that comes of these bytes, arriving in pieces of a length.
    fn decode(bytes: &[u8], piece: usize) -> Result<Vec<Incoming>, FramingError> {
        let mut decoder = Decoder::new(100_000);
        let (mut arrived, mut incoming) = (Vec::new(), Vec::new());
        for piece in bytes.chunks(piece) {
            arrived.extend_from_slice(piece);
            while let Some((taken, used)) = decoder.decode(&arrived)? {
                incoming.extend(taken);
                arrived.drain(..used);
            }
        }
        assert!(arrived.is_empty(), "{} bytes are left", arrived.len());
        Ok(incoming)
    }

    fn is_text(text: &str) -> Incoming {
        Incoming::Text(text.into())
    }

    #[test]
    fn messages_come_whole_however_they_arrive() {
        let long = "x".repeat(70_000);
        let mut bytes = frame(0x81, b"<a/>");
        bytes.extend(frame(0x89, b"ping"));
        bytes.extend(frame(0x01, "<\u{e9}".as_bytes().split_at(2).0));
        bytes.extend(frame(0x8a, b"unasked"));
        bytes.extend(frame(0x00, "<\u{e9}".as_bytes().split_at(2).1));
        bytes.extend(frame(0x80, b"/>"));
        bytes.extend(frame(0x81, long.as_bytes()));
        bytes.extend(frame(0x81, &[b'y'; 126]));
        bytes.extend(frame(0x88, &[3, 232]));
        let expected = [
            is_text("<a/>"),
            Incoming::Ping(b"ping".to_vec()),
            is_text("<\u{e9}/>"),
            is_text(&long),
            is_text(&"y".repeat(126)),
            Incoming::Close,
        ];
        for piece in [1, 2, 3, 7, 1000, bytes.len()] {
            assert_eq!(decode(&bytes, piece).as_deref(), Ok(&expected[..]), "in pieces of {piece}");
        }
    }

    #[test]
    fn what_the_protocol_forbids_is_named() {
        let forbidden = [
            (frame(0xc1, b""), "extension"),
            (vec![0x81, 0x80, 0, 0, 0, 0], "masked"),
            (frame(0x83, b""), "unknown kind"),
            (frame(0x82, b""), "binary"),
            (frame(0x80, b""), "not begun"),
            ([frame(0x01, b"a"), frame(0x81, b"b")].concat(), "inside another"),
            (frame(0x09, b""), "control frame"),
            (frame(0x89, &[0; 126]), "control frame"),
            (vec![0x81, 126, 0, 125], "length"),
            (vec![0x81, 127, 0, 0, 0, 0, 0, 0, 255, 255], "length"),
            (vec![0x81, 127, 255, 0, 0, 0, 0, 0, 0, 0], "length"),
            (frame(0x81, b"\xff"), "UTF-8"),
            ([frame(0x01, b"\xc3"), frame(0x80, b"x")].concat(), "UTF-8"),
            (frame(0x88, &[3]), "half a code"),
            (frame(0x88, &[3, 237]), "not allowed"),
            (frame(0x88, &[3, 232, 255]), "not allowed"),
        ];
        for (bytes, says) in forbidden {
            let Err(Protocol(problem)) = decode(&bytes, bytes.len()) else { panic!("{bytes:?} passed") };
            assert!(problem.contains(says), "{problem} does not say {says}");
        }
    }

    #[test]
    fn the_limit_is_that_of_the_message_and_known_from_its_header() {
        let mut decoder = Decoder::new(10);
        assert!(decoder.decode(&frame(0x81, &[b'x'; 10])).is_ok());
        assert_eq!(decoder.decode(&[0x81, 11]), Err(FramingError::TooLarge));
        assert!(decoder.decode(&frame(0x01, &[b'x'; 6])).is_ok());
        assert_eq!(decoder.decode(&[0x80, 5]), Err(FramingError::TooLarge));
        assert_eq!(
            Decoder::new(usize::MAX).decode(&[0x81, 127, 127, 255, 255, 255, 255, 255, 255, 255]),
            Ok(None)
        );
    }

    #[test]
    fn what_goes_out_is_masked_and_reads_back_the_same() {
        for length in [0, 1, 5, 125, 126, 65_535, 65_536] {
            let text = "x".repeat(length);
            let mut out = Vec::new();
            encode_text(&mut out, &text);
            let (header, rest) = out.split_at(match length {
                0..126 => 2,
                126..65_536 => 4,
                _ => 10,
            });
            assert_eq!((header[0], header[1] & MASK), (0x81, MASK));
            let (key, payload) = rest.split_at(4);
            let unmasked: Vec<u8> =
                payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
            assert_eq!(unmasked, text.as_bytes());
        }
        let mut keys: Vec<_> = (0..1_000).map(|_| masking_key()).collect();
        keys.sort_unstable();
        keys.dedup();
        assert!(keys.len() > 990, "no two alike, but by chance");
    }
}
