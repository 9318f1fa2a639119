//! The C ABI of jitsimeet. `include/jitsimeet.h` is generated from this crate: what is written here about its public
//! items is what C programmers read.
//!
//! This crate translates idioms and nothing else. Every entry goes through [`guard`](panic::guard), so that no panic
//! reaches the caller and every failure leaves its text for `jm_last_error`.
#![expect(non_camel_case_types, reason = "the types have the names that C programs use")]
#![expect(clippy::missing_safety_doc, reason = "the comments are for C; each states ownership and threading")]

// In the order of the header.
mod constants;

mod strings;

mod error;

mod library;

mod options;

mod event;
mod listeners;

mod connection;

mod queue;

mod logging;

// What C does not see.
mod dispatcher;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod panic;
mod signal;

pub use connection::*;
pub use constants::*;
pub use error::*;
pub use event::*;
pub use library::*;
pub use listeners::*;
pub use logging::*;
pub use options::*;
pub use queue::*;
pub use strings::*;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Every lock of this crate protects plain data that is valid between any two statements, so a poisoned one is
/// still good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
