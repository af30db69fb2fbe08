//! The process that tries one encoder, says what it found, and ends.

use std::io::Write;

use ffmpeg_next as ffmpeg;
use media::{Packet, Size, Span, Timescale};

use super::picture::{self, Likeness};
use crate::list::Known;
use crate::video::start_ffmpeg;
use crate::{Choice, Config, Video, key_frame};

/// Tries the encoder called `name` for the process `parent`, and ends the process.
pub(super) fn run(name: &str, parent: Option<u32>) -> ! {
    guard();
    #[cfg(unix)]
    if parent.is_some_and(|parent| parent != std::os::unix::process::parent_id()) {
        // It ended before this one could ask to end with it.
        std::process::exit(1);
    }
    let verdict = try_out(name);
    let line = match verdict {
        Ok(()) => serde_json::json!({ "encoder": name, "usable": true }),
        Err(refusal) => {
            serde_json::json!({ "encoder": name, "usable": false, "reason": refusal.to_string() })
        }
    };
    let written = say(&line.to_string());
    // What drivers do at the end of a process does not matter any more, and may hang.
    std::process::exit(i32::from(written.is_err()));
}

/// Tells the parent that the trial goes on.
fn step() {
    // Without a parent nobody waits for the trial; its alarm ends it.
    let _ = say("");
}

fn say(line: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

/// Why an encoder is not to be used.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("this program does not know it")]
    Unknown,
    #[error("it does not open: {0}")]
    Closed(crate::Error),
    #[error("it fails while it encodes: {0}")]
    Fails(crate::Error),
    #[error("it gave {got} of {PICTURES} pictures back")]
    Lost { got: usize },
    #[error("it gives no keyframe when it is asked for one")]
    NoKeyframe,
    #[error("what it makes cannot be decoded: {0}")]
    Undecodable(crate::Error),
    #[error("its pictures come out green")]
    Green,
    #[error(
        "its pictures come out wrong: their likeness is {decibels:.0} dB, at least {} is expected",
        picture::LIKENESS_MIN
    )]
    Wrong { decibels: f64 },
}

fn try_out(name: &str) -> Result<(), Refusal> {
    let known = Known::of_name(name).ok_or(Refusal::Unknown)?;
    let config = Config {
        size: SIZE,
        fps: FPS,
        bitrate_bps: BITRATE_BPS,
        // Only what is asked for is a keyframe.
        keyframe_interval: Span::from_secs(10),
        choice: Choice::Named(name.to_owned()),
    };
    // Here FFmpeg's own words are wanted: they go to stderr, and the parent tells them with the refusal.
    start_ffmpeg().map_err(Refusal::Closed)?;
    ffmpeg::log::set_level(ffmpeg::log::Level::Error);
    let mut video = Video::open_untried(known, &config).map_err(Refusal::Closed)?;
    let codec = video.track().codec;
    let mut packets = Vec::new();
    for tick in 0..PICTURES {
        let picture = picture::known(SIZE, tick);
        packets.extend(video.encode(Some(&picture), tick, tick == ASKED).map_err(Refusal::Fails)?);
        step();
    }
    packets.extend(video.finish().map_err(Refusal::Fails)?);
    check_packets(&packets)?;
    let data: Vec<&[u8]> = packets.iter().map(|packet| &packet.data[..]).collect();
    let decoded = key_frame::decode_all(&codec, &data).map_err(Refusal::Undecodable)?;
    if decoded.len() != packets.len() {
        return Err(Refusal::Lost { got: decoded.len() });
    }
    for (tick, decoded) in (0..).zip(&decoded).filter(|(tick, _)| LOOKED_AT.contains(tick)) {
        match picture::compare(&picture::known(SIZE, tick), decoded) {
            Likeness::Same => {}
            Likeness::Green => return Err(Refusal::Green),
            Likeness::Wrong { decibels } => return Err(Refusal::Wrong { decibels }),
        }
    }
    Ok(())
}

/// Every picture gave a packet, and a keyframe stands where one was asked for.
fn check_packets(packets: &[Packet]) -> Result<(), Refusal> {
    if packets.len() as i64 != PICTURES {
        return Err(Refusal::Lost { got: packets.len() });
    }
    let rate = Timescale::new(FPS).unwrap_or(Timescale::MILLISECONDS);
    let keyframes = packets.iter().filter(|packet| packet.random_access);
    let at: Vec<i64> = keyframes.map(|packet| packet.pts.ticks(rate)).collect();
    if at.contains(&0) && at.contains(&ASKED) { Ok(()) } else { Err(Refusal::NoKeyframe) }
}

/// A trial leaves nothing behind: no dump of its memory, and no process when its parent has gone away. Like the threads of a
/// broadcast it goes before ordinary work, where the system lets it.
fn guard() {
    #[cfg(unix)]
    // SAFETY: the calls take plain numbers and one structure of ours; refused, they change nothing. The alarm ends the
    // process by its default action.
    unsafe {
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        libc::setrlimit(libc::RLIMIT_CORE, &none);
        libc::setpriority(libc::PRIO_PROCESS, 0, NICE);
        libc::alarm(super::WHOLE_LIMIT.as_secs() as libc::c_uint);
        // With the thread that waits for it, which lives until its verdict unless the whole program ends.
        #[cfg(target_os = "linux")]
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
    }
}

/// As far before ordinary programs as the threads of a broadcast.
#[cfg(unix)]
const NICE: libc::c_int = -9;

/// Large enough for every hardware encoder, and not a whole number of its blocks high.
const SIZE: Size = Size::new(640, 360);

const FPS: u32 = 30;

/// Ample for the known picture.
const BITRATE_BPS: u32 = 2_000_000;

/// Most of a second: some encoders keep half a dozen before the first comes out.
pub(super) const PICTURES: i64 = 24;

/// The pictures that are compared: the first, those on both sides of the second keyframe, and the last.
const LOOKED_AT: [i64; 4] = [0, ASKED - 1, ASKED, PICTURES - 1];

/// The picture of which a keyframe is asked.
const ASKED: i64 = 12;
