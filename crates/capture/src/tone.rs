//! A beep each second, for tests of synchronisation and for a first sound check.

use std::f32::consts::TAU;

use media::{Span, Timestamp};

use crate::audio::{AudioStep, BLOCK_FRAMES, Captured, RATE, SAMPLE_RATE};
use crate::{Clock, Stop};

/// How long a beep sounds; the flash of the test pattern is as long.
pub const BEEP_LENGTH: Span = Span::from_millis(100);

/// 1 kHz at −6 dBFS for [`BEEP_LENGTH`] from each whole second of the session's clock.
#[derive(Debug)]
pub struct Tone {
    clock: Clock,
    next: i64,
}

impl Tone {
    /// A tone that begins now.
    #[must_use]
    pub fn new(clock: Clock) -> Tone {
        Tone { clock, next: clock.now().ticks(RATE) }
    }

    /// Waits until the next block has sounded.
    pub(crate) fn next(&mut self, stop: &Stop) -> AudioStep {
        let first = self.next;
        let pts = Timestamp::from_ticks(first, RATE);
        let end = first + BLOCK_FRAMES as i64;
        if stop.wait_until(self.clock.instant(Timestamp::from_ticks(end, RATE))) {
            return AudioStep::Ended;
        }
        self.next = end;
        let samples = (first..end).flat_map(|position| [sample(position); 2]).collect();
        AudioStep::Block(Captured { device_time: pts, arrived: self.clock.now(), lost: 0, samples })
    }
}

/// The tone at `position` samples after the session's start.
fn sample(position: i64) -> f32 {
    let in_second = position.rem_euclid(i64::from(SAMPLE_RATE));
    let length = BEEP_LENGTH.ticks(RATE);
    if in_second >= length {
        return 0.0;
    }
    // A ramp at both ends keeps the beep from clicking and is too short to blur where it begins.
    let ramp = (in_second.min(length - in_second) as f32 / RAMP_FRAMES).min(1.0);
    AMPLITUDE * ramp * (TAU * FREQUENCY_HZ * in_second as f32 / SAMPLE_RATE as f32).sin()
}

const FREQUENCY_HZ: f32 = 1_000.0;

/// −6 dBFS.
const AMPLITUDE: f32 = 0.5;

/// One millisecond.
const RAMP_FRAMES: f32 = 48.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_beeps_from_each_whole_second_for_a_tenth() {
        for second in [0, 1, 59] {
            let start = second * i64::from(SAMPLE_RATE);
            let loudest = |from: i64, to: i64| {
                (start + from..start + to).map(|position| sample(position).abs()).fold(0.0, f32::max)
            };
            assert!(loudest(0, 96) > 0.4, "the first two milliseconds");
            assert!(loudest(4_600, 4_800) > 0.4);
            assert_eq!(loudest(4_800, 48_000), 0.0);
        }
    }
}
