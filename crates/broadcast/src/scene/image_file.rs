//! Pictures from files.

use std::path::Path;

use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits, RgbaImage};
use media::Size;
use tiny_skia::{IntSize, Pixmap};

use super::geometry::Pixels;

/// Reads a PNG, JPEG or WebP, the right way up. The error is in words.
pub(crate) fn read(file: &Path) -> Result<DynamicImage, String> {
    let reader = ImageReader::open(file).and_then(ImageReader::with_guessed_format);
    let mut reader = reader.map_err(|error| error.to_string())?;
    if reader.format().is_none() {
        return Err("it is neither PNG nor JPEG nor WebP".to_owned());
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(BYTES_MAX);
    reader.limits(limits);
    let read = || {
        let mut decoder = reader.into_decoder()?;
        let orientation = decoder.orientation()?;
        let mut picture = DynamicImage::from_decoder(decoder)?;
        picture.apply_orientation(orientation);
        Ok(picture)
    };
    read().map_err(|error: image::ImageError| error.to_string())
}

/// The part `from` of it, scaled to `to`.
pub(crate) fn scaled(picture: &DynamicImage, from: Pixels, to: Size) -> Option<Pixmap> {
    // `from` lies inside the picture, so both begin at 0 or later.
    let part = picture.crop_imm(from.left as u32, from.top as u32, from.width, from.height).into_rgba8();
    premultiplied(image::imageops::resize(&multiplied(part), to.width, to.height, FilterType::Triangle))
}

/// Colours times opacity, so that what is not to be seen colours nothing around it when it is scaled.
fn multiplied(mut picture: RgbaImage) -> RgbaImage {
    for pixel in picture.pixels_mut() {
        let alpha = u16::from(pixel.0[3]);
        pixel.0[..3].iter_mut().for_each(|value| *value = ((u16::from(*value) * alpha + 127) / 255) as u8);
    }
    picture
}

fn premultiplied(picture: RgbaImage) -> Option<Pixmap> {
    let size = IntSize::from_wh(picture.width(), picture.height())?;
    Pixmap::from_vec(picture.into_raw(), size)
}

/// The largest photograph that cameras make.
const SIDE_MAX: u32 = 16_384;

/// Of one decoded picture.
const BYTES_MAX: u64 = 512 << 20;
