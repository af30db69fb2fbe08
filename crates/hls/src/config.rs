//! What a packager aims at.

use media::Span;

/// The lengths a packager aims at; the playlist's own figures also follow the first frames it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How long a part may be. Raised when one frame is longer, lowered when a whole number of frames
    /// would fill less than 85 % of it.
    pub part_target: Span,
    /// Segments end at the first IDR near this length.
    pub segment_target: Span,
    /// Media that the playlist lists at least; never less than three target durations.
    pub window: Span,
    /// Picture and sound in renditions of their own instead of muxed.
    pub separate_audio: bool,
}

impl Default for Config {
    /// Parts of 1/3 s, segments of 2 s, a window of two minutes, picture and sound muxed.
    fn default() -> Config {
        Config {
            // One millisecond above 1/3 s: RTMP rounds 10 frames of 30 fps to 333 or 334 ms.
            part_target: Span::from_millis(334),
            segment_target: Span::from_secs(2),
            window: Span::from_secs(120),
            separate_audio: false,
        }
    }
}
