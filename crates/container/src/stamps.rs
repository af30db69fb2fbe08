//! Stamps that wrap, as one clock that never goes back: 32 bits of milliseconds in RTMP, 33 of 90 kHz in MPEG-TS.

use media::{Span, Timestamp};

/// Undoes the wrap of stamps and continues the clock where a publisher started it anew.
#[derive(Debug)]
pub(crate) struct Stamps {
    /// Of a stamp on the wire.
    bits: u32,
    ticks_per_ms: i64,
    /// The last stamp, unwrapped, before any continuation.
    last: Option<i64>,
    /// Added since the publisher's clock was set back.
    continued: i64,
    /// The greatest stamp given out.
    greatest: Option<i64>,
    /// Stamps near this one belong to the clock before it was set back, until the new one has run a while.
    stale: Option<Stale>,
}

#[derive(Debug)]
struct Stale {
    around: i64,
    new_clock_from: i64,
}

/// A stamp on the continued clock.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stamp {
    At(i64),
    /// The clock was set back: this one continues where the old clock ended.
    Continued(i64),
    /// Sent before the clock was set back, arrived after.
    Stale,
}

impl Default for Stamps {
    /// RTMP's.
    fn default() -> Stamps {
        Stamps::new(32, 1)
    }
}

impl Stamps {
    /// A clock of stamps with `bits` bits, at most 63, and so many ticks per millisecond.
    pub(crate) fn new(bits: u32, ticks_per_ms: i64) -> Stamps {
        debug_assert!((1..64).contains(&bits), "the distance of two stamps fits 64 bits with its sign");
        Stamps { bits, ticks_per_ms, last: None, continued: 0, greatest: None, stale: None }
    }

    pub(crate) fn take(&mut self, stamp: impl Into<u64>) -> Stamp {
        let stamp = stamp.into();
        let (back_max, ahead_max) = (BACK_MAX_MS * self.ticks_per_ms, AHEAD_MAX_MS * self.ticks_per_ms);
        let unwrapped = match self.last {
            None => stamp as i64,
            // The distance with its sign is right across the wrap in both directions.
            Some(last) => last.saturating_add(self.distance(stamp, last as u64)),
        };
        if let Some(stale) = &self.stale {
            if (unwrapped - stale.around).abs() <= back_max {
                return Stamp::Stale;
            }
            if unwrapped > stale.new_clock_from + back_max {
                self.stale = None;
            }
        }
        let last = self.last.replace(unwrapped);
        let at = unwrapped + self.continued;
        let leaps = |greatest: i64| at < greatest - back_max || at > greatest + ahead_max;
        let Some(greatest) = self.greatest.filter(|&greatest| leaps(greatest)) else {
            self.greatest = Some(self.greatest.map_or(at, |greatest| greatest.max(at)));
            return Stamp::At(at);
        };
        let continued = greatest + CONTINUED_AFTER_MS * self.ticks_per_ms;
        self.stale = last.map(|last| Stale { around: last, new_clock_from: unwrapped });
        self.continued = continued - unwrapped;
        self.greatest = Some(continued);
        Stamp::Continued(continued)
    }

    /// From `earlier` to `later`, each a stamp or one with its wraps undone; the shorter way around.
    pub(crate) fn distance(&self, later: u64, earlier: u64) -> i64 {
        let unused = u64::BITS - self.bits;
        ((later.wrapping_sub(earlier) << unused) as i64) >> unused
    }
}

/// A video stamp, `offset` past its millisecond, that rises above `last` even where the publisher repeated one.
pub(crate) fn rising(at_ms: i64, offset: Span, last: Option<Timestamp>) -> Timestamp {
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
    fn thirty_three_bits_wrap_after_a_day() {
        let mut stamps = Stamps::new(33, 90);
        let end = (1_u64 << 33) - 1;
        assert_eq!(stamps.take(end), Stamp::At(end as i64));
        assert_eq!(stamps.take(89_u64), Stamp::At(end as i64 + 90));
        assert_eq!(stamps.distance(2, end), 3);
    }

    #[test]
    fn a_clock_set_back_is_continued() {
        let mut stamps = Stamps::default();
        assert_eq!(stamps.take(60_000_u32), Stamp::At(60_000));
        assert_eq!(stamps.take(0_u32), Stamp::Continued(60_040));
        assert_eq!(stamps.take(60_010_u32), Stamp::Stale);
        assert_eq!(stamps.take(33_u32), Stamp::At(60_073));
    }
}
