//! How often one person may speak.

use std::time::Duration;

/// A bucket of [`BURST`] messages that refills by one every [`REFILL`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    left: u32,
    counted_from: Duration,
}

impl Pace {
    /// A full bucket.
    pub(crate) fn new(now: Duration) -> Pace {
        Pace { left: BURST, counted_from: now }
    }

    /// Takes one, or says how long until there is one.
    pub(crate) fn take(&mut self, now: Duration) -> Result<(), Duration> {
        self.refill(now);
        if self.left == 0 {
            return Err((self.counted_from + REFILL).saturating_sub(now));
        }
        self.left -= 1;
        Ok(())
    }

    /// Whether it says nothing any more, so that it may be forgotten.
    pub(crate) fn is_full(&mut self, now: Duration) -> bool {
        self.refill(now);
        self.left == BURST
    }

    fn refill(&mut self, now: Duration) {
        let whole = now.saturating_sub(self.counted_from).as_millis() / REFILL.as_millis();
        let refilled = u32::try_from(whole).unwrap_or(BURST).min(BURST - self.left);
        self.left += refilled;
        self.counted_from = if self.left == BURST { now } else { self.counted_from + REFILL * refilled };
    }
}

/// Messages in one go: a thought sent in pieces passes, a held key does not.
const BURST: u32 = 5;
/// Five in five seconds, over a longer time.
const REFILL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_pass_at_once_and_then_one_a_second() {
        let at = Duration::from_millis;
        let mut pace = Pace::new(at(0));
        for _ in 0..5 {
            assert_eq!(pace.take(at(100)), Ok(()));
        }
        assert_eq!(pace.take(at(600)), Err(at(500)));
        assert_eq!(pace.take(at(1_100)), Ok(()));
        assert!(pace.take(at(1_100)).is_err());
        assert!(pace.is_full(at(7_000)));
    }
}
