//! Where the packets of both encoders meet, and the sound encoder's thread.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use capture::Stop;
use media::{AudioFrame, MediaEvent, Packet, Span, Timestamp, Track};

use crate::adaptation::Wanted;
use crate::delay_line::DelayLine;
use crate::encoder_state::EncoderState;
use crate::encodes::{EncodeId, Encodes};
use crate::interleaver::{Interleaver, Turn};
use crate::ladder::Shape;
use crate::outlets::{Outlet, Outlets};
use crate::program::Program;
use crate::recorder::Recorder;
use crate::replay::ReplayBuffer;

/// Where both encoders put their packets: merged by time, then to every destination that has this encode.
pub(crate) struct Output {
    pub(crate) id: EncodeId,
    merged: Mutex<Interleaver>,
    /// As they are once everything that waits has left. Locked after `merged` where both are.
    tracks: Mutex<Arc<[Track]>>,
    pub(crate) outlets: Arc<Outlets>,
    /// What stands between the encoders and the destinations, not between them and the recording.
    delayed: Mutex<DelayLine>,
    recorder: Mutex<Option<Recorder>>,
    replay: Mutex<Option<ReplayBuffer>>,
    pub(crate) counters: Counters,
    pub(crate) encoder: EncoderState,
    pub(crate) wanted: Wanted,
}

/// How an output begins.
pub(crate) struct Kept {
    /// Which encode it is of.
    pub(crate) id: EncodeId,
    /// Everybody's, whatever encode they have.
    pub(crate) outlets: Arc<Outlets>,
    /// How much later destinations get everything.
    pub(crate) delay: Span,
    /// How much of the last is kept to be saved.
    pub(crate) replay: Option<Span>,
    /// What the picture encoder begins with.
    pub(crate) shape: Shape,
}

/// What was encoded so far.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) bytes: AtomicU64,
    pub(crate) frames: AtomicU64,
    pub(crate) repeated: AtomicU64,
    pub(crate) skipped: AtomicU64,
    /// How much of the time between two pictures the encoder takes, over the last ones.
    pub(crate) busy_permille: AtomicU32,
    pub(crate) ended: AtomicBool,
    failure: Mutex<Option<String>>,
}

impl Counters {
    /// The encoder took so long for one of `fps` pictures a second.
    pub(crate) fn took(&self, took: Span, fps: u32) {
        let now = took.as_secs_f64() * f64::from(fps) * 1e3;
        let before = f64::from(self.busy_permille.load(Ordering::Relaxed));
        // A hiccup of a second in which nothing went is as much as can be counted.
        let smooth = before + (now.clamp(0.0, 1e3 * f64::from(fps)) - before) * BUSY_SHARE;
        self.busy_permille.store(smooth as u32, Ordering::Relaxed);
    }
}

impl Output {
    /// Of `tracks`, to nobody yet.
    pub(crate) fn new(tracks: Arc<[Track]>, encoder: EncoderState, kept: Kept) -> Output {
        let merged = Mutex::new(Interleaver::new(tracks.iter().map(|track| track.id)));
        let replay = kept.replay.map(|span| ReplayBuffer::new(span, Arc::clone(&tracks)));
        let output = Output {
            id: kept.id,
            merged,
            tracks: Mutex::new(Arc::clone(&tracks)),
            outlets: kept.outlets,
            delayed: Mutex::new(DelayLine::new(kept.delay)),
            recorder: Mutex::new(None),
            replay: Mutex::new(replay),
            counters: Counters::default(),
            encoder,
            wanted: Wanted::new(kept.shape),
        };
        output.delay(MediaEvent::Tracks(tracks));
        output
    }

    /// The next packet of this track is coded as `track` says; where that is news, the tracks go before it.
    pub(crate) fn change_track(&self, track: Track) {
        let mut merged = self.merged();
        let mut tracks = self.tracks.lock().unwrap_or_else(PoisonError::into_inner);
        if tracks.contains(&track) {
            return;
        }
        let id = track.id;
        *tracks = tracks.iter().map(|old| if old.id == id { track.clone() } else { old.clone() }).collect();
        merged.announce(id, Arc::clone(&tracks));
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
            if let Some(recorder) = self.recorder().as_ref() {
                recorder.push(&event);
            }
            if let Some(replay) = self.replay.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                replay.push(&event);
            }
            self.delay(event);
        }
    }

    fn delay(&self, event: MediaEvent) {
        let now = {
            let mut delayed = self.delayed();
            delayed.push(event);
            delayed.newest().unwrap_or(Timestamp::ZERO)
        };
        self.release(now);
    }

    /// Sends what is due when the newest media is of `now`.
    fn release(&self, now: Timestamp) {
        let mut delayed = self.delayed();
        while let Some(event) = delayed.pop(now) {
            self.outlets.push(self.id, &event);
        }
    }

    /// Sends what is still delayed, each piece at its time; both encoders have ended.
    pub(crate) async fn drain(&self) {
        let Some(newest) = self.delayed().newest() else { return };
        let ended = tokio::time::Instant::now();
        loop {
            let due = self.delayed().due();
            let Some(due) = due else { return };
            // The delay itself: each piece has a time of its own at which it is due.
            tokio::time::sleep_until(ended + Duration::from(due - newest)).await;
            self.release(due);
        }
    }

    /// How much later destinations get everything.
    pub(crate) fn stream_delay(&self) -> Span {
        self.delayed().span()
    }

    /// What was encoded last; `None` when it is not kept.
    pub(crate) fn replay(&self) -> Option<Vec<MediaEvent>> {
        let replay = self.replay.lock().unwrap_or_else(PoisonError::into_inner);
        replay.as_ref().map(ReplayBuffer::events)
    }

    fn delayed(&self) -> MutexGuard<'_, DelayLine> {
        self.delayed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records from the next keyframe on, in the place of what records now, which is finished.
    pub(crate) fn record(&self, recorder: Option<Recorder>) {
        // Nothing of the stream may come between the tracks and what follows them.
        let _merged = self.merged();
        if let Some(recorder) = &recorder {
            let tracks = self.tracks.lock().unwrap_or_else(PoisonError::into_inner);
            recorder.push(&MediaEvent::Tracks(Arc::clone(&tracks)));
        }
        *self.recorder() = recorder;
    }

    /// Sends to one more destination, which begins at the next keyframe.
    pub(crate) fn add(&self, outlet: Arc<Outlet>) {
        // Nothing may leave between the tracks and what follows them. Where nothing has left yet they come by themselves.
        let delayed = self.delayed();
        if let Some(tracks) = delayed.tracks() {
            outlet.feed.push(&MediaEvent::Tracks(tracks));
        }
        self.outlets.add(outlet);
    }

    /// The tracks of the sound as they are once everything that waits has left.
    pub(crate) fn sound_tracks(&self) -> Vec<Track> {
        let tracks = self.tracks.lock().unwrap_or_else(PoisonError::into_inner);
        tracks.iter().filter(|track| !track.is_video()).cloned().collect()
    }

    /// Lets a destination of another encode go over to this one.
    pub(crate) fn take_over(&self, outlet: &Outlet) {
        // Nothing may leave between the tracks and what follows them.
        let delayed = self.delayed();
        outlet.go_over(self.id, delayed.tracks());
    }

    /// Whether a destination asked for a keyframe since the last call.
    pub(crate) fn take_keyframe_request(&self) -> bool {
        self.outlets.take_keyframe_request(self.id)
    }

    fn recorder(&self) -> MutexGuard<'_, Option<Recorder>> {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn fail(&self, error: &encode::Error) {
        tracing::error!(%error, "encoding failed");
        *self.counters.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
        self.outlets.tell();
    }

    /// Whether nothing new comes from the source; told at once, so that a broadcast of one file is not longer than the file.
    pub(crate) fn set_ended(&self, ended: bool) {
        if self.counters.ended.swap(ended, Ordering::Relaxed) != ended {
            self.outlets.tell();
        }
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
    /// Of the encode that all share.
    pub(crate) output: Arc<Output>,
    /// The others.
    pub(crate) encodes: Arc<Encodes>,
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
                    Ok(packets) => hand_out(packets, &self.encodes, &self.output),
                    Err(error) => return self.output.fail(&error),
                },
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.alone && self.program.sound_ended.load(Ordering::Relaxed) {
                self.output.set_ended(true);
            }
        }
        match self.encoder.finish() {
            Ok(packets) => hand_out(packets, &self.encodes, &self.output),
            Err(error) => self.output.fail(&error),
        }
    }
}

/// All encodes have the same packets of sound.
fn hand_out(packets: Vec<Packet>, encodes: &Encodes, shared: &Output) {
    encodes.send_sound(&packets);
    shared.send(packets);
}

/// What the last picture counts in how busy an encoder is: some thirty pictures are looked back on.
const BUSY_SHARE: f64 = 1.0 / 32.0;

/// How long the sound encoder waits before it looks whether to stop.
const BLOCK_WAIT: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use testkit::Source;

    use super::*;

    #[test]
    fn a_recording_may_begin_while_the_encoder_becomes_another() {
        let tracks = Source::default().tracks();
        let shape = Shape { size: media::Size::new(64, 48), fps: 25, bitrate_bps: 200_000 };
        let (outlets, delay) = (Arc::new(Outlets::new()), Span::ZERO);
        let kept = Kept { id: EncodeId::SHARED, outlets, delay, replay: None, shape };
        let output = Arc::new(Output::new(Arc::clone(&tracks), EncoderState::new(None), kept));
        let (done, both) = std::sync::mpsc::channel();
        let changing = (Arc::clone(&output), tracks[0].clone(), done.clone());
        std::thread::spawn(move || {
            let (output, mut track, done) = changing;
            for number in 1..=ROUNDS {
                track.timescale = media::Timescale::new(number).expect("not 0");
                output.change_track(track.clone());
            }
            done.send(())
        });
        std::thread::spawn(move || {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let (recorder, _thread) = Recorder::start(&folder.path().join("a.mp4")).expect("a file in it");
            let mut recorder = Some(recorder);
            for _ in 0..ROUNDS {
                output.record(recorder.take());
                recorder = output.recorder().take();
            }
            done.send(())
        });
        for _ in 0..2 {
            assert!(both.recv_timeout(Duration::from_secs(45)).is_ok(), "each waits for the other");
        }
    }

    /// Enough for two threads to meet.
    const ROUNDS: u32 = 20_000;
}
