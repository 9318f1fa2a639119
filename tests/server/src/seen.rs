//! What clients asked for, as tests look at it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// How many are remembered. A server that runs for days must not grow.
const REMEMBERED: usize = 1000;

/// The last requests of a kind, and how many there were.
#[derive(Debug)]
pub(crate) struct Seen<T> {
    last: Mutex<VecDeque<T>>,
    count: watch::Sender<u64>,
}

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Self { last: Mutex::default(), count: watch::Sender::default() }
    }
}

impl<T: Clone> Seen<T> {
    pub(crate) fn add(&self, request: T) {
        let mut last = self.lock();
        if last.len() == REMEMBERED {
            last.pop_front();
        }
        last.push_back(request);
        drop(last);
        // Who waits for the count finds the request.
        self.count.send_modify(|count| *count += 1);
    }

    /// What is remembered, the oldest first.
    pub(crate) fn list(&self) -> Vec<T> {
        self.lock().iter().cloned().collect()
    }

    /// Waits until there were so many, those that are forgotten included.
    pub(crate) async fn reached(&self, count: u64) {
        let mut seen = self.count.subscribe();
        // The sender lives as long as we do.
        let _ = seen.wait_for(|seen| *seen >= count).await;
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn forgets_the_oldest_and_counts_all() {
        let seen = Seen::default();
        for number in 0..REMEMBERED + 2 {
            seen.add(number);
        }
        assert_eq!(seen.list(), (2..REMEMBERED + 2).collect::<Vec<_>>());
        seen.reached(REMEMBERED as u64 + 2).await;
    }
}
