//! Brings quiet and loud closer together.

use super::{CHANNELS, FRAMES_PER_SECOND};

/// A feed-forward compressor, both channels alike, that acts within milliseconds.
#[derive(Debug)]
pub(crate) struct Compressor {
    /// From which level, dBFS; `None` is off.
    above_db: Option<f32>,
    /// What is added at the moment, dB.
    gain_db: f32,
    /// The level that is followed, dBFS.
    level_db: f32,
}

impl Compressor {
    pub(crate) fn new() -> Compressor {
        Compressor { above_db: None, gain_db: 0.0, level_db: FLOOR_DB }
    }

    /// From which level; `None` ends it.
    pub(crate) fn set(&mut self, above_db: Option<f32>) {
        self.above_db = above_db;
    }

    /// Whether it changes nothing.
    pub(crate) fn is_idle(&self) -> bool {
        self.above_db.is_none() && self.gain_db == 0.0
    }

    /// Changes interleaved samples in place.
    pub(crate) fn process(&mut self, samples: &mut [f32]) {
        if self.is_idle() {
            return;
        }
        for frame in samples.chunks_exact_mut(CHANNELS) {
            let peak = frame.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            let peak_db = if peak > 0.0 { (20.0 * peak.log10()).max(FLOOR_DB) } else { FLOOR_DB };
            let rising = peak_db > self.level_db;
            self.level_db += (peak_db - self.level_db) * if rising { ATTACK } else { RELEASE };
            let target_db = self.above_db.map_or(0.0, |above_db| gain_db(self.level_db, above_db));
            // What is left of a step after the level's own smoothing: switching on and off.
            self.gain_db += (target_db - self.gain_db) * SWITCH;
            let gain = 10.0_f32.powf(self.gain_db / 20.0);
            frame.iter_mut().for_each(|sample| *sample *= gain);
        }
        if self.above_db.is_none() && self.gain_db.abs() < DONE_DB {
            *self = Compressor::new();
        }
    }
}

/// What sound of `level_db` is raised by, dB.
fn gain_db(level_db: f32, above_db: f32) -> f32 {
    let over = level_db - above_db;
    // Bent, not broken: the ratio sets in over the width of the knee.
    let taken = match over {
        over if over <= -KNEE_DB / 2.0 => 0.0,
        over if over >= KNEE_DB / 2.0 => over * TAKEN,
        over => (over + KNEE_DB / 2.0).powi(2) / (2.0 * KNEE_DB) * TAKEN,
    };
    -above_db * TAKEN / 2.0 - taken
}

/// 3 : 1, two thirds of what passes the level.
const TAKEN: f32 = 2.0 / 3.0;

const KNEE_DB: f32 = 6.0;

/// 5 ms: a word's first sound is not cut.
const ATTACK: f32 = 1.0 / (0.005 * FRAMES_PER_SECOND);

/// 150 ms: longer than a syllable's pause, so that the room is not pumped up between two.
const RELEASE: f32 = 1.0 / (0.15 * FRAMES_PER_SECOND);

/// 3 ms, so that a switch takes about ten.
const SWITCH: f32 = 1.0 / (0.003 * FRAMES_PER_SECOND);

/// Inaudible; the rest of the way is one step.
const DONE_DB: f32 = 0.001;

const FLOOR_DB: f32 = -100.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(amplitude: f32, frames: usize) -> Vec<f32> {
        (0..frames).flat_map(|at| [(at as f32 * 0.13).sin() * amplitude; 2]).collect()
    }

    fn peak_db(samples: &[f32]) -> f32 {
        20.0 * samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs())).log10()
    }

    #[test]
    fn above_its_level_a_third_of_the_rise_is_left() {
        let end_db = |input_db: f32| {
            let mut compressor = Compressor::new();
            compressor.set(Some(-18.0));
            let mut samples = sine(10.0_f32.powf(input_db / 20.0), 96_000);
            compressor.process(&mut samples);
            peak_db(&samples[96_000..])
        };
        // 6 dB is half of what is taken from full scale.
        assert!((end_db(-40.0) - -34.0).abs() < 0.5, "{}", end_db(-40.0));
        let rise = end_db(-3.0) - end_db(-12.0);
        assert!((rise - 3.0).abs() < 0.5, "9 dB more became {rise}");
    }

    #[test]
    fn switched_off_it_comes_to_rest_and_changes_nothing() {
        let mut compressor = Compressor::new();
        compressor.set(Some(-30.0));
        compressor.process(&mut sine(0.5, 4_800));
        compressor.set(None);
        compressor.process(&mut sine(0.5, 4_800));
        assert!(compressor.is_idle());
        let mut samples = sine(0.5, 480);
        compressor.process(&mut samples);
        assert_eq!(samples, sine(0.5, 480));
    }
}
