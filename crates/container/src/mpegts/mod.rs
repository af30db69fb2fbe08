//! MPEG-TS, as SRT carries it: transport packets to media events and back.
//!
//! H.264 and HEVC with AAC (ADTS) and Opus. What is read is the first program; other codecs are refused by name when
//! nothing else of their kind is there.
//!
//! Spec: ISO/IEC 13818-1 (ITU-T H.222.0); ISO/IEC 14496-3 §1.A.2 (ADTS); ETSI TS Opus 0.1.3-draft (Opus).

mod annex_b;
mod assembly;
mod audio;
mod demuxer;
mod elementary;
mod muxer;
mod packet;
mod pes;
mod program;
mod section;
mod transport_writer;
mod video;

use thiserror::Error;

pub use assembly::{Counters, Warning};
pub use demuxer::Demuxer;
pub use muxer::{MuxError, Muxer};

/// A stream that cannot be taken; the publisher should be told and ended.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A codec that is not read, by its name.
    #[error("{codec} is not supported: send H.264 or HEVC video and AAC or Opus audio")]
    UnsupportedCodec {
        /// As people write it.
        codec: &'static str,
    },
    /// The program holds nothing that is known.
    #[error("the program has no video and no audio: send H.264 or HEVC video and AAC or Opus audio")]
    NoMedia,
    /// The bytes are something else, or their tables do not come.
    #[error("no MPEG-TS program in the first {bytes} bytes: send MPEG-TS with its PAT and PMT")]
    NoProgram {
        /// How many were looked through.
        bytes: usize,
    },
}
