//! Pictures that FFmpeg decoded, as frames.

use std::sync::Arc;

use bytes::Bytes;
use ffmpeg_next as ffmpeg;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame;
use ffmpeg_next::software::scaling;
use media::{Colour, PixelFormat, Plane, Size, Timestamp, VideoFrame};

use crate::Error;

/// Makes frames of decoded pictures: without a copy where [`PixelFormat`] names their format, else as I420.
#[derive(Default)]
pub(crate) struct DecodedPictures {
    converter: Option<scaling::Context>,
}

// SAFETY: the scaling context has no tie to the thread that made it, and no pointer to it leaves this value.
unsafe impl Send for DecodedPictures {}

impl DecodedPictures {
    /// The frame of a picture.
    pub(crate) fn frame(&mut self, decoded: frame::Video, pts: Timestamp) -> Result<VideoFrame, Error> {
        let colour = colour_of(&decoded);
        if let Some(format) = known_format(decoded.format()) {
            return Ok(wrap(decoded, format, colour, pts));
        }
        let (format, width, height) = (decoded.format(), decoded.width(), decoded.height());
        let unusable =
            |error: ffmpeg::Error| Error::Conversion { what: "a picture", reason: error.to_string() };
        let stale = self.converter.as_ref().is_none_or(|converter| {
            let input = converter.input();
            (input.format, input.width, input.height) != (format, width, height)
        });
        if stale {
            let to = planar(format);
            let flags = scaling::Flags::BILINEAR;
            let made = scaling::Context::get(format, width, height, to, width, height, flags);
            self.converter = Some(made.map_err(unusable)?);
        }
        let mut converted = frame::Video::empty();
        if let Some(converter) = &mut self.converter {
            converter.run(&decoded, &mut converted).map_err(unusable)?;
        }
        Ok(wrap(converted, PixelFormat::I420, colour, pts))
    }
}

/// I420 of the same range: swscale knows the full range of MJPEG's formats by their names alone.
fn planar(format: Pixel) -> Pixel {
    match format {
        Pixel::YUVJ411P | Pixel::YUVJ420P | Pixel::YUVJ422P | Pixel::YUVJ440P | Pixel::YUVJ444P => {
            Pixel::YUVJ420P
        }
        _ => Pixel::YUV420P,
    }
}

/// A decoded picture as a frame, sharing its memory.
fn wrap(decoded: frame::Video, format: PixelFormat, colour: Colour, pts: Timestamp) -> VideoFrame {
    let size = Size::new(decoded.width(), decoded.height());
    let strides: Vec<usize> = (0..decoded.planes()).map(|plane| decoded.stride(plane)).collect();
    let shared = Arc::new(decoded);
    let planes = strides
        .into_iter()
        .enumerate()
        .map(|(plane, stride)| {
            let data = Bytes::from_owner(DecodedPlane { picture: Arc::clone(&shared), plane });
            Plane { data, stride }
        })
        .collect();
    VideoFrame { pts, size, format, planes, colour }
}

struct DecodedPlane {
    picture: Arc<frame::Video>,
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
    let full = decoded.color_range() == Range::JPEG || planar(decoded.format()) == Pixel::YUVJ420P;
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
