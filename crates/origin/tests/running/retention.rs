//! Recordings that have to go: too old, more than their share of the disk, or deleted while somebody plays them.

use std::path::PathBuf;

use axum::body::{Body, Bytes};
use axum::http::Request;
use futures_util::StreamExt as _;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::full_disk::small_disk;
use crate::harness::{Folder, Publisher, Running, ask, soon};
use crate::recording::{Serving, goes_live, recordings, until};

fn id(recording: &Value) -> String {
    recording["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn when_recordings_outgrow_their_share_of_the_disk_the_oldest_goes_as_soon_as_the_next_is_done() {
    let folder = Folder::new();
    let serving = Serving::start_with(&folder, "", "reserve_mib = 0").await;
    let url = serving.room().await;
    broadcast(&serving, &url).await;
    let first = recordings(serving.http, 1).await.remove(0);
    serving.kill().await;

    // Half of a disk three times its size: room for one of them, and not for two.
    let bytes = first["bytes"].as_u64().unwrap();
    let (recorded, kept) = (folder.0.join("recordings"), folder.0.join("kept"));
    std::fs::rename(&recorded, &kept).unwrap();
    let Some(disk) = small_disk(&folder, &(bytes * 3).to_string()).await else { return };
    let copy = format!(" && cp {}/* {} && exec", kept.display(), recorded.display());
    let serving = Serving::start_with(
        &folder,
        &disk.replacen(" && exec", &copy, 1),
        "reserve_mib = 0\ndisk_percent = 50",
    )
    .await;
    let playlist = first["playlist"].as_str().unwrap();
    assert_eq!(ask(serving.http, "GET", playlist, &[], "").await.status, 200, "alone it may stay");
    let made = serving.ask("POST", "/api/v1/rooms/demo/stream-key", "").await.json();
    let url = format!("{}/{}", made["rtmp"].as_str().unwrap(), made["stream_key"].as_str().unwrap());
    broadcast(&serving, &url).await;
    let left = until(serving.http, "/api/v1/rooms/demo/recordings", |answer| {
        let all = answer.json()["recordings"].as_array().cloned().unwrap_or_default();
        all.len() == 1 && all[0]["state"] == "done" && all[0]["id"] != first["id"]
    });
    left.await;
    assert_eq!(ask(serving.http, "GET", playlist, &[], "").await.status, 404);
    serving.kill().await;
}

/// Four seconds of the large picture.
async fn broadcast(serving: &Serving, url: &str) {
    let publisher = Publisher::start_large(url);
    goes_live(serving.http, 4.0).await;
    publisher.finish().await;
    until(serving.http, "/api/v1/rooms/demo", |answer| answer.json()["state"] == "offline").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_older_than_they_are_kept_is_gone_with_its_files_and_a_younger_one_stays() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let key = running.room("demo").await;
    record(&running).await;
    for count in [1, 2] {
        let publisher = Publisher::start(&running.publish_url(&key));
        goes_live(running.addresses.http, 1.0).await;
        publisher.finish().await;
        recordings(running.addresses.http, count).await;
    }
    let both = recordings(running.addresses.http, 2).await;
    running.stop().await;
    // The newest stands first.
    let [young, old] = [id(&both[0]), id(&both[1])];
    let database = rusqlite::Connection::open(folder.0.join("rostrum.db")).unwrap();
    let three_days_ms = 3 * 86_400_000;
    let aged = "update recordings set started_at_ms = started_at_ms - ?1 where id = ?2";
    assert_eq!(database.execute(aged, rusqlite::params![three_days_ms, old]).unwrap(), 1);
    drop(database);

    let mut config = crate::harness::config(&folder);
    config.recording.keep_days = 2;
    let running = Running::start_with(&folder, config).await;
    let left = recordings(running.addresses.http, 1).await;
    assert_eq!(id(&left[0]), young);
    let files = |id: &str| -> Vec<PathBuf> {
        let all = std::fs::read_dir(folder.0.join("recordings")).unwrap().map(|file| file.unwrap().path());
        all.filter(|path| path.display().to_string().contains(id)).collect()
    };
    soon("the old one's files to go", async {
        while !files(&old).is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(!files(&young).is_empty());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_plays_while_it_is_deleted_ends_whole_and_then_it_is_gone() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let key = running.room("demo").await;
    record(&running).await;
    let publisher = Publisher::start_large(&running.publish_url(&key));
    goes_live(running.addresses.http, 6.0).await;
    publisher.finish().await;
    let recording = recordings(running.addresses.http, 1).await.remove(0);
    let path = recording["files"][0].as_str().unwrap();
    let file = folder.0.join("recordings").join(format!("{}-1.mp4", id(&recording)));
    let expected = std::fs::read(&file).unwrap();

    let socket = TcpStream::connect(running.addresses.http).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake::<_, Body>(TokioIo::new(socket)).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::get(path).header("host", "localhost").body(Body::empty()).unwrap();
    let response = soon("the answer", sender.send_request(request)).await.unwrap();
    let mut body = Body::new(response.into_body()).into_data_stream();
    let mut taken: Vec<u8> = soon("the first bytes", body.next()).await.unwrap().unwrap().to_vec();

    let token = format!("Bearer {}", running.token);
    let owner = [("authorization", token.as_str())];
    let address = format!("/api/v1/recordings/{}", id(&recording));
    assert_eq!(ask(running.addresses.http, "DELETE", &address, &owner, "").await.status, 204);
    assert!(!file.exists());
    let rest = async {
        while let Some(bytes) = body.next().await {
            let bytes: Bytes = bytes.unwrap();
            taken.extend_from_slice(&bytes);
        }
    };
    soon("the rest", rest).await;
    assert!(taken == expected, "{} of {} bytes", taken.len(), expected.len());
    connection.abort();
    for path in [path, recording["playlist"].as_str().unwrap(), address.as_str()] {
        assert_eq!(running.get(path).await.status, 404, "{path}");
    }
    running.stop().await;
}

/// Broadcasts of the room are recorded from now on.
pub async fn record(running: &Running) {
    let token = format!("Bearer {}", running.token);
    let owner = [("authorization", token.as_str()), ("content-type", "application/json")];
    let changed =
        ask(running.addresses.http, "PATCH", "/api/v1/rooms/demo", &owner, "{\"record\":true}").await;
    assert_eq!(changed.status, 200);
}
