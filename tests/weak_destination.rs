//! `rostrum-cast` to two origins at once, one of them over a network that carries less: who gets what.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::environment::program;
use crate::harness::machine::alone;
use crate::harness::origin_program::{OriginProgram, told};
use crate::harness::probe::{Packets, complaints, extent};
use crate::harness::process::Process;
use crate::harness::throttled_line::ThrottledLine;
use crate::harness::wait::{seconds, until};
use crate::weak_network::noise;

/// What the encode that all share aims at.
const CEILING_BPS: u64 = 1_200_000;
/// What the weak line carries.
const WEAK_BPS: u64 = 600_000;

/// An origin with two rooms, of which one is reached over a line that can be narrowed.
struct Stage {
    folder: TempDir,
    origin: OriginProgram,
    line: ThrottledLine,
    cast: Process,
}

impl Stage {
    /// Broadcasts to both until both take it.
    async fn set(clip_s: u32, arguments: &[&str]) -> Stage {
        let folder = TempDir::new().expect("a temporary folder");
        let origin = OriginProgram::serve(folder.path(), "127.0.0.1:0", "127.0.0.1:0").await;
        let line = ThrottledLine::to(origin.rtmp);
        let to = |room: &str, server| {
            let room = told(folder.path(), &["room", "create", room]);
            let key = room["stream_key"].as_str().unwrap_or_else(|| panic!("no key in {room}"));
            format!("rtmp://{server}/live/{key}")
        };
        let (strong, weak) = (to("strong", origin.rtmp), to("weak", line.address));
        let video = format!("file:{}", noise(folder.path(), clip_s));
        let mut command = Command::new(program("ROSTRUM_CAST_BIN", "rostrum-cast"));
        command.args(["--video", &video, "--audio", "tone", "--size", "640x360", "--stats", "json"]);
        command.args(["--bitrate", &CEILING_BPS.to_string(), "--bitrate-floor", "200k"]);
        command.args(["--to", &strong, "--to", &weak]).args(arguments);
        let cast = Process::start("rostrum-cast", &mut command);
        let mut stage = Stage { folder, origin, line, cast };
        stage
            .until("both at their full rate", |_, to| {
                to.iter().all(|to| to["state"] == "live" && to["sent_bps"].as_u64() > Some(CEILING_BPS / 2))
            })
            .await;
        stage
    }

    /// Waits for figures like this: the whole line, and the destinations in it. Gives them back.
    async fn until(&mut self, what: &str, like: impl Fn(&Value, &[Value]) -> bool) -> Value {
        let cast = &mut self.cast;
        until(what, seconds(45), async || {
            let ended = cast.ended();
            assert!(ended.is_none(), "rostrum-cast ended: {}", cast.output());
            let lines = cast.printed(false);
            let line: Value = lines.iter().rev().find_map(|line| serde_json::from_str(line).ok())?;
            let destinations = line["destinations"].as_array()?;
            like(&line, destinations).then(|| line.clone())
        })
        .await
    }

    /// Keeps what a room plays as FLV.
    fn record(&self, room: &str) -> (Process, PathBuf) {
        let file = self.folder.path().join(format!("{room}.flv"));
        let url = format!("http://{}/live/{room}.flv", self.origin.http);
        let mut command = Command::new("ffmpeg");
        // Without a limit FFmpeg looks at up to 90 s of FLV before it writes any.
        command.args(["-nostdin", "-v", "error", "-analyzeduration", "2M", "-i", &url, "-c", "copy"]);
        command.arg(&file);
        (Process::start("ffmpeg", &mut command), file)
    }

    async fn end(&mut self) {
        self.cast.signal("INT");
        let status = self.cast.wait(seconds(10)).await;
        assert!(status.success(), "{}", self.cast.output());
    }
}

fn aims_at(encode: &Value) -> Option<u64> {
    encode["picture"]["bitrate_bps"].as_u64()
}

/// Sound without a gap, rising pictures, and nothing that a decoder complains of.
fn is_whole(recording: &Path) -> Packets {
    let packets = Packets::read(recording);
    for pair in packets.audio.windows(2) {
        assert!((pair[1] - pair[0] - 1_024.0 / 48_000.0).abs() < 0.003, "a gap in the sound: {pair:?}");
    }
    assert_eq!(complaints(recording), "");
    packets
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_weak_destination_lowers_its_own_bit_rate_and_the_strong_one_keeps_its_own() {
    alone(seconds(300), separate(false)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "three minutes: cargo xtask test --long"]
async fn a_destination_that_is_well_again_shares_the_encode_again() {
    alone(seconds(400), separate(true)).await;
}

async fn separate(and_back: bool) {
    let mut stage = Stage::set(if and_back { 300 } else { 120 }, &["--apart-when-weak"]).await;
    let (weak_viewer, weak_seen) = stage.record("weak");
    let (strong_viewer, strong_seen) = stage.record("strong");
    stage.line.limit(WEAK_BPS);
    stage.until("an encode of its own", |_, to| to[1]["encode"]["kind"] == "own").await;
    let settled = stage
        .until("a queue that is short again", |_, to| {
            aims_at(&to[1]["encode"]) < Some(WEAK_BPS) && to[1]["queued_ms"].as_u64() < Some(300)
        })
        .await;
    println!("settled: {settled}");
    let [strong, weak] = [&settled["destinations"][0], &settled["destinations"][1]];
    assert_eq!(weak["encode"]["while_weak"], true, "{weak}");
    assert_eq!(strong["encode"]["kind"], "shared", "{strong}");
    assert_eq!(settled["picture"]["bitrate_bps"], CEILING_BPS, "the shared encode follows nobody");
    // From here on nothing is left out for it either.
    let lost = weak["dropped_frames"].clone();
    let sent = weak["sent_frames"].as_u64().unwrap_or_default();
    let after =
        stage.until("ten seconds more", |_, to| to[1]["sent_frames"].as_u64() > Some(sent + 300)).await;
    assert_eq!(after["destinations"][1]["dropped_frames"], lost, "{after}");
    assert_eq!(after["destinations"][0]["dropped_frames"], 0, "{after}");
    // By the picture, since a busy machine leaves some out.
    let of = |line: &Value, name: &str| line["destinations"][0][name].as_f64().unwrap_or_default();
    let gained = |name: &str| of(&after, name) - of(&settled, name);
    let bits_per_picture = gained("sent_bytes") * 8.0 / gained("sent_frames");
    assert!(bits_per_picture * 30.0 > CEILING_BPS as f64 * 0.75, "{bits_per_picture} bits for each picture");
    if and_back {
        stage.line.limit(u64::MAX);
        for share in [2, 3, 4] {
            let wanted = CEILING_BPS * share / 4;
            stage
                .until("a higher bit rate", |_, to| {
                    aims_at(&to[1]["encode"]) >= Some(wanted) || to[1]["encode"]["kind"] == "shared"
                })
                .await;
        }
        let shared = stage.until("one encode for both", |_, to| to[1]["encode"]["kind"] == "shared").await;
        println!("back: {shared}");
        let sent = shared["destinations"][1]["sent_frames"].as_u64().unwrap_or_default();
        let after =
            stage.until("ten seconds more", |_, to| to[1]["sent_frames"].as_u64() > Some(sent + 300)).await;
        assert_eq!(after["destinations"][1]["dropped_frames"], lost, "{after}");
    }
    for viewer in [&weak_viewer, &strong_viewer] {
        viewer.signal("INT");
    }
    for mut viewer in [weak_viewer, strong_viewer] {
        viewer.wait(seconds(20)).await;
    }
    stage.end().await;
    assert!(extent(&is_whole(&weak_seen).video) > 10.0);
    let strong = is_whole(&strong_seen);
    assert!(extent(&strong.video) > 10.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_leave_a_weak_destination_is_told_and_the_encode_stays_shared() {
    let told = async {
        let mut stage = Stage::set(90, &[]).await;
        stage.line.limit(WEAK_BPS);
        let now = stage.until("that it is too much", |_, to| to[1]["encode"]["kind"] == "too_much").await;
        assert_eq!(now["destinations"][0]["encode"]["kind"], "shared", "{now}");
        assert_eq!(now["picture"]["bitrate_bps"], CEILING_BPS, "{now}");
        assert_eq!(now["destinations"][1]["encode"]["no_room"], Value::Null, "{now}");
        stage.end().await;
    };
    alone(seconds(200), told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_gets_a_picture_of_its_own() {
    let both = async {
        let mut stage = Stage::set(90, &["--picture", "2:size=320x180,fps=15,bitrate=900k"]).await;
        let (weak_viewer, seen) = stage.record("weak");
        let now = stage.until("ten seconds", |_, to| to[1]["sent_frames"].as_u64() > Some(150)).await;
        assert_eq!(now["destinations"][1]["encode"]["while_weak"], false, "{now}");
        weak_viewer.signal("INT");
        let mut viewer = weak_viewer;
        viewer.wait(seconds(20)).await;
        stage.end().await;
        let packets = is_whole(&seen);
        let rate = (packets.video.len() - 1) as f64 / extent(&packets.video);
        assert!((rate - 15.0).abs() < 0.5, "{rate} pictures a second");
    };
    alone(seconds(200), both).await;
}
