//! Millisecond stamps of 32 bits as one clock that never goes back.

use media::{Span, Timestamp};

/// Undoes the wrap of 32-bit stamps and continues the clock where a publisher started it anew.
#[derive(Debug, Default)]
pub(super) struct Stamps {
    /// The last stamp, unwrapped, before any continuation.
    last_ms: Option<i64>,
    /// Added since the publisher's clock was set back.
    continued_ms: i64,
    /// The greatest stamp given out.
    greatest_ms: Option<i64>,
    /// Stamps near this one belong to the clock before it was set back, until the new one has run a while.
    stale: Option<Stale>,
}

#[derive(Debug)]
struct Stale {
    around_ms: i64,
    new_clock_from_ms: i64,
}

/// A stamp on the continued clock.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stamp {
    At(i64),
    /// The clock was set back: this one continues where the old clock ended.
    Continued(i64),
    /// Sent before the clock was set back, arrived after.
    Stale,
}

impl Stamps {
    pub(super) fn take(&mut self, stamp_ms: u32) -> Stamp {
        let unwrapped = match self.last_ms {
            None => i64::from(stamp_ms),
            // The distance as signed 32 bits is right across the wrap in both directions.
            Some(last) => last + i64::from(stamp_ms.wrapping_sub(last as u32) as i32),
        };
        if let Some(stale) = &self.stale {
            if (unwrapped - stale.around_ms).abs() <= BACK_MAX_MS {
                return Stamp::Stale;
            }
            if unwrapped > stale.new_clock_from_ms + BACK_MAX_MS {
                self.stale = None;
            }
        }
        let last = self.last_ms.replace(unwrapped);
        let at = unwrapped + self.continued_ms;
        let leaps = |greatest: i64| at < greatest - BACK_MAX_MS || at > greatest + AHEAD_MAX_MS;
        let Some(greatest) = self.greatest_ms.filter(|&greatest| leaps(greatest)) else {
            self.greatest_ms = Some(self.greatest_ms.map_or(at, |greatest| greatest.max(at)));
            return Stamp::At(at);
        };
        self.stale = last.map(|last| Stale { around_ms: last, new_clock_from_ms: unwrapped });
        self.continued_ms = greatest + CONTINUED_AFTER_MS - unwrapped;
        self.greatest_ms = Some(greatest + CONTINUED_AFTER_MS);
        Stamp::Continued(greatest + CONTINUED_AFTER_MS)
    }
}

/// A video stamp, `offset` past its millisecond, that rises above `last` even where the publisher repeated one.
pub(super) fn rising(at_ms: i64, offset: Span, last: Option<Timestamp>) -> Timestamp {
    let at = Timestamp::from_millis(at_ms) + offset;
    match last {
        Some(last) if at <= last => last + Span::from_millis(1),
        _ => at,
    }
}

/// Stamps that go back further mean a new clock; less is disorder between the tracks.
const BACK_MAX_MS: i64 = 3_000;

/// A leap ahead of an hour is no gap but another clock; without this the timeline could be used up.
const AHEAD_MAX_MS: i64 = 3_600_000;

/// About one frame, between the last stamp of the old clock and the first of the new.
const CONTINUED_AFTER_MS: i64 = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wrap_is_undone_in_both_directions() {
        let mut stamps = Stamps::default();
        for (stamp, expected) in [(u32::MAX - 10, 0), (20, 31), (u32::MAX, 10), (40, 51)] {
            let base = i64::from(u32::MAX - 10);
            assert_eq!(stamps.take(stamp), Stamp::At(base + expected));
        }
    }

    #[test]
    fn a_clock_set_back_is_continued() {
        let mut stamps = Stamps::default();
        assert_eq!(stamps.take(60_000), Stamp::At(60_000));
        assert_eq!(stamps.take(0), Stamp::Continued(60_040));
        assert_eq!(stamps.take(60_010), Stamp::Stale);
        assert_eq!(stamps.take(33), Stamp::At(60_073));
    }
}
