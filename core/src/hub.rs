//! The consumer's end: one hub for any number of connections, one waker, ordered delivery.
//!
//! Each connection has its own queue. The hub keeps the list of queues that hold something and wakes its consumer
//! once when that list stops being empty. The consumer then drains round-robin, so that one busy connection cannot
//! starve the others, and in turns of bounded length, so that an event loop stays responsive.
//!
//! A binding owns one hub for each consumer (a Node environment, an asyncio loop, a C queue or dispatcher thread).
//! With one waker a connection, ten thousand connections would cost such a consumer ten thousand handles to watch.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::{CompletionResult, Event};

/// How many items one connection may deliver before the next one has its turn.
const QUANTUM: usize = 16;

/// Names a connection within the process. Never reused; 0 is none.
///
/// ```
#[doc = include_str!("../doc/made.txt")]
/// use std::collections::HashMap;
///
/// use jitsimeet::{ConnectionId, JitsiConnection};
///
/// let bots: HashMap<ConnectionId, JitsiConnection> = [(connection.id(), connection)].into();
/// assert!(!bots.contains_key(&0));
/// # Ok(()) }
/// ```
pub type ConnectionId = u64;

/// Something to deliver to the consumer.
///
/// ```
/// use jitsimeet::{Completed, Event, Item};
///
/// let tell = |item| match item {
///     Item::Event(event) => format!("{}", event.kind()),
///     Item::Completed { token, result } => format!("{token}: {result:?}"),
///     _ => String::new(),
/// };
/// assert_eq!(tell(Item::Event(Event::TokenExpired)), "connection.token_expired");
/// assert_eq!(tell(Item::Completed { token: 42, result: Ok(Completed::Done) }), "42: Ok(Done)");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Item {
    /// An event, for the connection's listeners.
    Event(Event),
    /// The outcome of an asynchronous call, after the event that caused it.
    Completed {
        /// The token that the caller passed with the call.
        token: u64,
        /// The outcome.
        result: CompletionResult,
    },
}

/// Whether a drain took all there was.
///
/// ```
#[doc = include_str!("../doc/made.txt")]
/// use jitsimeet::{Drained, EventHub, JitsiConnection};
///
/// let hub = EventHub::new(|| {});
/// let connection = JitsiConnection::with_hub(&hub, None, None, &options)?;
/// connection.start_disconnect(Some(1))?;
/// connection.start_disconnect(Some(2))?;
/// assert_eq!(hub.drain(1, |_, _| {}), Drained::More);
/// assert_eq!(hub.drain(10, |_, _| {}), Drained::Empty);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// The hub is empty. The waker will be called when that changes.
    Empty,
    /// There is more. The waker will **not** be called: the consumer must drain again by itself.
    More,
}

/// Collects the events of any number of connections for one consumer. A cheap handle: clones share the hub.
///
/// ```
#[doc = include_str!("../doc/made.txt")]
/// use std::thread;
///
/// use jitsimeet::{Completed, ConnectOptions, EventHub, Item, JitsiConnection};
///
/// let consumer = thread::current();
/// let hub = EventHub::new(move || consumer.unpark());
/// let connection = JitsiConnection::with_hub(&hub, None, None, &options)?;
/// connection.start_connect(&ConnectOptions::default(), Some(42))?;
/// # // The server runs on this thread.
/// # for _ in 0..1000 { tokio::time::sleep(std::time::Duration::from_millis(10)).await; if connection.jid().is_some() { break } }
///
/// let mut jids = Vec::new();
/// while jids.is_empty() {
///     hub.drain(100, |id, item| {
///         if let Item::Completed { token: 42, result: Ok(Completed::Connected { jid }) } = item {
///             assert_eq!(id, connection.id());
///             jids.push(jid);
///         }
///     });
///     if jids.is_empty() {
///         thread::park();
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct EventHub {
    inner: Arc<HubInner>,
}

struct HubInner {
    ready: Mutex<Ready>,
    waker: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct Ready {
    queues: VecDeque<Arc<Queue>>,
    /// The consumer has been woken and has not yet found the hub empty.
    awake: bool,
    closed: bool,
}

struct Queue {
    id: ConnectionId,
    state: Mutex<QueueState>,
    /// Tells the connection that it may read again.
    room: Notify,
}

#[derive(Default)]
struct QueueState {
    items: VecDeque<Item>,
    /// The queue stands in the hub's ready list, or a drain holds it.
    listed: bool,
    muted: bool,
    closed: bool,
    /// The events among the items. Those that are no stanzas always find room, as completions do, but they fill the
    /// queue as well: a peer can cause any number of them.
    events: Load,
    /// The events that the consumer has taken and that still wait, for a consumer behind it.
    held: Load,
    limits: Load,
    /// A bound was reached and half of it has not been drained yet.
    full: bool,
    /// Items taken by the consumer so far: whether it makes progress.
    taken: u64,
}

/// What waits in a queue, or may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Load {
    pub events: usize,
    pub bytes: usize,
}

impl Load {
    fn add(&mut self, bytes: usize) {
        self.events += 1;
        self.bytes += bytes;
    }

    /// Of what a closed queue has forgotten, some may still be subtracted.
    fn subtract(&mut self, bytes: usize) {
        self.events = self.events.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

impl Queue {
    /// Nobody takes anything any more: nothing is kept, and nothing holds the connection back from reading.
    fn close(&self) {
        let items = {
            let mut state = lock(&self.state);
            state.closed = true;
            state.events = Load::default();
            state.held = Load::default();
            state.full = false;
            std::mem::take(&mut state.items)
        };
        self.room.notify_one();
        drop(items);
    }
}

impl QueueState {
    fn count(&mut self, item: &Item) {
        if let Some(bytes) = event_bytes(item) {
            self.events.add(bytes);
            self.check_full();
        }
    }

    fn load(&self) -> Load {
        Load { events: self.events.events + self.held.events, bytes: self.events.bytes + self.held.bytes }
    }

    fn check_full(&mut self) {
        let load = self.load();
        self.full |= load.events >= self.limits.events || load.bytes >= self.limits.bytes;
    }

    /// The consumer has taken these. True if that makes room.
    fn took(&mut self, items: &[Item]) -> bool {
        self.taken += items.len() as u64;
        items.iter().filter_map(event_bytes).for_each(|bytes| self.events.subtract(bytes));
        self.makes_room()
    }

    /// True if half is free again, the first time.
    fn makes_room(&mut self) -> bool {
        let load = self.load();
        let half = load.events <= self.limits.events / 2 && load.bytes <= self.limits.bytes / 2;
        half && std::mem::replace(&mut self.full, false)
    }
}

fn event_bytes(item: &Item) -> Option<usize> {
    match item {
        Item::Event(Event::StanzaReceived(stanza)) => Some(stanza.xml().len()),
        // Whatever is in it is short.
        Item::Event(_) => Some(0),
        Item::Completed { .. } => None,
    }
}

/// Every lock here protects plain data that is valid between any two statements, so a poisoned one is still good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl EventHub {
    /// Makes a hub.
    ///
    /// `waker` is called when the hub stops being empty, from any thread, with no lock held. It must not block and
    /// must not call back into the hub; it should arrange for the consumer to call [`drain`](Self::drain) soon. It
    /// is not called again until a drain has returned [`Drained::Empty`].
    ///
    /// ```
    #[doc = include_str!("../doc/made.txt")]
    /// use std::sync::mpsc;
    ///
    /// use jitsimeet::{EventHub, JitsiConnection};
    ///
    /// let (sender, receiver) = mpsc::channel();
    /// let hub = EventHub::new(move || sender.send(()).unwrap_or_default());
    /// let connection = JitsiConnection::with_hub(&hub, None, None, &options)?;
    /// connection.start_disconnect(Some(42))?;
    /// receiver.recv()?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn new(waker: impl Fn() + Send + Sync + 'static) -> Self {
        Self { inner: Arc::new(HubInner { ready: Mutex::default(), waker: Box::new(waker) }) }
    }

    /// Delivers up to `max` items, round-robin over the connections that have some, in order for each connection.
    ///
    /// One drain at a time: two at once would deliver items of one connection side by side. `deliver` runs with no
    /// lock held: it may call anything of this crate but `drain`. Items of a connection that is dropped
    /// while the drain runs may still be delivered once; a binding looks the id up and ignores one it has freed.
    ///
    /// ```
    #[doc = include_str!("../doc/made.txt")]
    /// use jitsimeet::{Completed, EventHub, Item, JitsiConnection};
    ///
    /// let hub = EventHub::new(|| {});
    /// let connection = JitsiConnection::with_hub(&hub, None, None, &options)?;
    /// connection.start_disconnect(Some(42))?;
    /// hub.drain(100, |id, item| {
    ///     assert_eq!(id, connection.id());
    ///     assert!(matches!(item, Item::Completed { token: 42, result: Ok(Completed::Done) }));
    /// });
    /// # Ok(()) }
    /// ```
    pub fn drain(&self, max: usize, mut deliver: impl FnMut(ConnectionId, Item)) -> Drained {
        let mut left = max;
        let mut batch = Vec::new();
        loop {
            let queue = {
                let mut ready = lock(&self.inner.ready);
                if ready.queues.is_empty() {
                    ready.awake = false;
                    return Drained::Empty;
                }
                if left == 0 {
                    return Drained::More;
                }
                ready.queues.pop_front().expect("just seen not to be empty")
            };
            let quantum = left.min(QUANTUM);
            let rest = {
                let mut state = lock(&queue.state);
                let take = quantum.min(state.items.len());
                batch.extend(state.items.drain(..take));
                if state.took(&batch) {
                    queue.room.notify_one();
                }
                let rest = !state.items.is_empty();
                state.listed = rest;
                rest
            };
            if rest {
                lock(&self.inner.ready).queues.push_back(Arc::clone(&queue));
            }
            left -= batch.len();
            for item in batch.drain(..) {
                deliver(queue.id, item);
            }
        }
    }

    /// Ends the hub: from the moment this returns nothing is kept or delivered any more. A call of the waker that has
    /// begun on another thread may still end after it. For a consumer that goes away (an event loop that closes)
    /// before its connections do.
    ///
    /// ```
    /// use jitsimeet::{Drained, EventHub};
    ///
    /// let hub = EventHub::new(|| {});
    /// hub.close();
    /// assert_eq!(hub.drain(100, |_, item| panic!("{item:?}")), Drained::Empty);
    /// ```
    pub fn close(&self) {
        let queues = {
            let mut ready = lock(&self.inner.ready);
            ready.closed = true;
            ready.awake = true;
            std::mem::take(&mut ready.queues)
        };
        queues.iter().for_each(|queue| queue.close());
    }

    /// `limits` bound the events that wait; half of it drained makes room again.
    pub(crate) fn register(&self, limits: Load) -> HubEnd {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let state = Mutex::new(QueueState { limits, ..QueueState::default() });
        HubEnd { hub: self.clone(), queue: Arc::new(Queue { id, state, room: Notify::new() }) }
    }
}

impl std::fmt::Debug for EventHub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventHub").finish_non_exhaustive()
    }
}

/// A connection's end of the hub.
#[derive(Clone)]
pub(crate) struct HubEnd {
    hub: EventHub,
    queue: Arc<Queue>,
}

impl HubEnd {
    pub(crate) fn id(&self) -> ConnectionId {
        self.queue.id
    }

    pub(crate) const fn hub(&self) -> &EventHub {
        &self.hub
    }

    pub(crate) fn is_closed(&self) -> bool {
        lock(&self.queue.state).closed
    }

    /// Queues an item. The caller fires the returned wake-up once it holds no lock.
    pub(crate) fn push(&self, item: Item) -> Wake {
        {
            let mut state = lock(&self.queue.state);
            if state.closed || (state.muted && matches!(item, Item::Event(_))) {
                return Wake(None);
            }
            state.count(&item);
            state.items.push_back(item);
            if state.listed {
                return Wake(None);
            }
            state.listed = true;
        }
        let mut ready = lock(&self.hub.inner.ready);
        if ready.closed {
            drop(ready);
            self.close();
            return Wake(None);
        }
        ready.queues.push_back(Arc::clone(&self.queue));
        let awake = std::mem::replace(&mut ready.awake, true);
        Wake((!awake).then(|| Arc::clone(&self.hub.inner)))
    }

    /// Whether a bound is reached, and not half of it drained since.
    pub(crate) fn is_full(&self) -> bool {
        lock(&self.queue.state).full
    }

    /// Items taken by the consumer so far.
    pub(crate) fn taken(&self) -> u64 {
        lock(&self.queue.state).taken
    }

    /// Items that wait for the consumer, or for one behind it.
    pub(crate) fn waiting(&self) -> usize {
        let state = lock(&self.queue.state);
        state.items.len() + state.held.events
    }

    /// Counts an event that the consumer has taken as one that waits.
    pub(crate) fn hold(&self, bytes: usize) {
        let mut state = lock(&self.queue.state);
        if !state.closed {
            state.held.add(bytes);
            state.check_full();
        }
    }

    /// Undoes `hold`, which is progress.
    pub(crate) fn release(&self, bytes: usize) {
        let mut state = lock(&self.queue.state);
        state.held.subtract(bytes);
        state.taken += 1;
        if state.makes_room() {
            self.queue.room.notify_one();
        }
    }

    /// Waits until there may be room again: look at `is_full` then.
    pub(crate) async fn room(&self) {
        self.queue.room.notified().await;
    }

    /// Frees the stanzas that nobody takes.
    pub(crate) fn discard_stanzas(&self) {
        let mut state = lock(&self.queue.state);
        state.items.retain(|item| !matches!(item, Item::Event(Event::StanzaReceived(_))));
        state.items.shrink_to_fit();
        let events = state.items.iter().filter_map(event_bytes).count();
        state.events = Load { events, bytes: 0 };
        // What is held is the consumer's to free.
        state.full = false;
    }

    /// While muted, events are not kept: nobody listens. Completions are.
    pub(crate) fn mute(&self, muted: bool) {
        lock(&self.queue.state).muted = muted;
    }

    /// Forgets what is queued and ignores what comes: the handle is gone, so nobody is left to be told.
    pub(crate) fn close(&self) {
        self.queue.close();
    }
}

/// The consumer is to be woken, unless it is awake already.
#[must_use = "the consumer sleeps until the wake-up is fired"]
pub(crate) struct Wake(Option<Arc<HubInner>>);

impl Wake {
    /// Whether firing it does anything.
    pub(crate) const fn is_due(&self) -> bool {
        self.0.is_some()
    }

    /// Calls the hub's waker. With no lock held: the waker is foreign code.
    pub(crate) fn fire(self) {
        if let Some(hub) = self.0 {
            (hub.waker)();
        }
    }
}

#[cfg(test)]
mod tests;
