//! What the capture threads of [`crate::Sources`] and the encoders of [`crate::Broadcast`] share.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};

use capture::Clock;
use media::{AudioFrame, Span, Timestamp};

use crate::frame_queue::FrameQueue;

/// The one place where captured pictures and sound wait for an encoder.
pub(crate) struct Program {
    pub(crate) clock: Clock,
    pub(crate) frames: FrameQueue,
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
            frames: FrameQueue::default(),
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

    /// Begins to feed an encoder; `None` when one is fed already.
    pub(crate) fn go_on_air(&self) -> Option<Receiver<AudioFrame>> {
        if self.on_air.swap(true, Ordering::AcqRel) {
            return None;
        }
        let (sender, receiver) = sync_channel(SOUND_BLOCKS);
        *self.sound.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        self.silent_samples.store(0, Ordering::Relaxed);
        self.measure_anew.store(true, Ordering::Relaxed);
        self.frames.set_open(true);
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
