//! Models of what the threads of the library do to each other: the shipping sources of core's hub and of the C ABI's
//! dispatcher and queue, under [`shuttle`], which plays their threads in many orders. `build.rs` makes copies with one ordering
//! weakened; a model that does not find that out is worth nothing.
#![forbid(unsafe_code)]
#![allow(
    missing_docs,
    dead_code,
    unused_imports,
    non_camel_case_types,
    clippy::all,
    reason = "shipping sources, linted where they stand"
)]

use std::sync::PoisonError;

use shuttle::sync::{Mutex, MutexGuard};

/// As the crate of the C ABI has it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
pub struct Stanza;

impl Stanza {
    pub fn xml(&self) -> &str {
        ""
    }
}

#[derive(Debug)]
pub enum Event {
    StanzaReceived(Box<Stanza>),
    Another,
}

pub type CompletionResult = Result<(), ()>;

macro_rules! copies {
    ($($name:ident),*) => { $(
        pub(crate) mod $name {
            include!(concat!(env!("OUT_DIR"), "/", stringify!($name), ".rs"));
        }
    )* };
}

copies!(hub, hub_that_falls_asleep_after_it_has_looked, hub_that_is_closed_after_its_queues);
copies!(queue, queue_that_looks_before_it_clears, queue_that_does_not_look_ahead);
copies!(dispatcher, dispatcher_that_counts_a_task_before_it_runs, dispatcher_that_ends_before_it_has_looked);

mod around;
pub(crate) use around::{connection, core, error, event, logging, panic, signal};

pub mod models;
