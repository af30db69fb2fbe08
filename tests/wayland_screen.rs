//! The screen of a Wayland desktop, through its portal and PipeWire: `rostrum-cast` records it, and FFmpeg looks.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::environment::program;
use crate::harness::machine::beside_others;
use crate::harness::probe::{Packets, complaints, extent};
use crate::harness::process::Process;
use crate::harness::server::Server;
use crate::harness::wait::{seconds, until};
use crate::harness::wayland::Wayland;

const LIMIT: Duration = seconds(45);
/// Pictures of each colour, so two seconds of it.
const PICTURES: u64 = 60;
const ORANGE: ([u8; 3], &str) = ([0xff, 0x80, 0x00], "orange");
const BLUE: ([u8; 3], &str) = ([0x20, 0x40, 0xc0], "blue");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wayland_screen_is_sent_in_its_colours_and_without_a_gap_while_it_stands_still() {
    let sent = async {
        let mut desktop = Wayland::start().await;
        desktop.plug((640, 360), "BGRx", ORANGE.0).await;
        let folder = TempDir::new().expect("a temporary folder");
        let file = folder.path().join("screen.mp4");
        let server = Server::start().await;
        let room = server.room("screen").await;
        let mut cast = Cast::start(&desktop, &file, &server.rtmp_url(&room.key));
        cast.says("width=640 height=360").await;
        cast.sends(PICTURES).await;
        // Another screen in its place, of another size and with its colours the other way round: it is found by itself.
        desktop.plug((800, 600), "RGBA", BLUE.0).await;
        cast.says("width=800 height=600").await;
        // The first is drawn within a second.
        cast.sends(PICTURES * 2).await;
        cast.ends().await;

        assert_eq!(complaints(&file), "");
        let times = Packets::read(&file).video;
        let rate = (times.len() - 1) as f64 / extent(&times);
        assert!((rate - 30.0).abs() < 1.0, "{rate:.1} pictures a second of a screen that stands still");
        let longest = times.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
        assert!(longest < 0.2, "{longest:.2} s without a picture");
        let seen = colours(&file);
        println!("{seen:?}");
        let shown: Vec<&str> =
            seen.iter().filter(|(_, count)| *count > 30).map(|(colour, _)| *colour).collect();
        // Before the desktop has answered there is nothing to see.
        assert!(shown.ends_with(&[ORANGE.1, BLUE.1]) && shown.len() <= 3, "{seen:?}");
    };
    beside_others(seconds(200), sent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_person_chose_is_handed_in_again_until_the_sharing_is_ended_on_the_desktop() {
    let kept = async {
        let mut desktop = Wayland::start().await;
        desktop.plug((320, 180), "BGRA", BLUE.0).await;
        let folder = TempDir::new().expect("a temporary folder");
        let server = Server::start().await;
        let room = server.room("screen").await;
        for start in 1..=2 {
            let file = folder.path().join(format!("{start}.mp4"));
            let mut cast = Cast::start(&desktop, &file, &server.rtmp_url(&room.key));
            cast.says("shared screen").await;
            let token = fs::read_to_string(&cast.permission).expect("a permission is kept");
            assert!(!token.is_empty());
            let mode = fs::metadata(&cast.permission).expect("it is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "others may read the permission");
            assert_eq!(desktop.asked(), (start, start - 1));
            cast.sends(1).await;
            if start == 2 {
                desktop.withdraw().await;
                cast.says("the sharing was ended on the desktop").await;
                cast.sends(PICTURES).await;
                assert_eq!(desktop.asked().0, 2, "the person is asked again and again");
                assert!(!cast.permission.exists(), "what was taken back is kept");
            }
            cast.ends().await;
        }
    };
    beside_others(seconds(200), kept).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wayland_screen_is_listed_as_one_that_the_person_chooses() {
    let listed = async {
        let desktop = Wayland::start().await;
        let mut command = Command::new(program("ROSTRUM_CAST_BIN", "rostrum-cast"));
        desktop.on_it(command.args(["devices", "--json"]));
        let mut devices = Process::start("rostrum-cast devices", &mut command);
        assert!(devices.wait(LIMIT).await.success(), "{}", devices.output());
        let told: Value = serde_json::from_str(&devices.printed(false).join("\n")).expect("JSON");
        assert_eq!(told["screens"][0]["id"], "wayland", "{told}");
        assert!(told["screens"][0]["width"].is_null(), "{told}");
        assert_eq!(desktop.asked(), (0, 0), "a list is no reason to ask the person");
    };
    beside_others(seconds(100), listed).await;
}

struct Cast {
    process: Process,
    permission: std::path::PathBuf,
}

impl Cast {
    fn start(desktop: &Wayland, record: &Path, to: &str) -> Cast {
        let mut command = Command::new(program("ROSTRUM_CAST_BIN", "rostrum-cast"));
        command.args([
            "--video",
            "screen",
            "--no-cursor",
            "--audio",
            "none",
            "--size",
            "640x360",
            "--fps",
            "30",
        ]);
        command.args(["--stats", "json", "--to", to, "--record"]).arg(record);
        let state = record.parent().expect("it is in a folder").join("state");
        desktop.on_it(&mut command);
        command.env("XDG_STATE_HOME", &state).env("NO_COLOR", "1");
        let process = Process::start("rostrum-cast", &mut command);
        Cast { process, permission: state.join("rostrum/screen-permission") }
    }

    /// Waits until it has said so.
    async fn says(&mut self, words: &str) {
        self.process.line(LIMIT, |line| line.text.contains(words).then_some(())).await;
    }

    /// Waits until so many more pictures were sent.
    async fn sends(&mut self, count: u64) {
        let so_far = self.frames();
        until("more pictures", LIMIT, async || (self.frames() >= so_far + count).then_some(())).await;
    }

    fn frames(&self) -> u64 {
        let lines = self.process.printed(false);
        let newest = lines.iter().rev().find_map(|line| serde_json::from_str::<Value>(line).ok());
        newest.and_then(|stats| stats["frames"].as_u64()).unwrap_or_default()
    }

    async fn ends(&mut self) {
        self.process.signal("INT");
        let status = self.process.wait(LIMIT).await;
        assert!(status.success(), "rostrum-cast does not end cleanly: {status}\n{}", self.process.output());
    }
}

/// The colours of a recording one after the other, each with its number of pictures; `other` is neither.
fn colours(file: &Path) -> Vec<(&'static str, usize)> {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-i"]).arg(file);
    // The middle alone: a screen of another shape has bars beside it.
    let middle = "crop=iw/2:ih/2,scale=1:1:flags=area";
    command.args(["-vf", middle, "-pix_fmt", "rgb24", "-f", "rawvideo", "-"]);
    let output = command.output().expect("ffmpeg starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let is = |pixel: &[u8], of: [u8; 3]| {
        pixel.iter().zip(of).all(|(seen, of)| seen.abs_diff(of) <= COLOUR_OFF_MAX)
    };
    let mut seen: Vec<(&str, usize)> = Vec::new();
    for pixel in output.stdout.chunks(3) {
        let known =
            [ORANGE, BLUE].into_iter().find(|(of, _)| is(pixel, *of)).map_or("other", |(_, name)| name);
        match seen.last_mut() {
            Some((last, count)) if *last == known => *count += 1,
            _ => seen.push((known, 1)),
        }
    }
    seen
}

/// Of 255. FFmpeg's filter reads every picture by the matrix of BT.601, which is off by 12 here; red in the place of blue would
/// be off by more than 150.
const COLOUR_OFF_MAX: u8 = 16;
