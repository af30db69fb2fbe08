//! Decides where the source's parts and segments end.

use std::collections::VecDeque;
use std::sync::Arc;

use media::{Packet, Span, Timestamp, Track};

use crate::cutter::{Boundary, Cutter};
use crate::error::Error;
use crate::segment::Segment;

/// The playlist's own lengths; fixed when it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Targets {
    /// `PART-TARGET`.
    pub(crate) part: Span,
    /// Segments end at the first IDR near this length.
    pub(crate) segment: Span,
    /// `EXT-X-TARGETDURATION`, whole seconds.
    pub(crate) duration: Span,
}

/// A distance of IDR pictures that is too far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LongGop {
    pub(crate) so_far: Span,
    /// The next one has come.
    pub(crate) ended: bool,
}

/// Cuts one epoch after another. The leading track, video where there is one, decides where; renditions that
/// follow are told by [`Segmenter::take_boundaries`].
///
/// The newest leading packet is held back until the next one tells how long it lasts.
#[derive(Debug)]
pub(crate) struct Segmenter {
    targets: Targets,
    cutter: Cutter,
    held: Option<Packet>,
    boundaries: Vec<Boundary>,
    discontinuity: bool,
    /// Duration of the latest leading packet.
    frame: Span,
    last_idr: Option<Timestamp>,
    gops: VecDeque<Span>,
    independent: bool,
    /// A segment was cut without an IDR picture; how far apart they are is known at the next one.
    forced: bool,
    long_gop: Option<LongGop>,
    flushed: bool,
}

impl Segmenter {
    pub(crate) fn new(targets: Targets, tracks: Arc<[Track]>, independent: bool) -> Segmenter {
        let cutter = Cutter::new(targets.part, tracks);
        Segmenter {
            targets,
            held: None,
            boundaries: Vec::new(),
            discontinuity: false,
            frame: cutter.nominal_frame(),
            last_idr: None,
            gops: VecDeque::with_capacity(GOPS_REMEMBERED),
            independent,
            forced: false,
            long_gop: None,
            flushed: false,
            cutter,
        }
    }

    pub(crate) fn targets(&self) -> &Targets {
        &self.targets
    }

    /// The tracks that are cut.
    pub(crate) fn tracks(&self) -> &[Track] {
        self.cutter.tracks()
    }

    /// Whether every segment so far begins with an IDR picture.
    pub(crate) fn independent(&self) -> bool {
        self.independent
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

    /// Where the last completed part ends, its sound included.
    pub(crate) fn end(&self) -> Timestamp {
        self.cutter.end()
    }

    /// Up to where it is decided which segment media belongs to: where the held packet begins, or all of it.
    pub(crate) fn decided(&self) -> Timestamp {
        self.held.as_ref().map_or(self.cutter.part_start(), |held| held.dts)
    }

    /// Complete segments since the last call.
    pub(crate) fn take_closed(&mut self) -> Vec<Segment> {
        self.cutter.take_closed()
    }

    /// Whether parts were completed or the growing one was dropped since the last call.
    pub(crate) fn take_changed(&mut self) -> bool {
        self.cutter.take_changed() | std::mem::take(&mut self.flushed)
    }

    /// Where segments began since the last call.
    pub(crate) fn take_boundaries(&mut self) -> Vec<Boundary> {
        std::mem::take(&mut self.boundaries)
    }

    /// How far apart IDR pictures are, once that turned out to be too far for a segment.
    pub(crate) fn take_long_gop(&mut self) -> Option<LongGop> {
        self.long_gop.take()
    }

    /// What follows does not continue what came before; `tracks` need the initialisation segment `init`.
    /// Call [`Segmenter::flush`] before.
    pub(crate) fn begin(&mut self, tracks: Arc<[Track]>, init: u32) {
        debug_assert!(self.held.is_none(), "flushed before");
        self.cutter.begin(tracks, init);
        self.frame = self.cutter.nominal_frame();
        self.discontinuity = self.cutter.next_msn() > 0;
        self.last_idr = None;
        self.gops.clear();
    }

    /// A packet of the other track; it goes into the part whose time it falls in, or a later one.
    pub(crate) fn push_other(&mut self, packet: Packet) {
        self.cutter.push_other(packet);
    }

    /// The next leading packet. `unix_ms` tells the wall time of a playlist time.
    pub(crate) fn push_lead(
        &mut self,
        packet: Packet,
        unix_ms: &dyn Fn(Timestamp) -> i64,
    ) -> Result<(), Error> {
        match self.held.take() {
            None => self.open_segment(packet.dts, unix_ms),
            Some(held) => {
                self.settle(held, packet.dts, unix_ms)?;
                if self.starts_segment(&packet) {
                    self.cut_segment(packet.dts, unix_ms)?;
                } else if self.cutter.is_part_full(packet.dts, self.frame) {
                    self.cutter.cut_part(packet.dts)?;
                }
            }
        }
        self.note_gop(&packet);
        self.held = Some(packet);
        Ok(())
    }

    /// Ends the epoch: the held packet lasts as long as the one before, everything goes out.
    pub(crate) fn flush(&mut self, unix_ms: &dyn Fn(Timestamp) -> i64) -> Result<(), Error> {
        let Some(held) = self.held.take() else { return Ok(()) };
        let end = held.dts + self.frame;
        self.settle(held, end, unix_ms)?;
        self.cutter.cut_part_with(end, end + SOUND_AFTER_MAX)?;
        self.cutter.close_segment();
        self.flushed = true;
        Ok(())
    }

    /// The held packet joins the part that grows and lasts until `next`. A frame that passes the part target
    /// goes on over as many parts as it takes, and over the segment's end where that cannot wait.
    fn settle(
        &mut self,
        held: Packet,
        next: Timestamp,
        unix_ms: &dyn Fn(Timestamp) -> i64,
    ) -> Result<(), Error> {
        self.frame = next - held.dts;
        self.cutter.add(held, self.frame);
        loop {
            let part_end = self.cutter.part_start() + self.targets.part;
            let segment_end = self.cutter.segment_start() + self.segment_max();
            if next <= part_end.min(segment_end) {
                return Ok(());
            }
            if segment_end <= part_end {
                self.note_forced();
                self.cut_segment(segment_end, unix_ms)?;
            } else {
                self.cutter.cut_part(part_end)?;
            }
        }
    }

    /// Whether a segment begins with `next`, a leading packet.
    fn starts_segment(&mut self, next: &Packet) -> bool {
        let elapsed = next.dts - self.cutter.segment_start();
        let bytes = self.cutter.segment_bytes();
        if next.random_access {
            let gop = self.gops.iter().copied().max().unwrap_or(Span::ZERO);
            // The IDR nearest the target begins the next segment; the longest of the last GOPs tells when
            // another may be expected.
            let nearest = self.targets.segment - elapsed <= elapsed + gop - self.targets.segment;
            let last_chance = elapsed + gop > self.targets.duration + NEAR;
            return nearest || last_chance || bytes > SEGMENT_BYTES_MAX;
        }
        let forced = elapsed + self.frame > self.segment_max() || bytes > SEGMENT_BYTES_MAX;
        if forced {
            self.note_forced();
        }
        forced
    }

    /// How long a segment may become. An IDR picture is worth waiting for as long as `EXTINF` still rounds
    /// to the target duration; where they are known to be far apart there is nothing to wait for.
    fn segment_max(&self) -> Span {
        if self.independent { self.targets.duration + ROUNDS_DOWN } else { self.targets.duration }
    }

    /// Keeps how far IDR pictures are apart, and has it told where that was too far: for a segment, or for
    /// whoever joins and waits for the next one.
    fn note_gop(&mut self, packet: &Packet) {
        let since = self.last_idr.map(|last| packet.dts - last);
        let told = packet.random_access || since.is_some_and(|since| since > GOP_TOLD_AT);
        let long = since.is_some_and(|since| since > self.targets.segment * GOP_LONG_SEGMENTS);
        if told && (self.forced || long) {
            self.forced = false;
            let ended = packet.random_access;
            self.long_gop =
                since.map(|since| LongGop { so_far: if ended { since } else { GOP_TOLD_AT }, ended });
        }
        if !packet.random_access {
            return;
        }
        self.last_idr = Some(packet.dts);
        if self.gops.len() == GOPS_REMEMBERED {
            self.gops.pop_front();
        }
        self.gops.extend(since);
    }

    /// A segment begins without an IDR picture.
    fn note_forced(&mut self) {
        self.independent = false;
        self.forced = true;
    }

    fn open_segment(&mut self, at: Timestamp, unix_ms: &dyn Fn(Timestamp) -> i64) {
        let discontinuity = std::mem::take(&mut self.discontinuity);
        let boundary = Boundary { at, msn: self.cutter.next_msn(), discontinuity };
        self.boundaries.push(boundary);
        self.cutter.open_segment(boundary, unix_ms(at));
    }

    fn cut_segment(&mut self, at: Timestamp, unix_ms: &dyn Fn(Timestamp) -> i64) -> Result<(), Error> {
        self.cutter.cut_part(at)?;
        self.cutter.close_segment();
        self.open_segment(at, unix_ms);
        Ok(())
    }
}

/// How far a GOP may pass the target duration: encoders round keyframe intervals to frames.
const NEAR: Span = Span::from_millis(100);

/// `EXTINF` rounded to a whole second must not pass the target duration (rfc8216bis §4.4.3.1); in renditions
/// that follow a segment may be an audio frame longer, 128 ms at 8 kHz.
const ROUNDS_DOWN: Span = Span::from_millis(350);

/// Sound that goes on after the last picture still belongs to the last part.
const SOUND_AFTER_MAX: Span = Span::from_secs(10);

/// GOPs whose longest is expected next.
const GOPS_REMEMBERED: usize = 8;

/// A GOP of so many segment targets is told even where the segments follow it.
const GOP_LONG_SEGMENTS: i64 = 2;

/// A GOP still going on at this age is told as it is.
const GOP_TOLD_AT: Span = Span::from_secs(10);

/// Bytes of one segment: 10 s at 50 Mbit/s. A fuller one is cut without an IDR.
const SEGMENT_BYTES_MAX: usize = 64 << 20;
