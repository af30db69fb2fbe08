//! Files that are uploaded to be broadcast: received piece by piece, read through, kept until their hour.
//!
//! The truth about how much of a file is there is the file's length: it is written from front to back and by one request
//! at a time. Everything else stands in the store.

mod check;
mod receive;
mod schedule;
mod source;
mod state;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use rooms::Slug;
use thiserror::Error;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::unix_ms;
use crate::config::UploadSettings;
use crate::secret;
use crate::store::{Change, NewUpload, Store, StoreError, Upload};
pub(crate) use check::turned_words;
pub(crate) use receive::ReceiveError;
pub(crate) use schedule::serve;
pub(crate) use source::{Batch, Source, SourceError};
pub(crate) use state::{Ended, FileFacts, State};

/// The uploaded files of one origin.
#[derive(Debug)]
pub(crate) struct Uploads {
    store: Store,
    folder: PathBuf,
    settings: UploadSettings,
    turns: receive::Turns,
    /// Files that are on air, and how far.
    live: Mutex<HashMap<String, Arc<Position>>>,
    /// When the next file of a room goes live.
    hours: Mutex<HashMap<Slug, i64>>,
    /// What is scheduled is another than before.
    changed: Notify,
    /// Files are read through one at a time: more would only make the disk seek.
    checks: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// How far a file has been played, in milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Position(AtomicI64);

/// Why a file was not announced, changed or removed.
#[derive(Debug, Error)]
pub(crate) enum UploadError {
    #[error("uploads are switched off here: [uploads] max_bytes is 0")]
    Off,
    #[error("the file is empty")]
    Empty,
    #[error("a file of {bytes} bytes, at most {max} are taken")]
    TooLarge { bytes: u64, max: u64 },
    #[error("the room has {} files: delete one first", FILES_MAX)]
    TooMany,
    #[error("the disk has no room for {bytes} bytes: {free} are free beside what is kept free")]
    DiskFull { bytes: u64, free: u64 },
    #[error("{0}")]
    WrongState(&'static str),
    #[error("the disk: {0}")]
    Disk(#[from] io::Error),
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl Uploads {
    /// Uploads in `uploads/` of the data folder, which is made with the first.
    pub(crate) fn new(
        store: Store,
        data: &Path,
        settings: UploadSettings,
        stop: CancellationToken,
    ) -> Arc<Uploads> {
        Arc::new(Uploads {
            store,
            folder: data.join("uploads"),
            settings,
            turns: receive::Turns::default(),
            live: Mutex::default(),
            hours: Mutex::default(),
            changed: Notify::new(),
            checks: Arc::new(Semaphore::new(1)),
            tasks: TaskTracker::new(),
            stop,
        })
    }

    /// The largest file that is taken.
    pub(crate) fn max_bytes(&self) -> u64 {
        self.settings.max_bytes
    }

    /// When a file that is still received is given up, if nothing more comes; Unix time in milliseconds.
    pub(crate) fn expires_ms(&self, upload: &Upload) -> i64 {
        upload.heard_at_ms + i64::from(self.settings.keep_unfinished_hours) * MS_PER_HOUR
    }

    /// Announces a file of `bytes` for a room; `name` is for people.
    ///
    /// # Errors
    /// [`UploadError`].
    pub(crate) async fn announce(&self, room: i64, name: &str, bytes: u64) -> Result<String, UploadError> {
        let max = self.settings.max_bytes;
        match bytes {
            _ if max == 0 => return Err(UploadError::Off),
            0 => return Err(UploadError::Empty),
            _ if bytes > max => return Err(UploadError::TooLarge { bytes, max }),
            _ => {}
        }
        if self.store.uploads_of(room).await?.len() >= FILES_MAX {
            return Err(UploadError::TooMany);
        }
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let free = self.free_bytes()?.saturating_sub(self.promised_bytes().await?);
        if bytes > free {
            return Err(UploadError::DiskFull { bytes, free });
        }
        let id = secret::random();
        let mut options = std::fs::OpenOptions::new();
        options.create_new(true).write(true).mode(0o600).open(self.path(&id))?;
        let new = NewUpload { id: id.clone(), room, name: shown_name(name), bytes };
        self.store.create_upload(new, unix_ms()).await?;
        Ok(id)
    }

    /// Bytes of a file that are there.
    pub(crate) async fn received(&self, upload: &Upload) -> u64 {
        match upload.state {
            State::Receiving => {
                let file = tokio::fs::metadata(self.path(&upload.id)).await;
                file.map_or(0, |file| file.len().min(upload.bytes))
            }
            _ => upload.bytes,
        }
    }

    /// How far a file that is on air has been played, in milliseconds.
    pub(crate) fn position_ms(&self, id: &str) -> Option<i64> {
        self.lock_live().get(id).map(|position| position.0.load(Ordering::Relaxed))
    }

    /// When the next file of a room goes live, Unix time in milliseconds.
    pub(crate) fn next_live_ms(&self, slug: &Slug) -> Option<i64> {
        self.hours.lock().expect(UNBROKEN).get(slug).copied()
    }

    /// Removes a file, whatever becomes of it just now, unless it is on air.
    ///
    /// # Errors
    /// [`UploadError`].
    pub(crate) async fn remove(&self, upload: &Upload) -> Result<(), UploadError> {
        if self.lock_live().contains_key(&upload.id) {
            return Err(UploadError::WrongState("the file is on air: end the broadcast first"));
        }
        // Whoever writes it stops before it goes.
        let turn = self.turns.take(&upload.id).await;
        self.store.forget_upload(upload.id.clone()).await?;
        self.discard(&upload.id).await;
        drop(turn);
        self.changed.notify_one();
        Ok(())
    }

    /// Lets a file go live at a moment, Unix time in milliseconds, or at once.
    ///
    /// # Errors
    /// [`UploadError::WrongState`] for one that is not whole, cannot be played or is on air.
    pub(crate) async fn schedule(
        &self,
        upload: &Upload,
        at_ms: Option<i64>,
        repeat: bool,
    ) -> Result<(), UploadError> {
        let live = Some((at_ms.unwrap_or_else(unix_ms), repeat));
        let change = Change { live, ..Change::default() };
        let from = &[State::Ready, State::Scheduled, State::Done];
        if !self.store.change_upload(upload.id.clone(), from, State::Scheduled, change).await? {
            return Err(UploadError::WrongState("only a file that is ready can go live"));
        }
        self.changed.notify_one();
        Ok(())
    }

    /// Lets a file that was to go live wait again.
    ///
    /// # Errors
    /// [`UploadError::WrongState`] for one that has no hour.
    pub(crate) async fn unschedule(&self, upload: &Upload) -> Result<(), UploadError> {
        let (id, change) = (upload.id.clone(), Change::default());
        if !self.store.change_upload(id, &[State::Scheduled], State::Ready, change).await? {
            return Err(UploadError::WrongState("the file is not going live at any hour"));
        }
        self.changed.notify_one();
        Ok(())
    }

    /// Waits until nothing is written or read any more. `stop` must have been said.
    pub(crate) async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// The one place where an upload becomes a path: of digits that this program made.
    fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.media"))
    }

    /// Bytes that may still be written on the disk.
    fn free_bytes(&self) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(&self.folder)?;
        let reserve = u64::from(self.settings.reserve_mib) << 20;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize).saturating_sub(reserve))
    }

    /// Bytes that others were promised and have not sent yet.
    async fn promised_bytes(&self) -> Result<u64, StoreError> {
        let mut promised = 0_u64;
        for upload in self.store.uploads_in(State::Receiving).await? {
            promised = promised.saturating_add(upload.bytes - self.received(&upload).await);
        }
        Ok(promised)
    }

    async fn discard(&self, id: &str) {
        let path = self.path(id);
        match tokio::fs::remove_file(&path).await {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(file = %path.display(), %error, "uploaded file not removed"),
        }
    }

    fn lock_live(&self) -> MutexGuard<'_, HashMap<String, Arc<Position>>> {
        self.live.lock().expect(UNBROKEN)
    }
}

impl Position {
    /// So far it has been played.
    pub(crate) fn set(&self, ms: i64) {
        self.0.store(ms, Ordering::Relaxed);
    }
}

/// A file's name for people: without controls, marks that turn the text around, and folders, at most [`NAME_CHARS_MAX`] code points.
fn shown_name(raw: &str) -> String {
    let last = raw.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last.chars().filter_map(::rooms::visible).take(NAME_CHARS_MAX).collect();
    if kept.trim().is_empty() { "file".to_owned() } else { kept.trim().to_owned() }
}

const UNBROKEN: &str = "nothing panics while it holds what is on air";
const MS_PER_HOUR: i64 = 3_600_000;
/// Code points of a file's name.
const NAME_CHARS_MAX: usize = 120;
/// Files of one room.
const FILES_MAX: usize = 100;
