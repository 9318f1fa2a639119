//! The process's own tokio runtime: made on first use, ended by `shutdown`.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{Error, Options, PerProcess, knowledge, set_log_level};

const WORKER_THREADS: usize = 2;
/// Threads for name look-ups and the like.
const BLOCKING_THREADS: usize = 8;

/// A caller's way to say "for ever" that can still be added to a time.
pub(crate) const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

#[derive(Default)]
struct Process {
    engine: Mutex<Engine>,
    online: Online,
}

struct Engine {
    worker_threads: usize,
    running: Option<Running>,
}

/// Whether the machine has a network, as the caller has said.
struct Online(watch::Sender<bool>);

struct Running {
    runtime: Runtime,
    stop: CancellationToken,
    tasks: TaskTracker,
}

static PROCESS: PerProcess<Process> = PerProcess::new();

impl Default for Engine {
    fn default() -> Self {
        Self { worker_threads: WORKER_THREADS, running: None }
    }
}

impl Default for Online {
    fn default() -> Self {
        Self(watch::Sender::new(true))
    }
}

fn engine() -> MutexGuard<'static, Engine> {
    PROCESS.get().engine.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sets what holds for the whole process: `workerThreads`, and `logLevel` as
/// [`set_log_level`](crate::set_log_level) does. Optional; may be called again. Other options are for connections, or
/// mean something in a browser only; they are ignored here.
///
/// ```
/// let mut options = jitsimeet::Options::new();
/// options.set("workerThreads", 4)?;
/// jitsimeet::init(&options)?;
/// # Ok::<(), jitsimeet::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidOption`] if `logLevel` is no level. [`Error::InvalidState`] if it would change something while connections run: from the first `connect` until
/// [`shutdown`].
pub fn init(options: &Options) -> Result<(), Error> {
    let log_level = options.log_level()?;
    let worker_threads = options.worker_threads().unwrap_or(WORKER_THREADS);
    let mut engine = engine();
    if engine.running.is_some() && worker_threads != engine.worker_threads {
        return Err(Error::InvalidState { call: "init", state: "running" });
    }
    engine.worker_threads = worker_threads;
    drop(engine);
    if let Some(level) = log_level {
        set_log_level(level);
    }
    Ok(())
}

/// Tells whether the machine has a network. Without one no attempt to resume or reconnect is made; when it is back
/// the next attempt is made at once. Connections that are established find out by themselves.
///
/// ```
/// // As the system says so.
/// jitsimeet::set_network_info(false);
/// jitsimeet::set_network_info(true);
/// ```
pub fn set_network_info(is_online: bool) {
    online().send_replace(is_online);
}

/// Whether the machine has a network, as the caller has said.
pub(crate) fn online() -> &'static watch::Sender<bool> {
    &PROCESS.get().online.0
}

/// Closes all connections of the process, joins all its threads, and forgets the keys of accounts. Later calls start
/// afresh.
///
/// Connections close as by `disconnect` and deliver their events; what is not closed after `timeout` is cut off.
/// Blocks the calling thread; not to be called from a hub's waker.
///
/// ```
/// use std::time::Duration;
///
/// jitsimeet::shutdown(Duration::from_secs(5))?;
/// # Ok::<(), jitsimeet::Error>(())
/// ```
///
/// # Errors
/// [`Error::Timeout`] if connections had to be cut off.
pub fn shutdown(timeout: Duration) -> Result<(), Error> {
    let timeout = timeout.min(LONGEST);
    let Some(running) = engine().running.take() else { return Ok(()) };
    // A runtime cannot be ended from within a runtime, and the caller may well live in one of its own.
    let stopper =
        thread::Builder::new().name("jitsimeet-shutdown".to_owned()).spawn(move || running.stop(timeout));
    let stopped = stopper.map(thread::JoinHandle::join);
    // Only now does nobody learn any more.
    knowledge::forget();
    match stopped {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err(Error::Timeout(format!("connections were still open after {timeout:?}"))),
        Ok(Err(_)) => Err(Error::Internal("the shutdown panicked".to_owned())),
        Err(error) => Err(Error::Internal(format!("cannot start a thread: {error}"))),
    }
}

impl Running {
    fn start(worker_threads: usize) -> Result<Self, Error> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(worker_threads)
            .max_blocking_threads(BLOCKING_THREADS)
            .thread_name("jitsimeet")
            .enable_all()
            .build()
            .map_err(|error| Error::Internal(format!("cannot start threads: {error}")))?;
        Ok(Self { runtime, stop: CancellationToken::new(), tasks: TaskTracker::new() })
    }

    /// Tells whether everything ended by itself.
    fn stop(self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        self.stop.cancel();
        self.tasks.close();
        let tasks = self.tasks.clone();
        let ended =
            self.runtime.block_on(async { tokio::time::timeout(timeout, tasks.wait()).await.is_ok() });
        // Blocking threads in a name look-up cannot be interrupted; they get what time is left, and a moment.
        let left = deadline.saturating_duration_since(Instant::now());
        self.runtime.shutdown_timeout(left.max(Duration::from_millis(100)));
        ended
    }
}

/// Runs a task until it ends or `shutdown` tells it to.
pub(crate) fn spawn<F>(task: impl FnOnce(CancellationToken) -> F) -> Result<(), Error>
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut engine = engine();
    let worker_threads = engine.worker_threads;
    let running = match &mut engine.running {
        Some(running) => running,
        none => none.insert(Running::start(worker_threads)?),
    };
    running.tasks.spawn_on(task(running.stop.clone()), running.runtime.handle());
    Ok(())
}
