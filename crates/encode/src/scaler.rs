//! Any picture into the one size, format and colour space that an encoder takes.

use ffmpeg_next as ffmpeg;
use ffmpeg_next::ffi;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame;
use ffmpeg_next::software::scaling;
use media::{Colour, PixelFormat, Size, VideoFrame};

use crate::Error;

/// Scales into a picture of fixed size, with black bars where the shapes differ.
pub(crate) struct Scaler {
    colour: Colour,
    picture: frame::Video,
    stretches: bool,
    context: Option<(Shape, scaling::Context)>,
}

// SAFETY: a scaling context has no tie to the thread that made it, and `Scaler` hands out no pointer to it.
unsafe impl Send for Scaler {}

/// What a scaling context was made for.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shape {
    size: Size,
    format: PixelFormat,
    colour: Colour,
}

/// Where the source's picture lies in the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Placement {
    left: u32,
    top: u32,
    size: Size,
}

impl Scaler {
    /// Makes planar 4:2:0 of `size` (both sides even) in `colour`, black at first.
    pub(crate) fn new(size: Size, pixel: Pixel, colour: Colour) -> Scaler {
        let mut picture = frame::Video::new(pixel, size.width, size.height);
        blacken(&mut picture, colour);
        Scaler { colour, picture, stretches: false, context: None }
    }

    /// Fills its picture whatever the source's shape, without bars.
    pub(crate) fn stretching(self) -> Scaler {
        Scaler { stretches: true, ..self }
    }

    /// The last picture.
    pub(crate) fn picture(&mut self) -> &mut frame::Video {
        &mut self.picture
    }

    /// Goes on in another planar 4:2:0 format with the picture it has.
    ///
    /// # Errors
    /// When FFmpeg has no conversion for it.
    pub(crate) fn set_pixel(&mut self, pixel: Pixel) -> Result<(), Error> {
        if self.picture.format() == pixel {
            return Ok(());
        }
        let (width, height) = (self.picture.width(), self.picture.height());
        let mut converted = frame::Video::empty();
        scaling::Context::get(
            self.picture.format(),
            width,
            height,
            pixel,
            width,
            height,
            scaling::Flags::BILINEAR,
        )
        .and_then(|mut context| context.run(&self.picture, &mut converted))
        .map_err(|error| fault("converting the last picture", error))?;
        self.picture = converted;
        self.context = None;
        Ok(())
    }

    /// Takes a new picture.
    ///
    /// # Errors
    /// When its planes are too short for what it claims to be, or FFmpeg has no conversion for it.
    pub(crate) fn take(&mut self, source: &VideoFrame) -> Result<(), Error> {
        check(source)?;
        let target = Size::new(self.picture.width(), self.picture.height());
        // SAFETY: `picture` is a frame of our own; an encoder may still refer to its buffer.
        let code = unsafe { ffi::av_frame_make_writable(self.picture.as_mut_ptr()) };
        if code < 0 {
            return Err(fault("making the picture writable", code.into()));
        }
        let as_it_is = match self.picture.format() {
            Pixel::NV12 => PixelFormat::Nv12,
            _ => PixelFormat::I420,
        };
        if source.size == target && source.format == as_it_is && source.colour == self.colour {
            self.copy(source);
            return Ok(());
        }
        let shape = Shape { size: source.size, format: source.format, colour: source.colour };
        let place = if self.stretches {
            Placement { left: 0, top: 0, size: target }
        } else {
            fit(source.size, target)
        };
        if self.context.as_ref().is_none_or(|(made_for, _)| *made_for != shape) {
            blacken(&mut self.picture, self.colour);
            let pixel = self.picture.format();
            self.context = Some((shape, open(shape, place.size, pixel, self.colour)?));
        }
        if let Some((_, context)) = &mut self.context {
            scale(context, source, &mut self.picture, place)?;
        }
        Ok(())
    }

    fn copy(&mut self, source: &VideoFrame) {
        for (index, plane) in source.planes.iter().enumerate().take(self.picture.planes()) {
            // Chroma is half as wide, and in NV12 both of its samples stand side by side.
            let interleaved = self.picture.format() == Pixel::NV12;
            let half = index > 0 && !interleaved;
            let width = self.picture.width() as usize >> u32::from(half);
            let stride = self.picture.stride(index);
            let rows = self.picture.data_mut(index).chunks_mut(stride.max(1));
            for (row, from) in rows.zip(plane.data.chunks(plane.stride.max(1))) {
                row[..width].copy_from_slice(&from[..width]);
            }
        }
    }
}

/// The largest even rectangle of the source's shape, in the middle.
fn fit(source: Size, target: Size) -> Placement {
    let (source_width, source_height) = (u64::from(source.width.max(1)), u64::from(source.height.max(1)));
    let (width, height) = (u64::from(target.width), u64::from(target.height));
    let even = |value: u64, limit: u64| (value.div_ceil(2) * 2).clamp(2, limit);
    let size = if source_width * height >= source_height * width {
        (width, even(width * source_height / source_width, height))
    } else {
        (even(height * source_width / source_height, width), height)
    };
    let (left, top) = ((width - size.0) / 4 * 2, (height - size.1) / 4 * 2);
    // Nothing here is larger than `target`, whose sides are 32 bits.
    Placement { left: left as u32, top: top as u32, size: Size::new(size.0 as u32, size.1 as u32) }
}

fn open(shape: Shape, to: Size, pixel: Pixel, colour: Colour) -> Result<scaling::Context, Error> {
    let from = match shape.format {
        PixelFormat::Bgr0 => Pixel::BGRZ,
        PixelFormat::Rgba => Pixel::RGBA,
        PixelFormat::Yuyv422 => Pixel::YUYV422,
        PixelFormat::Nv12 => Pixel::NV12,
        PixelFormat::I420 => Pixel::YUV420P,
    };
    let (width, height) = (shape.size.width, shape.size.height);
    let flags = scaling::Flags::BILINEAR;
    let mut context = scaling::Context::get(from, width, height, pixel, to.width, to.height, flags)
        .map_err(|error| fault("opening the scaler", error))?;
    let ((from_matrix, from_range), (to_matrix, to_range)) = (matrix(shape.colour), matrix(colour));
    // SAFETY: the context is open, and the tables are FFmpeg's own constants.
    unsafe {
        // Without this call swscale takes everything for BT.601. It answers -1 where no matrix applies.
        ffi::sws_setColorspaceDetails(
            context.as_mut_ptr(),
            ffi::sws_getCoefficients(from_matrix),
            from_range,
            ffi::sws_getCoefficients(to_matrix),
            to_range,
            0,
            UNITY,
            UNITY,
        );
    }
    Ok(context)
}

/// FFmpeg's number of the matrix, and whether the range is full.
fn matrix(colour: Colour) -> (i32, i32) {
    match colour {
        Colour::Srgb => (ffi::SWS_CS_ITU709, 1),
        Colour::Bt709Limited => (ffi::SWS_CS_ITU709, 0),
        Colour::Bt601Limited => (ffi::SWS_CS_ITU601, 0),
        Colour::Bt601Full => (ffi::SWS_CS_ITU601, 1),
    }
}

fn scale(
    context: &mut scaling::Context,
    source: &VideoFrame,
    picture: &mut frame::Video,
    place: Placement,
) -> Result<(), Error> {
    let mut from = [std::ptr::null::<u8>(); 4];
    let mut from_strides = [0_i32; 4];
    for (index, plane) in source.planes.iter().enumerate().take(4) {
        from[index] = plane.data.as_ptr();
        from_strides[index] = plane.stride as i32;
    }
    let mut to = [std::ptr::null_mut::<u8>(); 4];
    let mut to_strides = [0_i32; 4];
    for index in 0..picture.planes().min(4) {
        let shift = u32::from(index > 0);
        let stride = picture.stride(index);
        // In NV12 both samples of chroma stand side by side, so half as many are as wide.
        let left = if picture.format() == Pixel::NV12 { place.left } else { place.left >> shift };
        let at = (place.top >> shift) as usize * stride + left as usize;
        to[index] = picture.data_mut(index)[at..].as_mut_ptr();
        to_strides[index] = stride as i32;
    }
    // SAFETY: `check` has seen that the source's planes hold its rows, `fit` has placed the target inside
    // `picture`, and the context was opened for exactly these two sizes.
    let rows = unsafe {
        ffi::sws_scale(
            context.as_mut_ptr(),
            from.as_ptr(),
            from_strides.as_ptr(),
            0,
            source.size.height as i32,
            to.as_ptr(),
            to_strides.as_ptr(),
        )
    };
    if rows < 0 { Err(fault("scaling", rows.into())) } else { Ok(()) }
}

/// Every plane holds the rows that the size promises.
pub(crate) fn check(frame: &VideoFrame) -> Result<(), Error> {
    let (width, height) = (frame.size.width as usize, frame.size.height as usize);
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    // Bytes of a row and rows, for each plane.
    let expected: &[(usize, usize)] = match frame.format {
        PixelFormat::Bgr0 | PixelFormat::Rgba => &[(width * 4, height)],
        PixelFormat::Yuyv422 => &[(half_width * 4, height)],
        PixelFormat::Nv12 => &[(width, height), (half_width * 2, half_height)],
        PixelFormat::I420 => &[(width, height), (half_width, half_height), (half_width, half_height)],
    };
    for (plane, &(row, rows)) in expected.iter().enumerate() {
        let enough = frame.planes.get(plane).is_some_and(|plane| {
            plane.stride >= row
                && i32::try_from(plane.stride).is_ok()
                && rows > 0
                && row > 0
                && plane.data.len() >= plane.stride.saturating_mul(rows - 1).saturating_add(row)
        });
        if !enough {
            return Err(Error::ShortPicture { format: frame.format, size: frame.size, plane });
        }
    }
    Ok(())
}

fn blacken(picture: &mut frame::Video, colour: Colour) {
    let black = if colour == Colour::Bt601Full { 0 } else { 16 };
    picture.data_mut(0).fill(black);
    (1..picture.planes()).for_each(|plane| picture.data_mut(plane).fill(128));
}

fn fault(step: &'static str, source: ffmpeg::Error) -> Error {
    Error::Ffmpeg { name: "swscale", step, source }
}

/// Contrast and saturation of 1 in swscale's 16.16 fixed point.
const UNITY: i32 = 1 << 16;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use media::{Plane, Timestamp};

    use super::*;

    fn packed(size: Size, format: PixelFormat, pixel: [u8; 4]) -> VideoFrame {
        let data: Vec<u8> = pixel.repeat((size.width * size.height) as usize);
        let plane = Plane { data: Bytes::from(data), stride: size.width as usize * 4 };
        VideoFrame { pts: Timestamp::ZERO, size, format, planes: vec![plane], colour: Colour::Srgb }
    }

    fn middle(scaler: &mut Scaler) -> [u8; 3] {
        let picture = scaler.picture();
        let (x, y) = (picture.width() as usize / 2, picture.height() as usize / 2);
        [0, 1, 2].map(|plane| {
            let shift = usize::from(plane > 0);
            picture.data(plane)[(y >> shift) * picture.stride(plane) + (x >> shift)]
        })
    }

    fn scaler(size: Size) -> Scaler {
        Scaler::new(size, Pixel::YUV420P, Colour::Bt709Limited)
    }

    #[test]
    fn screen_colours_become_bt709_within_one_step() {
        let cases = [
            ([0, 0, 255, 0], [63, 102, 240]),
            ([0, 255, 0, 0], [173, 42, 26]),
            ([255, 0, 0, 0], [32, 240, 118]),
            ([255, 255, 255, 0], [235, 128, 128]),
        ];
        for (bgr0, expected) in cases {
            for to in [Size::new(64, 64), Size::new(32, 18)] {
                let mut scaler = scaler(to);
                scaler.take(&packed(Size::new(64, 64), PixelFormat::Bgr0, bgr0)).expect("a sound picture");
                let got = middle(&mut scaler);
                for (got, expected) in got.iter().zip(expected) {
                    assert!(got.abs_diff(expected) <= 1, "{bgr0:?} to {to:?}: {got} for {expected}");
                }
            }
        }
    }

    #[test]
    fn another_shape_gets_black_bars() {
        let mut scaler = scaler(Size::new(160, 90));
        scaler.take(&packed(Size::new(90, 160), PixelFormat::Rgba, [255; 4])).expect("a sound picture");
        let picture = scaler.picture();
        let row = &picture.data(0)[45 * picture.stride(0)..][..160];
        assert_eq!((row[0], row[159]), (16, 16));
        assert!(row[80] >= 234);
    }

    #[test]
    fn a_picture_of_the_right_kind_is_taken_as_it_is() {
        let size = Size::new(6, 4);
        let plane = |value: u8, width: usize, rows: usize| Plane {
            data: Bytes::from(vec![value; (width + 3) * rows]),
            stride: width + 3,
        };
        let frame = VideoFrame {
            pts: Timestamp::ZERO,
            size,
            format: PixelFormat::I420,
            planes: vec![plane(77, 6, 4), plane(99, 3, 2), plane(111, 3, 2)],
            colour: Colour::Bt709Limited,
        };
        let mut scaler = scaler(size);
        scaler.take(&frame).expect("a sound picture");
        assert_eq!(middle(&mut scaler), [77, 99, 111]);
    }

    #[test]
    fn a_short_plane_is_refused() {
        let mut frame = packed(Size::new(16, 16), PixelFormat::Bgr0, [0; 4]);
        frame.planes[0].data.truncate(1_000);
        let refused = scaler(Size::new(16, 16)).take(&frame);
        assert!(matches!(refused, Err(Error::ShortPicture { plane: 0, .. })));
    }

    #[test]
    fn the_picture_is_fitted_in_the_middle() {
        let target = Size::new(1280, 720);
        let at = |width, height| fit(Size::new(width, height), target);
        assert_eq!(at(1920, 1080), Placement { left: 0, top: 0, size: target });
        assert_eq!(at(720, 720), Placement { left: 280, top: 0, size: Size::new(720, 720) });
        assert_eq!(at(10_000, 1), Placement { left: 0, top: 358, size: Size::new(1280, 2) });
    }
}
