//! How long to wait before the next try.

use media::Span;

/// Back-off of one destination: 1, 2, 4, 8, then 15 seconds, each spread by a fifth. Sans-IO.
///
/// The wait begins anew only after a connection that carried media for [`Reconnect::STABLE`]: a server that
/// accepts and throws out at once is not asked each second.
#[derive(Debug, Default)]
pub struct Reconnect {
    failures: u32,
}

/// The next try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Try {
    /// 1 for the first after the loss.
    pub attempt: u32,
    /// How long to wait before it.
    pub wait: Span,
}

impl Reconnect {
    /// A connection that was live this long was a good one.
    pub const STABLE: Span = Span::from_secs(10);

    /// Before the first failure.
    #[must_use]
    pub fn new() -> Reconnect {
        Reconnect::default()
    }

    /// A connection was lost after `live_for` ([`Span::ZERO`] when it was not made at all). `jitter` is a
    /// random number from −1 to 1.
    pub fn lost(&mut self, live_for: Span, jitter: f64) -> Try {
        if live_for >= Reconnect::STABLE {
            self.failures = 0;
        }
        let base = WAITS_MILLIS[(self.failures as usize).min(WAITS_MILLIS.len() - 1)];
        self.failures = self.failures.saturating_add(1);
        let spread = if jitter.is_finite() { jitter.clamp(-1.0, 1.0) * SPREAD } else { 0.0 };
        Try { attempt: self.failures, wait: Span::from_millis((base * (1.0 + spread)) as i64) }
    }

    /// Somebody asked to try now: the back-off begins anew.
    pub fn retry_now(&mut self) {
        self.failures = 0;
    }
}

/// Short at first, since most losses are short; 15 s keeps a person's patience and a server's log.
const WAITS_MILLIS: [f64; 5] = [1_000.0, 2_000.0, 4_000.0, 8_000.0, 15_000.0];

/// So that a server that comes back is not met by all of its publishers at once.
const SPREAD: f64 = 0.2;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn waits(reconnect: &mut Reconnect, count: usize) -> Vec<i64> {
        (0..count).map(|_| reconnect.lost(Span::ZERO, 0.0).wait.as_millis()).collect()
    }

    #[test]
    fn the_wait_doubles_up_to_fifteen_seconds() {
        assert_eq!(waits(&mut Reconnect::new(), 7), [1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
    }

    #[test]
    fn a_good_connection_begins_it_anew_and_a_short_one_does_not() {
        let mut reconnect = Reconnect::new();
        waits(&mut reconnect, 4);
        assert_eq!(reconnect.lost(Span::from_secs(9), 0.0), Try { attempt: 5, wait: Span::from_secs(15) });
        assert_eq!(reconnect.lost(Span::from_secs(10), 0.0), Try { attempt: 1, wait: Span::from_secs(1) });
    }

    #[test]
    fn a_person_begins_it_anew() {
        let mut reconnect = Reconnect::new();
        waits(&mut reconnect, 4);
        reconnect.retry_now();
        assert_eq!(waits(&mut reconnect, 1), [1_000]);
    }

    proptest! {
        #[test]
        fn no_wait_leaves_its_spread(failures in 0_usize..40, jitter in any::<f64>()) {
            let mut reconnect = Reconnect::new();
            waits(&mut reconnect, failures);
            let wait = reconnect.lost(Span::ZERO, jitter).wait.as_millis();
            prop_assert!((800..=18_000).contains(&wait), "{} ms", wait);
        }
    }
}
