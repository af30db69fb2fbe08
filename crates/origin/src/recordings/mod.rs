//! Recordings: one a broadcast, in files of fragments that are whole up to the last one written.
//!
//! The live stream never waits for a disk. What it sends goes through a bounded queue to a thread; when that is
//! behind, or the disk is full, recording stops and says so, and the broadcast goes on.

pub(crate) mod file;
mod retention;
mod writer;

use std::collections::{HashSet, VecDeque};
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
    /// Recordings that nobody writes any more, whose files the disk did not give when they were to be finished.
    left: Mutex<HashSet<String>>,
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
        Arc::new(Recordings {
            store,
            folder,
            settings,
            reserve_bytes,
            threads: Mutex::default(),
            left: Mutex::default(),
            grown: Notify::new(),
            playlists: Mutex::default(),
        })
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
        let playlists = self.playlists.lock().expect(UNBROKEN);
        playlists.iter().find(|(of, _)| of == id).map(|(_, text)| text.clone())
    }

    /// Keeps a recording's playlist for the next who asks; the one made first goes.
    pub(crate) fn keep_playlist(&self, id: &str, text: Bytes) {
        let mut playlists = self.playlists.lock().expect(UNBROKEN);
        if playlists.len() == PLAYLISTS_MAX {
            playlists.pop_front();
        }
        playlists.push_back((id.to_owned(), text));
    }

    /// The picture of a recording, which may not exist.
    pub(crate) fn poster(&self, recording: &Recording) -> PathBuf {
        poster_path(&self.folder, &recording.id)
    }

    /// Whether a recording grows. One that is stored as unfinished may be left so: its files could not be read.
    pub(crate) fn grows(&self, recording: &Recording) -> bool {
        recording.writing && !self.left.lock().expect(UNBROKEN).contains(&recording.id)
    }

    /// Finishes what an origin before this one left unfinished, each file from what stands in it.
    pub(crate) async fn recover(self: &Arc<Recordings>, unfinished: Vec<Recording>) {
        for recording in unfinished {
            self.finish(recording.id).await;
        }
    }

    /// Tries again what could not be finished.
    async fn recover_left(self: &Arc<Recordings>) {
        let left: Vec<String> = self.left.lock().expect(UNBROKEN).iter().cloned().collect();
        for id in left {
            self.finish(id).await;
        }
    }

    /// Finishes one that nobody writes.
    async fn finish(self: &Arc<Recordings>, id: String) {
        let (this, of) = (Arc::clone(self), id.clone());
        let finishing = tokio::task::spawn_blocking(move || {
            let parts = (1..).take_while(|number| part_path(&this.folder, &of, *number).exists()).count();
            this.finish_files(&of, u32::try_from(parts).unwrap_or(u32::MAX), None)
        });
        let Ok(finished) = finishing.await else { return };
        let known = self.left.lock().expect(UNBROKEN).contains(&id);
        match self.settle(&id, finished).await {
            Ok(duration_ms) => {
                tracing::info!(recording = id, duration_ms, "recording finished after its broadcast");
            }
            // Said once, not at each try.
            Err(_) if known => {}
            Err(error) => tracing::error!(recording = id, %error, "recording not finished"),
        }
    }

    /// Removes a recording and its files.
    ///
    /// # Errors
    /// When the store fails. A file that cannot be removed is logged.
    pub(crate) async fn remove(&self, recording: &Recording) -> Result<(), StoreError> {
        // The row first: a file without a row harms nobody, a row without a file would be offered.
        self.store.forget_recording(recording.id.clone()).await?;
        self.left.lock().expect(UNBROKEN).remove(&recording.id);
        // Of one that was not finished, the number of parts is not stored.
        let path = |number| part_path(&self.folder, &recording.id, number);
        let parts = (1..).take_while(|&number| number <= recording.parts || path(number).exists()).map(path);
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
        let threads = std::mem::take(&mut *self.threads.lock().expect(UNBROKEN));
        let joining =
            tokio::task::spawn_blocking(move || threads.into_iter().for_each(|thread| drop(thread.join())));
        if let Err(error) = joining.await {
            tracing::error!(%error, "recordings not waited for");
        }
    }

    fn keep(&self, thread: JoinHandle<()>) {
        let mut threads = self.threads.lock().expect(UNBROKEN);
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
    /// files could not be read stays as it is, and is tried again from time to time.
    async fn settle(&self, id: &str, finished: io::Result<Finished>) -> Result<u64, SettleError> {
        let settled = self.store_finished(id, finished).await;
        let mut left = self.left.lock().expect(UNBROKEN);
        match settled {
            Ok(_) => left.remove(id),
            Err(_) => left.insert(id.to_owned()),
        };
        settled
    }

    async fn store_finished(&self, id: &str, finished: io::Result<Finished>) -> Result<u64, SettleError> {
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
const UNBROKEN: &str = "nothing panics while it holds one of these locks";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret;
    use crate::store::NewRoom;

    /// A recording with one file, which `make` makes, that an origin did not finish.
    struct Unfinished {
        folder: PathBuf,
        room: i64,
        file: PathBuf,
        recordings: Arc<Recordings>,
    }

    impl Unfinished {
        async fn new(make: impl FnOnce(&Path)) -> Unfinished {
            let folder = std::env::temp_dir().join(format!("rostrum-recovery-{}", secret::random()));
            std::fs::create_dir_all(folder.join("recordings")).unwrap();
            let store = Store::open(&folder.join("rostrum.db")).unwrap();
            let new = NewRoom {
                slug: "demo".parse().unwrap(),
                title: "Demo".to_owned(),
                owner: None,
                record: true,
            };
            let room = store.create_room(new, "key".to_owned(), 1).await.unwrap();
            let (id, tracks) = ("a".repeat(32), Vec::new());
            store.begin_recording(id.clone(), room.slug.clone(), tracks, 10).await.unwrap();
            let recordings = Recordings::new(store, &folder, RecordingSettings::default());
            let file = part_path(&recordings.folder, &id, 1);
            make(&file);
            recordings.recover(recordings.store.unfinished_recordings().await.unwrap()).await;
            Unfinished { folder, room: room.id, file, recordings }
        }

        async fn left(&self) -> Vec<Recording> {
            self.recordings.store.recordings_of(self.room).await.unwrap()
        }
    }

    impl Drop for Unfinished {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }

    const CUT: &[u8] = b"\0\0\0\x18ftyp";

    #[tokio::test]
    async fn a_file_that_the_disk_does_not_give_is_not_forgotten_and_tried_again() {
        let unfinished = Unfinished::new(|path| std::fs::create_dir(path).unwrap()).await;
        let left = unfinished.left().await;
        assert!(left.len() == 1 && left[0].writing, "{left:?}");
        assert!(!unfinished.recordings.grows(&left[0]), "nobody writes it");

        std::fs::remove_dir(&unfinished.file).unwrap();
        std::fs::write(&unfinished.file, CUT).unwrap();
        unfinished.recordings.recover_left().await;
        assert_eq!(unfinished.left().await, []);
        assert!(!unfinished.file.exists(), "nothing of it plays");
    }

    #[tokio::test]
    async fn one_that_cannot_be_finished_can_be_removed_with_its_files() {
        let unfinished = Unfinished::new(|path| std::fs::create_dir(path).unwrap()).await;
        std::fs::remove_dir(&unfinished.file).unwrap();
        std::fs::write(&unfinished.file, CUT).unwrap();
        unfinished.recordings.remove(&unfinished.left().await[0]).await.unwrap();
        assert_eq!(unfinished.left().await, []);
        assert!(!unfinished.file.exists());
    }

    #[tokio::test]
    async fn a_file_that_was_cut_within_its_beginning_goes_with_its_recording() {
        let unfinished = Unfinished::new(|path| std::fs::write(path, CUT).unwrap()).await;
        assert_eq!(unfinished.left().await, []);
    }
}
