//! What a connection tells whom.

use std::ffi::{c_int, c_void};
use std::sync::Arc;

use jitsimeet_core::EventKind;

use super::{Consumer, jm_connection};
use crate::constants::{JM_EVENT_STANZA_RECEIVED, jm_status};
use crate::error::{Error, Result};
use crate::listeners::{Listener, OwnedUserData, jm_destroy_fn, jm_listener_fn};
use crate::lock;
use crate::panic::guard;

impl jm_connection {
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

    /// Stanzas are delivered only while there is a listener for them.
    fn listen_for_stanzas(&self) {
        let state = lock(&self.state);
        let listening =
            state.listeners.iter().any(|listener| listener.event_type == JM_EVENT_STANZA_RECEIVED);
        if let Some(core) = &state.core {
            // In a fork of the process that made the connection nothing comes, listened to or not.
            let _ = core.set_stanza_listening(listening);
        }
    }
}

/// Adds a listener for one kind of events, `event_type` being one of `JM_EVENT_*` but `JM_EVENT_COMPLETION`. Listeners
/// are called in the order of their registration, on the dispatcher thread, and not for an event whose delivery has
/// begun.
///
/// `destroy`, which may be NULL, is called with `user_data` exactly once, whatever happens: on the dispatcher thread
/// after the listener was removed or the connection freed, or, if this call fails, on the calling thread before
/// it returns.
///
/// `out_token`, which may be NULL, receives a number for `jm_connection_remove_listener`. It is never 0 and never
/// used again in the process.
///
/// `JM_STATUS_INVALID_ARGUMENT` if `listener` is NULL or `event_type` not known; `JM_STATUS_INVALID_STATE` in queue
/// mode, which has no callbacks. Any thread; legal inside a
/// callback.
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
        let mut of_connections = EventKind::ALL.iter().filter(|kind| !kind.is_conference());
        if !of_connections.any(|kind| kind.as_i32() == event_type) {
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
        Ok(connection.core()?.set_stanza_listening(listening != 0)?)
    })
}
