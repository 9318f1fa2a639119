//! What this library logs, for programs that are not in Rust: kept in a bounded queue that a binding drains.
//!
//! In Rust it goes through [`tracing`], to whatever subscriber the program has. A binding has none: it calls
//! [`open_log`], which makes this module the subscriber. Below the level that is asked for nothing is formatted, and
//! with the log closed nothing costs more than a look at an atomic.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, set_global_default};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::closed_list::closed_list;
use crate::{ConnectionId, Drained, Error, PerProcess};

/// How many records wait for a consumer that is slow. The oldest go first, and the next record says so.
const MAX_RECORDS: usize = 1_000;
/// Our own events begin with it: a program may use other crates that log.
const TARGET: &str = "jitsimeet";

closed_list! {
    /// How much is logged: everything of a level and of those before it.
    ///
    /// ```
    /// use jitsimeet::LogLevel;
    ///
    /// assert!(LogLevel::Error < LogLevel::Trace, "which is everything");
    /// assert_eq!(LogLevel::Off.as_i32(), 0);
    /// ```
    pub enum LogLevel {
        /// Nothing.
        Off = 0 => "off",
        /// Defects of this library.
        Error = 1 => "error",
        /// What should be changed, such as an option that makes TLS worthless.
        Warn = 2 => "warn",
        /// What happens to a connection.
        Info = 3 => "info",
        /// What leads to it.
        Debug = 4 => "debug",
        /// Everything.
        Trace = 5 => "trace",
    }
}

impl LogLevel {
    /// The level of this name. `log`, which lib-jitsi-meet has between `info` and `warn`, is `warn`: nothing here is
    /// logged at it.
    ///
    /// ```
    /// use jitsimeet::LogLevel;
    ///
    /// assert_eq!(LogLevel::from_name("debug"), Some(LogLevel::Debug));
    /// assert_eq!(LogLevel::from_name("log"), Some(LogLevel::Warn));
    /// assert_eq!(LogLevel::from_name("loud"), None);
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let name = if name == "log" { Self::Warn.as_str() } else { name };
        Self::ALL.iter().copied().find(|level| level.as_str() == name)
    }

    fn of(level: Level) -> Self {
        match level {
            Level::ERROR => Self::Error,
            Level::WARN => Self::Warn,
            Level::INFO => Self::Info,
            Level::DEBUG => Self::Debug,
            Level::TRACE => Self::Trace,
        }
    }

    const fn filter(self) -> LevelFilter {
        match self {
            Self::Off => LevelFilter::OFF,
            Self::Error => LevelFilter::ERROR,
            Self::Warn => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
            Self::Trace => LevelFilter::TRACE,
        }
    }
}

/// One thing that was logged. No secret is in it.
///
/// ```
/// # jitsimeet::open_log(|| {})?;
/// # jitsimeet::set_log_level(jitsimeet::LogLevel::Debug);
/// # jitsimeet::Options::from_json(r#"{ "bridgeChannel": {} }"#)?;
/// jitsimeet::drain_log(1, |record| {
///     assert_eq!((record.level, record.connection), (jitsimeet::LogLevel::Debug, None));
///     assert!(record.target.starts_with("jitsimeet::options"));
///     assert!(record.message.contains("bridgeChannel"));
/// });
/// # Ok::<(), jitsimeet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogRecord {
    /// When.
    pub time: SystemTime,
    /// How important it is; never [`LogLevel::Off`].
    pub level: LogLevel,
    /// The part of the library that says it, such as `jitsimeet::driver`.
    pub target: &'static str,
    /// The connection that it is about, where it is about one.
    pub connection: Option<ConnectionId>,
    /// What is said, and behind it the fields as `name=value`.
    pub message: String,
}

type Waker = Arc<dyn Fn() + Send + Sync>;

static LOG: PerProcess<Log> = PerProcess::new();
static LEVEL: AtomicI32 = AtomicI32::new(LogLevel::Info.as_i32());

#[derive(Default)]
struct Log {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waker: Option<Waker>,
    records: VecDeque<LogRecord>,
    dropped: u64,
    /// The consumer has been woken and has not yet found the queue empty.
    awake: bool,
}

fn log() -> MutexGuard<'static, State> {
    LOG.get().state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps what this library logs from now on, until [`close_log`], for [`drain_log`]. For bindings: a program in Rust
/// uses `tracing`.
///
/// `waker` is called when the queue stops being empty, from any thread. It must not block and must not call this
/// crate; it should arrange for `drain_log` to be called soon. It is not called again until a drain has returned
/// [`Drained::Empty`]. A second call replaces the waker of the first.
///
/// ```
/// use std::thread;
///
/// use jitsimeet::{LogLevel, Options, drain_log, open_log, set_log_level};
///
/// let consumer = thread::current();
/// open_log(move || consumer.unpark())?;
/// set_log_level(LogLevel::Debug);
/// Options::from_json(r#"{ "bridgeChannel": {} }"#)?;
/// thread::park();
/// drain_log(100, |record| assert!(record.message.contains("has no effect")));
/// # Ok::<(), jitsimeet::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidState`] if the program has a `tracing` subscriber of its own.
pub fn open_log(waker: impl Fn() + Send + Sync + 'static) -> Result<(), Error> {
    static INSTALLED: Mutex<bool> = Mutex::new(false);
    {
        let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
        if !*installed {
            set_global_default(Collector)
                .map_err(|_| Error::InvalidState { call: "open_log", state: "running" })?;
            *installed = true;
        }
    }
    let waker: Waker = Arc::new(waker);
    let wake = {
        let mut log = log();
        log.awake = !log.records.is_empty();
        log.waker = Some(Arc::clone(&waker));
        log.awake
    };
    // The level decides again which places log at all.
    tracing::callsite::rebuild_interest_cache();
    if wake {
        waker();
    }
    Ok(())
}

/// Keeps nothing any more, and forgets what waits.
///
/// ```
/// # jitsimeet::open_log(|| {})?;
/// # jitsimeet::set_log_level(jitsimeet::LogLevel::Debug);
/// # jitsimeet::Options::from_json(r#"{ "bridgeChannel": {} }"#)?;
/// jitsimeet::close_log();
/// jitsimeet::drain_log(100, |record| panic!("kept: {}", record.message));
/// # Ok::<(), jitsimeet::Error>(())
/// ```
pub fn close_log() {
    let old = {
        let mut log = log();
        log.dropped = 0;
        (log.waker.take(), std::mem::take(&mut log.records))
    };
    tracing::callsite::rebuild_interest_cache();
    drop(old);
}

/// Sets how much is kept while the log is open: [`LogLevel::Info`], unless this or the option `logLevel` of
/// [`init`](crate::init) says otherwise.
///
/// ```
/// use jitsimeet::{LogLevel, log_level, set_log_level};
///
/// set_log_level(LogLevel::Warn);
/// assert_eq!(log_level(), LogLevel::Warn);
/// ```
pub fn set_log_level(level: LogLevel) {
    if LEVEL.swap(level.as_i32(), Ordering::Relaxed) != level.as_i32() {
        tracing::callsite::rebuild_interest_cache();
    }
}

/// How much is kept while the log is open.
///
/// ```
/// assert_eq!(jitsimeet::log_level(), jitsimeet::LogLevel::Info);
/// ```
#[must_use]
pub fn log_level() -> LogLevel {
    let level = LEVEL.load(Ordering::Relaxed);
    LogLevel::ALL.iter().copied().find(|known| known.as_i32() == level).unwrap_or(LogLevel::Info)
}

/// Takes up to `max` records, oldest first. `deliver` runs with no lock held.
///
/// ```
/// # jitsimeet::open_log(|| {})?;
/// # jitsimeet::set_log_level(jitsimeet::LogLevel::Debug);
/// # jitsimeet::Options::from_json(r#"{ "bridgeChannel": {} }"#)?;
/// let mut messages = Vec::new();
/// let drained = jitsimeet::drain_log(100, |record| messages.push(record.message));
/// assert_eq!((messages.len(), drained), (1, jitsimeet::Drained::Empty));
/// # Ok::<(), jitsimeet::Error>(())
/// ```
pub fn drain_log(max: usize, mut deliver: impl FnMut(LogRecord)) -> Drained {
    let (records, drained) = {
        let mut log = log();
        let count = max.min(log.records.len());
        let mut records: Vec<_> = log.records.drain(..count).collect();
        if let (Some(oldest), dropped @ 1..) = (records.first().map(|record| record.time), log.dropped) {
            log.dropped = 0;
            let message = format!("{dropped} records were dropped: they came faster than they were taken");
            let (level, target) = (LogLevel::Warn, module_path!());
            records.insert(0, LogRecord { time: oldest, level, target, connection: None, message });
        }
        log.awake = !log.records.is_empty();
        (records, if log.awake { Drained::More } else { Drained::Empty })
    };
    records.into_iter().for_each(&mut deliver);
    drained
}

fn keep(record: LogRecord) {
    let waker = {
        let mut log = log();
        let Some(waker) = log.waker.clone() else { return };
        if log.records.len() >= MAX_RECORDS {
            log.records.pop_front();
            log.dropped += 1;
        }
        log.records.push_back(record);
        (!std::mem::replace(&mut log.awake, true)).then_some(waker)
    };
    if let Some(waker) = waker {
        waker();
    }
}

/// The subscriber. The only spans are those of connections, so that the id of a span is that of its connection.
struct Collector;

/// Of a span without a connection.
const NO_CONNECTION: u64 = u64::MAX;

thread_local!(static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) });

impl Collector {
    fn wants(metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with(TARGET)
            && *metadata.level() <= log_level().filter()
            && log().waker.is_some()
    }
}

impl Subscriber for Collector {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if Self::wants(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        Self::wants(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(log_level().filter())
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut id = ConnectionField(NO_CONNECTION);
        span.record(&mut id);
        Id::from_u64(id.0)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let entered = ENTERED.with_borrow(|entered| entered.last().copied());
        let metadata = event.metadata();
        keep(LogRecord {
            time: SystemTime::now(),
            level: LogLevel::of(*metadata.level()),
            target: metadata.target(),
            connection: entered.filter(|id| *id != NO_CONNECTION),
            message: text.finish(),
        });
    }

    fn enter(&self, span: &Id) {
        ENTERED.with_borrow_mut(|entered| entered.push(span.into_u64()));
    }

    fn exit(&self, _: &Id) {
        ENTERED.with_borrow_mut(|entered| entered.pop());
    }
}

struct ConnectionField(u64);

impl Visit for ConnectionField {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "id" && value != 0 {
            self.0 = value;
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

/// The message first, whatever the order of the fields.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Text {
    fn finish(mut self) -> String {
        if self.message.is_empty() {
            self.fields.trim_start().to_owned()
        } else {
            self.message.push_str(&self.fields);
            self.message
        }
    }
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // A string takes everything.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
