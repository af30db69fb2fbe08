//! OBS Studio goes live, over RTMP and over SRT.

use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use crate::harness::browser::Browser;
use crate::harness::display::Display;
use crate::harness::environment::keep_screenshot;
use crate::harness::machine::alone;
use crate::harness::obs::{COLOUR, Obs, SIZE};
use crate::harness::probe::{Packets, complaints};
use crate::harness::server::Server;
use crate::harness::viewer::{Viewer, media_playlist_url};
use crate::harness::wait::{seconds, until};
use crate::harness::watch_page::{WatchPage, colours};

/// OBS renders and encodes in software here; all else waits for it.
const LIMIT: Duration = seconds(240);
/// A player's start, on a machine that OBS keeps busy.
const PLAYS_LIMIT: Duration = seconds(60);
/// How far a colour may be off after its conversion and back, of 255.
const COLOUR_TOLERANCE: f64 = 20.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn obs_goes_live_over_rtmp_and_a_second_start_goes_on() {
    alone(LIMIT, async {
        let server = Server::start().await;
        let room = server.room("obs").await;
        let url = format!("rtmp://{}/live", server.rtmp_address);
        goes_live(&server, "rtmp", &url, &room.key).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn obs_goes_live_over_srt_and_a_second_start_goes_on() {
    alone(LIMIT, async {
        let server = Server::start().await;
        let room = server.room("obs").await;
        let url = format!("srt://{}?streamid=publish:{}", server.srt_address, room.key);
        goes_live(&server, "srt", &url, "").await;
    })
    .await;
}

async fn goes_live(server: &Server, protocol: &str, url: &str, key: &str) {
    let display = Display::start(1280, 720).await;
    let obs = Obs::start(&display, url, key).await;
    obs.stream(true).await;
    server.live("obs").await;
    let browser = Browser::open(&server.watch_url("obs")).await;
    let page = WatchPage(&browser.session);
    // The first move is the one to the live edge.
    page.plays(1.0, PLAYS_LIMIT).await;
    let played = page.plays(6.0, PLAYS_LIMIT).await;
    println!("{protocol}: {played:?}");
    assert_eq!((played.fatal_errors.as_str(), played.media_error.as_str()), ("0", ""), "{played:?}");
    let size = (SIZE.0.into(), SIZE.1.into());
    assert_eq!(played.size, size);
    until("OBS's colour in the picture", seconds(45), async || {
        let shown = colours(&browser.session, "video", &[[0.2, 0.2, 0.6, 0.6]]).await[0];
        let off = |(shown, sent): (&f64, u8)| (shown - f64::from(sent)).abs();
        shown.iter().zip(COLOUR).map(off).all(|off| off <= COLOUR_TOLERANCE).then_some(())
    })
    .await;
    keep_screenshot(&format!("obs-{protocol}.png"), &browser.session.screenshot().await);
    let ingest = server.describe("obs").await["ingest"].clone();
    println!("{ingest}");
    assert_eq!((&ingest["protocol"], &ingest["warnings"]), (&json!(protocol), &json!([])), "{ingest}");
    assert_eq!((&ingest["video"]["codec"], &ingest["audio"]["codec"]), (&json!("H.264"), &json!("AAC")));
    decodes(server).await;
    let before = media_playlist_url(&server.http, &server.playlist_url("obs")).await;

    obs.stream(false).await;
    until("the room to be offline", seconds(45), async || {
        (server.describe("obs").await["state"] == "offline").then_some(())
    })
    .await;
    obs.stream(true).await;
    server.live("obs").await;
    let after = media_playlist_url(&server.http, &server.playlist_url("obs")).await;
    assert_eq!(after, before, "the broadcast goes on");
    let again = page.plays(3.0, PLAYS_LIMIT).await;
    assert_eq!(again.fatal_errors, "0", "{again:?}");
}

/// What is served decodes without a complaint.
async fn decodes(server: &Server) {
    let folder = TempDir::new().expect("a temporary folder");
    let mut viewer = Viewer::join(&server.http, &server.playlist_url("obs")).await;
    for _ in 0..10 {
        viewer.advance().await;
    }
    let runs = viewer.write(folder.path());
    assert_eq!(runs.len(), 1);
    assert_eq!(complaints(&runs[0]), "");
    let packets = Packets::read(&runs[0]);
    assert!(packets.video.len() > 20 && packets.audio.len() > 40, "{} pictures", packets.video.len());
}
