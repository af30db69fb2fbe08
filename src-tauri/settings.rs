//! What the app remembers between starts: `settings.json` in the data folder.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use broadcast::{InputError, VideoInput};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use specta::Type;
use thiserror::Error;

use crate::go_live::COUNTDOWN;
use crate::output::{self, Output};

/// Everything that can be set. A key that is missing has its default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// What the person wants to be called; `None` takes the name of the account on this computer.
    pub name: Option<String>,
    /// Where the person is in the set-up of the first start; `None` when they are through.
    pub first_run: Option<crate::first_run::Step>,
    /// Colours of the window.
    pub theme: Theme,
    /// What the window does for the eyes.
    pub looks: crate::looks::Looks,
    /// Keys of the window's actions.
    pub hotkeys: crate::hotkeys::Hotkeys,
    /// Words of the window.
    pub language: Language,
    /// What is captured.
    pub video: VideoChoice,
    /// Whether the microphone is heard only while a key is held.
    pub push_to_talk: bool,
    /// Size, bit rate and encoder of what viewers get.
    #[serde(deserialize_with = "output::read")]
    pub output: Output,
    /// Where this computer records to; `None` is the person's folder for videos.
    pub recordings: Option<PathBuf>,
    /// Whether a broadcast begins at once when *Go live* is pressed, without a moment to change one's mind.
    pub without_countdown: bool,
    /// Whether broadcasts leave the origin inside the app out.
    pub without_this_computer: bool,
    /// The origin inside the app: where it listens.
    pub origin: Listeners,
    /// The same: when it runs, and what it keeps.
    pub habits: crate::origin_habits::Habits,
    /// When a disk counts as almost full.
    pub disk: crate::disk::Limits,
}

impl Settings {
    /// How long a person may still change their mind after pressing *Go live*.
    #[must_use]
    pub fn countdown(&self) -> Duration {
        if self.without_countdown { Duration::ZERO } else { COUNTDOWN }
    }
}

/// Where the origin inside the app listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Listeners {
    /// Watch page, API and media. `0.0.0.0` lets the network watch, `127.0.0.1` only this computer.
    pub http: SocketAddr,
    /// The watch page over TLS, on the addresses of `http`; another port is taken when this one is not free.
    pub https_port: u16,
    /// Where the app publishes to.
    pub rtmp: SocketAddr,
    /// Whether the router is asked to let the internet watch, while `http` is for the network.
    pub anyone: bool,
    /// The router to ask; `None` is the one that this computer sends to everything else by.
    pub router: Option<Ipv4Addr>,
}

impl Default for Listeners {
    fn default() -> Listeners {
        Listeners {
            http: SocketAddr::from((Ipv4Addr::UNSPECIFIED, HTTP_PORT)),
            https_port: HTTPS_PORT,
            rtmp: SocketAddr::from((Ipv4Addr::LOCALHOST, RTMP_PORT)),
            anyone: false,
            router: None,
        }
    }
}

/// Colours of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Light text on dark.
    Dark,
    /// Dark text on light.
    Light,
}

/// Words of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub enum Language {
    /// As the system has it.
    #[default]
    #[serde(rename = "system")]
    System,
    /// English.
    #[serde(rename = "en")]
    English,
    /// Simplified Chinese.
    #[serde(rename = "zh-CN")]
    SimplifiedChinese,
}

/// What is captured as the picture, written as for `rostrum-cast --video`: `screen`, `window:ID`, `camera:ID` or `test`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(transparent)]
pub struct VideoChoice(String);

impl Default for VideoChoice {
    /// The whole screen.
    fn default() -> VideoChoice {
        VideoChoice("screen".to_owned())
    }
}

impl VideoChoice {
    /// A window by its id.
    #[must_use]
    pub fn window(id: &str) -> VideoChoice {
        VideoChoice(format!("window:{id}"))
    }

    /// A camera by its id.
    #[must_use]
    pub fn camera(id: &str) -> VideoChoice {
        VideoChoice(format!("camera:{id}"))
    }

    /// Whichever camera is found first.
    #[must_use]
    pub fn first_camera() -> VideoChoice {
        VideoChoice("camera".to_owned())
    }

    /// Moving bars with a clock, to try things out without showing anything.
    #[must_use]
    pub fn test() -> VideoChoice {
        VideoChoice("test".to_owned())
    }

    /// What to open.
    ///
    /// # Errors
    /// When it is written in another way.
    pub fn input(&self) -> Result<VideoInput, InputError> {
        self.0.parse()
    }
}

/// Why settings could not be written.
#[derive(Debug, Error)]
#[error("settings could not be saved to {path}: {source}")]
pub struct SaveError {
    path: PathBuf,
    source: std::io::Error,
}

/// A `settings.json`, or another file of the data folder, that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// Where the file is now; `None` if it could not be moved and is still in its place.
    pub kept_as: Option<PathBuf>,
    /// What is wrong with it.
    pub reason: String,
}

/// Reads the settings in `folder`. A file that cannot be used is put aside, never overwritten, and the
/// defaults hold.
#[must_use]
pub fn load(folder: &Path) -> (Settings, Option<Unusable>) {
    read(&folder.join(FILE))
}

/// Reads a file of JSON; without it the defaults hold. One that cannot be used is put aside.
pub(crate) fn read<T: Default + DeserializeOwned>(path: &Path) -> (T, Option<Unusable>) {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return (T::default(), None),
        Err(error) => return (T::default(), Some(put_aside(path, error.to_string()))),
    };
    match serde_json::from_str(&text) {
        Ok(value) => (value, None),
        Err(error) => (T::default(), Some(put_aside(path, error.to_string()))),
    }
}

/// Writes the settings so that a crash leaves either the old file or the new one.
///
/// # Errors
/// [`SaveError`] when the folder cannot be written.
pub fn save(folder: &Path, settings: &Settings) -> Result<(), SaveError> {
    let path = folder.join(FILE);
    let text = serde_json::to_vec_pretty(settings).expect("settings are plain values with string keys");
    replace(&path, &text, 0o644).map_err(|source| SaveError { path, source })
}

/// Replaces `path` by a file with `content` and the permission bits `mode`, in one step.
///
/// # Errors
/// Whatever the file system answers.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let new = path.with_extension("new");
    // A leftover of a crash could have wider permissions than asked for.
    let _ = std::fs::remove_file(&new);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&new, path)
}

pub(crate) fn put_aside(path: &Path, reason: String) -> Unusable {
    let names = std::iter::once("unusable.json".to_owned())
        .chain((2..).map(|number| format!("unusable-{number}.json")));
    let mut places = names.map(|name| path.with_extension(name));
    let aside = places.find(|place| !place.exists()).expect("there are enough numbers");
    let kept_as = std::fs::rename(path, &aside).is_ok().then_some(aside);
    Unusable { kept_as, reason }
}

/// The file's name in the data folder.
pub(crate) const FILE: &str = "settings.json";
/// DESIGN §5.
const HTTP_PORT: u16 = 8080;
/// DESIGN §5.
const HTTPS_PORT: u16 = 8443;
/// DESIGN §5.
const RTMP_PORT: u16 = 1935;

#[cfg(test)]
mod tests {
    use super::{Listeners, Settings, Theme, load, save};

    fn folder(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("rostrum-settings-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn without_a_file_the_network_may_watch_and_nobody_is_told_of_a_problem() {
        let (settings, problem) = load(&folder("none"));
        assert_eq!(settings.origin.http.to_string(), "0.0.0.0:8080");
        assert_eq!(settings.origin.rtmp.to_string(), "127.0.0.1:1935");
        assert_eq!(problem, None);
    }

    #[test]
    fn a_file_with_a_few_keys_leaves_the_rest_at_their_defaults() {
        let folder = folder("some");
        let text = r#"{"origin":{"http":"127.0.0.1:0"},"theme":"light","of-a-later-version":1}"#;
        std::fs::write(folder.join("settings.json"), text).unwrap();
        let (settings, problem) = load(&folder);
        assert_eq!(problem, None);
        assert_eq!(settings.theme, Theme::Light);
        assert_eq!(settings.origin.http.to_string(), "127.0.0.1:0");
        assert_eq!(settings.origin.rtmp, Listeners::default().rtmp);
    }

    #[test]
    fn what_was_saved_is_read_back() {
        let folder = folder("saved");
        let settings =
            Settings { name: Some("Ada".to_owned()), without_this_computer: true, ..Settings::default() };
        save(&folder, &settings).unwrap();
        assert_eq!(load(&folder), (settings, None));
    }

    #[test]
    fn a_damaged_file_is_kept_aside_and_named() {
        let folder = folder("damaged");
        std::fs::write(folder.join("settings.json"), "{\"theme\": \"mauve\"").unwrap();
        let (settings, problem) = load(&folder);
        let problem = problem.unwrap();
        assert_eq!(settings, Settings::default());
        let kept = std::fs::read_to_string(problem.kept_as.unwrap()).unwrap();
        assert_eq!(kept, "{\"theme\": \"mauve\"");
        assert!(!folder.join("settings.json").exists());
        std::fs::write(folder.join("settings.json"), "[").unwrap();
        let again = load(&folder).1.unwrap().kept_as.unwrap();
        assert_eq!(std::fs::read_to_string(again).unwrap(), "[", "the one before is there still");
        assert!(folder.join("settings.unusable.json").exists());
    }

    #[test]
    fn the_key_file_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let path = folder("mode").join("key.json");
        super::replace(&path, b"secret", 0o600).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
