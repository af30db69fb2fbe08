//! Pictures of one size and colour space, for whoever draws several into one.

use bytes::Bytes;
use ffmpeg_next::format::Pixel;
use media::{Colour, PixelFormat, Plane, Size, VideoFrame};

use crate::Error;
use crate::scaler::Scaler;

/// Makes I420 in BT.709, limited range, of one size, of pictures of any other.
pub struct Stretch {
    size: Size,
    scaler: Scaler,
}

impl Stretch {
    /// Makes pictures of `size`, whose sides are even and not 0.
    #[must_use]
    pub fn new(size: Size) -> Stretch {
        Stretch { size, scaler: Scaler::new(size, Pixel::YUV420P, COLOUR).stretching() }
    }

    /// The size of what it makes.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// Stretches a picture, whatever its shape, and keeps its time. One that is of this kind already is handed back with the
    /// very same pixels.
    ///
    /// # Errors
    /// [`Error::ShortPicture`] when its planes are too short for what it claims to be, [`Error::Ffmpeg`] when FFmpeg has no
    /// conversion for it.
    pub fn stretch(&mut self, picture: &VideoFrame) -> Result<VideoFrame, Error> {
        let alike = (picture.size, picture.format, picture.colour) == (self.size, PixelFormat::I420, COLOUR);
        if alike {
            crate::scaler::check(picture)?;
            return Ok(picture.clone());
        }
        self.scaler.take(picture)?;
        let made = self.scaler.picture();
        let planes = (0..3).map(|index| {
            let stride = made.stride(index);
            Plane { data: Bytes::copy_from_slice(made.data(index)), stride }
        });
        let planes = planes.collect();
        Ok(VideoFrame {
            pts: picture.pts,
            size: self.size,
            format: PixelFormat::I420,
            planes,
            colour: COLOUR,
        })
    }
}

/// What Rostrum sends.
const COLOUR: Colour = Colour::Bt709Limited;

#[cfg(test)]
mod tests {
    use media::Timestamp;

    use super::*;

    fn picture(size: Size, [y, u, v]: [u8; 3]) -> VideoFrame {
        let (luma, chroma) = ((size.width * size.height) as usize, (size.width * size.height / 4) as usize);
        let plane = |value: u8, length: usize, width: u32| Plane {
            data: Bytes::from(vec![value; length]),
            stride: width as usize,
        };
        let planes = vec![
            plane(y, luma, size.width),
            plane(u, chroma, size.width / 2),
            plane(v, chroma, size.width / 2),
        ];
        VideoFrame { pts: Timestamp::from_millis(7), size, format: PixelFormat::I420, planes, colour: COLOUR }
    }

    #[test]
    fn another_shape_fills_all_of_it() {
        let mut stretch = Stretch::new(Size::new(64, 64));
        let made = stretch.stretch(&picture(Size::new(160, 20), [200, 90, 150])).expect("a sound picture");
        assert_eq!((made.size, made.pts), (Size::new(64, 64), Timestamp::from_millis(7)));
        for (plane, value, side) in [(0, 200, 64), (1, 90, 32), (2, 150, 32)] {
            for row in made.planes[plane].data.chunks(made.planes[plane].stride).take(side) {
                assert!(row[..side].iter().all(|&sample| sample.abs_diff(value) <= 1), "plane {plane}");
            }
        }
    }

    #[test]
    fn a_picture_that_fits_keeps_its_pixels_and_a_short_one_is_refused() {
        let mut fitting = picture(Size::new(64, 64), [200, 90, 150]);
        let mut stretch = Stretch::new(Size::new(64, 64));
        let same = stretch.stretch(&fitting).expect("a sound picture");
        assert_eq!(same.planes[0].data.as_ptr(), fitting.planes[0].data.as_ptr());
        fitting.planes[2].data.truncate(9);
        assert!(matches!(stretch.stretch(&fitting), Err(Error::ShortPicture { plane: 2, .. })));
    }
}
