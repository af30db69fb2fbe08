//! Gathers the status of a broadcast.
#![allow(clippy::disallowed_methods, reason = "this driver module measures how long a broadcast lasts")]

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::Status;
use crate::encodes::Encodes;
use crate::encoding::Output;
use crate::program::Program;
use crate::recorder::{RecordingStatus, RecordingWatch};

/// Gathers the status.
pub(crate) struct Reporter {
    started: Instant,
    pub(crate) output: Arc<Output>,
    encodes: Arc<Encodes>,
    program: Arc<Program>,
    recording: Mutex<Option<RecordingWatch>>,
    /// The one that was saved last.
    replay: Mutex<Option<RecordingWatch>>,
}

/// Rates over the last second.
#[derive(Default)]
pub(crate) struct Pace {
    fps: f64,
    bitrate_bps: u64,
}

impl Reporter {
    /// From now on.
    pub(crate) fn new(output: Arc<Output>, encodes: Arc<Encodes>, program: Arc<Program>) -> Reporter {
        let (recording, replay) = (Mutex::default(), Mutex::default());
        Reporter { started: Instant::now(), output, encodes, program, recording, replay }
    }

    /// Until the broadcast ends.
    pub(crate) async fn run(self: Arc<Self>, sender: watch::Sender<Status>) {
        let mut changes = self.output.outlets.changes();
        let mut interval = tokio::time::interval(Duration::from_secs(1));
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let counters = &self.output.counters;
        let mut pace = Pace::default();
        let mut before = (self.started, 0, 0);
        loop {
            tokio::select! {
                _ = interval.tick() => {
                    let frames = counters.frames.load(Ordering::Relaxed);
                    let bytes = counters.bytes.load(Ordering::Relaxed);
                    let seconds = before.0.elapsed().as_secs_f64();
                    if seconds > PACE_SECONDS_MIN {
                        let bits = (bytes - before.2) as f64 * 8.0;
                        pace = Pace { fps: (frames - before.1) as f64 / seconds, bitrate_bps: (bits / seconds) as u64 };
                        before = (Instant::now(), frames, bytes);
                    }
                }
                _ = changes.changed() => {}
            }
            sender.send_replace(self.status(&pace));
        }
    }

    /// The recording that was begun last.
    pub(crate) fn set_recording(&self, recording: RecordingWatch) {
        *self.recording.lock().unwrap_or_else(PoisonError::into_inner) = Some(recording);
    }

    /// The replay that was saved last.
    pub(crate) fn set_replay(&self, replay: RecordingWatch) {
        *self.replay.lock().unwrap_or_else(PoisonError::into_inner) = Some(replay);
    }

    /// The status now.
    pub(crate) fn status(&self, pace: &Pace) -> Status {
        let counters = &self.output.counters;
        let (encoder, replaced_encoder) = self.output.encoder.get();
        let outlets = self.output.outlets.all();
        let failure = self.output.failure();
        Status {
            destinations: outlets.iter().map(|outlet| outlet.status(self.encodes.told(outlet))).collect(),
            encoder,
            replaced_encoder,
            picture: self.output.wanted.shape(),
            easier: self.output.wanted.easier(),
            recording: told(&self.recording),
            replay: told(&self.replay),
            fps: pace.fps,
            bitrate_bps: pace.bitrate_bps,
            frames: counters.frames.load(Ordering::Relaxed),
            dropped_frames: self.program.frames.dropped() + counters.skipped.load(Ordering::Relaxed),
            repeated_frames: counters.repeated.load(Ordering::Relaxed),
            silent_samples: self.program.silent_samples.load(Ordering::Relaxed),
            duration: self.started.elapsed(),
            source_ended: counters.ended.load(Ordering::Relaxed) || failure.is_some(),
            failure,
        }
    }
}

fn told(watch: &Mutex<Option<RecordingWatch>>) -> Option<RecordingStatus> {
    watch.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(RecordingWatch::status)
}

/// A shorter interval gives no rate worth showing.
const PACE_SECONDS_MIN: f64 = 0.5;
