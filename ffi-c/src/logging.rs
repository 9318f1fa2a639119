//! `jm_set_log_callback`: what the library logs, for whoever wants to know.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use jitsimeet_core::{Drained, LogRecord, close_log, drain_log, open_log};

use crate::constants::jm_status;
use crate::dispatcher::dispatcher;
use crate::error::{Error, Result};
use crate::listeners::{OwnedUserData, jm_destroy_fn};
use crate::lock;
use crate::panic::{contain, guard};
use crate::strings::{Texts, jm_str};

/// One thing that the library has logged. No secret is in it.
///
/// It is borrowed, texts included, until the callback returns. Fields may be added at the end: use records through
/// their pointers only.
#[repr(C)]
pub struct jm_log_record {
    /// How important it is: `JM_LOG_LEVEL_*`, never `JM_LOG_LEVEL_OFF`.
    pub level: i32,
    /// When it was logged, in milliseconds since 1970 (UTC).
    pub time_ms: i64,
    /// The connection that it is about, as `jm_connection_id` tells it; 0 if it is about none.
    pub connection_id: u64,
    /// The part of the library that says it, such as `jitsimeet::driver`.
    pub target: jm_str,
    /// What is said, and behind it details as `name=value`.
    pub message: jm_str,
}

/// Hears what the library logs, record by record, in the order in which it was logged. `record` is borrowed until the
/// function returns. Otherwise as `jm_listener_fn`.
pub type jm_log_fn = Option<unsafe extern "C" fn(user_data: *mut c_void, record: *const jm_log_record)>;

/// Who is told. The last reference is dropped on the dispatcher thread, where `destroy` is to run.
struct Logger {
    function: unsafe extern "C" fn(user_data: *mut c_void, record: *const jm_log_record),
    user_data: OwnedUserData,
    removed: AtomicBool,
}

impl Logger {
    fn call(&self, record: &LogRecord) {
        if self.removed.load(Ordering::Acquire) {
            return;
        }
        let (_texts, [target, message]) = Texts::new([Some(record.target), Some(&record.message)]);
        let record = jm_log_record {
            level: record.level.as_i32(),
            time_ms: milliseconds(record.time),
            connection_id: record.connection.unwrap_or(0),
            target,
            message,
        };
        // SAFETY: the caller registered the function for this pointer, which has not been destroyed: `self` lives. The
        // record and its texts live until after the call.
        unsafe { (self.function)(self.user_data.pointer(), ptr::from_ref(&record)) };
    }
}

/// A clock may stand before 1970.
fn milliseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    i64::try_from(since).unwrap_or(i64::MAX)
}

#[derive(Default)]
pub(crate) struct Logging {
    logger: Mutex<Option<Arc<Logger>>>,
    /// Held while the log of core is opened or closed, so that it is open if and only if there is a logger.
    change: Mutex<()>,
}

impl Logging {
    /// Puts the new one in the place of the old one, which hears nothing any more and is returned.
    fn replace(&self, logger: Option<Logger>) -> Result<Option<Arc<Logger>>> {
        let _one = lock(&self.change);
        if logger.is_some() {
            open_log(|| dispatcher().wake()).map_err(|_| {
                Error::invalid_state("the log goes to the `tracing` subscriber that the program has set")
            })?;
        } else {
            close_log();
        }
        let old = std::mem::replace(&mut *lock(&self.logger), logger.map(Arc::new));
        if let Some(old) = &old {
            old.removed.store(true, Ordering::Release);
        }
        Ok(old)
    }

    /// Tells of up to `max` records, and calls `after` behind each. Without a logger they wait: one is on its way.
    pub(crate) fn drain(&self, max: usize, after: impl Fn()) -> Drained {
        if lock(&self.logger).is_none() {
            return Drained::Empty;
        }
        drain_log(max, |record| {
            // Looked up anew each time: the callback may have set another.
            let logger = lock(&self.logger).clone();
            if let Some(logger) = logger {
                contain(|| logger.call(&record));
            }
            after();
        })
    }
}

/// Passes what the library logs to `log`, from now on: in order, on the dispatcher thread. There is one such function
/// for the process, and another call replaces it. `log` NULL ends it. How much is logged is the option `logLevel` of
/// `jm_init`.
///
/// Up to 1,000 records wait for a function that is slow; then the oldest go, and the next record says how many.
///
/// `destroy`, which may be NULL, is called with `user_data` exactly once, whatever happens: on the dispatcher thread
/// after the function was replaced; or, if this call fails or `log` is NULL, on the calling thread before it returns.
/// The function stays across `jm_shutdown`, which delivers what is due. A fork has none until it sets its own.
///
/// When this returns, the function of before does not run and will not, and its `destroy` has been called. For that it
/// waits for the dispatcher thread to be done with the callback that it runs, whosever it is: hold no lock that a
/// callback takes. Inside a callback it does not wait: the function of before is not called any more, and its `destroy`
/// is called as soon as the running callback has returned.
///
/// `JM_STATUS_INVALID_STATE` if a part of the program that is written in Rust has a `tracing` subscriber of its own.
/// Any thread; legal inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_set_log_callback(
    log: jm_log_fn,
    user_data: *mut c_void,
    destroy: jm_destroy_fn,
) -> jm_status {
    // From here on every way out destroys `user_data`, unless the function is kept.
    let user_data = OwnedUserData::new(user_data, destroy);
    guard(move || {
        let logger = log.map(|function| Logger { function, user_data, removed: AtomicBool::new(false) });
        let set = logger.is_some();
        let dispatcher = dispatcher();
        if set {
            dispatcher.start()?;
        }
        let old = dispatcher.logging().replace(logger)?;
        if set {
            // What was logged between the opening and the replacing.
            dispatcher.wake();
        }
        if let Some(old) = old {
            dispatcher.run(true, move || drop(old));
        }
        Ok(())
    })
}
