//! Holds a stream to the invariants of the crate documentation.

use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;

use crate::codec::Codec;
use crate::event::{MediaEvent, Packet};
use crate::opus::Opus;
use crate::time::Timestamp;
use crate::track::{Track, TrackId};
use crate::{nal, obu};

/// Watches a stream of [`MediaEvent`]s and reports the first broken invariant.
#[derive(Debug, Default)]
pub struct StreamChecker {
    tracks: Option<Arc<[Track]>>,
    last_dts: BTreeMap<TrackId, Timestamp>,
    awaiting_idr: Vec<TrackId>,
    ended: bool,
}

/// A broken invariant: a bug in whatever produced the stream.
#[derive(Debug, Error, PartialEq, Eq)]
#[expect(missing_docs, reason = "each message says it")]
pub enum Violation {
    #[error("a packet of track {0:?} came before any Tracks")]
    PacketBeforeTracks(TrackId),
    #[error("the tracks hold none, or the id {0:?} twice")]
    BadTracks(Option<TrackId>),
    #[error("a packet names track {0:?}, which Tracks does not hold")]
    UnknownTrack(TrackId),
    #[error("track {track:?}: DTS {dts} does not rise above {last}")]
    DtsNotRising { track: TrackId, dts: Timestamp, last: Timestamp },
    #[error("track {0:?}: the first video packet after Tracks is not an IDR")]
    NotAnIdr(TrackId),
    #[error("track {track:?}: NAL unit at byte {at} of {len} is cut short")]
    BadNalLength { track: TrackId, at: usize, len: usize },
    #[error("track {track:?}: parameter set (NAL type {nal_type}) in-band")]
    ParameterSetInBand { track: TrackId, nal_type: u8 },
    #[error("track {track:?}: OBU at byte {at} of {len} cannot be read")]
    BadObu { track: TrackId, at: usize, len: usize },
    #[error("track {track:?}: OBU type {kind} in a packet")]
    ForeignObu { track: TrackId, kind: u8 },
    #[error("track {0:?}: a packet of Opus that does not tell how long it lasts")]
    BadOpus(TrackId),
    #[error("track {0:?}: a packet without data")]
    Empty(TrackId),
    #[error("an event after End")]
    AfterEnd,
}

impl StreamChecker {
    /// A checker before the first event.
    #[must_use]
    pub fn new() -> StreamChecker {
        StreamChecker::default()
    }

    /// Takes the next event.
    ///
    /// # Errors
    /// The invariant that `event` breaks. The checker may be used further, but its later answers
    /// describe a stream that is already wrong.
    pub fn check(&mut self, event: &MediaEvent) -> Result<(), Violation> {
        if self.ended {
            return Err(Violation::AfterEnd);
        }
        match event {
            MediaEvent::Tracks(tracks) => self.check_tracks(tracks),
            MediaEvent::Packet(packet) => self.check_packet(packet),
            MediaEvent::End(_) => {
                self.ended = true;
                Ok(())
            }
        }
    }

    fn check_tracks(&mut self, tracks: &Arc<[Track]>) -> Result<(), Violation> {
        if tracks.is_empty() {
            return Err(Violation::BadTracks(None));
        }
        for (index, track) in tracks.iter().enumerate() {
            if tracks[..index].iter().any(|earlier| earlier.id == track.id) {
                return Err(Violation::BadTracks(Some(track.id)));
            }
        }
        self.awaiting_idr = tracks.iter().filter(|track| track.is_video()).map(|track| track.id).collect();
        self.tracks = Some(Arc::clone(tracks));
        Ok(())
    }

    fn check_packet(&mut self, packet: &Packet) -> Result<(), Violation> {
        let id = packet.track;
        let tracks = self.tracks.as_ref().ok_or(Violation::PacketBeforeTracks(id))?;
        let track = tracks.iter().find(|track| track.id == id).ok_or(Violation::UnknownTrack(id))?;
        if packet.data.is_empty() {
            return Err(Violation::Empty(id));
        }
        if let Some(&last) = self.last_dts.get(&id)
            && packet.dts <= last
        {
            return Err(Violation::DtsNotRising { track: id, dts: packet.dts, last });
        }
        self.last_dts.insert(id, packet.dts);
        if let Some(at) = self.awaiting_idr.iter().position(|&waiting| waiting == id) {
            if !packet.random_access {
                return Err(Violation::NotAnIdr(id));
            }
            self.awaiting_idr.swap_remove(at);
        }
        match track.codec {
            Codec::H264(_) => check_nal_units(packet, |unit| {
                Some(nal::unit_type(unit)).filter(|_| nal::is_parameter_set(unit))
            }),
            Codec::Hevc(_) => check_nal_units(packet, |unit| {
                Some(nal::hevc::unit_type(unit)).filter(|_| nal::hevc::is_parameter_set(unit))
            }),
            Codec::Av1(_) => check_obus(packet),
            Codec::Opus(_) if Opus::packet_duration(&packet.data).is_none() => Err(Violation::BadOpus(id)),
            Codec::Aac(_) | Codec::Opus(_) | Codec::Foreign(_) => Ok(()),
        }
    }
}

/// `parameter_set` answers with the type of a unit that is one.
fn check_nal_units(packet: &Packet, parameter_set: impl Fn(&[u8]) -> Option<u8>) -> Result<(), Violation> {
    let data = &packet.data;
    let mut at = 0;
    while at < data.len() {
        let cut = Violation::BadNalLength { track: packet.track, at, len: data.len() };
        let Some(header) = data[at..].first_chunk::<4>() else { return Err(cut) };
        let nal_len = u32::from_be_bytes(*header) as usize;
        let Some(nal) = data.get(at + 4..at + 4 + nal_len) else { return Err(cut) };
        if nal.is_empty() {
            return Err(cut);
        }
        if let Some(nal_type) = parameter_set(nal) {
            return Err(Violation::ParameterSetInBand { track: packet.track, nal_type });
        }
        at += 4 + nal_len;
    }
    Ok(())
}

fn check_obus(packet: &Packet) -> Result<(), Violation> {
    for unit in obu::units(&packet.data) {
        let unit =
            unit.map_err(|error| Violation::BadObu { track: packet.track, at: error.at, len: error.len })?;
        if !obu::belongs_in_packet(&unit) {
            return Err(Violation::ForeignObu { track: packet.track, kind: unit.kind });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{EndReason, H264, Rational, Size, Timescale};

    const VIDEO: TrackId = TrackId(0);

    fn tracks() -> MediaEvent {
        let codec = Codec::H264(H264 {
            avcc: Bytes::new(),
            size: Size::new(16, 16),
            sample_aspect_ratio: Rational::ONE,
            frame_rate: None,
        });
        MediaEvent::Tracks(Arc::new([Track { id: VIDEO, codec, timescale: Timescale::MPEG }]))
    }

    fn packet(milliseconds: i64, nal: &[u8]) -> MediaEvent {
        let mut data = (nal.len() as u32).to_be_bytes().to_vec();
        data.extend_from_slice(nal);
        let at = Timestamp::from_millis(milliseconds);
        let random_access = nal.first().is_some_and(|first| first & 0x1f == 5);
        MediaEvent::Packet(Packet { track: VIDEO, dts: at, pts: at, random_access, data: data.into() })
    }

    fn check(events: &[MediaEvent], expected: Result<(), Violation>) {
        let mut checker = StreamChecker::new();
        assert_eq!(events.iter().try_for_each(|event| checker.check(event)), expected);
    }

    #[test]
    fn a_sound_stream_passes() {
        let end = MediaEvent::End(EndReason::Finished);
        check(&[tracks(), packet(0, &[0x65, 1]), packet(33, &[0x41, 1]), end], Ok(()));
    }

    #[test]
    fn packets_need_tracks_first() {
        check(&[packet(0, &[0x65])], Err(Violation::PacketBeforeTracks(VIDEO)));
    }

    #[test]
    fn video_starts_with_an_idr_after_every_tracks() {
        check(&[tracks(), packet(0, &[0x41])], Err(Violation::NotAnIdr(VIDEO)));
        check(&[tracks(), packet(0, &[0x65]), tracks(), packet(1, &[0x41])], Err(Violation::NotAnIdr(VIDEO)));
    }

    #[test]
    fn dts_rises() {
        let at = Timestamp::from_millis(5);
        let expected = Violation::DtsNotRising { track: VIDEO, dts: at, last: at };
        check(&[tracks(), packet(5, &[0x65]), packet(5, &[0x41])], Err(expected));
    }

    #[test]
    fn parameter_sets_stay_out_of_band() {
        let expected = Violation::ParameterSetInBand { track: VIDEO, nal_type: 7 };
        check(&[tracks(), packet(0, &[0x65]), packet(1, &[0x67, 0x42])], Err(expected));
    }

    #[test]
    fn nothing_follows_the_end() {
        check(&[tracks(), MediaEvent::End(EndReason::Lost), tracks()], Err(Violation::AfterEnd));
    }
}
