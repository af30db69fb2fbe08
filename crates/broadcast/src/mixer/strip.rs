//! What is done to one sound before it is mixed.

use std::sync::Arc;

use super::compressor::Compressor;
use super::delay::Delay;
use super::limiter::Limiter;
use super::noise::Noise;
use super::ramp::{Ramp, factor};
use super::{FRAMES_PER_SECOND, SoundSettings};
use crate::Levels;
use crate::levels::Meter;

/// One channel strip. Sans-IO.
///
/// Takes the gap-free line of one source, and gives it out again, treated. Some stages hold samples back; they never drop
/// or add one, so the place of each sample follows from counting.
pub(crate) struct Strip {
    settings: SoundSettings,
    noise: Noise,
    compressor: Compressor,
    gain: Ramp,
    limiter: Limiter,
    meter: Meter,
    /// Whether it is heard, as a factor.
    heard: Ramp,
    delay: Delay,
}

impl Strip {
    /// Begins with these settings at once.
    pub(crate) fn new(settings: SoundSettings, heard: bool) -> Strip {
        let mut strip = Strip {
            noise: Noise::new(),
            compressor: Compressor::new(),
            gain: Ramp::new(factor(settings.gain_db)),
            limiter: Limiter::new(settings.limit_to_db),
            meter: Meter::default(),
            heard: Ramp::new(if heard { 1.0 } else { 0.0 }),
            delay: Delay::new(),
            settings: SoundSettings::default(),
        };
        strip.set(&settings, heard);
        strip
    }

    /// From the next sample on; `heard` is false while it is muted or another one is alone.
    pub(crate) fn set(&mut self, settings: &SoundSettings, heard: bool) {
        self.heard.set(if heard { 1.0 } else { 0.0 });
        // Again each time: it takes a new delay only after the fade to the one before.
        self.delay.set((settings.delay.as_secs_f32() * FRAMES_PER_SECOND) as usize);
        if self.settings == *settings {
            return;
        }
        self.noise.set(settings.noise_suppression);
        self.compressor.set(settings.compress_above_db);
        self.gain.set(factor(settings.gain_db));
        self.limiter.set(settings.limit_to_db);
        self.settings = settings.clone();
    }

    /// Takes interleaved samples; returns what is done, the same memory where nothing is to do. The meter reads what would
    /// be heard, so that a muted microphone shows that it hears something.
    pub(crate) fn process(&mut self, samples: Arc<[f32]>) -> (Arc<[f32]>, Option<Levels>) {
        let resting = self.noise.is_idle()
            && self.compressor.is_idle()
            && self.gain.rests_at(1.0)
            && self.limiter.is_idle()
            && self.heard.rests_at(1.0)
            && self.delay.is_idle();
        if resting {
            let levels = self.meter.take(&samples);
            return (samples, levels);
        }
        let mut cleaned = Vec::with_capacity(samples.len());
        self.noise.process(&samples, &mut cleaned);
        self.compressor.process(&mut cleaned);
        self.gain.apply(&mut cleaned);
        let mut done = Vec::with_capacity(cleaned.len());
        self.limiter.process(&cleaned, &mut done);
        let levels = self.meter.take(&done);
        self.heard.apply(&mut done);
        self.delay.process(&mut done);
        (done.into(), levels)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// What a strip makes of `samples` in blocks of 10 ms, with settings that change.
    fn run(samples: &[f32], settings: impl Fn(usize) -> SoundSettings) -> Vec<f32> {
        let mut strip = Strip::new(settings(0), !settings(0).muted);
        let mut out = Vec::new();
        for (number, block) in samples.chunks(960).enumerate() {
            strip.set(&settings(number), !settings(number).muted);
            out.extend_from_slice(&strip.process(block.into()).0);
        }
        out
    }

    fn tone(frames: usize, amplitude: f32) -> Vec<f32> {
        (0..frames).flat_map(|at| [(at as f32 * 0.03).sin() * amplitude; 2]).collect()
    }

    /// The largest step from sample to sample of one channel.
    fn roughest(samples: &[f32]) -> f32 {
        let left: Vec<f32> = samples.chunks_exact(2).map(|frame| frame[0]).collect();
        left.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn default_settings_hand_on_the_very_same_memory() {
        let samples: Arc<[f32]> = tone(480, 1.0).into();
        let (out, _) = Strip::new(SoundSettings::default(), true).process(Arc::clone(&samples));
        assert!(Arc::ptr_eq(&samples, &out));
    }

    #[test]
    fn gain_is_exact() {
        let quieter = |_| SoundSettings { gain_db: -6.0, ..SoundSettings::default() };
        let samples = tone(4_800, 0.5);
        let factor = 10.0_f32.powf(-6.0 / 20.0);
        let expected: Vec<f32> = samples.iter().map(|sample| sample * factor).collect();
        assert_eq!(run(&samples, quieter), expected);
    }

    #[test]
    fn no_change_clicks_and_no_sample_is_lost() {
        let changed = [
            SoundSettings { gain_db: -20.0, ..SoundSettings::default() },
            SoundSettings { muted: true, ..SoundSettings::default() },
            SoundSettings { noise_suppression: true, ..SoundSettings::default() },
            SoundSettings { compress_above_db: Some(-30.0), ..SoundSettings::default() },
            SoundSettings { limit_to_db: Some(-12.0), ..SoundSettings::default() },
            SoundSettings { delay: Duration::from_millis(300), ..SoundSettings::default() },
        ];
        let samples = tone(48_000, 0.5);
        for settings in changed {
            let out = run(&samples, |block| {
                if (30..60).contains(&block) { settings.clone() } else { SoundSettings::default() }
            });
            assert_eq!(out.len(), samples.len(), "{settings:?}");
            // A step that is no click: the tone's own, raised by what the compressor adds.
            assert!(roughest(&out) < roughest(&samples) * 4.0, "{settings:?}: {}", roughest(&out));
            assert_eq!(out[out.len() - 9_600..], samples[samples.len() - 9_600..], "{settings:?}");
        }
    }

    #[test]
    fn a_muted_sound_is_silent_and_its_meter_still_moves() {
        let mut strip = Strip::new(SoundSettings::default(), false);
        let (out, levels) = strip.process(tone(4_800, 0.5).into());
        assert!(out.iter().all(|&sample| sample == 0.0));
        assert!((levels.expect("an interval is over").peak_db - -6.0).abs() < 0.1);
    }
}
