//! Streams that are less than picture and sound at 30 frames a second, from FFmpeg through the origin to Chromium.

use std::process::Command;
use std::time::Duration;

use crate::harness::browser::Browser;
use crate::harness::machine::beside_others;
use crate::harness::process::Process;
use crate::harness::server::{Room, Server};
use crate::harness::wait::seconds;
use crate::harness::watch_page::{Player, WatchPage};

const LIMIT: Duration = seconds(120);
/// From the page's opening until the player has moved, on a loaded machine.
const PLAYS_LIMIT: Duration = seconds(60);
/// How far each stream is played, seconds.
const PLAYED_S: f64 = 8.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_without_sound_plays_at_thirty_five_and_two_frames_a_second() {
    // At the lower rates each frame lasts longer than the part target of a third of a second.
    for rate in [30, 5, 2] {
        beside_others(LIMIT, async {
            let keyframes = (rate * 2).to_string();
            let picture = format!("testsrc2=size=320x180:rate={rate}");
            let coding =
                ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", &keyframes];
            let (server, room, publisher) = published(&["-re", "-f", "lavfi", "-i", &picture], &coding).await;
            let (begun, played) = play(&server, &room).await;
            assert_eq!(played.size, (320, 180), "{rate} fps: {played:?}");
            let frames = (played.frames - begun.frames) as f64;
            let expected = f64::from(rate) * (played.time - begun.time);
            println!("{rate} fps: {frames} pictures in {:.2} s", played.time - begun.time);
            assert!((frames - expected).abs() <= 3.0 + expected * 0.2, "{rate} fps: {frames} of {expected}");
            let ingest = server.describe(&room.room).await["ingest"].clone();
            assert!(ingest["audio"].is_null() && ingest["video"].is_object(), "{ingest}");
            drop(publisher);
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sound_without_a_picture_plays() {
    beside_others(LIMIT, async {
        let sound = ["-re", "-f", "lavfi", "-i", "sine=sample_rate=44100"];
        let (server, room, _publisher) = published(&sound, &["-c:a", "aac"]).await;
        let (_, played) = play(&server, &room).await;
        assert_eq!(played.size, (0, 0), "{played:?}");
        let ingest = server.describe(&room.room).await["ingest"].clone();
        assert!(ingest["video"].is_null() && ingest["audio"].is_object(), "{ingest}");
    })
    .await;
}

/// An origin with a room that FFmpeg publishes to.
async fn published(source: &[&str], coding: &[&str]) -> (Server, Room, Process) {
    let server = Server::start().await;
    let room = server.room("source").await;
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-hide_banner", "-loglevel", "warning"]).args(source).args(coding);
    command.args(["-pix_fmt", "yuv420p", "-f", "flv"]).arg(server.rtmp_url(&room.key));
    let publisher = Process::start("ffmpeg (publisher)", &mut command);
    server.live(&room.room).await;
    (server, room, publisher)
}

/// The room's page after its player has begun, and some seconds of the stream later.
async fn play(server: &Server, room: &Room) -> (Player, Player) {
    let browser = Browser::open(&server.watch_url(&room.room)).await;
    let page = WatchPage(&browser.session);
    let begun = page.plays(1.0, PLAYS_LIMIT).await;
    let real = std::time::Instant::now();
    let played = page.plays(PLAYED_S, PLAYS_LIMIT).await;
    let pace = (played.time - begun.time) / real.elapsed().as_secs_f64();
    println!("pace {pace:.2}, {played:?}");
    assert_eq!((played.fatal_errors.as_str(), played.media_error.as_str()), ("0", ""), "{played:?}");
    assert!((0.8..1.25).contains(&pace), "it plays at {pace:.2} of its pace: {played:?}");
    (begun, played)
}
