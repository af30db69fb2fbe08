//! A publisher that is killed and comes back: the viewer's player goes on.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::browser::Browser;
use crate::harness::environment::keep_screenshot;
use crate::harness::machine::{alone, beside_others};
use crate::harness::playlist::MediaPlaylist;
use crate::harness::publisher::push_pattern;
use crate::harness::server::Server;
use crate::harness::viewer::media_playlist_url;
use crate::harness::wait::{seconds, until};
use crate::harness::watch_page::WatchPage;

/// A publisher that drops and returns within this time continues the same playlist.
const SAME_PLAYLIST: Duration = seconds(20);
/// From the first new part to the moment the player moves again, at most.
const MOVES_AGAIN: Duration = seconds(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_player_goes_on_by_itself_when_a_killed_publisher_comes_back() {
    alone(seconds(300), comes_back()).await;
}

async fn comes_back() {
    let server = Server::start().await;
    let room = server.room("back").await;
    let publisher = push_pattern(&server.rtmp_url(&room.key));
    server.live(&room.room).await;
    let browser = Browser::open(&server.watch_url(&room.room)).await;
    let page = WatchPage(&browser.session);
    let before = page.plays(3.0, seconds(30)).await;
    let playlist_url = media_playlist_url(&server.http, &server.playlist_url(&room.room)).await;

    publisher.signal("KILL");
    let killed = Instant::now();
    until("the room to be interrupted", seconds(45), async || {
        (server.describe(&room.room).await["state"] == "interrupted").then_some(())
    })
    .await;
    // Only a player that has run dry shows that it starts again.
    let mut last = (before.time, Instant::now());
    let dry = until("the player to run dry", seconds(45), async || {
        let time = page.player().await.expect("the player stays").time;
        if time > last.0 {
            last = (time, Instant::now());
        }
        (last.1.elapsed() > Duration::from_millis(700)).then_some(last.0)
    })
    .await;
    let known = playlist(&server, &playlist_url).await;

    let _publisher = push_pattern(&server.rtmp_url(&room.key));
    let first_new_part = until("the first new part", seconds(45), async || {
        (playlist(&server, &playlist_url).await.next() > known.next()).then(Instant::now)
    })
    .await;
    assert!(killed.elapsed() < SAME_PLAYLIST, "this test took too long to restart its publisher");
    let moved = until("the player to move again", seconds(45), async || {
        let time = page.player().await.expect("the player stays").time;
        (time > dry + 0.05).then(|| first_new_part.elapsed())
    })
    .await;
    println!("the player moved again {:.2} s after the first new part", moved.as_secs_f64());

    let after = page.plays(3.0, seconds(45)).await;
    assert_eq!(after.fatal_errors, "0", "the player had a fatal error: {after:?}");
    assert_eq!(after.media_error, "", "the video element failed: {after:?}");
    assert_eq!(after.generation, before.generation, "the player was rebuilt");
    assert!(!before.generation.is_empty(), "the page does not tell its player's generation");
    assert!(moved <= MOVES_AGAIN, "the player moved again only {moved:?} after the first new part");
    let continued = playlist(&server, &playlist_url).await;
    assert!(continued.media_sequence >= known.media_sequence, "the media sequence went back");
    assert!(
        continued.segments.iter().any(|segment| segment.discontinuity)
            || continued.discontinuity_sequence > 0,
        "the new publisher's media follows without a discontinuity"
    );
    returns_to_live(&browser, &page).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_away_for_longer_comes_back_to_the_same_broadcast_and_recording() {
    beside_others(seconds(300), comes_back_late()).await;
}

async fn comes_back_late() {
    let server = Server::start().await;
    let room = server.recorded_room("late").await;
    let publisher = push_pattern(&server.rtmp_url(&room.key));
    server.live(&room.room).await;
    let browser = Browser::open(&server.watch_url(&room.room)).await;
    let page = WatchPage(&browser.session);
    page.plays(3.0, seconds(45)).await;
    let playlist_url = media_playlist_url(&server.http, &server.playlist_url(&room.room)).await;
    let recording = until("the recording", seconds(45), async || {
        server.describe(&room.room).await["recording"]["writing"].as_str().map(str::to_owned)
    })
    .await;
    let since = server.describe(&room.room).await["live_since_ms"].clone();
    assert!(since.is_i64(), "{since}");

    let known = playlist(&server, &playlist_url).await;
    publisher.signal("KILL");
    let killed = Instant::now();
    until("the page to say that the connection dropped", seconds(45), async || {
        browser.session.shows("interrupted").await.then_some(())
    })
    .await;
    until("the time of one playlist to pass", seconds(45), async || {
        (killed.elapsed() > SAME_PLAYLIST + seconds(1)).then_some(())
    })
    .await;
    assert!(browser.session.shows("interrupted").await, "it still says so");
    keep_screenshot("web-interrupted.png", &browser.session.screenshot().await);
    assert_eq!(server.describe(&room.room).await["state"], "interrupted");

    let publisher = push_pattern(&server.rtmp_url(&room.key));
    server.live(&room.room).await;
    let after = page.plays(4.0, seconds(45)).await;
    assert_eq!(after.media_error, "", "the video element failed: {after:?}");
    until("the page to play as before", seconds(45), async || {
        (!browser.session.shows("interrupted").await).then_some(())
    })
    .await;
    // The address of the media is the broadcast's own, so it is the same one.
    let continued = playlist(&server, &playlist_url).await;
    assert!(continued.next() > known.next(), "the same playlist goes on");
    let told = server.describe(&room.room).await;
    assert_eq!(told["live_since_ms"], since, "the same broadcast");
    assert_eq!(told["recording"]["writing"], Value::from(recording.clone()), "the same recording");

    publisher.signal("INT");
    let url = server.url(&format!("/api/v1/rooms/{}/recordings", room.room));
    let recordings = until("the whole recording", seconds(45), async || {
        let told = server.http.get(&url).await.json()["recordings"].clone();
        (told[0]["state"] == "done").then_some(told)
    })
    .await;
    assert_eq!(recordings.as_array().map(Vec::len), Some(1), "{recordings}");
    assert_eq!(recordings[0]["id"], Value::from(recording));
}

/// A computer that was held up leaves its viewer far behind with all of the media there; nobody wished that.
async fn returns_to_live(browser: &Browser, page: &WatchPage<'_>) {
    page.plays(6.0, seconds(45)).await;
    let back = "const video = document.querySelector('video');
        const to = Math.max(video.buffered.start(video.buffered.length - 1), video.currentTime - 9);
        const by = video.currentTime - to; video.currentTime = to; return by";
    let by = browser.session.run(back, vec![]).await.as_f64().unwrap_or(0.0);
    assert!(by > 7.0, "too little is kept behind the player: {by} s");
    let latency = async || page.player().await.and_then(|player| player.latency.parse::<f64>().ok());
    until("the player to be behind", seconds(45), async || (latency().await? > 6.0).then_some(())).await;
    until("the player to be live", seconds(45), async || (latency().await? < 3.0).then_some(())).await;
    let after = page.plays(2.0, seconds(45)).await;
    assert_eq!(after.fatal_errors, "0", "the player had a fatal error: {after:?}");
}

async fn playlist(server: &Server, url: &str) -> MediaPlaylist {
    let answer = server.http.get(url).await;
    assert!(answer.status.is_success(), "GET {url}: {}", answer.status);
    MediaPlaylist::read(answer.text()).unwrap_or_else(|error| panic!("{url}: {error}"))
}
