//! Sound as numbers: read by FFmpeg, recorded from a browser, and compared.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::browser::Session;
use super::wait::{seconds, until};

/// Samples a second at which sounds are compared: all of a voice's consonants are below half of it.
pub const RATE: usize = 8000;
/// How much lower the rate of the first, rough search is.
const ROUGH: usize = 4;

/// One sound, mono, [`RATE`] samples a second.
#[derive(Clone, Debug, Default)]
pub struct Sound(pub Vec<f32>);

impl Sound {
    /// Reads a file; `raw` is the sample rate of one without a header, mono 32-bit floats.
    ///
    /// # Panics
    /// When FFmpeg cannot read it.
    pub fn read(file: &Path, raw: Option<u32>) -> Sound {
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-v", "error"]);
        if let Some(rate) = raw {
            command.args(["-f", "f32le", "-ac", "1", "-ar", &rate.to_string()]);
        }
        command.arg("-i").arg(file).args(["-vn", "-ac", "1", "-ar", &RATE.to_string(), "-f", "f32le", "-"]);
        let output = command.output().expect("ffmpeg starts");
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "ffmpeg cannot read {}: {complaints}", file.display());
        let sample = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().expect("four bytes"));
        Sound(output.stdout.chunks_exact(4).map(sample).collect())
    }

    /// A stretch of it, in seconds.
    pub fn stretch(&self, from: f64, length: f64) -> Sound {
        let at = |second: f64| ((second * RATE as f64) as usize).min(self.0.len());
        Sound(self.0[at(from)..at(from + length)].to_vec())
    }

    /// The loudest correlation, 0 to 1, of this sound with any equally long stretch of `other`.
    ///
    /// A search at a lower rate finds the place, and only its surroundings are searched at the full rate.
    pub fn correlation(&self, other: &Sound) -> f64 {
        let (small, large) = (rough(&self.0), rough(&other.0));
        let place = best(&small, &large, 0..large.len().saturating_sub(small.len())).0 * ROUGH;
        let end = other.0.len().saturating_sub(self.0.len());
        best(&self.0, &other.0, place.saturating_sub(2 * ROUGH)..(place + 2 * ROUGH).min(end)).1
    }
}

fn rough(samples: &[f32]) -> Vec<f32> {
    samples.chunks(ROUGH).map(|chunk| chunk.iter().sum::<f32>() / chunk.len() as f32).collect()
}

/// The offset into `large` at which `small` fits best, and their normalised correlation there.
fn best(small: &[f32], large: &[f32], offsets: std::ops::Range<usize>) -> (usize, f64) {
    let power = |samples: &[f32]| samples.iter().map(|it| f64::from(it * it)).sum::<f64>();
    let own = power(small);
    let correlation = |offset: usize| {
        let there = &large[offset..offset + small.len()];
        let product: f64 = small.iter().zip(there).map(|(a, b)| f64::from(a * b)).sum();
        let scale = (own * power(there)).sqrt();
        if scale > 0.0 { product.abs() / scale } else { 0.0 }
    };
    offsets.map(|offset| (offset, correlation(offset))).max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
}

/// Records what a page's video element plays, after the browser decoded it, for some seconds.
///
/// # Panics
/// When the page plays nothing, or too slowly.
pub async fn record(session: &Session, length: f64, folder: &Path) -> Sound {
    let begin = "
        const video = document.querySelector('video');
        const context = new AudioContext();
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
    session.run(begin, vec![]).await;
    until("the browser's sound", seconds(length as u64 * 2 + 10), async || {
        let told = session.run("return __recording.samples / __recording.rate", vec![]).await;
        told.as_f64().is_some_and(|recorded| recorded >= length).then_some(())
    })
    .await;
    let rate = session.run("return __recording.rate", vec![]).await.as_f64().expect("a sample rate") as u32;
    let chunks = session.run("return __recording.chunks.length", vec![]).await.as_u64().expect("a number");
    let mut bytes = Vec::new();
    for chunk in 0..chunks {
        let script = "return [...__recording.chunks[arguments[0]]]";
        let samples = session.run(script, vec![json!(chunk)]).await;
        let samples = samples.as_array().expect("samples").iter().map(|it| it.as_f64().unwrap_or(0.0) as f32);
        bytes.extend(samples.flat_map(f32::to_le_bytes));
    }
    let raw = folder.join("received.f32");
    std::fs::write(&raw, bytes).expect("a temporary folder can be written");
    Sound::read(&raw, Some(rate))
}

#[cfg(test)]
mod tests {
    use super::{RATE, Sound};
    use rand::{Rng, SeedableRng, rngs::StdRng};

    fn noise(seed: u64, seconds: usize) -> Sound {
        let mut random = StdRng::seed_from_u64(seed);
        Sound((0..seconds * RATE).map(|_| random.random_range(-0.5..0.5)).collect())
    }

    #[test]
    fn a_stretch_of_a_sound_correlates_with_it_and_another_sound_does_not() {
        let whole = noise(1, 3);
        assert!(whole.stretch(1.1, 1.0).correlation(&whole) > 0.99);
        assert!(noise(2, 1).correlation(&whole) < 0.3);
    }
}
