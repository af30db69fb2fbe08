//! Fragmented MP4: initialisation segments, fragments and codec names; and read back. Movies whose samples stand in
//! tables are read too, by [`crate::stored`].
//!
//! Spec: ISO/IEC 14496-12 §8, ISO/IEC 14496-15 §5, RFC 6381.

mod boxes;
mod codec_string;
mod coding;
mod demuxer;
mod file;
mod fragment;
mod fragmenter;
mod movie;
mod movie_fragment;
mod plain;
mod read_error;
mod reader;
mod sample_table;
mod sequence;
mod stored_movie;

use media::TrackId;
use thiserror::Error;

pub use codec_string::codec_string;
pub(crate) use coding::{Coding, Family};
pub use demuxer::Demuxer;
pub use file::{BoxHeader, FileTrack, RunSummary, duration_box, index, read_runs, read_tracks};
pub use fragment::{Fragment, Run, Sample};
pub use fragmenter::{Fragmenter, Piece};
pub use plain::PlainIndex;
pub use read_error::{BoxName, ReadError};
pub(crate) use reader::read_header;
pub use sequence::{Counters, Warning};
pub(crate) use sequence::{Sample as StoredSample, Sequence};
pub(crate) use stored_movie::{Moov, StoredMovie};

/// Tracks or samples that ISO BMFF cannot hold.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A field of a box is too small for a value, or a record in the tracks cannot be read.
    #[error("box cannot be written: {0}")]
    Box(#[from] mp4_atom::Error),
    /// The picture does not fit 16 bits.
    #[error("track {track:?}: a picture of {width}x{height} pixels, at most 65535 a side")]
    PictureTooLarge {
        /// The track.
        track: TrackId,
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// A fragment without a sample.
    #[error("a fragment without samples")]
    Empty,
    /// The fragment's data passes 2 GiB.
    #[error("a fragment of {bytes} bytes, at most {max}")]
    TooLarge {
        /// Bytes of sample data.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The codec has no sample entry here yet.
    #[error("{0} has no sample entry yet")]
    UnsupportedCodec(&'static str),
}

/// Writes the initialisation segment (`ftyp`, `moov`) for `tracks`.
///
/// Track ids in the file are [`TrackId`] plus one, since ISO BMFF forbids 0.
///
/// # Errors
/// When a codec's record cannot be read or a value does not fit its field.
///
/// Spec: ISO/IEC 14496-12 §8.1 to §8.8.
pub fn init_segment(tracks: &[media::Track]) -> Result<bytes::Bytes, Error> {
    boxes::init_segment(tracks)
}

/// Writes a fragment without a sample for `run`, whose samples are not looked at: `duration` ticks of its track
/// in which the sample before goes on (`duration-is-empty`).
///
/// # Errors
/// When a value does not fit its field.
///
/// Spec: ISO/IEC 14496-12 §8.8.7.
pub fn empty_fragment(sequence: u32, run: &Run, duration: u32) -> Result<bytes::Bytes, Error> {
    boxes::empty_fragment(sequence, run, duration)
}
