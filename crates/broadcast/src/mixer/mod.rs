//! The mixer: what is set for each sound, and the sum of all on its way to the encoder.
//!
//! Each sound has a thread of its own (`sound.rs`), which places it (`AvSync`), keeps it beside the first one ([`Align`])
//! and treats it ([`Strip`]). Here they are added ([`Sum`]), measured and handed on. The first sound is the timing
//! master: its line is never retimed, and pictures follow it. Sounds come and go: each has a place, and the line that sounds
//! there is another after each change, while the one before it fades.

mod align;
mod compressor;
mod delay;
mod limiter;
mod noise;
mod ramp;
mod settings;
mod strip;
mod sum;
mod true_peak;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use capture::{AudioInput, SAMPLE_RATE, Trouble};
use media::{AudioFrame, Timescale, Timestamp};
use tokio::sync::watch;

use crate::Error;
use crate::levels::{Levels, LoudnessMeter, Meter, SoundLevels};
use crate::program::Program;

pub(crate) use align::Align;
pub use settings::{Sound, SoundSettings};
pub(crate) use strip::Strip;
use sum::{Mixed, Sum};

/// What the threads of all sounds share.
pub(crate) struct Mixer {
    /// Locked before `desk` where both are.
    places: Mutex<Vec<Place>>,
    desk: Mutex<Desk>,
    program: Arc<Program>,
    levels: watch::Sender<SoundLevels>,
    trouble: watch::Sender<Vec<Option<Trouble>>>,
}

/// One of the sounds.
struct Place {
    settings: SoundSettings,
    /// The line of [`Sum`] that sounds here now.
    line: usize,
    state: PlaceState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PlaceState {
    /// Nothing sounds here; a line may keep the time with silence.
    Free,
    Sounding,
    /// The source has come to its end.
    Ended,
}

/// Where all sounds meet.
struct Desk {
    sum: Sum,
    meter: Meter,
    loudness: LoudnessMeter,
    levels: SoundLevels,
}

impl Mixer {
    /// Of these sounds; silence takes a place and leaves it free.
    pub(crate) fn new(sounds: &[Sound], program: Arc<Program>, levels: watch::Sender<SoundLevels>) -> Mixer {
        let mut sum = Sum::new(sounds.len());
        if sounds.iter().any(|sound| sound.settings.may_raise_peaks()) {
            sum.limit();
        }
        let desk = Desk {
            sum,
            meter: Meter::default(),
            loudness: LoudnessMeter::new(),
            levels: SoundLevels::silence(sounds.len()),
        };
        let place = |(line, sound): (usize, &Sound)| Place {
            settings: sound.settings.clone(),
            line,
            state: PlaceState::of(&sound.input),
        };
        let places = Mutex::new(sounds.iter().enumerate().map(place).collect());
        let trouble = watch::Sender::new(vec![None; sounds.len()]);
        Mixer { places, desk: Mutex::new(desk), program, levels, trouble }
    }

    /// What is set for sound `index`, and whether it is heard.
    pub(crate) fn settings(&self, index: usize) -> (SoundSettings, bool) {
        let places = self.places();
        let own = places.get(index).map(|place| place.settings.clone()).unwrap_or_default();
        let sounds = || places.iter().filter(|place| place.state != PlaceState::Free);
        let heard = !own.muted && (own.solo || !sounds().any(|place| place.settings.solo));
        (own, heard)
    }

    /// Sets another; it was checked.
    ///
    /// # Errors
    /// [`Error::NoSuchSound`] when there is none.
    pub(crate) fn set(&self, index: usize, settings: SoundSettings) -> Result<(), Error> {
        let mut places = self.places();
        let count = places.len();
        let place = places.get_mut(index).filter(|place| place.state != PlaceState::Free);
        let place = place.ok_or(Error::NoSuchSound { index, count })?;
        if settings.may_raise_peaks() {
            self.desk().sum.limit();
        }
        place.settings = settings;
        Ok(())
    }

    /// The first place where nothing sounds; one past the last when there is none.
    pub(crate) fn free_place(&self) -> usize {
        let places = self.places();
        places.iter().position(|place| place.state == PlaceState::Free).unwrap_or(places.len())
    }

    /// What sounds at `index`.
    ///
    /// # Errors
    /// [`Error::NoSuchSound`] when nothing does.
    pub(crate) fn sounding(&self, index: usize) -> Result<SoundSettings, Error> {
        let places = self.places();
        let place = places.get(index).filter(|place| place.state != PlaceState::Free);
        let there = place.map(|place| place.settings.clone());
        there.ok_or(Error::NoSuchSound { index, count: places.len() })
    }

    /// Puts a line at `index`, which is a place or one past the last; the line that was there fades. Returns the new line.
    pub(crate) fn put(&self, index: usize, sound: &Sound) -> usize {
        let mut places = self.places();
        let mut desk = self.desk();
        let line = desk.sum.join();
        let place = Place { settings: sound.settings.clone(), line, state: PlaceState::of(&sound.input) };
        match places.get_mut(index) {
            Some(old) => {
                desk.sum.leave(old.line);
                *old = place;
            }
            None => {
                places.push(place);
                desk.levels.sounds.push(Levels::SILENCE);
                self.trouble.send_modify(|all| all.push(None));
            }
        }
        desk.levels.sounds[index] = Levels::SILENCE;
        let sounds = places.iter().filter(|place| place.state != PlaceState::Free);
        if sounds.count() > 1 || sound.settings.may_raise_peaks() {
            desk.sum.limit();
        }
        self.levels.send_replace(desk.levels.clone());
        drop(desk);
        self.tell(index, None);
        self.look_for_end(&places);
        line
    }

    /// Frees the place `index`; the line that was there fades.
    pub(crate) fn take_away(&self, index: usize) {
        let mut places = self.places();
        let Some(place) = places.get_mut(index) else { return };
        (place.state, place.settings) = (PlaceState::Free, SoundSettings::default());
        let mut desk = self.desk();
        desk.sum.leave(place.line);
        desk.levels.sounds[index] = Levels::SILENCE;
        self.levels.send_replace(desk.levels.clone());
        drop(desk);
        self.tell(index, None);
        self.look_for_end(&places);
    }

    /// Whether the line sounds at `index`, and was not put away.
    pub(crate) fn is_there(&self, index: usize, line: usize) -> bool {
        self.places().get(index).is_some_and(|place| place.line == line) && self.desk().sum.takes(line)
    }

    /// Takes the next samples of a line at `index`, the first of which belong at `at` of the first sound's timeline. `false`
    /// when nothing more of it is heard.
    pub(crate) fn push(
        &self,
        (index, line): (usize, usize),
        at: i64,
        samples: Arc<[f32]>,
        levels: Option<Levels>,
    ) -> bool {
        let current = self.places().get(index).is_some_and(|place| place.line == line);
        let mut desk = self.desk();
        if let Some(levels) = levels
            && current
        {
            desk.levels.sounds[index] = levels;
        }
        desk.sum.set_heard(!self.program.muted.load(Ordering::Relaxed));
        let Some(mixed) = desk.sum.push(line, at, samples) else { return desk.sum.takes(line) };
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
        desk.sum.takes(line)
    }

    /// A line's thread is over.
    pub(crate) fn close(&self, line: usize) {
        self.desk().sum.close(line);
    }

    /// The sound of this line has come to its end; silence follows.
    pub(crate) fn end(&self, (index, line): (usize, usize)) {
        let mut places = self.places();
        if let Some(place) = places.get_mut(index).filter(|place| place.line == line) {
            place.state = PlaceState::Ended;
        }
        self.look_for_end(&places);
    }

    /// Why nothing comes from the source of this line.
    pub(crate) fn tell_of(&self, (index, line): (usize, usize), why: Option<Trouble>) {
        let places = self.places();
        if places.get(index).is_some_and(|place| place.line == line) {
            self.tell(index, why);
        }
    }

    /// What [`Mixer::tell_of`] told last of each sound.
    pub(crate) fn trouble(&self) -> watch::Receiver<Vec<Option<Trouble>>> {
        self.trouble.subscribe()
    }

    /// Where the next frame of the mix goes.
    pub(crate) fn position(&self) -> Option<i64> {
        self.desk().sum.position()
    }

    /// How many places there are.
    pub(crate) fn len(&self) -> usize {
        self.places().len()
    }

    fn tell(&self, index: usize, why: Option<Trouble>) {
        self.trouble.send_if_modified(|all| {
            let news = all.get(index).is_some_and(|told| *told != why);
            if news {
                all[index] = why;
            }
            news
        });
    }

    /// Sound has ended when all have; what keeps the time with silence never does.
    fn look_for_end(&self, places: &[Place]) {
        let ended = !places.is_empty() && places.iter().all(|place| place.state == PlaceState::Ended);
        self.program.sound_ended.store(ended, Ordering::Relaxed);
    }

    fn places(&self) -> MutexGuard<'_, Vec<Place>> {
        // Places are replaced whole, so they are sound whatever happened to another thread.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        // A sound whose thread panicked must not take the others with it.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PlaceState {
    fn of(input: &AudioInput) -> PlaceState {
        if *input == AudioInput::Silence { PlaceState::Free } else { PlaceState::Sounding }
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
