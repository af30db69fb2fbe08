//! Movie fragments: `moof` and `mdat`.

use bytes::Bytes;
use media::{Timescale, TrackId};

use super::{Error, boxes};

/// One movie fragment, written by [`Fragment::write`].
#[derive(Clone, Debug)]
pub struct Fragment<'a> {
    /// `mfhd.sequence_number`, rising from fragment to fragment.
    pub sequence: u32,
    /// The tracks in it, each once; their data follows in this order.
    pub runs: &'a [Run],
}

/// The samples of one track in a fragment, without a gap between them.
#[derive(Clone, Debug)]
pub struct Run {
    /// The track.
    pub track: TrackId,
    /// Decoding time of the first sample, in the track's timescale.
    pub base_decode_time: u64,
    /// In decoding order.
    pub samples: Vec<Sample>,
}

/// One sample; times are ticks of its track's timescale.
#[derive(Clone, Debug)]
pub struct Sample {
    /// From its decoding time to the next sample's.
    pub duration: u32,
    /// Presentation minus decoding time.
    pub composition_offset: i32,
    /// Decoding can start here (`sample_is_non_sync_sample` is 0).
    pub sync: bool,
    /// The access unit.
    pub data: Bytes,
}

impl Fragment<'_> {
    /// Writes `moof` and `mdat`.
    ///
    /// # Errors
    /// [`Error::Empty`] without a sample, [`Error::TooLarge`] when offsets would not fit.
    ///
    /// Spec: ISO/IEC 14496-12 §8.8.4 to §8.8.12; composition offsets are version 1, signed.
    pub fn write(&self) -> Result<Bytes, Error> {
        boxes::fragment(self)
    }
}

impl Run {
    /// Rounds a decoding time to ticks; times before 0, which `tfdt` cannot hold, become 0.
    #[must_use]
    pub fn decode_time(dts: media::Timestamp, timescale: Timescale) -> u64 {
        u64::try_from(dts.ticks(timescale)).unwrap_or(0)
    }
}
