//! The rate that a sound device really has, where it says another.

use media::{Span, Timestamp};

/// Compares what a device delivers with what it announced. Sans-IO.
///
/// A headset that changes to telephony delivers 16 000 samples a second and still says 48 000. Only such differences are
/// of interest: what crystals are off is a hundred times smaller, and [`crate::AvSync`] follows it.
///
/// Buffers come late, never early, so of each second the one that came soonest for its position is taken.
#[derive(Debug)]
pub(crate) struct RateEstimate {
    announced: u32,
    /// Samples counted so far.
    position: u64,
    /// When the present window began.
    began: Option<Timestamp>,
    /// The soonest buffer of this window's first second, and of that of the window before.
    soonest: Option<Arrival>,
    before: Option<Arrival>,
    /// The rate that the last windows agree on, and how many.
    agreed: (u32, u32),
}

/// After how many samples which moment had come.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    at: Timestamp,
    position: u64,
}

impl RateEstimate {
    /// For a device that announced `rate`.
    pub(crate) fn new(rate: u32) -> RateEstimate {
        let (began, soonest, before) = (None, None, None);
        RateEstimate { announced: rate, position: 0, began, soonest, before, agreed: (rate, 0) }
    }

    /// Takes a buffer of `frames` samples, lost ones included, that arrived at `arrived`; tells the true rate once it is
    /// certain that it is another.
    pub(crate) fn observe(&mut self, arrived: Timestamp, frames: usize) -> Option<u32> {
        self.position += frames as u64;
        let arrival = Arrival { at: arrived, position: self.position };
        let began = *self.began.get_or_insert(arrived);
        if arrived - began < LISTENING {
            let lateness = |arrival: Arrival| {
                arrival.at.as_secs_f64() - arrival.position as f64 / f64::from(self.announced)
            };
            if self.soonest.is_none_or(|soonest| lateness(arrival) < lateness(soonest)) {
                self.soonest = Some(arrival);
            }
        }
        if arrived - began < WINDOW {
            return None;
        }
        let measured = self.soonest.zip(self.before).map(|(now, before)| {
            (now.position - before.position) as f64 / (now.at - before.at).as_secs_f64()
        });
        (self.before, self.soonest, self.began) = (self.soonest, None, None);
        self.judge(measured?)
    }

    fn judge(&mut self, measured: f64) -> Option<u32> {
        let near = |rate: u32| (measured / f64::from(rate) - 1.0).abs() < TOLERANCE;
        let standard = if near(self.announced) {
            Some(self.announced)
        } else {
            RATES.into_iter().find(|&rate| near(rate))
        };
        self.agreed = match standard {
            Some(rate) if rate == self.agreed.0 => (rate, self.agreed.1 + 1),
            Some(rate) => (rate, 1),
            // A stall, or its sequel.
            None => (self.announced, 0),
        };
        let (rate, windows) = self.agreed;
        if rate == self.announced || windows < WINDOWS {
            return None;
        }
        *self = RateEstimate::new(rate);
        Some(rate)
    }
}

/// From one measurement to the next: long beside what delays a buffer.
const WINDOW: Span = Span::from_secs(3);

/// In so much of a window some buffer comes in time.
const LISTENING: Span = Span::from_secs(1);

/// So many windows must agree: a machine that stands still delivers less and then more, but not twice the same.
const WINDOWS: u32 = 2;

/// Below half the distance of 44.1 and 48 kHz.
const TOLERANCE: f64 = 0.03;

/// What devices have.
const RATES: [u32; 11] =
    [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000];

#[cfg(test)]
mod tests {
    use media::Timescale;

    use super::*;
    use crate::AvSync;
    use crate::device_clock::DeviceClock;

    fn at(millis: f64) -> Timestamp {
        Timestamp::from_flicks((millis * 705_600.0) as i64)
    }

    /// What is found out about a device that announces 48 kHz and delivers 20 ms of `rate` at a time, of which buffer n
    /// comes `delay(n)` ms late.
    fn found(rate: f64, buffers: i64, delay: impl Fn(i64) -> f64) -> Option<u32> {
        let mut estimate = RateEstimate::new(48_000);
        let mut last = 0.0_f64;
        (0..buffers).find_map(|buffer| {
            last = last.max(buffer as f64 * 20.0 + delay(buffer));
            estimate.observe(at(last), (rate / 50.0) as usize)
        })
    }

    #[test]
    fn a_rate_that_was_misreported_is_found_within_ten_seconds() {
        for rate in [8_000, 16_000, 24_000, 44_100, 96_000] {
            let delay = |buffer: i64| (buffer * 37 % 90) as f64;
            assert_eq!(found(f64::from(rate), 500, delay), Some(rate));
        }
    }

    #[test]
    fn crystals_delays_and_stalls_are_not_taken_for_another_rate() {
        for ppm in [-1_000.0, 0.0, 1_000.0] {
            let rate = 48_000.0 * (1.0 + ppm / 1e6);
            assert_eq!(found(rate, 20_000, |buffer| (buffer * 37 % 90) as f64), None);
            // Once in five seconds the machine stands still for one, and delivers everything at once.
            let standing = |buffer: i64| 1_000.0 - (buffer % 250) as f64 * 20.0;
            assert_eq!(found(rate, 20_000, |buffer| standing(buffer).max(0.0)), None);
        }
    }

    /// The distance in milliseconds between sound and picture for an hour of a device that announces 48 kHz, and delivers
    /// 20 ms of `true_rate` at a time with a crystal that is `ppm` off: all that a microphone's samples pass through but
    /// the samples.
    fn skews_of_an_hour(true_rate: u32, ppm: f64) -> Vec<f64> {
        let (line_rate, real) = (RATE, f64::from(true_rate) * (1.0 + ppm / 1e6));
        let (mut told, mut estimate) = (48_000, RateEstimate::new(48_000));
        let mut clock = DeviceClock::new(line_rate);
        let mut sync = AvSync::new(line_rate, Timestamp::ZERO);
        let frames = true_rate as usize / 50;
        let (mut skews, mut last, mut kept) = (Vec::new(), 0.0_f64, 0.0);
        for buffer in 0..180_000_i64 {
            let recorded_ms = (buffer * frames as i64) as f64 / real * 1_000.0;
            let end_ms = recorded_ms + frames as f64 / real * 1_000.0;
            // Every third buffer is up to 60 ms late, one in a hundred by 200 ms; none overtakes another.
            let late = match buffer {
                buffer if buffer % 100 == 99 => 200.0,
                buffer if buffer % 3 == 0 => (buffer * 37 % 60) as f64,
                _ => 1.0,
            };
            last = last.max(end_ms + late);
            let arrived = at(last);
            if let Some(rate) = estimate.observe(arrived, frames) {
                told = rate;
                clock = DeviceClock::new(Timescale::new(rate).expect("not 0"));
            }
            let stamp = clock.stamp(arrived, 0, frames);
            // The resampler gives whole samples and keeps the rest.
            let exact = frames as f64 * 48_000.0 / f64::from(told) + kept;
            kept = exact.fract();
            let placed = sync.block(arrived, stamp, exact as usize);
            let heard_ms =
                placed.pts.as_secs_f64() * 1_000.0 + (placed.silence as f64 - placed.skip as f64) / 48.0;
            skews.push((heard_ms - recorded_ms - sync.offset().as_secs_f64() * 1_000.0).abs());
        }
        skews
    }

    #[test]
    fn an_hour_of_a_device_that_drifts_and_misreports_its_rate_stays_within_20_ms() {
        for (rate, ppm) in
            [(16_000, 200.0), (44_100, -200.0), (44_100, 200.0), (48_000, -200.0), (96_000, 200.0)]
        {
            // The rate is known after ten seconds; until then the sound is wrong, whatever its place.
            let mut skews = skews_of_an_hour(rate, ppm).split_off(600);
            skews.sort_by(f64::total_cmp);
            let (p95, worst) = (skews[skews.len() * 95 / 100], skews[skews.len() - 1]);
            assert!(p95 < 10.0 && worst < 20.0, "{rate} Hz, {ppm} ppm: p95 {p95:.1} ms, worst {worst:.1} ms");
        }
    }

    const RATE: Timescale = match Timescale::new(48_000) {
        Some(rate) => rate,
        None => unreachable!(),
    };
}
