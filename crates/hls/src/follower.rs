//! A rendition whose segments begin where those of the source do.

use std::collections::VecDeque;
use std::sync::Arc;

use media::{Packet, Span, Timestamp, Track};

use crate::cutter::{Boundary, Cutter, packet_duration};
use crate::error::Error;
use crate::segment::Segment;

/// Cuts the sound of a stream into segments of the same numbers and times as the source rendition's, and into
/// parts of its own.
///
/// Each of the source's segments has one here. Where there is no sound for it, or for a part of it, parts
/// without media stand for the time (`GAP=YES`).
#[derive(Debug)]
pub(crate) struct Follower {
    cutter: Cutter,
    part_target: Span,
    /// How long one packet lasts.
    frame: Span,
    /// Packets of which it is not known yet which segment they belong to; bounded by the source's limit on
    /// sound without a picture.
    queue: VecDeque<Packet>,
    boundaries: VecDeque<Boundary>,
    /// The newest packet, with which the growing part can be hinted at.
    held: Option<Packet>,
    /// Where the media that was taken ends, the held packet not counted.
    covered: Timestamp,
    /// There was sound since the last [`Follower::begin`].
    has_media: bool,
}

type UnixMs<'a> = &'a dyn Fn(Timestamp) -> i64;

impl Follower {
    pub(crate) fn new(part_target: Span, tracks: Arc<[Track]>) -> Follower {
        let cutter = Cutter::new(part_target, tracks);
        Follower {
            part_target,
            frame: cutter.nominal_frame(),
            queue: VecDeque::new(),
            boundaries: VecDeque::new(),
            held: None,
            covered: Timestamp::ZERO,
            has_media: false,
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

    pub(crate) fn has_media(&self) -> bool {
        self.has_media
    }

    pub(crate) fn take_closed(&mut self) -> Vec<Segment> {
        self.cutter.take_closed()
    }

    /// What follows does not continue what came before; without `tracks` the epoch has no sound. Call
    /// [`Follower::finish`] before.
    pub(crate) fn begin(&mut self, tracks: Option<Arc<[Track]>>, init: u32) {
        self.queue.clear();
        self.has_media = false;
        if let Some(tracks) = tracks {
            self.cutter.begin(tracks, init);
            self.frame = self.cutter.nominal_frame();
        }
    }

    pub(crate) fn push(&mut self, packet: Packet) {
        self.queue.push_back(packet);
    }

    /// The source begins a segment.
    pub(crate) fn push_boundary(&mut self, boundary: Boundary) {
        if self.boundaries.is_empty() && self.cutter.open().is_none() {
            self.covered = boundary.at;
        }
        self.boundaries.push_back(boundary);
    }

    /// All boundaries before `decided` are known: packets before it find their segment.
    pub(crate) fn follow(&mut self, decided: Timestamp, unix_ms: UnixMs<'_>) -> Result<(), Error> {
        while let Some(packet) = self.queue.pop_front_if(|packet| packet.dts < decided) {
            self.take(packet, unix_ms)?;
        }
        let silent = decided - SILENT;
        let until = self.held.as_ref().map_or(self.covered, |held| held.dts + self.frame);
        if silent > until && (self.cutter.open().is_some() || !self.boundaries.is_empty()) {
            self.settle(None)?;
            self.fill(silent, unix_ms)?;
            self.cutter.gap_until(silent, true)?;
            self.covered = self.covered.max(self.cutter.part_start());
        }
        Ok(())
    }

    /// Ends the epoch, in which the source's media ends at `end`: everything goes out.
    pub(crate) fn finish(&mut self, end: Timestamp, unix_ms: UnixMs<'_>) -> Result<(), Error> {
        while let Some(packet) = self.queue.pop_front_if(|packet| packet.dts < end) {
            self.take(packet, unix_ms)?;
        }
        self.queue.clear();
        self.settle(None)?;
        self.fill(end, unix_ms)?;
        if self.is_empty() {
            self.cutter.gap_until(end.max(self.covered + self.frame), false)?;
        } else if end - self.covered > self.part_target {
            self.cutter.gap_until(end, false)?;
        }
        self.cutter.cut_part(self.covered)?;
        self.cutter.close_segment();
        Ok(())
    }

    fn take(&mut self, packet: Packet, unix_ms: UnixMs<'_>) -> Result<(), Error> {
        if self.cutter.open().is_some() && packet.dts < self.cutter.part_start() {
            // It comes after the time it belongs to was given up.
            return Ok(());
        }
        self.has_media = true;
        self.settle(Some(packet.dts))?;
        if self.cutter.open().is_none()
            && let Some(first) = self.boundaries.front()
            && packet.dts - first.at <= self.tolerance()
        {
            // Sound may begin a little before the first picture.
            let boundary = Boundary { at: packet.dts, ..*first };
            self.boundaries.pop_front();
            self.cutter.open_segment(boundary, unix_ms(boundary.at));
            self.covered = packet.dts;
        }
        self.fill(packet.dts, unix_ms)?;
        if self.cutter.open().is_none() || packet.dts < self.cutter.part_start() {
            return Ok(());
        }
        if packet.dts - self.covered > self.tolerance() {
            self.cutter.gap_until(packet.dts, false)?;
            self.covered = packet.dts;
        }
        self.held = Some(packet);
        Ok(())
    }

    /// The held packet joins the growing part. It lasts until `next`, or its own time if that comes only after
    /// the part's: within a part samples follow each other.
    fn settle(&mut self, next: Option<Timestamp>) -> Result<(), Error> {
        let Some(held) = self.held.take() else { return Ok(()) };
        self.frame = packet_duration(self.cutter.tracks(), &held);
        let own = held.dts + self.frame;
        let part_end = self.cutter.part_start() + self.part_target;
        let within = |next: Timestamp| {
            next <= part_end && self.boundaries.front().is_none_or(|boundary| next < boundary.at)
        };
        let near = |next: &Timestamp| *next - own <= self.tolerance() || within(*next);
        let end = next.filter(near).unwrap_or(own);
        if end - self.cutter.part_start() > self.part_target {
            self.cutter.cut_part(held.dts)?;
        }
        self.covered = end;
        let duration = end - held.dts;
        self.cutter.add(held, duration);
        if self.cutter.is_part_full(end, self.frame) {
            self.cutter.cut_part(end)?;
        }
        Ok(())
    }

    /// Begins the segments that begin before `until`, or with it; time without media is given up.
    fn fill(&mut self, until: Timestamp, unix_ms: UnixMs<'_>) -> Result<(), Error> {
        while let Some(boundary) = self.boundaries.pop_front_if(|boundary| boundary.at <= until) {
            let mut at = boundary.at.max(self.covered);
            if self.cutter.open().is_some() {
                if self.is_empty() {
                    // The source's segment was shorter than a packet, and the one here still needs a part.
                    at = at.max(self.covered + self.frame);
                }
                if at - self.covered > self.tolerance() {
                    self.cutter.gap_until(at, false)?;
                }
                self.cutter.cut_part(at)?;
                self.cutter.close_segment();
            }
            self.cutter.open_segment(Boundary { at, ..boundary }, unix_ms(at));
            self.covered = at;
        }
        Ok(())
    }

    /// Whether nothing was put into the open segment yet.
    fn is_empty(&self) -> bool {
        self.cutter.open().is_some_and(|open| open.parts.is_empty()) && !self.cutter.is_leading()
    }

    /// A step smaller than this is rounding, not missing sound.
    fn tolerance(&self) -> Span {
        Span::from_flicks(self.frame.flicks() / 2)
    }
}

/// Sound that is later than this beside the picture is not waited for: the microphone was taken away.
const SILENT: Span = Span::from_secs(3);
