//! Tracks: one elementary stream each.

use crate::codec::Codec;
use crate::time::Timescale;

/// Names a track inside one stream; small, stable across reconnects of the same publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId(pub u8);

/// What a track carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TrackKind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
}

/// One elementary stream and everything a decoder needs before its first packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// Its name in [`crate::Packet::track`].
    pub id: TrackId,
    /// Codec and decoder configuration; parameter sets live here, never in-band.
    pub codec: Codec,
    /// Ticks used when the track is written to ISO BMFF: the sample rate for audio, 90 kHz for video.
    pub timescale: Timescale,
}

impl Track {
    /// Whether it carries pictures or sound.
    #[must_use]
    pub fn kind(&self) -> TrackKind {
        match self.codec {
            Codec::H264(_) | Codec::Hevc(_) | Codec::Av1(_) => TrackKind::Video,
            Codec::Aac(_) | Codec::Opus(_) | Codec::Foreign(_) => TrackKind::Audio,
        }
    }

    /// Whether it carries pictures.
    #[must_use]
    pub fn is_video(&self) -> bool {
        self.kind() == TrackKind::Video
    }
}
