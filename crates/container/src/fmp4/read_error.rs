//! Why a fragmented MP4 stream cannot be read.

use std::fmt;

use media::ParameterError;
use thiserror::Error;

/// The four letters that name a box.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct BoxName(pub [u8; 4]);

impl fmt::Display for BoxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Debug for BoxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Bytes that are no fragmented MP4, or more than is allowed; the publisher should be told and ended.
/// Positions count from the first byte of the stream.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// Another container.
    #[error("the stream is WebM, expected fragmented MP4 with H.264, HEVC or AV1 video")]
    WebM,
    /// The first bytes name no box that an MP4 stream begins with.
    #[error("the stream begins with '{found}', expected the box 'ftyp' of MP4")]
    NotMp4 {
        /// Where the name of the first box stands.
        found: BoxName,
    },
    /// A file with all samples in one table, whose end comes first or last.
    #[error("the MP4 is not fragmented: 'moov' has no 'mvex'")]
    NotFragmented,
    /// A box that is not built as its specification says.
    #[error("box '{name}' at byte {at}: {problem}")]
    Box {
        /// Its name.
        name: BoxName,
        /// Where it begins.
        at: u64,
        /// What was found and what was expected.
        problem: &'static str,
    },
    /// A box without one that it must hold.
    #[error("box '{within}' at byte {at}: no '{missing}' in it")]
    Missing {
        /// What is not there.
        missing: BoxName,
        /// The box that should hold it.
        within: BoxName,
        /// Where that begins.
        at: u64,
    },
    /// More than is taken.
    #[error("box '{name}' at byte {at}: {count} {what}, at most {max}")]
    TooMany {
        /// The box that says so.
        name: BoxName,
        /// Where it begins.
        at: u64,
        /// How many there are.
        count: u64,
        /// Of what.
        what: &'static str,
        /// The limit.
        max: u64,
    },
    /// A codec that is not taken.
    #[error("{codec} is not supported: send H.264, HEVC or AV1 video and AAC or Opus audio")]
    UnsupportedCodec {
        /// As people write it, or the name of the sample entry.
        codec: String,
    },
    /// A decoder configuration that cannot be used.
    #[error("box '{name}' at byte {at}: {source}")]
    BadConfiguration {
        /// The box that holds it.
        name: BoxName,
        /// Where it begins.
        at: u64,
        /// What is wrong with it.
        source: ParameterError,
    },
}
