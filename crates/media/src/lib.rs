//! The words every other crate speaks: time, tracks, packets, media events and raw frames.
//!
//! Nothing here reads a clock, a socket or a file, and nothing here knows a wire format: a codec's
//! parameters are kept in the record ISO BMFF defines for it, whatever protocol they arrived by.
//!
//! # Invariants of a stream of [`MediaEvent`]s
//!
//! 1. [`MediaEvent::Tracks`] comes first.
//! 2. A packet names a track of the latest `Tracks`.
//! 3. DTS rises strictly per track.
//! 4. The first video packet after each `Tracks` is an IDR (`random_access`).
//! 5. H.264 data is a sequence of NAL units with 4-byte lengths, without parameter sets.
//! 6. New parameters mean new `Tracks`, then an IDR.
//! 7. [`MediaEvent::End`] is last.
//!
//! [`StreamChecker`] holds a stream to them in tests and fuzzing.

mod aac;
mod bits;
mod check;
mod codec;
mod event;
mod frame;
mod h264;
pub mod nal;
mod sps;
mod time;
mod track;

pub use check::{StreamChecker, Violation};
pub use codec::{Aac, Codec, H264, ParameterError, Rational, Size};
pub use event::{EndReason, MediaEvent, Packet};
pub use frame::{AudioFrame, Colour, PixelFormat, Plane, VideoFrame};
pub use time::{Span, Timescale, Timestamp};
pub use track::{Track, TrackId, TrackKind};
