//! The line of one sound: placed gap-free, kept beside the first one, treated, handed to the mixer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use capture::{AudioInput, AudioSource, AudioStep, AvSync, Captured, Placed, Stop, Trouble};
use media::{Span, Timestamp};

use crate::mixer::{Align, CHANNELS, Mixer, RATE, Strip};
use crate::program::Program;

/// Runs on the thread that owns the source.
pub(crate) struct SoundLine {
    /// Which sound of the mixer, the first one is the timing master; and which line of it.
    place: (usize, usize),
    input: AudioInput,
    source: Option<AudioSource>,
    /// What the mixer was told of the source's trouble.
    trouble: Option<Trouble>,
    /// How often nothing came since the line was to leave.
    idle: u32,
    program: Arc<Program>,
    mixer: Arc<Mixer>,
    stop: Stop,
    sync: AvSync,
    align: Align,
    strip: Strip,
}

impl SoundLine {
    /// A line that begins where the mix is; before the mix begins, now. Without a source it is silent.
    pub(crate) fn new(
        place: (usize, usize),
        (input, source): (AudioInput, Option<AudioSource>),
        program: Arc<Program>,
        mixer: Arc<Mixer>,
        stop: Stop,
    ) -> SoundLine {
        // The first sound's line goes on where the one before it was. Others have a timeline of their own.
        let sync = match (place.0, mixer.position()) {
            (0, Some(at)) => AvSync::new(RATE, Timestamp::from_ticks(at, RATE)).after(program.offset()),
            _ => AvSync::new(RATE, program.clock.now()),
        };
        let (settings, heard) = mixer.settings(place.0);
        let strip = Strip::new(settings, heard);
        let align = Align::default();
        let (trouble, idle) = (None, 0);
        SoundLine { place, input, source, trouble, idle, program, mixer, stop, sync, align, strip }
    }

    /// Until stopped, or put away and faded. A source that ends or breaks off leaves silence behind it.
    pub(crate) fn run(mut self) {
        while !self.stop.is_stopped() && self.idle < IDLE_MAX {
            let heard = match self.source.as_mut().map(|source| source.next(&self.stop)) {
                Some(Ok(AudioStep::Block(block))) => self.block(&block),
                Some(Ok(AudioStep::Idle)) => self.idle(),
                Some(Ok(AudioStep::Ended)) => self.end(),
                Some(Err(error)) => {
                    tracing::warn!(input = ?self.input, %error, "the sound source broke off");
                    self.mixer.tell_of(self.place, Some((&error).into()));
                    self.end()
                }
                None => self.silence(),
            };
            if !heard {
                break;
            }
            self.tell_trouble();
        }
        self.mixer.close(self.place.1);
    }

    fn tell_trouble(&mut self) {
        let Some(source) = &self.source else { return };
        if source.trouble() != self.trouble.as_ref() {
            self.trouble = source.trouble().cloned();
            self.mixer.tell_of(self.place, self.trouble.clone());
        }
    }

    /// Like all that follow: `false` when nothing more of this line is heard.
    fn block(&mut self, block: &Captured) -> bool {
        let mut heard = true;
        if block.lost > 0 {
            let placed = self.sync.lost(block.lost);
            heard = self.emit(placed, Arc::default());
        }
        let placed = self.sync.block(block.arrived, block.device_time, block.frames());
        let samples = match placed.skip {
            0 => Arc::clone(&block.samples),
            skip => block.samples[skip * CHANNELS..].into(),
        };
        heard && self.emit(placed, numbers(samples))
    }

    fn idle(&mut self) -> bool {
        if !self.mixer.is_there(self.place.0, self.place.1) {
            self.idle += 1;
        }
        self.sync.idle(self.program.clock.now()).is_none_or(|placed| self.emit(placed, Arc::default()))
    }

    fn end(&mut self) -> bool {
        self.source = None;
        self.mixer.end(self.place);
        true
    }

    /// Keeps the line going after its source has ended.
    fn silence(&mut self) -> bool {
        let clock = self.program.clock;
        if self.stop.wait_until(clock.instant(clock.now() + SILENCE_BLOCK)) {
            return false;
        }
        let placed = self.sync.fill_to(clock.now());
        self.emit(placed, Arc::default())
    }

    fn emit(&mut self, placed: Placed, samples: Arc<[f32]>) -> bool {
        let there = self.mixer.is_there(self.place.0, self.place.1);
        if there {
            if self.place.0 == 0 {
                self.program.set_offset(self.sync.offset());
            }
            let (settings, heard) = self.mixer.settings(self.place.0);
            self.strip.set(&settings, heard);
        }
        self.program.silent_samples.fetch_add(placed.silence as u64, Ordering::Relaxed);
        let mut heard = true;
        let mut pts = placed.pts;
        let mut left = placed.silence;
        while left > 0 && heard {
            let frames = left.min(SILENCE_FRAMES_MAX);
            heard = self.send(pts, vec![0.0; frames * CHANNELS].into());
            pts += Span::from_ticks(frames as i64, RATE);
            left -= frames;
        }
        if samples.is_empty() || !heard { heard } else { self.send(pts, samples) }
    }

    fn send(&mut self, pts: Timestamp, samples: Arc<[f32]>) -> bool {
        // From this line's time to the clock's, and from there to the first line's.
        let time = pts - self.sync.offset() + self.program.offset();
        let (at, samples) = match self.place.0 {
            0 => (pts.ticks(RATE), samples),
            _ => self.align.process(time, samples),
        };
        let (samples, levels) = self.strip.process(samples);
        self.mixer.push(self.place, at, samples, levels)
    }
}

/// The same samples where all are of a size that sound has. Files and drivers may hold what is no number, or beyond all
/// numbers: no encoder takes that, and filters never forget it.
fn numbers(samples: Arc<[f32]>) -> Arc<[f32]> {
    let is_sound = |sample: &f32| sample.abs() <= LOUDEST;
    if samples.iter().all(is_sound) {
        return samples;
    }
    samples.iter().map(|sample| if is_sound(sample) { *sample } else { 0.0 }).collect()
}

/// 24 dB above full scale: further than anybody records.
const LOUDEST: f32 = 16.0;

/// A source from which nothing comes for so many of its bounded waits has nothing to fade.
const IDLE_MAX: u32 = 8;

/// Pieces in which silence is made after the source's end.
const SILENCE_BLOCK: Span = Span::from_millis(20);

/// A long gap is filled in pieces of half a second, 192 kB each.
const SILENCE_FRAMES_MAX: usize = 24_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_silence_and_all_else_is_untouched() {
        let sound: Arc<[f32]> = [0.0, -1.0, 1.5, 15.9].into();
        assert!(Arc::ptr_eq(&sound, &numbers(Arc::clone(&sound))));
        let broken = [f32::NAN, 0.5, f32::INFINITY, -f32::INFINITY, -1e30, -0.25];
        assert_eq!(*numbers(broken.into()), [0.0, 0.5, 0.0, 0.0, 0.0, -0.25]);
    }
}
