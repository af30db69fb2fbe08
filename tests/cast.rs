//! `rostrum-cast` and `rostrum-origin` as a person runs them: a test broadcast, its figures, and an origin that restarts.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::environment::program;
use crate::harness::http::Http;
use crate::harness::machine::beside_others;
use crate::harness::origin_program::{OriginProgram, told};
use crate::harness::probe::{Packets, complaints, extent};
use crate::harness::process::Process;
use crate::harness::viewer::Viewer;
use crate::harness::wait::{seconds, until};

/// How much media is looked at.
const WATCHED: f64 = 4.0;
/// Two encoders of 2 s at most: the publisher's try again backs off to a few seconds.
const BACK_LIMIT: Duration = seconds(40);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_broadcast_plays_and_comes_back_after_the_origin_was_killed() {
    beside_others(seconds(300), broadcast()).await;
}

async fn broadcast() {
    let data = TempDir::new().expect("a temporary folder");
    let origin = OriginProgram::serve(data.path(), "127.0.0.1:0", "127.0.0.1:0").await;
    let room = told(data.path(), &["room", "create", "demo", "--title", "A test"]);
    let text = |name: &str| room[name].as_str().unwrap_or_else(|| panic!("no {name} in {room}")).to_owned();
    assert_eq!(text("watch"), format!("http://{}/r/demo", origin.http));
    let listed = told(data.path(), &["room", "list"]);
    assert!(listed.to_string().contains("demo"), "the room is not listed: {listed}");

    let to = format!("{}/{}", text("rtmp").trim_end_matches('/'), text("stream_key"));
    let mut cast =
        cast(&["--video", "test", "--audio", "tone", "--size", "640x360", "--stats", "json", "--to", &to]);
    let http = Http::new();
    let rate = watch(&http, &origin, "demo", "before").await;
    assert!((rate - 30.0).abs() < 1.5, "before: {rate:.1} frames a second instead of 30");
    let before = figures(&mut cast).await;

    // A crash, not a farewell; then the same addresses and the same data.
    origin.process.signal("KILL");
    let (http_address, rtmp_address) = (origin.http.to_string(), origin.rtmp.to_string());
    drop(origin);
    let origin = OriginProgram::serve(data.path(), &http_address, &rtmp_address).await;
    let rate = watch(&http, &origin, "demo", "after").await;
    assert!((rate - 30.0).abs() < 1.5, "after: {rate:.1} frames a second instead of 30");
    let after = figures(&mut cast).await;
    assert!(
        after["frames"].as_u64() > before["frames"].as_u64(),
        "the encoder stopped: {before} then {after}"
    );

    cast.signal("INT");
    let status = cast.wait(seconds(5)).await;
    assert!(status.success(), "rostrum-cast does not end cleanly: {status}\n{}", cast.output());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broadcast_over_srt_plays_and_is_recorded_beside_it() {
    let plays = async {
        let data = TempDir::new().expect("a temporary folder");
        let origin = OriginProgram::serve(data.path(), "127.0.0.1:0", "127.0.0.1:0").await;
        let room = told(data.path(), &["room", "create", "demo"]);
        let to = room["srt"].as_str().unwrap_or_else(|| panic!("no srt in {room}"));
        let record = data.path().join("mine.mp4");
        let file = record.to_str().expect("a plain path");
        let arguments =
            ["--video", "test", "--audio", "tone", "--size", "640x360", "--stats", "json", "--to", to];
        let mut cast = cast(&[&arguments[..], &["--record", file]].concat());
        let rate = watch(&Http::new(), &origin, "demo", "over SRT").await;
        assert!((rate - 30.0).abs() < 1.5, "over SRT: {rate:.1} frames a second instead of 30");
        let link = figures(&mut cast).await["destinations"][0].clone();
        assert!(
            link["rtt_ms"].is_number() && link["latency_ms"].is_number(),
            "no figures of the link: {link}"
        );
        cast.signal("INT");
        let status = cast.wait(seconds(10)).await;
        assert!(status.success(), "rostrum-cast does not end cleanly: {status}\n{}", cast.output());
        let recorded = Packets::read(&record);
        assert!(extent(&recorded.video) >= WATCHED, "the recording is too short");
        assert_eq!(complaints(&record), "");
    };
    beside_others(seconds(300), plays).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_plays_up_to_a_second_before_it_was_killed() {
    let killed = async {
        let data = TempDir::new().expect("a temporary folder");
        let record = data.path().join("mine.mp4");
        let file = record.to_str().expect("a plain path");
        // Nobody is there: a recording does not depend on it.
        let to = "rtmp://127.0.0.1:9/live/nobody";
        let arguments =
            ["--video", "test", "--audio", "tone", "--size", "640x360", "--stats", "json", "--to", to];
        let mut cast = cast(&[&arguments[..], &["--record", file]].concat());
        let encoded = until("some seconds of a recording", seconds(45), async || {
            let now = figures(&mut cast).await;
            let encoded = now["frames"].as_u64()? as f64 / 30.0;
            (encoded > 6.0 && now["recording"]["state"] == "recording").then_some(encoded)
        })
        .await;
        cast.signal("KILL");
        assert!(!cast.wait(seconds(10)).await.success(), "it was not killed");
        assert_eq!(complaints(&record), "", "what a decoder says of it");
        let recorded = Packets::read(&record);
        for times in [&recorded.video, &recorded.audio] {
            assert!(extent(times) > encoded - 1.0, "{} s of {encoded} s", extent(times));
        }
        println!("{:.1} s of at least {encoded:.1} s are there", extent(&recorded.video));
    };
    beside_others(seconds(180), killed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broadcast_to_a_wrong_key_fails_in_words() {
    let refused = async {
        let data = TempDir::new().expect("a temporary folder");
        let origin = OriginProgram::serve(data.path(), "127.0.0.1:0", "127.0.0.1:0").await;
        let room = told(data.path(), &["room", "create", "demo"]);
        let srt = room["srt"].as_str().unwrap_or_else(|| panic!("no srt in {room}"));
        let (srt, _) = srt.split_once('?').expect("a stream id in it");
        let over_rtmp = format!("rtmp://{}/live/notthekeyofanyroom", origin.rtmp);
        for to in [over_rtmp, format!("{srt}?streamid=publish:notthekeyofanyroom")] {
            let mut cast = cast(&["--video", "test", "--audio", "tone", "--size", "320x180", "--to", &to]);
            let status = cast.wait(seconds(30)).await;
            assert_eq!(status.code(), Some(1), "{}", cast.output());
            let said = cast.printed(true).join("\n").to_lowercase();
            assert!(said.contains("key"), "the reason does not name the key: {said}");
        }
    };
    beside_others(seconds(180), refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_broadcast_takes_the_room_and_the_first_leaves_it_alone() {
    let taken_over = async {
        let data = TempDir::new().expect("a temporary folder");
        let origin = OriginProgram::serve(data.path(), "127.0.0.1:0", "127.0.0.1:0").await;
        let room = told(data.path(), &["room", "create", "demo"]);
        let key = room["stream_key"].as_str().unwrap_or_else(|| panic!("no key in {room}"));
        let to = format!("rtmp://{}/live/{key}", origin.rtmp);
        let arguments =
            ["--video", "test", "--audio", "tone", "--size", "320x180", "--stats", "json", "--to", &to];
        let mut first = cast(&arguments);
        is_live(&mut first).await;
        let mut second = cast(&arguments);
        let status = first.wait(seconds(30)).await;
        assert_eq!(status.code(), Some(1), "{}", first.output());
        let said = first.printed(true).join("\n");
        assert!(said.contains("a newer publisher took over"), "the reason is not told: {said}");
        is_live(&mut second).await;
        assert!(second.ended().is_none(), "the second was sent away: {}", second.output());
    };
    beside_others(seconds(200), taken_over).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newer_codecs_are_encoded_and_arrive() {
    let newer = async {
        let data = TempDir::new().expect("a temporary folder");
        let origin = OriginProgram::serve(data.path(), "127.0.0.1:0", "127.0.0.1:0").await;
        let http = Http::new();
        for (codec, says) in [("hevc", "\"hvc1."), ("av1", "\"av01.")] {
            let room = told(data.path(), &["room", "create", codec]);
            let key = room["stream_key"].as_str().unwrap_or_else(|| panic!("no key in {room}"));
            let to = format!("rtmp://{}/live/{key}", origin.rtmp);
            let mut cast = cast(&[
                "--video",
                "test",
                "--audio",
                "tone",
                "--size",
                "320x180",
                "--bitrate",
                "500k",
                "--encoder",
                codec,
                "--to",
                &to,
            ]);
            let rate = watch(&http, &origin, codec, codec).await;
            // A busy machine may skip some: these encoders take a core and more.
            assert!(rate > 15.0, "{codec}: {rate:.1} frames a second");
            let url = format!("http://{}/live/{codec}/index.m3u8", origin.http);
            let playlist = http.get(&url).await.text().to_owned();
            assert!(playlist.contains(says), "{playlist}");
            cast.signal("INT");
            let status = cast.wait(seconds(10)).await;
            assert!(status.success(), "{codec}: {status}\n{}", cast.output());
        }
    };
    beside_others(seconds(200), newer).await;
}

/// Waits until a line of figures says that the one destination is live.
async fn is_live(cast: &mut Process) {
    until("a live destination", seconds(30), async || {
        let lines = cast.printed(false);
        let newest = lines.iter().rev().find_map(|line| serde_json::from_str::<Value>(line).ok())?;
        (newest["destinations"][0]["state"] == "live").then_some(())
    })
    .await;
}

fn cast(arguments: &[&str]) -> Process {
    let mut command = Command::new(program("ROSTRUM_CAST_BIN", "rostrum-cast"));
    Process::start("rostrum-cast", command.args(arguments))
}

/// Waits until the room plays, receives some seconds, and checks that they are a test broadcast's; frames a second.
async fn watch(http: &Http, origin: &OriginProgram, room: &str, when: &str) -> f64 {
    let url = format!("http://{}/live/{room}/index.m3u8", origin.http);
    until(&format!("the broadcast, {when}"), BACK_LIMIT, async || {
        http.try_get(&url).await.ok()?.status.is_success().then_some(())
    })
    .await;
    let mut viewer = Viewer::join(http, &url).await;
    let folder = TempDir::new().expect("a temporary folder");
    let limit = seconds(45);
    let packets = until("some seconds of the broadcast", limit, async || {
        viewer.advance().await;
        let files = viewer.write(folder.path());
        let packets = Packets::read(files.first()?);
        (extent(&packets.video) >= WATCHED).then_some(packets)
    })
    .await;
    let file = folder.path().join("run-0.mp4");
    let complaints = complaints(&file);
    assert!(complaints.is_empty(), "{when}: {complaints}");
    let rate = (packets.video.len() - 1) as f64 / extent(&packets.video);
    let difference = (extent(&packets.audio) - extent(&packets.video)).abs();
    assert!(difference < 0.4, "{when}: audio and video differ by {difference:.3} s in length");
    println!("{when}: {rate:.2} frames a second over {:.1} s", extent(&packets.video));
    rate
}

/// The newest line of figures.
async fn figures(cast: &mut Process) -> Value {
    let figures = until("a line of figures", seconds(45), async || {
        let lines = cast.printed(false);
        lines.iter().rev().find_map(|line| serde_json::from_str::<Value>(line).ok()).filter(Value::is_object)
    })
    .await;
    for name in ["fps", "bitrate_bps", "frames", "dropped_frames"] {
        assert!(figures[name].is_number(), "no {name} in {figures}");
    }
    figures
}
