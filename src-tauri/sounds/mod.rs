//! The sounds that a person mixes, as they are kept: `sounds.json` in the data folder.

mod earlier;
pub(crate) mod engine;
mod history;
pub(crate) mod view;

use std::path::Path;
use std::time::Duration;

use broadcast::{AudioInput, InputError, Sound, SoundSettings};
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::settings::{Unusable, replace};

pub(crate) use engine::{Board, Changed};

/// One sound of the mix, as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// Stays the same when it is changed; from 1 on.
    pub id: u32,
    /// What the person calls it; empty is what it is.
    pub name: String,
    /// Where it comes from.
    pub device: SoundDevice,
    /// Louder or quieter, tenths of a dB, -600 to 200.
    pub gain_tenths_db: i32,
    /// Whether viewers get silence instead.
    pub muted: bool,
    /// While one sound has this, those without it are silent.
    pub solo: bool,
    /// Whether what is not speech is taken out.
    pub noise_suppression: bool,
    /// Above this level, dBFS, it rises only a third as much, and everything is lifted; `None` leaves it.
    pub compress_above_db: Option<i32>,
    /// No peak passes this level, dBFS; `None` leaves them.
    pub limit_to_db: Option<i32>,
    /// How much later it is heard, milliseconds, at most 2 000.
    pub delay_ms: u32,
}

/// Where a sound comes from, written as for `rostrum-cast --audio`: `mic`, `mic:ID` or `system`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(transparent)]
pub struct SoundDevice(String);

impl Default for SoundDevice {
    /// The system's default microphone.
    fn default() -> SoundDevice {
        SoundDevice("mic".to_owned())
    }
}

impl SoundDevice {
    /// A microphone; `None` is the system's default.
    #[must_use]
    pub fn microphone(id: Option<&str>) -> SoundDevice {
        id.map_or_else(SoundDevice::default, |id| SoundDevice(format!("mic:{id}")))
    }

    /// What the computer plays.
    #[must_use]
    pub fn system() -> SoundDevice {
        SoundDevice("system".to_owned())
    }

    /// What to open.
    ///
    /// # Errors
    /// When it is written in another way.
    pub fn input(&self) -> Result<AudioInput, InputError> {
        self.0.parse()
    }

    /// Which microphone; `None` is the default one, or none at all.
    pub(crate) fn microphone_id(&self) -> Option<String> {
        self.0.strip_prefix("mic:").map(str::to_owned)
    }

    /// Whether it is a microphone, the default one or another.
    #[must_use]
    pub fn is_microphone(&self) -> bool {
        matches!(self.input(), Ok(AudioInput::Microphone(_)))
    }

    /// Whether the window offers it.
    fn is_known(&self) -> bool {
        self.is_microphone() || matches!(self.input(), Ok(AudioInput::System))
    }
}

/// One thing of a sound that is changed. Values that cannot be are brought to the nearest that can.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Type)]
#[serde(tag = "what", content = "value", rename_all = "kebab-case")]
pub enum SoundChange {
    /// See [`Kept::name`].
    Name(String),
    /// See [`Kept::device`].
    Device(SoundDevice),
    /// See [`Kept::gain_tenths_db`].
    GainTenthsDb(i32),
    /// See [`Kept::muted`].
    Muted(bool),
    /// See [`Kept::solo`].
    Solo(bool),
    /// See [`Kept::noise_suppression`].
    NoiseSuppression(bool),
    /// See [`Kept::compress_above_db`].
    CompressAboveDb(Option<i32>),
    /// See [`Kept::limit_to_db`].
    LimitToDb(Option<i32>),
    /// See [`Kept::delay_ms`].
    DelayMs(u32),
}

/// What is asked of the sounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// One more.
    Add(SoundDevice),
    /// One less.
    Remove(u32),
    /// The sound with this id to another place among them, counted from 0; beyond the end is the end.
    Move(u32, u32),
    /// One thing of the sound with this id.
    Change(u32, SoundChange),
}

impl Kept {
    /// A sound of its own as it is recorded.
    #[must_use]
    pub fn new(id: u32, device: SoundDevice) -> Kept {
        Kept { id, device, ..Kept::default() }
    }

    /// For the engine.
    pub(crate) fn settings(&self) -> SoundSettings {
        SoundSettings {
            gain_db: self.gain_tenths_db as f32 / 10.0,
            muted: self.muted,
            solo: self.solo,
            noise_suppression: self.noise_suppression,
            compress_above_db: self.compress_above_db.map(|db| db as f32),
            limit_to_db: self.limit_to_db.map(|db| db as f32),
            delay: Duration::from_millis(self.delay_ms.into()),
        }
    }

    /// For the engine.
    ///
    /// # Errors
    /// When the device is written in a way that is not known.
    pub(crate) fn sound(&self) -> Result<Sound, InputError> {
        Ok(Sound { input: self.device.input()?, settings: self.settings() })
    }

    fn change(&mut self, change: SoundChange) {
        match change {
            SoundChange::Name(name) => self.name = name,
            SoundChange::Device(device) => self.device = device,
            SoundChange::GainTenthsDb(gain) => self.gain_tenths_db = gain,
            SoundChange::Muted(muted) => self.muted = muted,
            SoundChange::Solo(solo) => self.solo = solo,
            SoundChange::NoiseSuppression(on) => self.noise_suppression = on,
            SoundChange::CompressAboveDb(level) => self.compress_above_db = level,
            SoundChange::LimitToDb(level) => self.limit_to_db = level,
            SoundChange::DelayMs(delay) => self.delay_ms = delay,
        }
        self.check();
    }

    /// Brings what cannot be to the nearest that can.
    fn check(&mut self) {
        self.name = self.name.trim().chars().filter(|letter| !letter.is_control()).take(NAME_MAX).collect();
        if !self.device.is_known() {
            self.device = SoundDevice::default();
        }
        self.gain_tenths_db = self.gain_tenths_db.clamp(-600, 200);
        self.delay_ms = self.delay_ms.min(2_000);
        for level in [&mut self.compress_above_db, &mut self.limit_to_db].into_iter().flatten() {
            *level = (*level).clamp(-60, 0);
        }
    }
}

/// All of them, in the order of the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sounds(Vec<Kept>);

impl Default for Sounds {
    /// The default microphone.
    fn default() -> Sounds {
        Sounds(vec![Kept::new(1, SoundDevice::default())])
    }
}

impl<'de> Deserialize<'de> for Sounds {
    /// Whatever a file holds becomes what can be mixed.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Sounds, D::Error> {
        let mut all = Vec::<Kept>::deserialize(deserializer)?;
        all.truncate(SOUNDS_MAX);
        all.iter_mut().for_each(Kept::check);
        let mut known = Vec::new();
        for kept in &mut all {
            if !(1..=ID_MAX).contains(&kept.id) || known.contains(&kept.id) {
                kept.id = known.iter().max().unwrap_or(&0) + 1;
            }
            known.push(kept.id);
        }
        Ok(Sounds(all))
    }
}

impl Sounds {
    /// In the order of the window.
    #[must_use]
    pub fn all(&self) -> &[Kept] {
        &self.0
    }

    /// The one that *Mute microphone* means: the first microphone.
    #[must_use]
    pub fn microphone(&self) -> Option<&Kept> {
        self.0.iter().find(|kept| kept.device.is_microphone())
    }

    /// Does what is asked. `false` when nothing is other than before: more than [`SOUNDS_MAX`] are not kept.
    pub(crate) fn ask(&mut self, ask: Ask) -> bool {
        let before = self.clone();
        match ask {
            Ask::Add(device) if self.0.len() < SOUNDS_MAX => {
                let id = self.0.iter().map(|kept| kept.id).max().unwrap_or(0) + 1;
                let mut kept = Kept::new(id, device);
                kept.check();
                self.0.push(kept);
            }
            Ask::Add(_) => {}
            Ask::Remove(id) => self.0.retain(|kept| kept.id != id),
            Ask::Move(id, to) => {
                if let Some(at) = self.0.iter().position(|kept| kept.id == id) {
                    let kept = self.0.remove(at);
                    self.0.insert((to as usize).min(self.0.len()), kept);
                }
            }
            Ask::Change(id, change) => {
                self.0.iter_mut().filter(|kept| kept.id == id).for_each(|kept| kept.change(change.clone()));
            }
        }
        *self != before
    }
}

/// Reads the sounds kept in `folder`. A file that cannot be used is put aside, never overwritten, and the default microphone
/// is mixed. Without a file, what a version without a mixer has set is taken over.
#[must_use]
pub fn load(folder: &Path) -> (Sounds, Option<Unusable>) {
    let file = folder.join(FILE);
    // Not there for certain: what cannot be looked at is a problem to be told.
    if let Ok(false) = file.try_exists()
        && let Some(sounds) = earlier::take_over(folder)
    {
        return (sounds, None);
    }
    crate::settings::read(&file)
}

/// Writes the sounds so that a crash leaves either the old file or the new one.
///
/// # Errors
/// Whatever the file system answers.
pub fn save(folder: &Path, sounds: &Sounds) -> std::io::Result<()> {
    let content = serde_json::to_vec_pretty(sounds.all()).expect("sounds are plain values");
    replace(&folder.join(FILE), &content, 0o644)
}

/// Beside `settings.json`.
const FILE: &str = "sounds.json";
/// More rows do not fit a window, nor more sounds an ear; the engine mixes twice as many.
pub(crate) const SOUNDS_MAX: usize = 8;
/// The highest number that a file may give a sound: there are enough above it.
const ID_MAX: u32 = u32::MAX / 2;
/// As long as a row of the window shows, in characters.
const NAME_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("rostrum-sounds-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn without_a_file_the_default_microphone_is_mixed() {
        let (sounds, problem) = load(&folder("none"));
        assert_eq!(sounds.all(), [Kept::new(1, SoundDevice::microphone(None))]);
        assert_eq!(problem, None);
    }

    #[test]
    fn what_is_changed_is_read_back_as_it_was_set() {
        let folder = folder("kept");
        let mut sounds = Sounds::default();
        assert!(sounds.ask(Ask::Add(SoundDevice::system())));
        assert!(sounds.ask(Ask::Change(2, SoundChange::GainTenthsDb(-65))));
        assert!(sounds.ask(Ask::Change(1, SoundChange::Device(SoundDevice::microphone(Some("usb"))))));
        assert!(sounds.ask(Ask::Change(1, SoundChange::CompressAboveDb(Some(-24)))));
        save(&folder, &sounds).unwrap();
        assert_eq!(load(&folder), (sounds.clone(), None));
        assert_eq!(sounds.all()[1].settings().gain_db, -6.5);
        assert_eq!(sounds.microphone().map(|kept| kept.id), Some(1));
    }

    #[test]
    fn what_cannot_be_is_brought_to_what_can() {
        let mut sounds = Sounds::default();
        for change in [
            SoundChange::GainTenthsDb(9_999),
            SoundChange::DelayMs(u32::MAX),
            SoundChange::LimitToDb(Some(12)),
            SoundChange::Name(format!("  a\u{7}b{}", "c".repeat(99))),
            SoundChange::Device(serde_json::from_str("\"file:/etc/passwd\"").unwrap()),
        ] {
            sounds.ask(Ask::Change(1, change));
        }
        let kept = &sounds.all()[0];
        assert_eq!((kept.gain_tenths_db, kept.delay_ms, kept.limit_to_db), (200, 2_000, Some(0)));
        assert_eq!(kept.name, format!("ab{}", "c".repeat(38)));
        assert_eq!(kept.device, SoundDevice::default());
    }

    #[test]
    fn a_file_from_elsewhere_gives_each_sound_an_id_of_its_own() {
        let folder = folder("elsewhere");
        let text = r#"[{"device":"system","gain_tenths_db":-9999},{"id":1,"of-a-later-version":2},{"id":4294967295}]"#;
        std::fs::write(folder.join("sounds.json"), text).unwrap();
        let (sounds, problem) = load(&folder);
        assert_eq!(problem, None);
        let ids: Vec<u32> = sounds.all().iter().map(|kept| kept.id).collect();
        assert_eq!((ids, sounds.all()[0].gain_tenths_db), (vec![1, 2, 3], -600));
    }

    #[test]
    fn a_sound_moves_to_any_place_and_beyond_the_end_is_the_end() {
        let mut sounds = Sounds::default();
        (0..2).for_each(|_| assert!(sounds.ask(Ask::Add(SoundDevice::system()))));
        for (ask, order) in
            [(Ask::Move(1, 1), [2, 1, 3]), (Ask::Move(3, 0), [3, 2, 1]), (Ask::Move(3, 99), [2, 1, 3])]
        {
            assert!(sounds.ask(ask));
            assert_eq!(sounds.all().iter().map(|kept| kept.id).collect::<Vec<_>>(), order);
        }
        assert!(!sounds.ask(Ask::Move(2, 0)) && !sounds.ask(Ask::Move(9, 0)));
    }

    #[test]
    fn no_more_are_kept_than_fit_and_an_id_is_not_used_for_another() {
        let mut sounds = Sounds::default();
        (0..20).for_each(|_| {
            sounds.ask(Ask::Add(SoundDevice::system()));
        });
        assert_eq!(sounds.all().len(), SOUNDS_MAX);
        assert!(!sounds.ask(Ask::Add(SoundDevice::system())));
        assert!(sounds.ask(Ask::Remove(3)));
        assert!(!sounds.ask(Ask::Remove(3)));
        sounds.ask(Ask::Add(SoundDevice::system()));
        assert_eq!(sounds.all().last().map(|kept| kept.id), Some(9));
    }
}
