//! How high the sound is between its samples.

use std::f64::consts::PI;
use std::sync::LazyLock;

use super::CHANNELS;

/// What a player's converter makes of the samples, four times as finely. Sans-IO.
///
/// The standard gives a filter, and allows others; near half of the sample rate they read differently by tenths of a dB. So the
/// higher of two counts: the standard's own, and the windowed sinc that the usual meters take.
///
/// Spec: ITU-R BS.1770-4, annex 2.
#[derive(Clone, Debug, Default)]
pub(crate) struct TruePeak {
    /// The last frames, the newest last.
    near: [[f32; CHANNELS]; TAPS],
}

impl TruePeak {
    /// Takes the next frame; the highest amplitude of all channels around the frame [`AROUND`] before it.
    pub(crate) fn take(&mut self, frame: [f32; CHANNELS]) -> f32 {
        self.near.rotate_left(1);
        self.near[TAPS - 1] = frame;
        let mut peak = 0.0_f32;
        for channel in 0..CHANNELS {
            let between = |phase: &[f32; TAPS]| {
                self.near.iter().zip(phase).map(|(frame, tap)| frame[channel] * tap).sum::<f32>().abs()
            };
            peak = PHASES.iter().chain(&*SINC).map(between).fold(peak, f32::max);
            peak = peak.max(self.near[TAPS - 1 - AROUND][channel].abs());
        }
        peak
    }
}

/// Frames that one look takes in.
pub(crate) const TAPS: usize = 12;

/// What is looked at lies on both sides of the frame so many before the newest.
const AROUND: usize = TAPS / 2;

/// The four phases of the standard's filter, from a quarter of a sample to the next.
const PHASES: [[f32; TAPS]; 4] = [
    [
        0.001_708_984_4,
        0.010_986_328,
        -0.019_653_32,
        0.033_203_125,
        -0.059_448_242,
        0.137_329_1,
        0.972_167_97,
        -0.102_294_92,
        0.047_607_42,
        -0.026_611_328,
        0.014_892_578,
        -0.008_300_781,
    ],
    [
        -0.029_174_805,
        0.029_296_875,
        -0.051_757_813,
        0.089_111_33,
        -0.166_503_9,
        0.465_087_9,
        0.779_785_16,
        -0.200_317_38,
        0.101_562_5,
        -0.058_227_54,
        0.033_081_055,
        -0.018_920_898,
    ],
    [
        -0.018_920_898,
        0.033_081_055,
        -0.058_227_54,
        0.101_562_5,
        -0.200_317_38,
        0.779_785_16,
        0.465_087_9,
        -0.166_503_9,
        0.089_111_33,
        -0.051_757_813,
        0.029_296_875,
        -0.029_174_805,
    ],
    [
        -0.008_300_781,
        0.014_892_578,
        -0.026_611_328,
        0.047_607_42,
        -0.102_294_92,
        0.972_167_97,
        0.137_329_1,
        -0.059_448_242,
        0.033_203_125,
        -0.019_653_32,
        0.010_986_328,
        0.001_708_984_4,
    ],
];

/// A sinc below a Hann window at a quarter, half and three quarters of a sample.
static SINC: LazyLock<[[f32; TAPS]; 3]> = LazyLock::new(|| {
    std::array::from_fn(|phase| {
        std::array::from_fn(|tap| {
            let quarters = (tap * 4 + phase + 1) as f64;
            let sinc = (quarters - (TAPS * 2) as f64) * PI / 4.0;
            let window = (quarters * PI / (TAPS * 4) as f64).sin().powi(2);
            (sinc.sin() / sinc * window) as f32
        })
    })
});

#[cfg(test)]
mod tests {
    use super::*;

    fn peak(samples: impl Iterator<Item = f32>) -> f32 {
        let mut meter = TruePeak::default();
        samples.map(|sample| meter.take([sample, 0.0])).fold(0.0, f32::max)
    }

    #[test]
    fn a_peak_between_two_samples_is_seen() {
        // A quarter of the sample rate, sampled 45° beside its peaks: no sample is above 0.707.
        let tone = (0..960).map(|at| (std::f32::consts::FRAC_PI_2 * (at as f32 + 0.5)).sin());
        // Not while the tone sets in, which is an overshoot of its own.
        let faded = tone.enumerate().map(|(at, sample)| sample * (at as f32 / 400.0).min(1.0));
        let peak = peak(faded);
        assert!((20.0 * peak.log10()).abs() < 0.3, "{peak}");
    }

    #[test]
    fn a_single_sample_is_its_own_peak() {
        let peak = peak((0..40).map(|at| if at == 7 { -0.8 } else { 0.0 }));
        assert!((0.8..0.801).contains(&peak), "{peak}");
    }
}
