//! A network that carries less than the picture's least bit rate: the picture becomes smaller, then slower, and comes back,
//! while viewers and the recording miss nothing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::harness::http::Http;
use crate::harness::machine::alone;
use crate::harness::probe::{Packets, complaints, extent};
use crate::harness::process::Process;
use crate::harness::throttled_line::ThrottledLine;
use crate::harness::viewer::Viewer;
use crate::harness::wait::{look_again, seconds, until};
use crate::weak_network::Stage;

/// What the whole picture needs at least. Sound and the container take 160 kbit/s more.
const FLOOR: &str = "600k";
/// Enough for three quarters of each side, which need 366 kbit/s.
const SMALLER_BPS: u64 = 620_000;
/// Enough for half of each side and half of the pictures alone, which need 120 kbit/s.
const SLOWER_BPS: u64 = 320_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn below_the_least_bit_rate_the_picture_becomes_smaller_and_nothing_is_missed() {
    alone(seconds(300), follows(false)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "five minutes: cargo xtask test --long"]
async fn the_picture_becomes_smaller_then_slower_and_comes_back_the_same_way() {
    alone(seconds(900), follows(true)).await;
}

async fn follows(all_the_way: bool) {
    let stage = Stage::set(if all_the_way { 480 } else { 120 }).await;
    let line = ThrottledLine::to(stage.origin.rtmp);
    let recording = stage.folder.path().join("mine.mp4");
    let to = format!("rtmp://{}/live/{}", line.address, stage.key);
    let record = ["--record", recording.to_str().expect("a plain path")];
    let mut cast = stage.cast_with(&to, FLOOR, &record).await;
    let watching = Watching::start(format!("http://{}/live/weak/index.m3u8", stage.origin.http)).await;
    let mut shapes = Shapes { cast: &mut cast, seen: vec![(360, 30)] };
    let expected: Vec<(u64, u64)> = if all_the_way {
        line.limit(SLOWER_BPS);
        shapes.come_to((180, 15)).await;
        line.limit(u64::MAX);
        shapes.come_to((360, 30)).await;
        vec![(360, 30), (270, 30), (180, 30), (180, 15), (180, 30), (270, 30), (360, 30)]
    } else {
        line.limit(SMALLER_BPS);
        shapes.come_to((270, 30)).await;
        vec![(360, 30), (270, 30)]
    };
    assert_eq!(shapes.seen, expected);
    let sent = figures(&cast)["destinations"][0]["sent_frames"].as_u64().unwrap_or_default();
    until("the new picture to be sent", seconds(45), async || {
        let to = &figures(&cast)["destinations"][0];
        (to["sent_frames"].as_u64()? > sent + 150 && to["queued_ms"].as_u64()? < 1_000).then_some(())
    })
    .await;
    cast.signal("INT");
    assert!(cast.wait(seconds(10)).await.success(), "{}", cast.output());
    let last = figures(&cast);
    assert_eq!(last["final"], true, "{last}");

    let heights: Vec<u64> = expected.iter().map(|(height, _)| *height).collect();
    let seen = watching.end(stage.folder.path()).await;
    assert_eq!(seen.iter().map(|file| height(file)).collect::<Vec<_>>(), heights, "what the viewer saw");
    sounds_whole(&seen);
    let files = recorded(&recording, heights.len());
    assert_eq!(files.iter().map(|file| height(file)).collect::<Vec<_>>(), heights, "what was recorded");
    let pictures: usize = files.iter().map(|file| Packets::read(file).video.len()).sum();
    assert_eq!(Some(pictures as u64), last["frames"].as_u64(), "pictures in {files:?}");
    files.iter().for_each(|file| sounds_whole(std::slice::from_ref(file)));
    let blocks: usize = files.iter().map(|file| Packets::read(file).audio.len()).sum();
    // Half as many pictures a second for a while: their own times tell.
    let pictures_s: f64 = files.iter().map(|file| lasts(&Packets::read(file).video)).sum();
    let sound_s = blocks as f64 * FRAME_S;
    assert!((sound_s - pictures_s).abs() < 0.1, "{sound_s} s of sound beside {pictures_s} s of pictures");
    println!("{pictures} pictures and {blocks} blocks of sound in {} files", files.len());
}

/// The shapes that the figures tell of, each noted when it is another one than before.
struct Shapes<'a> {
    cast: &'a mut Process,
    seen: Vec<(u64, u64)>,
}

impl Shapes<'_> {
    /// Each step takes half a minute, and one up needs half a minute of a higher bit rate before that.
    async fn come_to(&mut self, wanted: (u64, u64)) {
        until(&format!("a picture like {wanted:?}"), seconds(300), async || {
            let ended = self.cast.ended();
            assert!(ended.is_none(), "rostrum-cast ended: {}", self.cast.output());
            let picture = &figures(self.cast)["picture"];
            let now = (picture["height"].as_u64()?, picture["fps"].as_u64()?);
            if self.seen.last() != Some(&now) {
                println!("{now:?}");
                self.seen.push(now);
            }
            (now == wanted).then_some(())
        })
        .await;
    }
}

/// Follows the room until told to stop.
struct Watching {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<Viewer>,
}

impl Watching {
    /// From the moment the room plays on.
    async fn start(url: String) -> Watching {
        let http = Http::new();
        until("the room to play", seconds(45), async || {
            http.try_get(&url).await.ok()?.status.is_success().then_some(())
        })
        .await;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let mut viewer = Viewer::join(&http, &url).await;
            while !stopped.load(Ordering::Relaxed) {
                if !viewer.advance().await {
                    look_again().await;
                }
            }
            viewer
        });
        Watching { stop, task }
    }

    /// What it received: a file for each shape.
    async fn end(self, folder: &Path) -> Vec<PathBuf> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("a viewer that misses nothing").write(folder)
    }
}

/// The newest line of figures.
fn figures(cast: &Process) -> Value {
    let lines = cast.printed(false);
    lines.iter().rev().find_map(|line| serde_json::from_str(line).ok()).unwrap_or_default()
}

/// No gap in the sound of any file, none of more than a picture between them, and nothing that a decoder complains of.
fn sounds_whole(files: &[PathBuf]) {
    let mut end = None;
    for file in files {
        assert_eq!(complaints(file), "", "{}", file.display());
        let times = Packets::read(file).audio;
        for pair in times.windows(2) {
            assert!((pair[1] - pair[0] - FRAME_S).abs() < 0.003, "a gap in {}: {pair:?}", file.display());
        }
        // A playlist goes on where the longer one of picture and sound ended.
        if let (Some(end), Some(&begin)) = (end, times.first()) {
            let gap: f64 = begin - end;
            assert!((-0.003..PICTURE_S + 0.003).contains(&gap), "{gap} s before {}", file.display());
        }
        end = times.last().map(|last| last + FRAME_S);
    }
}

/// How long some pictures last, of which one follows the other without a pause.
fn lasts(times: &[f64]) -> f64 {
    extent(times) * times.len() as f64 / (times.len() - 1).max(1) as f64
}

/// `mine.mp4`, `mine-2.mp4`, …
fn recorded(first: &Path, count: usize) -> Vec<PathBuf> {
    let further = (2..=count).map(|number| first.with_file_name(format!("mine-{number}.mp4")));
    let files: Vec<PathBuf> = std::iter::once(first.to_owned()).chain(further).collect();
    let next = first.with_file_name(format!("mine-{}.mp4", count + 1));
    assert!(!next.exists(), "{} is there", next.display());
    files
}

fn height(file: &Path) -> u64 {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v", "-show_entries", "stream=height", "-of", "csv=p=0"])
        .arg(file)
        .output()
        .expect("ffprobe starts");
    String::from_utf8_lossy(&output.stdout).trim().trim_end_matches(',').parse().unwrap_or(0)
}

/// At 30 of them a second.
const PICTURE_S: f64 = 1.0 / 30.0;

/// AAC of 48 kHz.
const FRAME_S: f64 = 1_024.0 / 48_000.0;
