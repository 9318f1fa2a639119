//! The one thread a process that runs callbacks.
//!
//! It drains the hub of the connections that were not made for a queue, and the log if there is somebody to tell, and
//! runs tasks: what must happen on this thread, after the callback under way. It starts with the first connection,
//! stops in `jm_shutdown`, and starts again when something is due. A fork has one of its own.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use jitsimeet_core::{ConnectionId, Drained, EventHub, Item, Owner, PerProcess};

use crate::connection::Registry;
use crate::error::{Error, Result};
use crate::lock;
use crate::logging::Logging;
use crate::panic::contain;

/// After so many events the log has its turn.
const TURN: usize = 256;

type Task = Box<dyn FnOnce() + Send>;

pub(crate) struct Dispatcher {
    hub: EventHub,
    connections: Registry,
    logging: Logging,
    control: Mutex<Control>,
    /// Notified when the thread has something to do.
    work: Condvar,
    /// Notified when a task has run.
    done: Condvar,
}

#[derive(Default)]
struct Control {
    thread: Thread,
    /// The hub holds something.
    woken: bool,
    tasks: VecDeque<Task>,
    /// How many tasks have ever been queued, and how many of them have run. They run in order, so that one task is
    /// done when as many have run as had been queued with it. (A channel would do the same, but leaves memory of the
    /// waiting thread behind that a leak checker takes for lost.)
    queued: u64,
    run: u64,
}

#[derive(Default)]
enum Thread {
    #[default]
    Stopped,
    Running(JoinHandle<()>),
    /// It ends when nothing is left to do; whoever stopped it joins it.
    Stopping,
}

thread_local! {
    /// The process whose dispatcher this thread is: a callback may fork, and then it is not the child's.
    static DISPATCHER_OF: Cell<Option<Owner>> = const { Cell::new(None) };
}

/// Whether the calling thread is the dispatcher: the caller is a callback.
pub(crate) fn on_dispatcher() -> bool {
    DISPATCHER_OF.get().is_some_and(Owner::is_this_process)
}

pub(crate) fn dispatcher() -> &'static Dispatcher {
    static DISPATCHER: PerProcess<Dispatcher> = PerProcess::new();
    DISPATCHER.get()
}

impl Default for Dispatcher {
    fn default() -> Self {
        Self {
            hub: EventHub::new(|| dispatcher().wake()),
            connections: Registry::default(),
            logging: Logging::default(),
            control: Mutex::default(),
            work: Condvar::new(),
            done: Condvar::new(),
        }
    }
}

impl Dispatcher {
    pub(crate) const fn hub(&self) -> &EventHub {
        &self.hub
    }

    pub(crate) const fn connections(&self) -> &Registry {
        &self.connections
    }

    pub(crate) const fn logging(&self) -> &Logging {
        &self.logging
    }

    /// Starts the thread unless it runs.
    pub(crate) fn start(&'static self) -> Result<()> {
        self.start_locked(&mut lock(&self.control))
            .map_err(|error| Error::internal(format!("cannot start a thread for callbacks: {error}")))
    }

    fn start_locked(&'static self, control: &mut Control) -> io::Result<()> {
        if matches!(control.thread, Thread::Stopped) {
            let name = "jm-dispatcher".to_owned();
            control.thread = Thread::Running(thread::Builder::new().name(name).spawn(|| self.serve())?);
        }
        Ok(())
    }

    /// There is something to deliver.
    pub(crate) fn wake(&'static self) {
        let mut control = lock(&self.control);
        control.woken = true;
        // After `jm_shutdown` the thread is started by what becomes due. Without it the events wait for the next
        // call that needs the thread, which then reports why it cannot start.
        let _ = self.start_locked(&mut control);
        self.work.notify_one();
    }

    /// Runs `task` on the thread, after the callback under way. With `wait`, returns when it has run, except on the
    /// thread itself. While no thread runs, the calling one does it.
    pub(crate) fn run(&self, wait: bool, task: impl FnOnce() + Send + 'static) {
        let mut control = lock(&self.control);
        if matches!(control.thread, Thread::Stopped) {
            drop(control);
            return task();
        }
        control.tasks.push_back(Box::new(task));
        control.queued += 1;
        let ticket = control.queued;
        self.work.notify_one();
        while wait && !on_dispatcher() && control.run < ticket {
            control = self.done.wait(control).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Delivers what is due, ends the thread and joins it. Not to be called on the thread.
    pub(crate) fn stop(&self) {
        let mut control = lock(&self.control);
        // Only `stop` makes it `Stopping`, and only one runs at a time.
        if let Thread::Running(thread) = std::mem::replace(&mut control.thread, Thread::Stopping) {
            drop(control);
            self.work.notify_one();
            // It cannot have panicked: it contains the panics of all that it runs.
            let _ = thread.join();
        } else {
            control.thread = Thread::Stopped;
        }
    }

    fn serve(&self) {
        DISPATCHER_OF.set(Some(Owner::this_process()));
        while self.wait_for_work() {
            while self.take_turn() == Drained::More {}
        }
    }

    fn take_turn(&self) -> Drained {
        self.run_tasks();
        let events = self.hub.drain(TURN, |id, item| {
            contain(|| self.deliver(id, item));
            self.run_tasks();
        });
        let records = self.logging.drain(TURN, || self.run_tasks());
        if events == Drained::Empty { records } else { Drained::More }
    }

    /// False when the thread is to end.
    fn wait_for_work(&self) -> bool {
        let mut control = lock(&self.control);
        loop {
            if std::mem::take(&mut control.woken) || !control.tasks.is_empty() {
                return true;
            }
            if matches!(control.thread, Thread::Stopping) {
                control.thread = Thread::Stopped;
                return false;
            }
            control = self.work.wait(control).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn run_tasks(&self) {
        loop {
            let task = lock(&self.control).tasks.pop_front();
            let Some(task) = task else { return };
            contain(task);
            lock(&self.control).run += 1;
            self.done.notify_all();
        }
    }

    /// Items of a connection that has been freed meanwhile find nobody.
    fn deliver(&self, id: ConnectionId, item: Item) {
        if let Some(connection) = self.connections.get(id) {
            connection.deliver(item);
        }
    }
}
