//! One rendition as the packager keeps it: its complete segments, and the window it makes of them.

use std::sync::{Arc, OnceLock};

use media::{Span, Track};

use crate::media_playlist::part_hold_back;
use crate::multivariant_playlist::{Bandwidth, Variant};
use crate::retention::Retention;
use crate::segment::Segment;
use crate::segmenter::Targets;
use crate::window::Rendition;

/// A rendition's name and its complete segments.
#[derive(Debug)]
pub(crate) struct Lane {
    /// The folder that URIs name it by.
    pub(crate) folder: String,
    pub(crate) retention: Retention,
    bandwidth: Bandwidth,
}

/// What grows at the end of a rendition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Growing<'a> {
    pub(crate) targets: Targets,
    /// Every segment begins with an IDR picture.
    pub(crate) independent: bool,
    pub(crate) open: Option<&'a Segment>,
    pub(crate) next_msn: u64,
    /// A part is on its way.
    pub(crate) growing: bool,
}

impl Lane {
    pub(crate) fn new(folder: String, retention: Retention) -> Lane {
        Lane { folder, retention, bandwidth: Bandwidth::default() }
    }

    /// Measures what the multivariant playlist tells.
    pub(crate) fn measure(&mut self, open: Option<&Segment>) {
        self.bandwidth = if self.retention.segments().is_empty() {
            Bandwidth::of(open.into_iter())
        } else {
            Bandwidth::of(self.retention.listed().map(Arc::as_ref))
        };
    }

    pub(crate) fn variant(&self, tracks: Arc<[Track]>, frame: Span) -> Variant {
        Variant { folder: self.folder.clone(), tracks, bandwidth: self.bandwidth, frame }
    }

    /// What can be fetched of it now.
    pub(crate) fn rendition(&mut self, now: Growing<'_>) -> Rendition {
        let open = now.open.filter(|open| !open.parts.is_empty());
        let hold_back = part_hold_back(&now.targets);
        let start = if now.independent { None } else { self.joining_point(open, hold_back) };
        Rendition {
            full: OnceLock::new(),
            delta: OnceLock::new(),
            targets: now.targets,
            independent: now.independent,
            start,
            complete: self.retention.snapshot(),
            open: open.cloned(),
            open_msn: now.next_msn,
            growing: now.growing,
            reports: Vec::new(),
        }
    }

    /// Whether every segment that is listed, and the `open` one, begins with an IDR picture.
    pub(crate) fn is_independent(&self, open: Option<&Segment>) -> bool {
        let begins = |segment: &Segment| {
            segment.parts.first().is_none_or(|first| first.independent || first.data.is_none())
        };
        self.retention.listed().map(Arc::as_ref).chain(open).all(begins)
    }

    /// How far before the end the newest IDR picture stands that is at least `hold_back` old, else the newest.
    fn joining_point(&self, open: Option<&Segment>, hold_back: Span) -> Option<Span> {
        let mut after = Span::ZERO;
        let mut newest = None;
        for segment in open.into_iter().chain(self.retention.listed().rev().map(Arc::as_ref)) {
            after += segment.duration();
            if let Some(idr) = segment.last_idr.filter(|&idr| idr < segment.duration()) {
                newest.get_or_insert(after - idr);
                if after - idr >= hold_back {
                    return Some(after - idr);
                }
            }
        }
        newest
    }
}
