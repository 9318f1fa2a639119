//! `jm_queue`: the events of any number of connections, for a program with an event loop of its own.

use std::ffi::c_int;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jitsimeet_core::{ConnectionId, Drained, EventHub, Owner, Status};

use crate::connection::Registry;
use crate::constants::jm_status;
use crate::error::{Error, Result};
use crate::event::{OwnedEvent, jm_event};
use crate::lock;
use crate::panic::{contain, guard};
use crate::signal::Signal;
use crate::strings::Out;

/// The events of any number of connections that were made with `jm_connection_new_with_queue`, to be taken one by one.
/// There are no callbacks then, and no thread but the caller's.
///
/// Events of one connection come in order; the connections have turns. A queue keeps what it holds until it is taken,
/// except the events of a connection that is freed.
///
/// It belongs to the process that made it. In a fork of that process every call returns `JM_STATUS_FORKED` at once, and
/// freeing gives up the handle and nothing else: the descriptor, which is shared with the parent, stays open.
pub struct jm_queue {
    owner: Owner,
    hub: EventHub,
    connections: Registry,
    signal: Arc<Signal>,
    /// The next event, taken from the hub so that the descriptor can tell whether there is one.
    head: Mutex<Option<(ConnectionId, OwnedEvent)>>,
}

impl jm_queue {
    fn new() -> Result<Self> {
        let signal = Signal::new()
            .map_err(|error| Error::internal(format!("cannot make a descriptor for the queue: {error}")))?;
        let signal = Arc::new(signal);
        let hub = EventHub::new({
            let signal = Arc::clone(&signal);
            move || signal.set()
        });
        let (owner, connections) = (Owner::this_process(), Registry::default());
        Ok(Self { owner, hub, connections, signal, head: Mutex::default() })
    }

    pub(crate) fn check_process(&self) -> Result<()> {
        Ok(self.owner.check()?)
    }

    pub(crate) const fn hub(&self) -> &EventHub {
        &self.hub
    }

    pub(crate) const fn connections(&self) -> &Registry {
        &self.connections
    }

    fn next(&self, deadline: Option<Instant>) -> Result<OwnedEvent> {
        loop {
            if let Some(event) = self.take() {
                return Ok(event);
            }
            let ready = self.signal.wait(deadline);
            if !ready.map_err(|error| Error::internal(format!("cannot wait for events: {error}")))? {
                return Err(Error::new(Status::Timeout, "no event came within the timeout"));
            }
        }
    }

    fn take(&self) -> Option<OwnedEvent> {
        let mut head = lock(&self.head);
        if head.is_none() {
            self.look_ahead(&mut head);
        }
        let (_, event) = head.take()?;
        self.look_ahead(&mut head);
        Some(event)
    }

    /// Takes the next event from the hub, if there is one, and makes the descriptor say so. In this order: a wake-up
    /// between clearing and looking means an event that the look may already have found, never one that it missed.
    fn look_ahead(&self, head: &mut Option<(ConnectionId, OwnedEvent)>) {
        self.signal.clear();
        loop {
            let drained = self.hub.drain(1, |id, item| {
                // Of a connection that has been freed meanwhile there is nothing to tell.
                let connection = self.connections.get(id);
                *head = connection.and_then(|connection| connection.event_for(item)).map(|event| (id, event));
            });
            if head.is_some() {
                return self.signal.set();
            }
            if drained == Drained::Empty {
                return;
            }
        }
    }

    /// The connection has been freed: nothing of it comes any more.
    pub(crate) fn forget(&self, id: ConnectionId) {
        self.connections.remove(id);
        let mut head = lock(&self.head);
        if head.as_ref().is_none_or(|(of, _)| *of == id) {
            *head = None;
            // What made the descriptor readable may have been of this connection.
            self.look_ahead(&mut head);
        }
    }
}

/// Makes a queue, to be freed with `jm_queue_free`.
///
/// Any thread; legal inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_queue_new(out_queue: *mut *mut jm_queue) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes a place for the handle, or NULL.
        let out = unsafe { Out::new(out_queue, "out_queue") }?;
        out.write(Arc::into_raw(Arc::new(jm_queue::new()?)).cast_mut());
        Ok(())
    })
}

/// Frees a queue and the events that it holds. NULL is fine.
///
/// Its connections may live on and are still to be freed; their events are dropped. The descriptor goes with the last
/// of queue and connections: stop watching it before this call. No other thread may be using the queue. Legal inside a
/// callback of a connection that is not of the queue.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_queue_free(queue: *mut jm_queue) {
    if !queue.is_null() {
        contain(|| {
            // SAFETY: the caller returns what `jm_queue_new` made, once.
            let queue = unsafe { Arc::from_raw(queue.cast_const()) };
            if queue.check_process().is_err() {
                return std::mem::forget(queue);
            }
            queue.hub.close();
            *lock(&queue.head) = None;
        });
    }
}

/// A descriptor for `poll`, `epoll`, `kqueue` and the like: it is readable while events wait. -1 if `queue` is NULL or
/// belongs to the process that this one was forked from.
///
/// On Linux it is an eventfd, on every other unix (macOS, the BSDs) the reading end of a pipe; both work with `poll`,
/// `select` and `kqueue`. On Windows, which this version has not been built for, there will be no descriptor: take events
/// there with `jm_queue_next` and a timeout, on a thread of your own.
///
/// It belongs to the queue: wait for it to be readable, and do nothing else with it. Then take events until
/// `jm_queue_next` with a timeout of 0 returns `JM_STATUS_TIMEOUT`, or just one and wait again. While another
/// thread takes events or frees a connection, it may be readable with nothing left to take.
///
/// Any thread; legal inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_queue_fd(queue: *const jm_queue) -> c_int {
    // SAFETY: the caller passes a queue that is not freed during the call, or NULL.
    let queue = unsafe { queue.as_ref() }.filter(|queue| queue.check_process().is_ok());
    queue.map_or(-1, |queue| queue.signal.as_fd().as_raw_fd())
}

/// Takes the next event, to be freed with `jm_event_free`.
///
/// Waits up to `timeout_ms` milliseconds; 0 does not wait and a negative number waits for ever. `JM_STATUS_TIMEOUT`
/// if no event came. Several threads may take from one queue; each event goes to one of them. Legal inside a callback of
/// a connection that is not of the queue, whose thread it then holds up.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_queue_next(
    queue: *mut jm_queue,
    timeout_ms: i32,
    out_event: *mut *const jm_event,
) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes a queue that is not freed during the call and a place for the event, or NULL.
        let (queue, out) = unsafe { (queue.as_ref(), Out::new(out_event, "out_event")?) };
        let queue = queue.ok_or_else(|| Error::null("queue"))?;
        queue.check_process()?;
        let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        out.write(queue.next(timeout.map(|timeout| Instant::now() + timeout))?.give());
        Ok(())
    })
}
