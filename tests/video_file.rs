//! A video file is uploaded in a browser, goes live at its hour, and is watched in another one.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::harness::breakable_line::BreakableLine;
use crate::harness::broadcast_page::BroadcastPage;
use crate::harness::browser::{Browser, Session};
use crate::harness::environment::{clip, keep_screenshot};
use crate::harness::machine::alone;
use crate::harness::server::Server;
use crate::harness::wait::{seconds, until};
use crate::harness::watch_page::WatchPage;

/// For a browser to start, and for a few megabytes over the slow line.
const LIMIT: Duration = seconds(60);
/// So slow that there is time to cut the line in the middle.
const LINE_BYTES_PER_S: u64 = 300_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_uploaded_through_a_cut_goes_live_at_its_hour_and_is_seen_to_its_end() {
    let Some(clip) = clip("d_bbb_vertical_720x1280_30_mono441_jfk.mp4") else { return };
    alone(seconds(400), uploads_and_watches(clip)).await;
}

async fn uploads_and_watches(clip: PathBuf) {
    let server = Server::start().await;
    server.recorded_room("film").await;
    let line = BreakableLine::slow_to(server.http_address, LINE_BYTES_PER_S).await;
    let page = Browser::open(&format!("http://{}/r/film/files", line.address)).await;
    let page = BroadcastPage { browser: page };
    let session = page.session();
    sign_in(session, &server).await;
    assert_eq!(page.accessibility_faults().await, Vec::<String>::new());

    let before = line.carried();
    session.type_into("choose", path(&clip)).await;
    carries(&line, 500_000).await;
    line.cut();
    // By itself it goes on, and then it is paused and the page is closed.
    carries(&line, 500_000).await;
    session.click("pause").await;
    assert_eq!(status(session, "upload").await, "paused");
    assert_eq!(page.accessibility_faults().await, Vec::<String>::new());
    keep_screenshot("files-paused.png", &session.screenshot().await);
    session.client.refresh().await.expect("the page is loaded again");
    sign_in(session, &server).await;
    session.type_into("choose", path(&clip)).await;
    until("the file to be ready", LIMIT, async || (status(session, "file").await == "ready").then_some(()))
        .await;
    let (carried, bytes) = (line.carried() - before, std::fs::metadata(&clip).expect("the clip").len());
    println!("{carried} bytes crossed the line for a file of {bytes}");
    assert!(carried < bytes + bytes / 2, "{carried} bytes for {bytes}: it began anew");

    let viewer = Browser::open(&server.watch_url("film")).await;
    until("the room", LIMIT, async || viewer.session.shows("player").await.then_some(())).await;
    let set = "const at = new Date(Date.now() + 20_000 - new Date().getTimezoneOffset() * 60_000);
        const field = document.querySelector('[data-testid=hour]');
        field.value = at.toISOString().slice(0, 19);
        field.dispatchEvent(new Event('input', { bubbles: true })); return field.value";
    session.run(set, vec![]).await;
    session.click("set-hour").await;
    until("the hour", LIMIT, async || session.shows("scheduled").await.then_some(())).await;
    assert_eq!(page.accessibility_faults().await, Vec::<String>::new());
    keep_screenshot("files-scheduled.png", &session.screenshot().await);
    // The page would ask by itself in half a minute.
    viewer.session.client.refresh().await.expect("the page is loaded again");
    until("the room to say so", LIMIT, async || viewer.session.shows("next-live").await.then_some(())).await;

    let watch = WatchPage(&viewer.session);
    let player = watch.plays(6.0, LIMIT).await;
    println!("{player:?}");
    assert_eq!((player.size, player.fatal_errors.as_str()), ((720, 1_280), "0"));
    assert_eq!(server.describe("film").await["ingest"]["protocol"], "file");
    until("the position", LIMIT, async || session.shows("position").await.then_some(())).await;
    keep_screenshot("files-live.png", &session.screenshot().await);
    until("the end", LIMIT, async || (status(session, "file").await == "done").then_some(())).await;
    assert_eq!(session.texts("ended").await, ["Played to its end."]);
    assert_eq!(page.accessibility_faults().await, Vec::<String>::new());

    let recording = recording(&server).await;
    let played = server.url(&recording);
    let (source, got) = (pictures(path(&clip)), pictures(&played));
    let (source, got) = (source.await, got.await);
    println!("{} pictures in the file, {} in the recording", source.len(), got.len());
    assert!(source.len() > 300 && source == got, "{} {}", source.len(), got.len());

    session.click("delete").await;
    session.click("delete-sure").await;
    until("the file to be gone", LIMIT, async || (!session.shows("file").await).then_some(())).await;
}

/// Shows the owner's token to the page, and waits for its files.
async fn sign_in(session: &Session, server: &Server) {
    until("the page", LIMIT, async || session.offers("sign-in").await.then_some(())).await;
    session.type_into("token", &server.owner.token).await;
    session.click("sign-in").await;
    until("the files", LIMIT, async || session.offers("choose").await.then_some(())).await;
}

/// Waits until so many more bytes have crossed the line: the page's system takes megabytes at once.
async fn carries(line: &BreakableLine, bytes: u64) {
    let before = line.carried();
    until("the upload to move", LIMIT, async || (line.carried() - before >= bytes).then_some(())).await;
}

/// The status of the upload or the state of the file; empty where there is none.
async fn status(session: &Session, test_id: &str) -> String {
    let script = "const of = document.querySelector(`[data-testid='${arguments[0]}']`)?.dataset;
        return of?.status ?? of?.state ?? ''";
    session.run(script, vec![json!(test_id)]).await.as_str().unwrap_or_default().to_owned()
}

/// Where the room's recording can be downloaded, once it is whole.
async fn recording(server: &Server) -> String {
    until("the recording", LIMIT, async || {
        let all = server.http.get(&server.url("/api/v1/rooms/film/recordings")).await.json();
        let recording = &all["recordings"][0];
        (recording["state"] == "done").then(|| recording["files"][0].as_str().map(str::to_owned))?
    })
    .await
}

/// The hash of every decoded picture, in order.
async fn pictures(of: &str) -> Vec<String> {
    let of = of.to_owned();
    let decoding = tokio::task::spawn_blocking(move || {
        let arguments = ["-nostdin", "-v", "error", "-i", &of, "-map", "0:v:0", "-f", "framehash", "-"];
        let output = Command::new("ffmpeg").args(arguments).output().expect("ffmpeg is installed");
        assert!(output.status.success(), "{of}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("ffmpeg prints text")
    });
    let text = decoding.await.expect("ffmpeg reads it");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit(',').next().unwrap_or_default().trim().to_owned()).collect()
}

fn path(clip: &Path) -> &str {
    clip.to_str().expect("the clips have UTF-8 paths")
}
