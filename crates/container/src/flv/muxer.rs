//! Media events to FLV tag bodies.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use media::{Codec, MediaEvent, Packet, Timescale, Timestamp, Track};

use super::{
    ACCESS_UNIT, AUDIO_AAC, AUDIO_HEADER_BYTES, END_OF_SEQUENCE, Error, SEQUENCE_HEADER, Tag, TagKind,
    VIDEO_AVC, VIDEO_HEADER_BYTES,
};

/// Writes one stream; stamps count from its first packet.
#[derive(Debug, Default)]
pub struct Muxer {
    tracks: Option<Arc<[Track]>>,
    origin_ms: Option<i64>,
    last_ms: u32,
}

impl Muxer {
    /// A muxer before the first event.
    #[must_use]
    pub fn new() -> Muxer {
        Muxer::default()
    }

    /// The tags for one event: sequence headers for `Tracks`, one body for a packet, the end of sequence
    /// for the end.
    ///
    /// # Errors
    /// [`Error::UnknownTrack`] for a packet whose track was not announced, [`Error::UnsupportedCodec`] for
    /// tracks FLV has no codec id for.
    ///
    /// Spec: Adobe FLV 10.1 §E.4.2, §E.4.3.
    pub fn push(&mut self, event: &MediaEvent) -> Result<Vec<Tag>, Error> {
        match event {
            MediaEvent::Tracks(tracks) => {
                self.tracks = Some(Arc::clone(tracks));
                tracks.iter().map(|track| self.sequence_header(track)).collect()
            }
            MediaEvent::Packet(packet) => Ok(vec![self.packet(packet)?]),
            MediaEvent::End(_) => {
                let video = self.tracks.iter().flat_map(|tracks| tracks.iter()).any(Track::is_video);
                let end = video_body(true, END_OF_SEQUENCE, 0, &[]);
                Ok(video.then(|| self.tag(TagKind::Video, end)).into_iter().collect())
            }
        }
    }

    fn sequence_header(&self, track: &Track) -> Result<Tag, Error> {
        match &track.codec {
            Codec::H264(h264) => {
                Ok(self.tag(TagKind::Video, video_body(true, SEQUENCE_HEADER, 0, &h264.avcc)))
            }
            Codec::Aac(aac) => Ok(self.tag(TagKind::Audio, audio_body(SEQUENCE_HEADER, &aac.asc))),
            codec => Err(Error::UnsupportedCodec { codec: codec.name().to_owned() }),
        }
    }

    fn packet(&mut self, packet: &Packet) -> Result<Tag, Error> {
        let tracks = self.tracks.as_ref().ok_or(Error::UnknownTrack)?;
        let track = tracks.iter().find(|track| track.id == packet.track).ok_or(Error::UnknownTrack)?;
        let video = track.is_video();
        let dts_ms = millis(packet.dts);
        let origin_ms = *self.origin_ms.get_or_insert(dts_ms);
        // The other track's first packet may be a little earlier than the first of all; the clock wraps.
        self.last_ms = (dts_ms - origin_ms).max(0) as u32;
        if video {
            let composition_ms = millis(packet.pts) - dts_ms;
            let body = video_body(packet.random_access, ACCESS_UNIT, composition_ms, &packet.data);
            Ok(self.tag(TagKind::Video, body))
        } else {
            Ok(self.tag(TagKind::Audio, audio_body(ACCESS_UNIT, &packet.data)))
        }
    }

    fn tag(&self, kind: TagKind, body: Bytes) -> Tag {
        Tag { kind, timestamp_ms: self.last_ms, body }
    }
}

fn millis(at: Timestamp) -> i64 {
    at.ticks(Timescale::MILLISECONDS)
}

fn video_body(key: bool, packet_type: u8, composition_ms: i64, data: &[u8]) -> Bytes {
    let frame_type = if key { 1 } else { 2 };
    let composition = composition_ms.clamp(COMPOSITION_MIN, COMPOSITION_MAX) as i32;
    let mut body = BytesMut::with_capacity(VIDEO_HEADER_BYTES + data.len());
    body.put_u8(frame_type << 4 | VIDEO_AVC);
    body.put_u8(packet_type);
    body.put_slice(&composition.to_be_bytes()[1..]);
    body.put_slice(data);
    body.freeze()
}

fn audio_body(packet_type: u8, data: &[u8]) -> Bytes {
    let mut body = BytesMut::with_capacity(AUDIO_HEADER_BYTES + data.len());
    // AAC always says 44 kHz, 16 bits, stereo; the configuration tells the truth (§E.4.2.1).
    body.put_u8(AUDIO_AAC << 4 | 0x0f);
    body.put_u8(packet_type);
    body.put_slice(data);
    body.freeze()
}

/// `CompositionTime` is a signed number of 24 bits.
const COMPOSITION_MAX: i64 = (1 << 23) - 1;
const COMPOSITION_MIN: i64 = -(1 << 23);
