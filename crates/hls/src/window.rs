//! What a viewer can fetch at one moment.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use media::{Span, Track};

use crate::media_playlist::{MediaPlaylist, Updates};
use crate::multivariant_playlist::{self, Variants};
use crate::retention::Complete;
use crate::segment::Segment;
use crate::segmenter::Targets;
use crate::text::Text;
use crate::whole::Whole;

/// Everything that can be fetched at one moment; immutable, so that it is shared without a lock.
#[derive(Debug)]
pub struct Window {
    pub(crate) multivariant: OnceLock<Text>,
    pub(crate) variants: Arc<Variants>,
    pub(crate) tracks: Arc<[Track]>,
    pub(crate) renditions: BTreeMap<&'static str, Rendition>,
}

/// One media playlist and the segments it names.
#[derive(Debug)]
pub struct Rendition {
    pub(crate) full: OnceLock<Text>,
    /// `None` inside when nothing can be skipped.
    pub(crate) delta: OnceLock<Option<Text>>,
    pub(crate) targets: Targets,
    /// Every segment begins with an IDR picture.
    pub(crate) independent: bool,
    /// From where a viewer can start decoding, before the end; told only where segments do not all begin
    /// with an IDR picture.
    pub(crate) start: Option<Span>,
    pub(crate) complete: Arc<Complete>,
    /// The segment that still grows, if it has parts.
    pub(crate) open: Option<Segment>,
    /// Number of the segment that grows, or of the next one.
    pub(crate) open_msn: u64,
    /// A part is on its way.
    pub(crate) growing: bool,
    /// The other renditions.
    pub(crate) reports: Vec<Report>,
}

/// Where another rendition's playlist ends.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// The folder of its playlist.
    pub(crate) folder: String,
    /// Its last part, as [`Rendition::reported`] tells it.
    pub(crate) last: Position,
}

/// A place in a media playlist: a part of a segment, both counted from 0. Later places are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Media sequence number.
    pub msn: u64,
    /// Part within that segment.
    pub part: u32,
}

/// The name of the rendition that the source's segments are cut in: audio and video as published, muxed, or the
/// video where audio has a rendition of its own.
pub const MAIN: &str = "main";

/// The name of the rendition of the sound alone, beside a picture.
pub const AUDIO: &str = "audio";

/// The names of renditions of the picture that somebody makes of the source's; by their places, largest first.
pub const RUNGS: [&str; 6] = ["r1", "r2", "r3", "r4", "r5", "r6"];

impl Window {
    /// The multivariant playlist; names `main/index.m3u8` and, where there is sound beside a picture,
    /// `audio/index.m3u8`, each folder with the packager's suffix.
    #[must_use]
    pub fn multivariant(&self) -> &Text {
        self.multivariant.get_or_init(|| Text::new(multivariant_playlist::render(&self.variants)))
    }

    /// The rendition of that name: the first path segment of its playlist's URI, without the suffix.
    #[must_use]
    pub fn rendition(&self, name: &str) -> Option<&Rendition> {
        self.renditions.get(name)
    }

    /// The names of all renditions.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.renditions.keys().copied()
    }

    /// The tracks of the newest segment.
    #[must_use]
    pub fn tracks(&self) -> &Arc<[Track]> {
        &self.tracks
    }
}

/// Tells each rendition where the others end; `suffix` ends their folders' names.
pub(crate) fn report(renditions: &mut BTreeMap<&'static str, Rendition>, suffix: &str) {
    let report = |(name, rendition): (&&'static str, &Rendition)| {
        Some((*name, Report { folder: format!("{name}{suffix}"), last: rendition.reported()? }))
    };
    let reports: Vec<_> = renditions.iter().filter_map(report).collect();
    for (name, rendition) in renditions {
        let others = reports.iter().filter(|(other, _)| other != name);
        rendition.reports = others.map(|(_, report)| report.clone()).collect();
    }
}

impl Rendition {
    /// The media playlist.
    #[must_use]
    pub fn playlist(&self) -> &Text {
        self.full.get_or_init(|| Text::new(self.render(Updates::Full)))
    }

    /// The media playlist as a delta update: segments before the skip boundary left out (rfc8216bis §6.2.5.1).
    /// The whole playlist when nothing lies before it.
    #[must_use]
    pub fn delta(&self) -> &Text {
        let skips = || self.playlist_source().skippable() > 0;
        let delta = self.delta.get_or_init(|| skips().then(|| Text::new(self.render(Updates::Delta))));
        delta.as_ref().unwrap_or_else(|| self.playlist())
    }

    /// The first place that cannot be fetched yet: what the playlist's hint names. After the end of a
    /// segment that is part 0 of the next.
    #[must_use]
    pub fn next(&self) -> Position {
        let part = self.open.as_ref().map_or(0, |segment| segment.parts.len());
        Position { msn: self.open_msn, part: part as u32 }
    }

    /// The last part there is; `None` before the first.
    #[must_use]
    pub fn last(&self) -> Option<Position> {
        let last = |segment: &Segment| Position {
            msn: segment.msn,
            part: segment.parts.len().saturating_sub(1) as u32,
        };
        self.open.as_ref().or(self.complete.segments.last().map(Arc::as_ref)).map(last)
    }

    /// What the other renditions report of this one (rfc8216bis §4.4.5.4): its last part, or, while that is a segment's
    /// first, the end of the segment before.
    ///
    /// hls.js 1.7 takes `LAST-PART=0` for a missing one: it asks for a part that is seconds away, and who changes the
    /// rendition at a segment's end runs dry. A report that is a part old is what every cache in between would tell too.
    #[must_use]
    pub fn reported(&self) -> Option<Position> {
        let last = self.last()?;
        let before = || {
            let segment = self.complete(last.msn.checked_sub(1)?)?;
            let part = segment.parts.len().checked_sub(1)?;
            Some(Position { msn: segment.msn, part: part as u32 })
        };
        if last.part > 0 { Some(last) } else { before().or(Some(last)) }
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

    /// The bytes of a complete segment: chain them. Also of one that left the playlist lately; `None` where it
    /// has no media.
    #[must_use]
    pub fn segment(&self, msn: u64) -> Option<Vec<Bytes>> {
        let parts = &self.complete(msn)?.parts;
        let bytes: Vec<Bytes> = parts.iter().filter_map(|part| part.data.clone()).collect();
        (!bytes.is_empty()).then_some(bytes)
    }

    /// Where a complete segment's bytes are kept in one piece, once somebody made that of [`Rendition::segment`].
    #[must_use]
    pub fn whole(&self, msn: u64) -> Option<&Whole> {
        self.complete(msn).map(|segment| segment.whole.as_ref())
    }

    /// How many parts segment `msn` has so far, those without media included; 0 when it is not there.
    #[must_use]
    pub fn parts(&self, msn: u64) -> u32 {
        self.of(msn).map_or(0, |segment| segment.parts.len() as u32)
    }

    /// The bytes of one part; `None` before it is complete, after it was let go, and where it has no media.
    #[must_use]
    pub fn part(&self, msn: u64, part: u32) -> Option<Bytes> {
        self.of(msn)?.parts.get(part as usize)?.data.clone()
    }

    /// The initialisation segment with number `n`.
    #[must_use]
    pub fn init(&self, n: u32) -> Option<Bytes> {
        self.complete.inits.get(&n).cloned()
    }

    /// `EXT-X-TARGETDURATION`; never changes.
    #[must_use]
    pub fn target_duration(&self) -> Span {
        self.targets.duration
    }

    /// `PART-TARGET`; never changes.
    #[must_use]
    pub fn part_target(&self) -> Span {
        self.targets.part
    }

    /// The first segment that the playlist lists.
    #[must_use]
    pub fn first_msn(&self) -> u64 {
        self.complete.listed_from
    }

    /// How much media the playlist lists.
    #[must_use]
    pub fn listed(&self) -> Span {
        let open = self.open.as_ref().map_or(Span::ZERO, Segment::duration);
        self.complete.listed().iter().map(|segment| segment.duration()).sum::<Span>() + open
    }

    /// Bytes of media that this window keeps, those that left the playlist lately included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let open = self.open.as_ref().map_or(0, Segment::bytes);
        self.complete.segments.iter().map(|segment| segment.bytes()).sum::<usize>() + open
    }

    fn of(&self, msn: u64) -> Option<&Segment> {
        self.open.as_ref().filter(|open| open.msn == msn).or_else(|| self.complete(msn))
    }

    fn complete(&self, msn: u64) -> Option<&Segment> {
        let first = self.complete.segments.first()?.msn;
        let index = usize::try_from(msn.checked_sub(first)?).ok()?;
        self.complete.segments.get(index).map(Arc::as_ref)
    }

    fn render(&self, updates: Updates) -> String {
        self.playlist_source().render(updates)
    }

    fn playlist_source(&self) -> MediaPlaylist<'_> {
        MediaPlaylist {
            targets: &self.targets,
            independent: self.independent,
            discontinuity_sequence: self.complete.discontinuity_sequence,
            first_msn: self.complete.listed_from,
            segments: self.complete.listed(),
            open: self.open.as_ref(),
            hint: self.growing.then(|| self.next()),
            start: self.start,
            reports: &self.reports,
        }
    }
}
