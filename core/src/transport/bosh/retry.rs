//! When a request that failed is sent again, and when that is given up.

use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::session::Backoff;
use crate::transport::TransportError;

/// Short enough to try several times before anyone gives up.
const BACKOFF: Backoff =
    Backoff { floor: Duration::ZERO, base: Duration::from_secs(1), ceiling: Duration::from_secs(4) };

/// The failures since the last success, as far as they are one story: a request that the server was free to keep may
/// fail long after the one before it.
pub(super) struct Retry {
    random: Rng,
    patience: Duration,
    since: Option<Instant>,
    last: Option<Instant>,
    attempts: u32,
}

impl Retry {
    /// Gives up this long after the first failure.
    pub(super) const fn new(random: Rng, patience: Duration) -> Self {
        Self { random, patience, since: None, last: None, attempts: 0 }
    }

    pub(super) const fn succeeded(&mut self) {
        self.since = None;
        self.last = None;
        self.attempts = 0;
    }

    /// When to try again after this failure; or what it all ends in.
    pub(super) fn failed(&mut self, now: Instant, error: TransportError) -> Result<Instant, TransportError> {
        if !error.may_pass() {
            return Err(error);
        }
        // An attempt takes no longer than our patience, nor does the delay before it.
        let old = self.last.is_some_and(|last| now.saturating_duration_since(last) > 2 * self.patience);
        if old {
            self.succeeded();
        }
        self.last = Some(now);
        let since = *self.since.get_or_insert(now);
        self.attempts += 1;
        let again = now + BACKOFF.delay(self.attempts, &mut self.random);
        if again < since + self.patience {
            return Ok(again);
        }
        Err(match error {
            TransportError::HttpStatus { .. } => error,
            other => TransportError::GivingUp {
                attempts: self.attempts,
                patience: self.patience,
                reason: other.to_string(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost() -> TransportError {
        TransportError::Lost { reason: "reset".to_owned() }
    }

    #[test]
    fn gives_up_when_its_patience_is_over_and_starts_afresh_after_a_success() {
        let mut retry = Retry::new(Rng::with_seed(3), Duration::from_secs(10));
        let start = Instant::now();
        let mut now = start;
        let mut attempts = 0;
        let end = loop {
            attempts += 1;
            match retry.failed(now, lost()) {
                Ok(again) => now = again,
                Err(error) => break error,
            }
        };
        assert!(now < start + Duration::from_secs(10) && attempts > 3, "{attempts}");
        assert!(matches!(end, TransportError::GivingUp { attempts: told, .. } if told == attempts));
        retry.succeeded();
        assert!(retry.failed(now, lost()).is_ok());
    }

    #[test]
    fn failures_far_apart_are_not_one_story() {
        let mut retry = Retry::new(Rng::with_seed(3), Duration::from_secs(10));
        let now = Instant::now();
        for minute in 0..10 {
            assert!(retry.failed(now + Duration::from_secs(60 * minute), lost()).is_ok());
        }
    }

    #[test]
    fn a_server_error_stays_one_and_a_refusal_is_final() {
        let mut retry = Retry::new(Rng::with_seed(3), Duration::from_millis(300));
        let now = Instant::now();
        let error = TransportError::HttpStatus { status: 502 };
        assert!(retry.failed(now, error.clone()).is_ok());
        assert_eq!(retry.failed(now + Duration::from_millis(400), error.clone()), Err(error));
        let refusal = TransportError::HttpStatus { status: 403 };
        assert_eq!(retry.failed(now, refusal.clone()), Err(refusal));
    }

    #[test]
    fn two_clients_do_not_come_back_in_step() {
        let now = Instant::now();
        let first = |seed| Retry::new(Rng::with_seed(seed), Duration::from_secs(10)).failed(now, lost());
        assert_ne!(first(1), first(2));
    }
}
