//! Recordings on this computer: where they go, and what they are called.

use std::path::{Path, PathBuf};
use std::time::Instant;

use chrono::{DateTime, Local};

use crate::app::{App, Document, Error};
use crate::request::Request;
use crate::studio::Studio;
use crate::view::NoticeKind;

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

impl Studio {
    /// Where this computer records to: what the person chose, else their folder for videos, else one of the data folder.
    pub(crate) fn recordings(&self) -> PathBuf {
        let chosen = self.settings.recordings.clone().or_else(dirs::video_dir);
        chosen.unwrap_or_else(|| self.folder.join("recordings"))
    }

    /// Records to `folder` from now on. A recording that runs goes on there in a file of its own, from the next keyframe on;
    /// what was recorded so far is finished where it is.
    pub(crate) fn record_to(&mut self, folder: PathBuf) {
        self.set(|settings| settings.recordings = Some(folder));
        self.look_at_disks_now();
        let folder = self.recordings();
        let (Some(recording), Some(broadcast)) = (&mut self.recording, &mut self.broadcast) else { return };
        if recording.file.parent() == Some(folder.as_path()) {
            return;
        }
        let moved = file(&folder, Local::now())
            .map_err(|error| error.to_string())
            .and_then(|file| broadcast.record(&file).map(|()| file).map_err(|error| error.to_string()));
        match moved {
            Ok(file) => recording.file = file,
            Err(reason) => self.notify(NoticeKind::RecordingStays { reason }),
        }
    }
}

impl App {
    /// Records to `folder` from now on, also what is being recorded.
    ///
    /// # Errors
    /// [`Error::Document`] when nothing can be written there; else see [`App::go_live`].
    pub async fn record_to(&self, folder: PathBuf) -> Result<(), Error> {
        let (what, tried) = (Document::Recording, folder.clone());
        let takes = tokio::task::spawn_blocking(move || takes_files(&tried)).await;
        takes.map_err(|_| Error::Closing)?.map_err(|source| Error::Document {
            what,
            folder: folder.clone(),
            source,
        })?;
        self.ask(Request::RecordTo(folder))
    }
}

/// Whether a file can be made in `folder`; rights alone do not tell, since a disk may be read-only.
fn takes_files(folder: &Path) -> std::io::Result<()> {
    let file = folder.join(format!(".rostrum-{}", std::process::id()));
    std::fs::File::create_new(&file)?;
    std::fs::remove_file(file)
}

/// A file for a recording that begins at `at`, which is not there yet: `Rostrum 2026-03-29 09.05.07.mp4` in `folder`, which
/// is made.
pub(crate) fn file(folder: &Path, at: DateTime<Local>) -> std::io::Result<PathBuf> {
    named(folder, &at.format("Rostrum %Y-%m-%d %H.%M.%S").to_string())
}

/// A file for a replay that is saved at `at`, beside the recordings.
pub(crate) fn replay_file(folder: &Path, at: DateTime<Local>) -> std::io::Result<PathBuf> {
    named(folder, &at.format("Rostrum replay %Y-%m-%d %H.%M.%S").to_string())
}

fn named(folder: &Path, stem: &str) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    Ok(free_name(folder, stem))
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
    use super::{free_name, takes_files};

    #[test]
    fn a_recording_never_gets_the_name_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let first = free_name(folder.path(), "Rostrum");
        std::fs::write(&first, "").unwrap();
        let second = free_name(folder.path(), "Rostrum");
        assert_eq!(first.file_name().unwrap(), "Rostrum.mp4");
        assert_eq!(second.file_name().unwrap(), "Rostrum (2).mp4");
    }

    #[test]
    fn a_folder_is_tried_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        takes_files(folder.path()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(takes_files(&folder.path().join("gone")).is_err());
        assert!(takes_files(std::path::Path::new("/proc")).is_err());
    }
}
