//! Packets to parts, segments and playlist text; without a clock, socket or file.
//!
//! [`Packager`] takes [`media::MediaEvent`]s and gives out a [`Window`] whenever there is something new
//! to fetch: fragmented MP4 as Low-Latency HLS (draft-pantos-hls-rfc8216bis). Media time is its only clock.
//!
//! Relative to the multivariant playlist there are `main/index.m3u8` and, where there is sound beside a picture,
//! `audio/index.m3u8`; `r1/index.m3u8` and so on where somebody makes smaller renditions of the picture; beside each `init-{n}.mp4`, `seg-{msn}.m4s` and `part-{msn}-{part}.m4s`.

mod config;
mod cutter;
mod cutting;
mod early_sound;
mod error;
mod follower;
mod interleaver;
mod lane;
mod media_playlist;
mod multivariant_playlist;
mod notice;
mod opening;
mod packager;
mod part_target;
mod retention;
mod rung;
mod segment;
mod segmenter;
mod text;
mod timeline;
mod vod_playlist;
mod whole;
mod window;

pub use config::Config;
pub use error::Error;
pub use notice::Notice;
pub use packager::{Input, Mapping, Output, Packager, RungMedia};
pub use text::Text;
pub use vod_playlist::{VodFile, VodFragment, vod_playlist};
pub use whole::Whole;
pub use window::{AUDIO, MAIN, Position, RUNGS, Rendition, Window};
