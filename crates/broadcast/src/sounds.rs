//! The sounds of one session: opened, put into the mixer, replaced and taken away while others sound.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use capture::{AudioInput, AudioSource, Clock, Stop};
use media::{Span, Timestamp};

use crate::mixer::Mixer;
use crate::program::Program;
use crate::sound::SoundLine;
use crate::{Error, Sound, threads};

/// Owner of the sound lines' threads.
pub(crate) struct Sounds {
    program: Arc<Program>,
    mixer: Arc<Mixer>,
    stop: Stop,
    /// Locked while sounds change: one change comes after the other.
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// A sound's source; `None` is silence.
pub(crate) type Opened = (AudioInput, Option<AudioSource>);

impl Sounds {
    /// None yet.
    pub(crate) fn new(program: Arc<Program>, mixer: Arc<Mixer>) -> Sounds {
        Sounds { program, mixer, stop: Stop::new(), threads: Mutex::default() }
    }

    /// Starts the lines of the sounds that the mixer began with.
    ///
    /// # Errors
    /// When the operating system refuses a thread.
    pub(crate) fn start(&self, opened: Vec<Opened>) -> Result<(), Error> {
        let mut threads = self.lock();
        opened
            .into_iter()
            .enumerate()
            .try_for_each(|(index, opened)| self.spawn((index, index), opened, &mut threads))
    }

    /// See [`crate::Sources::add_sound`].
    pub(crate) fn add(&self, sound: Sound) -> Result<usize, Error> {
        sound.settings.check()?;
        let mut threads = self.lock();
        let index = self.mixer.free_place();
        if index >= SOUNDS_MAX {
            return Err(Error::SoundCount { count: index + 1, max: SOUNDS_MAX });
        }
        self.put(index, &sound, &mut threads)?;
        Ok(index)
    }

    /// See [`crate::Sources::replace_sound`].
    pub(crate) fn replace(&self, index: usize, input: AudioInput) -> Result<(), Error> {
        let mut threads = self.lock();
        let settings = self.mixer.sounding(index)?;
        self.put(index, &Sound { input, settings }, &mut threads)
    }

    /// See [`crate::Sources::remove_sound`].
    pub(crate) fn remove(&self, index: usize) -> Result<(), Error> {
        let mut threads = self.lock();
        self.mixer.sounding(index)?;
        if index == 0 {
            return self.put(index, &AudioInput::Silence.into(), &mut threads);
        }
        self.mixer.take_away(index);
        Ok(())
    }

    fn put(&self, index: usize, sound: &Sound, threads: &mut Vec<JoinHandle<()>>) -> Result<(), Error> {
        let clock = self.program.clock;
        let input = sound.input.clone();
        // What is open goes on meanwhile.
        let source =
            threads::preferred("sound", || AudioSource::open_when_there(&input, clock, clock.now() + LEAD))?;
        threads.retain(|thread| !thread.is_finished());
        let line = self.mixer.put(index, sound);
        self.spawn((index, line), (input, source), threads)
    }

    fn spawn(
        &self,
        place: (usize, usize),
        opened: Opened,
        threads: &mut Vec<JoinHandle<()>>,
    ) -> Result<(), Error> {
        let (program, mixer) = (Arc::clone(&self.program), Arc::clone(&self.mixer));
        let line = SoundLine::new(place, opened, program, mixer, self.stop.clone());
        threads.push(threads::spawn("sound", move || line.run())?);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks all lines to end.
    pub(crate) fn stop(&self) {
        self.stop.stop();
    }

    /// Waits for their threads, so long.
    pub(crate) fn join(&self, limit: Duration) {
        threads::join_within(&mut self.lock(), limit);
    }
}

/// Opens what a session begins with.
///
/// # Errors
/// When there are too many, one cannot be set so, or one does not open.
pub(crate) fn open(sounds: &[Sound], clock: Clock, begin: Timestamp) -> Result<Vec<Opened>, Error> {
    let mut opened = Vec::new();
    for Sound { input, .. } in sounds {
        let source = threads::preferred("sound", || AudioSource::open(input, clock, begin))?;
        opened.push((input.clone(), source));
    }
    Ok(opened)
}

/// What of `sounds` sounds: nothing is left out, and silence where there is nothing else.
///
/// # Errors
/// When there are too many, or one cannot be set so.
pub(crate) fn check(sounds: &mut Vec<Sound>) -> Result<(), Error> {
    sounds.retain(|sound| sound.input != AudioInput::None);
    if sounds.len() > 1 {
        sounds.retain(|sound| sound.input != AudioInput::Silence);
        if sounds.is_empty() {
            sounds.push(AudioInput::Silence.into());
        }
    }
    if sounds.len() > SOUNDS_MAX {
        return Err(Error::SoundCount { count: sounds.len(), max: SOUNDS_MAX });
    }
    sounds.iter().try_for_each(|sound| sound.settings.check())
}

/// Each sound costs a thread, and a mix of more cannot be followed by an ear.
const SOUNDS_MAX: usize = 16;

/// From opening a file until it plays, so that its beginning is not behind the mix.
const LEAD: Span = Span::from_millis(50);
