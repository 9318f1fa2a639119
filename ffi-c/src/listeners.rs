//! The functions that a caller registers, and what keeps their promises.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use jitsimeet_core::{Completed, CompletionResult};

use crate::connection::jm_connection;
use crate::constants::jm_status;
use crate::event::{OwnedEvent, jm_event, status};
use crate::strings::{Texts, jm_str};

/// Listens to one kind of events. `event` is borrowed until the function returns.
///
/// Runs on the dispatcher thread, with no lock of the library held: it may call everything but `jm_shutdown`. While it
/// runs no other callback does, so it should not take long. It must not throw a C++ exception or `longjmp` out.
pub type jm_listener_fn = Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const jm_event)>;

/// Hears of the end of an asynchronous call, exactly once. Otherwise as `jm_listener_fn`.
pub type jm_done_fn = Option<unsafe extern "C" fn(user_data: *mut c_void, status: jm_status)>;

/// Hears of the end of a request, exactly once. `answer` is the XML text of the answer, a result or an error, if
/// `status` is `JM_OK`, and absent otherwise; it is borrowed until the function returns. Otherwise as `jm_listener_fn`.
pub type jm_answer_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, status: jm_status, answer: jm_str)>;

/// Hears of the end of a call that has more to tell than its status, exactly once. `completion` is an event of the type
/// `JM_EVENT_COMPLETION`, the one that queue mode would have, and is borrowed until the function returns. Otherwise as
/// `jm_listener_fn`.
pub type jm_completion_fn = Option<unsafe extern "C" fn(user_data: *mut c_void, completion: *const jm_event)>;

/// Releases a `user_data` after its last use, exactly once. Otherwise as `jm_listener_fn`.
pub type jm_destroy_fn = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// A pointer that this crate keeps and passes on, and never looks at.
#[derive(Clone, Copy)]
pub(crate) struct UserData(pub(crate) *mut c_void);

// SAFETY: the pointer is not followed here; the header says on which thread callbacks get it.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

/// A token that was never used before in this process and is not 0.
pub(crate) fn new_token() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A `user_data` with its `destroy`, which runs when this is dropped: once, whatever path leads there.
pub(crate) struct OwnedUserData {
    user_data: UserData,
    destroy: jm_destroy_fn,
}

impl OwnedUserData {
    pub(crate) const fn new(user_data: *mut c_void, destroy: jm_destroy_fn) -> Self {
        Self { user_data: UserData(user_data), destroy }
    }

    pub(crate) const fn pointer(&self) -> *mut c_void {
        self.user_data.0
    }
}

impl Drop for OwnedUserData {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy {
            // SAFETY: the caller registered the function for this pointer, and it is used no more.
            unsafe { destroy(self.user_data.0) };
        }
    }
}

/// A registered listener. The last reference is dropped on the dispatcher thread, where `destroy` is to run.
pub(crate) struct Listener {
    pub(crate) token: u64,
    pub(crate) event_type: i32,
    function: unsafe extern "C" fn(user_data: *mut c_void, event: *const jm_event),
    user_data: OwnedUserData,
    removed: AtomicBool,
}

impl Listener {
    pub(crate) fn new(
        event_type: i32,
        function: unsafe extern "C" fn(user_data: *mut c_void, event: *const jm_event),
        user_data: OwnedUserData,
    ) -> Self {
        Self { token: new_token(), event_type, function, user_data, removed: AtomicBool::new(false) }
    }

    /// From here on no call begins.
    pub(crate) fn remove(&self) {
        self.removed.store(true, Ordering::Release);
    }

    pub(crate) fn call(&self, event: &jm_event) {
        if !self.removed.load(Ordering::Acquire) {
            // SAFETY: the caller registered the function for this pointer, which has not been destroyed: `self` lives.
            unsafe { (self.function)(self.user_data.pointer(), event) };
        }
    }
}

/// An asynchronous call that has not ended. Queues tell of it by an event, and have no function.
pub(crate) struct Pending {
    pub(crate) done: Done,
    pub(crate) user_data: UserData,
}

/// Whom the end is told.
#[derive(Clone, Copy)]
pub(crate) enum Done {
    /// By its status.
    Plain(jm_done_fn),
    /// By its status and an answer.
    Answer(jm_answer_fn),
    /// By the event that tells of it.
    Completion(jm_completion_fn),
}

impl Done {
    pub(crate) const fn is_some(self) -> bool {
        match self {
            Self::Plain(done) => done.is_some(),
            Self::Answer(done) => done.is_some(),
            Self::Completion(done) => done.is_some(),
        }
    }
}

impl Pending {
    /// `connection` is NULL if it has been freed.
    pub(crate) fn settle(self, connection: *mut jm_connection, result: &CompletionResult) {
        let status = status(result);
        let user_data = self.user_data.0;
        match self.done {
            Done::Plain(Some(done)) => {
                // SAFETY: the caller passed the function together with this pointer.
                unsafe { done(user_data, status) };
            }
            Done::Answer(Some(done)) => {
                let answer = match result {
                    Ok(Completed::Answer { xml }) => Some(xml.as_str()),
                    _ => None,
                };
                let (_texts, [answer]) = Texts::new([answer]);
                // SAFETY: as above; the text lives until `_texts` is dropped, after the call.
                unsafe { done(user_data, status, answer) };
            }
            Done::Completion(Some(done)) => {
                let event = OwnedEvent::completion(connection, user_data, result);
                // SAFETY: as above; the event lives until after the call.
                unsafe { done(user_data, event.public()) };
            }
            Done::Plain(None) | Done::Answer(None) | Done::Completion(None) => {}
        }
    }
}
