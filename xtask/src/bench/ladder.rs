//! What the smaller renditions of a stream cost.

use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;

use super::Bench;
use super::cost::{memory_mib, used_in};
use super::servers::{Origin, publish};

/// One 720p stream with each choice of renditions below it.
pub fn measure(bench: &Bench) -> Result<()> {
    println!("CPU seconds per stream-minute of one 720p stream with renditions below it, memory in MiB");
    println!("{:>16} {:>12} {:>10}", "renditions", "CPU s/min", "memory");
    for (name, settings) in [
        ("none", "[transcode]\nenabled = false\n"),
        ("240p", "[transcode]\nheights = [240]\ncpu_percent = 100\n"),
        ("480p and 240p", "[transcode]\nheights = [480, 240]\ncpu_percent = 100\n"),
    ] {
        let origin = Origin::start_with(bench, 1, settings)?;
        let publishers = publish(bench, &origin.publish_urls())?;
        sleep(SETTLING);
        let used = used_in(origin.program.pid(), MEASURED)? * 60.0 / MEASURED.as_secs_f64();
        println!("{name:>16} {used:>12.2} {:>10.0}", memory_mib(origin.program.pid())?);
        drop((publishers, origin));
    }
    Ok(())
}

/// Until the first segments are out and the encoders run evenly.
const SETTLING: Duration = Duration::from_secs(10);

const MEASURED: Duration = Duration::from_secs(30);
