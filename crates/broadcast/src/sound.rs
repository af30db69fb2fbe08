//! The sound line: one source, placed gap-free, measured, muted, handed on.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use capture::{AudioInput, AudioSource, AudioStep, AvSync, Captured, Placed, SAMPLE_RATE, Stop};
use media::{AudioFrame, Span, Timescale, Timestamp};
use tokio::sync::watch;

use crate::Levels;
use crate::levels::Meter;
use crate::program::Program;

/// Runs on the thread that owns the source.
pub(crate) struct SoundLine {
    pub(crate) input: AudioInput,
    pub(crate) source: Option<AudioSource>,
    pub(crate) program: Arc<Program>,
    pub(crate) levels: watch::Sender<Levels>,
    pub(crate) stop: Stop,
    pub(crate) sync: AvSync,
    pub(crate) meter: Meter,
}

impl SoundLine {
    /// A line that begins now.
    pub(crate) fn new(
        input: AudioInput,
        source: AudioSource,
        program: Arc<Program>,
        levels: watch::Sender<Levels>,
        stop: Stop,
    ) -> SoundLine {
        let sync = AvSync::new(RATE, program.clock.now());
        SoundLine { input, source: Some(source), program, levels, stop, sync, meter: Meter::default() }
    }

    /// Until stopped. A source that ends or breaks off leaves silence behind it.
    pub(crate) fn run(mut self) {
        while !self.stop.is_stopped() {
            match self.source.as_mut().map(|source| source.next(&self.stop)) {
                Some(Ok(AudioStep::Block(block))) => self.block(&block),
                Some(Ok(AudioStep::Idle)) => self.idle(),
                Some(Ok(AudioStep::Ended)) => self.end(),
                Some(Err(error)) => {
                    tracing::warn!(input = ?self.input, %error, "the sound source broke off");
                    self.end();
                }
                None => self.silence(),
            }
        }
    }

    fn block(&mut self, block: &Captured) {
        if block.lost > 0 {
            let placed = self.sync.lost(block.lost);
            self.emit(placed, &[]);
        }
        let placed = self.sync.block(block.arrived, block.device_time, block.frames());
        self.emit(placed, &block.samples[placed.skip * CHANNELS..]);
    }

    fn idle(&mut self) {
        if let Some(placed) = self.sync.idle(self.program.clock.now()) {
            self.emit(placed, &[]);
        }
    }

    fn end(&mut self) {
        self.source = None;
        self.program.sound_ended.store(true, Ordering::Relaxed);
    }

    /// Keeps the line going after its source has ended.
    fn silence(&mut self) {
        let clock = self.program.clock;
        if !self.stop.wait_until(clock.instant(clock.now() + SILENCE_BLOCK)) {
            let placed = self.sync.fill_to(clock.now());
            self.emit(placed, &[]);
        }
    }

    fn emit(&mut self, placed: Placed, samples: &[f32]) {
        self.program.set_offset(self.sync.offset());
        self.program.silent_samples.fetch_add(placed.silence as u64, Ordering::Relaxed);
        let mut pts = placed.pts;
        let mut left = placed.silence;
        while left > 0 {
            let frames = left.min(SILENCE_FRAMES_MAX);
            self.send(pts, &vec![0.0; frames * CHANNELS]);
            pts += Span::from_ticks(frames as i64, RATE);
            left -= frames;
        }
        if !samples.is_empty() {
            self.send(pts, samples);
        }
    }

    fn send(&mut self, pts: Timestamp, samples: &[f32]) {
        if let Some(levels) = self.meter.take(samples) {
            self.levels.send_replace(levels);
        }
        let samples: Arc<[f32]> = if self.program.muted.load(Ordering::Relaxed) {
            vec![0.0; samples.len()].into()
        } else {
            samples.into()
        };
        self.program.push_sound(AudioFrame {
            pts,
            sample_rate: SAMPLE_RATE,
            channels: CHANNELS as u8,
            samples,
        });
    }
}

const CHANNELS: usize = 2;

const RATE: Timescale = match Timescale::new(SAMPLE_RATE) {
    Some(rate) => rate,
    None => panic!("the sample rate is not 0"),
};

/// Pieces in which silence is made after the source's end.
const SILENCE_BLOCK: Span = Span::from_millis(20);

/// A long gap is filled in pieces of half a second, 192 kB each.
const SILENCE_FRAMES_MAX: usize = 24_000;
