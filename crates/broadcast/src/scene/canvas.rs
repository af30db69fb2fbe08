//! The picture that layers are laid on.

use bytes::Bytes;
use media::{Colour, PixelFormat, Plane, Size, Timestamp, VideoFrame};

use super::cutout::{Cutout, Placed};

/// I420 in BT.709, limited range, its planes one after the other. Nothing is ever written beyond it.
pub(crate) struct Canvas {
    size: Size,
    bytes: Vec<u8>,
}

impl Canvas {
    /// All black; both sides even.
    pub(crate) fn black(size: Size) -> Canvas {
        let luma = luma(size);
        let mut bytes = vec![16; luma];
        bytes.resize(luma + luma / 2, 128);
        Canvas { size, bytes }
    }

    /// A canvas that begins with `bottom`, where that hides all of it; black otherwise.
    pub(crate) fn begun_with(size: Size, bottom: Option<&Placed>) -> (Canvas, bool) {
        let covers = |placed: &&Placed| {
            placed.cutout.alpha.is_none()
                && placed.cutout.size() == size
                && (placed.left, placed.top) == (0, 0)
        };
        let Some(placed) = bottom.filter(covers) else { return (Canvas::black(size), false) };
        let (width, height) = (size.width as usize, size.height as usize);
        let mut bytes = Vec::with_capacity(luma(size) + luma(size) / 2);
        for (plane, half) in placed.cutout.picture.planes.iter().zip([1, 2, 2]) {
            let (width, height) = (width / half, height / half);
            if plane.stride == width {
                bytes.extend_from_slice(&plane.data[..width * height]);
            } else {
                let rows = plane.data.chunks(plane.stride).take(height);
                rows.for_each(|row| bytes.extend_from_slice(&row[..width]));
            }
        }
        (Canvas { size, bytes }, true)
    }

    /// Lays a picture on it; `opacity` from 0 to 255.
    pub(crate) fn lay(&mut self, placed: &Placed, opacity: u8) {
        for index in 0..3 {
            self.lay_plane(index, placed, opacity);
        }
    }

    fn lay_plane(&mut self, index: usize, Placed { cutout, left, top }: &Placed, opacity: u8) {
        let half = if index == 0 { 1 } else { 2 };
        let luma_width = cutout.size().width as usize;
        let columns = overlap(left / half, cutout.size().width / half as u32, self.size.width / half as u32);
        let rows = overlap(top / half, cutout.size().height / half as u32, self.size.height / half as u32);
        let (Some((from_column, to_column, width)), Some((from_row, to_row, height))) = (columns, rows)
        else {
            return;
        };
        let plane = &cutout.picture.planes[index];
        let stride = self.size.width as usize / half as usize;
        let begin = luma(self.size) * [0, 4, 5][index] / 4;
        for row in 0..height {
            let from = &plane.data[(from_row + row) * plane.stride + from_column..][..width];
            let to = &mut self.bytes[begin + (to_row + row) * stride + to_column..][..width];
            match &cutout.alpha {
                None if opacity == 255 => to.copy_from_slice(from),
                None => to.iter_mut().zip(from).for_each(|(to, &from)| *to = blend(*to, from, opacity)),
                Some(alpha) if index == 0 => {
                    let alpha = &alpha[(from_row + row) * luma_width + from_column..][..width];
                    for ((to, &from), &alpha) in to.iter_mut().zip(from).zip(alpha) {
                        *to = blend(*to, from, product(alpha, opacity));
                    }
                }
                Some(alpha) => {
                    let upper = &alpha[(from_row + row) * 2 * luma_width + from_column * 2..];
                    let (upper, lower) = (&upper[..width * 2], &upper[luma_width..][..width * 2]);
                    let four = upper.chunks_exact(2).zip(lower.chunks_exact(2));
                    for ((to, &from), (upper, lower)) in to.iter_mut().zip(from).zip(four) {
                        let sum: u16 = upper.iter().chain(lower).map(|&alpha| u16::from(alpha)).sum();
                        *to = blend(*to, from, product(((sum + 2) / 4) as u8, opacity));
                    }
                }
            }
        }
    }

    /// Lets `over`, of the same size, show through: `weight` from 0 (not at all) to 256 (nothing else).
    pub(crate) fn mix(&mut self, over: &VideoFrame, weight: u16) {
        let weight = u32::from(weight.min(256));
        let planes = over.planes.iter().flat_map(|plane| plane.data.iter());
        for (to, &from) in self.bytes.iter_mut().zip(planes) {
            *to = ((u32::from(*to) * (256 - weight) + u32::from(from) * weight + 128) >> 8) as u8;
        }
    }

    /// The finished picture.
    pub(crate) fn into_frame(self, pts: Timestamp) -> VideoFrame {
        let (luma, stride) = (luma(self.size), self.size.width as usize);
        let bytes = Bytes::from(self.bytes);
        let planes = vec![
            Plane { data: bytes.slice(..luma), stride },
            Plane { data: bytes.slice(luma..luma + luma / 4), stride: stride / 2 },
            Plane { data: bytes.slice(luma + luma / 4..), stride: stride / 2 },
        ];
        VideoFrame { pts, size: self.size, format: PixelFormat::I420, planes, colour: Colour::Bt709Limited }
    }
}

impl Cutout {
    /// At the upper left corner `left` and `top`, both even.
    pub(crate) fn at(self, left: i64, top: i64) -> Placed {
        Placed { cutout: self, left, top }
    }
}

fn luma(size: Size) -> usize {
    size.width as usize * size.height as usize
}

/// The part of `length` samples from `begin` that lies within `limit`: where it begins in itself, where in the whole, and
/// how long it is.
fn overlap(begin: i64, length: u32, limit: u32) -> Option<(usize, usize, usize)> {
    let first = begin.max(0);
    let end = (begin + i64::from(length)).min(i64::from(limit));
    (end > first).then(|| ((first - begin) as usize, first as usize, (end - first) as usize))
}

fn blend(below: u8, above: u8, alpha: u8) -> u8 {
    let alpha = u32::from(alpha);
    ((u32::from(below) * (255 - alpha) + u32::from(above) * alpha + 127) / 255) as u8
}

fn product(one: u8, other: u8) -> u8 {
    ((u32::from(one) * u32::from(other) + 127) / 255) as u8
}
