//! What a viewer can fetch at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use media::{Span, Track};

use crate::segment::Segment;

/// Everything that can be fetched at one moment; immutable, so that it is shared without a lock.
#[derive(Debug)]
pub struct Window {
    pub(crate) multivariant: Bytes,
    pub(crate) tracks: Arc<[Track]>,
    pub(crate) renditions: BTreeMap<&'static str, Rendition>,
}

/// One media playlist and the segments it names.
#[derive(Debug)]
pub struct Rendition {
    pub(crate) playlist: Bytes,
    pub(crate) target_duration: Span,
    pub(crate) part_target: Span,
    /// Complete segments, oldest first, their numbers without a gap; those before `listed_from` are no
    /// longer in the playlist but may still be fetched.
    pub(crate) segments: Vec<Arc<Segment>>,
    pub(crate) listed_from: u64,
    /// The segment that still grows.
    pub(crate) open: Option<Segment>,
    /// Number of the segment that grows, or of the next one.
    pub(crate) open_msn: u64,
    pub(crate) inits: BTreeMap<u32, Bytes>,
}

/// A place in a media playlist: a part of a segment, both counted from 0. Later places are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Media sequence number.
    pub msn: u64,
    /// Part within that segment.
    pub part: u32,
}

/// The name of the one rendition there is so far: audio and video as published, muxed.
pub const MAIN: &str = "main";

impl Window {
    /// The multivariant playlist, UTF-8; names `main/index.m3u8`.
    #[must_use]
    pub fn multivariant(&self) -> &Bytes {
        &self.multivariant
    }

    /// The rendition of that name, the first path segment of its playlist's URI.
    #[must_use]
    pub fn rendition(&self, name: &str) -> Option<&Rendition> {
        self.renditions.get(name)
    }

    /// The tracks of the newest segment.
    #[must_use]
    pub fn tracks(&self) -> &Arc<[Track]> {
        &self.tracks
    }
}

impl Rendition {
    /// The media playlist, UTF-8, rendered once.
    #[must_use]
    pub fn playlist(&self) -> &Bytes {
        &self.playlist
    }

    /// The first place that cannot be fetched yet: what the playlist's hint names. After the end of a
    /// segment that is part 0 of the next.
    #[must_use]
    pub fn next(&self) -> Position {
        let part = self.open.as_ref().map_or(0, |segment| segment.parts.len());
        Position { msn: self.open_msn, part: part as u32 }
    }

    /// Whether a blocking reload for `msn`, and `part` of it, can be answered with this playlist: it holds
    /// that place or a later one. A part past the end of a complete segment means part 0 of the next
    /// (rfc8216bis §6.2.5.2).
    #[must_use]
    pub fn contains(&self, msn: u64, part: Option<u32>) -> bool {
        let next = self.next();
        let Some(part) = part else { return msn < next.msn };
        match self.complete(msn) {
            Some(segment) if part as usize >= segment.parts.len() => {
                next > Position { msn: msn.saturating_add(1), part: 0 }
            }
            _ => next > Position { msn, part },
        }
    }

    /// The bytes of a complete segment: chain them. Also of one that left the playlist lately.
    #[must_use]
    pub fn segment(&self, msn: u64) -> Option<Vec<Bytes>> {
        Some(self.complete(msn)?.parts.iter().map(|part| part.data.clone()).collect())
    }

    /// The bytes of one part; `None` before it is complete and after it was let go.
    #[must_use]
    pub fn part(&self, msn: u64, part: u32) -> Option<Bytes> {
        let segment = match &self.open {
            Some(open) if open.msn == msn => open,
            _ => self.complete(msn)?,
        };
        Some(segment.parts.get(part as usize)?.data.clone())
    }

    /// The initialisation segment with number `n`.
    #[must_use]
    pub fn init(&self, n: u32) -> Option<Bytes> {
        self.inits.get(&n).cloned()
    }

    /// `EXT-X-TARGETDURATION`; never changes.
    #[must_use]
    pub fn target_duration(&self) -> Span {
        self.target_duration
    }

    /// `PART-TARGET`; never changes.
    #[must_use]
    pub fn part_target(&self) -> Span {
        self.part_target
    }

    /// The first segment that the playlist lists.
    #[must_use]
    pub fn first_msn(&self) -> u64 {
        self.listed_from
    }

    fn complete(&self, msn: u64) -> Option<&Segment> {
        let first = self.segments.first()?.msn;
        let index = usize::try_from(msn.checked_sub(first)?).ok()?;
        self.segments.get(index).map(Arc::as_ref)
    }
}
