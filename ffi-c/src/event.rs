//! `jm_event`: an event of core, flattened.

use std::ffi::{c_int, c_void};
use std::ptr;

use jitsimeet_core::{Event, Status};

use crate::connection::jm_connection;
use crate::constants::{JM_EVENT_COMPLETION, JM_OK, jm_status};
use crate::panic::contain;
use crate::strings::{Texts, jm_str};

/// What happened to a connection. Which fields mean something depends on `type`; all others are 0, NULL or absent.
///
/// The library makes events. One that is passed to a callback is borrowed, texts included, until the callback
/// returns; one that came from `jm_queue_next` belongs to the caller until `jm_event_free`. Fields may be added at the
/// end: use events through their pointers only, and never copy one as a struct.
#[repr(C)]
pub struct jm_event {
    /// `JM_EVENT_*`. New ones may be added: ignore one you do not know.
    pub r#type: i32,
    /// The connection, as `jm_connection_new` gave it. In queue mode it may have been freed since.
    pub connection: *mut jm_connection,
    /// The name of the event in lib-jitsi-meet, such as `connection.connectionEstablished`. Absent from
    /// `JM_EVENT_COMPLETION`.
    pub name: jm_str,
    /// Established: the resource of the JID.
    pub id: jm_str,
    /// Failed: `JM_ERROR_TYPE_*`. New ones may be added: treat one you do not know as `JM_ERROR_TYPE_OTHER_ERROR`.
    pub error_type: i32,
    /// Failed: the name of `error_type` in lib-jitsi-meet, such as `connection.otherError`.
    pub error_type_name: jm_str,
    /// Failed: `JM_CODE_*`, the finer cause. New ones may be added.
    pub code: i32,
    /// Failed: the name of `code`, such as `refused`.
    pub code_name: jm_str,
    /// Failed: what was tried, where, what came back, what to check. Disconnected: what the server said on closing,
    /// if anything. Completion: why the call failed, if it did.
    pub message: jm_str,
    /// Failed: 1 if trying again later may succeed without changing anything, else 0.
    pub transient: c_int,
    /// Failed: the JID that the attempt used, where one was known.
    pub jid: jm_str,
    /// Failed: the condition of RFC 6120 that the server named, such as `host-unknown`.
    pub condition: jm_str,
    /// Failed: the HTTP status, where an HTTP answer was the cause.
    pub http_status: i32,
    /// Failed: the human-readable text that the server sent with its refusal.
    pub server_text: jm_str,
    /// Completion: the outcome of the call.
    pub status: jm_status,
    /// Completion: what was passed with the call.
    pub user_data: *mut c_void,
}

/// An event with what its texts point to.
#[repr(C)]
pub(crate) struct OwnedEvent {
    /// First, so that a pointer to it is a pointer to the whole.
    public: jm_event,
    _texts: Texts,
}

// SAFETY: the pointers are into `_texts`, which moves along, and to things of the caller that this crate only passes on.
unsafe impl Send for OwnedEvent {}

impl OwnedEvent {
    pub(crate) fn new(connection: *mut jm_connection, event: &Event) -> Self {
        let kind = event.kind();
        let (id, failure, message) = match event {
            Event::ConnectionEstablished { id } => (Some(id.as_str()), None, None),
            Event::ConnectionFailed(failure) => (None, Some(failure), Some(failure.message.as_str())),
            Event::ConnectionDisconnected { message } => (None, None, message.as_deref()),
            _ => (None, None, None),
        };
        let (texts, [name, id, error_type_name, code_name, message, jid, condition, server_text]) =
            Texts::new([
                Some(kind.as_str()),
                id,
                failure.map(|failure| failure.error_type.as_str()),
                failure.map(|failure| failure.code.as_str()),
                message,
                failure.and_then(|failure| failure.jid.as_deref()),
                failure.and_then(|failure| failure.condition.as_deref()),
                failure.and_then(|failure| failure.server_text.as_deref()),
            ]);
        let public = jm_event {
            r#type: kind.as_i32(),
            connection,
            name,
            id,
            error_type: failure.map_or(0, |failure| failure.error_type.as_i32()),
            error_type_name,
            code: failure.map_or(0, |failure| failure.code.as_i32()),
            code_name,
            message,
            transient: failure.map_or(0, |failure| failure.transient.into()),
            jid,
            condition,
            http_status: failure.and_then(|failure| failure.http_status).map_or(0, i32::from),
            server_text,
            status: JM_OK,
            user_data: ptr::null_mut(),
        };
        Self { public, _texts: texts }
    }

    /// The end of an asynchronous call, for a queue.
    pub(crate) fn completion(
        connection: *mut jm_connection,
        user_data: *mut c_void,
        status: Status,
        message: Option<&str>,
    ) -> Self {
        let (texts, [message]) = Texts::new([message]);
        let public = jm_event {
            r#type: JM_EVENT_COMPLETION,
            connection,
            name: jm_str::ABSENT,
            id: jm_str::ABSENT,
            error_type: 0,
            error_type_name: jm_str::ABSENT,
            code: 0,
            code_name: jm_str::ABSENT,
            message,
            transient: 0,
            jid: jm_str::ABSENT,
            condition: jm_str::ABSENT,
            http_status: 0,
            server_text: jm_str::ABSENT,
            status: status.as_i32(),
            user_data,
        };
        Self { public, _texts: texts }
    }

    pub(crate) const fn public(&self) -> &jm_event {
        &self.public
    }

    /// Hands the event over to C, which returns it to `jm_event_free`.
    pub(crate) fn give(self) -> *const jm_event {
        Box::into_raw(Box::new(self)).cast_const().cast()
    }
}

/// Frees an event that `jm_queue_next` gave. NULL is fine.
///
/// Any thread; legal inside a callback. Not for the events that callbacks are passed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_event_free(event: *const jm_event) {
    if !event.is_null() {
        // SAFETY: the caller returns what `give` has handed over, once; the event is the first field of the whole.
        contain(|| drop(unsafe { Box::from_raw(event.cast_mut().cast::<OwnedEvent>()) }));
    }
}
