//! Sound as numbers: read by FFmpeg, recorded from a browser, and compared.

use std::path::Path;
use std::process::Command;

use rustfft::FftPlanner;
use rustfft::num_complex::Complex;
use serde_json::json;

use super::browser::Session;
use super::wait::{seconds, until};

/// Samples a second at which sounds are compared: all of a voice's consonants are below half of it.
pub const RATE: usize = 8000;
/// How much faster a player may play to catch up, per cent; the watch page allows eight.
const SPEEDS: usize = 10;

/// One sound, mono, [`RATE`] samples a second.
#[derive(Clone, Debug, Default)]
pub struct Sound(pub Vec<f32>);

impl Sound {
    /// Reads a file.
    ///
    /// # Panics
    /// When FFmpeg cannot read it.
    pub fn read(file: &Path) -> Sound {
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-v", "error"]);
        command.arg("-i").arg(file).args(["-vn", "-ac", "1", "-ar", &RATE.to_string(), "-f", "f32le", "-"]);
        let output = command.output().expect("ffmpeg starts");
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "ffmpeg cannot read {}: {complaints}", file.display());
        let sample = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().expect("four bytes"));
        Sound(output.stdout.chunks_exact(4).map(sample).collect())
    }

    /// Its length.
    pub fn seconds(&self) -> f64 {
        self.0.len() as f64 / RATE as f64
    }

    /// A stretch of it, in seconds.
    pub fn stretch(&self, from: f64, length: f64) -> Sound {
        let at = |second: f64| ((second * RATE as f64) as usize).min(self.0.len());
        Sound(self.0[at(from)..at(from + length)].to_vec())
    }

    /// The loudest correlation, 0 to 1, of this sound with any equally long stretch of `other`.
    pub fn correlation(&self, other: &Sound) -> f64 {
        best(&self.0, &other.0).1
    }
}

impl Sound {
    /// How well the loudness of this sound, as it rises and falls with the syllables, fits a stretch of `other`: -1 to 1.
    ///
    /// A player that catches up with the live edge plays faster and keeps the pitch. That moves every sample, so
    /// the words are compared and not the waves, at each speed that a player may choose.
    pub fn syllables(&self, other: &Sound) -> f64 {
        let (own, whole) = (loudness(&self.0), loudness(&other.0));
        let speeds = (0..=SPEEDS).map(|step| 1.0 + step as f64 / 100.0);
        speeds.map(|speed| fit(&at_speed(&own, speed), &whole)).fold(-1.0, f64::max)
    }
}

/// The loudness of each hundredth of a second.
fn loudness(samples: &[f32]) -> Vec<f64> {
    let power = |chunk: &[f32]| chunk.iter().map(|it| f64::from(it * it)).sum::<f64>() / chunk.len() as f64;
    samples.chunks_exact(RATE / 100).map(|chunk| power(chunk).sqrt()).collect()
}

/// `values` as they would be had the sound been played slower by `speed`.
fn at_speed(values: &[f64], speed: f64) -> Vec<f64> {
    let length = (values.len() as f64 * speed) as usize;
    (0..length).map(|at| values[((at as f64 / speed) as usize).min(values.len() - 1)]).collect()
}

/// Pearson's correlation of `small` with the stretch of `large` that it fits best.
fn fit(small: &[f64], large: &[f64]) -> f64 {
    let centred = |values: &[f64]| {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        values.iter().map(|it| it - mean).collect::<Vec<_>>()
    };
    let power = |values: &[f64]| values.iter().map(|it| it * it).sum::<f64>();
    let own = centred(small);
    let correlation = |stretch: &[f64]| {
        let other = centred(stretch);
        let product: f64 = own.iter().zip(&other).map(|(a, b)| a * b).sum();
        let scale = (power(&own) * power(&other)).sqrt();
        if scale > 0.0 { product / scale } else { 0.0 }
    };
    large.windows(small.len().max(1)).map(correlation).fold(-1.0, f64::max)
}

/// The offset into `large` at which `small` fits best, and their normalised correlation there.
pub fn best(small: &[f32], large: &[f32]) -> (usize, f64) {
    let own: f64 = small.iter().map(|it| f64::from(it * it)).sum();
    // Sums of squares up to each sample, so that the power of any stretch is a difference.
    let mut sums = vec![0.0];
    for sample in large {
        sums.push(sums[sums.len() - 1] + f64::from(sample * sample));
    }
    let products = products(small, large);
    let found = (0..=large.len().saturating_sub(small.len())).map(|offset| {
        let scale = (own * (sums[offset + small.len()] - sums[offset])).sqrt();
        (offset, if scale > 0.0 { products[offset].abs() / scale } else { 0.0 })
    });
    found.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
}

/// The sum of the products of `small` with `large` at each offset into it, by way of their spectra.
fn products(small: &[f32], large: &[f32]) -> Vec<f64> {
    let size = (small.len() + large.len()).next_power_of_two();
    let mut planner = FftPlanner::<f64>::new();
    let (forward, back) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
    let spectrum = |samples: &[f32]| {
        let mut spectrum: Vec<_> = samples.iter().map(|it| Complex::new(f64::from(*it), 0.0)).collect();
        spectrum.resize(size, Complex::default());
        forward.process(&mut spectrum);
        spectrum
    };
    let mut both = spectrum(large);
    both.iter_mut().zip(spectrum(small)).for_each(|(large, small)| *large *= small.conj() / size as f64);
    back.process(&mut both);
    both.into_iter().map(|product| product.re).collect()
}

#[test]
fn a_stretch_is_found_at_whatever_sample_it_begins() {
    let Some(spoken) = super::environment::clip("jfk_speech.flac") else { return };
    let spoken = Sound::read(&spoken);
    for first in 0..8 {
        for second in [0.5, 3.0, 5.5, 7.5] {
            let from = (second * RATE as f64) as usize + first;
            let found = Sound(spoken.0[from..from + 3 * RATE].to_vec()).correlation(&spoken);
            assert!(found > 0.999, "from sample {from} on: {found}");
        }
    }
}

/// Records what a page's video element plays, after the browser decoded it, for some seconds.
///
/// # Panics
/// When the page plays nothing, or too slowly.
pub async fn record(session: &Session, length: f64) -> Sound {
    let begin = "
        const video = document.querySelector('video');
        const context = new AudioContext({ sampleRate: arguments[0] });
        const source = context.createMediaElementSource(video);
        const tap = context.createScriptProcessor(4096, 2, 1);
        const recording = (window.__recording = { rate: context.sampleRate, chunks: [], samples: 0 });
        tap.onaudioprocess = ({ inputBuffer }) => {
            const left = inputBuffer.getChannelData(0);
            const right = inputBuffer.getChannelData(1);
            recording.chunks.push(left.map((sample, i) => (sample + right[i]) / 2));
            recording.samples += left.length;
        };
        source.connect(tap);
        tap.connect(context.destination);
        context.resume();";
    session.run(begin, vec![json!(RATE)]).await;
    until("the browser's sound", seconds(length as u64 * 2 + 10), async || {
        let told = session.run("return __recording.samples / __recording.rate", vec![]).await;
        told.as_f64().is_some_and(|recorded| recorded >= length).then_some(())
    })
    .await;
    // One text for all: a WebDriver call costs far more than its contents.
    let all = "return __recording.chunks.flatMap((chunk) => [...chunk].map((it) => Math.round(it * 32768))).join(' ')";
    let samples = session.run(all, vec![]).await;
    let samples =
        samples.as_str().expect("a text").split(' ').filter_map(|sample| sample.parse::<f32>().ok());
    Sound(samples.map(|sample| sample / 32768.0).collect())
}

#[cfg(test)]
mod tests {
    use super::{RATE, Sound};
    use rand::{Rng, SeedableRng, rngs::StdRng};

    fn noise(seed: u64, seconds: usize) -> Sound {
        let mut random = StdRng::seed_from_u64(seed);
        Sound((0..seconds * RATE).map(|_| random.random_range(-0.5..0.5)).collect())
    }

    /// Bursts of noise and pauses of random lengths, as syllables are.
    fn babble(seed: u64, seconds: usize) -> Sound {
        let mut random = StdRng::seed_from_u64(seed);
        let mut samples = Vec::new();
        while samples.len() < seconds * RATE {
            let loud = random.random_range(0.0..0.5);
            let length = random.random_range(RATE / 20..RATE / 4);
            samples.extend((0..length).map(|_| random.random_range(-loud..=loud)));
        }
        Sound(samples)
    }

    #[test]
    fn syllables_are_known_again_at_another_speed_and_others_are_not() {
        let whole = babble(1, 12);
        let hurried =
            Sound(whole.0.iter().enumerate().filter(|(at, _)| at % 20 != 0).map(|(_, it)| *it).collect());
        assert!(hurried.stretch(2.0, 6.0).syllables(&whole) > 0.9);
        assert!(babble(2, 6).syllables(&whole) < 0.6);
    }

    #[test]
    fn a_stretch_of_a_sound_correlates_with_it_and_another_sound_does_not() {
        let whole = noise(1, 3);
        assert!(whole.stretch(1.1, 1.0).correlation(&whole) > 0.99);
        assert!(noise(2, 1).correlation(&whole) < 0.3);
    }
}
