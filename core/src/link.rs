//! What a driver waits for beside its commands and deadlines: the transport, and work under way elsewhere.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::frame::Frame;
use crate::session::{HttpAnswer, HttpPurpose, SaltedPassword};
use crate::transport::{Transport, TransportError};

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The transport, as far as it has got.
pub(crate) enum Link {
    None,
    Opening(BoxFuture<Result<Transport, TransportError>>),
    Open(Transport),
}

pub(crate) enum LinkEvent {
    Opened(Transport),
    Flushed,
    Frame(Frame),
    Failed(TransportError),
    Derived(SaltedPassword),
    Answered(HttpPurpose, Result<HttpAnswer, TransportError>),
}

pub(crate) fn poll_link(
    link: &mut Link,
    derivation: &mut Option<BoxFuture<SaltedPassword>>,
    requests: &mut Vec<(HttpPurpose, BoxFuture<Result<HttpAnswer, TransportError>>)>,
    reading: bool,
    cx: &mut Context<'_>,
) -> Poll<LinkEvent> {
    if let Some(derivation) = derivation
        && let Poll::Ready(key) = derivation.as_mut().poll(cx)
    {
        return Poll::Ready(LinkEvent::Derived(key));
    }
    for index in 0..requests.len() {
        if let Poll::Ready(answer) = requests[index].1.as_mut().poll(cx) {
            let (purpose, _) = requests.swap_remove(index);
            return Poll::Ready(LinkEvent::Answered(purpose, answer));
        }
    }
    match link {
        Link::None => Poll::Pending,
        Link::Opening(opening) => opening.as_mut().poll(cx).map(|opened| match opened {
            Ok(transport) => LinkEvent::Opened(transport),
            Err(error) => LinkEvent::Failed(error),
        }),
        Link::Open(transport) => {
            match transport.poll_flush(cx) {
                Poll::Ready(Ok(true)) => return Poll::Ready(LinkEvent::Flushed),
                Poll::Ready(Err(error)) => return Poll::Ready(LinkEvent::Failed(error)),
                Poll::Ready(Ok(false)) | Poll::Pending => {}
            }
            if !reading {
                return Poll::Pending;
            }
            transport.poll_frame(cx).map(|frame| match frame {
                Ok(frame) => LinkEvent::Frame(frame),
                Err(error) => LinkEvent::Failed(error),
            })
        }
    }
}
