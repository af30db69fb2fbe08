//! Which segments the playlist lists, and which are kept a while longer.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use media::Span;

use crate::segment::Segment;

/// Complete segments. Those that left the playlist stay as long as it lasted, since a player may still
/// hold a playlist that names them (rfc8216bis §6.2.2).
#[derive(Debug)]
pub(crate) struct Retention {
    window: Span,
    segments: VecDeque<Arc<Segment>>,
    listed_from: u64,
    discontinuity_sequence: u64,
    inits: BTreeMap<u32, Bytes>,
    snapshot: Option<Arc<Complete>>,
}

/// The complete segments at one moment, shared by all windows until the next one is complete.
#[derive(Debug)]
pub(crate) struct Complete {
    /// Oldest first, their numbers without a gap; those before `listed_from` are no longer in the playlist but
    /// may still be fetched.
    pub(crate) segments: Vec<Arc<Segment>>,
    pub(crate) listed_from: u64,
    pub(crate) discontinuity_sequence: u64,
    pub(crate) inits: BTreeMap<u32, Bytes>,
}

impl Complete {
    /// What the playlist lists.
    pub(crate) fn listed(&self) -> &[Arc<Segment>] {
        let from = self.segments.partition_point(|segment| segment.msn < self.listed_from);
        &self.segments[from..]
    }
}

impl Retention {
    /// Lists at least `window` of media.
    pub(crate) fn new(window: Span) -> Retention {
        Retention {
            window,
            segments: VecDeque::new(),
            listed_from: 0,
            discontinuity_sequence: 0,
            inits: BTreeMap::new(),
            snapshot: None,
        }
    }

    /// Begins with segment `msn`, beside what `source` lists; for a rendition that has no segment yet.
    pub(crate) fn begin_beside(&mut self, source: &Retention, msn: u64) {
        let earlier = source.listed().filter(|segment| segment.msn < msn && segment.discontinuity);
        self.discontinuity_sequence = source.discontinuity_sequence + earlier.count() as u64;
        self.listed_from = msn;
        self.window = source.window;
        self.snapshot = None;
    }

    /// From now on lists at least `window` of media.
    pub(crate) fn list(&mut self, window: Span) {
        self.window = window;
    }

    /// Keeps the initialisation segment that later segments need.
    pub(crate) fn add_init(&mut self, n: u32, init: Bytes) {
        self.snapshot = None;
        self.inits.insert(n, init);
    }

    /// Takes a complete segment and lets go of what is no longer needed. `join_back`: how far before the
    /// end a viewer joins; a segment with an IDR picture at least that old stays listed.
    pub(crate) fn push(&mut self, segment: Segment, join_back: Span) {
        self.snapshot = None;
        self.segments.push_back(Arc::new(segment));
        self.unlist(join_back);
        self.let_go();
    }

    /// Takes a complete segment; what is listed is decided by another rendition, see [`Retention::list_from`].
    pub(crate) fn push_beside(&mut self, segment: Segment) {
        self.snapshot = None;
        self.segments.push_back(Arc::new(segment));
    }

    /// Lists from segment `msn` on, as another rendition does, but never less than `least`.
    pub(crate) fn list_from(&mut self, msn: u64, least: Span) {
        if self.listed_from >= msn {
            return;
        }
        let mut left: Span = self.listed().map(|segment| segment.duration()).sum();
        while self.listed_from < msn {
            let Some(first) = self.listed().next() else { return };
            left -= first.duration();
            if left < least {
                return;
            }
            self.discontinuity_sequence += u64::from(first.discontinuity);
            self.listed_from += 1;
            self.snapshot = None;
            self.let_go();
        }
    }

    pub(crate) fn segments(&self) -> &VecDeque<Arc<Segment>> {
        &self.segments
    }

    pub(crate) fn listed(&self) -> impl DoubleEndedIterator<Item = &Arc<Segment>> {
        self.segments.iter().filter(|segment| segment.msn >= self.listed_from)
    }

    pub(crate) fn listed_from(&self) -> u64 {
        self.listed_from
    }

    #[cfg(test)]
    pub(crate) fn discontinuity_sequence(&self) -> u64 {
        self.discontinuity_sequence
    }

    #[cfg(test)]
    pub(crate) fn inits(&self) -> &BTreeMap<u32, Bytes> {
        &self.inits
    }

    /// What is complete now.
    pub(crate) fn snapshot(&mut self) -> Arc<Complete> {
        let complete = self.snapshot.take().unwrap_or_else(|| {
            Arc::new(Complete {
                segments: self.segments.iter().cloned().collect(),
                listed_from: self.listed_from,
                discontinuity_sequence: self.discontinuity_sequence,
                inits: self.inits.clone(),
            })
        });
        Arc::clone(self.snapshot.insert(complete))
    }

    fn unlist(&mut self, join_back: Span) {
        loop {
            let mut listed = self.listed();
            let Some(first) = listed.next() else { return };
            let rest: Vec<&Segment> = listed.map(Arc::as_ref).collect();
            let duration: Span = rest.iter().map(|segment| segment.duration()).sum();
            let bytes: usize = rest.iter().map(|segment| segment.bytes()).sum();
            let over_limit = bytes + first.bytes() > WINDOW_BYTES_MAX
                || duration + first.duration() > WINDOW_MAX.max(self.window + self.window);
            let needed = duration < self.window || !has_joining_point(&rest, join_back);
            if rest.is_empty() || (needed && !over_limit) {
                return;
            }
            let (removed, discontinuity) = (first.msn, first.discontinuity);
            self.listed_from = removed + 1;
            self.discontinuity_sequence += u64::from(discontinuity);
        }
    }

    fn let_go(&mut self) {
        let listed_duration: Span = self.listed().map(|segment| segment.duration()).sum();
        loop {
            let unlisted = self.segments.iter().take_while(|segment| segment.msn < self.listed_from);
            let duration: Span = unlisted.map(|segment| segment.duration()).sum();
            let bytes: usize = self.segments.iter().map(|segment| segment.bytes()).sum();
            let Some(first) = self.segments.front().filter(|segment| segment.msn < self.listed_from) else {
                break;
            };
            if duration - first.duration() < listed_duration && bytes <= KEPT_BYTES_MAX {
                break;
            }
            self.segments.pop_front();
        }
        let oldest = self.segments.front().map_or(0, |segment| segment.init);
        self.inits = self.inits.split_off(&oldest);
    }
}

/// Whether `segments` hold an IDR picture at least `join_back` before their end.
fn has_joining_point(segments: &[&Segment], join_back: Span) -> bool {
    let mut after = Span::ZERO;
    segments.iter().rev().any(|segment| {
        let duration = segment.duration();
        let found = segment.last_idr.is_some_and(|idr| after + duration - idr >= join_back);
        after += duration;
        found
    })
}

/// A window that waits for an IDR picture ends here, or at twice its length, even without one.
const WINDOW_MAX: Span = Span::from_secs(60);

/// Bytes the playlist lists at most: 2 minutes at 17 Mbit/s. Above, the oldest segments go early.
const WINDOW_BYTES_MAX: usize = 256 << 20;

/// Bytes kept in all; above, segments that left the playlist go first.
const KEPT_BYTES_MAX: usize = 384 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::Part;

    const JOIN_BACK: Span = Span::from_secs(1);

    /// Pushes segments of 2 s that share one buffer of `bytes`; `idr` tells which hold an IDR picture.
    fn after(count: u64, bytes: usize, idr: impl Fn(u64) -> bool) -> Retention {
        let data = Bytes::from(vec![0; bytes]);
        let mut retention = Retention::new(Span::from_secs(16));
        for msn in 0..count {
            let part = Part { duration: Span::from_secs(2), independent: idr(msn), data: Some(data.clone()) };
            let last_idr = idr(msn).then_some(Span::ZERO);
            retention.add_init(msn as u32, Bytes::new());
            retention.push(
                Segment {
                    msn,
                    init: msn as u32,
                    discontinuity: msn % 2 == 1,
                    unix_ms: 0,
                    parts: vec![part],
                    last_idr,
                    whole: Arc::default(),
                },
                JOIN_BACK,
            );
        }
        retention
    }

    #[test]
    fn the_window_is_listed_and_as_much_kept_behind_it() {
        let retention = after(100, 10, |_| true);
        assert_eq!((retention.listed().count(), retention.segments().len()), (8, 16));
        assert_eq!(retention.discontinuity_sequence(), 46);
        assert_eq!(
            retention.inits().keys().next(),
            Some(&84),
            "initialisation segments go with their segments"
        );
    }

    #[test]
    fn the_segment_with_the_last_idr_stays_listed() {
        let retention = after(25, 10, |msn| msn == 2);
        assert_eq!(retention.listed_from(), 2);
    }

    #[test]
    fn a_minute_without_an_idr_is_the_longest_window() {
        let retention = after(100, 10, |msn| msn == 2);
        assert_eq!(retention.listed().count(), 30);
    }

    #[test]
    fn bytes_are_bounded_before_the_window_is_full() {
        let retention = after(100, 60 << 20, |_| true);
        assert_eq!((retention.listed().count(), retention.segments().len()), (4, 6));
    }
}
