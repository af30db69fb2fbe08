//! The first bytes of a tag body: which codec, which kind of packet, and where the media begins.
//!
//! Both forms are read: the one of old, a codec id in half a byte, and Enhanced RTMP's, a FourCC.
//!
//! Spec: Adobe FLV 10.1 §E.4.2.1, §E.4.3.1; Enhanced RTMP v2, "Enhanced Video", "Enhanced Audio".

use bytes::Bytes;
use media::Span;

use super::foreign_sound::ForeignBody;
use super::{
    ACCESS_UNIT, AUDIO_AAC, AUDIO_ENHANCED, Error, FourCc, SEQUENCE_HEADER, VIDEO_AVC, VIDEO_ENHANCED,
    VIDEO_HEVC,
};

/// A body without its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) codec: FourCc,
    pub(super) payload: Payload,
    /// Past the millisecond of its tag, below one.
    pub(super) offset: Span,
}

/// What a body brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    /// A decoder configuration record.
    Header(Bytes),
    /// One access unit.
    Coded {
        data: Bytes,
        composition_ms: i64,
        /// The publisher calls it a keyframe; only the bitstream tells whether it is an IDR picture.
        keyframe: bool,
    },
}

/// A body whose header was read.
pub(super) enum Read {
    Body(Body),
    /// Sound in a codec that has to be re-encoded.
    Foreign(ForeignBody),
    /// It says nothing that is needed here: an end of sequence, a command, colour metadata.
    Nothing,
    /// It belongs to another track than the first of its kind.
    FurtherTrack,
    /// It is cut or senseless.
    Malformed,
}

/// Reads a video body.
pub(super) fn video(body: &Bytes) -> Result<Read, Error> {
    let Some(&first) = body.first() else { return Ok(Read::Malformed) };
    if first & VIDEO_ENHANCED != 0 {
        let header = enhanced(body, first & 0x0f, EX_MULTITRACK_VIDEO, first >> 4 & 7 == COMMAND_FRAME)?;
        return header
            .map_or(Ok(Read::Malformed), |header| enhanced_video(header, first >> 4 & 7 == KEYFRAME));
    }
    let codec = match first & 0x0f {
        VIDEO_AVC => FourCc::Avc,
        VIDEO_HEVC => FourCc::Hevc,
        other => return Err(Error::UnsupportedCodec { codec: video_codec_name(other) }),
    };
    if first >> 4 == COMMAND_FRAME {
        return Ok(Read::Nothing);
    }
    let Some(&packet_type) = body.get(1) else { return Ok(Read::Malformed) };
    let Some((composition_ms, data)) = with_composition(body.slice(2..)) else { return Ok(Read::Malformed) };
    let payload = match packet_type {
        SEQUENCE_HEADER => Payload::Header(data),
        ACCESS_UNIT => Payload::Coded { data, composition_ms, keyframe: first >> 4 == KEYFRAME },
        // The end of a sequence says nothing that the next header does not.
        _ => return Ok(Read::Nothing),
    };
    Ok(Read::Body(Body { codec, payload, offset: Span::ZERO }))
}

/// Reads an audio body.
pub(super) fn audio(body: &Bytes) -> Result<Read, Error> {
    let Some(&first) = body.first() else { return Ok(Read::Malformed) };
    match first >> 4 {
        AUDIO_AAC => {}
        AUDIO_ENHANCED => {
            let header = enhanced(body, first & 0x0f, EX_MULTITRACK_AUDIO, false)?;
            return header.map_or(Ok(Read::Malformed), enhanced_audio);
        }
        other => {
            let foreign = ForeignBody::read(first, body).map(Read::Foreign);
            let refused = || Error::UnsupportedCodec { codec: audio_codec_name(other).to_owned() };
            return foreign.ok_or_else(refused);
        }
    }
    let Some(&packet_type) = body.get(1) else { return Ok(Read::Malformed) };
    let data = body.slice(2..);
    let payload = match packet_type {
        SEQUENCE_HEADER => Payload::Header(data),
        ACCESS_UNIT => Payload::Coded { data, composition_ms: 0, keyframe: true },
        _ => return Ok(Read::Malformed),
    };
    Ok(Read::Body(Body { codec: FourCc::Aac, payload, offset: Span::ZERO }))
}

/// An enhanced header: packet type, codec and what follows; no codec where there is nothing of use.
struct Enhanced {
    packet_type: u8,
    codec: Option<FourCc>,
    offset: Span,
    data: Bytes,
    /// It is about another track than the first.
    further_track: bool,
}

/// Reads `ExVideoTagHeader` or `ExAudioTagHeader`, which have one shape; `None` when it is cut.
fn enhanced(body: &Bytes, packet_type: u8, multitrack: u8, command: bool) -> Result<Option<Enhanced>, Error> {
    let mut cursor = Cursor { body, at: 1 };
    let Some((packet_type, offset)) = cursor.modifiers(packet_type) else { return Ok(None) };
    let nothing = |further_track| {
        Ok(Some(Enhanced { packet_type, codec: None, offset, data: Bytes::new(), further_track }))
    };
    if command && packet_type != METADATA {
        return nothing(false);
    }
    if packet_type != multitrack {
        let Some(code) = cursor.four_cc() else { return Ok(None) };
        let codec = Some(FourCc::read(code)?);
        let data = body.slice(cursor.at..);
        return Ok(Some(Enhanced { packet_type, codec, offset, data, further_track: false }));
    }
    match cursor.first_track() {
        Some((packet_type, code, data)) => {
            let codec = Some(FourCc::read(code)?);
            Ok(Some(Enhanced { packet_type, codec, offset, data, further_track: false }))
        }
        None if cursor.body.len() < cursor.at => Ok(None),
        None => nothing(true),
    }
}

fn enhanced_video(header: Enhanced, keyframe: bool) -> Result<Read, Error> {
    let Enhanced { packet_type, codec, offset, data, further_track } = header;
    let Some(codec) = codec else {
        return Ok(if further_track { Read::FurtherTrack } else { Read::Nothing });
    };
    if codec.is_audio() {
        return Err(Error::UnsupportedCodec { codec: format!("{} as video", codec.name()) });
    }
    let payload = match packet_type {
        EX_SEQUENCE_START => Payload::Header(data),
        EX_CODED_FRAMES if codec != FourCc::Av1 => {
            let Some((composition_ms, data)) = with_composition(data) else { return Ok(Read::Malformed) };
            Payload::Coded { data, composition_ms, keyframe }
        }
        EX_CODED_FRAMES | EX_CODED_FRAMES_X => Payload::Coded { data, composition_ms: 0, keyframe },
        _ => return Ok(Read::Nothing),
    };
    Ok(Read::Body(Body { codec, payload, offset }))
}

fn enhanced_audio(header: Enhanced) -> Result<Read, Error> {
    let Enhanced { packet_type, codec, offset, data, further_track } = header;
    let Some(codec) = codec else {
        return Ok(if further_track { Read::FurtherTrack } else { Read::Nothing });
    };
    if !codec.is_audio() {
        return Err(Error::UnsupportedCodec { codec: format!("{} as audio", codec.name()) });
    }
    let payload = match packet_type {
        EX_SEQUENCE_START => Payload::Header(data),
        EX_CODED_FRAMES => Payload::Coded { data, composition_ms: 0, keyframe: true },
        // The end of a sequence, and the places of loudspeakers, which the configuration has too.
        _ => return Ok(Read::Nothing),
    };
    Ok(Read::Body(Body { codec, payload, offset }))
}

/// `CompositionTime`, 24 bits and signed, and what follows it.
fn with_composition(data: Bytes) -> Option<(i64, Bytes)> {
    let &[high, middle, low] = data.first_chunk()?;
    Some((i64::from(i32::from_be_bytes([high, middle, low, 0]) >> 8), data.slice(3..)))
}

struct Cursor<'a> {
    body: &'a Bytes,
    at: usize,
}

impl Cursor<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let taken = *self.body.get(self.at..)?.first_chunk::<N>()?;
        self.at += N;
        Some(taken)
    }

    fn four_cc(&mut self) -> Option<[u8; 4]> {
        self.take()
    }

    fn uint24(&mut self) -> Option<usize> {
        let [high, middle, low] = self.take()?;
        Some(usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low))
    }

    /// Passes over `ModEx` extensions: the type of the packet behind them and the part of a millisecond
    /// they add to its time.
    fn modifiers(&mut self, mut packet_type: u8) -> Option<(u8, Span)> {
        let mut offset = Span::ZERO;
        while packet_type == EX_MODIFIER {
            let [short] = self.take()?;
            let mut size = usize::from(short) + 1;
            if size == 256 {
                size = usize::from(u16::from_be_bytes(self.take()?)) + 1;
            }
            let data = self.body.get(self.at..self.at + size)?;
            self.at += size;
            let [next] = self.take()?;
            packet_type = next & 0x0f;
            if let (TIMESTAMP_NANOS, &[high, middle, low, ..]) = (next >> 4, data) {
                let nanos = i64::from(u32::from_be_bytes([0, high, middle, low])).min(999_999);
                // A flick has 0.7056 to the nanosecond.
                offset = Span::from_flicks(nanos * 7_056 / 10_000);
            }
        }
        Some((packet_type, offset))
    }

    /// The track of id 0 behind a `Multitrack` header; `None` when it is not among them, with `at` past
    /// the end when the header is cut.
    fn first_track(&mut self) -> Option<(u8, [u8; 4], Bytes)> {
        let cut = self.body.len() + 1;
        let Some([kind]) = self.take() else {
            self.at = cut;
            return None;
        };
        let (layout, packet_type) = (kind >> 4, kind & 0x0f);
        let mut shared = None;
        if layout != MANY_TRACKS_MANY_CODECS {
            shared = self.four_cc();
        }
        while self.at < self.body.len() {
            let code = if layout == MANY_TRACKS_MANY_CODECS { self.four_cc() } else { shared };
            let (code, track) = code.zip(self.take::<1>())?;
            let left = self.body.len() - self.at;
            let size = if layout == ONE_TRACK { left } else { self.uint24()? };
            let start = self.at;
            if self.body.len() - start < size {
                self.at = cut;
                return None;
            }
            if track == [0] {
                return Some((packet_type, code, self.body.slice(start..start + size)));
            }
            self.at = start + size;
        }
        None
    }
}

fn video_codec_name(id: u8) -> String {
    match id {
        2 => "Sorenson H.263".to_owned(),
        3 | 6 => "Screen video".to_owned(),
        4 | 5 => "VP6".to_owned(),
        _ => format!("video codec {id}"),
    }
}

fn audio_codec_name(format: u8) -> &'static str {
    match format {
        0 | 3 => "PCM",
        1 => "ADPCM",
        4..=6 => "Nellymoser",
        11 => "Speex",
        _ => "this audio codec",
    }
}

/// `FrameType` (Adobe FLV 10.1 §E.4.3.1).
const KEYFRAME: u8 = 1;
const COMMAND_FRAME: u8 = 5;

/// `VideoPacketType` and `AudioPacketType` of Enhanced RTMP; they differ where nothing is read here, and
/// in `Multitrack`.
pub(super) const EX_SEQUENCE_START: u8 = 0;
pub(super) const EX_CODED_FRAMES: u8 = 1;
pub(super) const EX_SEQUENCE_END: u8 = 2;
pub(super) const EX_CODED_FRAMES_X: u8 = 3;
const METADATA: u8 = 4;
const EX_MULTITRACK_AUDIO: u8 = 5;
const EX_MULTITRACK_VIDEO: u8 = 6;
const EX_MODIFIER: u8 = 7;

/// `AvMultitrackType`.
const ONE_TRACK: u8 = 0;
const MANY_TRACKS_MANY_CODECS: u8 = 2;

/// `VideoPacketModExType` and `AudioPacketModExType`.
const TIMESTAMP_NANOS: u8 = 0;
