//! Which recordings have to go: those that are too old, then the oldest until the rest fit their share of the disk.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

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

impl Recordings {
    /// Looks from time to time until `stop`.
    pub(crate) async fn sweep(&self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
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
        let bytes = rustix::fs::statvfs(&self.folder).map_or(u64::MAX, |disk| {
            let all = disk.f_blocks.saturating_mul(disk.f_frsize);
            all / 100 * u64::from(self.settings.disk_percent)
        });
        Allowed { since_ms, bytes }
    }
}

/// Those that have to go, of recordings given oldest first, and why.
fn expired(recordings: Vec<Recording>, allowed: Allowed) -> Vec<(Recording, &'static str)> {
    let mut bytes: u64 = recordings.iter().map(|recording| recording.bytes).sum();
    let mut gone = Vec::new();
    for recording in recordings {
        let reason = if recording.started_at_ms < allowed.since_ms {
            "older than recordings are kept"
        } else if bytes > allowed.bytes {
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
/// Recordings grow by a gigabyte an hour, so that a minute late is early enough.
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
    fn the_oldest_go_until_the_rest_fit() {
        let since_ms = i64::MIN;
        check(Allowed { since_ms, bytes: 150 }, &[]);
        check(Allowed { since_ms, bytes: 149 }, &["a"]);
        check(Allowed { since_ms, bytes: 60 }, &["a", "b"]);
        check(Allowed { since_ms, bytes: 0 }, &["a", "b", "c"]);
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
