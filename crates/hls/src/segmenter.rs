//! Cuts packets into parts and segments.

use std::collections::VecDeque;
use std::sync::Arc;

use container::fmp4::{Fragment, Run, Sample};
use media::{Packet, Span, Timescale, Timestamp, Track, TrackId};

use crate::error::Error;
use crate::part_target;
use crate::segment::{Part, Segment};

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

/// Cuts one epoch after another. The leading track, video where there is one, decides where.
///
/// The newest leading packet is held back until the next one tells how long it lasts.
#[derive(Debug)]
pub(crate) struct Segmenter {
    targets: Targets,
    tracks: Arc<[Track]>,
    lead: TrackId,
    init: u32,
    held: Option<Packet>,
    /// Of the part that grows, each with its duration.
    leading: Vec<(Packet, Span)>,
    /// Of the other track, not yet in a part.
    other: VecDeque<Packet>,
    part_start: Timestamp,
    part_bytes: usize,
    segment_start: Timestamp,
    open: Option<Segment>,
    closed: Vec<Segment>,
    next_msn: u64,
    fragment: u32,
    discontinuity: bool,
    /// Duration of the latest leading packet.
    frame: Span,
    last_idr: Option<Timestamp>,
    gops: VecDeque<Span>,
    independent: bool,
    /// A segment was cut without an IDR picture; how far apart they are is known at the next one.
    forced: bool,
    long_gop: Option<Span>,
    changed: bool,
    /// End of everything that was cut.
    end: Timestamp,
}

impl Segmenter {
    pub(crate) fn new(targets: Targets, tracks: Arc<[Track]>, independent: bool) -> Segmenter {
        let lead = leading_track(&tracks).map_or(TrackId(0), |track| track.id);
        Segmenter {
            targets,
            lead,
            init: 0,
            held: None,
            leading: Vec::new(),
            other: VecDeque::new(),
            part_start: Timestamp::ZERO,
            part_bytes: 0,
            segment_start: Timestamp::ZERO,
            open: None,
            closed: Vec::new(),
            next_msn: 0,
            fragment: 0,
            discontinuity: false,
            frame: nominal_frame(&tracks, lead),
            last_idr: None,
            gops: VecDeque::with_capacity(GOPS_REMEMBERED),
            independent,
            forced: false,
            long_gop: None,
            changed: false,
            end: Timestamp::ZERO,
            tracks,
        }
    }

    pub(crate) fn targets(&self) -> &Targets {
        &self.targets
    }

    /// Whether every segment so far begins with an IDR picture.
    pub(crate) fn independent(&self) -> bool {
        self.independent
    }

    pub(crate) fn open(&self) -> Option<&Segment> {
        self.open.as_ref()
    }

    pub(crate) fn next_msn(&self) -> u64 {
        self.next_msn
    }

    /// Whether a part is on its way that the playlist can hint at.
    pub(crate) fn is_growing(&self) -> bool {
        self.held.is_some()
    }

    /// Where the last completed part ends, its sound included.
    pub(crate) fn end(&self) -> Timestamp {
        self.end
    }

    /// Complete segments since the last call.
    pub(crate) fn take_closed(&mut self) -> Vec<Segment> {
        std::mem::take(&mut self.closed)
    }

    /// Whether parts were completed or the growing one was dropped since the last call.
    pub(crate) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// How far apart IDR pictures are, once that turned out to be too far for a segment.
    pub(crate) fn take_long_gop(&mut self) -> Option<Span> {
        self.long_gop.take()
    }

    /// What follows does not continue what came before; `tracks` need the initialisation segment `init`.
    /// Call [`Segmenter::flush`] before.
    pub(crate) fn begin(&mut self, tracks: Arc<[Track]>, init: u32) {
        debug_assert!(self.held.is_none(), "flushed before");
        self.lead = leading_track(&tracks).map_or(self.lead, |track| track.id);
        self.frame = nominal_frame(&tracks, self.lead);
        self.tracks = tracks;
        self.init = init;
        self.discontinuity = self.next_msn > 0;
        self.last_idr = None;
        self.gops.clear();
        self.other.clear();
    }

    /// A packet of the other track; it goes into the part whose time it falls in, or a later one.
    pub(crate) fn push_other(&mut self, packet: Packet) {
        self.part_bytes += packet.data.len();
        self.other.push_back(packet);
    }

    /// How far the other track is ahead of the leading packet that is held.
    pub(crate) fn other_ahead(&self) -> Span {
        match (self.other.back(), &self.held) {
            (Some(newest), Some(held)) => newest.dts - held.dts,
            _ => Span::ZERO,
        }
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
                } else if self.is_part_full(packet.dts) {
                    self.cut_part(packet.dts)?;
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
        let others = self.other.back().map(|last| last.dts);
        self.cut_part_with(end, others.map_or(end, |last| end.max(last + Span::from_flicks(1))))?;
        self.close_segment();
        self.other.clear();
        self.changed = true;
        Ok(())
    }

    /// The held packet lasts until `next`: it joins the part that grows, unless that or the segment would
    /// become too long with it.
    fn settle(
        &mut self,
        held: Packet,
        next: Timestamp,
        unix_ms: &dyn Fn(Timestamp) -> i64,
    ) -> Result<(), Error> {
        let at = held.dts;
        self.frame = next - at;
        if next - self.segment_start > self.segment_max() && at > self.segment_start {
            self.note_forced(&held);
            self.cut_segment(at, unix_ms)?;
        } else if next - self.part_start > self.targets.part && at > self.part_start {
            self.cut_part(at)?;
        }
        if held.random_access
            && let Some(open) = &mut self.open
        {
            open.last_idr = Some(at - self.segment_start);
        }
        self.part_bytes += held.data.len() + SAMPLE_BYTES;
        self.leading.push((held, self.frame));
        Ok(())
    }

    /// Whether a segment begins with `next`, a leading packet.
    fn starts_segment(&mut self, next: &Packet) -> bool {
        let elapsed = next.dts - self.segment_start;
        let bytes = self.part_bytes + self.open.as_ref().map_or(0, Segment::bytes);
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
            self.note_forced(next);
        }
        forced
    }

    /// How long a segment may become. An IDR picture is worth waiting for as long as `EXTINF` still rounds
    /// to the target duration; where they are known to be far apart there is nothing to wait for.
    fn segment_max(&self) -> Span {
        if self.independent { self.targets.duration + ROUNDS_DOWN } else { self.targets.duration }
    }

    fn is_part_full(&self, next: Timestamp) -> bool {
        let duration = next - self.part_start;
        let full = part_target::at_least_85_percent(duration, self.targets.part)
            && duration + self.frame > self.targets.part;
        full || self.part_bytes > PART_BYTES_MAX
    }

    /// Keeps how far IDR pictures are apart, and has it told where that was too far for a segment.
    fn note_gop(&mut self, packet: &Packet) {
        let since = self.last_idr.map(|last| packet.dts - last);
        let told = packet.random_access || since.is_some_and(|since| since >= GOP_TOLD_AT);
        if self.forced && told {
            self.forced = false;
            self.long_gop = since;
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

    fn note_forced(&mut self, first: &Packet) {
        if !first.random_access {
            self.independent = false;
            self.forced = true;
        }
    }

    fn open_segment(&mut self, start: Timestamp, unix_ms: &dyn Fn(Timestamp) -> i64) {
        self.segment_start = start;
        self.part_start = start;
        self.open = Some(Segment {
            msn: self.next_msn,
            init: self.init,
            discontinuity: std::mem::take(&mut self.discontinuity),
            unix_ms: unix_ms(start),
            parts: Vec::new(),
            last_idr: None,
        });
    }

    fn cut_segment(&mut self, at: Timestamp, unix_ms: &dyn Fn(Timestamp) -> i64) -> Result<(), Error> {
        self.cut_part(at)?;
        self.close_segment();
        self.open_segment(at, unix_ms);
        Ok(())
    }

    fn close_segment(&mut self) {
        if let Some(segment) = self.open.take().filter(|segment| !segment.parts.is_empty()) {
            self.next_msn = segment.msn + 1;
            self.closed.push(segment);
        }
    }

    fn cut_part(&mut self, at: Timestamp) -> Result<(), Error> {
        self.cut_part_with(at, at)
    }

    /// Completes the part that grows: all its leading packets, and those of the other track before
    /// `other_until`.
    fn cut_part_with(&mut self, at: Timestamp, other_until: Timestamp) -> Result<(), Error> {
        if self.leading.is_empty() {
            return Ok(());
        }
        let leading = std::mem::take(&mut self.leading);
        let count = self.other.iter().take_while(|packet| packet.dts < other_until).count();
        let other: Vec<Packet> = self.other.drain(..count).collect();
        self.part_bytes = self.other.iter().map(|packet| packet.data.len()).sum();
        let independent = leading.first().is_some_and(|(first, _)| first.random_access);
        let runs = self.runs(&leading, &other);
        self.fragment = self.fragment.wrapping_add(1);
        let data = Fragment { sequence: self.fragment, runs: &runs }.write()?;
        let duration = at - self.part_start;
        self.part_start = at;
        self.end = other.last().map_or(at, |last| at.max(last.dts + packet_duration(&self.tracks, last)));
        if let Some(open) = &mut self.open {
            open.parts.push(Part { duration, independent, data });
        }
        self.changed = true;
        Ok(())
    }

    fn runs(&self, leading: &[(Packet, Span)], other: &[Packet]) -> Vec<Run> {
        let mut runs = Vec::with_capacity(2);
        let scale = self.timescale(self.lead);
        let samples = leading.iter().map(|(packet, duration)| sample(packet, packet.dts + *duration, scale));
        runs.extend(run(leading.first().map(|(first, _)| first), samples.collect(), scale));
        let Some(first) = other.first() else { return runs };
        let scale = self.timescale(first.track);
        let last_end = other.last().map(|last| last.dts + packet_duration(&self.tracks, last));
        let ends = other.iter().skip(1).map(|packet| packet.dts).chain(last_end);
        let samples = other.iter().zip(ends).map(|(packet, end)| sample(packet, end, scale)).collect();
        runs.extend(run(Some(first), samples, scale));
        runs
    }

    fn timescale(&self, track: TrackId) -> Timescale {
        let track = self.tracks.iter().find(|candidate| candidate.id == track);
        track.map_or(Timescale::MPEG, |track| track.timescale)
    }
}

/// The track that segments are cut by: the video track, else the first.
pub(crate) fn leading_track(tracks: &[Track]) -> Option<&Track> {
    tracks.iter().find(|track| track.is_video()).or(tracks.first())
}

/// How long `packet` lasts: sound says it, of video it is a guess.
pub(crate) fn packet_duration(tracks: &[Track], packet: &Packet) -> Span {
    let track = tracks.iter().find(|candidate| candidate.id == packet.track);
    let told = track.and_then(|track| track.codec.sound_duration(&packet.data));
    told.unwrap_or_else(|| nominal_frame(tracks, packet.track))
}

/// How long a packet of `track` lasts by its parameters; a guess for video and Opus, which do not say.
pub(crate) fn nominal_frame(tracks: &[Track], track: TrackId) -> Span {
    let Some(track) = tracks.iter().find(|candidate| candidate.id == track) else {
        return Span::from_secs(1);
    };
    if track.codec.sound().is_some() {
        return track.codec.sound_duration(&[]).unwrap_or(SOUND_FRAME_GUESS);
    }
    let rate = track.codec.picture().and_then(|picture| picture.frame_rate);
    let rate = rate.map_or(FRAME_RATE_GUESS, media::Rational::as_f64);
    Span::from_flicks((Span::from_secs(1).flicks() as f64 / rate) as i64)
}

fn run(first: Option<&Packet>, samples: Vec<Sample>, scale: Timescale) -> Option<Run> {
    let first = first?;
    Some(Run { track: first.track, base_decode_time: Run::decode_time(first.dts, scale), samples })
}

/// `end` is the next sample's decoding time: the difference of rounded times cannot drift.
fn sample(packet: &Packet, end: Timestamp, scale: Timescale) -> Sample {
    let dts = packet.dts.ticks(scale);
    let offset = packet.pts.ticks(scale) - dts;
    Sample {
        duration: u32::try_from(end.ticks(scale) - dts).unwrap_or(0),
        composition_offset: i32::try_from(offset).unwrap_or(0),
        sync: packet.random_access,
        data: packet.data.clone(),
    }
}

/// How far a GOP may pass the target duration: encoders round keyframe intervals to frames.
const NEAR: Span = Span::from_millis(100);

/// `EXTINF` rounded to a whole second must not pass the target duration (rfc8216bis §4.4.3.1).
const ROUNDS_DOWN: Span = Span::from_millis(400);

/// GOPs whose longest is expected next.
const GOPS_REMEMBERED: usize = 8;

/// A GOP still going on at this age is told as it is.
const GOP_TOLD_AT: Span = Span::from_secs(10);

/// Frames per second where the stream does not tell; only decides until the second frame.
const FRAME_RATE_GUESS: f64 = 30.0;

/// A packet of Opus as nearly every encoder makes it; only decides where there is none yet.
const SOUND_FRAME_GUESS: Span = Span::from_millis(20);

/// Bytes of one part: 1/3 s at 190 Mbit/s. A fuller one is cut early.
const PART_BYTES_MAX: usize = 8 << 20;

/// Bytes of one segment: 10 s at 50 Mbit/s. A fuller one is cut without an IDR.
const SEGMENT_BYTES_MAX: usize = 64 << 20;

/// What a sample costs besides its data, so that empty samples are limited too.
const SAMPLE_BYTES: usize = 64;
