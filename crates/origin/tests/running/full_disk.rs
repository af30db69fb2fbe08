//! Recordings on a disk that is really full: a file system of a few megabytes, mounted where only this origin sees it.

use std::process::Stdio;

use tokio::process::Command;

use crate::harness::{Folder, Publisher};
use crate::recording::{Serving, decodes, goes_live, live_seconds, recordings, until, until_seconds};

/// What a shell does so that `recordings/` is a disk of its own of this size; `None`, said aloud, where nobody may
/// mount anything. The mount ends with the origin.
pub async fn small_disk(folder: &Folder, size: &str) -> Option<String> {
    let at = folder.0.join("recordings");
    std::fs::create_dir_all(&at).unwrap();
    let at = at.display();
    let mount = format!("mount -t tmpfs -o size={size} tmpfs {at}");
    let tried = Command::new("unshare").args(["--mount", "sh", "-c", &mount]).stderr(Stdio::null()).status();
    if !tried.await.is_ok_and(|status| status.success()) {
        said("SKIPPED: mounting a small disk needs root");
        return None;
    }
    Some(format!("exec unshare --mount sh -c '{mount} && exec \"$0\" \"$@\"' \"$0\" \"$@\";"))
}

#[allow(clippy::print_stdout, reason = "whoever reads the run should know what did not run")]
fn said(words: &str) {
    println!("{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_the_recording_and_with_room_again_the_next_one_begins() {
    let folder = Folder::new();
    let Some(disk) = small_disk(&folder, "12m").await else { return };
    let serving = Serving::start_with(&folder, &disk, "reserve_mib = 0").await;
    let publisher = Publisher::start_large(&serving.room().await);
    let notice = serving.notice().await;
    assert!(notice.starts_with("recording stopped: No space left on device"), "{notice}");
    let before = live_seconds(serving.http).await;
    until_seconds(serving.http, before + 2.0).await;
    let recording = recordings(serving.http, 1).await.remove(0);
    assert_eq!(recording["notice"].as_str(), Some(notice.as_str()));
    let bytes = recording["bytes"].as_u64().unwrap();
    assert!(bytes > 8 << 20 && bytes <= 12 << 20, "{bytes} bytes of a disk of 12 MiB");
    decodes(&format!("http://{}{}", serving.http, recording["playlist"].as_str().unwrap())).await;

    // Its owner makes room, and switches recording off and on.
    let path = format!("/api/v1/recordings/{}", recording["id"].as_str().unwrap());
    assert_eq!(serving.ask("DELETE", &path, "").await.status, 204);
    assert_eq!(serving.ask("PATCH", "/api/v1/rooms/demo", "{\"record\":false}").await.status, 200);
    let before = live_seconds(serving.http).await;
    until_seconds(serving.http, before + 1.0).await;
    assert_eq!(serving.ask("PATCH", "/api/v1/rooms/demo", "{\"record\":true}").await.status, 200);
    // It is listed from its beginning on.
    until(serving.http, "/api/v1/rooms/demo/recordings", |answer| {
        answer.json()["recordings"].as_array().is_some_and(|all| all.len() == 1)
    })
    .await;
    publisher.finish().await;
    let again = recordings(serving.http, 1).await.remove(0);
    assert_ne!(again["id"], recording["id"]);
    decodes(&format!("http://{}{}", serving.http, again["playlist"].as_str().unwrap())).await;
    serving.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recording_stops_before_it_takes_what_is_reserved_and_does_not_begin_without_room() {
    let folder = Folder::new();
    // How full the disk is is looked at every 8 MiB: after the first of them less than 8 are left.
    let Some(disk) = small_disk(&folder, "15m").await else { return };
    let serving = Serving::start_with(&folder, &disk, "reserve_mib = 8").await;
    let url = serving.room().await;
    let publisher = Publisher::start_large(&url);
    let notice = serving.notice().await;
    assert_eq!(notice, "recording stopped: the disk is nearly full: less than 8 MiB are left");
    let recording = recordings(serving.http, 1).await.remove(0);
    let bytes = recording["bytes"].as_u64().unwrap();
    assert!(bytes < 10 << 20, "{bytes} bytes");
    decodes(&format!("http://{}{}", serving.http, recording["playlist"].as_str().unwrap())).await;
    publisher.finish().await;

    let publisher = Publisher::start_large(&url);
    goes_live(serving.http, 2.0).await;
    let room = serving.ask("GET", "/api/v1/rooms/demo", "").await.json();
    assert_eq!((room["state"].as_str(), room["recording"]["writing"].as_str()), (Some("live"), None));
    assert_eq!(room["recording"]["notice"].as_str(), Some(notice.as_str()));
    assert_eq!(recordings(serving.http, 1).await[0]["id"], recording["id"], "no other one was begun");
    publisher.kill().await;
    serving.kill().await;
}
