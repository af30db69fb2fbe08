//! Media events to FLV tag bodies.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use media::{Codec, MediaEvent, Packet, Timescale, Timestamp, Track};

use super::tag_header::{EX_CODED_FRAMES, EX_CODED_FRAMES_X, EX_SEQUENCE_END, EX_SEQUENCE_START};
use super::{
    ACCESS_UNIT, AUDIO_AAC, AUDIO_ENHANCED, AUDIO_HEADER_BYTES, END_OF_SEQUENCE, Error, FourCc,
    SEQUENCE_HEADER, Tag, TagKind, VIDEO_AVC, VIDEO_ENHANCED, VIDEO_HEADER_BYTES,
};

/// Writes one stream; stamps count from its first packet. H.264 and AAC are written the old way, which
/// every server reads, the newer codecs as Enhanced RTMP.
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
    /// Spec: Adobe FLV 10.1 §E.4.2, §E.4.3; Enhanced RTMP v2.
    pub fn push(&mut self, event: &MediaEvent) -> Result<Vec<Tag>, Error> {
        match event {
            MediaEvent::Tracks(tracks) => {
                self.tracks = Some(Arc::clone(tracks));
                tracks.iter().map(|track| self.sequence_header(track)).collect()
            }
            MediaEvent::Packet(packet) => Ok(vec![self.packet(packet)?]),
            MediaEvent::End(_) => {
                let video =
                    self.tracks.iter().flat_map(|tracks| tracks.iter()).find(|track| track.is_video());
                let end = video.map(|track| match &track.codec {
                    Codec::H264(_) => video_body(true, END_OF_SEQUENCE, 0, &[]),
                    codec => enhanced_video(four_cc(codec), true, EX_SEQUENCE_END, None, &[]),
                });
                Ok(end.map(|end| self.tag(TagKind::Video, end)).into_iter().collect())
            }
        }
    }

    fn sequence_header(&self, track: &Track) -> Result<Tag, Error> {
        let start = |code, record: &[u8]| enhanced_video(code, true, EX_SEQUENCE_START, None, record);
        let body = match &track.codec {
            Codec::H264(h264) => video_body(true, SEQUENCE_HEADER, 0, &h264.avcc),
            Codec::Hevc(hevc) => start(FourCc::Hevc, &hevc.hvcc),
            Codec::Av1(av1) => start(FourCc::Av1, &av1.av1c),
            Codec::Aac(aac) => audio_body(SEQUENCE_HEADER, &aac.asc),
            Codec::Opus(opus) => enhanced_audio(FourCc::Opus, EX_SEQUENCE_START, &opus.head()),
            codec => return Err(Error::UnsupportedCodec { codec: codec.name().to_owned() }),
        };
        Ok(self.tag(if track.is_video() { TagKind::Video } else { TagKind::Audio }, body))
    }

    fn packet(&mut self, packet: &Packet) -> Result<Tag, Error> {
        let tracks = self.tracks.as_ref().ok_or(Error::UnknownTrack)?;
        let track = tracks.iter().find(|track| track.id == packet.track).ok_or(Error::UnknownTrack)?;
        let dts_ms = millis(packet.dts);
        let origin_ms = *self.origin_ms.get_or_insert(dts_ms);
        let composition_ms = millis(packet.pts) - dts_ms;
        let key = packet.random_access;
        let (kind, body) = match &track.codec {
            Codec::H264(_) => (TagKind::Video, video_body(key, ACCESS_UNIT, composition_ms, &packet.data)),
            Codec::Aac(_) => (TagKind::Audio, audio_body(ACCESS_UNIT, &packet.data)),
            Codec::Opus(_) => (TagKind::Audio, enhanced_audio(FourCc::Opus, EX_CODED_FRAMES, &packet.data)),
            // AV1 has no composition time; a 0 of HEVC's is left out.
            codec @ Codec::Hevc(_) if composition_ms != 0 => {
                let composition = Some(composition_ms);
                let body = enhanced_video(four_cc(codec), key, EX_CODED_FRAMES, composition, &packet.data);
                (TagKind::Video, body)
            }
            codec => {
                let body = enhanced_video(four_cc(codec), key, EX_CODED_FRAMES_X, None, &packet.data);
                (TagKind::Video, body)
            }
        };
        // The other track's first packet may be a little earlier than the first of all; the clock wraps.
        self.last_ms = (dts_ms - origin_ms).max(0) as u32;
        Ok(self.tag(kind, body))
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
    let mut body = BytesMut::with_capacity(VIDEO_HEADER_BYTES + data.len());
    body.put_u8(frame_type << 4 | VIDEO_AVC);
    body.put_u8(packet_type);
    body.put_slice(&composition_bytes(composition_ms));
    body.put_slice(data);
    body.freeze()
}

/// `ExVideoTagHeader`, the composition time where there is one, and the data.
fn enhanced_video(
    code: FourCc,
    key: bool,
    packet_type: u8,
    composition_ms: Option<i64>,
    data: &[u8],
) -> Bytes {
    let frame_type = if key { 1 } else { 2 };
    let mut body = BytesMut::with_capacity(EX_HEADER_BYTES + data.len());
    body.put_u8(VIDEO_ENHANCED | frame_type << 4 | packet_type);
    body.put_slice(code.letters().as_bytes());
    if let Some(composition_ms) = composition_ms {
        body.put_slice(&composition_bytes(composition_ms));
    }
    body.put_slice(data);
    body.freeze()
}

fn enhanced_audio(code: FourCc, packet_type: u8, data: &[u8]) -> Bytes {
    let mut body = BytesMut::with_capacity(EX_HEADER_BYTES + data.len());
    body.put_u8(AUDIO_ENHANCED << 4 | packet_type);
    body.put_slice(code.letters().as_bytes());
    body.put_slice(data);
    body.freeze()
}

/// Tracks without a FourCC are refused with their sequence header.
fn four_cc(codec: &Codec) -> FourCc {
    FourCc::of(codec).unwrap_or(FourCc::Avc)
}

fn composition_bytes(composition_ms: i64) -> [u8; 3] {
    let [_, high, middle, low] =
        (composition_ms.clamp(COMPOSITION_MIN, COMPOSITION_MAX) as i32).to_be_bytes();
    [high, middle, low]
}

fn audio_body(packet_type: u8, data: &[u8]) -> Bytes {
    let mut body = BytesMut::with_capacity(AUDIO_HEADER_BYTES + data.len());
    // AAC always says 44 kHz, 16 bits, stereo; the configuration tells the truth (§E.4.2.1).
    body.put_u8(AUDIO_AAC << 4 | 0x0f);
    body.put_u8(packet_type);
    body.put_slice(data);
    body.freeze()
}

/// The first byte, a FourCC and a composition time.
const EX_HEADER_BYTES: usize = 8;

/// `CompositionTime` is a signed number of 24 bits.
const COMPOSITION_MAX: i64 = (1 << 23) - 1;
const COMPOSITION_MIN: i64 = -(1 << 23);
