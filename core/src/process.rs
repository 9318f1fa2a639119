//! What belongs to one process and not to its forks.
//!
//! After a fork the child has the parent's memory and only one of its threads. A lock that another thread held stays
//! held for ever, and what waited for a thread waits for ever. So nothing that the parent has made is touched: statics
//! begin anew, and the parent's connections fail with [`Error::Forked`].

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Error;

/// No process has this id.
const NOBODY: u32 = 0;

/// The process that something was made in. Bindings ask it before they touch a lock of what they have made.
///
/// ```
/// use std::sync::Mutex;
///
/// use jitsimeet::{Error, Owner};
///
/// struct Handle { owner: Owner, listeners: Mutex<Vec<u64>> }
///
/// let listen = |handle: &Handle, id| -> Result<(), Error> {
///     handle.owner.check()?;
///     handle.listeners.lock().unwrap().push(id);
///     Ok(())
/// };
/// let handle = Handle { owner: Owner::this_process(), listeners: Mutex::default() };
/// assert_eq!(listen(&handle, 1), Ok(()));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner(u32);

impl Owner {
    /// The process that asks.
    ///
    /// ```
    /// use jitsimeet::Owner;
    ///
    /// assert_eq!(Owner::this_process(), Owner::this_process());
    /// ```
    #[must_use]
    pub fn this_process() -> Self {
        Self(std::process::id())
    }

    #[cfg(test)]
    pub(crate) const fn other() -> Self {
        Self(u32::MAX)
    }

    /// Whether it is not a fork of the owner that asks.
    ///
    /// ```
    /// assert!(jitsimeet::Owner::this_process().is_this_process());
    /// ```
    #[must_use]
    pub fn is_this_process(self) -> bool {
        self == Self::this_process()
    }

    /// As [`is_this_process`](Self::is_this_process).
    ///
    /// ```
    /// assert_eq!(jitsimeet::Owner::this_process().check(), Ok(()));
    /// ```
    ///
    /// # Errors
    /// [`Error::Forked`].
    pub fn check(self) -> Result<(), Error> {
        if self.is_this_process() { Ok(()) } else { Err(Error::Forked) }
    }
}

/// A static that each process has for itself: a fork begins with the default.
///
/// For bindings, whose statics (a thread that delivers, its queue) are as useless in a fork as those of this crate.
/// The value of the parent is kept as it is, and never looked at or dropped.
///
/// ```
/// use std::sync::Mutex;
///
/// use jitsimeet::PerProcess;
///
/// static NAMES: PerProcess<Mutex<Vec<String>>> = PerProcess::new();
///
/// NAMES.get().lock().unwrap().push("standup".to_owned());
/// assert_eq!(*NAMES.get().lock().unwrap(), ["standup"]);
/// ```
#[derive(Debug)]
pub struct PerProcess<T> {
    owner: AtomicU32,
    value: OnceLock<T>,
    /// That of the child, and of its children.
    next: OnceLock<Box<Self>>,
}

impl<T: Default> PerProcess<T> {
    /// Without a value: it is made when it is asked for.
    ///
    /// ```
    /// use std::sync::atomic::AtomicU64;
    ///
    /// use jitsimeet::PerProcess;
    ///
    /// static NEXT: PerProcess<AtomicU64> = PerProcess::new();
    /// assert_eq!(NEXT.get().load(std::sync::atomic::Ordering::Relaxed), 0);
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { owner: AtomicU32::new(NOBODY), value: OnceLock::new(), next: OnceLock::new() }
    }

    /// The value of this process.
    ///
    /// ```
    /// use jitsimeet::PerProcess;
    ///
    /// static NAME: PerProcess<String> = PerProcess::new();
    /// assert!(std::ptr::eq(NAME.get(), NAME.get()), "made once");
    /// ```
    pub fn get(&'static self) -> &'static T {
        let this = std::process::id();
        let mut place = self;
        // The last of the chain is this process's, or its parent's.
        while let Some(next) = place.next.get() {
            place = next;
        }
        let claimed = place.owner.compare_exchange(NOBODY, this, Ordering::AcqRel, Ordering::Acquire);
        if claimed.is_err_and(|owner| owner != this) {
            place = place.next.get_or_init(|| {
                Box::new(Self { owner: AtomicU32::new(this), value: OnceLock::new(), next: OnceLock::new() })
            });
        }
        place.value.get_or_init(T::default)
    }
}

impl<T: Default> Default for PerProcess<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_finds_its_value_and_not_that_of_its_parent() {
        static VALUE: PerProcess<AtomicU32> = PerProcess::new();
        VALUE.get().store(7, Ordering::Relaxed);
        assert_eq!(VALUE.get().load(Ordering::Relaxed), 7);
        // As after a fork: what is there belongs to another process.
        VALUE.owner.store(u32::MAX, Ordering::Relaxed);
        assert_eq!(VALUE.get().load(Ordering::Relaxed), 0);
        VALUE.get().store(8, Ordering::Relaxed);
        assert_eq!(VALUE.get().load(Ordering::Relaxed), 8);
    }
}
