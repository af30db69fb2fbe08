//! Where the packets of both encoders meet, and the sound encoder's thread.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use capture::Stop;
use media::{AudioFrame, MediaEvent, Packet, Track};

use crate::adaptation::Wanted;
use crate::encoder_state::EncoderState;
use crate::interleaver::{Interleaver, Turn};
use crate::ladder::Shape;
use crate::outlets::{Outlet, Outlets};
use crate::program::Program;
use crate::recorder::Recorder;

/// Where both encoders put their packets: merged by time, then to every destination.
pub(crate) struct Output {
    merged: Mutex<Interleaver>,
    /// As they are once everything that waits has left.
    tracks: Mutex<Arc<[Track]>>,
    pub(crate) outlets: Arc<Outlets>,
    recorder: Mutex<Option<Recorder>>,
    pub(crate) counters: Counters,
    pub(crate) encoder: EncoderState,
    pub(crate) wanted: Wanted,
}

/// What was encoded so far.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) bytes: AtomicU64,
    pub(crate) frames: AtomicU64,
    pub(crate) repeated: AtomicU64,
    pub(crate) skipped: AtomicU64,
    pub(crate) ended: AtomicBool,
    failure: Mutex<Option<String>>,
}

impl Output {
    /// Of `tracks`, to nobody yet.
    pub(crate) fn new(tracks: Arc<[Track]>, encoder: EncoderState, shape: Shape) -> Output {
        let merged = Mutex::new(Interleaver::new(tracks.iter().map(|track| track.id)));
        let (counters, wanted) = (Counters::default(), Wanted::new(shape));
        Output {
            merged,
            tracks: Mutex::new(tracks),
            outlets: Arc::new(Outlets::new()),
            recorder: Mutex::new(None),
            counters,
            encoder,
            wanted,
        }
    }

    /// The next packet of this track is coded as `track` says; where that is news, the tracks go before it.
    pub(crate) fn change_track(&self, track: Track) {
        let mut tracks = self.tracks.lock().unwrap_or_else(PoisonError::into_inner);
        if tracks.contains(&track) {
            return;
        }
        let id = track.id;
        *tracks = tracks.iter().map(|old| if old.id == id { track.clone() } else { old.clone() }).collect();
        self.merged().announce(id, Arc::clone(&tracks));
    }

    pub(crate) fn send(&self, packets: Vec<Packet>) {
        let mut merged = self.merged();
        for packet in packets {
            self.counters.bytes.fetch_add(packet.data.len() as u64, Ordering::Relaxed);
            merged.push(packet);
        }
        while let Some(turn) = merged.pop() {
            self.feed(turn);
        }
    }

    /// Hands on what still waits for the other track; both encoders have ended.
    pub(crate) fn flush(&self) {
        let mut merged = self.merged();
        while let Some(turn) = merged.flush() {
            self.feed(turn);
        }
    }

    /// Why an encoder failed.
    pub(crate) fn failure(&self) -> Option<String> {
        self.counters.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn feed(&self, turn: Turn) {
        let events = turn.tracks.map(MediaEvent::Tracks).into_iter().chain([MediaEvent::Packet(turn.packet)]);
        for event in events {
            self.outlets.push(&event);
            if let Some(recorder) = self.recorder().as_ref() {
                recorder.push(&event);
            }
        }
    }

    /// Records from the next keyframe on, in the place of what records now, which is finished.
    pub(crate) fn record(&self, recorder: Option<Recorder>) {
        // Nothing of the stream may come between the tracks and what follows them.
        let _merged = self.merged();
        if let Some(recorder) = &recorder {
            recorder.push(&self.announcement());
        }
        *self.recorder() = recorder;
    }

    /// Sends to one more destination, which begins at the next keyframe.
    pub(crate) fn add(&self, outlet: Arc<Outlet>) {
        // As with a recording.
        let _merged = self.merged();
        outlet.feed.push(&self.announcement());
        self.outlets.add(outlet);
    }

    fn announcement(&self) -> MediaEvent {
        let tracks = self.tracks.lock().unwrap_or_else(PoisonError::into_inner);
        MediaEvent::Tracks(Arc::clone(&tracks))
    }

    fn recorder(&self) -> MutexGuard<'_, Option<Recorder>> {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn fail(&self, error: &encode::Error) {
        tracing::error!(%error, "encoding failed");
        *self.counters.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
        self.counters.ended.store(true, Ordering::Relaxed);
    }

    fn merged(&self) -> MutexGuard<'_, Interleaver> {
        // The lock is held only for moving packets between queues of bounded length.
        self.merged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs on the sound encoder's thread.
pub(crate) struct SoundEncoder {
    pub(crate) encoder: encode::Audio,
    pub(crate) blocks: Receiver<AudioFrame>,
    pub(crate) program: Arc<Program>,
    pub(crate) output: Arc<Output>,
    pub(crate) stop: Stop,
    /// Without a picture the end of the sound is the end.
    pub(crate) alone: bool,
}

impl SoundEncoder {
    /// Until stopped.
    pub(crate) fn run(mut self) {
        while !self.stop.is_stopped() {
            match self.blocks.recv_timeout(BLOCK_WAIT) {
                Ok(block) => match self.encoder.encode(&block) {
                    Ok(packets) => self.output.send(packets),
                    Err(error) => return self.output.fail(&error),
                },
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.alone && self.program.sound_ended.load(Ordering::Relaxed) {
                self.output.counters.ended.store(true, Ordering::Relaxed);
            }
        }
        match self.encoder.finish() {
            Ok(packets) => self.output.send(packets),
            Err(error) => self.output.fail(&error),
        }
    }
}

/// How long the sound encoder waits before it looks whether to stop.
const BLOCK_WAIT: Duration = Duration::from_millis(50);
