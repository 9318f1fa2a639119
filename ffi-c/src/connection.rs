//! `jm_connection`: core's connection, bound to the dispatcher or to a queue.

use std::collections::BTreeMap;
use std::ffi::{c_char, c_int, c_void};
use std::fmt::Write;
use std::ptr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jitsimeet_core::{ConnectOptions, ConnectionId, Event, EventHub, EventKind, Item, JitsiConnection};

use crate::constants::{JM_EVENT_STANZA_RECEIVED, jm_status};
use crate::dispatcher::{Dispatcher, dispatcher};
use crate::error::{Error, Result};
use crate::event::OwnedEvent;
use crate::listeners::{
    Done, Listener, OwnedUserData, Pending, UserData, jm_answer_fn, jm_destroy_fn, jm_done_fn,
    jm_listener_fn, new_token,
};
use crate::options::{self, jm_options};
use crate::panic::{contain, guard};
use crate::queue::jm_queue;
use crate::strings::{Out, give, optional_text, sized_text, text};
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
                    pending.settle(&result);
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
                let UserData(user_data) = pending.user_data;
                Some(OwnedEvent::completion(self.handle(), user_data, &result))
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
        self.listen_for_stanzas();
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
        self.listen_for_stanzas();
        if let Consumer::Dispatcher(dispatcher) = self.consumer {
            dispatcher.run(true, move || drop(listener));
        }
        Ok(())
    }

    /// Starts a call whose end is told to `done`, or to the queue.
    fn start(
        &self,
        done: Done,
        user_data: *mut c_void,
        call: impl FnOnce(&JitsiConnection, Option<u64>) -> Result<()>,
    ) -> Result<()> {
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
        let started = call(&core, token);
        if let (Err(_), Some(token)) = (&started, token) {
            // It was refused by the call itself, so nobody is told a second time.
            lock(&self.state).pending.remove(&token);
        }
        started
    }

    /// Stanzas are delivered only while there is a listener for them.
    fn listen_for_stanzas(&self) {
        let state = lock(&self.state);
        let listening =
            state.listeners.iter().any(|listener| listener.event_type == JM_EVENT_STANZA_RECEIVED);
        if let Some(core) = &state.core {
            core.set_stanza_listening(listening);
        }
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
                let freed = Err(jitsimeet_core::Error::Aborted("the connection was freed"));
                pending.into_values().for_each(|pending| pending.settle(&freed));
                drop(listeners);
            }),
            Consumer::Queue(queue) => queue.forget(self.id),
        }
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

/// Starts to connect, and returns at once. `id` and `password` are those of an account: a JID, or a user name of
/// `hosts.domain`, and a full JID asks for its resource. Both are NULL for a guest, or for the bearer of a token. They
/// are copied.
/// The outcome comes as an event: `JM_EVENT_CONNECTION_ESTABLISHED`, or
/// `JM_EVENT_CONNECTION_FAILED`, or `JM_EVENT_CONNECTION_DISCONNECTED` if `jm_connection_disconnect` or
/// `jm_shutdown` is called first.
///
/// `JM_STATUS_INVALID_STATE` unless the connection is idle, and while `jm_shutdown` is under way; there is no event
/// then. Legal inside a callback: a listener may connect again after a failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_connect(
    connection: *mut jm_connection,
    id: *const c_char,
    password: *const c_char,
) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes a connection that is not freed and strings that live during the call, or NULL.
        let (connection, id, password) = unsafe {
            (
                jm_connection::borrow(connection)?,
                optional_text(id, "id")?,
                optional_text(password, "password")?,
            )
        };
        let core = connection.core()?;
        let mut options = ConnectOptions::default();
        options.id = id.map(ToOwned::to_owned);
        options.password = password.map(ToOwned::to_owned);
        library::unless_shutting_down(|| Ok(core.start_connect(&options, None)?))
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
        unsafe { jm_connection::borrow(connection) }?.start(Done::Plain(done), user_data, |core, call| {
            core.start_disconnect(call);
            Ok(())
        })
    })
}

/// Goes on with another token, which is copied: at once where there is a session, from the next attempt on where there
/// is none.
///
/// A session that can be resumed is resumed with the new token on a new transport; if the server refuses the token, the
/// session goes on as before and the status is `JM_STATUS_CONNECTION_FAILED`. Without stream management the login is
/// made afresh. `done` and `user_data` as for `jm_connection_disconnect`. `JM_STATUS_INVALID_STATE` while disconnecting.
///
/// Legal inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_refresh_token(
    connection: *mut jm_connection,
    token: *const c_char,
    done: jm_done_fn,
    user_data: *mut c_void,
) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes a connection that is not freed and a string that lives during the call, or NULL.
        let (connection, token) = unsafe { (jm_connection::borrow(connection)?, text(token, "token")?) };
        connection.start(
            Done::Plain(done),
            user_data,
            |core, call| Ok(core.start_refresh_token(token, call)?),
        )
    })
}

/// Sends a stanza: a `message`, a `presence` or an `iq`, as `len` bytes of XML in UTF-8, which are copied. A missing
/// namespace is `jabber:client`.
///
/// `done` and `user_data` as for `jm_connection_disconnect`; `JM_OK` means that the server has acknowledged the stanza,
/// or, without stream management, that it was written. Otherwise `JM_STATUS_NOT_CONNECTED`,
/// `JM_STATUS_SEND_QUEUE_FULL`, or `JM_STATUS_SESSION_LOST`. `JM_STATUS_INVALID_STANZA` comes from the call itself.
///
/// Legal inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_send_stanza(
    connection: *mut jm_connection,
    xml: *const c_char,
    len: usize,
    done: jm_done_fn,
    user_data: *mut c_void,
) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes a connection that is not freed and bytes that live during the call, or NULL.
        let (connection, xml) = unsafe { (jm_connection::borrow(connection)?, sized_text(xml, len, "xml")?) };
        connection.start(Done::Plain(done), user_data, |core, call| Ok(core.start_send_stanza(xml, call)?))
    })
}

/// Sends an IQ request, as `len` bytes of XML in UTF-8, which are copied. A missing id is made up.
///
/// `done` is called as for `jm_connection_send_stanza`, with the answer, which is of type `result` or `error`; in queue
/// mode the answer is the `xml` of `JM_EVENT_COMPLETION`. `JM_STATUS_TIMEOUT` if none came within `timeout_ms`
/// milliseconds; a negative number stands for the option `iqTimeout`.
///
/// Legal inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_send_iq(
    connection: *mut jm_connection,
    xml: *const c_char,
    len: usize,
    timeout_ms: i32,
    done: jm_answer_fn,
    user_data: *mut c_void,
) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes a connection that is not freed and bytes that live during the call, or NULL.
        let (connection, xml) = unsafe { (jm_connection::borrow(connection)?, sized_text(xml, len, "xml")?) };
        let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        connection
            .start(Done::Answer(done), user_data, |core, call| Ok(core.start_send_iq(xml, timeout, call)?))
    })
}

/// In queue mode: whether `JM_EVENT_STANZA_RECEIVED` is delivered; 0 is no, as before the first call. Connections for
/// callbacks deliver stanzas while they have a listener for them, and this is `JM_STATUS_INVALID_STATE`.
///
/// Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_connection_set_stanza_listening(
    connection: *mut jm_connection,
    listening: c_int,
) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes a connection that is not freed during the call, or NULL.
        let connection = unsafe { jm_connection::borrow(connection) }?;
        if matches!(connection.consumer, Consumer::Dispatcher(_)) {
            let problem = "a connection for callbacks delivers stanzas while it has a listener for them";
            return Err(Error::invalid_state(problem));
        }
        connection.core()?.set_stanza_listening(listening != 0);
        Ok(())
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
/// `tls`, `upgrade`, `authenticated`, `bound`, `resumed`). `round_trips` is a count: what the last login or resumption
/// took, from TCP on.
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
        if let Some(round_trips) = times.round_trips() {
            let _ = write!(json, ",\"round_trips\":{round_trips}");
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

/// Adds a listener for one kind of events, `event_type` being one of `JM_EVENT_*` but `JM_EVENT_COMPLETION`. Listeners are called in
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
        if !EventKind::ALL.iter().any(|kind| kind.as_i32() == event_type) {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// No leak checker would see it: the registry is reachable to the end.
    #[test]
    fn a_freed_connection_is_kept_nowhere() {
        let json = c"{\"serviceUrl\": \"ws://127.0.0.1:1/\", \"hosts\": {\"domain\": \"meet.example\"}}";
        let options = options::jm_options_new();
        let mut connection = ptr::null_mut();
        // SAFETY: every pointer is to a local or comes from the call that makes it, and is freed once.
        let kept = unsafe {
            options::jm_options_set_json(options, c"".as_ptr(), json.as_ptr(), json.count_bytes());
            jm_connection_new(ptr::null(), ptr::null(), options, &raw mut connection);
            options::jm_options_free(options);
            let id = jm_connection::borrow(connection).ok().unwrap().id;
            let kept = Arc::downgrade(&dispatcher().connections().get(id).unwrap());
            jm_connection_free(connection);
            kept
        };
        assert_eq!(kept.strong_count(), 0);
    }
}
