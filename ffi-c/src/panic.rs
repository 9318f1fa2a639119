//! The border that no panic crosses: one that unwinds into C would end the host program.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::constants::{JM_OK, jm_status};
use crate::error::{Error, Result};

/// Runs the body of a call that returns a status.
pub(crate) fn guard(body: impl FnOnce() -> Result<()>) -> jm_status {
    match contain(body) {
        Some(Ok(())) => JM_OK,
        Some(Err(error)) => error.report(),
        None => crate::constants::JM_STATUS_INTERNAL,
    }
}

/// Runs something whose panic is to be reported and forgotten. State is behind locks that outlive a panic.
pub(crate) fn contain<T>(body: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(body))
        .inspect_err(|payload| {
            Error::internal(format!("a defect of jitsimeet, please report it: {}", text(&**payload)))
                .report();
        })
        .ok()
}

fn text(payload: &(dyn Any + Send)) -> &str {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text,
        (None, None) => "no message",
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;
    use crate::constants::{JM_STATUS_INTERNAL, JM_STATUS_INVALID_STATE};
    use crate::error::jm_last_error;

    fn last_error() -> String {
        // SAFETY: the text is NUL-terminated, and nothing of this thread fails while it is copied.
        unsafe { CStr::from_ptr(jm_last_error()) }.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_panic_becomes_a_status_with_its_message() {
        assert_eq!(guard(|| panic!("number {}", 7)), JM_STATUS_INTERNAL);
        assert_eq!(last_error(), "a defect of jitsimeet, please report it: number 7");
    }

    #[test]
    fn success_leaves_the_text_of_the_last_failure() {
        assert_eq!(guard(|| Err(Error::invalid_state("not now"))), JM_STATUS_INVALID_STATE);
        assert_eq!(guard(|| Ok(())), JM_OK);
        assert_eq!(last_error(), "not now");
    }

    #[test]
    fn another_thread_does_not_see_it() {
        guard(|| Err(Error::invalid_state("mine")));
        assert_eq!(std::thread::spawn(last_error).join().unwrap(), "");
    }
}
