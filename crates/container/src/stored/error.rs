//! Why a file cannot be read.

use thiserror::Error;

use crate::{flv, fmp4, matroska, mpegts};

/// A file that cannot be played; whoever brought it should be told. Positions count from its first byte.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// No byte at all.
    #[error("the file is empty")]
    Empty,
    /// Another kind of file, by its name.
    #[error("this is {found}, expected {EXPECTED}")]
    OtherFormat {
        /// As people call it.
        found: &'static str,
    },
    /// Nothing that is known.
    #[error("the file begins with '{}', expected {EXPECTED}", .found.escape_ascii())]
    Unknown {
        /// Its first bytes.
        found: [u8; 8],
    },
    /// An MP4 whose index was never written.
    #[error("no 'moov' in the file: it was cut short, or its recording was never finished")]
    NoMovie,
    /// More boxes than a file has.
    #[error("more than {max} boxes before 'moov'")]
    TooManyBoxes {
        /// The limit.
        max: u32,
    },
    /// Other bytes than were asked for: the file is shorter than it was.
    #[error("the file ends at byte {at}, expected {bytes} more: it changed while it was read")]
    Short {
        /// Where the bytes stand that are missing.
        at: u64,
        /// How many were asked for.
        bytes: usize,
    },
    /// A codec that is not read.
    #[error("the file holds {codec}, expected H.264, HEVC or AV1 video and AAC or Opus audio")]
    UnsupportedCodec {
        /// As people write it.
        codec: String,
    },
    /// MP4 that cannot be read.
    #[error("{0}")]
    Mp4(fmp4::ReadError),
    /// An FLV file that cannot be read.
    #[error("{0}")]
    FlvFile(#[from] flv::FileError),
    /// What an FLV file holds cannot be read.
    #[error("{0}")]
    Flv(flv::Error),
    /// Matroska that cannot be read.
    #[error("{0}")]
    Matroska(matroska::Error),
    /// MPEG-TS that cannot be read.
    #[error("{0}")]
    Mpegts(mpegts::Error),
}

impl From<fmp4::ReadError> for Error {
    fn from(error: fmp4::ReadError) -> Error {
        match error {
            fmp4::ReadError::UnsupportedCodec { codec } => Error::UnsupportedCodec { codec },
            other => Error::Mp4(other),
        }
    }
}

impl From<flv::Error> for Error {
    fn from(error: flv::Error) -> Error {
        match error {
            flv::Error::UnsupportedCodec { codec } => Error::UnsupportedCodec { codec },
            other => Error::Flv(other),
        }
    }
}

impl From<matroska::Error> for Error {
    fn from(error: matroska::Error) -> Error {
        match error {
            matroska::Error::UnsupportedCodec { codec } => Error::UnsupportedCodec { codec },
            other => Error::Matroska(other),
        }
    }
}

impl From<mpegts::Error> for Error {
    fn from(error: mpegts::Error) -> Error {
        match error {
            mpegts::Error::UnsupportedCodec { codec } => Error::UnsupportedCodec { codec: codec.to_owned() },
            other => Error::Mpegts(other),
        }
    }
}

const EXPECTED: &str =
    "MP4, MOV, Matroska, WebM, MPEG-TS or FLV with H.264, HEVC or AV1 video and AAC or Opus audio";
