use std::path::PathBuf;

use bytes::Bytes;
use media::{Aac, Codec, Timescale, TrackId};

use super::*;
use crate::config::RecordingSettings;
use crate::secret;
use crate::store::{NewRoom, Recording, Store};

/// Sound whose every packet stands alone: each is a fragment's beginning.
fn sound() -> MediaEvent {
    let aac = Aac { asc: Bytes::from_static(&[0x11, 0x90]), sample_rate: 48_000, channels: 2 };
    let timescale = Timescale::new(48_000).unwrap();
    MediaEvent::Tracks(Arc::new([Track { id: TrackId(1), codec: Codec::Aac(aac), timescale }]))
}

fn packet(seconds: i64) -> MediaEvent {
    let at = Timestamp::from_millis(seconds * 1_000);
    let data = Bytes::from_static(&[0x21; 64]);
    MediaEvent::Packet(Packet { track: TrackId(1), dts: at, pts: at, random_access: true, data })
}

fn take(recorder: &mut Recorder, event: MediaEvent) {
    recorder.push(&Continued { event, anew: false });
}

struct Disk {
    folder: PathBuf,
    store: Store,
    room: i64,
    recordings: Arc<Recordings>,
}

impl Disk {
    async fn new() -> Disk {
        let folder = std::env::temp_dir().join(format!("rostrum-recorder-{}", secret::random()));
        std::fs::create_dir_all(&folder).unwrap();
        let store = Store::open(&folder.join("rostrum.db")).unwrap();
        let new =
            NewRoom { slug: "demo".parse().unwrap(), title: "Demo".to_owned(), owner: None, record: true };
        let room = store.create_room(new, "key".to_owned(), 1).await.unwrap().id;
        let settings = RecordingSettings { reserve_mib: 0, ..RecordingSettings::default() };
        let recordings = Recordings::new(store.clone(), &folder, settings);
        Disk { folder, store, room, recordings }
    }

    fn recorder(&self) -> (Recorder, Arc<Status>) {
        let status = Arc::<Status>::default();
        let target = Target {
            recordings: Arc::clone(&self.recordings),
            slug: "demo".parse().unwrap(),
            wanted: Arc::new(AtomicBool::new(true)),
            status: Arc::clone(&status),
        };
        (Recorder::new(target), status)
    }

    /// Nothing is stored until the answer is dropped: what waits for the disk waits.
    fn stuck(&self) -> rusqlite::Connection {
        let connection = rusqlite::Connection::open(self.folder.join("rostrum.db")).unwrap();
        connection.execute_batch("begin immediate").unwrap();
        connection
    }

    async fn recorded(&self) -> Vec<Recording> {
        self.recordings.ended().await;
        self.store.recordings_of(self.room).await.unwrap()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_too_slow_stops_the_recording_in_words_and_keeps_what_was_taken() {
    let disk = Disk::new().await;
    let (mut recorder, status) = disk.recorder();
    let stuck = disk.stuck();
    take(&mut recorder, sound());
    let mut taken = 0;
    while status.view().notice.is_none() {
        assert!(taken < 1_000, "the queue has an end");
        take(&mut recorder, packet(taken));
        taken += 1;
    }
    assert_eq!(status.view().notice.as_deref(), Some("recording stopped: the disk is too slow"));
    // The broadcast goes on, and is not recorded until it is asked for anew.
    take(&mut recorder, packet(taken));
    assert!(recorder.running.is_none());
    drop(stuck);
    let recorded = disk.recorded().await;
    assert_eq!(recorded.len(), 1);
    assert_eq!(recorded[0].note.as_deref(), Some("recording stopped: the disk is too slow"));
    assert!(recorded[0].duration_ms >= 200_000 && !recorded[0].writing, "{:?}", recorded[0]);

    recorder.target.wanted.store(false, Ordering::Relaxed);
    take(&mut recorder, packet(taken + 1));
    recorder.target.wanted.store(true, Ordering::Relaxed);
    for more in 2..6 {
        take(&mut recorder, packet(taken + more));
    }
    drop(recorder);
    assert_eq!(disk.recorded().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_slow_for_a_moment_costs_nothing() {
    let disk = Disk::new().await;
    let (mut recorder, status) = disk.recorder();
    let stuck = disk.stuck();
    take(&mut recorder, sound());
    for second in 0..100 {
        take(&mut recorder, packet(second));
    }
    drop(stuck);
    drop(recorder);
    let recorded = disk.recorded().await;
    assert_eq!((recorded.len(), status.view().notice), (1, None));
    assert!(recorded[0].duration_ms >= 99_000, "{:?}", recorded[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stopped_in_one_broadcast_is_begun_anew_in_the_next() {
    let disk = Disk::new().await;
    let (mut recorder, status) = disk.recorder();
    take(&mut recorder, sound());
    for second in 0..3 {
        take(&mut recorder, packet(second));
    }
    recorder.stop("recording stopped: no room".to_owned());
    take(&mut recorder, packet(3));
    assert!(recorder.running.is_none());
    // The publisher has finished, and is back within the time in which its playlist goes on.
    recorder.finish();
    for second in 4..8 {
        take(&mut recorder, packet(second));
    }
    assert_eq!(status.view().notice, None);
    drop(recorder);
    assert_eq!(disk.recorded().await.len(), 2);
}
