//! When a sample was recorded, from when its buffer arrived.

use media::{Span, Timescale, Timestamp};

/// Counts a device's samples and finds out when they were recorded. Sans-IO.
///
/// What audio systems say about their own latency jumps by 100 ms under load, so it is not used. What is certain:
/// a buffer arrives after its last sample was recorded, sooner or later. The soonest arrivals of some seconds
/// therefore tell the device's clock, and a delay of one buffer moves nothing. When every arrival is late by
/// more than a delay could explain, the device itself has paused, and the clock is set anew.
#[derive(Debug)]
pub(crate) struct DeviceClock {
    rate: Timescale,
    /// Samples counted so far.
    position: i64,
    /// Time of sample 0 after the soonest arrival of this and of the period before it.
    periods: [Option<Timestamp>; 2],
    period_began: Timestamp,
    /// The same for the last second, to notice a pause.
    recent: Option<Timestamp>,
    recent_began: Timestamp,
}

impl DeviceClock {
    /// A clock for `rate` samples per second.
    pub(crate) fn new(rate: Timescale) -> DeviceClock {
        DeviceClock {
            rate,
            position: 0,
            periods: [None; 2],
            period_began: Timestamp::ZERO,
            recent: None,
            recent_began: Timestamp::ZERO,
        }
    }

    /// When the first of `frames` samples was recorded, of which the last had arrived at `arrived`. `lost` samples
    /// were lost before them.
    pub(crate) fn stamp(&mut self, arrived: Timestamp, lost: usize, frames: usize) -> Timestamp {
        let first = self.position + lost as i64;
        self.position = first + frames as i64;
        let start = arrived - Span::from_ticks(self.position, self.rate);
        self.observe(arrived, start);
        let soonest = self.periods.into_iter().flatten().min().unwrap_or(start);
        soonest + Span::from_ticks(first, self.rate)
    }

    fn observe(&mut self, arrived: Timestamp, start: Timestamp) {
        if self.periods[0].is_none() {
            (self.period_began, self.recent_began) = (arrived, arrived);
        }
        if arrived - self.recent_began >= RECENT {
            let soonest = self.periods.into_iter().flatten().min();
            if let (Some(recent), Some(soonest)) = (self.recent, soonest)
                && recent - soonest > PAUSE
            {
                self.periods = [Some(recent), None];
                self.period_began = arrived;
            }
            (self.recent, self.recent_began) = (None, arrived);
        }
        if arrived - self.period_began >= PERIOD {
            self.periods = [None, self.periods[0]];
            self.period_began = arrived;
        }
        let sooner = |known: Option<Timestamp>| Some(known.map_or(start, |known| known.min(start)));
        self.periods[0] = sooner(self.periods[0]);
        self.recent = sooner(self.recent);
    }
}

/// The soonest arrival of one to two periods counts. 200 ppm of drift are 2 ms in ten seconds.
const PERIOD: Span = Span::from_secs(5);

/// A delay is made up for well within this; a pause is not.
const RECENT: Span = Span::from_secs(1);

/// A pause shorter than this is not told from a delay; the ear does not tell it from the picture either.
const PAUSE: Span = Span::from_millis(40);

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Timescale = match Timescale::new(48_000) {
        Some(rate) => rate,
        None => unreachable!(),
    };

    /// Errors in milliseconds of the stamps of 20 ms buffers, of which buffer n arrives `delay(n)` ms late.
    fn errors(buffers: i64, ppm: f64, delay: impl Fn(i64) -> f64) -> Vec<f64> {
        let mut clock = DeviceClock::new(RATE);
        let mut errors = Vec::new();
        let mut last = 0.0_f64;
        for buffer in 0..buffers {
            let recorded_ms = buffer as f64 * 20.0 / (1.0 + ppm / 1e6);
            // Buffers arrive in order, however late one is.
            last = last.max(recorded_ms + 20.0 + delay(buffer));
            let arrived = Timestamp::from_flicks((last * 705_600.0) as i64);
            let stamp = clock.stamp(arrived, 0, 960);
            errors.push(stamp.as_secs_f64() * 1_000.0 - recorded_ms);
        }
        errors
    }

    /// The worst error after the first second, in which the clock learns.
    fn worst(errors: &[f64]) -> f64 {
        errors[50..].iter().fold(0.0, |worst, error| worst.max(error.abs()))
    }

    #[test]
    fn late_buffers_move_nothing() {
        // Every third buffer up to 90 ms late, one in a hundred by 400 ms.
        let delay = |buffer: i64| match buffer {
            buffer if buffer % 100 == 99 => 400.0,
            buffer if buffer % 3 == 0 => (buffer * 37 % 90) as f64,
            _ => 1.0,
        };
        assert!(worst(&errors(5_000, 0.0, delay)) < 3.0);
    }

    #[test]
    fn drift_is_followed() {
        for ppm in [-200.0, 200.0] {
            let errors = errors(180_000, ppm, |buffer| (buffer * 7 % 11) as f64);
            assert!(worst(&errors) < 5.0, "{ppm} ppm: {}", worst(&errors));
        }
    }

    #[test]
    fn a_pause_of_the_device_is_noticed_within_two_seconds() {
        let paused = errors(500, 0.0, |buffer| if buffer < 200 { 0.0 } else { 300.0 });
        assert!(paused[199].abs() < 1.0);
        // The stamps then say that the samples were recorded 300 ms later than they were counted.
        assert!((paused[300..].iter().copied().fold(f64::MAX, f64::min) - 300.0).abs() < 1.0);
    }

    #[test]
    fn lost_samples_are_counted() {
        let mut clock = DeviceClock::new(RATE);
        clock.stamp(Timestamp::from_millis(20), 0, 960);
        let stamp = clock.stamp(Timestamp::from_millis(60), 960, 960);
        assert_eq!(stamp, Timestamp::from_millis(40));
    }
}
