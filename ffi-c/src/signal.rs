//! A descriptor that is readable while a flag is set: an eventfd on Linux, a pipe on every other unix.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

pub(crate) struct Signal {
    readable: OwnedFd,
    /// Of a pipe; an eventfd is its own other end.
    writable: Option<OwnedFd>,
}

impl Signal {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn new() -> io::Result<Self> {
        use rustix::event::{EventfdFlags, eventfd};
        let readable = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { readable, writable: None })
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(crate) fn new() -> io::Result<Self> {
        Self::pipe()
    }

    #[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
    fn pipe() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        let (readable, writable) = (OwnedFd::from(reader), OwnedFd::from(writer));
        rustix::io::ioctl_fionbio(&readable, true)?;
        rustix::io::ioctl_fionbio(&writable, true)?;
        Ok(Self { readable, writable: Some(writable) })
    }

    /// Makes the descriptor readable. Never blocks.
    pub(crate) fn set(&self) {
        // A pipe or a counter that is full says what it should.
        let _ = rustix::io::write(self.writable.as_ref().unwrap_or(&self.readable), &1_u64.to_ne_bytes());
    }

    /// Makes the descriptor unreadable. What is set meanwhile may be lost: the caller looks for events afterwards.
    pub(crate) fn clear(&self) {
        let mut buffer = [0; 512];
        // An eventfd gives 8 bytes and is clear; a pipe that fills the buffer may hold more.
        while rustix::io::read(&self.readable, &mut buffer) == Ok(buffer.len()) {}
    }

    /// Waits until the descriptor is readable; false if the deadline came first. No deadline is for ever.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> io::Result<bool> {
        loop {
            let left = deadline.map(|deadline| timespec(deadline.saturating_duration_since(Instant::now())));
            match poll(&mut [PollFd::new(&self.readable, PollFlags::IN)], left.as_ref()) {
                Ok(ready) => return Ok(ready > 0),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for Signal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.readable.as_fd()
    }
}

fn timespec(duration: Duration) -> Timespec {
    // Every timeout comes from an `i32` of milliseconds.
    Timespec {
        tv_sec: duration.as_secs().try_into().unwrap_or(i32::MAX.into()),
        tv_nsec: duration.subsec_nanos().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_set(signal: &Signal) -> bool {
        signal.wait(Some(Instant::now())).unwrap()
    }

    #[test]
    fn it_is_readable_from_set_to_clear_however_often_it_was_set() {
        for signal in [Signal::new().unwrap(), Signal::pipe().unwrap()] {
            assert!(!is_set(&signal));
            // More than a pipe holds: setting must not block.
            (0..10_000).for_each(|_| signal.set());
            assert!(is_set(&signal) && is_set(&signal));
            signal.clear();
            assert!(!is_set(&signal));
            signal.set();
            assert!(is_set(&signal));
        }
    }

    #[test]
    fn waiting_ends_at_the_deadline() {
        let deadline = Instant::now() + Duration::from_millis(20);
        assert!(!Signal::new().unwrap().wait(Some(deadline)).unwrap());
        assert!(Instant::now() >= deadline);
    }
}
