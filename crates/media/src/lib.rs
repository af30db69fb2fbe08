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
//! 4. The first video packet after each `Tracks` is an IDR or its equal (`random_access`).
//! 5. Data is what [`Packet::data`] says of its codec.
//! 6. New parameters mean new `Tracks`, then an IDR.
//! 7. [`MediaEvent::End`] is last.
//!
//! [`StreamChecker`] holds a stream to them in tests and fuzzing.

mod aac;
mod av1;
mod av1_sequence_header;
mod bits;
mod check;
mod codec;
mod event;
mod foreign_sound;
mod frame;
mod h264;
mod hevc;
mod hevc_parameter_sets;
pub mod nal;
pub mod obu;
mod opus;
mod sps;
mod time;
mod track;
mod vui;

pub use av1::Av1;
pub use check::{StreamChecker, Violation};
pub use codec::{Aac, Codec, H264, ParameterError, Picture, Rational, Size, Sound};
pub use event::{EndReason, MediaEvent, Packet};
pub use foreign_sound::{ForeignSound, SoundFormat, SoundFrame};
pub use frame::{AudioFrame, Colour, PixelFormat, Plane, VideoFrame};
pub use hevc::{Hevc, ParameterSets, ProfileTierLevel};
pub use opus::Opus;
pub use time::{Span, Timescale, Timestamp};
pub use track::{Track, TrackId, TrackKind};
