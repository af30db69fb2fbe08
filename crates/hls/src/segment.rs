//! Segments and the parts they are chained of.

use std::sync::Arc;

use bytes::Bytes;
use media::Span;

use crate::whole::Whole;

/// A partial segment: one `moof` and `mdat` (rfc8216bis §4.4.4.9).
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// The time it stands for: from where the part before ends to where the next begins.
    pub(crate) duration: Span,
    /// It begins with an IDR picture, or holds audio only.
    pub(crate) independent: bool,
    /// Its bytes; `None` where there is no media for its time (`GAP=YES`).
    pub(crate) data: Option<Bytes>,
}

/// A media segment: its bytes are those of its parts, chained.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// Media sequence number.
    pub(crate) msn: u64,
    /// Which initialisation segment it needs.
    pub(crate) init: u32,
    /// Timestamps or tracks do not continue those of the segment before.
    pub(crate) discontinuity: bool,
    /// Wall time of its first frame, milliseconds since 1970.
    pub(crate) unix_ms: i64,
    pub(crate) parts: Vec<Part>,
    /// Where its last IDR picture stands, after its start.
    pub(crate) last_idr: Option<Span>,
    pub(crate) whole: Arc<Whole>,
}

impl Segment {
    pub(crate) fn duration(&self) -> Span {
        self.parts.iter().map(|part| part.duration).sum()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.parts.iter().filter_map(|part| part.data.as_ref()).map(Bytes::len).sum()
    }

    /// Whether none of its parts has media (`EXT-X-GAP`).
    pub(crate) fn is_gap(&self) -> bool {
        self.parts.iter().all(|part| part.data.is_none())
    }
}
