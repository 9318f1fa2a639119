//! The one thread on which the engine's wake-ups reach Python.
//!
//! A hub's waker runs on a thread that serves all connections of the process. If that thread waited for the GIL, a
//! Python program busy with something else would hold up their pings and answers. So the waker only leaves a note
//! here, and this thread waits for the GIL.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};

use pyo3::prelude::*;

/// The callable that wakes a hub's event loop. Weak: dropping the last reference is for a thread that has the GIL.
type WakeUp = Weak<Py<PyAny>>;

struct Dispatcher {
    wake_ups: Sender<WakeUp>,
    thread: JoinHandle<()>,
}

static DISPATCHER: Mutex<Option<Dispatcher>> = Mutex::new(None);

fn dispatcher() -> MutexGuard<'static, Option<Dispatcher>> {
    DISPATCHER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the thread unless it runs. Called before the engine is asked for anything that it will wake us for, where
/// a failure can still be told.
pub(crate) fn start() -> io::Result<()> {
    let mut dispatcher = dispatcher();
    if dispatcher.is_none() {
        *dispatcher = Some(Dispatcher::start()?);
    }
    Ok(())
}

/// Has `wake_up` called soon. Never blocks.
pub(crate) fn wake(wake_up: WakeUp) {
    let mut dispatcher = dispatcher();
    // Not running is the rare case that `stop` came between the call and its outcome.
    if dispatcher.is_none() {
        *dispatcher = Dispatcher::start().ok();
    }
    if let Some(dispatcher) = &*dispatcher {
        // The thread receives for as long as there is a sender.
        let _ = dispatcher.wake_ups.send(wake_up);
    }
}

/// Ends the thread once it has made the calls that are due. To be called without the GIL, which they need.
pub(crate) fn stop() {
    let Some(Dispatcher { wake_ups, thread }) = dispatcher().take() else { return };
    drop(wake_ups);
    // A finalizer that happens to run on the thread itself cannot wait for it.
    if thread.thread().id() != thread::current().id() {
        // Its panics have been reported by the panic hook.
        let _ = thread.join();
    }
}

impl Dispatcher {
    fn start() -> io::Result<Self> {
        let (wake_ups, receiver) = channel();
        let thread =
            thread::Builder::new().name("jitsimeet-python".to_owned()).spawn(move || run(&receiver))?;
        Ok(Self { wake_ups, thread })
    }
}

fn run(wake_ups: &Receiver<WakeUp>) {
    while let Ok(first) = wake_ups.recv() {
        // Not to be had while the interpreter ends: then there is nobody left to wake.
        Python::try_attach(|py| {
            for wake_up in std::iter::once(first).chain(wake_ups.try_iter()) {
                call(py, &wake_up);
            }
        });
    }
}

fn call(py: Python<'_>, wake_up: &WakeUp) {
    if let Some(wake_up) = wake_up.upgrade()
        && let Err(error) = wake_up.call0(py)
    {
        error.write_unraisable(py, Some(wake_up.bind(py)));
    }
}
