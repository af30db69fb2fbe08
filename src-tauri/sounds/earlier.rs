//! The one microphone of versions without a mixer, which stood in `settings.json`.

use std::path::Path;

use serde_json::Value;
use tracing::warn;

use super::{Kept, SoundDevice, Sounds};

/// What `settings.json` in `folder` says of the microphone; `None` where it says nothing.
///
/// It is kept as the mixer's at once: the next change of a setting writes that file without it, and a mute must not end by
/// an upgrade.
pub(super) fn take_over(folder: &Path) -> Option<Sounds> {
    let text = std::fs::read_to_string(folder.join(crate::settings::FILE)).ok()?;
    let settings: Value = serde_json::from_str(&text).ok()?;
    let microphone = settings.get("microphone").and_then(Value::as_str);
    let muted = settings.get("muted").and_then(Value::as_bool).unwrap_or(false);
    if microphone.is_none() && !muted {
        return None;
    }
    let mut kept = Kept { muted, ..Kept::new(1, SoundDevice::microphone(microphone)) };
    kept.check();
    let sounds = Sounds(vec![kept]);
    if let Err(error) = super::save(folder, &sounds) {
        warn!(%error, "the microphone of an earlier version could not be kept");
    }
    Some(sounds)
}

#[cfg(test)]
mod tests {
    use super::super::{Ask, Kept, SoundChange, SoundDevice, load, save};

    fn with_settings(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("settings.json"), text).unwrap();
        folder
    }

    #[test]
    fn an_upgrade_leaves_the_microphone_as_it_was_and_muted() {
        let folder = with_settings(r#"{"theme":"light","microphone":"usb","muted":true}"#);
        let usb = Kept { muted: true, ..Kept::new(1, SoundDevice::microphone(Some("usb"))) };
        let (sounds, problem) = load(folder.path());
        assert_eq!((sounds.all(), problem), ([usb.clone()].as_slice(), None));
        // A setting is changed, which writes the file without what is not a setting any more.
        std::fs::write(folder.path().join("settings.json"), r#"{"theme":"dark"}"#).unwrap();
        assert_eq!(load(folder.path()).0.all(), [usb]);
    }

    #[test]
    fn a_mute_alone_is_taken_over_too() {
        let folder = with_settings(r#"{"microphone":null,"muted":true}"#);
        let muted = Kept { muted: true, ..Kept::default() };
        assert_eq!(load(folder.path()).0.all(), [Kept { id: 1, ..muted }]);
    }

    #[test]
    fn what_the_mixer_keeps_is_worth_more_than_an_earlier_setting() {
        let folder = with_settings(r#"{"microphone":"usb","muted":true}"#);
        let (mut sounds, _) = load(folder.path());
        sounds.ask(Ask::Change(1, SoundChange::Muted(false)));
        save(folder.path(), &sounds).unwrap();
        assert_eq!(load(folder.path()), (sounds, None));
    }

    #[test]
    fn settings_that_say_nothing_of_it_leave_the_default_and_no_file() {
        for text in [r#"{"theme":"light"}"#, r#"{"microphone":7,"muted":"yes"}"#, "[", "{}"] {
            let folder = with_settings(text);
            assert_eq!(load(folder.path()).0.all(), [Kept::new(1, SoundDevice::default())], "{text}");
            assert!(!folder.path().join("sounds.json").exists());
        }
    }
}
