//! Pictures of rooms and recordings. Without feature `transcode` there are none, and pages show something else.

use std::sync::Arc;

use bytes::Bytes;
use media::{Packet, Track};

/// A coded picture that can be decoded alone.
#[derive(Clone, Debug)]
pub(crate) struct KeyFrame {
    pub(crate) tracks: Arc<[Track]>,
    pub(crate) packet: Packet,
}

impl KeyFrame {
    /// The picture as JPEG; `None` when it cannot be decoded. Takes tens of milliseconds: not for an async thread.
    #[cfg(feature = "transcode")]
    pub(crate) fn jpeg(&self) -> Option<Bytes> {
        let track = self.tracks.iter().find(|track| track.id == self.packet.track && track.is_video())?;
        let made = encode::still::of_key_frame(&track.codec, &self.packet.data, SIZE_MAX, QUALITY);
        made.inspect_err(|error| tracing::debug!(%error, "no still picture")).ok()
    }

    /// Without a decoder there is no picture.
    #[cfg(not(feature = "transcode"))]
    pub(crate) fn jpeg(&self) -> Option<Bytes> {
        let _ = (&self.tracks, &self.packet);
        None
    }
}

/// As large as the largest card of the pages, on a screen of twice the density.
#[cfg(feature = "transcode")]
const SIZE_MAX: media::Size = media::Size::new(1_280, 720);
/// JPEG quality, 1 to 100: fine enough for writing on a shared screen, some 60 KB.
#[cfg(feature = "transcode")]
const QUALITY: u8 = 70;
