//! What can go wrong while packaging.

use media::TrackId;
use thiserror::Error;

/// An input that cannot be packaged. The packager stays usable.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// Media before [`crate::Input::Start`], or after the end.
    #[error("media came before the publisher was announced")]
    NotStarted,
    /// A packet before any tracks, or of a track they do not hold.
    #[error("a packet of track {0:?}, which the tracks do not hold")]
    UnknownTrack(TrackId),
    /// More than one video or one audio track: they need renditions of their own.
    #[error("{video} video and {audio} audio tracks, at most one of each is packaged")]
    TooManyTracks {
        /// Video tracks.
        video: usize,
        /// Audio tracks.
        audio: usize,
    },
    /// Sound in a codec that players do not take.
    #[error("{0} sound cannot be packaged as it is, and this origin does not re-encode it: send AAC or Opus")]
    ForeignSound(&'static str),
    /// A rendition beyond those that have names.
    #[error("rendition {0}: there are names for {max}", max = crate::RUNGS.len())]
    UnknownRung(usize),
    /// The tracks or packets do not fit ISO BMFF.
    #[error("fragmented MP4: {0}")]
    Container(#[from] container::fmp4::Error),
}
