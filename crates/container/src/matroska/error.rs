//! Why a Matroska file cannot be read.

use media::ParameterError;
use thiserror::Error;

/// Bytes that are no Matroska, or more than is allowed. Positions count from the first byte of the file.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// An element that is not built as its specification says.
    #[error("Matroska element at byte {at}: {problem}")]
    Element {
        /// Where it begins.
        at: u64,
        /// What was found and what was expected.
        problem: &'static str,
    },
    /// More than is taken.
    #[error("Matroska element {id:#x} at byte {at}: {bytes} bytes, at most {max}")]
    TooLarge {
        /// Its id.
        id: u32,
        /// Where it begins.
        at: u64,
        /// How many it has.
        bytes: u64,
        /// The limit.
        max: u64,
    },
    /// A file of another kind in the same building blocks.
    #[error("the file is of the kind '{found}', expected 'matroska' or 'webm'")]
    DocType {
        /// What it calls itself.
        found: String,
    },
    /// Nothing to play.
    #[error("'Tracks' at byte {at}: neither a video nor an audio track in it")]
    NoTracks {
        /// Where it begins.
        at: u64,
    },
    /// A codec that is not taken.
    #[error("{codec} is not supported: expected H.264, HEVC or AV1 video and AAC or Opus audio")]
    UnsupportedCodec {
        /// As people write it, or the name in the file.
        codec: String,
    },
    /// A decoder configuration that cannot be used.
    #[error("'{codec}' in 'Tracks' at byte {at}: {source}")]
    BadConfiguration {
        /// `CodecID`.
        codec: &'static str,
        /// Where `Tracks` begins.
        at: u64,
        /// What is wrong with it.
        source: ParameterError,
    },
}
