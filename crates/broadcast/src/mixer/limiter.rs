//! No peak above a level.

use std::collections::VecDeque;

use super::ramp::{Ramp, factor};
use super::true_peak::{TAPS, TruePeak};
use super::{CHANNELS, FRAMES_PER_SECOND};

/// Lowers the sound before a peak that would pass the ceiling, both channels alike.
///
/// It looks 5 ms ahead: what it holds is not yet given out, so the sound keeps its time. The gain of each frame is the mean
/// of the least gains that its neighbourhood needs, so it falls and rises without a corner. Peaks between two samples
/// count too, as [`TruePeak`] sees them, since a player's converter makes them.
#[derive(Debug)]
pub(crate) struct Limiter {
    /// Amplitude; infinite is off.
    ceiling: f32,
    /// Frames that came in and have not gone out.
    held: VecDeque<[f32; CHANNELS]>,
    meter: TruePeak,
    /// Frames taken in.
    count: u64,
    /// What frames need, rising, the least of the window first: the frame's number and its gain.
    needs: VecDeque<(u64, u32)>,
    /// The same after the release, of each frame of the window, and their sum.
    gains: VecDeque<u32>,
    sum: u64,
    released: f64,
    /// How much of that gain is applied: what has sounded without it is not lowered at one blow.
    share: Ramp,
}

impl Limiter {
    /// No peak passes this level, dBFS, from the first sample on; `None` is off.
    pub(crate) fn new(ceiling_db: Option<f32>) -> Limiter {
        Limiter {
            ceiling: ceiling(ceiling_db),
            held: VecDeque::new(),
            meter: TruePeak::default(),
            count: 0,
            needs: VecDeque::new(),
            gains: std::iter::repeat_n(UNITY, WINDOW).collect(),
            sum: UNITY_SUM,
            released: 1.0,
            share: Ramp::new(1.0),
        }
    }

    /// What no peak passes, dBFS; `None` ends it. Where nothing was limited it sets in within 10 ms.
    pub(crate) fn set(&mut self, ceiling_db: Option<f32>) {
        if self.is_idle() {
            self.share = Ramp::new(0.0);
        }
        self.share.set(1.0);
        self.ceiling = ceiling(ceiling_db);
    }

    /// Whether it lets everything through at once.
    pub(crate) fn is_idle(&self) -> bool {
        self.ceiling.is_infinite() && self.held.is_empty()
    }

    /// Takes interleaved samples, and appends to `out` what is done.
    pub(crate) fn process(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        if self.is_idle() {
            out.extend_from_slice(samples);
            return;
        }
        for frame in samples.as_chunks::<CHANNELS>().0 {
            self.held.push_back(*frame);
            let peak = self.meter.take(*frame);
            let need = if peak > self.ceiling { f64::from(self.ceiling / peak) } else { 1.0 };
            self.take((need * f64::from(UNITY)) as u32);
            if self.held.len() > LATENCY {
                // 1 exactly while nothing is limited.
                let gain = (self.sum as f64 / UNITY_SUM as f64) as f32;
                let gain = 1.0 + (gain - 1.0) * self.share.step();
                out.extend(self.held.pop_front().unwrap_or_default().map(|sample| sample * gain));
            }
        }
        if self.ceiling.is_infinite() && self.sum == UNITY_SUM {
            out.extend(self.held.drain(..).flatten());
            *self = Limiter::new(None);
        }
    }

    fn take(&mut self, need: u32) {
        self.count += 1;
        while self.needs.back().is_some_and(|&(_, gain)| gain >= need) {
            self.needs.pop_back();
        }
        self.needs.push_back((self.count, need));
        if self.needs.front().is_some_and(|&(number, _)| number + LEAST_OF as u64 <= self.count) {
            self.needs.pop_front();
        }
        let least = self.needs.front().map_or(UNITY, |&(_, gain)| gain);
        self.released += (1.0 - self.released) * RELEASE;
        // Switched off it is at rest as soon as the window is through.
        if self.released > DONE || self.ceiling.is_infinite() {
            self.released = 1.0;
        }
        self.released = self.released.min(f64::from(least) / f64::from(UNITY));
        let gain = (self.released * f64::from(UNITY)) as u32;
        self.sum += u64::from(gain);
        self.sum -= u64::from(self.gains.pop_front().unwrap_or(UNITY));
        self.gains.push_back(gain);
    }
}

/// As an amplitude, a little below it; infinite for none.
fn ceiling(db: Option<f32>) -> f32 {
    db.map_or(f32::INFINITY, |db| factor(db - MARGIN_DB))
}

/// What meters of the same standard differ by, and what a gain that moves does to a peak between two samples.
const MARGIN_DB: f32 = 0.1;

/// 5 ms: a gain that falls within it makes no click, and nobody hears that it fell before the peak.
const WINDOW: usize = 240;

/// Frames of which the least gain counts: around a peak it is the same for all frames that the peak is made of.
const LEAST_OF: usize = WINDOW + TAPS;

/// Frames that are held: those of the window, and those from the first that a peak is made of to the newest.
const LATENCY: usize = WINDOW - 1 + TAPS;

/// Gains are whole numbers, so that their sum never drifts.
const UNITY: u32 = 1 << 30;

const UNITY_SUM: u64 = UNITY as u64 * WINDOW as u64;

/// 100 ms: faster would be heard as distortion of low tones.
const RELEASE: f64 = 1.0 / (0.1 * FRAMES_PER_SECOND as f64);

/// The last ten-thousandth is one step, below the rounding of 16 bits.
const DONE: f64 = 0.999_99;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limit(samples: &[f32], block: usize) -> Vec<f32> {
        let mut limiter = Limiter::new(Some(-1.0));
        let mut out = Vec::new();
        samples.chunks(block * CHANNELS).for_each(|block| limiter.process(block, &mut out));
        out
    }

    /// As two meters of the standard read it, the higher of both: that of the loudness library, and ours.
    fn true_peak_db(samples: &[f32]) -> f64 {
        let mut meter = ebur128::EbuR128::new(2, 48_000, ebur128::Mode::TRUE_PEAK).expect("a sound mode");
        meter.add_frames_f32(samples).expect("whole frames");
        let read = meter.true_peak(0).expect("measured").max(meter.true_peak(1).expect("measured"));
        let mut ours = TruePeak::default();
        let frames = samples.as_chunks::<CHANNELS>().0.iter();
        let peak = frames.map(|&frame| ours.take(frame)).fold(0.0, f32::max);
        20.0 * read.max(peak.into()).log10()
    }

    #[test]
    fn what_stays_below_is_not_changed_and_keeps_its_place() {
        let quiet: Vec<f32> = (0..9_600).flat_map(|at| [(at as f32 * 0.2).sin() * 0.8; 2]).collect();
        let out = limit(&quiet, 480);
        assert_eq!(out.len(), quiet.len() - LATENCY * CHANNELS);
        assert_eq!(out, quiet[..out.len()]);
    }

    #[test]
    fn a_loud_tone_is_lowered_evenly() {
        let loud: Vec<f32> = (0..48_000).flat_map(|at| [(at as f32 * 0.131).sin() * 3.0; 2]).collect();
        let out = limit(&loud, 441);
        let late = &out[48_000..];
        let peak = late.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        assert!(peak > 0.85 && peak <= factor(-1.0), "{peak}");
        assert!(true_peak_db(&out) < -1.0, "{}", true_peak_db(&out));
    }

    #[test]
    fn switched_off_it_gives_out_all_it_holds() {
        let mut limiter = Limiter::new(Some(-6.0));
        let mut out = Vec::new();
        let loud: Vec<f32> = (0..4_800).flat_map(|at| [(at as f32 * 0.1).sin(); 2]).collect();
        limiter.process(&loud, &mut out);
        limiter.set(None);
        let rest: Vec<f32> = (4_800..200_000).flat_map(|at| [(at as f32 * 0.1).sin(); 2]).collect();
        limiter.process(&rest, &mut out);
        assert!(limiter.is_idle());
        assert_eq!(out.len(), loud.len() + rest.len());
        assert_eq!(out[out.len() - 9_600..], rest[rest.len() - 9_600..]);
    }

    /// Tones of any height and loudness, one after the other without a fade, and clicks among them.
    fn bursts() -> impl Strategy<Value = Vec<f32>> {
        let burst = (0.0_f32..8.0, 0.001_f32..3.1, 0.0_f32..6.3, 50_usize..900, any::<bool>());
        prop::collection::vec(burst, 1..12).prop_map(|bursts| {
            let samples = bursts.into_iter().flat_map(|(amplitude, step, phase, frames, clicks)| {
                (0..frames).flat_map(move |at| {
                    let sample = (at as f32).mul_add(step, phase).sin() * amplitude;
                    [
                        sample,
                        if clicks && at % 97 == 0 { amplitude } else { amplitude / 2.0 * sample.signum() },
                    ]
                })
            });
            let mut samples: Vec<f32> = samples.collect();
            // What is held comes out.
            samples.resize(samples.len() + LATENCY * CHANNELS, 0.0);
            samples
        })
    }

    #[test]
    fn a_tone_whose_peaks_lie_between_its_samples_is_held_there() {
        // A quarter of the sample rate, sampled beside its peaks: its samples are 3 dB lower than they.
        let tone = (0..48_000).flat_map(|at| [(std::f32::consts::FRAC_PI_2 * (at as f32 + 0.5)).sin(); 2]);
        let out = limit(&tone.collect::<Vec<_>>(), 480);
        let read = true_peak_db(&out);
        assert!((-1.4..=-1.0).contains(&read), "{read}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_true_peak_passes_minus_one_dbtp(samples in bursts(), block in 1_usize..700) {
            let out = limit(&samples, block);
            let peak = out.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            prop_assert!(peak <= factor(-1.0), "{peak}");
            let read = true_peak_db(&out);
            prop_assert!(read <= -1.0, "{read}");
        }
    }
}
