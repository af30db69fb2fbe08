//! Levels and loudness as meters show them.

use std::collections::VecDeque;

use ebur128::Mode;

/// The level of a sound, in dB relative to full scale, from [`Levels::SILENCE`] to about 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Levels {
    /// Root mean square over the last 300 ms, both channels together, dBFS.
    pub rms_db: f32,
    /// Highest absolute sample of the last thirtieth of a second, dBFS.
    pub peak_db: f32,
}

impl Levels {
    /// What silence reads: quieter than 16-bit sound can be.
    pub const SILENCE: Levels = Levels { rms_db: FLOOR_DB, peak_db: FLOOR_DB };
}

/// The levels of all sounds, and of what is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct SoundLevels {
    /// Of each sound, in the order of [`crate::SourcesConfig::sounds`], before muting: a meter shows that a muted microphone
    /// hears something.
    pub sounds: Vec<Levels>,
    /// Of the mix, as it is sent.
    pub mix: Levels,
    /// How loud the mix is to the ear.
    pub loudness: Loudness,
}

impl SoundLevels {
    /// Nothing has sounded yet.
    pub(crate) fn silence(sounds: usize) -> SoundLevels {
        let sounds = vec![Levels::SILENCE; sounds];
        SoundLevels { sounds, mix: Levels::SILENCE, loudness: Loudness::default() }
    }
}

/// Loudness by EBU R128, LUFS; `None` where there was only silence.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loudness {
    /// Over the last 400 ms.
    pub momentary_lufs: Option<f32>,
    /// Over the last 3 s.
    pub short_term_lufs: Option<f32>,
    /// Since the broadcast began, or since the sources were opened while there is none.
    pub integrated_lufs: Option<f32>,
}

/// Measures [`Loudness`] of stereo at 48 kHz.
pub(crate) struct LoudnessMeter {
    meter: Option<ebur128::EbuR128>,
    /// Values since the loudness was last worked out.
    values: usize,
    /// How often the momentary one was.
    momentary: u64,
    loudness: Loudness,
}

impl LoudnessMeter {
    pub(crate) fn new() -> LoudnessMeter {
        // The integrated loudness by a histogram: a broadcast of days takes no more memory than one of minutes.
        let mode = Mode::M | Mode::S | Mode::I | Mode::HISTOGRAM;
        let meter = ebur128::EbuR128::new(2, 48_000, mode);
        if let Err(error) = &meter {
            tracing::error!(%error, "loudness is not measured");
        }
        LoudnessMeter { meter: meter.ok(), values: 0, momentary: 0, loudness: Loudness::default() }
    }

    /// Forgets what it has heard.
    pub(crate) fn reset(&mut self) {
        if let Some(meter) = &mut self.meter {
            meter.reset();
        }
        (self.values, self.momentary, self.loudness) = (0, 0, Loudness::default());
    }

    /// Takes interleaved samples.
    pub(crate) fn take(&mut self, samples: &[f32]) {
        let Some(meter) = &mut self.meter else { return };
        if meter.add_frames_f32(samples).is_err() {
            return;
        }
        self.values += samples.len();
        if self.values >= LOUDNESS_VALUES {
            self.values = 0;
            let heard = |loudness: Result<f64, ebur128::Error>| {
                loudness.ok().map(|lufs| lufs as f32).filter(|&lufs| lufs > FLOOR_DB)
            };
            self.loudness.momentary_lufs = heard(meter.loudness_momentary());
            self.momentary += 1;
            if self.momentary.is_multiple_of(SHORT_TERM_EACH) {
                self.loudness.short_term_lufs = heard(meter.loudness_shortterm());
                self.loudness.integrated_lufs = heard(meter.loudness_global());
            }
        }
    }

    /// As of the last tenth of a second; all but the momentary loudness as of the last half.
    pub(crate) fn get(&self) -> Loudness {
        self.loudness
    }
}

/// Gathers samples into levels, one for each interval.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    squares: f64,
    peak: f32,
    values: usize,
    /// Mean squares of the last intervals, the newest last.
    means: VecDeque<f64>,
}

impl Meter {
    /// Takes interleaved samples; returns the levels when an interval is full.
    pub(crate) fn take(&mut self, samples: &[f32]) -> Option<Levels> {
        self.squares += samples.iter().map(|&sample| f64::from(sample) * f64::from(sample)).sum::<f64>();
        self.peak = samples.iter().fold(self.peak, |peak, sample| peak.max(sample.abs()));
        self.values += samples.len();
        if self.values < INTERVAL_VALUES {
            return None;
        }
        if self.means.len() == RMS_INTERVALS {
            self.means.pop_front();
        }
        self.means.push_back(self.squares / self.values as f64);
        let mean = self.means.iter().sum::<f64>() / self.means.len() as f64;
        let levels = Levels { rms_db: decibels(mean.sqrt() as f32), peak_db: decibels(self.peak) };
        (self.squares, self.peak, self.values) = (0.0, 0.0, 0);
        Some(levels)
    }
}

fn decibels(amplitude: f32) -> f32 {
    if amplitude > 0.0 { (20.0 * amplitude.log10()).max(FLOOR_DB) } else { FLOOR_DB }
}

const FLOOR_DB: f32 = -100.0;

/// A thirtieth of a second of stereo at 48 kHz and a little: at most 30 levels a second.
const INTERVAL_VALUES: usize = 2 * 48_000 / 30;

/// 300 ms, as long as a meter's bar shows.
const RMS_INTERVALS: usize = 9;

/// A tenth of a second: how often EBU Tech 3341 wants the momentary loudness new.
const LOUDNESS_VALUES: usize = 2 * 4_800;

/// The others go through three seconds of samples, for a number that changes slowly.
const SHORT_TERM_EACH: u64 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(sample: impl Fn(usize) -> f32) -> Levels {
        let samples: Vec<f32> = (0..INTERVAL_VALUES).map(sample).collect();
        Meter::default().take(&samples).expect("the interval is full")
    }

    #[test]
    fn a_full_scale_square_wave_reads_zero() {
        assert_eq!(
            measure(|index| if index % 2 == 0 { 1.0 } else { -1.0 }),
            Levels { rms_db: 0.0, peak_db: 0.0 }
        );
    }

    #[test]
    fn silence_reads_the_floor() {
        assert_eq!(measure(|_| 0.0), Levels::SILENCE);
    }

    #[test]
    fn a_sine_reads_three_decibels_below_its_peak() {
        let levels = measure(|index| (index as f32 * std::f32::consts::TAU / 64.0).sin() * 0.5);
        assert!((levels.peak_db + 6.02).abs() < 0.05, "{levels:?}");
        assert!((levels.rms_db + 9.03).abs() < 0.05, "{levels:?}");
    }

    #[test]
    fn there_are_at_most_thirty_levels_a_second() {
        let mut meter = Meter::default();
        let levels = (0..100).filter_map(|_| meter.take(&[0.1; 960])).count();
        assert!(levels <= 30, "{levels}");
    }

    #[test]
    fn the_bar_follows_the_last_300_ms_and_the_peak_the_last_interval() {
        let mut meter = Meter::default();
        let mut last = Levels::SILENCE;
        for value in [0.5; 9].into_iter().chain([0.0; 9]) {
            last = meter.take(&vec![value; INTERVAL_VALUES]).expect("an interval");
            if value == 0.0 {
                assert_eq!(last.peak_db, Levels::SILENCE.peak_db);
            }
        }
        assert_eq!(last, Levels::SILENCE);
    }

    fn sine(amplitude: f32, seconds: usize) -> Vec<f32> {
        let turn = std::f32::consts::TAU * 1_000.0 / 48_000.0;
        (0..48_000 * seconds).flat_map(|at| [((at % 48) as f32 * turn).sin() * amplitude; 2]).collect()
    }

    #[test]
    fn a_tone_of_minus_20_dbfs_on_both_channels_is_minus_20_lufs() {
        let mut meter = LoudnessMeter::new();
        sine(0.1, 5).chunks(960).for_each(|block| meter.take(block));
        let Loudness { momentary_lufs, short_term_lufs, integrated_lufs } = meter.get();
        for lufs in [momentary_lufs, short_term_lufs, integrated_lufs] {
            assert!((lufs.expect("it sounds") - -20.0).abs() < 0.1, "{lufs:?}");
        }
    }

    #[test]
    fn pauses_do_not_count_and_silence_has_no_loudness() {
        let mut meter = LoudnessMeter::new();
        meter.take(&vec![0.0; 48_000 * 2 * 5]);
        assert_eq!(meter.get(), Loudness::default());
        // What a filter has left of a sound: -160 dBFS.
        meter.take(&sine(1e-8, 5));
        assert_eq!(meter.get(), Loudness::default());
        sine(0.1, 5).chunks(960).for_each(|block| meter.take(block));
        meter.take(&vec![0.0; 48_000 * 2 * 5]);
        let loudness = meter.get();
        assert_eq!(loudness.momentary_lufs, None);
        assert!((loudness.integrated_lufs.expect("it sounded") - -20.0).abs() < 0.5, "{loudness:?}");
        meter.reset();
        assert_eq!(meter.get(), Loudness::default());
    }
}
