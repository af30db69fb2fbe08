//! Packets to a file of fragments that grows as they come.

use std::sync::Arc;

use bytes::Bytes;
use media::{MediaEvent, Packet, Span, Timescale, Timestamp, Track, TrackId};

use super::{Error, Fragment, Run, Sample, file, init_segment};

/// Writes the pieces of a file: its beginning, then fragments of about half a second, so that whatever stands in the
/// file when its writer dies is whole up to there. Times in the file begin at 0.
#[derive(Debug, Default)]
pub struct Fragmenter {
    tracks: Option<Arc<[Track]>>,
    /// Begun by the first packet after `tracks`.
    part: Option<Part>,
    sequence: u32,
}

/// What goes to the file next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// `ftyp` and `moov` of a file that begins: a file holds one set of parameters, so others begin another.
    Init(Bytes),
    /// `moof` and `mdat`.
    Fragment(Bytes),
}

#[derive(Debug)]
struct Part {
    lead: TrackId,
    origin: Timestamp,
    /// Decoding time of the leading track's first packet in the fragment that grows.
    from: Timestamp,
    lanes: Vec<Lane>,
}

#[derive(Debug)]
struct Lane {
    track: TrackId,
    timescale: Timescale,
    /// Its duration is known when the next one comes.
    pending: Option<Packet>,
    samples: Vec<Sample>,
    base_decode_time: u64,
}

impl Fragmenter {
    /// A fragmenter before the first event.
    #[must_use]
    pub fn new() -> Fragmenter {
        Fragmenter::default()
    }

    /// Takes an event; decoding times must rise in each track, and pictures begin with one that can be decoded.
    ///
    /// # Errors
    /// When ISO BMFF cannot hold the tracks or a fragment.
    ///
    /// Spec: ISO/IEC 14496-12 §8.8.
    pub fn push(&mut self, event: &MediaEvent) -> Result<Vec<Piece>, Error> {
        match event {
            MediaEvent::Tracks(tracks) if self.tracks.as_ref() == Some(tracks) => Ok(Vec::new()),
            MediaEvent::Tracks(tracks) => {
                let rest = self.flush()?;
                self.part = None;
                self.tracks = Some(Arc::clone(tracks));
                Ok(rest)
            }
            MediaEvent::Packet(packet) => self.packet(packet),
            MediaEvent::End(_) => self.flush(),
        }
    }

    /// Writes all that has come, the last packets with the duration of those before them.
    ///
    /// # Errors
    /// As [`Fragmenter::push`].
    pub fn flush(&mut self) -> Result<Vec<Piece>, Error> {
        let Some(part) = &mut self.part else { return Ok(Vec::new()) };
        for lane in &mut part.lanes {
            lane.complete(part.origin, None);
        }
        let piece = part.cut(&mut self.sequence)?;
        Ok(piece.into_iter().collect())
    }

    fn packet(&mut self, packet: &Packet) -> Result<Vec<Piece>, Error> {
        let Some(tracks) = &self.tracks else { return Ok(Vec::new()) };
        let Some(lead) = tracks.iter().find(|track| track.is_video()).or_else(|| tracks.first()) else {
            return Ok(Vec::new());
        };
        let leads = packet.track == lead.id;
        let mut pieces = Vec::new();
        if self.part.is_none() {
            if !leads || !packet.random_access {
                return Ok(pieces);
            }
            pieces.push(Piece::Init(file::with_room_for_duration(&init_segment(tracks)?)));
            self.part = Some(Part::new(tracks, lead.id, packet.dts));
        }
        let part = self.part.as_mut().expect("begun above");
        let (origin, from) = (part.origin, part.from);
        let Some(lane) = part.lanes.iter_mut().find(|lane| lane.track == packet.track) else {
            return Ok(pieces);
        };
        if packet.dts < origin {
            return Ok(pieces);
        }
        lane.complete(origin, Some(packet.dts));
        let so_far = packet.dts - from;
        let full =
            so_far >= FRAGMENT_TARGET || (lead.is_video() && packet.random_access && so_far >= FRAGMENT_MIN);
        if leads && full {
            pieces.extend(part.cut(&mut self.sequence)?);
            part.from = packet.dts;
        }
        let lane = part.lanes.iter_mut().find(|lane| lane.track == packet.track);
        lane.expect("found above").pending = Some(packet.clone());
        Ok(pieces)
    }
}

impl Part {
    fn new(tracks: &[Track], lead: TrackId, origin: Timestamp) -> Part {
        let lanes = tracks.iter().map(|track| Lane {
            track: track.id,
            timescale: track.timescale,
            pending: None,
            samples: Vec::new(),
            base_decode_time: 0,
        });
        Part { lead, origin, from: origin, lanes: lanes.collect() }
    }

    fn cut(&mut self, sequence: &mut u32) -> Result<Option<Piece>, Error> {
        // The leading track first: readers take a fragment's beginning from its first run.
        let lead = self.lead;
        self.lanes.sort_by_key(|lane| lane.track != lead);
        let full = self.lanes.iter_mut().filter(|lane| !lane.samples.is_empty());
        let runs: Vec<Run> = full
            .map(|lane| Run {
                track: lane.track,
                base_decode_time: lane.base_decode_time,
                samples: std::mem::take(&mut lane.samples),
            })
            .collect();
        if runs.is_empty() {
            return Ok(None);
        }
        *sequence = sequence.wrapping_add(1);
        Ok(Some(Piece::Fragment(Fragment { sequence: *sequence, runs: &runs }.write()?)))
    }
}

impl Lane {
    /// Makes the pending packet a sample that lasts until `next`, or as long as the one before it.
    fn complete(&mut self, origin: Timestamp, next: Option<Timestamp>) {
        let Some(packet) = self.pending.take() else { return };
        let ticks = |at: Timestamp| (at - origin).ticks(self.timescale);
        let duration = match next {
            Some(next) => u32::try_from(ticks(next) - ticks(packet.dts)).unwrap_or(0),
            None => {
                self.samples.last().map_or_else(|| LAST.ticks(self.timescale) as u32, |last| last.duration)
            }
        };
        if self.samples.is_empty() {
            self.base_decode_time = u64::try_from(ticks(packet.dts)).unwrap_or(0);
        }
        let offset = ticks(packet.pts) - ticks(packet.dts);
        self.samples.push(Sample {
            duration,
            composition_offset: i32::try_from(offset).unwrap_or(0),
            sync: packet.random_access,
            data: packet.data,
        });
    }
}

/// Half of the second that may be missing when a writer is killed; the other half is for the write itself.
const FRAGMENT_TARGET: Span = Span::from_millis(500);
/// An IDR begins a fragment unless the one before would be shorter.
const FRAGMENT_MIN: Span = Span::from_millis(200);
/// How long a last packet lasts that has none before it in its fragment.
const LAST: Span = Span::from_millis(20);
