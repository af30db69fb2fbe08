//! What the capture threads of [`crate::Sources`] and the encoders of [`crate::Broadcast`] share.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use capture::Clock;
use media::{AudioFrame, Span, Timestamp, VideoFrame};

use crate::frame_queue::FrameQueue;

/// Where captured pictures wait for other encodes than the shared one.
#[derive(Default)]
struct Further {
    queues: Vec<Weak<FrameQueue>>,
    /// What every encode begins with: of a picture that stands still no other may come.
    latest: Option<VideoFrame>,
    ended: bool,
}

/// The one place where captured pictures and sound wait for an encoder.
pub(crate) struct Program {
    pub(crate) clock: Clock,
    /// For the encode that all share.
    pub(crate) frames: Arc<FrameQueue>,
    further: Mutex<Further>,
    sound: Mutex<Option<SyncSender<AudioFrame>>>,
    /// Flicks between the timeline and the clock.
    offset: AtomicI64,
    pub(crate) muted: AtomicBool,
    pub(crate) silent_samples: AtomicU64,
    pub(crate) sound_ended: AtomicBool,
    /// A broadcast has begun: its loudness is measured from here.
    pub(crate) measure_anew: AtomicBool,
    on_air: AtomicBool,
}

impl Program {
    pub(crate) fn new(clock: Clock) -> Program {
        Program {
            clock,
            frames: Arc::default(),
            further: Mutex::default(),
            sound: Mutex::new(None),
            offset: AtomicI64::new(0),
            muted: AtomicBool::new(false),
            silent_samples: AtomicU64::new(0),
            sound_ended: AtomicBool::new(false),
            measure_anew: AtomicBool::new(false),
            on_air: AtomicBool::new(false),
        }
    }

    /// The timeline's time now: the clock's, moved along with the sound.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now() + self.offset()
    }

    /// What to add to a time of the clock to get the timeline's.
    pub(crate) fn offset(&self) -> Span {
        Span::from_flicks(self.offset.load(Ordering::Relaxed))
    }

    pub(crate) fn set_offset(&self, offset: Span) {
        self.offset.store(offset.flicks(), Ordering::Relaxed);
    }

    /// Hands a picture to all encodes.
    pub(crate) fn push_picture(&self, picture: VideoFrame) {
        let mut further = self.further.lock().unwrap_or_else(PoisonError::into_inner);
        further.queues.retain(|queue| match queue.upgrade() {
            Some(queue) => {
                queue.push(picture.clone());
                true
            }
            None => false,
        });
        further.latest = Some(picture.clone());
        self.frames.push(picture);
    }

    /// Whether no picture follows.
    pub(crate) fn set_pictures_ended(&self, ended: bool) {
        let mut further = self.further.lock().unwrap_or_else(PoisonError::into_inner);
        further.ended = ended;
        further.queues.iter().filter_map(Weak::upgrade).for_each(|queue| queue.set_ended(ended));
        self.frames.set_ended(ended);
    }

    /// Pictures for one more encode, from the present one on, for as long as the queue is kept.
    pub(crate) fn further_pictures(&self) -> Arc<FrameQueue> {
        let queue = Arc::new(FrameQueue::default());
        let mut further = self.further.lock().unwrap_or_else(PoisonError::into_inner);
        queue.set_open(true);
        queue.set_ended(further.ended);
        further.latest.iter().for_each(|latest| queue.push(latest.clone()));
        further.queues.push(Arc::downgrade(&queue));
        queue
    }

    /// Begins to feed an encoder, from the present picture on; `None` when one is fed already.
    pub(crate) fn go_on_air(&self) -> Option<Receiver<AudioFrame>> {
        if self.on_air.swap(true, Ordering::AcqRel) {
            return None;
        }
        let (sender, receiver) = sync_channel(SOUND_BLOCKS);
        *self.sound.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        self.silent_samples.store(0, Ordering::Relaxed);
        self.measure_anew.store(true, Ordering::Relaxed);
        // No picture may come between both.
        let further = self.further.lock().unwrap_or_else(PoisonError::into_inner);
        self.frames.set_open(true);
        further.latest.iter().for_each(|latest| self.frames.push(latest.clone()));
        Some(receiver)
    }

    /// Stops feeding it.
    pub(crate) fn go_off_air(&self) {
        self.frames.set_open(false);
        *self.sound.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.on_air.store(false, Ordering::Release);
    }

    /// Hands sound to the encoder, when there is one; never waits.
    pub(crate) fn push_sound(&self, block: AudioFrame) {
        let sound = self.sound.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = sound.as_ref() else { return };
        if let Err(TrySendError::Full(block)) = sender.try_send(block) {
            // The encoder puts silence where a block is missing.
            self.silent_samples.fetch_add(block.frames() as u64, Ordering::Relaxed);
        }
    }
}

/// Blocks of at least 10 ms between the sound line and its encoder: more than half a second. Full: the block
/// becomes counted silence. AAC takes a hundredth of a core, so only a machine that stands still fills it.
const SOUND_BLOCKS: usize = 64;

#[cfg(test)]
mod tests {
    use media::{Colour, PixelFormat, Size};

    use super::*;

    #[test]
    fn a_picture_that_stands_still_is_there_when_a_broadcast_begins() {
        let program = Program::new(Clock::start());
        let (size, format, colour) = (Size::new(2, 2), PixelFormat::I420, Colour::Bt709Limited);
        let pts = Timestamp::from_millis(3);
        program.push_picture(VideoFrame { pts, size, format, planes: Vec::new(), colour });
        for _ in 0..2 {
            let _sound = program.go_on_air().expect("nobody is on air");
            let first = program.frames.take(<[Timestamp]>::len).expect("the present picture");
            assert_eq!(first.pts, pts);
            program.go_off_air();
        }
    }
}
