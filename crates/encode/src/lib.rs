//! Raw frames to packets through the best encoder the machine has, and to still pictures; packets to renditions, and
//! sound that players do not take to AAC.
//!
//! [`Video`] and [`Audio`] are synchronous and belong on a thread of their own; the caller gives them that
//! thread. Pictures are scaled and converted on the way in, so a source may change size or format at any
//! time; what leaves is H.264, HEVC or AV1 in BT.709 limited range, with its tags, and AAC at 48 kHz stereo.

mod audio;
mod bitstream;
mod config;
mod encoder;
mod error;
mod family;
mod hardware;
mod key_frame;
pub mod ladder;
mod list;
pub mod probe;
mod recode;
mod scaler;
mod seat;
#[cfg(test)]
mod software_tests;
mod speed;
#[cfg(feature = "stand-ins")]
mod stand_in;
pub mod still;
mod stretch;
mod upper_band;
mod video;

pub use audio::Audio;
pub use config::{BITRATES_BPS, Config};
pub use error::Error;
pub use list::{Choice, Found, VideoCodec, encoders, encoders_anew};
pub use recode::Recoder;
pub use speed::{Speed, speed};
pub use stretch::Stretch;
pub use upper_band::UpperBand;
pub use video::Video;

/// Starts FFmpeg, once, and keeps its own words off stderr, where a publisher could write at will: ours tell what matters.
fn start_ffmpeg() -> Result<(), ffmpeg_next::Error> {
    static QUIET: std::sync::Once = std::sync::Once::new();
    ffmpeg_next::init()?;
    QUIET.call_once(|| ffmpeg_next::log::set_level(ffmpeg_next::log::Level::Fatal));
    Ok(())
}
