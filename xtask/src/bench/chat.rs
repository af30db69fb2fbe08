//! What a chat costs, beside nginx's nchan.

use std::path::Path;

use anyhow::{Result, bail, ensure};
use serde_json::Value;

use super::Bench;
use super::cost::ticks_per_second;
use super::peer::Chat;
use super::servers::Origin;

/// Measures the origin and nchan one after the other, with the same readers and lines.
///
/// # Errors
/// When the origin loses a line for a reader that reads, or lets one go; figures of nchan are told, whatever they are.
pub fn measure(bench: &Bench) -> Result<()> {
    println!(
        "{:<10} {:>8} {:>7} {:>9} {:>9} {:>9} {:>8} {:>16} {:>14}",
        "", "sockets", "lines/s", "p50 ms", "p99 ms", "max ms", "lost", "CPU us delivery", "bytes a socket"
    );
    for (sockets, rate) in ROOMS {
        let origin = Origin::start(bench, 1)?;
        let url = format!("{}/api/v1/rooms/{}/chat", origin.http, origin.rooms[0].0);
        let (ours, complete) = talk(bench, "rostrum", (&url, None), origin.program.pid(), (sockets, rate))?;
        drop(origin);
        complete?;
        let peer = Chat::start(&bench.folder)?;
        let (theirs, _) =
            talk(bench, "nchan", (&peer.subscribe, Some(&peer.publish)), peer.http.pid(), (sockets, rate))?;
        println!("ratio of CPU: {:.2}", ours / theirs);
    }
    println!("{LIMITED_BY}");
    Ok(())
}

/// CPU microseconds a delivery, and whether every reader got every line.
fn talk(
    bench: &Bench,
    name: &str,
    (url, post): (&str, Option<&str>),
    pid: u32,
    (sockets, rate): (usize, usize),
) -> Result<(f64, Result<()>)> {
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
    Ok((each, complete(name, &figures)))
}

/// Whether nothing was lost, and nobody was let go.
fn complete(name: &str, figures: &Value) -> Result<()> {
    for what in ["lost", "failed"] {
        // A figure that is missing is none that can be relied on.
        ensure!(figures[what] == 0, "{name}: {what} is {}, and must be 0: {figures}", figures[what]);
    }
    Ok(())
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
/// What the figures are of, so that they can be read.
const LIMITED_BY: &str = "what limits it: one write to one loopback socket for each line and reader, which a bare C program pays 3.5 us for on the
machine of the last measurement. nchan writes several lines in one call, but only when they have queued up.";
/// Lines are written for so long.
const SECONDS: u64 = 20;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::complete;

    #[test]
    fn a_line_that_was_lost_and_a_reader_that_was_let_go_are_failures() {
        assert!(complete("rostrum", &json!({"lost": 0, "failed": 0})).is_ok());
        for bad in [json!({"lost": 1, "failed": 0}), json!({"lost": 0, "failed": 2}), json!({"failed": 0})] {
            assert!(complete("rostrum", &bad).is_err(), "{bad}");
        }
    }
}
