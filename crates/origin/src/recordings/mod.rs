//! Recordings: one a broadcast, in files of fragments that are whole up to the last one written.
//!
//! The live stream never waits for a disk. What it sends goes through a bounded queue to a thread; when that is
//! behind, or the disk is full, recording stops and says so, and the broadcast goes on.

pub(crate) mod file;
mod retention;
mod writer;

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use bytes::Bytes;
use rooms::Slug;
use serde::Serialize;
use thiserror::Error;
use tokio::sync::Notify;
use utoipa::ToSchema;

use crate::config::RecordingSettings;
use crate::store::{Finished, Recording, Store, StoreError};
pub(crate) use retention::Keeping;
pub(crate) use writer::{Refused, Writer};

/// The recordings of one origin.
#[derive(Debug)]
pub(crate) struct Recordings {
    store: Store,
    folder: PathBuf,
    settings: RecordingSettings,
    reserve_bytes: u64,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// A recording was finished, so that others may have to go.
    grown: Notify,
    /// The playlists that were asked for lately, by recording.
    playlists: Mutex<VecDeque<(String, Bytes)>>,
}

/// What becomes of a room's recording, for those who manage the room.
#[derive(Debug, Default)]
pub(crate) struct Status(Mutex<StatusView>);

/// The same at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RecordingStatus)]
pub(crate) struct StatusView {
    /// The recording that is written just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) writing: Option<String>,
    /// Why the last one stopped before its broadcast.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) notice: Option<String>,
}

/// Why it is not known what became of a recording.
#[derive(Debug, Error)]
enum SettleError {
    #[error("{0}")]
    Disk(#[from] io::Error),
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl Recordings {
    /// Recordings in `recordings/` of the data folder, which is made when the first begins.
    pub(crate) fn new(store: Store, data: &Path, settings: RecordingSettings) -> Arc<Recordings> {
        let reserve_bytes = u64::from(settings.reserve_mib) << 20;
        let folder = data.join(FOLDER);
        let (threads, grown, playlists) = (Mutex::default(), Notify::new(), Mutex::default());
        Arc::new(Recordings { store, folder, settings, reserve_bytes, threads, grown, playlists })
    }

    /// Whether a room's broadcasts are recorded. A store that fails records nothing, and says so.
    pub(crate) async fn is_wanted(&self, slug: &Slug) -> bool {
        self.store.is_recorded(slug.clone()).await.unwrap_or_else(|error| {
            tracing::error!(room = %slug, %error, "not known whether to record");
            false
        })
    }

    /// The file of one part of a recording; `None` for a number it does not have.
    pub(crate) fn part(&self, recording: &Recording, number: u32) -> Option<PathBuf> {
        let known = (1..=recording.parts).contains(&number);
        known.then(|| part_path(&self.folder, &recording.id, number))
    }

    /// A recording's playlist, if it was made lately.
    pub(crate) fn playlist(&self, id: &str) -> Option<Bytes> {
        let playlists = self.playlists.lock().expect("nothing panics while it holds the playlists");
        playlists.iter().find(|(of, _)| of == id).map(|(_, text)| text.clone())
    }

    /// Keeps a recording's playlist for the next who asks; the one made first goes.
    pub(crate) fn keep_playlist(&self, id: &str, text: Bytes) {
        let mut playlists = self.playlists.lock().expect("nothing panics while it holds the playlists");
        if playlists.len() == PLAYLISTS_MAX {
            playlists.pop_front();
        }
        playlists.push_back((id.to_owned(), text));
    }

    /// The picture of a recording, which may not exist.
    pub(crate) fn poster(&self, recording: &Recording) -> PathBuf {
        poster_path(&self.folder, &recording.id)
    }

    /// Finishes what an origin before this one left unfinished, each file from what stands in it.
    pub(crate) async fn recover(self: Arc<Recordings>, unfinished: Vec<Recording>) {
        for recording in unfinished {
            let this = Arc::clone(&self);
            let id = recording.id.clone();
            let finishing = tokio::task::spawn_blocking(move || {
                let parts = (1..).take_while(|number| part_path(&this.folder, &id, *number).exists()).count();
                this.finish_files(&id, u32::try_from(parts).unwrap_or(u32::MAX), None)
            });
            let Ok(finished) = finishing.await else { continue };
            match self.settle(&recording.id, finished).await {
                Ok(duration_ms) => {
                    tracing::info!(
                        recording = recording.id,
                        duration_ms,
                        "recording finished after a restart"
                    );
                }
                Err(error) => tracing::error!(recording = recording.id, %error, "recording not finished"),
            }
        }
    }

    /// Removes a recording and its files.
    ///
    /// # Errors
    /// When the store fails. A file that cannot be removed is logged.
    pub(crate) async fn remove(&self, recording: &Recording) -> Result<(), StoreError> {
        // The row first: a file without a row harms nobody, a row without a file would be offered.
        self.store.forget_recording(recording.id.clone()).await?;
        let parts = (1..=recording.parts).map(|number| part_path(&self.folder, &recording.id, number));
        for path in parts.chain([self.poster(recording)]) {
            match tokio::fs::remove_file(&path).await {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => tracing::warn!(file = %path.display(), %error, "recording not removed"),
            }
        }
        Ok(())
    }

    /// Waits until every recording is finished. Their broadcasts must have ended.
    pub(crate) async fn ended(&self) {
        let threads =
            std::mem::take(&mut *self.threads.lock().expect("nothing panics while it holds the threads"));
        let joining =
            tokio::task::spawn_blocking(move || threads.into_iter().for_each(|thread| drop(thread.join())));
        if let Err(error) = joining.await {
            tracing::error!(%error, "recordings not waited for");
        }
    }

    fn keep(&self, thread: JoinHandle<()>) {
        let mut threads = self.threads.lock().expect("nothing panics while it holds the threads");
        threads.retain(|thread| !thread.is_finished());
        threads.push(thread);
    }

    /// Finishes the files of a recording and says what they hold together. Parts without a whole fragment are removed.
    ///
    /// # Errors
    /// When the disk does not give a file: what stands in it is not known, and nothing may be forgotten.
    fn finish_files(&self, id: &str, parts: u32, note: Option<String>) -> io::Result<Finished> {
        let mut all = Finished { note, ..Finished::default() };
        for number in 1..=parts {
            let path = part_path(&self.folder, id, number);
            match file::finish(&path) {
                Ok((contents, bytes)) if !contents.fragments.is_empty() => {
                    all.duration_ms += contents.duration_ms();
                    all.bytes += bytes;
                    all.parts = number;
                }
                Ok(_) => drop(std::fs::remove_file(&path)),
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    tracing::warn!(file = %path.display(), %error, "part of a recording removed: nothing of it plays");
                    let _ = std::fs::remove_file(&path);
                }
                Err(error) => {
                    return Err(io::Error::new(error.kind(), format!("{}: {error}", path.display())));
                }
            }
        }
        Ok(all)
    }

    /// Stores what became of a recording, and answers its milliseconds. One that holds nothing is forgotten; one whose
    /// files could not be read stays as it is, and is finished when the origin starts again.
    async fn settle(&self, id: &str, finished: io::Result<Finished>) -> Result<u64, SettleError> {
        let finished = finished?;
        let duration_ms = finished.duration_ms;
        if finished.parts == 0 {
            // A picture alone is no recording; there may be none.
            let _ = std::fs::remove_file(poster_path(&self.folder, id));
            self.store.forget_recording(id.to_owned()).await?;
        } else {
            self.store.finish_recording(id.to_owned(), finished).await?;
            self.grown.notify_one();
        }
        Ok(duration_ms)
    }
}

impl Status {
    /// As it is now.
    pub(crate) fn view(&self) -> StatusView {
        self.0.lock().expect(UNBROKEN).clone()
    }

    /// Why recording stopped, in words; it stays until the next recording begins.
    pub(crate) fn stop(&self, notice: String) {
        self.0.lock().expect(UNBROKEN).notice = Some(notice);
    }

    /// Another recording is on its way: what became of the last one is over.
    fn expect_another(&self) {
        self.0.lock().expect(UNBROKEN).notice = None;
    }

    /// A recording is written from now on. It may have been stopped while it waited for its beginning, and then the
    /// words for that stay.
    fn begin(&self, id: &str) {
        self.0.lock().expect(UNBROKEN).writing = Some(id.to_owned());
    }

    fn note(&self) -> Option<String> {
        self.0.lock().expect(UNBROKEN).notice.clone()
    }

    /// A recording is finished; the next one may be written already.
    fn end(&self, id: &str) {
        self.0.lock().expect(UNBROKEN).writing.take_if(|writing| writing == id);
    }
}

/// The one place where a recording becomes a path: of digits that this program made, and a number.
fn part_path(folder: &Path, id: &str, number: u32) -> PathBuf {
    folder.join(format!("{id}-{number}.mp4"))
}

/// Playlists kept; one of three hours is a quarter of a megabyte.
const PLAYLISTS_MAX: usize = 64;
fn poster_path(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.jpg"))
}

/// In the data folder.
pub(crate) const FOLDER: &str = "recordings";
const UNBROKEN: &str = "nothing panics while it holds the status";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret;
    use crate::store::NewRoom;

    /// What becomes of an unfinished recording with one file, which `make` makes.
    async fn recovered(make: impl FnOnce(&Path)) -> Vec<Recording> {
        let folder = std::env::temp_dir().join(format!("rostrum-recovery-{}", secret::random()));
        std::fs::create_dir_all(folder.join("recordings")).unwrap();
        let store = Store::open(&folder.join("rostrum.db")).unwrap();
        let new =
            NewRoom { slug: "demo".parse().unwrap(), title: "Demo".to_owned(), owner: None, record: true };
        let room = store.create_room(new, "key".to_owned(), 1).await.unwrap();
        let (id, tracks) = ("a".repeat(32), Vec::new());
        store.begin_recording(id.clone(), room.slug.clone(), tracks, 10).await.unwrap();
        let recordings = Recordings::new(store.clone(), &folder, RecordingSettings::default());
        make(&part_path(&recordings.folder, &id, 1));
        Arc::clone(&recordings).recover(store.unfinished_recordings().await.unwrap()).await;
        let left = store.recordings_of(room.id).await.unwrap();
        drop((recordings, store));
        std::fs::remove_dir_all(folder).unwrap();
        left
    }

    #[tokio::test]
    async fn a_file_that_the_disk_does_not_give_is_not_forgotten() {
        let left = recovered(|path| std::fs::create_dir(path).unwrap()).await;
        assert!(left.len() == 1 && left[0].writing, "{left:?}");
    }

    #[tokio::test]
    async fn a_file_that_was_cut_within_its_beginning_goes_with_its_recording() {
        let left = recovered(|path| std::fs::write(path, b"\0\0\0\x18ftyp").unwrap()).await;
        assert_eq!(left, []);
    }
}
