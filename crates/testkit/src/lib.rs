//! Synthetic sources and fixtures for tests.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

pub mod ffmpeg;
mod flv_file;
mod fragment;
#[cfg(feature = "relay")]
pub mod live_transmit;
#[cfg(feature = "load")]
pub mod load;
#[cfg(feature = "relay")]
pub mod lossy_relay;
mod mp4_file;
pub mod playlist;
#[cfg(feature = "router")]
pub mod router;
mod rtmp;
mod source;
pub mod transport_stream;

use std::path::{Path, PathBuf};

pub use container::flv::Tag;
pub use flv_file::{read_flv, to_tags};
pub use fragment::{ReadSample, read_fragment};
pub use mp4_file::read_mp4;
pub use rtmp::RtmpPublisher;
pub use source::Source;

/// The path of a real clip: in the folder `ROSTRUM_MEDIA`, by default `../shared/media` beside the
/// repository.
///
/// `None` when it is not there, for the test to leave out; with `CI=true` that fails the run instead.
///
/// # Panics
/// When the clip is missing and `CI=true`.
#[must_use]
pub fn media_file(name: &str) -> Option<PathBuf> {
    let path = media_folder().join(name);
    if path.is_file() {
        return Some(path);
    }
    assert!(!must_be_complete(), "no {name} in {}: set ROSTRUM_MEDIA to the clips", media_folder().display());
    None
}

fn media_folder() -> PathBuf {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::env::var_os("ROSTRUM_MEDIA").map_or_else(|| repository.join("../shared/media"), PathBuf::from)
}

/// Whether a missing tool or clip fails the run.
pub(crate) fn must_be_complete() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}
