//! Why an encoder does not open or stops.

use media::{ParameterError, PixelFormat, Size};
use thiserror::Error;

/// What can go wrong while encoding.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The encoder that was asked for cannot be used.
    #[error("encoder {name}: {reason}")]
    Unusable {
        /// Its name.
        name: String,
        /// Why not, in words.
        reason: String,
    },
    /// FFmpeg refused a step.
    #[error("{name}: {step} failed: {source}")]
    Ffmpeg {
        /// The encoder's name.
        name: &'static str,
        /// What was being done.
        step: &'static str,
        /// FFmpeg's reason.
        source: ffmpeg_next::Error,
    },
    /// A driver does not come back.
    #[error("{name}: {step} was not over after {limit:?}")]
    Hangs {
        /// The encoder's name.
        name: &'static str,
        /// What was being done.
        step: &'static str,
        /// How long was waited.
        limit: std::time::Duration,
    },
    /// A size that pictures in 4:2:0 cannot have, or that is beyond all levels.
    #[error("{}x{}: both sides must be even, 2 to {max}", size.width, size.height)]
    Size {
        /// The size.
        size: Size,
        /// The longest side.
        max: u32,
    },
    /// A frame rate, bit rate or keyframe interval out of range.
    #[error("{what} is {value}: it must be {from} to {to}")]
    Range {
        /// Which setting, with its unit.
        what: &'static str,
        /// Its value.
        value: i64,
        /// The least value.
        from: i64,
        /// The greatest value.
        to: i64,
    },
    /// A frame whose planes are too short for its size.
    #[error("{format:?} picture of {}x{}: plane {plane} is too short", size.width, size.height)]
    ShortPicture {
        /// Its format.
        format: PixelFormat,
        /// Its size.
        size: Size,
        /// The first plane that is too short.
        plane: usize,
    },
    /// The encoder wrote parameters that cannot be read.
    #[error("{name}: unreadable parameters: {source}")]
    Parameters {
        /// The encoder's name.
        name: &'static str,
        /// What is wrong.
        source: ParameterError,
    },
}
