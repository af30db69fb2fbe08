//! Bytes to packets and back: FLV bodies and fragmented MP4.
//!
//! Nothing here does I/O. A protocol crate takes the framing off (RTMP chunks, HTTP) and hands bodies in.

pub mod flv;
pub mod fmp4;
