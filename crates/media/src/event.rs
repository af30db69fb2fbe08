//! What flows from an ingest or an encoder: tracks, then packets, then an end.

use std::sync::Arc;

use bytes::Bytes;

use crate::time::{Span, Timestamp};
use crate::track::{Track, TrackId};

/// One step of a stream; the order is fixed by the invariants in the crate's documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaEvent {
    /// The tracks from here on. Comes first, and again whenever parameters change.
    Tracks(Arc<[Track]>),
    /// One access unit.
    Packet(Packet),
    /// Nothing follows.
    End(EndReason),
}

/// One coded access unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The track it belongs to.
    pub track: TrackId,
    /// Decoding time; rises strictly within a track.
    pub dts: Timestamp,
    /// Presentation time; `pts - dts` is the composition offset.
    pub pts: Timestamp,
    /// An IDR picture (or its equal in other codecs): decoding can start here and nothing later
    /// refers to anything earlier. Every audio packet is one.
    ///
    /// HEVC: also the broken-link pictures without leading pictures that need earlier ones
    /// ([`crate::nal::hevc`]). AV1: a temporal unit with a sequence header and a key frame that is shown
    /// ([`crate::obu`]).
    pub random_access: bool,
    /// One access unit, as a sample of ISO BMFF holds it:
    ///
    /// - H.264, HEVC: NAL units with 4-byte big-endian lengths, no parameter sets.
    /// - AV1: the OBUs of one temporal unit, each with its size, without temporal delimiter; where
    ///   decoding can start, the sequence header is among them (AV1-ISOBMFF §2.4).
    /// - AAC: one raw access unit.
    /// - Opus: one packet, TOC byte first (RFC 6716 §3.1).
    pub data: Bytes,
}

impl Packet {
    /// Presentation time minus decoding time; negative only where the source wrote it so.
    #[must_use]
    pub fn composition_offset(&self) -> Span {
        self.pts - self.dts
    }
}

/// Why a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The publisher said goodbye.
    Finished,
    /// The connection was lost or fell silent.
    Lost,
    /// A newer publisher with the same key took over.
    Replaced,
    /// The origin or its owner ended it.
    Closed,
    /// The publisher sent something that cannot be read.
    Malformed,
}
