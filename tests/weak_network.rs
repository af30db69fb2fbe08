//! `rostrum-cast` on networks that carry less, nothing, or lose: what it aims at, how late it is, when it is back.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::environment::program;
use crate::harness::machine::alone;
use crate::harness::origin_program::{OriginProgram, told};
use crate::harness::process::Process;
use crate::harness::throttled_line::ThrottledLine;
use crate::harness::wait::{seconds, until};

/// What the encoder may aim at.
pub const CEILING_BPS: u64 = 1_200_000;

/// An origin with a room, and pictures that need every bit they get.
pub struct Stage {
    pub folder: TempDir,
    pub origin: OriginProgram,
    pub key: String,
    pub srt: SocketAddr,
    clip: String,
}

impl Stage {
    /// With so many seconds of pictures.
    pub async fn set(clip_s: u32) -> Stage {
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
    pub async fn cast(&self, to: &str) -> Process {
        self.cast_with(to, "200k", &[]).await
    }

    /// The same with another floor and further arguments.
    pub async fn cast_with(&self, to: &str, floor: &str, further: &[&str]) -> Process {
        let mut command = Command::new(program("ROSTRUM_CAST_BIN", "rostrum-cast"));
        let video = format!("file:{}", self.clip);
        command
            .args(["--video", &video, "--audio", "tone", "--size", "640x360", "--stats", "json", "--to", to]);
        command.args(["--bitrate", &CEILING_BPS.to_string(), "--bitrate-floor", floor]).args(further);
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
pub struct Figures {
    pub state: String,
    pub aimed_bps: u64,
    pub sent_bps: u64,
    pub queued_ms: u64,
    pub dropped: u64,
}

/// The last line of the first destination; `None` before the first.
pub fn newest(cast: &mut Process) -> Option<Figures> {
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
