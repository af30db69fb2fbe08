//! The replay buffer and the stream delay, with real encoders and FFmpeg as the server.
#![allow(clippy::unwrap_used, reason = "tests")]

mod recording;

use std::time::Duration;

use broadcast::{
    AudioInput, Broadcast, Config, Destination, DestinationState, Error, RecordingState, Sources,
    SourcesConfig, Status, VideoInput,
};
use media::Size;
use tokio::sync::watch;

use recording::{Server, complaints, file, free_port, probe, skews};

fn open() -> Sources {
    let sounds = vec![AudioInput::Tone.into()];
    let size = Size::new(320, 180);
    Sources::open(SourcesConfig { video: VideoInput::Test, sounds, size, fps: 30, screen_permission: None })
        .unwrap()
}

fn to(port: u16) -> Vec<Destination> {
    let url = format!("rtmp://127.0.0.1:{port}/live");
    vec![Destination { name: "ffmpeg".into(), url, key: Some("key".into()), picture: None }]
}

async fn until(status: &mut watch::Receiver<Status>, what: &str, reached: impl Fn(&Status) -> bool) {
    let waited =
        tokio::time::timeout(Duration::from_secs(60), status.wait_for(|status| reached(status))).await;
    assert!(waited.is_ok(), "not within a minute: {what}");
}

fn fresh(name: &str) -> std::path::PathBuf {
    let path = file(name);
    let _ = std::fs::remove_file(&path);
    path
}

/// The names of a file's outermost boxes.
fn boxes(path: &std::path::Path) -> Vec<String> {
    let bytes = std::fs::read(path).unwrap();
    let (mut names, mut at) = (Vec::new(), 0);
    while let Some(header) = bytes.get(at..at + 16) {
        names.push(String::from_utf8_lossy(&header[4..8]).into_owned());
        at += match u32::from_be_bytes(*header.first_chunk().unwrap()) {
            1 => u64::from_be_bytes(*header.last_chunk().unwrap()) as usize,
            size => size as usize,
        };
    }
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_has_the_last_seconds_and_the_broadcast_goes_on() {
    let sources = open();
    let replay = Some(Duration::from_secs(5));
    let config = Config { destinations: to(free_port()), replay, bitrate_bps: 500_000, ..Config::default() };
    let mut live = Broadcast::start(config, &sources).unwrap();
    let mut status = live.status();
    until(&mut status, "more is encoded than is kept", |status| status.frames > 240).await;
    let path = fresh("replay.mp4");
    live.save_replay(&path).unwrap();
    until(&mut status, "it is saved", |status| {
        status.replay.as_ref().is_some_and(|replay| replay.state == RecordingState::Finished)
    })
    .await;
    assert!(matches!(live.save_replay(&path), Err(Error::Recording { .. })), "a file that is there is kept");
    let frames = status.borrow().frames;
    until(&mut status, "the broadcast goes on", |status| status.frames > frames + 30).await;
    assert!(status.borrow().recording.is_none());
    live.end().await;

    assert_eq!(complaints(&path), "");
    let packets = probe(&path, &["-select_streams", "v", "-show_entries", "packet=pts_time,flags"]);
    assert!(packets[0].contains('K'), "it starts with a keyframe: {}", packets[0]);
    let seconds: f64 = probe(&path, &["-show_entries", "format=duration"])[0].parse().unwrap();
    assert!((4.9..7.6).contains(&seconds), "{seconds} s");
    assert_eq!(boxes(&path), ["ftyp", "mdat", "moov"], "a plain MP4");
    let skews = skews(&path);
    assert!(skews.len() >= 3 && skews.iter().all(|skew| skew.abs() < 0.020), "{skews:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_kept_cannot_be_saved_and_lengths_have_limits() {
    let sources = open();
    let start = |delay: u64, replay: Option<u64>| {
        let (delay, replay) = (Duration::from_secs(delay), replay.map(Duration::from_secs));
        Broadcast::start(
            Config { destinations: to(free_port()), delay, replay, ..Config::default() },
            &sources,
        )
    };
    for (delay, replay) in [(31, None), (0, Some(4)), (0, Some(301))] {
        assert!(matches!(start(delay, replay), Err(Error::Length { .. })), "{delay} {replay:?}");
    }
    let mut live = start(0, None).unwrap();
    assert!(matches!(live.save_replay(&fresh("none.mp4")), Err(Error::NoReplay)));
    assert!(!file("none.mp4").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delayed_stream_is_later_and_complete_and_the_recording_is_not() {
    let port = free_port();
    let server = Server::start(port, file("delayed.flv"));
    let recorded = fresh("not-delayed.mp4");
    let sources = open();
    let delay = Duration::from_secs(3);
    let config = Config {
        destinations: to(port),
        delay,
        record: Some(recorded.clone()),
        bitrate_bps: 500_000,
        ..Config::default()
    };
    let mut live = Broadcast::start(config, &sources).unwrap();
    let mut status = live.status();
    until(&mut status, "the first is sent", |status| status.destinations[0].sent_frames > 0).await;
    let frames = status.borrow().frames;
    assert!(frames >= 90, "{frames} frames were encoded before the first was sent");
    until(&mut status, "two seconds more", |status| status.destinations[0].sent_frames > 60).await;
    let sent = status.borrow().destinations[0].sent_frames;
    tokio::time::timeout(Duration::from_secs(60), live.drain()).await.expect("it drains");
    let summary = live.end().await;
    assert!(!summary.cut_short);
    let (frames, destination) = (summary.status.frames, &summary.status.destinations[0]);
    assert_eq!(destination.state, DestinationState::Ended);
    assert!(destination.sent_frames >= sent + 80, "{} after {sent}", destination.sent_frames);
    assert_eq!(destination.sent_frames + destination.dropped_frames, frames);

    let recording = tokio::task::spawn_blocking(move || server.recording()).await.unwrap();
    assert_eq!(complaints(&recording), "");
    let packets =
        |path| probe(path, &["-select_streams", "v", "-show_entries", "packet=pts_time"]).len() as u64;
    assert_eq!(packets(&recording), destination.sent_frames);
    assert_eq!(packets(&recorded), frames);
    let skews = skews(&recording);
    assert!(skews.len() >= 2 && skews.iter().all(|skew| skew.abs() < 0.020), "{skews:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_without_draining_takes_no_time() {
    let sources = open();
    let config =
        Config { destinations: to(free_port()), delay: Duration::from_secs(30), ..Config::default() };
    let live = Broadcast::start(config, &sources).unwrap();
    let mut status = live.status();
    until(&mut status, "a second is held back", |status| status.frames > 30).await;
    assert_eq!(status.borrow().destinations[0].state, DestinationState::Connecting);
    let before = tokio::time::Instant::now();
    let summary = live.end().await;
    assert!(before.elapsed() < Duration::from_secs(2), "the end took {:?}", before.elapsed());
    assert_eq!(summary.status.destinations[0].state, DestinationState::Ended);
    assert_eq!(summary.status.destinations[0].sent_frames, 0);
}
