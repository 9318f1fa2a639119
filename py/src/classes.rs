//! The classes of the package's Python part that native code makes instances of.

use jitsimeet::{Event, Failure};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyTuple, PyType};

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
static CONNECTION_ERROR_TYPE: Class = class("jitsimeet._events", "ConnectionErrorType");
static CONNECTION_ERROR_CODE: Class = class("jitsimeet._events", "ConnectionErrorCode");
pub(crate) static JITSI_ERROR: Class = class("jitsimeet._exceptions", "JitsiError");
pub(crate) static INVALID_OPTION_ERROR: Class = class("jitsimeet._exceptions", "InvalidOptionError");
pub(crate) static INVALID_STATE_ERROR: Class = class("jitsimeet._exceptions", "InvalidStateError");
pub(crate) static CONNECTION_FAILED_ERROR: Class = class("jitsimeet._exceptions", "ConnectionFailedError");
pub(crate) static ABORTED_ERROR: Class = class("jitsimeet._exceptions", "AbortedError");

impl Class {
    pub(crate) fn make<'py>(
        &self,
        py: Python<'py>,
        arguments: impl IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>, Error = PyErr>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.class.import(py, self.module, self.name)?.call1(arguments.into_pyobject(py)?)
    }
}

pub(crate) fn event(py: Python<'_>, event: Event) -> PyResult<Bound<'_, PyAny>> {
    match event {
        Event::ConnectionEstablished { id } => CONNECTION_ESTABLISHED.make(py, (id,)),
        Event::ConnectionFailed(failure) => connection_failed(py, *failure),
        Event::ConnectionDisconnected { message } => CONNECTION_DISCONNECTED.make(py, (message,)),
        _ => unreachable!("every event of the engine has a class"),
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
            CONNECTION_ERROR_CODE.make(py, (failure.code.as_str(),))?,
            failure.transient,
            failure.condition,
            failure.http_status,
            failure.server_text,
        ),
    )
}
