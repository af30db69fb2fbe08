//! What renditions cost: `cargo run --release -p encode --example ladder -- CLIP HEIGHT…`, with a clip of
//! `ROSTRUM_MEDIA`. Prints processor seconds a minute of media.
#![expect(clippy::print_stdout, reason = "it prints what it measured")]

#[path = "../tests/ladder/clip.rs"]
#[allow(dead_code, reason = "the tests use all of it")]
mod clip;

use std::time::Duration;

use encode::ladder::{Ladder, Output};
use media::Span;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "d_bbb_vertical_720x1280_30_mono441_jfk.mp4".to_owned());
    let heights: Vec<u32> = arguments.filter_map(|height| height.parse().ok()).collect();
    let Some(clip) = clip::read(&name, 60) else {
        println!("no such clip");
        return;
    };
    let media = clip.packets[clip.packets.len() - 1].dts - clip.packets[0].dts;
    let (ladder, _) = Ladder::start(&clip.codec, &clip::config(&heights)).expect("a ladder");
    let mut ladder = ladder.expect("a source larger than the heights");
    let mut bytes = vec![0; ladder.rungs().len()];
    let mut count = |output: Output| {
        if let Output::Packet { rung, packet, .. } = output {
            bytes[rung] += packet.data.len();
        }
    };
    for packet in &clip.packets {
        ladder.push(packet, 0);
        while ladder.lag() > Span::from_millis(700) {
            ladder.wait_output(Duration::from_millis(50)).into_iter().for_each(&mut count);
        }
    }
    // What is inside then is less than a second of the whole.
    let cpu = ladder.cpu_time();
    let rungs = ladder.rungs().to_vec();
    ladder.finish().into_iter().for_each(&mut count);
    let a_minute = cpu.as_secs_f64() / media.as_secs_f64() * 60.0;
    println!("{name}: {:.1} s of media, {a_minute:.2} CPU s a minute", media.as_secs_f64());
    for (rung, bytes) in rungs.iter().zip(&bytes) {
        let kbps = *bytes as f64 * 8.0 / media.as_secs_f64() / 1e3;
        println!("  {} {}x{}: {kbps:.0} kbit/s", rung.height, rung.size.width, rung.size.height);
    }
}
