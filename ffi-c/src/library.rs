//! What concerns the whole process: versions, beginning and end.

use std::ffi::{c_char, c_int};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use jitsimeet_core::{Options, PerProcess};

use crate::constants::{JM_ABI_VERSION, jm_status};
use crate::dispatcher::{dispatcher, on_dispatcher};
use crate::error::{Error, Result};
use crate::lock;
use crate::options::{self, jm_options};
use crate::panic::guard;

/// The version of the library that runs, such as `0.1.0`; `JM_VERSION` is the one of the header. Static text.
///
/// Any thread; legal inside a callback.
#[unsafe(no_mangle)]
pub extern "C" fn jm_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The version of the ABI of the library that runs. A program works with it if this equals the `JM_ABI_VERSION` that
/// it was compiled with.
///
/// Any thread; legal inside a callback.
#[unsafe(no_mangle)]
pub extern "C" fn jm_abi_version() -> i32 {
    JM_ABI_VERSION
}

/// Sets what holds for the whole process: `workerThreads`, `logLevel`. Other options are ignored, and NULL is the defaults.
///
/// It is optional and may be called again: `JM_STATUS_INVALID_STATE` if it would change something from the first
/// `jm_connection_connect` until `jm_shutdown`. Any thread; legal inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn jm_init(options: *const jm_options) -> jm_status {
    guard(|| {
        // SAFETY: the caller passes options that are not freed or changed during the call, or NULL.
        let options = unsafe { options::read(options) };
        Ok(jitsimeet_core::init(options.unwrap_or(&Options::new()))?)
    })
}

/// Tells the library whether the machine has a network: 0 is no, everything else yes. Without one no attempt to resume
/// or reconnect is made; when it is back the next attempt is made at once. Connections that are established find out by
/// themselves.
///
/// Any thread; legal inside a callback.
#[unsafe(no_mangle)]
pub extern "C" fn jm_set_network_info(is_online: c_int) -> jm_status {
    guard(|| {
        jitsimeet_core::set_network_info(is_online != 0);
        Ok(())
    })
}

#[derive(Default)]
struct Shutdown {
    one_at_a_time: Mutex<()>,
    /// Set while `jm_shutdown` runs. Read for the whole of a `connect`, so that none slips in behind the back of a
    /// shutdown that has begun.
    under_way: RwLock<bool>,
}

/// A fork may come while another thread shuts down.
static SHUTDOWN: PerProcess<Shutdown> = PerProcess::new();

pub(crate) fn unless_shutting_down<T>(start: impl FnOnce() -> Result<T>) -> Result<T> {
    let shutting_down = SHUTDOWN.get().under_way.read().unwrap_or_else(PoisonError::into_inner);
    if *shutting_down {
        return Err(Error::invalid_state("jm_shutdown is under way"));
    }
    start()
}

/// Closes all connections as by `jm_connection_disconnect`, delivers the events and completions that are due, and
/// joins all threads of the library, and forgets the keys of accounts. What is not closed after `timeout_ms`
/// milliseconds is cut off, and the status is then `JM_STATUS_TIMEOUT`.
///
/// Handles stay valid and are still to be freed, before or after. Later calls start afresh. Connections for a queue
/// leave their last events in it.
///
/// It also waits for the callbacks that run or are due, however long they take: hold no lock that one takes. Any
/// thread, but `JM_STATUS_INVALID_STATE` inside a callback.
#[unsafe(no_mangle)]
pub extern "C" fn jm_shutdown(timeout_ms: i32) -> jm_status {
    guard(|| {
        let timeout = u64::try_from(timeout_ms).map_err(|_| {
            Error::invalid_argument(format!("`timeout_ms` must not be negative, got {timeout_ms}"))
        })?;
        if on_dispatcher() {
            return Err(Error::invalid_state("jm_shutdown must not be called inside a callback"));
        }
        let shutdown = SHUTDOWN.get();
        let _one = lock(&shutdown.one_at_a_time);
        let set = |value| *shutdown.under_way.write().unwrap_or_else(PoisonError::into_inner) = value;
        set(true);
        let outcome = jitsimeet_core::shutdown(Duration::from_millis(timeout));
        dispatcher().stop();
        set(false);
        Ok(outcome?)
    })
}
