//! Screens, cameras, microphones, files and test patterns to raw frames.
//!
//! Sources are pulled: [`VideoSource::next`] and [`AudioSource::next`] wait a bounded time on the
//! caller's thread, so that whoever owns the thread owns the source, and a [`Stop`] ends every wait at
//! once. Foreign are the audio system's own callback thread, which writes into a ring of fixed size and
//! never waits, and the thread of a camera, whose driver may hang.
//!
//! Every timestamp is on the session's [`Clock`]. [`AvSync`] turns the timestamps of a sound device, with
//! their jitter, gaps and drift, into one gap-free line of samples, and tells how far that line has moved
//! away from the clock, so that pictures can follow it: sound is the timing master.
//!
//! What is particular to an operating system stands in files of its own: `screen_linux.rs`, `window_linux.rs`,
//! `camera_linux.rs`, `pulse_linux.rs`; `wayland_*.rs`, behind feature `wayland`.

mod audio;
mod audio_file;
mod av_sync;
mod bounded;
mod camera;
#[cfg(target_os = "linux")]
#[path = "camera_linux.rs"]
mod camera_device;
mod camera_format;
mod clock;
mod decoded_picture;
mod demuxer;
mod device_clock;
mod devices;
mod error;
mod input;
mod microphone;
mod mjpeg;
#[cfg(target_os = "linux")]
#[path = "pulse_linux.rs"]
mod pulse;
mod rate_estimate;
mod resampler;
#[cfg(target_os = "linux")]
#[path = "screen_linux.rs"]
mod screen;
#[cfg_attr(
    not(feature = "wayland"),
    allow(dead_code, reason = "nobody but a Wayland desktop gives one to keep")
)]
mod screen_permission;
mod test_pattern;
mod time_of_day;
mod tone;
mod trouble;
mod video;
mod video_file;
#[cfg(all(target_os = "linux", feature = "wayland"))]
mod wayland_buffer;
#[cfg(all(target_os = "linux", feature = "wayland"))]
mod wayland_picture;
#[cfg(all(target_os = "linux", feature = "wayland"))]
mod wayland_portal;
#[cfg(all(target_os = "linux", feature = "wayland"))]
mod wayland_screen;
#[cfg(all(target_os = "linux", feature = "wayland"))]
mod wayland_stream;
#[cfg(target_os = "linux")]
#[path = "window_linux.rs"]
mod window;

pub use audio::{AudioSource, AudioStep, Captured, SAMPLE_RATE};
pub use av_sync::{AvSync, Placed};
pub use camera::{Camera, CameraCapture};
pub use camera_format::{CameraFormat, CameraPixels};
pub use clock::{Clock, Stop};
pub use devices::{AudioDevice, Devices, Screen, Window, devices};
pub use error::Error;
pub use input::{AudioInput, Grab, InputError, Region, RegionError, VideoInput};
pub use screen_permission::ScreenPermission;
pub use test_pattern::TestPattern;
pub use tone::{BEEP_LENGTH, Tone};
pub use trouble::{Trouble, TroubleKind};
pub use video::{VideoSettings, VideoSource};

/// Starts FFmpeg, once, and keeps its own words on stderr to errors: the rest is told by ours.
fn start_ffmpeg() -> Result<(), ffmpeg_next::Error> {
    ffmpeg_next::init()?;
    ffmpeg_next::device::register_all();
    ffmpeg_next::log::set_level(ffmpeg_next::log::Level::Error);
    Ok(())
}
