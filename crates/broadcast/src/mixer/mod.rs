//! The mixer: what is set for each sound, and the sum of all on its way to the encoder.
//!
//! Each sound has a thread of its own (`sound.rs`), which places it (`AvSync`), keeps it beside the first one ([`Align`])
//! and treats it ([`Strip`]). Here they are added ([`Sum`]), measured and handed on. The first sound is the timing
//! master: its line is never retimed, and pictures follow it.

mod align;
mod compressor;
mod delay;
mod limiter;
mod noise;
mod ramp;
mod settings;
mod strip;
mod sum;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use capture::SAMPLE_RATE;
use media::{AudioFrame, Timescale, Timestamp};
use tokio::sync::watch;

use crate::levels::{Levels, LoudnessMeter, Meter, SoundLevels};
use crate::program::Program;

pub(crate) use align::Align;
pub use settings::{Sound, SoundSettings};
pub(crate) use strip::Strip;
use sum::{Mixed, Sum};

/// What the threads of all sounds share.
pub(crate) struct Mixer {
    settings: Mutex<Vec<SoundSettings>>,
    desk: Mutex<Desk>,
    program: Arc<Program>,
    levels: watch::Sender<SoundLevels>,
    /// Sounds that have not come to their end.
    sounding: AtomicUsize,
}

/// Where all sounds meet.
struct Desk {
    sum: Sum,
    meter: Meter,
    loudness: LoudnessMeter,
    levels: SoundLevels,
}

impl Mixer {
    /// For sounds with these settings.
    pub(crate) fn new(
        settings: Vec<SoundSettings>,
        program: Arc<Program>,
        levels: watch::Sender<SoundLevels>,
    ) -> Mixer {
        let sounds = settings.len();
        let mut sum = Sum::new(sounds);
        if settings.iter().any(SoundSettings::may_raise_peaks) {
            sum.limit();
        }
        let desk = Desk {
            sum,
            meter: Meter::default(),
            loudness: LoudnessMeter::new(),
            levels: SoundLevels::silence(sounds),
        };
        let (settings, desk) = (Mutex::new(settings), Mutex::new(desk));
        Mixer { settings, desk, program, levels, sounding: AtomicUsize::new(sounds) }
    }

    /// What is set for sound `index`, and whether it is heard.
    pub(crate) fn settings(&self, index: usize) -> (SoundSettings, bool) {
        let all = self.all_settings();
        let own = all[index].clone();
        let solo = all.iter().any(|settings| settings.solo);
        let heard = !own.muted && (own.solo || !solo);
        (own, heard)
    }

    /// Sets another; it was checked. `false` when there is no such sound.
    pub(crate) fn set(&self, index: usize, settings: SoundSettings) -> bool {
        let mut all = self.all_settings();
        let Some(own) = all.get_mut(index) else { return false };
        if settings.may_raise_peaks() {
            self.desk().sum.limit();
        }
        *own = settings;
        true
    }

    /// Takes the next samples of sound `index`, the first of which belong at `at` of the first sound's timeline.
    pub(crate) fn push(&self, index: usize, at: i64, samples: Arc<[f32]>, levels: Option<Levels>) {
        let mut desk = self.desk();
        if let Some(levels) = levels {
            desk.levels.sounds[index] = levels;
        }
        desk.sum.set_heard(!self.program.muted.load(Ordering::Relaxed));
        let Some(mixed) = desk.sum.push(index, at, samples) else { return };
        if self.program.measure_anew.swap(false, Ordering::Relaxed) {
            desk.loudness.reset();
        }
        desk.measure(&mixed, &self.levels);
        self.program.silent_samples.fetch_add(mixed.missing as u64, Ordering::Relaxed);
        // Still under the lock: blocks leave in the order of their times.
        self.program.push_sound(AudioFrame {
            pts: Timestamp::from_ticks(mixed.at, RATE),
            sample_rate: SAMPLE_RATE,
            channels: CHANNELS as u8,
            samples: mixed.samples,
        });
    }

    /// A sound has come to its end; silence follows.
    pub(crate) fn end(&self) {
        if self.sounding.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.program.sound_ended.store(true, Ordering::Relaxed);
        }
    }

    fn all_settings(&self) -> MutexGuard<'_, Vec<SoundSettings>> {
        // Settings are replaced whole, so they are sound whatever happened to another thread.
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        // A sound whose thread panicked must not take the others with it.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    fn measure(&mut self, mixed: &Mixed, told: &watch::Sender<SoundLevels>) {
        self.loudness.take(&mixed.samples);
        if let Some(levels) = self.meter.take(&mixed.samples) {
            self.levels.mix = levels;
            self.levels.loudness = self.loudness.get();
            told.send_replace(self.levels.clone());
        }
    }
}

/// Left and right.
pub(crate) const CHANNELS: usize = 2;

/// [`SAMPLE_RATE`] as a timescale.
pub(crate) const RATE: Timescale = match Timescale::new(SAMPLE_RATE) {
    Some(rate) => rate,
    None => panic!("the sample rate is not 0"),
};

const FRAMES_PER_SECOND: f32 = SAMPLE_RATE as f32;

#[cfg(test)]
mod tests;
