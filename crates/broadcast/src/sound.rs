//! The line of one sound: placed gap-free, kept beside the first one, treated, handed to the mixer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use capture::{AudioInput, AudioSource, AudioStep, AvSync, Captured, Placed, Stop};
use media::{Span, Timestamp};

use crate::mixer::{Align, CHANNELS, Mixer, RATE, Strip};
use crate::program::Program;

/// Runs on the thread that owns the source.
pub(crate) struct SoundLine {
    /// Which sound of the mixer; the first one is the timing master.
    index: usize,
    input: AudioInput,
    source: Option<AudioSource>,
    program: Arc<Program>,
    mixer: Arc<Mixer>,
    stop: Stop,
    sync: AvSync,
    align: Align,
    strip: Strip,
}

impl SoundLine {
    /// A line that begins now.
    pub(crate) fn new(
        (index, input): (usize, AudioInput),
        source: AudioSource,
        program: Arc<Program>,
        mixer: Arc<Mixer>,
        stop: Stop,
    ) -> SoundLine {
        let sync = AvSync::new(RATE, program.clock.now());
        let (settings, heard) = mixer.settings(index);
        let strip = Strip::new(settings, heard);
        let align = Align::default();
        SoundLine { index, input, source: Some(source), program, mixer, stop, sync, align, strip }
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
            self.emit(placed, Arc::default());
        }
        let placed = self.sync.block(block.arrived, block.device_time, block.frames());
        let samples = match placed.skip {
            0 => Arc::clone(&block.samples),
            skip => block.samples[skip * CHANNELS..].into(),
        };
        self.emit(placed, samples);
    }

    fn idle(&mut self) {
        if let Some(placed) = self.sync.idle(self.program.clock.now()) {
            self.emit(placed, Arc::default());
        }
    }

    fn end(&mut self) {
        self.source = None;
        self.mixer.end();
    }

    /// Keeps the line going after its source has ended.
    fn silence(&mut self) {
        let clock = self.program.clock;
        if !self.stop.wait_until(clock.instant(clock.now() + SILENCE_BLOCK)) {
            let placed = self.sync.fill_to(clock.now());
            self.emit(placed, Arc::default());
        }
    }

    fn emit(&mut self, placed: Placed, samples: Arc<[f32]>) {
        if self.index == 0 {
            self.program.set_offset(self.sync.offset());
        }
        self.program.silent_samples.fetch_add(placed.silence as u64, Ordering::Relaxed);
        let mut pts = placed.pts;
        let mut left = placed.silence;
        while left > 0 {
            let frames = left.min(SILENCE_FRAMES_MAX);
            self.send(pts, vec![0.0; frames * CHANNELS].into());
            pts += Span::from_ticks(frames as i64, RATE);
            left -= frames;
        }
        if !samples.is_empty() {
            self.send(pts, samples);
        }
    }

    fn send(&mut self, pts: Timestamp, samples: Arc<[f32]>) {
        // From this line's time to the clock's, and from there to the first line's.
        let time = pts - self.sync.offset() + self.program.offset();
        let (at, samples) = match self.index {
            0 => (pts.ticks(RATE), samples),
            _ => self.align.process(time, samples),
        };
        let (settings, heard) = self.mixer.settings(self.index);
        self.strip.set(&settings, heard);
        let (samples, levels) = self.strip.process(samples);
        self.mixer.push(self.index, at, samples, levels);
    }
}

/// Pieces in which silence is made after the source's end.
const SILENCE_BLOCK: Span = Span::from_millis(20);

/// A long gap is filled in pieces of half a second, 192 kB each.
const SILENCE_FRAMES_MAX: usize = 24_000;
