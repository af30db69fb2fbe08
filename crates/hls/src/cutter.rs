//! Writes packets into parts and segments where it is told to; decides nothing.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use container::fmp4::{Fragment, Run, Sample, empty_fragment};
use media::{Packet, Span, Timescale, Timestamp, Track, TrackId};

use crate::error::Error;
use crate::part_target;
use crate::segment::{Part, Segment};

/// The parts and segments of one rendition, as they grow.
///
/// A part is a stretch of time: it holds the samples that begin in it. One in which none begins, since the
/// picture before it goes on, is a fragment without a sample, so that no part passes the part target.
#[derive(Debug)]
pub(crate) struct Cutter {
    part_target: Span,
    tracks: Arc<[Track]>,
    lead: TrackId,
    init: u32,
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
    changed: bool,
    /// End of everything that was cut.
    end: Timestamp,
}

/// Where a segment begins, as the rendition that decides it tells the others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Boundary {
    pub(crate) at: Timestamp,
    pub(crate) msn: u64,
    /// Timestamps or tracks do not continue those before.
    pub(crate) discontinuity: bool,
}

impl Cutter {
    pub(crate) fn new(part_target: Span, tracks: Arc<[Track]>) -> Cutter {
        let lead = leading_track(&tracks).map_or(TrackId(0), |track| track.id);
        Cutter {
            part_target,
            tracks,
            lead,
            init: 0,
            leading: Vec::new(),
            other: VecDeque::new(),
            part_start: Timestamp::ZERO,
            part_bytes: 0,
            segment_start: Timestamp::ZERO,
            open: None,
            closed: Vec::new(),
            next_msn: 0,
            fragment: 0,
            changed: false,
            end: Timestamp::ZERO,
        }
    }

    /// What follows is of `tracks` and needs the initialisation segment `init`.
    pub(crate) fn begin(&mut self, tracks: Arc<[Track]>, init: u32) {
        self.lead = leading_track(&tracks).map_or(self.lead, |track| track.id);
        self.tracks = tracks;
        self.init = init;
        self.other.clear();
    }

    pub(crate) fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    pub(crate) fn open(&self) -> Option<&Segment> {
        self.open.as_ref()
    }

    pub(crate) fn next_msn(&self) -> u64 {
        self.next_msn
    }

    pub(crate) fn part_start(&self) -> Timestamp {
        self.part_start
    }

    pub(crate) fn segment_start(&self) -> Timestamp {
        self.segment_start
    }

    /// Whether the growing part holds a packet of the leading track.
    pub(crate) fn is_leading(&self) -> bool {
        !self.leading.is_empty()
    }

    /// Where the last completed part ends, its sound included.
    pub(crate) fn end(&self) -> Timestamp {
        self.end
    }

    /// Bytes of the segment that grows, about.
    pub(crate) fn segment_bytes(&self) -> usize {
        self.part_bytes + self.open.as_ref().map_or(0, Segment::bytes)
    }

    /// Complete segments since the last call.
    pub(crate) fn take_closed(&mut self) -> Vec<Segment> {
        std::mem::take(&mut self.closed)
    }

    /// Whether parts were completed since the last call.
    pub(crate) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// How long a packet of the leading track lasts by its parameters.
    pub(crate) fn nominal_frame(&self) -> Span {
        nominal_frame(&self.tracks, self.lead)
    }

    /// A packet of the other track; it goes into the part whose time it falls in, or a later one.
    pub(crate) fn push_other(&mut self, packet: Packet) {
        self.part_bytes += packet.data.len();
        self.other.push_back(packet);
    }

    /// Forgets packets of the other track that begin before `at`: nothing of their time is shown.
    pub(crate) fn drop_other_before(&mut self, at: Timestamp) {
        while let Some(packet) = self.other.pop_front_if(|packet| packet.dts < at) {
            self.part_bytes = self.part_bytes.saturating_sub(packet.data.len());
        }
    }

    /// A packet of the leading track, of known duration, joins the part that grows.
    pub(crate) fn add(&mut self, packet: Packet, duration: Span) {
        if packet.random_access
            && let Some(open) = &mut self.open
        {
            open.last_idr = Some(packet.dts - self.segment_start);
        }
        self.part_bytes += packet.data.len() + SAMPLE_BYTES;
        self.leading.push((packet, duration));
    }

    /// Whether the part that grows, complete at `next`, is long enough, and one more `frame` too long.
    pub(crate) fn is_part_full(&self, next: Timestamp, frame: Span) -> bool {
        let duration = next - self.part_start;
        let full = part_target::at_least_85_percent(duration, self.part_target)
            && duration + frame > self.part_target;
        full || self.part_bytes > PART_BYTES_MAX
    }

    pub(crate) fn open_segment(&mut self, Boundary { at, msn, discontinuity }: Boundary, unix_ms: i64) {
        self.segment_start = at;
        self.part_start = at;
        self.next_msn = msn;
        self.open = Some(Segment {
            msn,
            init: self.init,
            discontinuity,
            unix_ms,
            parts: Vec::new(),
            last_idr: None,
            whole: Arc::default(),
        });
    }

    pub(crate) fn close_segment(&mut self) {
        if let Some(segment) = self.open.take().filter(|segment| !segment.parts.is_empty()) {
            self.next_msn = segment.msn + 1;
            self.closed.push(segment);
        }
    }

    /// Completes the part that grows: it ends at `at`, if it has begun.
    pub(crate) fn cut_part(&mut self, at: Timestamp) -> Result<(), Error> {
        self.cut_part_with(at, at)
    }

    /// Completes the part that grows: all its leading packets, and those of the other track before
    /// `other_until`.
    pub(crate) fn cut_part_with(&mut self, at: Timestamp, other_until: Timestamp) -> Result<(), Error> {
        let duration = at - self.part_start;
        if duration <= Span::ZERO {
            return Ok(());
        }
        let leading = std::mem::take(&mut self.leading);
        let count = self.other.iter().take_while(|packet| packet.dts < other_until).count();
        let other: Vec<Packet> = self.other.drain(..count).collect();
        self.part_bytes = self.other.iter().map(|packet| packet.data.len()).sum();
        let begins_it = |packet: &Packet| packet.dts == self.part_start || !self.is_video(packet.track);
        let independent = leading.first().is_some_and(|(first, _)| first.random_access && begins_it(first));
        self.fragment = self.fragment.wrapping_add(1);
        let data = self.fragment(&leading, &other, duration)?;
        self.end = other.last().map_or(at, |last| at.max(last.dts + packet_duration(&self.tracks, last)));
        self.complete(Part { duration, independent, data: Some(data) });
        Ok(())
    }

    /// There is no media up to `at`: the part that grows ends, at the earliest where it may, and parts without
    /// media follow; with `whole` only as many as last the part target.
    pub(crate) fn gap_until(&mut self, at: Timestamp, whole: bool) -> Result<(), Error> {
        if self.is_leading() {
            self.cut_part(at.min(self.part_start + self.part_target))?;
        }
        loop {
            let duration = (at - self.part_start).min(self.part_target);
            if duration <= Span::ZERO || (whole && duration < self.part_target) {
                return Ok(());
            }
            self.complete(Part { duration, independent: false, data: None });
            self.end = self.end.max(self.part_start);
        }
    }

    fn complete(&mut self, part: Part) {
        self.part_start += part.duration;
        if let Some(open) = &mut self.open {
            open.parts.push(part);
        }
        self.changed = true;
    }

    fn fragment(&self, leading: &[(Packet, Span)], other: &[Packet], duration: Span) -> Result<Bytes, Error> {
        let runs = self.runs(leading, other);
        if !runs.is_empty() {
            return Ok(Fragment { sequence: self.fragment, runs: &runs }.write()?);
        }
        let scale = self.timescale(self.lead);
        let run = Run {
            track: self.lead,
            base_decode_time: Run::decode_time(self.part_start, scale),
            samples: Vec::new(),
        };
        let ticks = u32::try_from(duration.ticks(scale)).unwrap_or(u32::MAX);
        Ok(empty_fragment(self.fragment, &run, ticks)?)
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

    fn is_video(&self, track: TrackId) -> bool {
        self.tracks.iter().any(|candidate| candidate.id == track && candidate.is_video())
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

/// Frames per second where the stream does not tell; only decides until the second frame.
const FRAME_RATE_GUESS: f64 = 30.0;

/// A packet of Opus as nearly every encoder makes it; only decides where there is none yet.
const SOUND_FRAME_GUESS: Span = Span::from_millis(20);

/// Bytes of one part: 1/3 s at 190 Mbit/s. A fuller one is cut early.
const PART_BYTES_MAX: usize = 8 << 20;

/// What a sample costs besides its data, so that empty samples are limited too.
const SAMPLE_BYTES: usize = 64;
