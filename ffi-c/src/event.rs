//! `jm_event`: an event of core, flattened.

use std::ffi::{c_int, c_void};
use std::ptr;

use jitsimeet_core::{Completed, CompletionResult, Event, Failure, Status};

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
    /// Failed and interrupted: `JM_CODE_*`, the finer cause. New ones may be added.
    pub code: i32,
    /// Failed and interrupted: the name of `code`, such as `refused`.
    pub code_name: jm_str,
    /// Failed and interrupted: what was tried, where, what came back, what to check. Disconnected: what the server said on closing,
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
    /// Established: 1 if the session of before goes on, else 0.
    pub resumed: c_int,
    /// Established: 1 if it is a fresh session after a lost one, else 0.
    pub reconnected: c_int,
    /// Resumed: how many attempts it took.
    pub attempts: u32,
    /// Resumed: how many milliseconds the session was without a transport.
    pub downtime_ms: u64,
    /// Resumed: how many stanzas were sent again.
    pub resent: u64,
    /// Stanza received: the XML text as it came. Completion of `jm_connection_send_iq`: the answer.
    pub xml: jm_str,
    /// Stanza received: `iq`, `message` or `presence`.
    pub stanza_name: jm_str,
    /// Stanza received: who sent it; absent if it is the server, for this account.
    pub stanza_from: jm_str,
    /// Stanza received: whom it is for.
    pub stanza_to: jm_str,
    /// Stanza received: the attribute `type`.
    pub stanza_type: jm_str,
    /// Stanza received: the attribute `id`.
    pub stanza_id: jm_str,
}

impl jm_event {
    const EMPTY: Self = Self {
        r#type: 0,
        connection: ptr::null_mut(),
        name: jm_str::ABSENT,
        id: jm_str::ABSENT,
        error_type: 0,
        error_type_name: jm_str::ABSENT,
        code: 0,
        code_name: jm_str::ABSENT,
        message: jm_str::ABSENT,
        transient: 0,
        jid: jm_str::ABSENT,
        condition: jm_str::ABSENT,
        http_status: 0,
        server_text: jm_str::ABSENT,
        status: JM_OK,
        user_data: ptr::null_mut(),
        resumed: 0,
        reconnected: 0,
        attempts: 0,
        downtime_ms: 0,
        resent: 0,
        xml: jm_str::ABSENT,
        stanza_name: jm_str::ABSENT,
        stanza_from: jm_str::ABSENT,
        stanza_to: jm_str::ABSENT,
        stanza_type: jm_str::ABSENT,
        stanza_id: jm_str::ABSENT,
    };
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
        let (name, public) =
            (Some(kind.as_str()), jm_event { r#type: kind.as_i32(), connection, ..jm_event::EMPTY });
        match event {
            Event::ConnectionEstablished { id, resumed, reconnected } => {
                let (texts, [name, id]) = Texts::new([name, Some(id)]);
                let (resumed, reconnected) = (c_int::from(*resumed), c_int::from(*reconnected));
                Self { public: jm_event { name, id, resumed, reconnected, ..public }, _texts: texts }
            }
            Event::ConnectionFailed(failure) => Self::failed(public, name, failure),
            Event::ConnectionDisconnected { message } => {
                let (texts, [name, message]) = Texts::new([name, message.as_deref()]);
                Self { public: jm_event { name, message, ..public }, _texts: texts }
            }
            Event::Interrupted { code, message } => {
                let (texts, [name, code_name, message]) =
                    Texts::new([name, Some(code.as_str()), Some(message)]);
                let code = code.as_i32();
                Self { public: jm_event { name, code, code_name, message, ..public }, _texts: texts }
            }
            Event::Resumed { attempts, downtime, resent } => {
                let (texts, [name]) = Texts::new([name]);
                let downtime_ms = u64::try_from(downtime.as_millis()).unwrap_or(u64::MAX);
                let (attempts, resent) = (*attempts, *resent as u64);
                Self { public: jm_event { name, attempts, downtime_ms, resent, ..public }, _texts: texts }
            }
            Event::StanzaReceived(stanza) => {
                let (texts, [name, xml, stanza_name, stanza_from, stanza_to, stanza_type, stanza_id]) =
                    Texts::new([
                        name,
                        Some(stanza.xml()),
                        Some(stanza.name()),
                        stanza.from(),
                        stanza.to(),
                        stanza.kind(),
                        stanza.id(),
                    ]);
                let public = jm_event {
                    name,
                    xml,
                    stanza_name,
                    stanza_from,
                    stanza_to,
                    stanza_type,
                    stanza_id,
                    ..public
                };
                Self { public, _texts: texts }
            }
            _ => {
                let (texts, [name]) = Texts::new([name]);
                Self { public: jm_event { name, ..public }, _texts: texts }
            }
        }
    }

    fn failed(public: jm_event, name: Option<&str>, failure: &Failure) -> Self {
        let (texts, [name, error_type_name, code_name, message, jid, condition, server_text]) = Texts::new([
            name,
            Some(failure.error_type.as_str()),
            Some(failure.code.as_str()),
            Some(&failure.message),
            failure.jid.as_deref(),
            failure.condition.as_deref(),
            failure.server_text.as_deref(),
        ]);
        let public = jm_event {
            name,
            error_type: failure.error_type.as_i32(),
            error_type_name,
            code: failure.code.as_i32(),
            code_name,
            message,
            transient: failure.transient.into(),
            jid,
            condition,
            http_status: failure.http_status.map_or(0, i32::from),
            server_text,
            ..public
        };
        Self { public, _texts: texts }
    }

    /// The end of an asynchronous call, for a queue.
    pub(crate) fn completion(
        connection: *mut jm_connection,
        user_data: *mut c_void,
        result: &CompletionResult,
    ) -> Self {
        let (status, message, answer) = match result {
            Ok(Completed::Answer { xml }) => (Status::Ok, None, Some(xml.as_str())),
            Ok(_) => (Status::Ok, None, None),
            Err(error) => (error.status(), Some(error.to_string()), None),
        };
        let (texts, [message, xml]) = Texts::new([message.as_deref(), answer]);
        let (r#type, status) = (JM_EVENT_COMPLETION, status.as_i32());
        let public = jm_event { r#type, connection, message, status, user_data, xml, ..jm_event::EMPTY };
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
