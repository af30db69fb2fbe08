//! Half an hour in a browser: `cargo xtask soak`. Not among the tests that run each time.

use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::browser::Browser;
use crate::harness::origin_program::{OriginProgram, told};
use crate::harness::publisher::push_pattern;
use crate::harness::wait::{seconds, until};
use crate::harness::web_player::{look, stalls};

/// How far the distance to the publisher may change, seconds.
const DRIFT_MAX_S: f64 = 0.1;
/// The player finds its distance, and the origin's window with what it keeps behind it fills, before figures count.
const SETTLES: Duration = seconds(60);
/// Two windows of two minutes, and a minute for the allocator to settle: until then the origin's memory grows by design.
const WINDOWS_FULL: Duration = seconds(300);
/// How much the memory may grow from then on, as a share: what an allocator does by itself.
const GROWTH_MAX: f64 = 0.05;
/// The time of one picture: nobody sees a player wait for less.
const PICTURE_S: f64 = 1.0 / 30.0;
/// When the first picture was shown, milliseconds since the page was asked for: the next one's time, less those before it.
const FIRST_PICTURE: &str = "const done = arguments[arguments.length - 1];
    const look = () => {
        const video = document.querySelector('video');
        if (!video?.requestVideoFrameCallback) { return setTimeout(look, 5); }
        video.requestVideoFrameCallback((now, frame) =>
            done(frame.presentationTime - (frame.presentedFrames - 1) * 1000 / 30));
    };
    look();";
/// From asking for the page to the first picture at most, milliseconds: on a machine that does nothing else.
const FIRST_PICTURE_MAX_MS: f64 = 1_500.0;
/// Browsers that come anew, each with nothing cached; the median of them counts.
const FIRST_PICTURES: usize = 5;
/// Between two looks at the player.
const LOOK: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes half an hour: cargo xtask soak"]
async fn a_browser_plays_for_as_long_as_it_is_told() {
    let minutes =
        std::env::var("ROSTRUM_SOAK_MINUTES").ok().and_then(|minutes| minutes.parse().ok()).unwrap_or(30);
    let duration = Duration::from_secs(minutes * 60);
    // Before anything of this starts: what others do here.
    let busy = busy();
    let data = TempDir::new().expect("a temporary folder");
    let origin = OriginProgram::serve(data.path(), "127.0.0.1:0", "127.0.0.1:0").await;
    let room = told(data.path(), &["room", "create", "soak"]);
    let key = room["stream_key"].as_str().expect("a stream key");
    let _publisher = push_pattern(&format!("rtmp://{}/live/{key}", origin.rtmp));
    let page = format!("http://{}/r/soak", origin.http);
    {
        // Whoever comes first waits for the stream too.
        let first = Browser::open(&page).await;
        until("the first player to move", seconds(60), async || {
            (look(&first.session).await["time"].as_f64().unwrap_or(0.0) > 2.0).then_some(())
        })
        .await;
    }
    let first_picture_ms = first_pictures(&page).await;
    let browser = Browser::open(&page).await;
    until("the player to move", seconds(60), async || {
        (look(&browser.session).await["time"].as_f64().unwrap_or(0.0) > 2.0).then_some(())
    })
    .await;
    browser.session.run("window.__seen.stalls = []", vec![]).await;
    let mut seen = Seen::default();
    let begun = Instant::now();
    let mut minute = 0;
    while begun.elapsed() < duration {
        tokio::time::sleep(LOOK).await;
        seen.add(begun.elapsed(), &look(&browser.session).await, resident_kb(origin.process.id()));
        if begun.elapsed().as_secs() / 60 > minute {
            minute += 1;
            println!("minute {minute}: {}", seen.latest());
        }
    }
    seen.report(duration);
    let allowed_ms = FIRST_PICTURE_MAX_MS * busy;
    assert!(
        first_picture_ms <= allowed_ms,
        "the first picture took {first_picture_ms:.0} ms of {allowed_ms:.0}"
    );
}

/// Milliseconds from asking for the page to its first picture: the median of some browsers.
async fn first_pictures(page: &str) -> f64 {
    let mut taken_ms = Vec::new();
    for _ in 0..FIRST_PICTURES {
        let browser = Browser::open(page).await;
        let told =
            browser.session.client.execute_async(FIRST_PICTURE, vec![]).await.expect("the page runs it");
        taken_ms.push(told.as_f64().expect("a time"));
    }
    let median = share(&taken_ms, 0.5);
    let all: Vec<String> = taken_ms.iter().map(|taken| format!("{taken:.0}")).collect();
    println!("first picture {median:.0} ms after the page was asked for; of {}", all.join(", "));
    median
}

/// How many times longer everything takes since the machine does other things: the load of the last minute for each of
/// its processors, at least 1.
fn busy() -> f64 {
    let told = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: f64 = told.split_whitespace().next().and_then(|load| load.parse().ok()).unwrap_or(0.0);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("load of this machine before: {load} on {cores} processors");
    (load / cores as f64).max(1.0)
}

/// What was seen so far.
#[derive(Default)]
struct Seen {
    /// When, and seconds behind the publisher.
    latencies: Vec<(Duration, f64)>,
    /// When, and the origin's memory in kB.
    memory: Vec<(Duration, f64)>,
    stalls: Vec<f64>,
    errors: Vec<String>,
}

impl Seen {
    fn add(&mut self, at: Duration, player: &Value, memory_kb: f64) {
        self.latencies.extend(player["latency"].as_f64().map(|latency| (at, latency)));
        self.memory.push((at, memory_kb));
        self.stalls = stalls(player);
        self.errors = player["errors"].as_array().into_iter().flatten().map(Value::to_string).collect();
    }

    fn latest(&self) -> String {
        let latency = self.latencies.last().map_or(f64::NAN, |(_, latency)| *latency);
        let memory = self.memory.last().map_or(f64::NAN, |(_, memory)| memory / 1_024.0);
        format!("latency {latency:.2} s, stalls {:?}, origin {memory:.1} MiB", self.stalls)
    }

    fn report(&self, duration: Duration) {
        let settled: Vec<f64> = self
            .latencies
            .iter()
            .filter(|(at, _)| *at >= SETTLES.min(duration / 4))
            .map(|(_, it)| *it)
            .collect();
        let tenth = (settled.len() / 10).max(1);
        let (begin, end) =
            (&settled[..tenth.min(settled.len())], &settled[settled.len().saturating_sub(tenth)..]);
        let drift = share(end, 0.5) - share(begin, 0.5);
        let full: Vec<(f64, f64)> = self
            .memory
            .iter()
            .filter(|(at, _)| *at >= WINDOWS_FULL)
            .map(|(at, memory)| (at.as_secs_f64() / 60.0, *memory))
            .collect();
        let slope = slope(&full);
        let growth = slope * (duration.saturating_sub(WINDOWS_FULL)).as_secs_f64() / 60.0;
        let base = full.first().map_or(f64::NAN, |(_, memory)| *memory);
        println!("stalls {:?}, errors {:?}", self.stalls, self.errors);
        println!(
            "latency p50 {:.2} s, p95 {:.2} s, drift {drift:+.3} s",
            share(&settled, 0.5),
            share(&settled, 0.95)
        );
        println!("origin {:.1} MiB once its window is full, {slope:+.1} kB a minute", base / 1_024.0);
        let stalled = self.stalls.iter().any(|stall| *stall >= PICTURE_S);
        assert!(!stalled && self.errors.is_empty(), "the player did not play through");
        assert!(drift.abs() <= DRIFT_MAX_S, "the player drifted by {drift:+.3} s");
        assert!(full.len() < 20 || growth <= base * GROWTH_MAX, "the origin's memory grew by {growth:.0} kB");
    }
}

/// The value that a share of some values is not above.
fn share(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1) as f64;
    sorted.get((last * share).round() as usize).copied().unwrap_or(f64::NAN)
}

/// The slope of the line nearest to some points; 0 for fewer than two.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|it| it.0), mean(|it| it.1));
    let spread: f64 = points.iter().map(|it| (it.0 - x).powi(2)).sum();
    let together: f64 = points.iter().map(|it| (it.0 - x) * (it.1 - y)).sum();
    if spread > 0.0 { together / spread } else { 0.0 }
}

/// Resident memory of a process, kB.
fn resident_kb(id: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(f64::NAN)
}
