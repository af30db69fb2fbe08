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
        }
    }

    /// From now on lists at least `window` of media.
    pub(crate) fn list(&mut self, window: Span) {
        self.window = window;
    }

    /// Keeps the initialisation segment that later segments need.
    pub(crate) fn add_init(&mut self, n: u32, init: Bytes) {
        self.inits.insert(n, init);
    }

    /// Takes a complete segment and lets go of what is no longer needed. `join_back`: how far before the
    /// end a viewer joins; a segment with an IDR picture at least that old stays listed.
    pub(crate) fn push(&mut self, segment: Segment, join_back: Span) {
        self.segments.push_back(Arc::new(segment));
        self.unlist(join_back);
        self.let_go();
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

    pub(crate) fn discontinuity_sequence(&self) -> u64 {
        self.discontinuity_sequence
    }

    pub(crate) fn inits(&self) -> &BTreeMap<u32, Bytes> {
        &self.inits
    }

    fn unlist(&mut self, join_back: Span) {
        loop {
            let mut listed = self.listed();
            let Some(first) = listed.next() else { return };
            let rest: Vec<&Segment> = listed.map(Arc::as_ref).collect();
            let duration: Span = rest.iter().map(|segment| segment.duration()).sum();
            let bytes: usize = rest.iter().map(|segment| segment.bytes()).sum();
            let over_limit =
                bytes + first.bytes() > WINDOW_BYTES_MAX || duration + first.duration() > WINDOW_MAX;
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

/// A window that waits for an IDR picture ends here even without one.
const WINDOW_MAX: Span = Span::from_secs(60);

/// Bytes the playlist lists at most: 60 s at 34 Mbit/s. Above, the oldest segments go early.
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
            let part = Part { duration: Span::from_secs(2), independent: idr(msn), data: data.clone() };
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
