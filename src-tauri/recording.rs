//! Recordings on this computer: where they go, and what they are called.

use std::path::{Path, PathBuf};
use std::time::Instant;

use chrono::{DateTime, Local};

/// The recording that runs, or the last one of this broadcast.
#[derive(Clone, Debug)]
pub(crate) struct Recording {
    /// The first file.
    pub(crate) file: PathBuf,
    /// When it began.
    pub(crate) since: Instant,
    /// Whether it ends with the broadcast, since it began with it by itself.
    pub(crate) ends_with_broadcast: bool,
}

/// A file for a recording that begins at `at`, which is not there yet: `Rostrum 2026-03-29 09.05.07.mp4` in the person's
/// folder for videos, else in `data`.
pub(crate) fn file(data: &Path, at: DateTime<Local>) -> std::io::Result<PathBuf> {
    named(data, &at.format("Rostrum %Y-%m-%d %H.%M.%S").to_string())
}

/// A file for a replay that is saved at `at`, beside the recordings.
pub(crate) fn replay_file(data: &Path, at: DateTime<Local>) -> std::io::Result<PathBuf> {
    named(data, &at.format("Rostrum replay %Y-%m-%d %H.%M.%S").to_string())
}

/// The person's folder for videos, else one in `data`.
pub(crate) fn folder(data: &Path) -> PathBuf {
    dirs::video_dir().unwrap_or_else(|| data.join("recordings"))
}

fn named(data: &Path, stem: &str) -> std::io::Result<PathBuf> {
    let folder = folder(data);
    std::fs::create_dir_all(&folder)?;
    Ok(free_name(&folder, stem))
}

/// Two recordings may begin within a second, and clocks are put back.
fn free_name(folder: &Path, stem: &str) -> PathBuf {
    let numbered = (2_u32..).map(|number| format!("{stem} ({number})"));
    let mut names = std::iter::once(stem.to_owned()).chain(numbered);
    let free = names.find(|name| !folder.join(format!("{name}.mp4")).exists());
    folder.join(format!("{}.mp4", free.as_deref().unwrap_or(stem)))
}

#[cfg(test)]
mod tests {
    use super::free_name;

    #[test]
    fn a_recording_never_gets_the_name_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let first = free_name(folder.path(), "Rostrum");
        std::fs::write(&first, "").unwrap();
        let second = free_name(folder.path(), "Rostrum");
        assert_eq!(first.file_name().unwrap(), "Rostrum.mp4");
        assert_eq!(second.file_name().unwrap(), "Rostrum (2).mp4");
    }
}
