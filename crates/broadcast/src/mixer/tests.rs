//! Several stages together: devices of different clocks, and noise that speech comes through.

use std::process::Command;
use std::sync::Arc;

use capture::AvSync;
use media::{Span, Timestamp};

use super::sum::Sum;
use super::{Align, CHANNELS, RATE, SoundSettings, Strip};

/// A device whose clock is `ppm` fast, and which is heard on one channel of the mix.
struct Device {
    ppm: f64,
    channel: usize,
    sync: AvSync,
    align: Align,
    strip: Strip,
    /// Samples recorded so far.
    count: i64,
}

impl Device {
    fn new(ppm: f64, channel: usize) -> Device {
        let (sync, strip) = (AvSync::new(RATE, Timestamp::ZERO), Strip::new(SoundSettings::default(), true));
        Device { ppm, channel, sync, align: Align::default(), strip, count: 0 }
    }

    /// When it has recorded its sample `count`, on the session's clock, seconds.
    fn time(&self, count: i64) -> f64 {
        count as f64 / (48_000.0 * (1.0 + self.ppm / 1e6))
    }

    /// The next 10 ms, with a click at each whole second of the session's clock. A block's time is off by up to `jitter_ms`.
    fn block(&mut self, jitter_ms: i64) -> (Timestamp, Arc<[f32]>) {
        let first = self.count;
        self.count += BLOCK;
        let mut samples = vec![0.0; BLOCK as usize * CHANNELS];
        let second = self.time(first).ceil();
        let click = (second * 48_000.0 * (1.0 + self.ppm / 1e6)).ceil() as i64 - first;
        if (0..BLOCK).contains(&click) {
            samples[click as usize * CHANNELS + self.channel] = 0.5;
        }
        let seconds = |time: f64| Timestamp::ZERO + Span::from_flicks((time * FLICKS) as i64);
        let recorded = seconds(self.time(first)) + Span::from_millis(jitter_ms);
        let arrived = seconds(self.time(self.count)) + Span::from_millis(40);
        let placed = self.sync.block(arrived, recorded, BLOCK as usize);
        // Only the first block does not follow another.
        let mut whole = vec![0.0; placed.silence * CHANNELS];
        whole.extend(&samples[placed.skip * CHANNELS..]);
        (placed.pts, whole.into())
    }
}

#[test]
fn devices_of_different_clocks_stay_together() {
    let mut devices = [Device::new(200.0, 0), Device::new(-200.0, 1)];
    let mut sum = Sum::new(2);
    let (mut clicks, mut at) = ([Vec::new(), Vec::new()], None);
    let mut offset = Span::ZERO;
    for number in 0..12_000_i64 {
        for (index, device) in devices.iter_mut().enumerate() {
            let (pts, samples) = device.block((number * 7 + index as i64 * 3) % 11 - 5);
            let (place, samples) = match index {
                0 => (pts.ticks(RATE), samples),
                _ => device.align.process(pts - device.sync.offset() + offset, samples),
            };
            if index == 0 {
                offset = device.sync.offset();
            }
            let (samples, _) = device.strip.process(samples);
            let Some(mixed) = sum.push(index, place, samples) else { continue };
            assert!(at.is_none_or(|at| at == mixed.at), "gap-free");
            assert_eq!(mixed.missing, 0);
            at = Some(mixed.at + (mixed.samples.len() / CHANNELS) as i64);
            for (value, _) in mixed.samples.iter().enumerate().filter(|&(_, &sample)| sample > 0.2) {
                clicks[value % CHANNELS].push(mixed.at + (value / CHANNELS) as i64);
            }
        }
    }
    let [first, second] = clicks.map(|mut clicks| {
        clicks.dedup_by(|one, other| *one - *other < 100);
        clicks
    });
    assert!(first.len() > 115 && first.len().abs_diff(second.len()) <= 1, "{} {}", first.len(), second.len());
    // Uncorrected they are 48 ms apart at the end. The first seconds, in which the clocks are learnt, do not count.
    let apart = |one: &i64| second.iter().map(|other| (one - other).abs()).min();
    let worst = first[20..first.len() - 1].iter().filter_map(apart).max();
    assert!(worst.is_some_and(|samples| samples < 240), "{worst:?} samples apart");
}

/// Silence of [`LEAD`], then speech, 48 kHz stereo, when the clips are there.
fn speech() -> Option<Vec<f32>> {
    let clip = testkit::media_file("jfk_speech.flac")?;
    let decoded = Command::new("ffmpeg")
        .args(["-v", "error", "-t", "8", "-i"])
        .arg(clip)
        .args(["-f", "f32le", "-ar", "48000", "-ac", "2", "-"])
        .output()
        .expect("ffmpeg is installed");
    assert!(decoded.status.success(), "{}", String::from_utf8_lossy(&decoded.stderr));
    let samples = decoded.stdout.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
    Some(vec![0.0; LEAD * CHANNELS].into_iter().chain(samples).collect())
}

/// White noise of about -40 dBFS, the same on both channels.
fn noise(frames: usize) -> Vec<f32> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..frames).flat_map(|_| [next() * 0.0173; 2]).collect()
}

/// What suppression makes of `samples`; as long, since what it holds is pushed out by silence.
fn suppressed(samples: &[f32]) -> Vec<f32> {
    let settings = SoundSettings { noise_suppression: true, ..SoundSettings::default() };
    let mut strip = Strip::new(settings, true);
    let silence = vec![0.0; 4_800];
    let mut out: Vec<f32> = samples
        .chunks(882)
        .chain([&silence[..]])
        .flat_map(|block| strip.process(block.into()).0.to_vec())
        .collect();
    out.truncate(samples.len());
    out
}

fn energy(samples: &[f32]) -> f64 {
    samples.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / samples.len() as f64
}

#[test]
fn noise_alone_is_suppressed_by_twenty_decibels() {
    let noise = noise(480_000);
    let out = suppressed(&noise);
    // RNNoise takes seconds to believe that what goes on for ever is noise.
    let late = 8 * 96_000..;
    let (before, after) = (energy(&noise[late.clone()]), energy(&out[late]));
    assert!(after < before / 100.0, "{:.1} dB", 10.0 * (after / before).log10());
}

#[test]
fn speech_in_noise_is_kept_in_its_place_and_the_noise_is_lowered() {
    let Some(speech) = speech() else { return };
    let noisy: Vec<f32> =
        speech.iter().zip(noise(speech.len() / 2)).map(|(speech, noise)| speech + noise).collect();
    let out = suppressed(&noisy);
    // By when it knows the noise.
    let known = |samples: &[f32]| samples[LEAD * CHANNELS..].chunks(9_600).map(energy).collect::<Vec<_>>();
    let (clean, before, after) = (known(&speech), known(&noisy), known(&out));
    let loudest = clean.iter().copied().fold(0.0, f64::max);
    let mean = |of: &[f64], chosen: &dyn Fn(f64) -> bool| {
        let of: Vec<f64> =
            of.iter().zip(&clean).filter(|&(_, &clean)| chosen(clean)).map(|(&of, _)| of).collect();
        (of.iter().sum::<f64>() / of.len() as f64, of.len())
    };
    let spoken = |energy: f64| energy > loudest / 100.0;
    let (kept, words) = mean(&after, &spoken);
    let kept_db = 10.0 * (kept / mean(&clean, &spoken).0).log10();
    assert!(words > 10 && kept_db.abs() < 3.0, "{words} windows of speech changed by {kept_db:.1} dB");
    // In its place: shifted by 2 or 10 ms the likeness is less.
    let likeness = |shift: usize| {
        speech.iter().zip(&out[shift * CHANNELS..]).map(|(one, other)| f64::from(one * other)).sum::<f64>()
    };
    assert!(likeness(0) > likeness(96) && likeness(0) > likeness(480), "the speech has moved");
    let pause = |energy: f64| energy < loudest / 3_000.0;
    let (quiet, pauses) = mean(&after, &pause);
    let lowered_db = 10.0 * (quiet / mean(&before, &pause).0).log10();
    assert!(pauses > 0 && lowered_db < -6.0, "{pauses} pauses changed by {lowered_db:.1} dB");
}

/// Samples per channel of silence before the speech, in which RNNoise learns the noise.
const LEAD: usize = 480_000;

/// 10 ms.
const BLOCK: i64 = 480;

const FLICKS: f64 = 705_600_000.0;
