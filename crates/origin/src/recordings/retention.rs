//! Which recordings have to go: those that are too old, then the oldest until the rest fit their share of the disk.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::Recordings;
use crate::clock::unix_ms;
use crate::store::{Recording, StoreError};

/// What may stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Allowed {
    /// Recordings that began earlier go.
    since_ms: i64,
    /// All recordings together.
    bytes: u64,
}

/// How long recordings stay, as their owners are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Keeping {
    /// Days after which one is removed; 0: never for its age.
    keep_days: u32,
    /// What all recordings of this origin take.
    used_bytes: u64,
    /// What they may take; beyond that the oldest are removed. `None` on a disk whose size is not known.
    #[schema(required)]
    allowed_bytes: Option<u64>,
}

impl Recordings {
    /// How long recordings stay.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn keeping(&self) -> Result<Keeping, StoreError> {
        let recordings = self.store.finished_recordings().await?;
        let used_bytes = recordings.iter().map(|recording| recording.bytes).sum();
        // The folder is made with the first recording.
        let allowed_bytes = self.share(&self.folder).or_else(|| self.share(self.folder.parent()?));
        Ok(Keeping { keep_days: self.settings.keep_days, used_bytes, allowed_bytes })
    }

    /// Looks from time to time, and whenever a recording is finished, until `stop`.
    pub(crate) async fn sweep(self: &Arc<Recordings>, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
                () = self.grown.notified() => {}
            }
            self.recover_left().await;
            if let Err(error) = self.sweep_once().await {
                tracing::error!(%error, "old recordings are not known");
            }
        }
    }

    async fn sweep_once(&self) -> Result<(), StoreError> {
        let recordings = self.store.finished_recordings().await?;
        if recordings.is_empty() {
            return Ok(());
        }
        for (recording, reason) in expired(recordings, self.allowed()) {
            self.remove(&recording).await?;
            tracing::info!(room = %recording.slug, recording = recording.id, reason, "recording removed");
        }
        Ok(())
    }

    fn allowed(&self) -> Allowed {
        let days = i64::from(self.settings.keep_days);
        let since_ms = if days == 0 { i64::MIN } else { unix_ms() - days * MS_PER_DAY };
        // A disk whose size is not known has no share.
        Allowed { since_ms, bytes: self.share(&self.folder).unwrap_or(u64::MAX) }
    }

    /// The bytes that recordings may take of the disk that a folder is on.
    fn share(&self, folder: &Path) -> Option<u64> {
        let disk = rustix::fs::statvfs(folder).ok()?;
        let all = disk.f_blocks.saturating_mul(disk.f_frsize);
        Some(all / 100 * u64::from(self.settings.disk_percent))
    }
}

/// Those that have to go, of recordings given oldest first, and why. The newest stays, whatever its size: whoever just
/// recorded it wants to have it.
fn expired(recordings: Vec<Recording>, allowed: Allowed) -> Vec<(Recording, &'static str)> {
    let mut bytes: u64 = recordings.iter().map(|recording| recording.bytes).sum();
    let (newest, mut gone) = (recordings.len().saturating_sub(1), Vec::new());
    for (index, recording) in recordings.into_iter().enumerate() {
        let reason = if recording.started_at_ms < allowed.since_ms {
            "older than recordings are kept"
        } else if bytes > allowed.bytes && index < newest {
            "recordings take more than their share of the disk"
        } else {
            break;
        };
        bytes -= recording.bytes;
        gone.push((recording, reason));
    }
    gone
}

const MS_PER_DAY: i64 = 86_400_000;
/// What is only a day too old may stay a minute longer.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RecordingSettings;
    use crate::recordings::part_path;
    use crate::store::{Finished, NewRoom, Store};

    fn recording(id: &str, started_at_ms: i64, bytes: u64) -> Recording {
        Recording {
            id: id.to_owned(),
            room: 1,
            slug: "demo".parse().unwrap(),
            title: String::new(),
            started_at_ms,
            duration_ms: 1,
            bytes,
            parts: 1,
            writing: false,
            note: None,
            tracks: Vec::new(),
        }
    }

    fn check(allowed: Allowed, expected: &[&str]) {
        let recordings = vec![recording("a", 10, 50), recording("b", 20, 50), recording("c", 30, 50)];
        let gone: Vec<String> = expired(recordings, allowed).into_iter().map(|(gone, _)| gone.id).collect();
        assert_eq!(gone, expected);
    }

    #[test]
    fn the_oldest_go_until_the_rest_fit_and_the_newest_stays() {
        let since_ms = i64::MIN;
        check(Allowed { since_ms, bytes: 150 }, &[]);
        check(Allowed { since_ms, bytes: 149 }, &["a"]);
        check(Allowed { since_ms, bytes: 60 }, &["a", "b"]);
        check(Allowed { since_ms, bytes: 0 }, &["a", "b"]);
    }

    #[tokio::test]
    async fn a_sweep_removes_the_oldest_row_and_its_file_and_no_other() {
        let folder = std::env::temp_dir().join(format!("rostrum-retention-{}", crate::secret::random()));
        std::fs::create_dir_all(folder.join("recordings")).unwrap();
        let store = Store::open(&folder.join("rostrum.db")).unwrap();
        let new =
            NewRoom { slug: "demo".parse().unwrap(), title: "Demo".to_owned(), owner: None, record: true };
        let room = store.create_room(new, "key".to_owned(), 1).await.unwrap();
        let recordings = Recordings::new(store.clone(), &folder, RecordingSettings::default());
        // The oldest takes more than any disk has; the newest is still written.
        for (id, started_at_ms) in [("b".repeat(32), 20), ("a".repeat(32), 10), ("c".repeat(32), 30)] {
            let begun = store.begin_recording(id.clone(), room.slug.clone(), Vec::new(), started_at_ms);
            begun.await.unwrap();
            std::fs::write(part_path(&recordings.folder, &id, 1), "media").unwrap();
            if !id.starts_with('c') {
                let bytes = if id.starts_with('a') { u64::MAX / 4 } else { 5 };
                let finished = Finished { duration_ms: 1, bytes, parts: 1, note: None };
                store.finish_recording(id, finished).await.unwrap();
            }
        }
        recordings.sweep_once().await.unwrap();
        let left: Vec<String> =
            store.recordings_of(room.id).await.unwrap().into_iter().map(|recording| recording.id).collect();
        assert_eq!(left, ["c".repeat(32), "b".repeat(32)]);
        assert!(!part_path(&recordings.folder, &"a".repeat(32), 1).exists());
        assert!(part_path(&recordings.folder, &"b".repeat(32), 1).exists());
        drop((recordings, store));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn those_that_began_too_long_ago_go_whatever_room_there_is() {
        check(Allowed { since_ms: 20, bytes: u64::MAX }, &["a"]);
        check(Allowed { since_ms: 31, bytes: u64::MAX }, &["a", "b", "c"]);
        check(Allowed { since_ms: 15, bytes: 60 }, &["a", "b"]);
    }
}
