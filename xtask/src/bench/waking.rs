//! How soon those who wait are answered, and what a thousand publishers leave behind.

use anyhow::Result;

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
pub fn cycles(bench: &Bench) -> Result<()> {
    let origin = Origin::start(bench, 1)?;
    let pid = origin.program.pid();
    println!("{:>8} {:>12} {:>8}", "cycles", "memory MiB", "failed");
    for round in 1..=4_u32 {
        let url = origin.publish_url();
        let figures = bench.load(&["cycle", &url, "--clip", bench.clip()?, "--count", "250"])?;
        println!("{:>8} {:>12.1} {:>8}", round * 250, memory_mib(pid)?, figures["failed"]);
    }
    Ok(())
}

/// How many wait, for how many parts.
const WAITERS: [(usize, usize); 3] = [(1, 60), (200, 30), (10_000, 5)];
