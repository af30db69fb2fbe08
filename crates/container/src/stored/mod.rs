//! Files as people have them: MP4 and MOV, fragmented or not, Matroska and WebM, MPEG-TS and FLV, read in the order of their decoding
//! times wherever the samples stand.
//!
//! Nothing here does I/O: a [`Reader`] says which bytes it wants, and is given them.

mod error;
mod reader;
mod stream;

use std::fmt;

use crate::{flv, fmp4, mpegts};

pub use error::Error;
pub use reader::{Format, Reader, Wanted};

/// A fact that whoever brought a file should know, in words by `Display`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// Of MP4 and of Matroska.
    Mp4(fmp4::Warning),
    /// Of MPEG-TS.
    Mpegts(mpegts::Warning),
    /// Of FLV.
    Flv(flv::Warning),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::Mp4(warning) => warning.fmt(f),
            Warning::Mpegts(warning) => warning.fmt(f),
            Warning::Flv(warning) => warning.fmt(f),
        }
    }
}
