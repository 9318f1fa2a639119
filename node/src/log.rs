//! What the library logs, for the one environment of the process that asked for it last.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

use jitsimeet::{Drained, Error, LogLevel, LogRecord};
use napi::Env;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;

use crate::delivery::{milliseconds, number};
use crate::error::throw;

/// The number of the `Log` that has the log of the process; 0 for none.
static OWNER: Mutex<u64> = Mutex::new(0);

fn owner() -> MutexGuard<'static, u64> {
    OWNER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives the log up, unless another has taken it.
fn release(log: u64) {
    let mut owner = owner();
    if *owner == log {
        *owner = 0;
        jitsimeet::close_log();
    }
}

/// An environment's end of the log.
#[napi]
pub struct Log {
    number: u64,
    wake: Arc<dyn Fn() + Send + Sync>,
}

#[napi]
impl Log {
    /// Makes it, without the log. `wake` is called on the event loop when there is something to drain, and not again
    /// until a turn had no more. It does not keep the event loop alive.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: &Env, wake: Function<'_, (), ()>) -> napi::Result<Self> {
        static LAST: Mutex<u64> = Mutex::new(0);
        let wake = wake.build_threadsafe_function::<()>().weak::<true>().max_queue_size::<1>().build()?;
        let wake = move || {
            // A full queue is a wake-up that has not run yet; a closing one is an environment that ends.
            let _ = wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
        };
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        *last += 1;
        env.add_env_cleanup_hook(*last, release)?;
        Ok(Self { number: *last, wake: Arc::new(wake) })
    }

    /// Takes the log, from whoever has it, at a level; `off` gives it up. Throws an `ErrorRecord`.
    #[napi(catch_unwind)]
    pub fn set_level(&self, env: &Env, level: String) -> napi::Result<()> {
        self.take(&level).map_err(|error| throw(env, &error))
    }

    fn take(&self, level: &str) -> Result<(), Error> {
        let level = LogLevel::from_name(level).ok_or_else(|| {
            Error::InvalidArgument(format!(
                "{level:?} is no level: it must be trace, debug, info, log, warn, error or off"
            ))
        })?;
        jitsimeet::set_log_level(level);
        if level == LogLevel::Off {
            release(self.number);
            return Ok(());
        }
        let mut owner = owner();
        if *owner != self.number {
            let wake = Arc::clone(&self.wake);
            jitsimeet::open_log(move || wake())?;
            *owner = self.number;
        }
        Ok(())
    }

    /// Takes at most `max` records, if this has the log.
    #[napi(catch_unwind)]
    pub fn drain(&self, max: u32) -> LogTurn {
        let owner = owner();
        let mut records = Vec::new();
        let more = *owner == self.number
            && jitsimeet::drain_log(max as usize, |record| records.push(record.into())) == Drained::More;
        LogTurn { records, more }
    }
}

/// One turn of records.
#[napi(object, object_from_js = false)]
pub struct LogTurn {
    /// Oldest first.
    pub records: Vec<LogLine>,
    /// Whether there are more, of which there will be no wake-up.
    pub more: bool,
}

/// One thing that was logged.
#[napi(object, object_from_js = false, use_nullable = false)]
pub struct LogLine {
    /// When, in milliseconds since 1970.
    pub time: f64,
    /// The string of the level.
    #[napi(ts_type = "'error' | 'warn' | 'info' | 'debug' | 'trace'")]
    pub level: &'static str,
    /// The part of the library that says it.
    pub target: &'static str,
    /// The id of the connection that it is about.
    pub connection: Option<f64>,
    /// What is said.
    pub message: String,
}

impl From<LogRecord> for LogLine {
    fn from(record: LogRecord) -> Self {
        Self {
            time: record.time.duration_since(UNIX_EPOCH).map_or(0.0, milliseconds),
            level: record.level.as_str(),
            target: record.target,
            connection: record.connection.map(number),
            message: record.message,
        }
    }
}
