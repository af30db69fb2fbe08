//! FLV tag bodies, which RTMP messages carry as they are.
//!
//! H.264 and AAC as they always were; HEVC, AV1 and Opus, and on reading those two as well, in the bodies
//! of Enhanced RTMP. HEVC under the codec id 12, which some encoders use, is read too. Other codecs are
//! refused by name. Of several tracks of a kind the first is taken.
//!
//! Spec: Adobe FLV and F4V File Format 10.1, annex E; Enhanced RTMP v2 (Veovera Software Organization).

mod demuxer;
mod file;
mod file_reader;
mod foreign_sound;
mod four_cc;
mod metadata;
mod muxer;
mod tag_header;
mod video;
mod warning;

use bytes::Bytes;
use media::ParameterError;
use thiserror::Error;

pub use demuxer::Demuxer;
pub use file::file_header;
pub use file_reader::{FileError, FileReader};
pub use four_cc::FourCc;
pub use metadata::{Value, metadata};
pub use muxer::Muxer;
pub use warning::{Counters, Warning};

/// What a tag, or the RTMP message in its place, carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TagKind {
    /// `AUDIODATA`, tag type 8.
    Audio,
    /// `VIDEODATA`, tag type 9.
    Video,
    /// `SCRIPTDATA`, tag type 18: AMF0, of which `onMetaData` is read.
    Script,
}

/// One tag without its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// What `body` is.
    pub kind: TagKind,
    /// Decoding time in milliseconds; wraps after 2³².
    pub timestamp_ms: u32,
    /// The body, from its first byte (codec and frame type).
    pub body: Bytes,
}

/// A body that cannot be taken; the publisher should be told and ended.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A codec that is not read, by its name.
    #[error("{codec} over RTMP is not supported: send H.264, HEVC or AV1 video and AAC or Opus audio")]
    UnsupportedCodec {
        /// As people write it.
        codec: String,
    },
    /// A sequence header that cannot be read.
    #[error("{kind:?} sequence header: {source}")]
    BadSequenceHeader {
        /// Of which track.
        kind: TagKind,
        /// What is wrong with it.
        source: ParameterError,
    },
    /// A body above the limit.
    #[error("{kind:?} tag of {bytes} bytes, at most {max}")]
    TooLarge {
        /// Of which kind.
        kind: TagKind,
        /// Its size.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// An event that names a track the muxer was not told of.
    #[error("a packet before its tracks")]
    UnknownTrack,
}

/// `CodecID` of H.264 in the low half of the first byte (§E.4.3.1).
const VIDEO_AVC: u8 = 7;
/// `CodecID` that encoders used for HEVC before Enhanced RTMP.
const VIDEO_HEVC: u8 = 12;
/// Set in the first byte of a video body by Enhanced RTMP, which puts a FourCC after it.
const VIDEO_ENHANCED: u8 = 0x80;
/// `SoundFormat` by which Enhanced RTMP announces a FourCC.
const AUDIO_ENHANCED: u8 = 9;
/// `SoundFormat` of AAC in the high half of the first byte (§E.4.2.1).
const AUDIO_AAC: u8 = 10;

/// `AVCPacketType` and `AACPacketType`.
const SEQUENCE_HEADER: u8 = 0;
const ACCESS_UNIT: u8 = 1;
const END_OF_SEQUENCE: u8 = 2;

/// Bytes before the access unit: type and codec, packet type, composition time.
const VIDEO_HEADER_BYTES: usize = 5;
const AUDIO_HEADER_BYTES: usize = 2;
