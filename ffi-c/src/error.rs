//! Why a call was refused, and the text of it that the calling thread can read.

use std::cell::RefCell;
use std::ffi::{CString, c_char};

use jitsimeet_core::Status;

use crate::constants::jm_status;

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
