//! The codecs of Enhanced RTMP by their FourCC.

use media::Codec;

use super::Error;

/// A codec that is taken, and the name it has in Enhanced RTMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FourCc {
    /// `avc1`: H.264.
    Avc,
    /// `hvc1`: HEVC.
    Hevc,
    /// `av01`: AV1.
    Av1,
    /// `mp4a`: AAC.
    Aac,
    /// `Opus`.
    Opus,
}

impl FourCc {
    /// All that are taken, video first.
    pub const ALL: [FourCc; 5] = [FourCc::Avc, FourCc::Hevc, FourCc::Av1, FourCc::Aac, FourCc::Opus];

    /// Its four letters.
    #[must_use]
    pub fn letters(self) -> &'static str {
        match self {
            FourCc::Avc => "avc1",
            FourCc::Hevc => "hvc1",
            FourCc::Av1 => "av01",
            FourCc::Aac => "mp4a",
            FourCc::Opus => "Opus",
        }
    }

    /// Its letters as a number, the first in the highest byte, as `onMetaData` tells codecs.
    #[must_use]
    pub fn number(self) -> u32 {
        self.letters().bytes().fold(0, |number, letter| number << 8 | u32::from(letter))
    }

    /// Whether it carries sound.
    #[must_use]
    pub fn is_audio(self) -> bool {
        matches!(self, FourCc::Aac | FourCc::Opus)
    }

    /// The name of a track's codec, `None` for one that FLV cannot carry.
    #[must_use]
    pub fn of(codec: &Codec) -> Option<FourCc> {
        match codec {
            Codec::H264(_) => Some(FourCc::Avc),
            Codec::Hevc(_) => Some(FourCc::Hevc),
            Codec::Av1(_) => Some(FourCc::Av1),
            Codec::Aac(_) => Some(FourCc::Aac),
            Codec::Opus(_) => Some(FourCc::Opus),
            _ => None,
        }
    }

    /// As people write it.
    pub(super) fn name(self) -> &'static str {
        match self {
            FourCc::Avc => "H.264",
            FourCc::Hevc => "HEVC",
            FourCc::Av1 => "AV1",
            FourCc::Aac => "AAC",
            FourCc::Opus => "Opus",
        }
    }

    /// Reads four letters; a codec that is not taken is refused by its name.
    pub(super) fn read(letters: [u8; 4]) -> Result<FourCc, Error> {
        if let Some(known) = FourCc::ALL.into_iter().find(|known| known.letters().as_bytes() == letters) {
            return Ok(known);
        }
        let name = match &letters {
            b"hev1" => "HEVC with parameter sets in the stream (hev1)".to_owned(),
            b"vp08" => "VP8".to_owned(),
            b"vp09" => "VP9".to_owned(),
            b"vvc1" => "VVC".to_owned(),
            b"ac-3" => "AC-3".to_owned(),
            b"ec-3" => "E-AC-3".to_owned(),
            b".mp3" => "MP3".to_owned(),
            b"fLaC" => "FLAC".to_owned(),
            other => format!("codec {}", other.escape_ascii()),
        };
        Err(Error::UnsupportedCodec { codec: name })
    }
}
