//! What a camera can deliver, and which of it is asked for.

use std::cmp::Reverse;
use std::fmt;

use media::Size;

/// One way in which a camera delivers pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CameraFormat {
    /// Size of the picture in pixels.
    pub size: Size,
    /// Pictures per second.
    pub fps: u32,
    /// How they lie in memory.
    pub pixels: CameraPixels,
}

/// How a camera's pictures lie in memory; what is better to have comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CameraPixels {
    /// As encoders take them.
    Nv12,
    /// Uncompressed, with more colour than encoders take.
    Yuyv,
    /// Compressed, so that large pictures pass through USB 2.
    Mjpeg,
}

impl fmt::Display for CameraPixels {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            CameraPixels::Nv12 => "NV12",
            CameraPixels::Yuyv => "YUYV",
            CameraPixels::Mjpeg => "MJPEG",
        })
    }
}

impl fmt::Display for CameraFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CameraFormat { size, fps, pixels } = self;
        write!(formatter, "{}x{} {fps} fps {pixels}", size.width, size.height)
    }
}

/// The format that serves a broadcast of `size` and `fps` best.
///
/// Enough pictures a second come first, for a slow camera is seen at once; then a size that need not be enlarged, the
/// smallest of them; then the format that costs least; then the rate that wastes least.
pub(crate) fn choose(offered: &[CameraFormat], size: Size, fps: u32) -> Option<CameraFormat> {
    let best = |format: &&CameraFormat| {
        let area = u64::from(format.size.width) * u64::from(format.size.height);
        let covers = format.size.width >= size.width && format.size.height >= size.height;
        let enough = format.fps >= fps;
        (
            // Of those that are too slow the fastest.
            if enough { 0 } else { fps - format.fps },
            !covers,
            // Of those that are too small the largest.
            if covers { Ok(area) } else { Err(Reverse(area)) },
            format.pixels,
            format.fps,
        )
    };
    offered.iter().min_by_key(best).copied()
}

#[cfg(test)]
mod tests {
    use super::CameraPixels::{Mjpeg, Nv12, Yuyv};
    use super::*;

    fn format((width, height): (u32, u32), fps: u32, pixels: CameraPixels) -> CameraFormat {
        CameraFormat { size: Size::new(width, height), fps, pixels }
    }

    fn check(offered: &[CameraFormat], expected: CameraFormat) {
        assert_eq!(choose(offered, Size::new(1280, 720), 30), Some(expected));
    }

    #[test]
    fn of_equal_size_and_rate_the_cheapest_format_is_taken() {
        let hd = (1280, 720);
        check(&[format(hd, 30, Mjpeg), format(hd, 30, Yuyv), format(hd, 30, Nv12)], format(hd, 30, Nv12));
        check(&[format(hd, 30, Mjpeg), format(hd, 30, Yuyv)], format(hd, 30, Yuyv));
    }

    #[test]
    fn a_usb_2_camera_is_asked_for_mjpeg_at_the_size_that_is_sent() {
        let offered = [
            format((640, 480), 30, Yuyv),
            format((1280, 720), 10, Yuyv),
            format((1280, 720), 30, Mjpeg),
            format((1920, 1080), 30, Mjpeg),
        ];
        check(&offered, format((1280, 720), 30, Mjpeg));
    }

    #[test]
    fn a_small_smooth_picture_is_better_than_a_large_slow_one() {
        let offered =
            [format((1280, 720), 10, Yuyv), format((640, 360), 30, Yuyv), format((320, 180), 60, Yuyv)];
        check(&offered, format((640, 360), 30, Yuyv));
    }

    #[test]
    fn a_rate_of_no_use_is_not_asked_for() {
        let hd = (1280, 720);
        check(&[format(hd, 60, Nv12), format(hd, 30, Nv12)], format(hd, 30, Nv12));
        check(&[format(hd, 5, Nv12), format(hd, 24, Mjpeg), format(hd, 15, Nv12)], format(hd, 24, Mjpeg));
    }

    #[test]
    fn a_camera_that_offers_nothing_known_has_no_format() {
        assert_eq!(choose(&[], Size::new(1280, 720), 30), None);
    }
}
