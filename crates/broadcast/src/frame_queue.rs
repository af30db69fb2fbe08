//! Captured pictures on their way to the encoder.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use media::{Timestamp, VideoFrame};

/// At most 4 pictures. Full: the oldest is dropped and counted. Closed at first: keeps nothing until somebody
/// encodes.
#[derive(Debug, Default)]
pub(crate) struct FrameQueue(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<VideoFrame>,
    open: bool,
    ended: bool,
    dropped: u64,
}

impl FrameQueue {
    /// Adds a picture; never waits.
    pub(crate) fn push(&self, frame: VideoFrame) {
        let mut state = self.lock();
        if !state.open {
            return;
        }
        if state.frames.len() == CAPACITY {
            state.frames.pop_front();
            state.dropped += 1;
        }
        state.frames.push_back(frame);
    }

    /// Begins to keep pictures, with counters at 0, or stops to and forgets them.
    pub(crate) fn set_open(&self, open: bool) {
        let mut state = self.lock();
        state.open = open;
        state.frames.clear();
        if open {
            state.dropped = 0;
        }
    }

    /// Whether no picture follows.
    pub(crate) fn set_ended(&self, ended: bool) {
        self.lock().ended = ended;
    }

    /// Whether the source has ended and nothing waits any more.
    pub(crate) fn is_exhausted(&self) -> bool {
        let state = self.lock();
        state.ended && state.frames.is_empty()
    }

    /// Pictures dropped because nobody fetched them in time.
    pub(crate) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Lets `choose` see the times of what waits and say how many to take; the last of them is returned and
    /// the others are passed over.
    pub(crate) fn take(&self, choose: impl FnOnce(&[Timestamp]) -> usize) -> Option<VideoFrame> {
        let mut state = self.lock();
        let times: Vec<Timestamp> = state.frames.iter().map(|frame| frame.pts).collect();
        let taken = choose(&times).min(times.len());
        state.frames.drain(..taken).next_back()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing below can panic half way, so the state is sound whatever happened to another thread.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A frame being encoded, one waiting, and two for a hiccup: more would only be latency.
const CAPACITY: usize = 4;

#[cfg(test)]
mod tests {
    use media::{Colour, PixelFormat, Size};

    use super::*;

    fn frame(millis: i64) -> VideoFrame {
        VideoFrame {
            pts: Timestamp::from_millis(millis),
            size: Size::new(2, 2),
            format: PixelFormat::I420,
            planes: Vec::new(),
            colour: Colour::Bt709Limited,
        }
    }

    #[test]
    fn a_full_queue_drops_the_oldest_and_counts_it() {
        let queue = FrameQueue::default();
        queue.set_open(true);
        (0..6).for_each(|millis| queue.push(frame(millis)));
        assert_eq!(queue.dropped(), 2);
        let first = queue.take(|times| times.len().min(1)).expect("four wait");
        assert_eq!(first.pts, Timestamp::from_millis(2));
    }

    #[test]
    fn a_closed_queue_keeps_nothing() {
        let queue = FrameQueue::default();
        queue.push(frame(0));
        assert!(queue.take(<[Timestamp]>::len).is_none());
        assert_eq!(queue.dropped(), 0);
    }

    #[test]
    fn the_end_comes_after_what_waits() {
        let queue = FrameQueue::default();
        queue.set_open(true);
        queue.push(frame(0));
        queue.set_ended(true);
        assert!(!queue.is_exhausted());
        assert!(queue.take(<[Timestamp]>::len).is_some());
        assert!(queue.is_exhausted());
    }
}
