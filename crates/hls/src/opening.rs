//! The lengths that are fixed when the playlist starts, from the media that was collected before.

use media::{Packet, Span, Timestamp, Track, TrackId};

use crate::config::Config;
use crate::cutter::packet_duration;
use crate::part_target;
use crate::segmenter::Targets;

/// What the collected media tells.
#[derive(Debug)]
pub(crate) struct Measured {
    /// How long frames of the leading track last.
    frames: Vec<Span>,
    /// How long one lasts on average.
    pub(crate) frame: Span,
    /// How much was collected.
    collected: Span,
}

/// Measures `packets` of `tracks`, of which `lead` leads.
pub(crate) fn measure(packets: &[Packet], tracks: &[Track], lead: TrackId) -> Measured {
    let leading: Vec<Timestamp> =
        packets.iter().filter(|packet| packet.track == lead).map(|packet| packet.dts).collect();
    let seen: Vec<Span> = leading.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // Sound says how long it lasts; of pictures only the stamps tell.
    let video = tracks.iter().any(Track::is_video);
    let sound = packets.iter().map(|packet| packet_duration(tracks, packet)).max();
    let frames = if video { seen } else { vec![sound.unwrap_or(Span::ZERO); 100] };
    let collected = leading.first().zip(leading.last()).map_or(Span::ZERO, |(first, last)| *last - *first);
    let frames_collected = (leading.len() as i64 - 1).max(1);
    Measured { frames, frame: Span::from_flicks(collected.flicks() / frames_collected), collected }
}

/// The playlist's lengths; `gop` is the length of the first GOP when it is known.
pub(crate) fn targets(config: &Config, measured: &Measured, gop: Option<Span>) -> Targets {
    let longest = gop.unwrap_or(measured.collected).max(config.segment_target);
    Targets {
        part: part_target::choose(config.part_target, measured.frames.clone()).min(TARGET_DURATION_MAX),
        segment: config.segment_target,
        duration: target_duration(longest),
    }
}

/// The smallest whole number of seconds that `longest` does not pass by more than its rounding.
fn target_duration(longest: Span) -> Span {
    let whole = Span::from_secs(longest.flicks() / Span::from_secs(1).flicks());
    let up = if longest - whole > TARGET_ROUNDING { whole + Span::from_secs(1) } else { whole };
    up.max(Span::from_secs(1)).min(TARGET_DURATION_MAX)
}

/// A longer GOP is cut without an IDR picture: players hold back three target durations.
pub(crate) const TARGET_DURATION_MAX: Span = Span::from_secs(10);

/// NTSC rates and millisecond stamps make a GOP of 2 s last 2.002 s.
const TARGET_ROUNDING: Span = Span::from_millis(100);
