//! Bytes to packets and back: FLV and fragmented MP4; MPEG-TS, Matroska and files of all of these to packets.
//!
//! Nothing here does I/O. A protocol crate takes the framing off (RTMP chunks, HTTP) and hands bodies in.

mod access_unit;
mod audio_clock;
pub mod flv;
pub mod fmp4;
pub mod matroska;
pub mod mpegts;
mod stamps;
pub mod stored;
