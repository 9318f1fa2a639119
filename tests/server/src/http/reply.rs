//! Answers of HTTP.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};

pub(crate) type Reply = Response<Content>;

/// What an answer carries.
#[derive(Debug)]
pub(crate) enum Content {
    Whole(Bytes),
    Endless,
}

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        // As fast as the client reads: hyper asks for more when the last has gone.
        static MORE: [u8; 4096] = [b'x'; 4096];
        let bytes = match self.get_mut() {
            Self::Whole(bytes) => std::mem::take(bytes),
            Self::Endless => Bytes::from_static(&MORE),
        };
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Endless => SizeHint::default(),
        }
    }
}

pub(crate) fn text(status: u16, text: &str) -> Reply {
    with(status, "text/plain; charset=utf-8", Content::Whole(text.to_owned().into()))
}

pub(crate) fn json(status: u16, json: String) -> Reply {
    with(status, "application/json", Content::Whole(json.into()))
}

pub(crate) fn xml(xml: Vec<u8>) -> Reply {
    with(200, "text/xml; charset=utf-8", Content::Whole(xml.into()))
}

/// An answer whose body never ends.
pub(crate) fn endless(status: u16) -> Reply {
    with(status, "text/plain; charset=utf-8", Content::Endless)
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Content::Whole(Bytes::new()));
    *reply.status_mut() = status;
    reply
}

fn with(status: u16, kind: &'static str, content: Content) -> Reply {
    let mut reply = Response::new(content);
    *reply.status_mut() = final_status(status);
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}

/// The status if it can end an exchange, else 503.
pub(crate) fn final_status(status: u16) -> StatusCode {
    StatusCode::from_u16(status)
        .ok()
        .filter(|status| !status.is_informational())
        .unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
}

/// The header `Authorization`, readable or not.
pub(crate) fn authorization(headers: &HeaderMap) -> Option<String> {
    headers.get(AUTHORIZATION).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}
