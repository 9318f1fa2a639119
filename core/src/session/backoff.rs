//! When to try again: random delays, so that a thousand clients that lost their server together do not come back in
//! step.

use std::time::Duration;

use fastrand::Rng;

/// The first attempt comes within this time: most losses are short.
const FIRST: Duration = Duration::from_millis(300);

/// Exponential back-off with full jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backoff {
    /// No delay is shorter.
    pub floor: Duration,
    /// The upper bound of the second delay; it doubles with every further one.
    pub base: Duration,
    /// The upper bound of them all.
    pub ceiling: Duration,
}

impl Backoff {
    /// The delay before attempt `number`, counted from 1.
    pub(crate) fn delay(&self, number: u32, random: &mut Rng) -> Duration {
        if number <= 1 {
            return FIRST.mul_f64(random.f64());
        }
        let doublings = (number - 2).min(20);
        let bound = self.base.saturating_mul(1 << doublings).min(self.ceiling).max(self.floor);
        self.floor + (bound - self.floor).mul_f64(random.f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_stay_within_bounds_that_double_up_to_the_ceiling() {
        let ms = Duration::from_millis;
        let backoff = Backoff { floor: ms(100), base: ms(1000), ceiling: ms(5000) };
        let mut random = Rng::with_seed(7);
        for (number, bound) in [(1, 300), (2, 1000), (3, 2000), (4, 4000), (5, 5000), (60, 5000)] {
            let delays: Vec<_> = (0..200).map(|_| backoff.delay(number, &mut random)).collect();
            assert!(delays.iter().all(|delay| *delay <= ms(bound)), "attempt {number}");
            assert!(
                delays.iter().any(|delay| *delay > ms(bound * 8 / 10)),
                "attempt {number} uses its range"
            );
            assert!(number == 1 || delays.iter().all(|delay| *delay >= ms(100)), "attempt {number}");
        }
    }
}
