//! Real recordings pushed by FFmpeg over RTMP, read back as Low-Latency HLS by FFmpeg, by Chromium and part by part.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::browser::Browser;
use crate::harness::environment::clip;
use crate::harness::machine::{alone, beside_others};
use crate::harness::probe::{Packets, complaints, extent};
use crate::harness::process::Process;
use crate::harness::publisher::{Pushed, sent};
use crate::harness::server::Server;
use crate::harness::viewer::{Viewer, media_playlist_url};
use crate::harness::wait::{look_again, seconds, until};
use crate::harness::watch_page::{Player, WatchPage};

/// How far audio and video may go apart on the way.
const SKEW_MAX: f64 = 0.020;
/// How much a duration may differ: RTMP's stamps are whole milliseconds, at both ends.
const DURATION_TOLERANCE: f64 = 0.002;
/// The same for a repeated recording, whose rounds overlap by up to half an AAC frame where they meet.
const REPEATED_TOLERANCE: f64 = 0.012;
/// The longest of these clips is half a minute; the rest is starting browsers on a loaded machine.
const LIMIT: Duration = seconds(150);
/// From the first whole segment to the last packet.
const READ_LIMIT: Duration = seconds(80);
/// Nothing more from FFmpeg for this long, three target durations, and it holds its last packet back.
const HELD_BACK: Duration = seconds(6);

/// What a clip is, and what Chromium must make of it.
struct Clip {
    file: &'static str,
    /// How often it is pushed in a row: a clip of a second is too short to join.
    times: u32,
    size: (u64, u64),
    /// Frames a second, where they come evenly.
    fps: Option<f64>,
}

/// What was seen of one clip.
struct Seen {
    /// What the origin told the room's owner while the clip was live.
    ingest: Value,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b_frames_and_surround_sound_arrive_whole() {
    let clip = Clip { file: "bbb_480p24_bframes_aac51.mp4", times: 1, size: (854, 480), fps: Some(24.0) };
    beside_others(LIMIT, check(clip)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_variable_frame_rate_arrives_whole() {
    // Its pixels are 1281:1280 wide, so that it shows a pixel wider than it is coded.
    beside_others(LIMIT, check(Clip { file: "d_bbb_h264_vfr.mp4", times: 1, size: (641, 360), fps: None }))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_gop_plays_from_its_only_idr_and_its_publisher_is_warned() {
    let clip = Clip { file: "d_bbb_h264_opengop48_b3.mp4", times: 1, size: (854, 480), fps: Some(24.0) };
    let Some(seen) = beside_others(LIMIT, check(clip)).await else { return };
    let warnings = seen.ingest["warnings"].to_string().to_lowercase();
    assert!(warnings.contains("keyframe"), "20 s with one IDR, and the publisher is told only {warnings}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_byte_nal_lengths_and_44100_hz_mono_arrive_whole() {
    let clip =
        Clip { file: "cam_1080x720_nal2bytes_mono441.mp4", times: 12, size: (1080, 720), fps: Some(29.97) };
    // Alone: beside three other tests the browser leaves frames of this size out, and they are counted.
    alone(LIMIT, check(clip)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vertical_picture_arrives_whole() {
    let file = "d_bbb_vertical_720x1280_30_mono441_jfk.mp4";
    // Alone, for the same reason.
    alone(LIMIT, check(Clip { file, times: 1, size: (720, 1280), fps: Some(30.0) })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sound_without_a_picture_arrives_whole() {
    beside_others(LIMIT, check(Clip { file: "d_jfk_mono44100_aac.m4a", times: 2, size: (0, 0), fps: None }))
        .await;
}

/// Pushes a clip and reads it back three ways at once; `None` where there are no recordings.
async fn check(wanted: Clip) -> Option<Seen> {
    let file = clip(wanted.file)?;
    let folder = TempDir::new().expect("a temporary folder");
    let pushed = Pushed { file: &file, times: wanted.times };
    let source = folder.path().join("sent.flv");
    sent(pushed, &source);
    let source = Packets::read(&source);
    check_source(&source, &Packets::read(&file), wanted.times);
    let source = source.without_overlap();

    let server = Server::start().await;
    let room = server.room("clip").await;
    let browser = Browser::open(&server.watch_url(&room.room)).await;
    let mut publisher = pushed.push(&server.rtmp_url(&room.key));
    server.live(&room.room).await;
    let ingest = server.describe(&room.room).await["ingest"].clone();
    let (ingest, received, probed) = tokio::join!(
        watched(&browser, &wanted, &server, ingest),
        followed(&server, &mut publisher, folder.path()),
        probed(&server, &source),
    );
    let tolerance = if wanted.times == 1 { DURATION_TOLERANCE } else { REPEATED_TOLERANCE };
    compare(&format!("{} read part by part", wanted.file), &Packets::read(&received), &source, tolerance);
    let readable = source.first(probed.video.len(), probed.audio.len());
    compare(&format!("{} read by FFmpeg", wanted.file), &probed, &readable, tolerance);
    let complaints = complaints(&received);
    assert!(complaints.is_empty(), "{} does not decode:\n{complaints}", wanted.file);
    Some(Seen { ingest })
}

/// What FFmpeg sends is what the recording holds: the comparison below would prove little otherwise.
fn check_source(sent: &Packets, recording: &Packets, times: u32) {
    let times = times as usize;
    assert_eq!(sent.video.len(), recording.video.len() * times, "FFmpeg does not send every frame");
    // FFmpeg leaves a packet out where one round of a repeated recording meets the next.
    let audio = recording.audio.len() * times;
    assert!(sent.audio.len() + times > audio && sent.audio.len() <= audio, "FFmpeg does not send all sound");
}

fn compare(what: &str, here: &Packets, source: &Packets, tolerance: f64) {
    assert_eq!(here.video.len(), source.video.len(), "{what}: video packets");
    assert_eq!(here.audio.len(), source.audio.len(), "{what}: audio packets");
    for (kind, here, source) in [("video", &here.video, &source.video), ("audio", &here.audio, &source.audio)]
    {
        let difference = (extent(here) - extent(source)).abs();
        assert!(difference <= tolerance, "{what}: {kind} is {difference:.4} s longer or shorter");
    }
    if !here.video.is_empty() && !here.audio.is_empty() {
        let skew = here.skew(source);
        println!("{what}: skew at worst {:.2} ms", skew * 1000.0);
        assert!(skew < SKEW_MAX, "{what}: audio and video are {skew:.4} s apart");
    }
}

/// Chromium on the watch page, opened before the room was live. Returns what the owner is told of the ingest last.
async fn watched(browser: &Browser, wanted: &Clip, server: &Server, mut ingest: Value) -> Value {
    let page = WatchPage(&browser.session);
    let begun = page.plays(0.5, seconds(40)).await;
    let ended = page.plays(6.0, seconds(40)).await;
    let now = server.describe("clip").await["ingest"].clone();
    if now.is_object() {
        ingest = now;
    }
    assert_eq!(ended.size, wanted.size, "{}: the picture's size", wanted.file);
    assert_eq!((ended.fatal_errors.as_str(), ended.media_error.as_str()), ("0", ""), "{}", wanted.file);
    assert_eq!(begun.generation, ended.generation, "{}: the player was rebuilt", wanted.file);
    if let Some(fps) = wanted.fps {
        check_frame_rate(&begun, &ended, fps, wanted.file);
    }
    ingest
}

fn check_frame_rate(begun: &Player, ended: &Player, fps: f64, file: &str) {
    let seen = (ended.frames - begun.frames) as f64 / (ended.time - begun.time);
    println!("{file}: Chromium saw {seen:.1} frames a second of {fps}");
    assert!((seen / fps - 1.0).abs() < 0.15, "{file}: Chromium saw {seen:.1} frames a second, not {fps}");
}

/// Our own viewer, until the publisher has ended and nothing more comes. Returns the file of all that it received.
async fn followed(server: &Server, publisher: &mut Process, folder: &Path) -> std::path::PathBuf {
    let mut viewer = Viewer::join(&server.http, &server.playlist_url("clip")).await;
    loop {
        let ended = publisher.ended();
        let more = viewer.advance().await;
        if let (Some(status), false) = (ended, more) {
            assert!(status.success(), "the publisher failed:\n{}", publisher.output());
            break;
        }
    }
    let files = viewer.write(folder);
    assert_eq!(files.len(), 1, "one publisher made {} runs", files.len());
    files[0].clone()
}

/// FFmpeg reading the live playlist from its beginning, until it has seen as many packets as were sent, or all but the
/// last of a track: it may hold that one back until it knows what follows, and a live playlist does not end.
async fn probed(server: &Server, source: &Packets) -> Packets {
    // FFmpeg gives up on a playlist that has parts and no whole segment yet.
    let playlist = media_playlist_url(&server.http, &server.playlist_url("clip")).await;
    until("a whole segment", seconds(30), async || {
        server.http.get(&playlist).await.text().contains("#EXTINF").then_some(())
    })
    .await;
    // Line by line: ffprobe itself would hold the last lines back until its input ends, and a live one does not.
    let mut command = Command::new("stdbuf");
    command.args(["-oL", "ffprobe", "-v", "error", "-live_start_index", "0"]);
    command.args(["-show_entries", "packet=codec_type,pts_time", "-of", "csv=p=0"]);
    // Of the whole presentation it would read every rendition, and the sound twice.
    command.arg(&playlist);
    let mut reader = Process::start("ffprobe (reader)", &mut command);
    let begun = Instant::now();
    let mut grown = (begun, 0);
    loop {
        let packets = Packets::from_lines(&reader.printed(false));
        let seen = packets.video.len() + packets.audio.len();
        if seen > grown.1 {
            grown = (Instant::now(), seen);
        }
        let held_back = usize::from(grown.0.elapsed() > HELD_BACK);
        let complete = |seen: &[f64], sent: &[f64]| seen.len() + held_back.min(sent.len()) >= sent.len();
        if complete(&packets.video, &source.video) && complete(&packets.audio, &source.audio) {
            let complaints = reader.printed(true);
            assert!(complaints.is_empty(), "ffprobe complains: {complaints:#?}");
            return packets;
        }
        let (video, audio) = (packets.video.len(), packets.audio.len());
        assert!(reader.ended().is_none(), "FFmpeg ended early:\n{}", reader.output());
        assert!(
            begun.elapsed() < READ_LIMIT,
            "FFmpeg read only {video} of {} video and {audio} of {} audio packets",
            source.video.len(),
            source.audio.len()
        );
        look_again().await;
    }
}
