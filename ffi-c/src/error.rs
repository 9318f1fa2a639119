//! Why a call was refused, and the text of it that the calling thread can read.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};

use jitsimeet_core::Status;

use crate::constants::*;

/// Why a call was refused.
pub(crate) struct Error {
    status: Status,
    message: String,
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn new(status: Status, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(crate) fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new(Status::InvalidArgument, message)
    }

    pub(crate) fn invalid_state(message: impl Into<String>) -> Self {
        Self::new(Status::InvalidState, message)
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(Status::Internal, message)
    }

    pub(crate) fn null(argument: &str) -> Self {
        Self::invalid_argument(format!("`{argument}` must not be NULL"))
    }

    /// Leaves the text for `jm_last_error` and returns the status.
    pub(crate) fn report(self) -> jm_status {
        // XML and JSON may both carry U+0000 as an escape; C would take it for the end.
        let text = CString::new(self.message.replace('\0', "\u{fffd}")).unwrap_or_default();
        // A thread that is going away has nobody left to read the text.
        let _ = LAST.try_with(|last| last.replace(text));
        self.status.as_i32()
    }
}

impl From<jitsimeet_core::Error> for Error {
    fn from(error: jitsimeet_core::Error) -> Self {
        Self::new(error.status(), error.to_string())
    }
}

thread_local! {
    static LAST: RefCell<CString> = RefCell::default();
}

/// The text of the last call that failed on the calling thread: what was wrong, naming the argument or the key of
/// the option. Empty if none has failed yet. A call that succeeds leaves it as it is.
///
/// The text belongs to the library and is valid until the next failing call on the same thread. Any thread; legal
/// inside a callback.
#[unsafe(no_mangle)]
pub extern "C" fn jm_last_error() -> *const c_char {
    LAST.try_with(|last| last.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}

/// What a status means, as a sentence, such as `there is no session to send on`. Never NULL: a status that this
/// library does not know has a sentence too. `jm_last_error` says more, for the call that has failed.
///
/// Static text. Any thread; legal inside a callback.
#[unsafe(no_mangle)]
pub extern "C" fn jm_strerror(status: jm_status) -> *const c_char {
    sentence(status).as_ptr()
}

const fn sentence(status: jm_status) -> &'static CStr {
    match status {
        JM_OK => c"the call did what it was asked",
        JM_STATUS_INVALID_ARGUMENT => c"an argument is outside what the call accepts",
        JM_STATUS_INVALID_UTF8 => c"a text is not UTF-8",
        JM_STATUS_INVALID_OPTION => c"an option is missing, unknown or of the wrong type",
        JM_STATUS_INVALID_STATE => c"the call is not allowed in the present state",
        JM_STATUS_CONNECTION_FAILED => c"the attempt to connect failed",
        JM_STATUS_ABORTED => c"the call was given up: the connection was closed or freed",
        JM_STATUS_TIMEOUT => c"the time that was allowed ran out",
        JM_STATUS_NOT_CONNECTED => c"there is no session to send on",
        JM_STATUS_INVALID_STANZA => c"the stanza is not one that can be sent",
        JM_STATUS_SEND_QUEUE_FULL => c"too much waits to be sent or acknowledged",
        JM_STATUS_SESSION_LOST => c"the session was lost before the server answered",
        JM_STATUS_REDIRECTED => c"the conference has moved to another server",
        JM_STATUS_CONFERENCE_REQUEST_FAILED => c"the conference request was refused for good",
        JM_STATUS_FORKED => c"the object belongs to the process that this one was forked from",
        JM_STATUS_UNSUPPORTED_TRANSPORT => c"the call needs another transport than that of the service URL",
        JM_STATUS_CONFERENCE_FAILED => c"the conference could not be joined, or was lost",
        JM_STATUS_INTERNAL => c"a defect of jitsimeet: please report it",
        _ => c"a status that this version of jitsimeet does not know",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_status_has_a_sentence_of_its_own() {
        let unknown = [i32::MIN, -99, 1, i32::MAX].map(sentence);
        assert!(unknown.iter().all(|text| *text == unknown[0]));
        let known: HashSet<_> = Status::ALL.iter().map(|status| sentence(status.as_i32())).collect();
        assert_eq!(known.len(), Status::ALL.len());
        assert!(!known.contains(unknown[0]));
    }
}
