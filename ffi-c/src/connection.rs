//! `jm_connection`: core's connection, bound to the dispatcher or to a queue.

use std::collections::BTreeMap;
use std::ffi::{c_char, c_void};
use std::fmt::Write;
use std::ptr;
use std::sync::{Arc, Mutex};

use jitsimeet_core::{CompletionResult, ConnectionId, Event, EventHub, Item, JitsiConnection, Status};

use crate::constants::{
    JM_EVENT_CONNECTION_DISCONNECTED, JM_EVENT_CONNECTION_ESTABLISHED, JM_EVENT_CONNECTION_FAILED, jm_status,
};
use crate::dispatcher::{Dispatcher, dispatcher};
use crate::error::{Error, Result};
use crate::event::OwnedEvent;
use crate::listeners::{
    Listener, OwnedUserData, Pending, UserData, jm_destroy_fn, jm_done_fn, jm_listener_fn, new_token,
};
use crate::options::{self, jm_options};
use crate::panic::{contain, guard};
use crate::queue::jm_queue;
use crate::strings::{Out, give, optional_text};
use crate::{library, lock};

/// A connection to a Jitsi Meet deployment: lib-jitsi-meet's `JitsiConnection`.
///
/// It is idle, connecting, connected or disconnecting. One attempt to connect ends in exactly one of the events
/// established, failed and disconnected, after which (or, if established, after disconnecting) it is idle and may
/// connect again. Its events come in order, one at a time, and never from inside the call that caused them.
///
/// All calls may be made from any thread, also at once, except that none may be under way when the connection is
/// freed.
pub struct jm_connection {
    id: ConnectionId,
    consumer: Consumer,
    state: Mutex<State>,
}

/// Who is told of events, for life.
enum Consumer {
    Dispatcher(&'static Dispatcher),
    Queue(Arc<jm_queue>),
}

struct State {
    /// None once the connection has been freed.
    core: Option<JitsiConnection>,
    /// In the order of registration, which is the order of the calls.
    listeners: Vec<Arc<Listener>>,
    /// Calls under way, by the token that core has for them.
    pending: BTreeMap<u64, Pending>,
}

/// The connections of one consumer. A `BTreeMap` because its memory goes when it is empty and is reached by plain
/// pointers, so that a leak checker sees nothing.
#[derive(Default)]
pub(crate) struct Registry(Mutex<BTreeMap<ConnectionId, Arc<jm_connection>>>);

impl Registry {
    pub(crate) fn get(&self, id: ConnectionId) -> Option<Arc<jm_connection>> {
        lock(&self.0).get(&id).map(Arc::clone)
    }

    pub(crate) fn remove(&self, id: ConnectionId) {
        lock(&self.0).remove(&id);
    }

    fn insert(&self, connection: &Arc<jm_connection>) {
        lock(&self.0).insert(connection.id, Arc::clone(connection));
    }
}

impl Consumer {
    fn hub(&self) -> &EventHub {
        match self {
            Self::Dispatcher(dispatcher) => dispatcher.hub(),
            Self::Queue(queue) => queue.hub(),
        }
    }

    fn connections(&self) -> &Registry {
        match self {
            Self::Dispatcher(dispatcher) => dispatcher.connections(),
            Self::Queue(queue) => queue.connections(),
        }
    }
}

impl jm_connection {
    /// # Safety
    /// The strings are NULL or NUL-terminated and the options NULL or valid, during the call.
    unsafe fn make(
        app_id: *const c_char,
        token: *const c_char,
        options: *const jm_options,
        consumer: Consumer,
    ) -> Result<*mut Self> {
        // SAFETY: as the caller promises.
        let (app_id, token, options) = unsafe {
            (optional_text(app_id, "app_id")?, optional_text(token, "token")?, options::read(options))
        };
        let options = options.ok_or_else(|| Error::null("options"))?;
        let core = JitsiConnection::with_hub(consumer.hub(), app_id, token, options)?;
        let id = core.id();
        let state = State { core: Some(core), listeners: Vec::new(), pending: BTreeMap::new() };
        let connection = Arc::new(Self { id, consumer, state: Mutex::new(state) });
        connection.consumer.connections().insert(&connection);
        Ok(Arc::into_raw(connection).cast_mut())
    }

    /// # Safety
    /// `connection` is NULL or a connection that is not freed during `'a`.
    unsafe fn borrow<'a>(connection: *const Self) -> Result<&'a Self> {
        // SAFETY: as the caller promises.
        unsafe { connection.as_ref() }.ok_or_else(|| Error::null("connection"))
    }

    /// A handle on core's connection, to be used with no lock held.
    fn core(&self) -> Result<JitsiConnection> {
        lock(&self.state).core.clone().ok_or_else(|| Error::invalid_state("the connection has been freed"))
    }

    const fn handle(&self) -> *mut Self {
        ptr::from_ref(self).cast_mut()
    }

    /// Tells listeners and waiting calls. On the dispatcher thread.
    pub(crate) fn deliver(&self, item: Item) {
        match item {
            Item::Event(event) => self.tell(&event),
            Item::Completed { token, result } => {
                let pending = lock(&self.state).pending.remove(&token);
                if let Some(pending) = pending {
                    pending.settle(status(&result));
                }
            }
            _ => {}
        }
    }

    fn tell(&self, event: &Event) {
        let event_type = event.kind().as_i32();
        let listeners: Vec<_> = lock(&self.state)
            .listeners
            .iter()
            .filter(|l| l.event_type == event_type)
            .map(Arc::clone)
            .collect();
        if listeners.is_empty() {
            return;
        }
        let event = OwnedEvent::new(self.handle(), event);
        for listener in listeners {
            listener.call(event.public());
        }
    }

    /// What a queue shows of an item.
    pub(crate) fn event_for(&self, item: Item) -> Option<OwnedEvent> {
        match item {
            Item::Event(event) => Some(OwnedEvent::new(self.handle(), &event)),
            Item::Completed { token, result } => {
                let pending = lock(&self.state).pending.remove(&token)?;
                let message = result.as_ref().err().map(ToString::to_string);
                let UserData(user_data) = pending.user_data;
                Some(OwnedEvent::completion(self.handle(), user_data, status(&result), message.as_deref()))
            }
            _ => None,
        }
    }

    fn add_listener(&self, listener: Listener) -> Result<u64> {
        if matches!(self.consumer, Consumer::Queue(_)) {
            return Err(Error::invalid_state("a connection that was made for a queue has no listeners"));
        }
        let token = listener.token;
        lock(&self.state).listeners.push(Arc::new(listener));
        Ok(token)
    }

    fn remove_listener(&self, token: u64) -> Result<()> {
        let listener = {
            let listeners = &mut lock(&self.state).listeners;
            let index = listeners.iter().position(|listener| listener.token == token);
            index.map(|index| listeners.remove(index))
        };
        let listener = listener.ok_or_else(|| {
            Error::invalid_argument(format!("`token`: no listener of the connection has {token}"))
        })?;
        listener.remove();
        if let Consumer::Dispatcher(dispatcher) = self.consumer {
            dispatcher.run(true, move || drop(listener));
        }
        Ok(())
    }

    fn disconnect(&self, done: jm_done_fn, user_data: *mut c_void) -> Result<()> {
        let queued = matches!(self.consumer, Consumer::Queue(_));
        if queued && done.is_some() {
            let problem = "`done` must be NULL for a connection that was made for a queue";
            return Err(Error::invalid_argument(problem));
        }
        let core = self.core()?;
        let token = (queued || done.is_some()).then(new_token);
        if let Some(token) = token {
            let pending = Pending { done, user_data: UserData(user_data) };
            lock(&self.state).pending.insert(token, pending);
        }
        core.start_disconnect(token);
        Ok(())
    }

    /// Ends the connection: core's closes in the background, and no call of a listener begins any more.
    fn free(&self, wait: bool) {
        let (core, listeners, pending) = {
            let mut state = lock(&self.state);
            (state.core.take(), std::mem::take(&mut state.listeners), std::mem::take(&mut state.pending))
        };
        drop(core);
        listeners.iter().for_each(|listener| listener.remove());
        self.consumer.connections().remove(self.id);
        match &self.consumer {
            Consumer::Dispatcher(dispatcher) => dispatcher.run(wait, move || {
                pending.into_values().for_each(|pending| pending.settle(Status::Aborted));
                drop(listeners);
            }),
            Consumer::Queue(queue) => queue.forget(self.id),
        }
    }
}

const fn status(result: &CompletionResult) -> Status {
    match result {
        Ok(_) => Status::Ok,
        Err(error) => error.status(),
    }
}

/// Makes a connection whose events are passed to callbacks, on the dispatcher thread of the library. It does not
/// connect yet. To be freed with `jm_connection_free` or `jm_connection_close`.
///
/// `app_id` may be NULL; lib-jitsi-meet does not send it either. `token`, a JSON Web Token of the deployment, may be
/// NULL; it goes into the query of the service URL. `options` are copied.
///
/// `JM_STATUS_INVALID_OPTION` if a required option is missing or one is unusable: `jm_last_error` names the key.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_new(
    app_id: *const c_char,
    token: *const c_char,
    options: *const jm_options,
    out_connection: *mut *mut jm_connection,
) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes a place for the handle, or NULL.
        let out = unsafe { Out::new(out_connection, "out_connection") }?;
        dispatcher().start()?;
        // SAFETY: the caller passes strings and options that live during the call, or NULL.
        out.write(unsafe {
            jm_connection::make(app_id, token, options, Consumer::Dispatcher(dispatcher()))
        }?);
        Ok(())
    })
}

/// Makes a connection whose events are taken from `queue` with `jm_queue_next`. Otherwise as `jm_connection_new`.
///
/// The connection may outlive the queue; its events are dropped then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_new_with_queue(
    app_id: *const c_char,
    token: *const c_char,
    options: *const jm_options,
    queue: *mut jm_queue,
    out_connection: *mut *mut jm_connection,
) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes a place for the handle, or NULL.
        let out = unsafe { Out::new(out_connection, "out_connection") }?;
        if queue.is_null() {
            return Err(Error::null("queue"));
        }
        // SAFETY: not NULL, so a queue that `jm_queue_new` made from an `Arc` and that is not freed during the call.
        let queue = unsafe {
            Arc::increment_strong_count(queue.cast_const());
            Arc::from_raw(queue.cast_const())
        };
        // SAFETY: the caller passes strings and options that live during the call, or NULL.
        out.write(unsafe { jm_connection::make(app_id, token, options, Consumer::Queue(queue)) }?);
        Ok(())
    })
}

/// Frees a connection, in whatever state it is. NULL is fine. An open one says goodbye in the background, for up to a
/// second; `jm_shutdown` waits for that.
///
/// When it returns, no callback of the connection runs or will run: every `done` that was still due has been called
/// with `JM_STATUS_ABORTED`, and every `destroy` has. For that it waits for the dispatcher thread to be done with the
/// callback that it runs, whosever it is: hold no lock that a callback takes, or use `jm_connection_close`.
///
/// Inside a callback it does not wait: no further listener of the connection is called, and those `done` and
/// `destroy` are called as soon as the running callback has returned.
///
/// In queue mode it does not wait either, and nothing of the connection is left in the queue, completions included.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_free(connection: *mut jm_connection) {
    // SAFETY: the caller returns its handle, once.
    unsafe { free(connection, true) };
}

/// Frees a connection as `jm_connection_free` does, and never waits: a callback that is running may go on, and the
/// `done` and `destroy` that are due may be called, after this has returned.
///
/// Any thread, whatever locks it holds; legal inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_close(connection: *mut jm_connection) {
    // SAFETY: the caller returns its handle, once.
    unsafe { free(connection, false) };
}

/// # Safety
/// `connection` is NULL or a handle from [`jm_connection::make`], which is not used after this.
unsafe fn free(connection: *mut jm_connection, wait: bool) {
    if !connection.is_null() {
        // SAFETY: `make` took it from an `Arc`.
        contain(|| unsafe { Arc::from_raw(connection.cast_const()) }.free(wait));
    }
}

/// Starts to connect, and returns at once. The outcome comes as an event: `JM_EVENT_CONNECTION_ESTABLISHED`, or
/// `JM_EVENT_CONNECTION_FAILED`, or `JM_EVENT_CONNECTION_DISCONNECTED` if `jm_connection_disconnect` or
/// `jm_shutdown` is called first.
///
/// `JM_STATUS_INVALID_STATE` unless the connection is idle, and while `jm_shutdown` is under way; there is no event
/// then. Legal inside a callback: a listener may connect again after a failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_connect(connection: *mut jm_connection) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes a connection that is not freed during the call, or NULL.
        let core = unsafe { jm_connection::borrow(connection) }?.core()?;
        library::unless_shutting_down(|| Ok(core.start_connect(None)?))
    })
}

/// Starts to close the connection in an orderly way, or gives up the attempt under way, and returns at once.
/// `JM_EVENT_CONNECTION_DISCONNECTED` follows; of an idle connection it does not.
///
/// `done`, which may be NULL, is called with `user_data` exactly once if this returns `JM_OK`, and never otherwise:
/// after the event, on the dispatcher thread, with `JM_OK`; or with `JM_STATUS_ABORTED` if the connection is freed
/// first. In queue mode `done` must be NULL, and `JM_EVENT_COMPLETION` follows with `user_data`.
///
/// Legal in every state and inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_disconnect(
    connection: *mut jm_connection,
    done: jm_done_fn,
    user_data: *mut c_void,
) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes a connection that is not freed during the call, or NULL.
        unsafe { jm_connection::borrow(connection) }?.disconnect(done, user_data)
    })
}

/// The full JID that the server has bound, to be freed with `jm_string_free`. NULL while there is none: from the first
/// moment, and from each `jm_connection_connect`, until the server has bound one.
///
/// Legal inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_jid(
    connection: *const jm_connection,
    out_jid: *mut *mut c_char,
) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes a connection that is not freed during the call and a place, or NULL.
        let (connection, out) =
            unsafe { (jm_connection::borrow(connection)?, Out::new(out_jid, "out_jid")?) };
        out.write(connection.core()?.jid().map_or(Ok(ptr::null_mut()), give)?);
        Ok(())
    })
}

/// When the phases of the connection happened: a JSON object of milliseconds of `CLOCK_MONOTONIC`, to be freed with
/// `jm_string_free`. What has not happened is left out.
///
/// The keys are lib-jitsi-meet's statuses (`connecting`, `authenticating`, `connected`, `disconnecting`,
/// `disconnected`, `authfail`, `connfail`; the last time of each) and the phases of the last attempt (`dns`, `tcp`,
/// `tls`, `upgrade`, `authenticated`, `bound`).
///
/// Legal inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_times_json(
    connection: *const jm_connection,
    out_json: *mut *mut c_char,
) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes a connection that is not freed during the call and a place, or NULL.
        let (connection, out) =
            unsafe { (jm_connection::borrow(connection)?, Out::new(out_json, "out_json")?) };
        let times = connection.core()?.connection_times();
        let mut json = String::from("{");
        for (milestone, at) in times.on_clock(monotonic_ms()) {
            let comma = if json.len() > 1 { "," } else { "" };
            // Writing to a string cannot fail.
            let _ = write!(json, "{comma}\"{milestone}\":{at:.3}");
        }
        json.push('}');
        out.write(give(json)?);
        Ok(())
    })
}

fn monotonic_ms() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as f64 * 1e3 + now.tv_nsec as f64 / 1e6
}

/// Adds a listener for one kind of events, `event_type` being one of `JM_EVENT_CONNECTION_*`. Listeners are called in
/// the order of their registration, on the dispatcher thread, and not for an event whose delivery has begun.
///
/// `destroy`, which may be NULL, is called with `user_data` exactly once, whatever happens: on the dispatcher thread
/// after the listener was removed or the connection freed, or, if this call fails, on the calling thread before
/// it returns.
///
/// `out_token`, which may be NULL, receives a number for `jm_connection_remove_listener`. It is never 0 and never
/// used again in the process.
///
/// `JM_STATUS_INVALID_ARGUMENT` if `listener` is NULL or `event_type` not known; `JM_STATUS_INVALID_STATE` in queue
/// mode, which has no callbacks. Legal inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_add_listener(
    connection: *mut jm_connection,
    event_type: i32,
    listener: jm_listener_fn,
    user_data: *mut c_void,
    destroy: jm_destroy_fn,
    out_token: *mut u64,
) -> jm_status {
    // From here on every way out destroys `user_data`, unless the listener is kept.
    let user_data = OwnedUserData::new(user_data, destroy);
    guard(move || {
        // SAFETY: the caller passes a connection that is not freed during the call, or NULL.
        let connection = unsafe { jm_connection::borrow(connection) }?;
        let function = listener.ok_or_else(|| Error::null("listener"))?;
        if !matches!(
            event_type,
            JM_EVENT_CONNECTION_ESTABLISHED | JM_EVENT_CONNECTION_FAILED | JM_EVENT_CONNECTION_DISCONNECTED
        ) {
            return Err(Error::invalid_argument(format!(
                "`event_type`: {event_type} is not a kind of events"
            )));
        }
        let token = connection.add_listener(Listener::new(event_type, function, user_data))?;
        if !out_token.is_null() {
            // SAFETY: not NULL, so a place for the token.
            unsafe { out_token.write(token) };
        }
        Ok(())
    })
}

/// Removes a listener. `JM_STATUS_INVALID_ARGUMENT` if the connection has none with this token.
///
/// When it returns, the listener does not run and will not, and its `destroy` has been called. For that it waits for
/// the dispatcher thread to be done with the callback that it runs, whosever it is: hold no lock that a callback takes.
///
/// Inside a callback it does not wait: the listener is not called any more, and its `destroy` is called as soon as the
/// running callback has returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_remove_listener(
    connection: *mut jm_connection,
    token: u64,
) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes a connection that is not freed during the call, or NULL.
        unsafe { jm_connection::borrow(connection) }?.remove_listener(token)
    })
}
