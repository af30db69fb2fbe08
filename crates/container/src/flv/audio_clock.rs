//! The sample clock behind RTMP's millisecond stamps.

use media::{Aac, Span, Timescale, Timestamp};

/// Gives each access unit a time exactly one frame after the one before, as long as the stamps agree.
///
/// A stamp is rounded to a millisecond and may be late or early by some of them; times that followed it
/// would leave gaps and overlaps of a few samples, which players make audible.
#[derive(Debug)]
pub(super) struct AudioClock {
    frame: Span,
    tolerance: Span,
    next: Option<Timestamp>,
}

/// When an access unit is decoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Snapped {
    /// Right after the one before.
    Follows(Timestamp),
    /// After a gap the publisher left, or the first.
    AfterGap(Timestamp),
    /// Its time is already taken: the samples run faster than the stamps.
    Overlaps,
}

impl AudioClock {
    pub(super) fn new(aac: &Aac) -> AudioClock {
        let rate = Timescale::new(aac.sample_rate).unwrap_or(Timescale::MILLISECONDS);
        let frame = Span::from_ticks(i64::from(Aac::FRAME_SAMPLES), rate);
        // Less than a frame, so that one lost access unit is seen.
        let tolerance = Span::from_flicks(frame.flicks() / 4 * 3).min(TOLERANCE_MAX);
        AudioClock { frame, tolerance, next: None }
    }

    pub(super) fn snap(&mut self, stamp: Timestamp) -> Snapped {
        let expected = self.next.unwrap_or(stamp);
        let late = stamp - expected;
        if late < -self.tolerance {
            return Snapped::Overlaps;
        }
        let follows = late <= self.tolerance && self.next.is_some();
        let at = if follows { expected } else { stamp };
        self.next = Some(at + self.frame);
        if follows { Snapped::Follows(at) } else { Snapped::AfterGap(at) }
    }
}

/// How far sound may run from its stamps: below what an eye notices against lips.
const TOLERANCE_MAX: Span = Span::from_millis(18);

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn clock(sample_rate: u32) -> AudioClock {
        AudioClock::new(&Aac { asc: Bytes::new(), sample_rate, channels: 2 })
    }

    fn frame_start(n: i64, rate: u32) -> Timestamp {
        Timestamp::from_ticks(n * i64::from(Aac::FRAME_SAMPLES), Timescale::new(rate).expect("not 0"))
    }

    #[test]
    fn rounded_stamps_become_exact_for_hours() {
        for rate in [44_100, 48_000, 22_050] {
            let mut clock = clock(rate);
            for n in 0..600_000 {
                let exact = frame_start(n, rate);
                let stamp = Timestamp::from_millis(exact.ticks(Timescale::MILLISECONDS));
                let expected = if n == 0 { Snapped::AfterGap(exact) } else { Snapped::Follows(exact) };
                assert_eq!(clock.snap(stamp), expected);
            }
        }
    }

    #[test]
    fn one_lost_access_unit_stays_a_gap() {
        let mut clock = clock(48_000);
        clock.snap(Timestamp::from_millis(0));
        clock.snap(Timestamp::from_millis(21));
        assert_eq!(clock.snap(Timestamp::from_millis(64)), Snapped::AfterGap(Timestamp::from_millis(64)));
    }

    #[test]
    fn a_device_that_runs_off_never_leads_or_lags_by_a_frame() {
        for per_million in [-1_000_i64, 1_000] {
            let mut clock = clock(48_000);
            for n in 0..500_000_i64 {
                let exact_us = n * 1_024_000_000 / 48_000 / 1_000;
                let stamp = Timestamp::from_millis((exact_us + exact_us * per_million / 1_000_000) / 1_000);
                if let Snapped::Follows(at) | Snapped::AfterGap(at) = clock.snap(stamp) {
                    assert!((at - stamp).abs() < Span::from_millis(20));
                }
            }
        }
    }
}
