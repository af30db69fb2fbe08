//! Codecs and the parameters a decoder needs before the first packet.

use bytes::Bytes;
use thiserror::Error;

use crate::av1::Av1;
use crate::foreign_sound::ForeignSound;
use crate::hevc::Hevc;
use crate::opus::Opus;
use crate::time::{Span, Timescale};

/// What a track is coded with, and its decoder configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Codec {
    /// H.264 / AVC video.
    H264(H264),
    /// H.265 / HEVC video.
    Hevc(Hevc),
    /// AV1 video.
    Av1(Av1),
    /// AAC audio.
    Aac(Aac),
    /// Opus audio.
    Opus(Opus),
    /// Sound that players do not take; it is re-encoded before it is packaged.
    Foreign(ForeignSound),
}

/// What the parameters of any video codec tell of its pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Size of the decoded picture after cropping, in pixels.
    pub size: Size,
    /// Width to height of one pixel; 1:1 when the stream does not say.
    pub sample_aspect_ratio: Rational,
    /// Frames per second as the parameters promise them; `None` when they say nothing.
    pub frame_rate: Option<Rational>,
}

/// What the parameters of any audio codec tell of its sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sound {
    /// Samples per second of the clock that counts its access units.
    pub sample_rate: u32,
    /// Output channels; 0 never occurs.
    pub channels: u8,
}

/// The parameters of an H.264 track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct H264 {
    /// `AVCDecoderConfigurationRecord` with 4-byte NAL lengths (ISO/IEC 14496-15 §5.3.3.1).
    pub avcc: Bytes,
    /// Size of the decoded picture after cropping, in pixels.
    pub size: Size,
    /// Width to height of one pixel; 1:1 when the stream does not say.
    pub sample_aspect_ratio: Rational,
    /// Frames per second as the VUI promises them; `None` when it says nothing.
    pub frame_rate: Option<Rational>,
}

/// The parameters of an AAC track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aac {
    /// `AudioSpecificConfig` (ISO/IEC 14496-3 §1.6.2.1), passed through as it came.
    pub asc: Bytes,
    /// Samples per second of the core codec; with SBR the output has twice as many.
    pub sample_rate: u32,
    /// Output channels; 0 never occurs.
    pub channels: u8,
}

/// A decoder configuration that cannot be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParameterError {
    /// The bytes end before the configuration does.
    #[error("{what} is cut short")]
    Truncated {
        /// The record that was read.
        what: &'static str,
    },
    /// A record of a version that nothing here knows.
    #[error("{what} of version {found}, expected {expected}")]
    UnknownVersion {
        /// The record.
        what: &'static str,
        /// The version it says.
        found: u8,
        /// The version that is known.
        expected: u8,
    },
    /// A parameter set that every stream needs is not there.
    #[error("no {0} parameter set")]
    MissingParameterSet(&'static str),
    /// A record of AV1 without a sequence header, which it may leave to the first key frame.
    #[error("no sequence header in the AV1CodecConfigurationRecord")]
    MissingHeader,
    /// The sequence parameter set cannot be read.
    #[error("the sequence parameter set cannot be read")]
    BadSps,
    /// A unit of another type stands where a parameter set belongs.
    #[error("NAL unit type {0} where a parameter set belongs")]
    NotAParameterSet(u8),
    /// More parameter sets than the record can count.
    #[error("{count} parameter sets, at most {max} fit the record")]
    TooManyParameterSets {
        /// How many there are.
        count: usize,
        /// How many fit.
        max: usize,
    },
    /// A picture larger than any level of its codec allows.
    #[error("a picture of {width}x{height} pixels, at most {max} a side")]
    TooLarge {
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
        /// The limit for either.
        max: u32,
    },
    /// A field of `AudioSpecificConfig` whose value cannot be used.
    #[error("AudioSpecificConfig: unusable {what}")]
    BadAudioConfig {
        /// The field.
        what: &'static str,
    },
    /// A video parameter set or sequence header that cannot be read.
    #[error("the {0} cannot be read")]
    Unreadable(&'static str),
    /// A channel layout of Opus that does not exist.
    #[error("Opus: unusable {what}")]
    BadOpusConfig {
        /// The field.
        what: &'static str,
    },
    /// An audio object type whose frames do not have 1 024 samples.
    #[error("audio object type {0} is not supported, only AAC Main, LC, SSR, LTP and HE-AAC")]
    UnsupportedAudioObject(u8),
}

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// A ratio as the bitstream wrote it; the denominator is never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rational {
    /// Numerator.
    pub num: u32,
    /// Denominator, not 0.
    pub den: u32,
}

impl Aac {
    /// Samples in one access unit: 1 024 for every profile that RTMP or SRT carry in practice.
    pub const FRAME_SAMPLES: u32 = 1_024;
}

impl Size {
    /// A picture of `width` × `height` pixels.
    #[must_use]
    pub const fn new(width: u32, height: u32) -> Size {
        Size { width, height }
    }
}

impl Rational {
    /// One to one.
    pub const ONE: Rational = Rational { num: 1, den: 1 };

    /// `num` / `den`, or `None` when `den` is 0.
    #[must_use]
    pub const fn new(num: u32, den: u32) -> Option<Rational> {
        if den == 0 { None } else { Some(Rational { num, den }) }
    }

    /// Its value.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }
}

impl Codec {
    /// The codec's name as people write it, for logs, statistics and notices.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Codec::H264(_) => "H.264",
            Codec::Hevc(_) => "HEVC",
            Codec::Av1(_) => "AV1",
            Codec::Aac(_) => "AAC",
            Codec::Opus(_) => "Opus",
            Codec::Foreign(sound) => sound.format.name(),
        }
    }

    /// What it tells of its pictures; `None` for sound.
    #[must_use]
    pub fn picture(&self) -> Option<Picture> {
        let (size, sample_aspect_ratio, frame_rate) = match self {
            Codec::H264(h264) => (h264.size, h264.sample_aspect_ratio, h264.frame_rate),
            Codec::Hevc(hevc) => (hevc.size, hevc.sample_aspect_ratio, hevc.frame_rate),
            Codec::Av1(av1) => (av1.size, Rational::ONE, av1.frame_rate),
            Codec::Aac(_) | Codec::Opus(_) | Codec::Foreign(_) => return None,
        };
        Some(Picture { size, sample_aspect_ratio, frame_rate })
    }

    /// What it tells of its sound; `None` for video.
    #[must_use]
    pub fn sound(&self) -> Option<Sound> {
        match self {
            Codec::Aac(aac) => Some(Sound { sample_rate: aac.sample_rate, channels: aac.channels }),
            Codec::Opus(opus) => Some(Sound { sample_rate: Opus::SAMPLE_RATE, channels: opus.channels }),
            Codec::Foreign(sound) => Some(Sound { sample_rate: sound.sample_rate, channels: sound.channels }),
            Codec::H264(_) | Codec::Hevc(_) | Codec::Av1(_) => None,
        }
    }

    /// How long the access unit `data` sounds; `None` for video, and for Opus that cannot be read.
    ///
    /// Every access unit of AAC lasts as long as the next, one of Opus says it in its first byte.
    #[must_use]
    pub fn sound_duration(&self, data: &[u8]) -> Option<Span> {
        match self {
            Codec::Aac(aac) => {
                let rate = Timescale::new(aac.sample_rate)?;
                Some(Span::from_ticks(i64::from(Aac::FRAME_SAMPLES), rate))
            }
            Codec::Opus(_) => Opus::packet_duration(data),
            Codec::Foreign(sound) => sound.duration(data),
            Codec::H264(_) | Codec::Hevc(_) | Codec::Av1(_) => None,
        }
    }
}
