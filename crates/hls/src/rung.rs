//! A rendition of the picture whose segments begin where those of the source do.

use std::collections::VecDeque;
use std::sync::Arc;

use media::{Packet, Span, Timestamp, Track};

use crate::cutter::{Boundary, Cutter};
use crate::error::Error;
use crate::segment::Segment;

/// Cuts a picture that was made from the source's, and comes later, into segments of the same numbers and times.
///
/// It has the source's decoding times and its IDR pictures, so each of its segments begins with one where the
/// source's does. What was left out is told as a gap (`GAP=YES`), up to the next IDR picture.
#[derive(Debug)]
pub(crate) struct Rung {
    cutter: Cutter,
    part_target: Span,
    /// Initialisation segment of what comes next.
    init: u32,
    /// How long the latest picture lasted.
    frame: Span,
    /// Pictures of which it is not known yet which segment they belong to; bounded by what the source is behind.
    queue: VecDeque<Packet>,
    boundaries: VecDeque<Boundary>,
    /// The newest picture, which lasts until the next.
    held: Option<Packet>,
    /// Where the media that was taken ends, the held picture not counted.
    covered: Timestamp,
    /// Pictures that need an earlier one are of no use.
    waits_for_idr: bool,
    begun: bool,
}

type UnixMs<'a> = &'a dyn Fn(Timestamp) -> i64;

impl Rung {
    /// Begins within an epoch, of which the latest `boundaries` are known.
    pub(crate) fn new(part_target: Span, boundaries: VecDeque<Boundary>) -> Rung {
        let cutter = Cutter::new(part_target, Arc::new([]));
        Rung {
            part_target,
            init: 0,
            frame: Span::ZERO,
            queue: VecDeque::new(),
            boundaries,
            held: None,
            covered: Timestamp::ZERO,
            waits_for_idr: true,
            begun: false,
            cutter,
        }
    }

    pub(crate) fn part_target(&self) -> Span {
        self.part_target
    }

    pub(crate) fn open(&self) -> Option<&Segment> {
        self.cutter.open()
    }

    pub(crate) fn next_msn(&self) -> u64 {
        self.cutter.next_msn()
    }

    /// Whether a part is on its way that the playlist can hint at.
    pub(crate) fn is_growing(&self) -> bool {
        self.held.is_some()
    }

    /// Where the last completed part ends.
    pub(crate) fn end(&self) -> Timestamp {
        self.cutter.end()
    }

    pub(crate) fn take_closed(&mut self) -> Vec<Segment> {
        self.cutter.take_closed()
    }

    /// What follows is of `tracks` and needs the initialisation segment `init`; `sound` is what came lately.
    pub(crate) fn set_tracks(&mut self, tracks: Arc<[Track]>, init: u32, sound: &VecDeque<Packet>) {
        self.cutter.begin(tracks, init);
        sound.iter().for_each(|packet| self.cutter.push_other(packet.clone()));
        if self.cutter.open().is_some() {
            self.cutter.drop_other_before(self.cutter.part_start());
        }
        self.frame = self.cutter.nominal_frame();
        self.init = init;
        self.waits_for_idr = true;
    }

    /// The next picture.
    pub(crate) fn push(&mut self, packet: Packet) {
        self.queue.push_back(packet);
    }

    /// Sound that is heard with it.
    pub(crate) fn push_sound(&mut self, packet: Packet) {
        self.cutter.push_other(packet);
    }

    /// The source begins a segment.
    pub(crate) fn push_boundary(&mut self, boundary: Boundary) {
        self.boundaries.push_back(boundary);
        if !self.begun && self.boundaries.len() > BOUNDARIES_MAX {
            self.boundaries.pop_front();
            self.cutter.drop_other_before(self.boundaries[0].at);
        }
    }

    /// All boundaries before `decided` are known: pictures before it find their segment.
    pub(crate) fn follow(&mut self, decided: Timestamp, unix_ms: UnixMs<'_>) -> Result<(), Error> {
        while let Some(packet) = self.queue.pop_front_if(|packet| packet.dts < decided) {
            self.take(packet, unix_ms)?;
        }
        let silent = decided - SILENT;
        let until = self.held.as_ref().map_or(self.covered, |held| held.dts + self.frame);
        if self.begun && silent > until + self.part_target {
            self.settle(None)?;
            self.fill(silent, false, unix_ms)?;
            self.gap_until(silent, true)?;
        }
        Ok(())
    }

    /// Ends the epoch, in which the source's media ends at `end`: everything goes out.
    pub(crate) fn finish(&mut self, end: Timestamp, unix_ms: UnixMs<'_>) -> Result<(), Error> {
        while let Some(packet) = self.queue.pop_front_if(|packet| packet.dts < end) {
            self.take(packet, unix_ms)?;
        }
        self.queue.clear();
        if self.begun {
            self.settle(None)?;
            self.fill(end, false, unix_ms)?;
            self.gap_until(end, false)?;
            self.cutter.close_segment();
        }
        self.boundaries.clear();
        self.cutter.drop_other_before(end);
        self.waits_for_idr = true;
        Ok(())
    }

    fn take(&mut self, packet: Packet, unix_ms: UnixMs<'_>) -> Result<(), Error> {
        if (self.waits_for_idr && !packet.random_access) || !self.begin_at(packet.dts) {
            return Ok(());
        }
        self.settle(Some(packet.dts))?;
        self.fill(packet.dts, !packet.random_access, unix_ms)?;
        let fits = self.cutter.open().is_some_and(|open| open.init == self.init);
        if !fits || packet.dts < self.cutter.part_start() {
            // It comes after its time was given up, or needs other parameters than its segment has.
            self.waits_for_idr = true;
            return Ok(());
        }
        if packet.dts > self.covered {
            self.gap_until(packet.dts, false)?;
        }
        self.waits_for_idr = false;
        self.held = Some(packet);
        Ok(())
    }

    /// Finds the segment of the very first picture; those before it are not listed here.
    fn begin_at(&mut self, first: Timestamp) -> bool {
        if self.begun {
            return true;
        }
        while self.boundaries.get(1).is_some_and(|next| next.at <= first) {
            self.boundaries.pop_front();
        }
        let Some(boundary) = self.boundaries.front().filter(|boundary| boundary.at <= first) else {
            return false;
        };
        self.covered = boundary.at;
        self.cutter.drop_other_before(boundary.at);
        self.begun = true;
        true
    }

    /// The held picture joins the part that grows. It lasts until `next`, over as many parts as that takes, but not
    /// beyond its segment.
    fn settle(&mut self, next: Option<Timestamp>) -> Result<(), Error> {
        let Some(held) = self.held.take() else { return Ok(()) };
        let until = next.unwrap_or(held.dts + self.frame);
        let boundary = self.boundaries.front().map_or(until, |boundary| boundary.at);
        let end = if boundary > held.dts { until.min(boundary) } else { until };
        self.frame = end - held.dts;
        let duration = self.frame;
        self.cutter.add(held, duration);
        self.go_on_until(end)?;
        self.covered = end;
        if self.cutter.is_part_full(end, self.frame) {
            self.cutter.cut_part(end)?;
        }
        Ok(())
    }

    /// The latest picture is still shown: parts are completed as long as there is time for whole ones.
    fn go_on_until(&mut self, end: Timestamp) -> Result<(), Error> {
        while end - self.cutter.part_start() > self.part_target {
            self.cutter.cut_part(self.cutter.part_start() + self.part_target)?;
        }
        Ok(())
    }

    /// Begins the segments that begin before `until`, or with it. `goes_on`: the picture before is still shown
    /// there; else time without media is given up.
    fn fill(&mut self, until: Timestamp, goes_on: bool, unix_ms: UnixMs<'_>) -> Result<(), Error> {
        while let Some(boundary) = self.boundaries.pop_front_if(|boundary| boundary.at <= until) {
            if self.cutter.open().is_some() {
                if goes_on && !self.waits_for_idr {
                    self.go_on_until(boundary.at)?;
                } else {
                    self.gap_until(boundary.at, false)?;
                }
                self.cutter.cut_part(boundary.at)?;
                self.cutter.close_segment();
            }
            self.cutter.open_segment(boundary, unix_ms(boundary.at));
            self.covered = boundary.at;
        }
        Ok(())
    }

    /// There is no picture up to `at`; with `whole` only parts of the whole length are given up.
    fn gap_until(&mut self, at: Timestamp, whole: bool) -> Result<(), Error> {
        if self.cutter.open().is_none() || at <= self.covered {
            return self.cutter.cut_part(self.covered);
        }
        self.cutter.gap_until(at, whole)?;
        self.covered = self.covered.max(self.cutter.part_start());
        self.cutter.drop_other_before(self.cutter.part_start());
        self.waits_for_idr = true;
        Ok(())
    }
}

/// A picture that is later than this is not waited for: its rendition was dropped or cannot keep up.
const SILENT: Span = Span::from_secs(3);

/// Segments that may have begun before a rendition's first picture comes.
pub(crate) const BOUNDARIES_MAX: usize = 16;
