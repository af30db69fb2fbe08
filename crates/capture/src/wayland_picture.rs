//! A picture of a Wayland desktop, out of the desktop's memory: what of it is wanted, copied once.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use media::{Colour, PixelFormat, Plane, Size, Timestamp, VideoFrame};

use crate::input::Region;

/// How the pixels of a desktop lie in memory. Alpha is left out: behind a screen is nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pixels {
    /// B, G, R and alpha or nothing.
    Bgr,
    /// R, G, B and alpha or nothing.
    Rgb,
}

/// Where a picture lies in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) pixels: Pixels,
    /// Size of the whole in pixels.
    pub(crate) size: Size,
    /// Bytes before the first row.
    pub(crate) offset: usize,
    /// Bytes from row to row.
    pub(crate) stride: usize,
}

/// Copies pictures into memory that is used again.
#[derive(Default)]
pub(crate) struct Copier {
    free: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Copier {
    /// The part `region` of the picture in `buffer`; all of it without.
    ///
    /// # Errors
    /// In words when the buffer is shorter than the layout says, or the region passes the picture's edge.
    pub(crate) fn copy(
        &self,
        buffer: &[u8],
        layout: Layout,
        region: Option<Region>,
        pts: Timestamp,
    ) -> Result<VideoFrame, String> {
        let region = region.unwrap_or(Region { left: 0, top: 0, size: layout.size });
        region.within(layout.size)?;
        let Region { left, top, size } = region;
        let (row, rows) = (size.width as usize * PIXEL_BYTES, size.height as usize);
        let length = row.checked_mul(rows).filter(|&length| 0 < length && length <= PICTURE_BYTES_MAX);
        let length = length.ok_or_else(|| format!("a picture of {}x{}", size.width, size.height))?;
        let first = (top as usize)
            .checked_mul(layout.stride)
            .and_then(|above| above.checked_add(left as usize * PIXEL_BYTES)?.checked_add(layout.offset));
        let end = first
            .and_then(|first| (rows - 1).checked_mul(layout.stride)?.checked_add(first)?.checked_add(row));
        let (Some(first), true) = (first, end.is_some_and(|end| end <= buffer.len())) else {
            return Err(format!("a picture of {} bytes is too short", buffer.len()));
        };
        let mut to = self.memory(length);
        let from = (0..rows).map(|at| &buffer[first + at * layout.stride..][..row]);
        match layout.pixels {
            Pixels::Bgr if row == layout.stride => to.extend_from_slice(&buffer[first..first + length]),
            Pixels::Bgr => from.for_each(|row| to.extend_from_slice(row)),
            Pixels::Rgb => from.for_each(|row| {
                let begin = to.len();
                to.extend_from_slice(row);
                to[begin..].as_chunks_mut::<PIXEL_BYTES>().0.iter_mut().for_each(|pixel| pixel.swap(0, 2));
            }),
        }
        let data = Bytes::from_owner(Copied { data: to, free: Arc::clone(&self.free) });
        let planes = vec![Plane { data, stride: row }];
        Ok(VideoFrame { pts, size, format: PixelFormat::Bgr0, planes, colour: Colour::Srgb })
    }

    /// Memory of a picture that nobody has any more, else new.
    fn memory(&self, length: usize) -> Vec<u8> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        // What is too small is of a smaller screen.
        free.retain(|memory| memory.capacity() >= length && memory.capacity() / 2 <= length);
        free.pop().unwrap_or_else(|| Vec::with_capacity(length))
    }
}

/// A copied picture. New memory costs the system a page fault for each four kilobytes, so it goes back.
struct Copied {
    data: Vec<u8>,
    free: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl AsRef<[u8]> for Copied {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < FREE_MAX {
            let mut data = std::mem::take(&mut self.data);
            data.clear();
            free.push(data);
        }
    }
}

const PIXEL_BYTES: usize = 4;

/// Of 16384 by 8192 pixels: two rows of four 4K screens each.
const PICTURE_BYTES_MAX: usize = 512 << 20;

/// The picture on its way, the one shown, and one each for the preview and the encoder.
const FREE_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of four pixels, numbered, in rows of 20 bytes after 3.
    fn layout(pixels: Pixels) -> Layout {
        Layout { pixels, size: Size::new(4, 3), offset: 3, stride: 20 }
    }

    fn buffer() -> Vec<u8> {
        let mut buffer = vec![0xee; 3];
        for pixel in 0..12_u8 {
            buffer.extend([10, 20, pixel, 0xff]);
            if pixel % 4 == 3 {
                buffer.extend([0xee; 4]);
            }
        }
        buffer
    }

    fn copy(pixels: Pixels, region: Option<&str>) -> VideoFrame {
        let region = region.map(|region| region.parse().expect("a sound region"));
        Copier::default().copy(&buffer(), layout(pixels), region, Timestamp::ZERO).expect("it is whole")
    }

    #[test]
    fn rows_are_copied_without_what_lies_between_them() {
        let frame = copy(Pixels::Bgr, None);
        assert_eq!((frame.size, frame.planes[0].stride), (Size::new(4, 3), 16));
        let numbers: Vec<u8> = frame.planes[0].data.chunks(4).map(|pixel| pixel[2]).collect();
        assert_eq!(numbers, (0..12).collect::<Vec<u8>>());
    }

    #[test]
    fn red_and_blue_change_places_where_the_desktop_has_them_the_other_way() {
        let frame = copy(Pixels::Rgb, None);
        assert_eq!(frame.planes[0].data[..8], [0, 20, 10, 0xff, 1, 20, 10, 0xff]);
        assert_eq!(frame.planes[0].data.len(), 48);
    }

    #[test]
    fn of_a_region_only_its_own_pixels_are_copied() {
        for pixels in [Pixels::Bgr, Pixels::Rgb] {
            let frame = copy(pixels, Some("2x2+1+1"));
            let at = if pixels == Pixels::Bgr { 2 } else { 0 };
            let numbers: Vec<u8> = frame.planes[0].data.chunks(4).map(|pixel| pixel[at]).collect();
            assert_eq!((frame.size, numbers), (Size::new(2, 2), vec![5, 6, 9, 10]));
        }
    }

    #[test]
    fn what_passes_the_buffer_or_the_picture_is_refused() {
        let copier = Copier::default();
        let check = |buffer: &[u8], layout: Layout, region: Option<Region>| {
            copier.copy(buffer, layout, region, Timestamp::ZERO).map(|_| ())
        };
        let (whole, of) = (buffer(), layout(Pixels::Bgr));
        // The last row need not have what lies after it.
        assert_eq!(check(&whole[..whole.len() - 4], of, None), Ok(()));
        assert!(check(&whole[..whole.len() - 5], of, None).is_err());
        assert!(check(&whole, Layout { offset: usize::MAX, ..of }, None).is_err());
        assert!(check(&whole, Layout { stride: usize::MAX, ..of }, None).is_err());
        assert!(check(&whole, Layout { size: Size::new(0, 3), ..of }, None).is_err());
        assert!(check(&whole, Layout { size: Size::new(u32::MAX, u32::MAX), ..of }, None).is_err());
        assert!(check(&whole, of, "4x3+1+0".parse().ok()).is_err());
    }

    #[test]
    fn memory_is_used_again_once_nobody_looks_at_the_picture() {
        let copier = Copier::default();
        let frame =
            || copier.copy(&buffer(), layout(Pixels::Bgr), None, Timestamp::ZERO).expect("it is whole");
        let (first, second) = (frame(), frame());
        let address = first.planes[0].data.as_ptr();
        assert_ne!(second.planes[0].data.as_ptr(), address);
        drop(first);
        assert_eq!(frame().planes[0].data.as_ptr(), address);
    }
}
