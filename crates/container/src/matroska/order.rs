//! Decoding times: Matroska has none, its blocks stand in the order of decoding with the times they are shown at.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use bytes::Bytes;
use media::{Span, Timestamp, TrackKind};

use crate::fmp4::StoredSample as Sample;

/// Gives each picture the time of one that is shown: the first to be decoded the earliest, and so on.
///
/// A picture is moved past sixteen others at most, so it waits for so many.
///
/// Kept at most: those and the sound between them, or 32 MiB of them.
#[derive(Debug, Default)]
pub(super) struct Order {
    waiting: VecDeque<Waiting>,
    /// When the pictures that wait are shown, the earliest on top.
    shown: BinaryHeap<Reverse<Timestamp>>,
    /// By how much a picture is decoded earlier, so that none is shown before it is; mostly known from the first.
    delay: Option<Span>,
    held: usize,
}

#[derive(Debug)]
struct Waiting {
    kind: TrackKind,
    pts: Timestamp,
    data: Bytes,
}

impl Order {
    /// The next in the file.
    pub(super) fn push(&mut self, kind: TrackKind, pts: Timestamp, data: Bytes) {
        if kind == TrackKind::Video {
            self.shown.push(Reverse(pts));
        }
        self.held += data.len();
        self.waiting.push_back(Waiting { kind, pts, data });
    }

    /// The next whose decoding time is known; with `last` nothing follows.
    pub(super) fn pop(&mut self, last: bool) -> Option<Sample> {
        let front = self.waiting.front()?;
        let known = last || self.shown.len() > REORDERED_MAX || self.held > HELD_BYTES_MAX;
        if front.kind == TrackKind::Video && !known {
            return None;
        }
        let Waiting { kind, pts, data } = self.waiting.pop_front()?;
        self.held -= data.len();
        if kind == TrackKind::Audio {
            return Some(Sample { kind, dts: pts, composition_offset: Span::ZERO, data });
        }
        let delay = match self.delay {
            Some(delay) => delay,
            None => *self.delay.insert(self.measure(pts)),
        };
        let Reverse(earliest) = self.shown.pop()?;
        // Times are rounded to ticks, and later pictures may be moved past more than the first ones.
        let delay = delay.max((earliest - pts).min(DELAY_MAX));
        self.delay = Some(delay);
        let dts = earliest - delay;
        Some(Sample { kind, dts, composition_offset: pts - dts, data })
    }

    /// The most that a picture among those at hand is shown before its place.
    fn measure(&self, first: Timestamp) -> Span {
        let mut shown: Vec<Timestamp> = self.shown.iter().map(|Reverse(pts)| *pts).collect();
        shown.sort_unstable();
        let pictures = self.waiting.iter().filter(|next| next.kind == TrackKind::Video).map(|next| next.pts);
        let early =
            shown.into_iter().zip(std::iter::once(first).chain(pictures)).map(|(place, pts)| place - pts);
        early.max().unwrap_or(Span::ZERO).max(Span::ZERO).min(DELAY_MAX)
    }
}

/// Pictures that H.264 and HEVC let one wait for (`max_num_reorder_frames`).
const REORDERED_MAX: usize = 16;

/// Sixteen pictures of ten a second; more is a jump of the clock.
const DELAY_MAX: Span = Span::from_millis(1_600);

/// Ten seconds of 25 Mbit/s.
const HELD_BYTES_MAX: usize = 32 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    /// Decoding times of pictures that are shown at these, in milliseconds.
    fn decoded(shown: &[i64]) -> Vec<i64> {
        let mut order = Order::default();
        let mut samples = Vec::new();
        for &pts in shown {
            order.push(TrackKind::Video, Timestamp::from_millis(pts), Bytes::from_static(b"x"));
            samples.extend(std::iter::from_fn(|| order.pop(false)));
        }
        samples.extend(std::iter::from_fn(|| order.pop(true)));
        let millis = |at: Timestamp| (at.as_secs_f64() * 1e3).round() as i64;
        let shown_at: Vec<i64> = samples.iter().map(|it| millis(it.dts + it.composition_offset)).collect();
        assert_eq!(shown_at, shown);
        samples.iter().map(|it| millis(it.dts)).collect()
    }

    #[test]
    fn without_b_frames_pictures_are_decoded_when_they_are_shown() {
        let shown: Vec<i64> = (0..40).map(|n| n * 33).collect();
        assert_eq!(decoded(&shown), shown);
    }

    #[test]
    fn with_b_frames_decoding_times_rise_and_none_is_shown_before() {
        assert_eq!(decoded(&[0, 120, 40, 80, 240, 160, 200]), [-40, 0, 40, 80, 120, 160, 200]);
        let pyramid: Vec<i64> = (0..20).flat_map(|n| [4, 2, 1, 3].map(|at| (n * 4 + at) * 40)).collect();
        let times = decoded(&pyramid);
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
        assert!(times.iter().zip(&pyramid).all(|(dts, pts)| dts <= pts), "{times:?}");
    }
}
