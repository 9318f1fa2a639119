//! The events of one connection, for Rust.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::Stream;
use futures_util::task::AtomicWaker;

use crate::Event;
use crate::hub::{HubEnd, Item};

/// The events of one connection, in order: a [`Stream`].
///
/// Dropping it means that nobody listens: events are no longer kept.
///
/// ```
#[doc = include_str!("../doc/connected.txt")]
/// use futures_util::StreamExt;
/// use jitsimeet::Event;
///
/// let mut events = connection.events();
/// connection.disconnect().await?;
/// assert_eq!(events.next().await, Some(Event::ConnectionDisconnected { message: None }));
/// drop(connection);
/// assert_eq!(events.next().await, None);
/// # Ok(()) }
/// ```
#[must_use = "events are kept until they are taken"]
pub struct Events {
    hub: HubEnd,
    waker: Option<Arc<AtomicWaker>>,
}

impl Events {
    /// Without a waker the connection is in a hub of the caller's.
    pub(crate) fn new(hub: HubEnd, waker: Option<Arc<AtomicWaker>>) -> Self {
        if waker.is_some() {
            hub.mute(false);
        }
        Self { hub, waker }
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let Some(waker) = &self.waker else { return Poll::Ready(None) };
        // Before the look, so that what comes between the look and the sleep wakes us.
        waker.register(cx.waker());
        let mut next = None;
        while next.is_none() {
            let drained = self.hub.hub().drain(1, |_, item| {
                if let Item::Event(event) = item {
                    next = Some(event);
                }
            });
            if drained == crate::Drained::Empty {
                break;
            }
        }
        match next {
            Some(event) => Poll::Ready(Some(event)),
            None if self.hub.is_closed() => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        if self.waker.is_some() {
            self.hub.mute(true);
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}
