//! Keeps one sound beside another whose device has another clock.

use std::sync::Arc;

use capture::SAMPLE_RATE;
use media::{Span, Timestamp};

use super::{CHANNELS, RATE};

/// Moves a line of samples slowly to where it belongs on the timeline of the first sound. Sans-IO.
///
/// Each line runs on its own device's clock; what [`capture::AvSync`] knows of two lines tells how far they have drifted
/// apart. When it is a sample, a sample is added or left out, hidden in a retiming of 256 samples by cubic interpolation;
/// 200 ppm need ten of those a second. Without drift no bit changes.
#[derive(Debug, Default)]
pub(crate) struct Align {
    /// Where the next sample goes; `None` before the first.
    next: Option<i64>,
}

impl Align {
    /// Takes interleaved samples that belong at `time` of the first sound's timeline. Returns where they go, one after the
    /// other, and what they became.
    pub(crate) fn process(&mut self, time: Timestamp, samples: Arc<[f32]>) -> (i64, Arc<[f32]>) {
        let at = *self.next.get_or_insert(time.ticks(RATE));
        let late = (time - Timestamp::from_ticks(at, RATE)).flicks();
        // A line that lies half way between two samples must not go to and fro between them.
        let samples = match late / SAMPLE.flicks() {
            0 => samples,
            _ if samples.len() < (FADE + 2 * MARGIN) * CHANNELS => samples,
            late => retimed(&samples, late.signum()).into(),
        };
        self.next = Some(at + (samples.len() / CHANNELS) as i64);
        (at, samples)
    }
}

/// One sample more (1) or less (-1): half way through, the samples are read ever later or earlier.
fn retimed(samples: &[f32], more: i64) -> Vec<f32> {
    let frames = samples.as_chunks::<CHANNELS>().0;
    let out_frames = frames.len().saturating_add_signed(more as isize);
    let begin = (frames.len() - FADE) / 2;
    let mut out = Vec::with_capacity(out_frames * CHANNELS);
    for at in 0..out_frames {
        let moved = at.saturating_sub(begin).min(FADE) as f32 / FADE as f32;
        let position = at as f32 - more as f32 * moved;
        let whole = position.floor() as usize;
        let part = position - whole as f32;
        if part == 0.0 {
            out.extend_from_slice(&frames[whole]);
        } else {
            let near: [_; 4] = std::array::from_fn(|tap| frames[whole + tap - 1]);
            out.extend((0..CHANNELS).map(|channel| cubic(near.map(|frame| frame[channel]), part)));
        }
    }
    out
}

/// The value `part` of the way from the second to the third sample (Lagrange's polynomial).
fn cubic([a, b, c, d]: [f32; 4], part: f32) -> f32 {
    let (before, after, far) = (part + 1.0, part - 1.0, part - 2.0);
    -a * part * after * far / 6.0 + b * before * after * far / 2.0 - c * before * part * far / 2.0
        + d * before * part * after / 6.0
}

/// From one sample to the next.
const SAMPLE: Span = Span::from_flicks(705_600_000 / SAMPLE_RATE as i64);

/// Samples over which one is added or left out: 5 ms.
const FADE: usize = 256;

/// What the interpolation needs around it.
const MARGIN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(from: usize, frames: usize) -> Arc<[f32]> {
        (from..from + frames).flat_map(|at| [(at as f32 * 0.1).sin(); 2]).collect()
    }

    #[test]
    fn without_drift_nothing_changes() {
        let mut align = Align::default();
        for block in 0..20 {
            let samples = tone(block * 480, 480);
            let time = Timestamp::from_ticks(700 + block as i64 * 480, RATE);
            let (at, out) = align.process(time, Arc::clone(&samples));
            assert_eq!(at, 700 + block as i64 * 480);
            assert!(Arc::ptr_eq(&samples, &out));
        }
    }

    #[test]
    fn parts_of_a_sample_move_nothing() {
        for part in [-14_000, -7_351, -7_349, 0, 7_349, 7_350, 14_000] {
            let mut align = Align::default();
            for block in 0..20 {
                let samples = tone(block * 480, 480);
                let exact = Timestamp::from_ticks(700 + block as i64 * 480, RATE);
                // It wavers from the second block on.
                let part = if block % 2 == 1 { Span::from_flicks(part) } else { Span::ZERO };
                let (at, out) = align.process(exact + part, Arc::clone(&samples));
                assert_eq!(at, 700 + block as i64 * 480);
                assert!(Arc::ptr_eq(&samples, &out), "{part:?}");
            }
        }
    }

    #[test]
    fn a_line_that_drifts_is_led_back_without_a_click() {
        for drift in [-1, 1] {
            let mut align = Align::default();
            let mut end = 0;
            let mut last: Option<f32> = None;
            for block in 0..100 {
                // 0.1 %: a sample each second block.
                let time = block * 480 + drift * block / 2;
                let (at, out) =
                    align.process(Timestamp::from_ticks(time, RATE), tone(block as usize * 480, 480));
                assert!((at - time).abs() <= 1, "block {block}: {at} for {time}");
                assert!(block == 0 || at == end, "without a gap");
                end = at + out.len() as i64 / 2;
                for frame in out.chunks_exact(2) {
                    assert!(last.is_none_or(|last| (frame[0] - last).abs() < 0.12), "block {block}");
                    last = Some(frame[0]);
                }
            }
        }
    }
}
