//! Sound sources, one step at a time.

use std::sync::Arc;

use media::{Timescale, Timestamp};

use crate::audio_file::AudioFile;
use crate::microphone::Microphone;
use crate::tone::Tone;
use crate::{AudioInput, Clock, Error, Stop, Trouble};

/// Samples per second and channel of everything a source delivers.
pub const SAMPLE_RATE: u32 = 48_000;

/// Channels of everything a source delivers: left and right.
pub(crate) const CHANNELS: usize = 2;

/// [`SAMPLE_RATE`] as a timescale.
pub(crate) const RATE: Timescale = match Timescale::new(SAMPLE_RATE) {
    Some(rate) => rate,
    None => panic!("the sample rate is not 0"),
};

/// Samples per channel that a source of our own delivers at once: 10 ms, finer than a meter shows.
pub(crate) const BLOCK_FRAMES: usize = 480;

/// An open sound source.
pub enum AudioSource {
    /// A beep each second.
    Tone(Tone),
    /// A recording device.
    Device(Box<Microphone>),
    /// A media file.
    File(Box<AudioFile>),
}

/// What [`AudioSource::next`] found.
#[derive(Debug)]
pub enum AudioStep {
    /// Sound.
    Block(Captured),
    /// Nothing within the bounded wait.
    Idle,
    /// Nothing follows: the file is over, or the caller asked to stop.
    Ended,
}

/// A block of stereo sound as it arrived.
#[derive(Debug)]
pub struct Captured {
    /// When the first sample was recorded, as well as the device can tell.
    pub device_time: Timestamp,
    /// When the block reached the program, on the session's clock.
    pub arrived: Timestamp,
    /// Samples per channel that were lost just before, because nobody fetched them in time.
    pub lost: usize,
    /// Interleaved left and right, full scale ±1.0, at [`SAMPLE_RATE`].
    pub samples: Arc<[f32]>,
}

impl Captured {
    /// Samples per channel.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.samples.len() / CHANNELS
    }
}

impl AudioSource {
    /// Opens a source; `None` for [`AudioInput::None`] and [`AudioInput::Silence`]. A file begins to play at `begin`.
    ///
    /// # Errors
    /// When there is no such device or file, or it does not open.
    pub fn open(input: &AudioInput, clock: Clock, begin: Timestamp) -> Result<Option<AudioSource>, Error> {
        Ok(Some(match input {
            AudioInput::None | AudioInput::Silence => return Ok(None),
            AudioInput::Tone => AudioSource::Tone(Tone::new(clock)),
            AudioInput::Microphone(id) => {
                AudioSource::Device(Box::new(Microphone::open(id.as_deref(), clock)?))
            }
            AudioInput::System => AudioSource::Device(Box::new(Microphone::open_system_sound(clock)?)),
            AudioInput::File(path) => AudioSource::File(Box::new(AudioFile::open(path, clock, begin)?)),
        }))
    }

    /// Opens a source as [`AudioSource::open`] does; a device that is not there is told by [`AudioSource::trouble`], and
    /// opens when it is.
    ///
    /// # Errors
    /// When a file does not open.
    pub fn open_when_there(
        input: &AudioInput,
        clock: Clock,
        begin: Timestamp,
    ) -> Result<Option<AudioSource>, Error> {
        let device = |microphone| Ok(Some(AudioSource::Device(Box::new(microphone))));
        match input {
            AudioInput::Microphone(id) => device(Microphone::open_when_there(id.as_deref(), clock)),
            AudioInput::System => device(Microphone::open_system_sound_when_there(clock)),
            _ => AudioSource::open(input, clock, begin),
        }
    }

    /// Why nothing comes from a device at present; it is tried again each second.
    #[must_use]
    pub fn trouble(&self) -> Option<&Trouble> {
        match self {
            AudioSource::Device(device) => device.trouble(),
            AudioSource::Tone(_) | AudioSource::File(_) => None,
        }
    }

    /// Waits for the next block, at most a tenth of a second.
    ///
    /// # Errors
    /// When the device is gone or the file breaks off; the source is of no further use.
    pub fn next(&mut self, stop: &Stop) -> Result<AudioStep, Error> {
        match self {
            AudioSource::Tone(tone) => Ok(tone.next(stop)),
            AudioSource::Device(device) => device.next(stop),
            AudioSource::File(file) => file.next(stop),
        }
    }
}
