//! One unit of time for the whole program: the flick, 1/705 600 000 s.
//!
//! 1 kHz (RTMP), 90 kHz (MPEG-TS), 44.1 and 48 kHz audio and the NTSC frame rates all divide it, so a
//! conversion from the wire and back is exact. An `i64` of flicks spans 414 years.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};

/// A point on a stream's timeline, in flicks since an origin that the stream chose. May be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The distance between two [`Timestamp`]s, in flicks. May be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(i64);

/// Ticks per second of a wire format: 1 000 for RTMP, 90 000 for MPEG-TS, the sample rate for audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timescale(u32);

impl Timescale {
    /// RTMP and FLV: milliseconds.
    pub const MILLISECONDS: Timescale = Timescale(1_000);
    /// MPEG-TS, and the usual choice for video in ISO BMFF.
    pub const MPEG: Timescale = Timescale(90_000);

    /// A timescale of `hz` ticks per second, or `None` for 0.
    #[must_use]
    pub const fn new(hz: u32) -> Option<Timescale> {
        if hz == 0 { None } else { Some(Timescale(hz)) }
    }

    /// Ticks per second.
    #[must_use]
    pub const fn hz(self) -> u32 {
        self.0
    }

    /// Whether every tick is a whole number of flicks, so that conversions lose nothing.
    #[must_use]
    pub const fn is_exact(self) -> bool {
        FLICKS_PER_SECOND % self.0 as i64 == 0
    }
}

impl Timestamp {
    /// The origin of the timeline.
    pub const ZERO: Timestamp = Timestamp(0);

    /// A timestamp of `flicks`.
    #[must_use]
    pub const fn from_flicks(flicks: i64) -> Timestamp {
        Timestamp(flicks)
    }

    /// Flicks since the origin.
    #[must_use]
    pub const fn flicks(self) -> i64 {
        self.0
    }

    /// The timestamp `ticks` of `timescale` after the origin; saturates at the ends of the timeline.
    #[must_use]
    pub fn from_ticks(ticks: i64, timescale: Timescale) -> Timestamp {
        Timestamp(Span::from_ticks(ticks, timescale).0)
    }

    /// The nearest tick of `timescale`; halves round up.
    #[must_use]
    pub fn ticks(self, timescale: Timescale) -> i64 {
        Span(self.0).ticks(timescale)
    }

    /// The timestamp `milliseconds` after the origin.
    #[must_use]
    pub const fn from_millis(milliseconds: i64) -> Timestamp {
        Timestamp(milliseconds.saturating_mul(FLICKS_PER_SECOND / 1_000))
    }

    /// Seconds since the origin, for display and for players' floating-point clocks.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        Span(self.0).as_secs_f64()
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);

    /// A span of `flicks`.
    #[must_use]
    pub const fn from_flicks(flicks: i64) -> Span {
        Span(flicks)
    }

    /// Its length in flicks.
    #[must_use]
    pub const fn flicks(self) -> i64 {
        self.0
    }

    /// `ticks` of `timescale`; exact where [`Timescale::is_exact`], else the nearest flick. Saturates.
    #[must_use]
    pub fn from_ticks(ticks: i64, timescale: Timescale) -> Span {
        let hz = i128::from(timescale.0);
        let flicks = (i128::from(ticks) * i128::from(FLICKS_PER_SECOND) + hz / 2).div_euclid(hz);
        Span(clamp_to_i64(flicks))
    }

    /// The nearest number of ticks of `timescale`; halves round up.
    #[must_use]
    pub fn ticks(self, timescale: Timescale) -> i64 {
        let scaled = i128::from(self.0) * i128::from(timescale.0);
        let unit = i128::from(FLICKS_PER_SECOND);
        clamp_to_i64((scaled + unit / 2).div_euclid(unit))
    }

    /// A span of `milliseconds`.
    #[must_use]
    pub const fn from_millis(milliseconds: i64) -> Span {
        Span(milliseconds.saturating_mul(FLICKS_PER_SECOND / 1_000))
    }

    /// A span of `seconds`.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Span {
        Span(seconds.saturating_mul(FLICKS_PER_SECOND))
    }

    /// Whole milliseconds, rounded to the nearest.
    #[must_use]
    pub fn as_millis(self) -> i64 {
        self.ticks(Timescale::MILLISECONDS)
    }

    /// Seconds, for display and for playlists.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / FLICKS_PER_SECOND as f64
    }

    /// The length without its sign.
    #[must_use]
    pub const fn abs(self) -> Span {
        Span(self.0.saturating_abs())
    }
}

impl From<Span> for std::time::Duration {
    /// Negative spans become zero: a wait cannot be negative.
    fn from(span: Span) -> Self {
        let flicks = span.0.max(0) as u128;
        std::time::Duration::from_nanos((flicks * 1_000_000_000 / FLICKS_PER_SECOND as u128) as u64)
    }
}

impl From<std::time::Duration> for Span {
    fn from(duration: std::time::Duration) -> Self {
        let flicks = duration.as_nanos() as i128 * i128::from(FLICKS_PER_SECOND) / 1_000_000_000;
        Span(clamp_to_i64(flicks))
    }
}

impl Add<Span> for Timestamp {
    type Output = Timestamp;
    fn add(self, span: Span) -> Timestamp {
        Timestamp(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Timestamp {
    type Output = Timestamp;
    fn sub(self, span: Span) -> Timestamp {
        Timestamp(self.0.saturating_sub(span.0))
    }
}

impl Sub for Timestamp {
    type Output = Span;
    fn sub(self, earlier: Timestamp) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl AddAssign<Span> for Timestamp {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Add for Span {
    type Output = Span;
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}

impl Sub for Span {
    type Output = Span;
    fn sub(self, other: Span) -> Span {
        Span(self.0.saturating_sub(other.0))
    }
}

impl AddAssign for Span {
    fn add_assign(&mut self, other: Span) {
        *self = *self + other;
    }
}

impl SubAssign for Span {
    fn sub_assign(&mut self, other: Span) {
        *self = *self - other;
    }
}

impl Mul<i64> for Span {
    type Output = Span;
    fn mul(self, times: i64) -> Span {
        Span(self.0.saturating_mul(times))
    }
}

impl Neg for Span {
    type Output = Span;
    fn neg(self) -> Span {
        Span(self.0.saturating_neg())
    }
}

impl Sum for Span {
    fn sum<I: Iterator<Item = Span>>(spans: I) -> Span {
        spans.fold(Span::ZERO, Add::add)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6} s", self.as_secs_f64())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6} s", self.as_secs_f64())
    }
}

fn clamp_to_i64(value: i128) -> i64 {
    value.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

const FLICKS_PER_SECOND: i64 = 705_600_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_rate_in_use_divides_the_flick() {
        for hz in [1_000, 8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 90_000, 96_000] {
            assert!(Timescale(hz).is_exact(), "{hz}");
        }
        // The NTSC frame durations: 1001/24000, 1001/30000 and 1001/60000 s.
        for frames_per_1001_s in [24_000, 30_000, 60_000] {
            assert_eq!(FLICKS_PER_SECOND * 1_001 % frames_per_1001_s, 0);
        }
    }

    #[test]
    fn halves_round_up_on_both_sides_of_zero() {
        let half = Span(FLICKS_PER_SECOND / 2);
        let hz = Timescale(1);
        assert_eq!(half.ticks(hz), 1);
        assert_eq!((-half).ticks(hz), 0);
    }

    #[test]
    fn the_ends_of_the_timeline_saturate() {
        let end = Timestamp::from_ticks(i64::MAX, Timescale::MILLISECONDS);
        assert_eq!(end.flicks(), i64::MAX);
        assert_eq!(end + Span::from_secs(1), end);
    }

    proptest! {
        #[test]
        fn ticks_survive_the_way_there_and_back(ticks in -(1_i64 << 40)..(1_i64 << 40),
                                                hz in prop::sample::select(vec![1_000_u32, 90_000, 44_100, 48_000])) {
            let timescale = Timescale(hz);
            prop_assert_eq!(Timestamp::from_ticks(ticks, timescale).ticks(timescale), ticks);
        }

        #[test]
        fn durations_keep_their_nanoseconds_to_a_flick(nanos in 0_u64..1_000_000_000_000) {
            let duration = std::time::Duration::from_nanos(nanos);
            let back = std::time::Duration::from(Span::from(duration));
            prop_assert!(duration - back < std::time::Duration::from_nanos(3));
        }
    }
}
