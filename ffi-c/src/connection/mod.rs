//! `jm_connection`: core's connection, bound to the dispatcher or to a queue.

// In the order of the header, behind what is here.
mod calls;
mod inspection;
mod listening;

pub use calls::*;
pub use inspection::*;
pub use listening::*;

use std::collections::BTreeMap;
use std::ffi::c_char;
use std::ptr;
use std::sync::{Arc, Mutex};

use jitsimeet_core::{ConnectionId, Event, EventHub, Item, JitsiConnection, Owner};

use crate::constants::jm_status;
use crate::dispatcher::{Dispatcher, dispatcher};
use crate::error::{Error, Result};
use crate::event::OwnedEvent;
use crate::listeners::{Listener, Pending, UserData};
use crate::lock;
use crate::options::{self, jm_options};
use crate::panic::{contain, guard};
use crate::queue::jm_queue;
use crate::strings::{Out, optional_text};

/// A connection to a Jitsi Meet deployment: lib-jitsi-meet's `JitsiConnection`.
///
/// It is idle, connecting, connected, interrupted or disconnecting (`JM_STATE_*`). One attempt to connect ends in
/// exactly one of the events established, failed, disconnected and redirected, after which (or, if established, after
/// failing or disconnecting) it is idle and may connect again. Its events come in order, one at a time, and never from
/// inside the call that caused them.
///
/// All calls may be made from any thread, also at once, except that none may be under way when the connection is
/// freed.
///
/// It belongs to the process that made it. In a fork of that process every call returns `JM_STATUS_FORKED` at once, and
/// freeing gives up the handle and nothing else: no callback and no `destroy` runs there. The fork may make
/// connections of its own.
pub struct jm_connection {
    /// Asked before any lock, which a thread of the parent may have held for ever.
    owner: Owner,
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
        let owner = Owner::this_process();
        let connection = Arc::new(Self { owner, id, consumer, state: Mutex::new(state) });
        connection.consumer.connections().insert(&connection);
        Ok(Arc::into_raw(connection).cast_mut())
    }

    /// # Safety
    /// `connection` is NULL or a connection that is not freed during `'a`.
    unsafe fn borrow<'a>(connection: *const Self) -> Result<&'a Self> {
        // SAFETY: as the caller promises.
        let connection = unsafe { connection.as_ref() }.ok_or_else(|| Error::null("connection"))?;
        connection.owner.check()?;
        Ok(connection)
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
                    pending.settle(self.handle(), &result);
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
                pending.into_values().for_each(|pending| pending.settle(ptr::null_mut(), &freed));
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
/// `JM_STATUS_INVALID_OPTION` if a required option is missing or one is unusable: `jm_last_error` names the key. Any
/// thread; legal inside a callback.
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
/// The connection may outlive the queue; its events are dropped then. Any thread; legal inside a callback.
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
        queue.check_process()?;
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
        let connection = unsafe { Arc::from_raw(connection.cast_const()) };
        if connection.owner.is_this_process() {
            contain(|| connection.free(wait));
        } else {
            // What is in it waits for threads that are not in this process.
            std::mem::forget(connection);
        }
    }
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
