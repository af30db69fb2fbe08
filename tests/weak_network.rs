//! `rostrum-cast` on networks that carry less, nothing, or lose: what it aims at, how late it is, when it is back.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use testkit::lossy_relay::{LossyRelay, Weather};

use crate::harness::environment::program;
use crate::harness::machine::alone;
use crate::harness::origin_program::{OriginProgram, told};
use crate::harness::process::Process;
use crate::harness::throttled_line::ThrottledLine;
use crate::harness::wait::{look_again, seconds, until};

/// What the encoder may aim at.
const CEILING_BPS: u64 = 1_200_000;

/// An origin with a room, and pictures that need every bit they get.
struct Stage {
    folder: TempDir,
    origin: OriginProgram,
    key: String,
    srt: SocketAddr,
    clip: String,
}

impl Stage {
    async fn set(clip_s: u32) -> Stage {
        let folder = TempDir::new().expect("a temporary folder");
        let origin = OriginProgram::serve(folder.path(), "127.0.0.1:0", "127.0.0.1:0").await;
        let room = told(folder.path(), &["room", "create", "weak"]);
        let text =
            |name: &str| room[name].as_str().unwrap_or_else(|| panic!("no {name} in {room}")).to_owned();
        let srt = text("srt");
        let srt = srt.trim_start_matches("srt://").split('?').next().and_then(|it| it.parse().ok());
        let clip = noise(folder.path(), clip_s);
        Stage { origin, key: text("stream_key"), srt: srt.expect("an SRT address"), clip, folder }
    }

    /// Begins to broadcast and waits until so much is sent that the network matters.
    async fn cast(&self, to: &str) -> Process {
        let mut command = Command::new(program("ROSTRUM_CAST_BIN", "rostrum-cast"));
        let video = format!("file:{}", self.clip);
        command
            .args(["--video", &video, "--audio", "tone", "--size", "640x360", "--stats", "json", "--to", to]);
        command.args(["--bitrate", &CEILING_BPS.to_string(), "--bitrate-floor", "200k"]);
        let mut cast = Process::start("rostrum-cast", &mut command);
        until("a broadcast at its full rate", seconds(45), async || {
            let newest = newest(&mut cast)?;
            (newest.sent_bps > CEILING_BPS / 2).then_some(())
        })
        .await;
        cast
    }
}

/// Pictures that no encoder can make small.
pub fn noise(folder: &Path, seconds: u32) -> String {
    let file = folder.join("noise.mp4").display().to_string();
    let source = format!("testsrc2=size=640x360:rate=30:duration={seconds}");
    let made = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-f", "lavfi", "-i", &source, "-vf", "noise=alls=40:allf=t"])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-crf", "32", "-pix_fmt", "yuv420p", &file])
        .status();
    assert!(made.expect("ffmpeg starts").success(), "ffmpeg makes no clip");
    file
}

/// One line of figures.
#[derive(Clone, Debug)]
struct Figures {
    state: String,
    aimed_bps: u64,
    sent_bps: u64,
    queued_ms: u64,
    dropped: u64,
}

fn newest(cast: &mut Process) -> Option<Figures> {
    let lines = cast.printed(false);
    let line: Value = lines.iter().rev().find_map(|line| serde_json::from_str(line).ok())?;
    let to = &line["destinations"][0];
    Some(Figures {
        state: to["state"].as_str()?.to_owned(),
        aimed_bps: line["picture"]["bitrate_bps"].as_u64()?,
        sent_bps: to["sent_bps"].as_u64()?,
        queued_ms: to["queued_ms"].as_u64()?,
        dropped: to["dropped_frames"].as_u64()?,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_halved_link_is_followed_and_nothing_is_dropped() {
    let halved = async {
        let stage = Stage::set(90).await;
        let line = ThrottledLine::to(stage.origin.rtmp);
        let mut cast = stage.cast(&format!("rtmp://{}/live/{}", line.address, stage.key)).await;
        let limit = CEILING_BPS / 2;
        line.limit(limit);
        until("an encoder that aims at what the line carries", seconds(45), async || {
            newest(&mut cast).filter(|now| now.aimed_bps < limit)
        })
        .await;
        let settled = until("a queue that is short again", seconds(45), async || {
            newest(&mut cast).filter(|now| now.queued_ms < 200 && now.aimed_bps < limit)
        })
        .await;
        println!("{settled:?}");
        assert_eq!((settled.state.as_str(), settled.dropped), ("live", 0), "{settled:?}");
        cast.signal("INT");
        assert!(cast.wait(seconds(10)).await.success(), "{}", cast.output());
        drop(stage.folder);
    };
    alone(seconds(300), halved).await;
}

/// What a case of the matrix showed.
struct Row {
    case: &'static str,
    back_s: f64,
    queued_max_ms: u64,
    dropped: u64,
    aimed_min_bps: u64,
}

/// Watches until the destination is live with a short queue again, at most for `limit`.
async fn watch(case: &'static str, cast: &mut Process, limit: Duration, since: Instant) -> Row {
    let mut row = Row { case, back_s: f64::NAN, queued_max_ms: 0, dropped: 0, aimed_min_bps: u64::MAX };
    while since.elapsed() < limit {
        if let Some(now) = newest(cast) {
            row.queued_max_ms = row.queued_max_ms.max(now.queued_ms);
            (row.dropped, row.aimed_min_bps) = (now.dropped, row.aimed_min_bps.min(now.aimed_bps));
            let is_back = now.state == "live" && now.queued_ms < 500;
            if is_back && row.back_s.is_nan() {
                row.back_s = since.elapsed().as_secs_f64();
            } else if !is_back {
                row.back_s = f64::NAN;
            }
        }
        look_again().await;
    }
    row
}

/// What the network does to a case.
#[derive(Clone, Copy)]
enum Trouble {
    /// Carries so many bits per second from now on.
    Limit(u64),
    /// Carries nothing for so long.
    Outage(u64),
    /// Loses so many of 1 000 packets.
    Loss(u32),
}

async fn over_rtmp(case: &'static str, trouble: Trouble) -> Row {
    let stage = Stage::set(150).await;
    let line = ThrottledLine::to(stage.origin.rtmp);
    let mut cast = stage.cast(&format!("rtmp://{}/live/{}", line.address, stage.key)).await;
    let since = match trouble {
        Trouble::Outage(outage) => {
            line.limit(1_000);
            watch(case, &mut cast, seconds(outage), Instant::now()).await;
            line.limit(u64::MAX);
            Instant::now()
        }
        Trouble::Limit(limit) => {
            line.limit(limit);
            Instant::now()
        }
        Trouble::Loss(_) => unreachable!("TCP repeats by itself"),
    };
    watch(case, &mut cast, seconds(45), since).await
}

async fn over_srt(case: &'static str, trouble: Trouble) -> Row {
    let stage = Stage::set(150).await;
    let weather = Weather { delay: Duration::from_millis(20), loss_permille: 0, late_permille: 0, seed: 11 };
    let relay = LossyRelay::start(stage.srt, weather).await;
    let to = format!("srt://{}?streamid=publish:{}&latency=400", relay.address(), stage.key);
    let mut cast = stage.cast(&to).await;
    let since = match trouble {
        Trouble::Outage(outage) => {
            relay.set_loss_permille(1_000);
            watch(case, &mut cast, seconds(outage), Instant::now()).await;
            relay.set_loss_permille(0);
            Instant::now()
        }
        Trouble::Loss(permille) => {
            relay.set_loss_permille(permille);
            Instant::now()
        }
        Trouble::Limit(_) => unreachable!("the relay of SRT has no limit"),
    };
    watch(case, &mut cast, seconds(45), since).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "six minutes: cargo xtask test --long"]
async fn the_matrix_of_networks() {
    let matrix = async {
        let rows = [
            over_rtmp("RTMP, half the bandwidth", Trouble::Limit(CEILING_BPS / 2)).await,
            over_rtmp("RTMP, nothing for 5 s", Trouble::Outage(5)).await,
            over_rtmp("RTMP, nothing for 30 s", Trouble::Outage(30)).await,
            over_srt("SRT, 5 % loss", Trouble::Loss(50)).await,
            over_srt("SRT, nothing for 5 s", Trouble::Outage(5)).await,
            over_srt("SRT, nothing for 30 s", Trouble::Outage(30)).await,
        ];
        println!("| network | settled or back on air | queue at most | frames dropped | least bit rate |");
        println!("|---|---|---|---|---|");
        for row in &rows {
            let Row { case, back_s, queued_max_ms, dropped, aimed_min_bps } = row;
            println!("| {case} | {back_s:.1} s | {queued_max_ms} ms | {dropped} | {aimed_min_bps} bit/s |");
        }
        for row in &rows {
            assert!(row.back_s.is_finite(), "{}: not back within 45 s", row.case);
        }
    };
    alone(seconds(900), matrix).await;
}
