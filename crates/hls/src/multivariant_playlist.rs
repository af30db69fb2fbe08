//! The multivariant playlist: the renditions and what a player needs to choose among them.
//!
//! Spec: draft-pantos-hls-rfc8216bis §4.4.6.

use std::fmt::Write as _;
use std::sync::Arc;

use container::fmp4::codec_string;
use media::{Picture, Span, Track};

use crate::media_playlist::VERSION;
use crate::segment::Segment;

/// Bits per second of the segments seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bandwidth {
    pub(crate) peak: u64,
    pub(crate) average: u64,
}

/// What the text is written from.
#[derive(Debug, Default)]
pub(crate) struct Variants {
    /// Best first.
    pub(crate) video: Vec<Variant>,
    /// The sound alone.
    pub(crate) audio: Option<Variant>,
    /// Whether `video` has no sound of its own and is played together with `audio`.
    pub(crate) separate: bool,
}

/// One rendition that can be played.
#[derive(Debug)]
pub(crate) struct Variant {
    /// The folder of its playlist.
    pub(crate) folder: String,
    pub(crate) tracks: Arc<[Track]>,
    pub(crate) bandwidth: Bandwidth,
    /// How long a picture was seen to last.
    pub(crate) frame: Span,
}

impl Bandwidth {
    /// Of some segments; those without media do not count.
    pub(crate) fn of<'a>(segments: impl Iterator<Item = &'a Segment>) -> Bandwidth {
        let (mut peak, mut bytes, mut duration) = (0, 0, Span::ZERO);
        for segment in segments.filter(|segment| !segment.is_gap()) {
            let (segment_bytes, segment_duration) = (segment.bytes(), segment.duration());
            peak = peak.max(bits_per_second(segment_bytes, segment_duration));
            bytes += segment_bytes;
            duration += segment_duration;
        }
        Bandwidth { peak, average: bits_per_second(bytes, duration) }
    }

    fn with(self, other: Bandwidth) -> Bandwidth {
        Bandwidth { peak: self.peak + other.peak, average: self.average + other.average }
    }
}

fn bits_per_second(bytes: usize, duration: Span) -> u64 {
    if duration <= Span::ZERO { 0 } else { (bytes as f64 * 8.0 / duration.as_secs_f64()).ceil() as u64 }
}

/// The text.
pub(crate) fn render(variants: &Variants) -> String {
    let Variants { video, audio, separate } = variants;
    let mut text = format!("#EXTM3U\n#EXT-X-VERSION:{VERSION}\n");
    let group = audio.as_ref().filter(|_| *separate);
    if let Some(Variant { folder, tracks, .. }) = group {
        let channels = tracks.iter().find_map(|track| Some(track.codec.sound()?.channels));
        let _ = write!(text, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{GROUP}\",NAME=\"{GROUP}\"");
        let _ = write!(text, ",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"{}\"", channels.unwrap_or(2));
        let _ = writeln!(text, ",URI=\"{folder}/index.m3u8\"");
    }
    let rate_max = video.first().and_then(rate).unwrap_or(f64::INFINITY);
    let beside = Beside { group, rate_max };
    for variant in video {
        let bandwidth = group.map_or(variant.bandwidth, |audio| variant.bandwidth.with(audio.bandwidth));
        write_variant(&mut text, variant, bandwidth, &beside);
    }
    if let Some(audio) = audio {
        write_variant(&mut text, audio, audio.bandwidth, &beside);
    }
    text
}

/// What all variants share.
struct Beside<'a> {
    /// The audio group.
    group: Option<&'a Variant>,
    /// Pictures a second of the source. A rendition has none that the source has not, whatever its parameters say; and
    /// hls.js changes to none on a narrower line that claims more of them.
    rate_max: f64,
}

fn write_variant(text: &mut String, variant: &Variant, bandwidth: Bandwidth, beside: &Beside<'_>) {
    let Beside { group, rate_max } = *beside;
    let Bandwidth { peak, average } = bandwidth;
    // BANDWIDTH is required and a 0 is refused by validators.
    let peak = peak.max(1);
    let _ = write!(text, "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={}", average.max(1));
    let own = variant.tracks.iter();
    let others = group.iter().filter(|group| group.folder != variant.folder);
    let tracks = own.chain(others.flat_map(|group| group.tracks.iter()));
    let codecs: Vec<String> = tracks.map(|track| codec_string(&track.codec)).collect();
    let _ = write!(text, ",CODECS=\"{}\"", codecs.join(","));
    if let Some(picture) = variant.tracks.iter().find_map(|track| track.codec.picture()) {
        let _ = write!(text, ",RESOLUTION={}x{}", display_width(&picture), picture.size.height);
        let _ = write!(text, ",FRAME-RATE={:.3}", frame_rate(&picture, variant.frame).min(rate_max));
    }
    if group.is_some() {
        let _ = write!(text, ",AUDIO=\"{GROUP}\"");
    }
    let _ = writeln!(text, "\n{}/index.m3u8", variant.folder);
}

/// Width in square pixels.
fn display_width(picture: &Picture) -> u64 {
    (f64::from(picture.size.width) * picture.sample_aspect_ratio.as_f64()).round() as u64
}

fn rate(variant: &Variant) -> Option<f64> {
    let picture = variant.tracks.iter().find_map(|track| track.codec.picture())?;
    Some(frame_rate(&picture, variant.frame))
}

fn frame_rate(picture: &Picture, frame: Span) -> f64 {
    match picture.frame_rate {
        Some(rate) => rate.as_f64(),
        None => 1.0 / frame.as_secs_f64().max(0.001),
    }
}

/// Name of the group of audio renditions, and of its one member.
const GROUP: &str = "audio";
