//! What a process has used: CPU time and memory, as Linux counts them.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::step::output_of;

/// CPU seconds of all threads of a process since its start, in user and in system mode.
///
/// # Errors
/// When the process is gone.
pub fn cpu_seconds(pid: u32) -> Result<f64> {
    seconds_in(&format!("/proc/{pid}/stat"))
}

/// CPU seconds of those threads of a process that are called `name`, as far as they still run.
///
/// # Errors
/// When the process is gone.
pub fn cpu_seconds_of(pid: u32, name: &str) -> Result<f64> {
    let path = format!("/proc/{pid}/task");
    let threads = std::fs::read_dir(&path).with_context(|| format!("{path}: the process is gone"))?;
    let called = |thread: &std::fs::DirEntry| {
        std::fs::read_to_string(thread.path().join("comm")).is_ok_and(|called| called.trim_end() == name)
    };
    // One that ends meanwhile has no more to tell.
    let of = |thread: std::fs::DirEntry| seconds_in(&thread.path().join("stat").to_string_lossy()).ok();
    Ok(threads.flatten().filter(called).filter_map(of).sum())
}

fn seconds_in(path: &str) -> Result<f64> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{path}: the process is gone"))?;
    // The name may hold spaces and brackets; utime and stime are the 12th and 13th field behind it.
    let (_, fields) = text.rsplit_once(')').with_context(|| format!("{path} is not as Linux writes it"))?;
    let ticks = |at: usize| fields.split_whitespace().nth(at).and_then(|field| field.parse::<f64>().ok());
    let (user, system) = ticks(11).zip(ticks(12)).with_context(|| format!("{path} has no CPU times"))?;
    Ok((user + system) / ticks_per_second())
}

/// Memory that is resident, MiB.
///
/// # Errors
/// When the process is gone.
pub fn memory_mib(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/status");
    let text = std::fs::read_to_string(&path).with_context(|| format!("{path}: the process is gone"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    Ok(kib.with_context(|| format!("{path} has no VmRSS"))? / 1024.0)
}

/// CPU seconds that a process uses while `length` passes.
///
/// # Errors
/// When the process goes away.
pub fn used_in(pid: u32, length: Duration) -> Result<f64> {
    let (begun, before) = (Instant::now(), cpu_seconds(pid)?);
    sleep(length);
    let used = cpu_seconds(pid)? - before;
    // A busy machine may have slept longer.
    Ok(used * length.as_secs_f64() / begun.elapsed().as_secs_f64())
}

/// The kernel's ticks, in which it counts CPU time.
pub fn ticks_per_second() -> f64 {
    output_of("getconf", &["CLK_TCK"]).and_then(|text| text.parse().ok()).unwrap_or(100.0)
}
