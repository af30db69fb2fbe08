//! A whole broadcast into FFmpeg as the RTMP server, and what FFmpeg then finds in the recording.
#![allow(clippy::unwrap_used, reason = "tests")]

mod recording;

use std::time::Duration;

use broadcast::{
    AudioInput, Broadcast, Config, Destination, DestinationState, EncoderChoice, PictureSettings, Sources,
    SourcesConfig, Status, VideoInput,
};
use media::Size;
use tokio::sync::watch;

use recording::{Server, complaints, file, free_port, probe, skews};

fn open(video: VideoInput, audio: AudioInput) -> Sources {
    Sources::open(SourcesConfig {
        video,
        sounds: vec![audio.into()],
        size: Size::new(320, 180),
        fps: 30,
        screen_permission: None,
    })
    .unwrap()
}

fn start(sources: &Sources, port: u16) -> Broadcast {
    let url = format!("rtmp://127.0.0.1:{port}/live");
    let destination = Destination { name: "ffmpeg".into(), url, key: Some("key".into()), picture: None };
    let config = Config { bitrate_bps: 500_000, destinations: vec![destination], ..Config::default() };
    Broadcast::start(config, sources).unwrap()
}

async fn until(status: &mut watch::Receiver<Status>, what: &str, reached: impl Fn(&Status) -> bool) {
    let waited =
        tokio::time::timeout(Duration::from_secs(60), status.wait_for(|status| reached(status))).await;
    assert!(waited.is_ok(), "not within a minute: {what}");
}

fn is_live(status: &Status) -> bool {
    matches!(status.destinations[0].state, DestinationState::Live { .. })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_decodes_cleanly_and_keeps_sound_and_picture_together() {
    let port = free_port();
    let server = Server::start(port, file("clean.flv"));
    let sources = open(VideoInput::Test, AudioInput::Tone);
    let live = start(&sources, port);
    let mut status = live.status();
    until(&mut status, "three seconds are sent", |status| status.destinations[0].sent_frames > 95).await;
    let before = tokio::time::Instant::now();
    let summary = live.end().await;
    assert!(before.elapsed() < Duration::from_secs(2), "the end took {:?}", before.elapsed());
    assert!(!summary.cut_short);
    assert_eq!(summary.status.destinations[0].state, DestinationState::Ended);

    let recording = tokio::task::spawn_blocking(move || server.recording()).await.unwrap();
    assert_eq!(complaints(&recording), "");
    let colours = ["-select_streams", "v", "-show_entries", "stream=codec_name,color_range,color_space"];
    assert_eq!(probe(&recording, &colours), ["h264,tv,bt709"]);
    let packets = probe(&recording, &["-select_streams", "v", "-show_entries", "packet=pts_time,flags"]);
    assert_eq!(packets.len() as u64, summary.status.destinations[0].sent_frames);
    assert!(packets[0].contains('K'), "it starts with a keyframe: {}", packets[0]);
    let skews = skews(&recording);
    assert!(skews.len() >= 2, "{skews:?}");
    assert!(skews.iter().all(|skew| skew.abs() < 0.020), "seconds between beep and flash: {skews:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_back_gets_headers_and_a_keyframe_again() {
    let port = free_port();
    let first = Server::start(port, file("before.flv"));
    let sources = open(VideoInput::Test, AudioInput::Tone);
    let live = start(&sources, port);
    let mut status = live.status();
    until(&mut status, "the first connection", is_live).await;
    drop(first);
    until(&mut status, "the loss is noticed", |status| {
        matches!(&status.destinations[0].state, DestinationState::Retrying { .. })
    })
    .await;
    let second = Server::start(port, file("after.flv"));
    live.retry_now();
    until(&mut status, "the second connection", is_live).await;
    let sent = status.borrow().destinations[0].sent_frames;
    until(&mut status, "a second more", |status| status.destinations[0].sent_frames > sent + 30).await;
    live.end().await;

    let recording = tokio::task::spawn_blocking(move || second.recording()).await.unwrap();
    assert_eq!(complaints(&recording), "");
    let packets = probe(&recording, &["-select_streams", "v", "-show_entries", "packet=pts_time,flags"]);
    assert!(packets.len() >= 30 && packets[0].contains('K'), "{packets:?}");
    assert!(packets[0].starts_with("0.000"), "the timeline begins anew: {}", packets[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_alone_and_picture_alone_are_sent() {
    for (video, audio, kind) in
        [(VideoInput::Test, AudioInput::None, "video"), (VideoInput::None, AudioInput::Tone, "audio")]
    {
        let port = free_port();
        let server = Server::start(port, file(&format!("{kind}.flv")));
        let sources = open(video, audio);
        let live = start(&sources, port);
        let mut status = live.status();
        until(&mut status, "the connection", is_live).await;
        until(&mut status, "some media", |status| status.destinations[0].sent_bytes > 20_000).await;
        live.end().await;
        let recording = tokio::task::spawn_blocking(move || server.recording()).await.unwrap();
        assert_eq!(probe(&recording, &["-show_entries", "stream=codec_type"]), [kind]);
        assert_eq!(complaints(&recording), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_without_a_server_takes_no_time() {
    let sources = open(VideoInput::Test, AudioInput::Tone);
    let live = start(&sources, free_port());
    let mut status = live.status();
    until(&mut status, "the first failure", |status| !is_live(status) && status.frames > 0).await;
    let before = tokio::time::Instant::now();
    let summary = live.end().await;
    assert!(before.elapsed() < Duration::from_secs(2), "the end took {:?}", before.elapsed());
    assert_eq!(summary.status.destinations[0].state, DestinationState::Ended);
    // The sources go on, and may go live again.
    let again = start(&sources, free_port());
    assert!(matches!(
        Broadcast::start(Config { destinations: vec![there()], ..Config::default() }, &sources),
        Err(broadcast::Error::AlreadyLive)
    ));
    drop(again);
    drop(start(&sources, free_port()));
}

fn there() -> Destination {
    Destination { name: "there".into(), url: "rtmp://127.0.0.1/live/key".into(), key: None, picture: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoder_that_fails_is_replaced_and_the_broadcast_goes_on() {
    is_replaced("stand_in_fails_later", "taking a picture failed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoder_whose_driver_never_comes_back_is_replaced_and_the_broadcast_goes_on() {
    is_replaced("stand_in_hangs_later", "encoding was not over after 2s").await;
}

async fn is_replaced(name: &str, reason: &str) {
    let port = free_port();
    let server = Server::start(port, file(&format!("replaced-{name}.flv")));
    let sources = open(VideoInput::Test, AudioInput::Tone);
    let url = format!("rtmp://127.0.0.1:{port}/live");
    let destination = Destination { name: "ffmpeg".into(), url, key: Some("key".into()), picture: None };
    // It works for a hundred pictures.
    let encoder = broadcast::EncoderChoice::Named(name.into());
    let config =
        Config { bitrate_bps: 500_000, encoder, destinations: vec![destination], ..Config::default() };
    let live = Broadcast::start(config, &sources).unwrap();
    let mut status = live.status();
    assert_eq!(status.borrow().encoder.as_deref(), Some(name));
    until(&mut status, "pictures of the second encoder are sent", |status| status.frames > 140).await;
    let now = status.borrow().clone();
    assert_eq!(now.encoder.as_deref(), Some("libx264"));
    let replaced = now.replaced_encoder.expect("it says which one failed");
    assert_eq!(replaced.name, name);
    assert!(replaced.reason.contains(reason), "{}", replaced.reason);
    assert_eq!(now.failure, None);
    let summary = live.end().await;
    assert!(!summary.cut_short);

    let recording = tokio::task::spawn_blocking(move || server.recording()).await.unwrap();
    assert_eq!(complaints(&recording), "");
    // The first one makes the baseline profile, the second one another: its parameters go before its first picture, an IDR.
    let packets = "packet=flags:packet_side_data=side_data_type";
    let packets = probe(&recording, &["-select_streams", "v", "-show_entries", packets]);
    let changed: Vec<_> = packets.iter().filter(|packet| packet.contains("New Extradata")).collect();
    assert!(matches!(changed[..], [packet] if packet.starts_with("K_")), "{changed:?}");
    let times = probe(&recording, &["-select_streams", "v", "-show_entries", "packet=pts_time"]);
    assert_eq!(times.len() as u64, summary.status.frames, "no picture is lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn destinations_come_and_go_while_the_others_go_on() {
    let (first, second) = (free_port(), free_port());
    let (staying, leaving) =
        (Server::start(first, file("stays.flv")), Server::start(second, file("leaves.flv")));
    let sources = open(VideoInput::Test, AudioInput::Tone);
    let mut live = start(&sources, first);
    let mut status = live.status();
    until(&mut status, "a second is sent", |status| status.destinations[0].sent_frames > 30).await;

    let url = format!("rtmp://127.0.0.1:{second}/live");
    live.add_destination(&Destination { name: "second".into(), url, key: Some("key".into()), picture: None })
        .unwrap();
    until(&mut status, "the second one gets a second too", |status| {
        status.destinations.get(1).is_some_and(|second| second.sent_frames > 30)
    })
    .await;
    live.remove_destination("second");
    let sent = status.borrow().destinations[0].sent_frames;
    until(&mut status, "only the first one is left, and gets more", |status| {
        status.destinations.len() == 1 && status.destinations[0].sent_frames > sent + 30
    })
    .await;
    let left = tokio::task::spawn_blocking(move || leaving.recording()).await.unwrap();
    let summary = live.end().await;
    assert!(!summary.cut_short);
    assert_eq!(summary.status.destinations.len(), 1);
    let stayed = tokio::task::spawn_blocking(move || staying.recording()).await.unwrap();
    for (recording, frames) in [(&left, 30), (&stayed, 60)] {
        assert_eq!(complaints(recording), "");
        let packets = probe(recording, &["-select_streams", "v", "-show_entries", "packet=pts_time,flags"]);
        assert!(packets.len() > frames && packets[0].contains('K'), "{}: {packets:?}", recording.display());
    }
    let wrong =
        Destination { name: "wrong".into(), url: "http://a.example/".into(), key: None, picture: None };
    let mut live = start(&sources, first);
    assert!(matches!(live.add_destination(&wrong), Err(broadcast::Error::Destination { .. })));
    drop(live);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_nobody_has_any_more_is_not_encoded_though_nothing_follows_the_network() {
    let sources = open(VideoInput::Test, AudioInput::None);
    let (bitrate_bps, bitrate_floor_bps) = (500_000, 500_000);
    let config = Config { bitrate_bps, bitrate_floor_bps, destinations: vec![there()], ..Config::default() };
    let mut live = Broadcast::start(config, &sources).unwrap();
    let mut status = live.status();
    // More of them than may be encoded at a time.
    for fps in 1..=6 {
        let (size, encoder) = (Size::new(64, 48), EncoderChoice::default());
        let (bitrate_bps, bitrate_floor_bps) = (100_000, 100_000);
        let picture = Some(PictureSettings { size, fps, bitrate_bps, bitrate_floor_bps, encoder });
        let destination = Destination { name: "small".into(), picture, ..there() };
        let added = async {
            while live.add_destination(&destination).is_err() {
                status.changed().await.unwrap();
            }
        };
        let added = tokio::time::timeout(Duration::from_secs(45), added).await;
        assert!(added.is_ok(), "those before number {fps} are still encoded");
        live.remove_destination("small");
    }
    live.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_needs_no_destination() {
    let recording = file("alone.mp4");
    // A leftover of an earlier run; nothing is written over.
    let _ = std::fs::remove_file(&recording);
    let sources = open(VideoInput::Test, AudioInput::Tone);
    assert!(matches!(
        Broadcast::start(Config::default(), &sources),
        Err(broadcast::Error::DestinationCount { count: 0, .. })
    ));
    let config = Config { record: Some(recording.clone()), ..Config::default() };
    let live = Broadcast::start(config, &sources).unwrap();
    let mut status = live.status();
    until(&mut status, "a second is recorded", |status| {
        status.frames > 40 && status.recording.as_ref().is_some_and(|recording| recording.bytes > 0)
    })
    .await;
    let summary = live.end().await;
    assert_eq!(summary.status.recording.unwrap().state, broadcast::RecordingState::Finished);
    assert_eq!(complaints(&recording), "");
}
