//! What a publisher costs.

use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;

use super::Bench;
use super::cost::{memory_mib, used_in};
use super::peer::Peer;
use super::servers::{Origin, publish};

/// Measures the origin and nginx-rtmp one after the other, with as many streams each.
pub fn measure(bench: &Bench) -> Result<()> {
    println!("CPU seconds per stream-minute, RTMP in and HLS out (transcoding off), memory in MiB");
    println!(
        "{:>8} {:>12} {:>12} {:>8} {:>10} {:>10}",
        "streams", "rostrum", "nginx-rtmp", "ratio", "rostrum", "nginx"
    );
    for streams in STREAMS {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let (mut our_memory, mut their_memory) = (0.0, 0.0);
        for _ in 0..ROUNDS {
            let origin = Origin::start(bench, streams)?;
            let publishers = publish(bench, &origin.publish_urls())?;
            sleep(SETTLING);
            ours.push(used_in(origin.program.pid(), MEASURED)?);
            our_memory = memory_mib(origin.program.pid())?;
            drop((publishers, origin));

            let peer = Peer::start(&bench.folder)?;
            let names: Vec<String> =
                (1..=streams).map(|number| format!("{}s{number}", peer.publish)).collect();
            let publishers = publish(bench, &names)?;
            sleep(SETTLING);
            theirs.push(used_in(peer.rtmp.pid(), MEASURED)?);
            their_memory = memory_mib(peer.rtmp.pid())?;
            drop((publishers, peer));
        }
        let minutes = MEASURED.as_secs_f64() / 60.0 * streams as f64;
        let (ours, theirs) = (median(&mut ours) / minutes, median(&mut theirs) / minutes);
        let ratio = ours / theirs;
        println!(
            "{streams:>8} {ours:>12.4} {theirs:>12.4} {ratio:>8.2} {our_memory:>10.0} {their_memory:>10.0}"
        );
    }
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

const STREAMS: [usize; 3] = [1, 10, 50];

/// Rounds whose median counts.
const ROUNDS: usize = 3;

/// Until all publishers are there and the first segments are out.
const SETTLING: Duration = Duration::from_secs(8);

const MEASURED: Duration = Duration::from_secs(20);
