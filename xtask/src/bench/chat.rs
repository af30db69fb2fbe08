//! What a chat costs, beside nginx's nchan.

use std::path::Path;

use anyhow::{Result, bail, ensure};

use super::Bench;
use super::cost::ticks_per_second;
use super::peer::Chat;
use super::servers::Origin;

/// Measures the origin and nchan one after the other, with the same readers and lines.
pub fn measure(bench: &Bench) -> Result<()> {
    println!(
        "{:<10} {:>8} {:>7} {:>9} {:>9} {:>9} {:>8} {:>16} {:>14}",
        "", "sockets", "lines/s", "p50 ms", "p99 ms", "max ms", "lost", "CPU us delivery", "bytes a socket"
    );
    for (sockets, rate) in ROOMS {
        let origin = Origin::start(bench, 1)?;
        let url = format!("{}/api/v1/rooms/{}/chat", origin.http, origin.rooms[0].0);
        let ours = talk(bench, "rostrum", (&url, None), origin.program.pid(), (sockets, rate))?;
        drop(origin);
        let peer = Chat::start(&bench.folder)?;
        let theirs =
            talk(bench, "nchan", (&peer.subscribe, Some(&peer.publish)), peer.http.pid(), (sockets, rate))?;
        println!("ratio of CPU: {:.2}", ours / theirs);
    }
    Ok(())
}

/// CPU microseconds a delivery.
fn talk(
    bench: &Bench,
    name: &str,
    (url, post): (&str, Option<&str>),
    pid: u32,
    (sockets, rate): (usize, usize),
) -> Result<f64> {
    let [pid, count, lines, seconds] =
        [pid.to_string(), sockets.to_string(), rate.to_string(), SECONDS.to_string()];
    let mut arguments =
        vec!["chat", url, "--pid", &pid, "--sockets", &count, "--rate", &lines, "--seconds", &seconds];
    arguments.extend(post.into_iter().flat_map(|post| ["--post", post]));
    let figures = bench.load(&arguments)?;
    let number = |name: &str| figures[name].as_f64().unwrap_or(0.0);
    ensure!(number("delivered") > 0.0, "{name}: nothing was delivered: {figures}");
    let each = number("cpu_ticks") / ticks_per_second() * 1e6 / number("delivered");
    let delay = |name: &str| figures["delay_us"][name].as_f64().unwrap_or(0.0) / 1e3;
    println!(
        "{name:<10} {sockets:>8} {rate:>7} {:>9.2} {:>9.2} {:>9.2} {:>8} {each:>16.2} {:>14}",
        delay("p50"),
        delay("p99"),
        delay("max"),
        figures["lost"],
        figures["bytes_a_socket"]
    );
    if figures["failed"] != 0 {
        println!("  {} connections ended", figures["failed"]);
    }
    if let Some(told) = figures["refused"].as_str() {
        println!("  a line was refused: {told}");
    }
    Ok(each)
}

/// Debian's files of nchan.
pub(super) fn module() -> Result<&'static str> {
    const MODULE: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";
    if !Path::new(MODULE).is_file() {
        bail!("{MODULE} is missing: the package is libnginx-mod-nchan");
    }
    Ok(MODULE)
}

/// Readers of a room, and lines a second in it.
const ROOMS: [(usize, usize); 2] = [(2_000, 20), (10_000, 1)];
/// Lines are written for so long.
const SECONDS: u64 = 20;
