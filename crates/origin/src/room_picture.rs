//! Pictures that people upload, made anew: decoded within limits, scaled, and written as JPEG by this program.

use std::io::Cursor;
use std::time::Duration;

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageError, ImageFormat, ImageReader, Limits, RgbImage};
use thiserror::Error;
use tokio::sync::Semaphore;

/// Bytes of an upload at most: a photograph of a phone.
pub(crate) const UPLOAD_BYTES_MAX: usize = 8 << 20;

/// Makes pictures, one at a time.
#[derive(Debug)]
pub(crate) struct Pictures(Semaphore);

/// Why a picture was not taken.
#[derive(Debug, Error)]
pub(crate) enum PictureError {
    #[error("the picture has more than {UPLOAD_BYTES_MAX} bytes")]
    TooLong,
    #[error("expected a PNG, JPEG or WebP picture")]
    Kind,
    #[error("the picture has {width} × {height} pixels, expected at most {SIDE_MAX} on a side")]
    TooLarge { width: u32, height: u32 },
    #[error("the picture cannot be read: {0}")]
    Broken(ImageError),
    #[error("other pictures are being made: try again in a moment")]
    Busy,
}

impl Pictures {
    pub(crate) fn new() -> Pictures {
        Pictures(Semaphore::new(1))
    }

    /// The picture as JPEG of at most [`WIDTH_MAX`] × [`HEIGHT_MAX`].
    ///
    /// # Errors
    /// [`PictureError`].
    pub(crate) async fn make(&self, upload: Bytes) -> Result<Vec<u8>, PictureError> {
        let turn = tokio::time::timeout(TURN_MAX, self.0.acquire()).await;
        let _turn = turn.map_err(|_| PictureError::Busy)?.map_err(|_| PictureError::Busy)?;
        let made = tokio::task::spawn_blocking(move || remade(&upload)).await;
        made.unwrap_or(Err(PictureError::Busy))
    }
}

fn remade(upload: &[u8]) -> Result<Vec<u8>, PictureError> {
    if upload.len() > UPLOAD_BYTES_MAX {
        return Err(PictureError::TooLong);
    }
    // By what the bytes begin with; what the uploader calls them counts for nothing.
    let format = image::guess_format(upload).map_err(|_| PictureError::Kind)?;
    if !matches!(format, ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP) {
        return Err(PictureError::Kind);
    }
    let reader = || ImageReader::with_format(Cursor::new(upload), format);
    let (width, height) = reader().into_dimensions().map_err(PictureError::Broken)?;
    if width > SIDE_MAX || height > SIDE_MAX {
        return Err(PictureError::TooLarge { width, height });
    }
    let mut reader = reader();
    let mut limits = Limits::no_limits();
    (limits.max_image_width, limits.max_image_height) = (Some(SIDE_MAX), Some(SIDE_MAX));
    limits.max_alloc = Some(DECODED_BYTES_MAX);
    reader.limits(limits);
    let picture = reader.decode().map_err(PictureError::Broken)?;
    let picture = match width > WIDTH_MAX || height > HEIGHT_MAX {
        true => picture.thumbnail(WIDTH_MAX, HEIGHT_MAX),
        false => picture,
    };
    let mut jpeg = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut jpeg, QUALITY);
    opaque(&picture).write_with_encoder(encoder).map_err(PictureError::Broken)?;
    Ok(jpeg)
}

/// JPEG knows no transparency: what shows through is the dark of an empty player.
fn opaque(picture: &DynamicImage) -> RgbImage {
    let mut opaque = RgbImage::new(picture.width(), picture.height());
    for (under, over) in opaque.pixels_mut().zip(picture.to_rgba8().pixels()) {
        let alpha = u32::from(over.0[3]);
        let mixed = |channel: usize| {
            let sum = u32::from(over.0[channel]) * alpha + u32::from(BEHIND[channel]) * (255 - alpha);
            u8::try_from(sum / 255).unwrap_or(u8::MAX)
        };
        under.0 = [mixed(0), mixed(1), mixed(2)];
    }
    opaque
}

/// What is stored at most: as large as a player on a page is.
const WIDTH_MAX: u32 = 1_280;
const HEIGHT_MAX: u32 = 720;
/// Pixels on a side of what is uploaded.
const SIDE_MAX: u32 = 8_192;
/// Bytes that decoding may take: a picture of the largest sides has 256 MB, of a phone's camera 48 MB.
const DECODED_BYTES_MAX: u64 = 256 << 20;
/// Of JPEG, in percent: no blocks show at this size.
const QUALITY: u8 = 85;
/// Red, green and blue behind what is transparent.
const BEHIND: [u8; 3] = [11, 14, 20];
/// For those before to be made.
const TURN_MAX: Duration = Duration::from_secs(10);

/// A picture of one colour, for tests.
#[cfg(test)]
pub(crate) fn test_png(width: u32, height: u32) -> Vec<u8> {
    tests::png(width, height, [10, 200, 10, 255])
}

#[cfg(test)]
mod tests {
    use image::Rgba;

    use super::*;

    pub(super) fn png(width: u32, height: u32, colour: [u8; 4]) -> Vec<u8> {
        let picture = image::RgbaImage::from_pixel(width, height, Rgba(colour));
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_large_picture_is_made_smaller_and_keeps_its_shape() {
        let made = remade(&png(2_000, 1_000, [200, 10, 10, 255])).unwrap();
        let read = image::load_from_memory_with_format(&made, ImageFormat::Jpeg).unwrap().to_rgb8();
        assert_eq!((read.width(), read.height()), (1_280, 640));
        let [red, green, _] = read.get_pixel(600, 300).0;
        assert!(red > 180 && green < 40, "{red} {green}");
    }

    #[test]
    fn what_is_transparent_shows_the_dark_behind_it() {
        let made = remade(&png(16, 16, [255, 255, 255, 0])).unwrap();
        let read = image::load_from_memory_with_format(&made, ImageFormat::Jpeg).unwrap().to_rgb8();
        assert!(read.get_pixel(8, 8).0.iter().all(|channel| *channel < 40));
    }

    #[test]
    fn nothing_that_stands_behind_a_picture_is_kept() {
        let mut upload = png(16, 16, [1, 2, 3, 255]);
        upload.extend_from_slice(b"<script>alert(1)</script>");
        let made = remade(&upload).unwrap();
        assert!(!String::from_utf8_lossy(&made).contains("script"));
    }

    #[test]
    fn what_is_no_picture_is_refused_in_words() {
        let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
        assert!(matches!(remade(svg), Err(PictureError::Kind)));
        assert!(matches!(remade(b"GIF89a"), Err(PictureError::Kind)));
        let whole = png(64, 64, [1, 2, 3, 255]);
        assert!(matches!(remade(&whole[..whole.len() / 2]), Err(PictureError::Broken(_))));
        // A header that says more pixels than anybody has memory for.
        let mut huge = png(16, 16, [0; 4]);
        huge[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        assert!(matches!(remade(&huge), Err(PictureError::TooLarge { .. } | PictureError::Broken(_))));
    }
}
