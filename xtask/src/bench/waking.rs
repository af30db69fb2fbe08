//! How soon those who wait are answered, and what a thousand publishers leave behind.

use anyhow::{Result, ensure};

use super::Bench;
use super::cost::{cpu_seconds, memory_mib};
use super::servers::Origin;

/// From the frame that completes a part to the answers of those who wait for it.
pub fn measure(bench: &Bench) -> Result<()> {
    println!("from the publisher's frame that completes a part to the first byte of a blocked reload");
    println!(
        "{:>8} {:>8} {:>10} {:>10} {:>10} {:>16}",
        "waiters", "parts", "p50 ms", "p99 ms", "max ms", "CPU us a waiter"
    );
    for (waiters, parts) in WAITERS {
        let origin = Origin::start(bench, 1)?;
        let before = cpu_seconds(origin.program.pid())?;
        let (count, rounds) = (waiters.to_string(), parts.to_string());
        let (playlist, publish) = (origin.playlist(), origin.publish_url());
        let arguments = ["wait", &playlist, "--publish", &publish, "--clip", bench.clip()?];
        let figures = bench.load(&[&arguments[..], &["--waiters", &count, "--parts", &rounds]].concat())?;
        let used = cpu_seconds(origin.program.pid())? - before;
        let delay = |name: &str| figures["from_frame_us"][name].as_f64().unwrap_or(0.0) / 1e3;
        let each = used * 1e6 / figures["answers"].as_f64().unwrap_or(1.0);
        let (p50, p99, max) = (delay("p50"), delay("p99"), delay("max"));
        println!("{waiters:>8} {parts:>8} {p50:>10.2} {p99:>10.2} {max:>10.2} {each:>16.1}");
    }
    println!("(the CPU is all of the origin's, with one publisher; only with many waiters is it theirs)");
    Ok(())
}

/// Memory while publishers come and go.
///
/// # Errors
/// When it grows by more than [`SLOPE_MAX_KB`] a cycle.
pub fn cycles(bench: &Bench) -> Result<()> {
    let origin = Origin::start(bench, 1)?;
    let pid = origin.program.pid();
    println!("{:>8} {:>12} {:>8}", "cycles", "memory MiB", "failed");
    let mut points = Vec::new();
    for round in 1..=ROUNDS {
        let url = origin.publish_url();
        let figures =
            bench.load(&["cycle", &url, "--clip", bench.clip()?, "--count", &CYCLES.to_string()])?;
        let (done, memory_mib) = (round * CYCLES, memory_mib(pid)?);
        println!("{done:>8} {memory_mib:>12.1} {:>8}", figures["failed"]);
        points.push((f64::from(done), memory_mib * 1_024.0));
    }
    let slope_kb = slope(&points);
    println!("{slope_kb:+.2} kB a cycle from the first {CYCLES} on");
    ensure!(
        slope_kb <= SLOPE_MAX_KB,
        "the memory grew by {slope_kb:.2} kB a cycle, and at most {SLOPE_MAX_KB} are what an allocator does by itself"
    );
    Ok(())
}

/// The median of the slopes between any two of some points (Theil and Sen's estimator); 0 for fewer than two. What leaks
/// shows between all of them, a page that an allocator takes for good between few.
fn slope(points: &[(f64, f64)]) -> f64 {
    let pairs = points
        .iter()
        .enumerate()
        .flat_map(|(at, first)| points[at + 1..].iter().map(move |last| (first, last)));
    let mut slopes: Vec<f64> = pairs.map(|(first, last)| (last.1 - first.1) / (last.0 - first.0)).collect();
    slopes.sort_by(f64::total_cmp);
    slopes.get(slopes.len() / 2).copied().unwrap_or(0.0)
}

/// How often the memory is looked at, and publishers between two looks.
const ROUNDS: u32 = 12;
const CYCLES: u32 = 250;
/// kB a cycle: what a cycle leaks is a task, a socket or a window, and each of them is larger.
const SLOPE_MAX_KB: f64 = 4.0;

/// How many wait, for how many parts.
const WAITERS: [(usize, usize); 3] = [(1, 60), (200, 30), (10_000, 5)];

#[cfg(test)]
mod tests {
    use super::slope;

    #[test]
    fn a_slope_is_what_most_pairs_of_points_show() {
        let leaks = [(250.0, 9_000.0), (500.0, 10_000.0), (750.0, 11_000.0), (1_000.0, 12_000.0)];
        assert_eq!(slope(&leaks), 4.0);
        let steps_once = [0.0, 7_000.0, 7_000.0, 7_000.0, 7_000.0, 7_000.0];
        let steps_once: Vec<_> = (0..).map(|number| f64::from(number) * 250.0).zip(steps_once).collect();
        assert_eq!(slope(&steps_once), 0.0);
        assert_eq!(slope(&[(250.0, 10_000.0)]), 0.0);
    }
}
