//! The classes of the package's Python part that native code makes instances of.

use jitsimeet::{Code, Conference, Error, Event, Failure, Stanza, Statistics};
use pyo3::call::PyCallArgs;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use crate::error::exception;

/// A class, looked up once.
pub(crate) struct Class {
    module: &'static str,
    name: &'static str,
    class: PyOnceLock<Py<PyType>>,
}

const fn class(module: &'static str, name: &'static str) -> Class {
    Class { module, name, class: PyOnceLock::new() }
}

static CONNECTION_ESTABLISHED: Class = class("jitsimeet._events", "ConnectionEstablished");
static CONNECTION_FAILED: Class = class("jitsimeet._events", "ConnectionFailed");
static CONNECTION_DISCONNECTED: Class = class("jitsimeet._events", "ConnectionDisconnected");
static CONNECTION_INTERRUPTED: Class = class("jitsimeet._events", "ConnectionInterrupted");
static CONNECTION_RESUMED: Class = class("jitsimeet._events", "ConnectionResumed");
static STANZA_RECEIVED: Class = class("jitsimeet._events", "StanzaReceived");
static CONNECTION_REDIRECTED: Class = class("jitsimeet._events", "ConnectionRedirected");
static TOKEN_EXPIRED: Class = class("jitsimeet._events", "TokenExpired");
static DISPLAY_NAME_REQUIRED: Class = class("jitsimeet._events", "DisplayNameRequired");
static PROPERTIES_UPDATED: Class = class("jitsimeet._events", "PropertiesUpdated");
static CONNECTION_ERROR_TYPE: Class = class("jitsimeet._events", "ConnectionErrorType");
static CONNECTION_ERROR_CODE: Class = class("jitsimeet._events", "ConnectionErrorCode");
static CONFERENCE: Class = class("jitsimeet._values", "Conference");
static STATISTICS: Class = class("jitsimeet._values", "Statistics");
pub(crate) static JITSI_ERROR: Class = class("jitsimeet._exceptions", "JitsiError");
pub(crate) static INVALID_OPTION_ERROR: Class = class("jitsimeet._exceptions", "InvalidOptionError");
pub(crate) static INVALID_STATE_ERROR: Class = class("jitsimeet._exceptions", "InvalidStateError");
pub(crate) static CONNECTION_FAILED_ERROR: Class = class("jitsimeet._exceptions", "ConnectionFailedError");
pub(crate) static UNSUPPORTED_TRANSPORT_ERROR: Class =
    class("jitsimeet._exceptions", "UnsupportedTransportError");
pub(crate) static ABORTED_ERROR: Class = class("jitsimeet._exceptions", "AbortedError");
pub(crate) static NOT_CONNECTED_ERROR: Class = class("jitsimeet._exceptions", "NotConnectedError");
pub(crate) static INVALID_STANZA_ERROR: Class = class("jitsimeet._exceptions", "InvalidStanzaError");
pub(crate) static SEND_QUEUE_FULL_ERROR: Class = class("jitsimeet._exceptions", "SendQueueFullError");
pub(crate) static FORKED_ERROR: Class = class("jitsimeet._exceptions", "ForkedError");
pub(crate) static SESSION_LOST_ERROR: Class = class("jitsimeet._exceptions", "SessionLostError");
pub(crate) static REDIRECTED_ERROR: Class = class("jitsimeet._exceptions", "RedirectedError");
pub(crate) static CONFERENCE_REQUEST_FAILED_ERROR: Class =
    class("jitsimeet._exceptions", "ConferenceRequestFailedError");

impl Class {
    pub(crate) fn make<'py>(
        &self,
        py: Python<'py>,
        arguments: impl PyCallArgs<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.class.import(py, self.module, self.name)?.call1(arguments)
    }
}

pub(crate) fn event(py: Python<'_>, event: Event) -> PyResult<Bound<'_, PyAny>> {
    match event {
        Event::ConnectionEstablished { id, resumed, reconnected } => {
            CONNECTION_ESTABLISHED.make(py, (id, resumed, reconnected))
        }
        Event::ConnectionFailed(failure) => connection_failed(py, *failure),
        Event::ConnectionDisconnected { message } => CONNECTION_DISCONNECTED.make(py, (message,)),
        Event::Interrupted { code, message } => {
            CONNECTION_INTERRUPTED.make(py, (connection_error_code(py, code)?, message))
        }
        Event::Resumed { attempts, downtime, resent } => {
            CONNECTION_RESUMED.make(py, (attempts, downtime.as_secs_f64() * 1000.0, resent))
        }
        Event::StanzaReceived(stanza) => stanza_received(py, &stanza),
        Event::Redirected { vnode, focus_jid } => CONNECTION_REDIRECTED.make(py, (vnode, focus_jid)),
        Event::TokenExpired => TOKEN_EXPIRED.make(py, ()),
        Event::DisplayNameRequired => DISPLAY_NAME_REQUIRED.make(py, ()),
        Event::PropertiesUpdated { shard, region } => PROPERTIES_UPDATED.make(py, (shard, region)),
        other => Err(exception(py, Error::Internal(format!("{} has no class in Python", other.kind())))),
    }
}

/// In the order of the fields of the Python class.
pub(crate) fn connection_failed(py: Python<'_>, failure: Failure) -> PyResult<Bound<'_, PyAny>> {
    CONNECTION_FAILED.make(
        py,
        (
            CONNECTION_ERROR_TYPE.make(py, (failure.error_type.as_str(),))?,
            failure.message,
            failure.jid,
            connection_error_code(py, failure.code)?,
            failure.transient,
            failure.condition,
            failure.http_status,
            failure.server_text,
            failure.shard_changed,
            failure.time_since_last_success.map(|time| time.as_secs_f64()),
        ),
    )
}

/// In the order of the fields of the Python class.
pub(crate) fn conference(py: Python<'_>, conference: Conference) -> PyResult<Bound<'_, PyAny>> {
    CONFERENCE.make(py, (conference.focus_jid, conference.identity, conference.vnode, conference.properties))
}

/// In the order of the fields of the Python class.
pub(crate) fn statistics(py: Python<'_>, statistics: Statistics) -> PyResult<Bound<'_, PyAny>> {
    STATISTICS.make(
        py,
        (
            statistics.bytes_sent,
            statistics.bytes_received,
            statistics.frames_sent,
            statistics.frames_received,
            statistics.stanzas_sent,
            statistics.stanzas_received,
            statistics.unacknowledged,
            statistics.resumes,
            statistics.reconnects,
            statistics.queued_events,
        ),
    )
}

/// In the order of the fields of the Python class.
fn stanza_received<'py>(py: Python<'py>, stanza: &Stanza) -> PyResult<Bound<'py, PyAny>> {
    STANZA_RECEIVED
        .make(py, (stanza.xml(), stanza.name(), stanza.from(), stanza.to(), stanza.kind(), stanza.id()))
}

fn connection_error_code(py: Python<'_>, code: Code) -> PyResult<Bound<'_, PyAny>> {
    CONNECTION_ERROR_CODE.make(py, (code.as_str(),))
}
