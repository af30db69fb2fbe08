//! The encoder threads: one for pictures, one for sound, and where their packets meet.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use capture::Stop;
use media::{AudioFrame, MediaEvent, Packet, Span, Track};
use publish::{Feed, KeyframeRequest};

use crate::interleaver::Interleaver;
use crate::pacer::Pacer;
use crate::program::Program;

/// Where both encoders put their packets: merged by time, then to every destination.
pub(crate) struct Output {
    merged: Mutex<Interleaver>,
    feeds: Vec<Feed>,
    pub(crate) counters: Counters,
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
    /// Announces `tracks` to every destination.
    pub(crate) fn new(tracks: Arc<[Track]>, feeds: Vec<Feed>) -> Output {
        let merged = Mutex::new(Interleaver::new(tracks.iter().map(|track| track.id)));
        let event = MediaEvent::Tracks(tracks);
        feeds.iter().for_each(|feed| feed.push(&event));
        Output { merged, feeds, counters: Counters::default() }
    }

    fn send(&self, packets: Vec<Packet>) {
        let mut merged = self.merged();
        for packet in packets {
            self.counters.bytes.fetch_add(packet.data.len() as u64, Ordering::Relaxed);
            merged.push(packet);
        }
        while let Some(packet) = merged.pop() {
            self.feed(packet);
        }
    }

    /// Hands on what still waits for the other track; both encoders have ended.
    pub(crate) fn flush(&self) {
        let mut merged = self.merged();
        while let Some(packet) = merged.flush() {
            self.feed(packet);
        }
    }

    /// Why an encoder failed.
    pub(crate) fn failure(&self) -> Option<String> {
        self.counters.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn feed(&self, packet: Packet) {
        let event = MediaEvent::Packet(packet);
        self.feeds.iter().for_each(|feed| feed.push(&event));
    }

    fn fail(&self, error: &encode::Error) {
        tracing::error!(%error, "encoding failed");
        *self.counters.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
        self.counters.ended.store(true, Ordering::Relaxed);
    }

    fn merged(&self) -> MutexGuard<'_, Interleaver> {
        // The lock is held only for moving packets between queues of bounded length.
        self.merged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs on the picture encoder's thread.
pub(crate) struct PictureEncoder {
    pub(crate) encoder: encode::Video,
    pub(crate) fps: u32,
    pub(crate) program: Arc<Program>,
    pub(crate) output: Arc<Output>,
    pub(crate) keyframes: KeyframeRequest,
    pub(crate) stop: Stop,
}

impl PictureEncoder {
    /// Until stopped or the source has ended.
    pub(crate) fn run(mut self) {
        let mut pacer = Pacer::new(self.fps, self.program.now());
        let mut started = false;
        let black_from = self.program.now() + FIRST_PICTURE_MAX;
        loop {
            let due = pacer.due() - self.program.offset();
            if self.stop.wait_until(self.program.clock.instant(due)) {
                break;
            }
            let exhausted = self.program.frames.is_exhausted();
            let tick = pacer.tick(self.program.now());
            let offset = self.program.offset();
            let frame = self.program.frames.take(|times| {
                let times: Vec<_> = times.iter().map(|&time| time + offset).collect();
                pacer.choose(tick, &times)
            });
            if frame.is_none() && exhausted {
                self.output.counters.ended.store(true, Ordering::Relaxed);
                break;
            }
            started |= frame.is_some() || self.program.now() > black_from;
            if !started {
                continue;
            }
            if let Err(error) = self.encode(frame.as_ref(), tick) {
                return self.output.fail(&error);
            }
            self.output.counters.skipped.store(pacer.skipped(), Ordering::Relaxed);
        }
        match self.encoder.finish() {
            Ok(packets) => self.output.send(packets),
            Err(error) => self.output.fail(&error),
        }
    }

    fn encode(&mut self, frame: Option<&media::VideoFrame>, tick: i64) -> Result<(), encode::Error> {
        let packets = self.encoder.encode(frame, tick, self.keyframes.take())?;
        let counters = &self.output.counters;
        counters.frames.fetch_add(1, Ordering::Relaxed);
        counters.repeated.fetch_add(u64::from(frame.is_none()), Ordering::Relaxed);
        self.output.send(packets);
        Ok(())
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

/// Without a first picture for this long black is sent: a display or camera that does not wake up.
const FIRST_PICTURE_MAX: Span = Span::from_secs(2);

/// How long the sound encoder waits before it looks whether to stop.
const BLOCK_WAIT: Duration = Duration::from_millis(50);
