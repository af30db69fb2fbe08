//! The picture of a media file.

use std::path::Path;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::frame;
use media::{Timestamp, VideoFrame};

use crate::decoded_picture::DecodedPictures;
use crate::demuxer::{Decoding, Demuxer};
use crate::{Clock, Error, Stop};

/// Decodes a file's picture and delivers each frame at its time, once.
pub struct VideoFile {
    decoding: Decoding<ffmpeg::decoder::Video>,
    clock: Clock,
    last: Option<Timestamp>,
    pictures: DecodedPictures,
}

impl VideoFile {
    /// Opens the best picture stream of a file, to be played from `begin`.
    pub(crate) fn open(path: &Path, clock: Clock, begin: Timestamp) -> Result<VideoFile, Error> {
        let (demuxer, parameters) = Demuxer::open(path, ffmpeg::media::Type::Video, "picture", begin)?;
        let decoder = ffmpeg::codec::Context::from_parameters(parameters)
            .and_then(|context| context.decoder().video())
            .map_err(|error| demuxer.fault(&error.to_string()))?;
        Ok(VideoFile {
            decoding: Decoding::new(demuxer, decoder),
            clock,
            last: None,
            pictures: DecodedPictures::default(),
        })
    }

    /// Waits for the next frame's time.
    pub(crate) fn next(&mut self, stop: &Stop) -> Result<Option<VideoFrame>, Error> {
        let mut decoded = frame::Video::empty();
        if !self.decoding.next(&mut decoded)? {
            return Ok(None);
        }
        // A frame without a time follows the one before it at once.
        let pts = match decoded.timestamp().or(decoded.pts()) {
            Some(ticks) => self.decoding.demuxer.time(ticks),
            None => self.last.unwrap_or_else(|| self.clock.now()),
        };
        self.last = Some(pts);
        if stop.wait_until(self.clock.instant(pts)) {
            return Ok(None);
        }
        self.pictures.frame(decoded, pts).map(Some)
    }
}
