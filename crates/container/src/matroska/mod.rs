//! Matroska and WebM, as recorders and browsers write them, to packets.
//!
//! Spec: RFC 8794 (EBML), RFC 9559 (Matroska), the codec mappings of the Matroska project.

mod block;
mod demuxer;
mod ebml;
mod error;
mod order;
mod tracks;

pub use demuxer::Demuxer;
pub use error::Error;
