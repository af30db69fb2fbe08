//! The picture of a media file.

use std::path::Path;

use bytes::Bytes;
use ffmpeg_next as ffmpeg;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame;
use media::{Colour, PixelFormat, Plane, Size, Timestamp, VideoFrame};

use crate::demuxer::{Decoding, Demuxer};
use crate::{Clock, Error, Stop};

/// Decodes a file's picture and delivers each frame at its time, once.
pub struct VideoFile {
    decoding: Decoding<ffmpeg::decoder::Video>,
    clock: Clock,
    last: Option<Timestamp>,
    /// Makes I420 of the formats that [`PixelFormat`] does not name.
    converter: Option<ffmpeg::software::scaling::Context>,
}

// SAFETY: of all fields only the scaling context is not marked as free to move between threads; it has no tie
// to the thread that made it, and no pointer to it leaves this value.
unsafe impl Send for VideoFile {}

impl VideoFile {
    /// Opens the best picture stream of a file, to be played from `begin`.
    pub(crate) fn open(path: &Path, clock: Clock, begin: Timestamp) -> Result<VideoFile, Error> {
        let (demuxer, parameters) = Demuxer::open(path, ffmpeg::media::Type::Video, "picture", begin)?;
        let decoder = ffmpeg::codec::Context::from_parameters(parameters)
            .and_then(|context| context.decoder().video())
            .map_err(|error| demuxer.fault(&error.to_string()))?;
        Ok(VideoFile { decoding: Decoding::new(demuxer, decoder), clock, last: None, converter: None })
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
        self.frame(decoded, pts).map(Some)
    }

    fn frame(&mut self, decoded: frame::Video, pts: Timestamp) -> Result<VideoFrame, Error> {
        let colour = colour_of(&decoded);
        if let Some(format) = known_format(decoded.format()) {
            return Ok(wrap(decoded, format, colour, pts));
        }
        let (format, width, height) = (decoded.format(), decoded.width(), decoded.height());
        let unusable =
            |error: ffmpeg::Error| Error::Conversion { what: "a picture", reason: error.to_string() };
        let flags = ffmpeg::software::scaling::Flags::BILINEAR;
        let stale = self.converter.as_ref().is_none_or(|converter| {
            let input = converter.input();
            (input.format, input.width, input.height) != (format, width, height)
        });
        if stale {
            let made = ffmpeg::software::scaling::Context::get(
                format,
                width,
                height,
                Pixel::YUV420P,
                width,
                height,
                flags,
            );
            self.converter = Some(made.map_err(unusable)?);
        }
        let mut converted = frame::Video::empty();
        if let Some(converter) = &mut self.converter {
            converter.run(&decoded, &mut converted).map_err(unusable)?;
        }
        Ok(wrap(converted, PixelFormat::I420, colour, pts))
    }
}

/// A decoded picture as a frame, sharing its memory.
fn wrap(decoded: frame::Video, format: PixelFormat, colour: Colour, pts: Timestamp) -> VideoFrame {
    let size = Size::new(decoded.width(), decoded.height());
    let strides: Vec<usize> = (0..decoded.planes()).map(|plane| decoded.stride(plane)).collect();
    let shared = std::sync::Arc::new(decoded);
    let planes = strides
        .into_iter()
        .enumerate()
        .map(|(plane, stride)| {
            let data = Bytes::from_owner(DecodedPlane { picture: std::sync::Arc::clone(&shared), plane });
            Plane { data, stride }
        })
        .collect();
    VideoFrame { pts, size, format, planes, colour }
}

struct DecodedPlane {
    picture: std::sync::Arc<frame::Video>,
    plane: usize,
}

impl AsRef<[u8]> for DecodedPlane {
    fn as_ref(&self) -> &[u8] {
        self.picture.data(self.plane)
    }
}

fn known_format(format: Pixel) -> Option<PixelFormat> {
    match format {
        Pixel::YUV420P | Pixel::YUVJ420P => Some(PixelFormat::I420),
        Pixel::NV12 => Some(PixelFormat::Nv12),
        Pixel::YUYV422 => Some(PixelFormat::Yuyv422),
        Pixel::BGRZ => Some(PixelFormat::Bgr0),
        Pixel::RGBA => Some(PixelFormat::Rgba),
        _ => None,
    }
}

fn colour_of(decoded: &frame::Video) -> Colour {
    use ffmpeg::util::color::{Range, Space};
    let full = decoded.color_range() == Range::JPEG || decoded.format() == Pixel::YUVJ420P;
    match (decoded.format(), decoded.color_space()) {
        (Pixel::BGRZ | Pixel::RGBA, _) => Colour::Srgb,
        _ if full => Colour::Bt601Full,
        (_, Space::BT709) => Colour::Bt709Limited,
        (_, Space::Unspecified) if decoded.height() >= HD_HEIGHT_MIN => Colour::Bt709Limited,
        _ => Colour::Bt601Limited,
    }
}

/// Files that do not name their matrix: from this height on it is BT.709 by custom, below it BT.601.
const HD_HEIGHT_MIN: u32 = 720;
