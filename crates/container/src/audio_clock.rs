//! The sample clock behind stamps of RTMP's milliseconds and of MPEG-TS.

use media::{Span, Timestamp};

/// Gives each access unit a time exactly where the one before ends, as long as the stamps agree.
///
/// A stamp is rounded to a tick and may be late or early by some of them; times that followed it
/// would leave gaps and overlaps of a few samples, which players make audible.
#[derive(Debug, Default)]
pub(crate) struct AudioClock {
    next: Option<Timestamp>,
}

/// When an access unit is decoded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Snapped {
    /// Right after the one before.
    Follows(Timestamp),
    /// After a gap the publisher left, or the first.
    AfterGap(Timestamp),
    /// Its time is already taken: the samples run faster than the stamps.
    Overlaps,
}

impl AudioClock {
    /// Takes an access unit that lasts as long as `frame`.
    pub(crate) fn snap(&mut self, stamp: Timestamp, frame: Span) -> Snapped {
        // Less than a frame, so that one lost access unit is seen.
        let tolerance = Span::from_flicks(frame.flicks() / 4 * 3).max(TOLERANCE_MIN).min(TOLERANCE_MAX);
        let expected = self.next.unwrap_or(stamp);
        let late = stamp - expected;
        if late < -tolerance {
            return Snapped::Overlaps;
        }
        let follows = late <= tolerance && self.next.is_some();
        let at = if follows { expected } else { stamp };
        self.next = Some(at + frame);
        if follows { Snapped::Follows(at) } else { Snapped::AfterGap(at) }
    }
}

/// Stamps of whole milliseconds are off by so much where nothing is wrong; matters for Opus of 2.5 ms.
const TOLERANCE_MIN: Span = Span::from_millis(4);

/// How far sound may run from its stamps: below what an eye notices against lips.
const TOLERANCE_MAX: Span = Span::from_millis(18);

#[cfg(test)]
mod tests {
    use media::{Aac, Timescale};

    use super::*;

    fn frame(rate: u32) -> Span {
        frame_start(1, rate) - Timestamp::ZERO
    }

    fn frame_start(n: i64, rate: u32) -> Timestamp {
        Timestamp::from_ticks(n * i64::from(Aac::FRAME_SAMPLES), Timescale::new(rate).expect("not 0"))
    }

    #[test]
    fn rounded_stamps_become_exact_for_hours() {
        for rate in [44_100, 48_000, 22_050] {
            let mut clock = AudioClock::default();
            for n in 0..600_000 {
                let exact = frame_start(n, rate);
                let stamp = Timestamp::from_millis(exact.ticks(Timescale::MILLISECONDS));
                let expected = if n == 0 { Snapped::AfterGap(exact) } else { Snapped::Follows(exact) };
                assert_eq!(clock.snap(stamp, frame(rate)), expected);
            }
        }
    }

    #[test]
    fn packets_of_changing_length_stay_without_a_gap() {
        let mut clock = AudioClock::default();
        let (mut exact_us, mut end) = (7_700, None);
        for n in 0..10_000 {
            let length_us = [2_500, 5_000, 10_000, 20_000, 60_000][n % 5];
            let stamp = Timestamp::from_millis(exact_us / 1_000);
            let frame = Span::from_ticks(length_us * 48 / 1_000, Timescale::new(48_000).expect("not 0"));
            match (clock.snap(stamp, frame), end) {
                (Snapped::Follows(at), Some(expected)) => assert_eq!(at, expected),
                (Snapped::AfterGap(at), None) => end = Some(at),
                other => panic!("packet {n}: {other:?}"),
            }
            (exact_us, end) = (exact_us + length_us, end.map(|end| end + frame));
        }
    }

    #[test]
    fn one_lost_access_unit_stays_a_gap() {
        let mut clock = AudioClock::default();
        clock.snap(Timestamp::from_millis(0), frame(48_000));
        clock.snap(Timestamp::from_millis(21), frame(48_000));
        let late = Timestamp::from_millis(64);
        assert_eq!(clock.snap(late, frame(48_000)), Snapped::AfterGap(late));
    }

    #[test]
    fn a_device_that_runs_off_never_leads_or_lags_by_a_frame() {
        for per_million in [-1_000_i64, 1_000] {
            let mut clock = AudioClock::default();
            for n in 0..500_000_i64 {
                let exact_us = n * 1_024_000_000 / 48_000 / 1_000;
                let stamp = Timestamp::from_millis((exact_us + exact_us * per_million / 1_000_000) / 1_000);
                if let Snapped::Follows(at) | Snapped::AfterGap(at) = clock.snap(stamp, frame(48_000)) {
                    assert!((at - stamp).abs() < Span::from_millis(20));
                }
            }
        }
    }
}
