//! Rooms with a limit or a lock, played by FFmpeg.

use std::process::Stdio;

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::harness::{Chat, Folder, Publisher, Running, soon};

/// A player of so many seconds of a URL; it fails when it cannot play them.
fn player(url: &str, seconds: u32) -> Child {
    let mut player = Command::new("ffmpeg");
    player.args(["-v", "error", "-progress", "pipe:1", "-re", "-i", url, "-t", &seconds.to_string()]);
    player.args(["-f", "null", "-"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    player.kill_on_drop(true).spawn().expect("ffmpeg starts")
}

/// Waits until a player has played something.
async fn begins(player: &mut Child) {
    let mut lines = BufReader::new(player.stdout.take().expect("it is a pipe")).lines();
    soon("the first picture", async {
        while !lines.next_line().await.unwrap().expect("it plays").starts_with("out_time=00") {}
    })
    .await;
    // It is read on, so that the player does not wait for a reader.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
}

async fn plays(mut player: Child) -> bool {
    soon("the player's end", player.wait()).await.unwrap().success()
}

async fn set(running: &Running, change: serde_json::Value) {
    let answer = running.ask("PATCH", "/api/v1/rooms/demo", &change.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// Waits until there is what FFmpeg begins with: whole segments.
async fn has_segments(running: &Running) {
    let path = running.media_path("demo").await;
    for msn in 1..=3 {
        assert_eq!(running.get(&format!("{path}?_HLS_msn={msn}")).await.status, 200);
    }
}

#[tokio::test]
async fn a_limit_holds_for_players_that_know_nothing_of_it() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let key = running.room("demo").await;
    let mut chat = Chat::join(running.addresses.http, "demo", "", &[]).await;
    let publisher = Publisher::start(&running.publish_url(&key));
    chat.notice("live").await;
    has_segments(&running).await;
    set(&running, json!({ "viewer_limit": 2 })).await;
    let url = format!("http://{}/live/demo/index.m3u8", running.addresses.http);
    let (mut first, mut second) = (player(&url, 8), player(&url, 8));
    begins(&mut first).await;
    begins(&mut second).await;
    let refused = running.get("/live/demo/index.m3u8").await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (503, Some("room_full")));
    assert!(!plays(player(&url, 1)).await, "as many watch as may");
    assert!(plays(first).await && plays(second).await, "who has a place plays on");
    publisher.finish().await;
    running.stop().await;
}

#[tokio::test]
async fn a_private_room_plays_for_who_has_its_link() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let key = running.room("demo").await;
    let mut chat = Chat::join(running.addresses.http, "demo", "", &[]).await;
    let publisher = Publisher::start(&running.publish_url(&key));
    chat.notice("live").await;
    has_segments(&running).await;
    set(&running, json!({ "visibility": "private" })).await;
    let made = running.post("/api/v1/rooms/demo/link", "").await;
    let url = format!("http://{}/live/demo/index.m3u8", running.addresses.http);
    assert!(!plays(player(&url, 1)).await);
    let with_key = made["playlist"].as_str().unwrap();
    assert!(plays(player(with_key, 4)).await, "{with_key}");
    running.post("/api/v1/rooms/demo/link", "").await;
    assert!(!plays(player(with_key, 1)).await, "the link before opens nothing");
    publisher.finish().await;
    running.stop().await;
}
