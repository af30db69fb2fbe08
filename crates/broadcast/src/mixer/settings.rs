//! What is set for one sound of the mix.

use std::time::Duration;

use capture::AudioInput;

use crate::Error;

/// One sound of the mix.
#[derive(Clone, Debug, PartialEq)]
pub struct Sound {
    /// Where it comes from; [`AudioInput::None`] is no sound.
    pub input: AudioInput,
    /// What it begins with; [`crate::Sources::set_sound`] changes it.
    pub settings: SoundSettings,
}

impl From<AudioInput> for Sound {
    /// As it is recorded.
    fn from(input: AudioInput) -> Sound {
        Sound { input, settings: SoundSettings::default() }
    }
}

/// What is done to one sound before it is mixed, in this order: noise suppression, compressor, gain, limiter, muting, delay.
/// Every change takes about 10 ms, without a click. The default leaves the sound as it is, to the bit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SoundSettings {
    /// Louder or quieter, dB, -60 to 20.
    pub gain_db: f32,
    /// Silence instead.
    pub muted: bool,
    /// While any sound has this, those without it are silent.
    pub solo: bool,
    /// Takes out what is not speech (RNNoise).
    pub noise_suppression: bool,
    /// What passes this level, dBFS, -60 to 0, rises only a third as much, and everything is lifted by half of what that
    /// takes from the loudest: quiet and loud words come closer.
    pub compress_above_db: Option<f32>,
    /// No peak passes this level, dBFS, -60 to 0. The mix has a limiter of its own, at -1 dBFS.
    pub limit_to_db: Option<f32>,
    /// How much later it sounds, at most 2 s: for a picture that comes late.
    pub delay: Duration,
}

impl SoundSettings {
    /// # Errors
    /// [`Error::SoundSetting`] for the first value that cannot be.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let setting = |name, value: f32, least: f32, most: f32| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            Err(Error::SoundSetting { name, value, least, most })
        };
        setting("gain (dB)", self.gain_db, -60.0, 20.0)?;
        setting("compressor's level (dBFS)", self.compress_above_db.unwrap_or(0.0), -60.0, 0.0)?;
        setting("limiter's level (dBFS)", self.limit_to_db.unwrap_or(0.0), -60.0, 0.0)?;
        setting("delay (s)", self.delay.as_secs_f32(), 0.0, DELAY_MAX.as_secs_f32())
    }

    /// Whether it can make a peak that the source did not have.
    pub(crate) fn may_raise_peaks(&self) -> bool {
        self.gain_db > 0.0 || self.noise_suppression || self.compress_above_db.is_some()
    }
}

/// More than any picture is late; what waits takes 768 kB.
pub(crate) const DELAY_MAX: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_refused_in_words() {
        let check = |settings: SoundSettings| settings.check().map_err(|error| error.to_string());
        assert_eq!(check(SoundSettings::default()), Ok(()));
        let loud = SoundSettings { gain_db: 21.0, ..SoundSettings::default() };
        assert_eq!(check(loud), Err("a sound's gain (dB) is 21, it can be -60 to 20".to_owned()));
        let late = SoundSettings { delay: Duration::from_millis(2_001), ..SoundSettings::default() };
        assert!(check(late).is_err());
        let unreal = SoundSettings { limit_to_db: Some(f32::NAN), ..SoundSettings::default() };
        assert!(check(unreal).is_err());
    }
}
