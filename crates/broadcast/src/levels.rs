//! Loudness as a meter shows it.

/// The level of the sound that is captured, in dB relative to full scale, from [`Levels::SILENCE`] to about 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Levels {
    /// Root mean square over the last interval, both channels together, dBFS.
    pub rms_db: f32,
    /// Highest absolute sample of the last interval, dBFS.
    pub peak_db: f32,
}

impl Levels {
    /// What silence reads: quieter than 16-bit sound can be.
    pub const SILENCE: Levels = Levels { rms_db: FLOOR_DB, peak_db: FLOOR_DB };
}

/// Gathers samples into levels of one interval each.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    squares: f64,
    peak: f32,
    values: usize,
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
        let rms = (self.squares / self.values as f64).sqrt() as f32;
        let levels = Levels { rms_db: decibels(rms), peak_db: decibels(self.peak) };
        *self = Meter::default();
        Some(levels)
    }
}

fn decibels(amplitude: f32) -> f32 {
    if amplitude > 0.0 { (20.0 * amplitude.log10()).max(FLOOR_DB) } else { FLOOR_DB }
}

const FLOOR_DB: f32 = -100.0;

/// A thirtieth of a second of stereo at 48 kHz and a little: at most 30 levels a second.
const INTERVAL_VALUES: usize = 2 * 48_000 / 30;

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
}
