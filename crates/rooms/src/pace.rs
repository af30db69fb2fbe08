//! How often one person may do something.

use std::time::Duration;

/// A bucket of some uses that refills by one at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    burst: u32,
    refill: Duration,
    left: u32,
    counted_from: Duration,
}

impl Pace {
    /// For messages: [`MESSAGES_BURST`] at once, then one every [`MESSAGES_REFILL`].
    pub(crate) fn of_messages(now: Duration) -> Pace {
        Pace { burst: MESSAGES_BURST, refill: MESSAGES_REFILL, left: MESSAGES_BURST, counted_from: now }
    }

    /// For messages of all guests of an address: [`ADDRESS_BURST`] at once, then one every [`ADDRESS_REFILL`].
    pub(crate) fn of_address(now: Duration) -> Pace {
        Pace { burst: ADDRESS_BURST, refill: ADDRESS_REFILL, left: ADDRESS_BURST, counted_from: now }
    }

    /// For everything else: [`ACTS_BURST`] at once, then one every [`ACTS_REFILL`].
    pub(crate) fn of_acts(now: Duration) -> Pace {
        Pace { burst: ACTS_BURST, refill: ACTS_REFILL, left: ACTS_BURST, counted_from: now }
    }

    /// Takes one, or says how long until there is one.
    pub(crate) fn take(&mut self, now: Duration) -> Result<(), Duration> {
        self.refill(now);
        if self.left == 0 {
            return Err((self.counted_from + self.refill).saturating_sub(now));
        }
        self.left -= 1;
        Ok(())
    }

    /// Whether it says nothing any more, so that it may be forgotten.
    pub(crate) fn is_full(&mut self, now: Duration) -> bool {
        self.refill(now);
        self.left == self.burst
    }

    fn refill(&mut self, now: Duration) {
        let whole = now.saturating_sub(self.counted_from).as_millis() / self.refill.as_millis();
        let refilled = u32::try_from(whole).unwrap_or(self.burst).min(self.burst - self.left);
        self.left += refilled;
        let full = self.left == self.burst;
        self.counted_from = if full { now } else { self.counted_from + self.refill * refilled };
    }
}

/// What one person has left of everything that is limited.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paces {
    pub(crate) messages: Pace,
    pub(crate) acts: Pace,
    /// When their last message was taken, for slow mode.
    pub(crate) last_message: Option<Duration>,
}

impl Paces {
    pub(crate) fn new(now: Duration) -> Paces {
        Paces { messages: Pace::of_messages(now), acts: Pace::of_acts(now), last_message: None }
    }

    /// Whether they may be forgotten, with slow mode at `slow`.
    pub(crate) fn is_spent(&mut self, now: Duration, slow: Duration) -> bool {
        let slowed = self.last_message.is_some_and(|last| now < last + slow);
        !slowed && self.messages.is_full(now) && self.acts.is_full(now)
    }
}

/// Messages in one go: a thought sent in pieces passes, a held key does not.
const MESSAGES_BURST: u32 = 5;
/// Five in five seconds, over a longer time.
const MESSAGES_REFILL: Duration = Duration::from_secs(1);
/// A class behind one address that answers a question passes.
const ADDRESS_BURST: u32 = 40;
/// Ten a second, over a longer time.
const ADDRESS_REFILL: Duration = Duration::from_millis(100);
/// Votes, hands, likes, a moderator's clean-up of a page of lines: more in one go than messages.
const ACTS_BURST: u32 = 40;
/// Five a second, over a longer time.
const ACTS_REFILL: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_messages_pass_at_once_and_then_one_a_second() {
        let at = Duration::from_millis;
        let mut pace = Pace::of_messages(at(0));
        for _ in 0..5 {
            assert_eq!(pace.take(at(100)), Ok(()));
        }
        assert_eq!(pace.take(at(600)), Err(at(500)));
        assert_eq!(pace.take(at(1_100)), Ok(()));
        assert!(pace.take(at(1_100)).is_err());
        assert!(pace.is_full(at(7_000)));
    }

    #[test]
    fn who_is_slowed_is_not_forgotten() {
        let at = Duration::from_secs;
        let mut paces = Paces::new(at(0));
        paces.last_message = Some(at(0));
        assert!(!paces.is_spent(at(30), at(60)));
        assert!(paces.is_spent(at(60), at(60)));
    }
}
