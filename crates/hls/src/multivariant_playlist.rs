//! The multivariant playlist: the renditions and what a player needs to choose among them.
//!
//! Spec: draft-pantos-hls-rfc8216bis §4.4.6.

use std::fmt::Write as _;

use container::fmp4::codec_string;
use media::{Picture, Span, Track};

use crate::media_playlist::VERSION;
use crate::window::MAIN;

/// Bits per second of the segments seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bandwidth {
    pub(crate) peak: u64,
    pub(crate) average: u64,
}

impl Bandwidth {
    /// Of segments with these sizes in bytes and durations.
    pub(crate) fn of(segments: impl Iterator<Item = (usize, Span)>) -> Bandwidth {
        let (mut peak, mut bytes, mut duration) = (0, 0, Span::ZERO);
        for (segment_bytes, segment_duration) in segments {
            peak = peak.max(bits_per_second(segment_bytes, segment_duration));
            bytes += segment_bytes;
            duration += segment_duration;
        }
        Bandwidth { peak, average: bits_per_second(bytes, duration) }
    }
}

fn bits_per_second(bytes: usize, duration: Span) -> u64 {
    if duration <= Span::ZERO { 0 } else { (bytes as f64 * 8.0 / duration.as_secs_f64()).ceil() as u64 }
}

/// The text for `tracks` in one rendition; `frame` is how long a picture was seen to last.
pub(crate) fn render(tracks: &[Track], bandwidth: Bandwidth, frame: Span) -> String {
    let codecs: Vec<String> = tracks.iter().map(|track| codec_string(&track.codec)).collect();
    let video = tracks.iter().find_map(|track| track.codec.picture());
    let mut text = format!("#EXTM3U\n#EXT-X-VERSION:{VERSION}\n");
    let Bandwidth { peak, average } = bandwidth;
    // BANDWIDTH is required and a 0 is refused by validators.
    let peak = peak.max(1);
    let _ = write!(text, "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={}", average.max(1));
    let _ = write!(text, ",CODECS=\"{}\"", codecs.join(","));
    if let Some(picture) = &video {
        let _ = write!(text, ",RESOLUTION={}x{}", display_width(picture), picture.size.height);
        let _ = write!(text, ",FRAME-RATE={:.3}", frame_rate(picture, frame));
    }
    let _ = writeln!(text, "\n{MAIN}/index.m3u8");
    text
}

/// Width in square pixels.
fn display_width(picture: &Picture) -> u64 {
    (f64::from(picture.size.width) * picture.sample_aspect_ratio.as_f64()).round() as u64
}

fn frame_rate(picture: &Picture, frame: Span) -> f64 {
    match picture.frame_rate {
        Some(rate) => rate.as_f64(),
        None => 1.0 / frame.as_secs_f64().max(0.001),
    }
}
