//! The one thread on which the engine reaches Python: its wake-ups, and what it logs.
//!
//! A hub's waker runs on a thread that serves all connections of the process. If that thread waited for the GIL, a
//! Python program busy with something else would hold up their pings and answers. So the waker only leaves a note
//! here, and this thread waits for the GIL.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle, ThreadId};

use jitsimeet::PerProcess;
use pyo3::prelude::*;

use crate::logs;

/// The callable that wakes a hub's consumer. Weak: dropping the last reference is for a thread that has the GIL.
type WakeUp = Weak<Py<PyAny>>;

enum Note {
    Wake(WakeUp),
    /// There are records to deliver.
    Log,
}

struct Dispatcher {
    notes: Sender<Note>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    dispatcher: Option<Dispatcher>,
    /// The interpreter is about to end, on this thread. A thread that is inside a Python call when it does takes the
    /// process with it (before Python 3.14), so that daemon threads that still have connections get no dispatcher.
    exiting: Option<ThreadId>,
}

static STATE: PerProcess<Mutex<State>> = PerProcess::new();

fn state() -> MutexGuard<'static, State> {
    STATE.get().lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the thread unless it runs. Called before the engine is asked for anything that it will wake us for, where
/// a failure can still be told.
pub(crate) fn start() -> io::Result<()> {
    let mut state = state();
    // On the thread itself it is a function that is called at exit, behind ours.
    if state.exiting == Some(thread::current().id()) {
        state.exiting = None;
    }
    state.run()
}

/// Has `wake_up` called soon. Never blocks.
pub(crate) fn wake(wake_up: WakeUp) {
    note(Note::Wake(wake_up));
}

/// Has what was logged delivered soon. Never blocks.
pub(crate) fn log() {
    note(Note::Log);
}

fn note(note: Note) {
    let mut state = state();
    // Not running is the rare case that `stop` came between the call and its outcome, or that something is logged
    // before the first call. If it cannot be started there is nobody to tell.
    let _ = state.run();
    if let Some(dispatcher) = &state.dispatcher {
        // The thread receives for as long as there is a sender.
        let _ = dispatcher.notes.send(note);
    }
}

/// Ends the thread once it has made the calls that are due, for good if the interpreter is `exiting`. To be called
/// without the GIL, which they need.
pub(crate) fn stop(exiting: bool) {
    let dispatcher = {
        let mut state = state();
        if exiting {
            state.exiting = Some(thread::current().id());
        }
        state.dispatcher.take()
    };
    let Some(Dispatcher { notes, thread }) = dispatcher else { return };
    drop(notes);
    // A finalizer that happens to run on the thread itself cannot wait for it.
    if thread.thread().id() != thread::current().id() {
        // Its panics have been reported by the panic hook.
        let _ = thread.join();
    }
}

impl State {
    fn run(&mut self) -> io::Result<()> {
        if self.dispatcher.is_none() && self.exiting.is_none() {
            self.dispatcher = Some(Dispatcher::start()?);
        }
        Ok(())
    }
}

impl Dispatcher {
    fn start() -> io::Result<Self> {
        let (notes, receiver) = channel();
        let thread =
            thread::Builder::new().name("jitsimeet-python".to_owned()).spawn(move || run(&receiver))?;
        Ok(Self { notes, thread })
    }
}

fn run(notes: &Receiver<Note>) {
    while let Ok(first) = notes.recv() {
        // Not to be had while the interpreter ends: then there is nobody left to wake.
        Python::try_attach(|py| {
            for note in std::iter::once(first).chain(notes.try_iter()) {
                match note {
                    Note::Wake(wake_up) => call(py, &wake_up),
                    Note::Log => logs::deliver(py),
                }
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
