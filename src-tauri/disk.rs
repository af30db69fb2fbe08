//! How much room is left where it is recorded to, looked at every few seconds. A full disk ends a recording, never the
//! broadcast.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use origin::Observer;
use serde::{Deserialize, Serialize};
use specta::Type;
use tracing::warn;

use crate::studio::{Done, Studio, now};
use crate::view::NoticeKind;

/// When the person is told, and when a recording ends by itself. 1 000 000 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Below it the person is told.
    pub warn_mb: u32,
    /// Below it the recording is finished, so that its file is whole.
    pub stop_mb: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { warn_mb: 3_000, stop_mb: 500 }
    }
}

/// The disks that recordings go to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DiskView {
    /// Where this computer records to.
    pub folder: String,
    /// Room there, 1 000 000 bytes; `None` before it is known.
    pub free_mb: Option<u32>,
    /// The recording that runs has little room left.
    pub recording: Option<Left>,
    /// The replay that the origin keeps of the broadcast has little room left, 1 000 000 bytes.
    pub replay_mb: Option<u32>,
}

/// What is left for a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Left {
    /// Whole minutes until it is finished by itself, as fast as it grows now.
    pub minutes: u32,
    /// What the disk has then, 1 000 000 bytes.
    pub stop_mb: u32,
}

/// What was seen. Bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Where this computer recorded to.
    folder: PathBuf,
    /// The room there.
    recordings: Option<u64>,
    /// Where the origin has its data, while it records the broadcast.
    replay: Option<u64>,
}

/// The disks as the studio knows them.
#[derive(Debug, Default)]
pub(crate) struct Disks {
    seen: Seen,
    looking: bool,
    next: Option<Instant>,
}

impl Disks {
    /// When to look again; `None` while somebody looks.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.next
    }
}

impl Studio {
    /// Looks, unless it is too soon or somebody looks.
    pub(crate) fn look_at_disks(&mut self) {
        if self.disks.looking || self.disks.next.is_some_and(|next| next > now()) {
            return;
        }
        (self.disks.looking, self.disks.next) = (true, None);
        let (folder, observer) = (self.recordings(), self.doors.observed.borrow().clone());
        let room = self.room.as_ref().map(|room| room.owner.room.clone());
        self.tasks.spawn(async move { Done::DisksSeen(look(folder, observer, room).await) });
    }

    /// Looks, since it is recorded to another folder from now on.
    pub(crate) fn look_at_disks_now(&mut self) {
        (self.disks.seen.recordings, self.disks.next) = (None, None);
        self.look_at_disks();
    }

    /// Remembers what was seen, and finishes a recording that has no room any more.
    pub(crate) fn disks_seen(&mut self, seen: Seen) {
        self.disks.looking = false;
        if seen.folder != self.recordings() {
            // Another disk by now.
            return self.look_at_disks_now();
        }
        let room = seen.recordings;
        self.disks = Disks { seen, looking: false, next: Some(now() + EVERY) };
        let stop = u64::from(self.settings.disk.stop_mb) * MB;
        if self.recording.is_some() && room.is_some_and(|free| free < stop) {
            warn!(free = room, "the disk is full, the recording is finished");
            self.record(false);
            self.notify(NoticeKind::DiskFull { stop_mb: self.settings.disk.stop_mb });
        }
    }

    /// For the window.
    pub(crate) fn disk_view(&self) -> DiskView {
        let limits = self.settings.disk;
        let status = self.status.as_ref().map(|status| status.borrow().bitrate_bps);
        let bps =
            status.filter(|bps| *bps > 0).unwrap_or(u64::from(self.settings.output.bitrate_kbps) * 1_000);
        let Seen { recordings, replay, .. } = self.disks.seen;
        let recording = recordings.filter(|_| self.recording.is_some());
        DiskView {
            folder: self.recordings().display().to_string(),
            free_mb: recordings.map(megabytes),
            recording: recording.and_then(|free| left(free, limits, bps)),
            replay_mb: replay.filter(|free| *free < u64::from(limits.warn_mb) * MB).map(megabytes),
        }
    }
}

/// What is left of `free` bytes for a recording of `bps` bits a second, when that is little.
fn left(free: u64, limits: Limits, bps: u64) -> Option<Left> {
    if free >= u64::from(limits.warn_mb) * MB {
        return None;
    }
    let usable = free.saturating_sub(u64::from(limits.stop_mb) * MB);
    let seconds = usable.saturating_mul(8).checked_div(bps).unwrap_or(u64::MAX);
    let minutes = u32::try_from(seconds / 60).unwrap_or(u32::MAX);
    Some(Left { minutes, stop_mb: limits.stop_mb })
}

/// A disk that does not answer holds up nobody but this task.
async fn look(folder: PathBuf, observer: Option<Observer>, room: Option<String>) -> Seen {
    let overview = match observer {
        Some(observer) => observer.look().await.ok().flatten(),
        None => None,
    };
    let replay = overview.filter(|overview| {
        let mut rooms = overview.rooms.iter();
        overview.disk_bytes > 0 && rooms.any(|its| its.live && its.record && Some(&its.slug) == room.as_ref())
    });
    let replay = replay.map(|overview| overview.disk_bytes.saturating_sub(overview.disk_used_bytes));
    let recorded_to = folder.clone();
    let recordings = tokio::task::spawn_blocking(move || free(&recorded_to)).await;
    Seen { folder, recordings: recordings.ok().flatten(), replay }
}

/// Bytes that this user may still write where `folder` is or will be.
fn free(folder: &Path) -> Option<u64> {
    let there = folder.ancestors().find(|folder| folder.exists())?;
    let disk = rustix::fs::statvfs(there).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn megabytes(bytes: u64) -> u32 {
    u32::try_from(bytes / MB).unwrap_or(u32::MAX)
}

const MB: u64 = 1_000_000;
/// A recording of 50 Mbit/s writes a tenth of what is kept free meanwhile.
const EVERY: Duration = Duration::from_secs(8);

#[cfg(test)]
mod tests {
    use super::{Left, Limits, MB, free, left};

    #[test]
    fn the_minutes_left_are_those_until_the_recording_is_finished() {
        let left = |free_mb: u64| left(free_mb * MB, Limits::default(), 6_000_000);
        assert_eq!(left(3_000), None);
        // 700 MB at 6 Mbit/s are 933 s.
        assert_eq!(left(1_200), Some(Left { minutes: 15, stop_mb: 500 }));
        assert_eq!(left(400), Some(Left { minutes: 0, stop_mb: 500 }));
    }

    #[test]
    fn a_folder_that_is_not_there_yet_has_the_room_of_the_one_it_will_be_in() {
        let folder = tempfile::tempdir().unwrap();
        assert!(free(&folder.path().join("videos/rostrum")).is_some_and(|bytes| bytes > 0));
    }
}
