//! What players cost.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::Bench;
use super::cost::{cpu_seconds, used_in};
use super::peer::Peer;
use super::servers::{Origin, publish, until_live};

/// Measures the origin and nginx with static files one after the other.
pub fn measure(bench: &Bench) -> Result<()> {
    println!(
        "{:<34} {:>8} {:>8} {:>14} {:>10} {:>8}",
        "", "players", "Gbit/s", "CPU s a Gbit", "requests", "failed"
    );
    let origin = Origin::start(bench, 1)?;
    let publishers = publish(bench, &[origin.publish_url()])?;
    until_live(&origin.playlist())?;
    let publishing = used_in(origin.program.pid(), IDLE)? / IDLE.as_secs_f64();
    let play = |name, players, low_latency| {
        let server = Measured { pid: origin.program.pid(), otherwise: publishing };
        server.play(bench, name, &origin.playlist(), players, low_latency)
    };
    let ours = play("rostrum, plain HLS", PLAYERS, false)?;
    play("rostrum, Low-Latency HLS", LOW_LATENCY_PLAYERS, true)?;
    drop((publishers, origin));

    let peer = Peer::start(&bench.folder)?;
    let publishers = publish(bench, &[format!("{}s1", peer.publish)])?;
    let playlist = format!("{}s1.m3u8", peer.play);
    until_live(&playlist)?;
    let server = Measured { pid: peer.http.pid(), otherwise: 0.0 };
    let theirs = server.play(bench, "nginx, static files of nginx-rtmp", &playlist, PLAYERS, false)?;
    drop((publishers, peer));
    println!("ratio of plain HLS: {:.2}", ours / theirs);
    Ok(())
}

/// A server under load.
struct Measured {
    pid: u32,
    /// CPU seconds a second that it uses without players.
    otherwise: f64,
}

impl Measured {
    /// CPU seconds per gigabit.
    fn play(&self, bench: &Bench, name: &str, url: &str, players: usize, low_latency: bool) -> Result<f64> {
        let (count, seconds) = (players.to_string(), PLAYED.as_secs().to_string());
        let mut arguments = vec!["play", url, "--players", &count, "--seconds", &seconds];
        arguments.extend(low_latency.then_some("--low-latency"));
        let before = cpu_seconds(self.pid)?;
        let figures = bench.load(&arguments)?;
        let length = PLAYED.as_secs_f64();
        let used = cpu_seconds(self.pid)? - before - self.otherwise * length;
        let gigabits = figures["bytes"].as_f64().unwrap_or(0.0) * 8.0 / 1e9;
        ensure!(gigabits > 0.0, "{name}: nothing was received: {figures}");
        let each = used / gigabits;
        println!(
            "{name:<34} {players:>8} {:>8.2} {each:>14.4} {:>10} {:>8}",
            gigabits / length,
            figures["requests"],
            figures["failed"]
        );
        if figures["failed"] != 0 {
            println!("  a player failed: {}", figures["reason"]);
        }
        Ok(each)
    }
}

const PLAYERS: usize = 2_000;
const LOW_LATENCY_PLAYERS: usize = 500;

/// For the CPU of publishing alone.
const IDLE: Duration = Duration::from_secs(10);

const PLAYED: Duration = Duration::from_secs(20);
