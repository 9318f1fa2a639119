//! Errors of the engine as Python exceptions.

use jitsimeet::Error;
use pyo3::exceptions::{PyTimeoutError, PyValueError};
use pyo3::prelude::*;

use crate::classes;

/// The exception for an error of the engine.
pub(crate) fn exception(py: Python<'_>, error: Error) -> PyErr {
    let message = error.to_string();
    let exception = match error {
        // Python has its own for these two.
        Error::InvalidArgument(_) => return PyValueError::new_err(message),
        Error::Timeout(_) => return PyTimeoutError::new_err(message),
        Error::InvalidOption { key, .. } => classes::INVALID_OPTION_ERROR.make(py, (message, key)),
        Error::InvalidState { .. } => classes::INVALID_STATE_ERROR.make(py, (message,)),
        Error::ConnectionFailed(failure) => classes::connection_failed(py, *failure)
            .and_then(|failure| classes::CONNECTION_FAILED_ERROR.make(py, (message, failure))),
        Error::UnsupportedTransport { .. } => classes::UNSUPPORTED_TRANSPORT_ERROR.make(py, (message,)),
        Error::Aborted(_) => classes::ABORTED_ERROR.make(py, (message,)),
        Error::NotConnected => classes::NOT_CONNECTED_ERROR.make(py, (message,)),
        Error::InvalidStanza(_) => classes::INVALID_STANZA_ERROR.make(py, (message,)),
        Error::SendQueueFull => classes::SEND_QUEUE_FULL_ERROR.make(py, (message,)),
        Error::Forked => classes::FORKED_ERROR.make(py, (message,)),
        Error::SessionLost => classes::SESSION_LOST_ERROR.make(py, (message,)),
        Error::Redirected { vnode, focus_jid } => {
            classes::REDIRECTED_ERROR.make(py, (message, vnode, focus_jid))
        }
        Error::ConferenceRequestFailed(failure) => classes::connection_failed(py, *failure)
            .and_then(|failure| classes::CONFERENCE_REQUEST_FAILED_ERROR.make(py, (message, failure))),
        _ => classes::JITSI_ERROR.make(py, (message,)),
    };
    exception.map_or_else(|error| error, PyErr::from_value)
}
