//! What the dispatcher and the queue see of the rest of the library, as far as it matters to their threads.

/// What of core it uses: the hub is the shipping one.
pub mod core {
    use std::cell::Cell;
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Mutex, PoisonError};

    pub use crate::hub::{ConnectionId, Drained, EventHub, Item};

    pub enum Status {
        Timeout,
    }

    #[derive(Clone, Copy)]
    pub struct Owner;

    impl Owner {
        pub fn this_process() -> Self {
            Self
        }

        pub fn is_this_process(self) -> bool {
            true
        }

        pub fn check(self) -> Result<(), crate::error::Error> {
            Ok(())
        }
    }

    thread_local! {
        /// All threads of a model are one of the machine's, and tests run side by side.
        static RUN: Cell<u64> = const { Cell::new(0) };
    }

    /// A run of a model is a process of its own.
    pub fn begin() {
        static RUNS: AtomicU64 = AtomicU64::new(1);
        RUN.set(RUNS.fetch_add(1, Ordering::Relaxed));
    }

    /// The value of each run; that of another is kept, as after a fork.
    pub struct PerProcess<T: 'static>(Mutex<BTreeMap<u64, &'static T>>);

    impl<T: Default> PerProcess<T> {
        pub const fn new() -> Self {
            Self(Mutex::new(BTreeMap::new()))
        }

        pub fn get(&'static self) -> &'static T {
            let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            values.entry(RUN.get()).or_insert_with(|| Box::leak(Box::default()))
        }
    }
}

pub mod connection {
    use shuttle::sync::{Arc, Mutex};

    use super::core::{ConnectionId, Item};
    use super::event::OwnedEvent;

    /// Everything that is delivered, as `id` and number.
    #[derive(Default)]
    pub struct Registry(Arc<Connection>);

    #[derive(Default)]
    pub struct Connection(Mutex<Vec<u64>>);

    impl Registry {
        pub fn get(&self, _: ConnectionId) -> Option<Arc<Connection>> {
            Some(Arc::clone(&self.0))
        }

        pub fn remove(&self, _: ConnectionId) {}
    }

    impl Connection {
        pub fn deliver(&self, item: Item) {
            if let Item::Completed { token, .. } = item {
                crate::lock(&self.0).push(token);
            }
        }

        pub fn event_for(&self, item: Item) -> Option<OwnedEvent> {
            match item {
                Item::Completed { token, .. } => Some(OwnedEvent(token)),
                Item::Event(_) => None,
            }
        }

        pub fn delivered(&self) -> Vec<u64> {
            crate::lock(&self.0).clone()
        }
    }
}

pub mod logging {
    use super::core::Drained;

    #[derive(Default)]
    pub struct Logging;

    impl Logging {
        pub fn drain(&self, _: usize, _: impl Fn()) -> Drained {
            Drained::Empty
        }
    }
}

pub mod event {
    pub struct OwnedEvent(pub u64);
}

/// The descriptor: a flag that can be waited for.
pub mod signal {
    use std::io;
    use std::time::Instant;

    use shuttle::sync::{Condvar, Mutex};

    use crate::lock;

    pub struct Signal {
        readable: Mutex<bool>,
        changed: Condvar,
    }

    impl Signal {
        pub fn new() -> io::Result<Self> {
            Ok(Self { readable: Mutex::new(false), changed: Condvar::new() })
        }

        pub fn set(&self) {
            *lock(&self.readable) = true;
            self.changed.notify_all();
        }

        pub fn clear(&self) {
            *lock(&self.readable) = false;
        }

        /// No model has a deadline.
        pub fn wait(&self, _: Option<Instant>) -> io::Result<bool> {
            let mut readable = lock(&self.readable);
            while !*readable {
                readable = self.changed.wait(readable).unwrap();
            }
            Ok(true)
        }
    }
}

pub mod error {
    use super::core::Status;

    #[derive(Debug)]
    pub struct Error;

    pub type Result<T> = std::result::Result<T, Error>;

    impl Error {
        pub fn new(_: Status, _: &str) -> Self {
            Self
        }

        pub fn internal(_: String) -> Self {
            Self
        }
    }
}

pub mod panic {
    /// A panic is what a model fails with.
    pub fn contain<T>(body: impl FnOnce() -> T) -> Option<T> {
        Some(body())
    }
}
