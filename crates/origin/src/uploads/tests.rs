use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;

use super::*;
use crate::store::NewRoom;

/// Uploads in a folder of their own, removed at the end.
struct Place {
    folder: PathBuf,
    store: Store,
    uploads: Arc<Uploads>,
    room: i64,
}

impl Place {
    async fn new(settings: UploadSettings) -> Place {
        let folder = std::env::temp_dir().join(format!("rostrum-uploads-{}", secret::random()));
        std::fs::create_dir(&folder).unwrap();
        let store = Store::open(&folder.join("rostrum.db")).unwrap();
        let new =
            NewRoom { slug: "demo".parse().unwrap(), title: "Demo".to_owned(), owner: None, record: false };
        let room = store.create_room(new, "key".to_owned(), 1).await.unwrap().id;
        let uploads = Uploads::new(store.clone(), &folder, settings, CancellationToken::new());
        Place { folder, store, uploads, room }
    }

    async fn announced(&self, bytes: u64) -> Upload {
        let id = self.uploads.announce(self.room, "a.mp4", bytes).await.unwrap();
        self.upload(&id).await
    }

    async fn upload(&self, id: &str) -> Upload {
        self.store.upload(id.to_owned()).await.unwrap().unwrap()
    }

    /// Sends `pieces` from `offset` on, and then ends as `end` says.
    async fn send(
        &self,
        upload: &Upload,
        offset: u64,
        pieces: &[&[u8]],
        cut: bool,
    ) -> Result<u64, ReceiveError> {
        let pieces = pieces.iter().map(|piece| Ok(Bytes::copy_from_slice(piece)));
        let end = cut.then_some(Err("cut"));
        let body = stream::iter(pieces.chain(end).collect::<Vec<_>>());
        self.uploads.receive(upload.clone(), offset, body).await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

fn settings() -> UploadSettings {
    UploadSettings { max_bytes: 1_000, reserve_mib: 0, keep_unfinished_hours: 1 }
}

#[tokio::test]
async fn a_file_goes_on_at_any_byte_where_it_was_cut() {
    let place = Place::new(settings()).await;
    let file: Vec<u8> = (0..200_u8).collect();
    for at in 0..=file.len() {
        let upload = place.announced(file.len() as u64).await;
        let (front, back) = file.split_at(at);
        let cut = place.send(&upload, 0, &[front], true).await;
        assert!(matches!(cut, Err(ReceiveError::Lost)) || at == file.len(), "{at}: {cut:?}");
        assert_eq!(place.uploads.settled(&upload).await, at as u64);
        if at < file.len() {
            let got = place.send(&upload, at as u64, &[&back[..1], &back[1..]], false).await.unwrap();
            assert_eq!(got, file.len() as u64);
        }
        assert_ne!(place.upload(&upload.id).await.state, State::Receiving, "{at}");
        place.uploads.remove(&place.upload(&upload.id).await).await.unwrap();
    }
    place.uploads.ended().await;
}

#[tokio::test]
async fn bytes_at_another_place_than_the_end_are_refused() {
    let place = Place::new(settings()).await;
    let upload = place.announced(10).await;
    place.send(&upload, 0, &[b"abcd"], false).await.unwrap();
    for offset in [0, 3, 5, u64::MAX] {
        let refused = place.send(&upload, offset, &[b"x"], false).await;
        assert!(matches!(refused, Err(ReceiveError::Offset { expected: 4, .. })), "{offset}: {refused:?}");
    }
    let refused = place.send(&upload, 4, &[b"efg", b"hijk"], false).await;
    assert!(matches!(refused, Err(ReceiveError::TooMany { bytes: 10 })), "{refused:?}");
    assert_eq!(place.uploads.settled(&upload).await, 7);
}

#[tokio::test]
async fn what_is_too_large_or_finds_no_room_is_refused_before_it_is_sent() {
    let place = Place::new(settings()).await;
    let refused = async |bytes| place.uploads.announce(place.room, "a.mp4", bytes).await;
    assert!(matches!(refused(1_001).await, Err(UploadError::TooLarge { bytes: 1_001, max: 1_000 })));
    assert!(matches!(refused(0).await, Err(UploadError::Empty)));
    let full = Place::new(UploadSettings { reserve_mib: u32::MAX, ..settings() }).await;
    let refused = full.uploads.announce(full.room, "a.mp4", 10).await;
    assert!(matches!(refused, Err(UploadError::DiskFull { bytes: 10, free: 0 })), "{refused:?}");
    let off = Place::new(UploadSettings { max_bytes: 0, ..settings() }).await;
    assert!(matches!(off.uploads.announce(off.room, "a.mp4", 10).await, Err(UploadError::Off)));
}

#[tokio::test]
async fn what_was_promised_to_others_is_not_promised_again() {
    let place = Place::new(UploadSettings { max_bytes: u64::MAX / 4, ..settings() }).await;
    std::fs::create_dir(&place.uploads.folder).unwrap();
    let free = place.uploads.free_bytes().unwrap();
    place.announced(free / 2).await;
    let refused = place.uploads.announce(place.room, "b.mp4", free / 4 * 3).await;
    assert!(matches!(refused, Err(UploadError::DiskFull { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_newer_request_interrupts_the_one_before_and_goes_on_behind_it() {
    let place = Place::new(settings()).await;
    let upload = place.announced(8).await;
    // The first one sends four bytes and then nothing more, and never ends.
    let hanging = stream::iter([Ok::<_, &str>(Bytes::from_static(b"abcd"))]);
    let hanging = futures_util::StreamExt::chain(hanging, stream::pending());
    let (uploads, of) = (Arc::clone(&place.uploads), upload.clone());
    let first = tokio::spawn(async move { uploads.receive(of, 0, Box::pin(hanging)).await });
    let arrived = async {
        while place.uploads.received(&upload).await < 4 {
            tokio::task::yield_now().await;
        }
    };
    // What waits in the program's buffers is written at the latest when it is interrupted.
    let _ = tokio::time::timeout(Duration::from_millis(200), arrived).await;
    let there = place.uploads.settled(&upload).await;
    assert!(matches!(first.await.unwrap(), Err(ReceiveError::Interrupted)));
    let rest = &b"abcdefgh"[there as usize..];
    assert_eq!(place.send(&upload, there, &[rest], false).await.unwrap(), 8);
}

#[tokio::test]
async fn a_file_that_is_none_is_refused_in_words_and_its_bytes_go() {
    let place = Place::new(settings()).await;
    let upload = place.announced(10).await;
    place.send(&upload, 0, &[b"Dear diary"], false).await.unwrap();
    place.uploads.ended().await;
    let upload = place.upload(&upload.id).await;
    assert_eq!(upload.state, State::Refused);
    assert!(upload.note.unwrap().starts_with("the file begins with 'Dear dia', expected MP4"));
    assert!(!place.uploads.path(&upload.id).exists());
}

#[tokio::test]
async fn uploads_that_were_given_up_go_and_others_stay() {
    let place = Place::new(settings()).await;
    let (old, young) = (place.announced(10).await, place.announced(10).await);
    place.store.hear_upload(old.id.clone(), unix_ms() - 2 * MS_PER_HOUR).await.unwrap();
    place.uploads.sweep().await.unwrap();
    assert!(place.store.upload(old.id.clone()).await.unwrap().is_none());
    assert!(!place.uploads.path(&old.id).exists());
    assert!(place.uploads.path(&young.id).exists());
}

#[tokio::test]
async fn only_a_file_that_is_ready_gets_an_hour() {
    let place = Place::new(settings()).await;
    let upload = place.announced(10).await;
    let refused = place.uploads.schedule(&upload, None, false).await;
    assert!(matches!(refused, Err(UploadError::WrongState(_))), "{refused:?}");
    let refused = place.uploads.unschedule(&upload).await;
    assert!(matches!(refused, Err(UploadError::WrongState(_))), "{refused:?}");
}

#[tokio::test]
async fn an_hour_that_passed_for_too_long_is_said_to_be_missed_and_a_late_one_is_not() {
    let place = Place::new(settings()).await;
    let (missed, late) = (place.announced(10).await, place.announced(10).await);
    for (upload, minutes) in [(&missed, 11), (&late, 9)] {
        let (from, change) = (&[State::Receiving], Change::default());
        place.store.change_upload(upload.id.clone(), from, State::Ready, change).await.unwrap();
        let at_ms = unix_ms() - minutes * 60_000;
        place.uploads.schedule(&place.upload(&upload.id).await, Some(at_ms), false).await.unwrap();
    }
    let due = place.uploads.due().await.unwrap();
    assert_eq!(due.begun.iter().map(|upload| &upload.id).collect::<Vec<_>>(), [&late.id]);
    assert_eq!(place.upload(&late.id).await.state, State::Live);
    let missed = place.upload(&missed.id).await;
    assert_eq!((missed.state, missed.ended), (State::Ready, Some(Ended::Missed)));
    assert!(missed.note.unwrap().contains("10 minutes"));
}

#[test]
fn a_files_name_has_no_folder_and_an_end() {
    assert_eq!(shown_name("C:\\films\\a\u{7}b.mp4"), "ab.mp4");
    assert_eq!(shown_name("../../etc/passwd"), "passwd");
    assert_eq!(shown_name("  "), "file");
    assert_eq!(shown_name(&"x".repeat(500)).len(), NAME_CHARS_MAX);
    assert_eq!(shown_name("lesson\u{202e}4pm.exe"), "lesson4pm.exe");
}
