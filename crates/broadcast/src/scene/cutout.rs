//! A picture that may be transparent in parts.

use bytes::Bytes;
use media::{Colour, PixelFormat, Plane, Size, Timestamp, VideoFrame};
use tiny_skia::Pixmap;

use super::Flip;
use super::rgba::yuv;

/// I420 in BT.709, limited range, both sides even, and how much of each pixel is to be seen.
#[derive(Clone, Debug)]
pub(crate) struct Cutout {
    pub(crate) picture: VideoFrame,
    /// For each pixel 0 (nothing) to 255 (hides what lies below); all of them hide without.
    pub(crate) alpha: Option<Vec<u8>>,
}

/// A cutout and where its upper left corner lies; both numbers even.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) cutout: Cutout,
    pub(crate) left: i64,
    pub(crate) top: i64,
}

impl Cutout {
    /// A picture without transparent parts. It is of the right kind: what [`encode::Stretch`] makes.
    pub(crate) fn opaque(picture: VideoFrame) -> Cutout {
        Cutout { picture, alpha: None }
    }

    /// From drawn pixels; both sides are even.
    pub(crate) fn drawn(pixmap: &Pixmap) -> Cutout {
        let (width, height) = (pixmap.width() as usize, pixmap.height() as usize);
        let pixels = pixmap.pixels();
        let mut planes = Planes::new(width, height);
        let alpha: Vec<u8> = pixels.iter().map(|pixel| pixel.alpha()).collect();
        for (luma, pixel) in planes.y.iter_mut().zip(pixels) {
            let colours = [pixel.red(), pixel.green(), pixel.blue()].map(u32::from);
            *luma = samples(colours, u32::from(pixel.alpha()))[0];
        }
        for row in 0..height / 2 {
            for column in 0..width / 2 {
                // Weighted by what is to be seen of each of the four, which premultiplied colours are.
                let mut sums = [0_u32; 4];
                for at in [0, 1, width, width + 1] {
                    let pixel = pixels[row * 2 * width + column * 2 + at];
                    let values = [pixel.red(), pixel.green(), pixel.blue(), pixel.alpha()];
                    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += u32::from(value));
                }
                let [_, u, v] = samples([sums[0], sums[1], sums[2]], sums[3]);
                planes.u[row * (width / 2) + column] = u;
                planes.v[row * (width / 2) + column] = v;
            }
        }
        let seen_through = alpha.iter().any(|&alpha| alpha < 255);
        Cutout { picture: planes.into_frame(), alpha: seen_through.then_some(alpha) }
    }

    pub(crate) fn size(&self) -> Size {
        self.picture.size
    }

    /// Mirrored.
    pub(crate) fn flipped(self, flip: Flip) -> Cutout {
        if flip == Flip::default() {
            return self;
        }
        let (width, height) = (self.picture.size.width as usize, self.picture.size.height as usize);
        let plane = |index: usize, width: usize, height: usize| {
            let plane = &self.picture.planes[index];
            mirror(&plane.data, plane.stride, (width, height), flip)
        };
        let planes = Planes {
            size: self.picture.size,
            y: plane(0, width, height),
            u: plane(1, width / 2, height / 2),
            v: plane(2, width / 2, height / 2),
        };
        let alpha = self.alpha.as_ref().map(|alpha| mirror(alpha, width, (width, height), flip));
        Cutout { picture: planes.into_frame(), alpha }
    }
}

impl Placed {
    /// Without the edges of which nothing is to be seen: a line across the canvas is not a canvas to lay. `None` when nothing
    /// of it is to be seen.
    pub(crate) fn trimmed(self) -> Option<Placed> {
        let Some(alpha) = &self.cutout.alpha else { return Some(self) };
        let width = self.cutout.size().width as usize;
        let is_seen = |samples: &[u8]| samples.iter().any(|&alpha| alpha > 0);
        let first_row = alpha.chunks(width).position(is_seen)?;
        let last_row = alpha.chunks(width).rposition(is_seen)?;
        let rows = || alpha[first_row * width..][..(last_row - first_row + 1) * width].chunks(width);
        let first = rows().filter_map(|row| row.iter().position(|&alpha| alpha > 0)).min()?;
        let last = rows().filter_map(|row| row.iter().rposition(|&alpha| alpha > 0)).max()?;
        // Whole pairs; both sides are even.
        let (left, right) = (first & !1, (last | 1) + 1);
        let (top, bottom) = (first_row & !1, (last_row | 1) + 1);
        let alpha =
            alpha.chunks(width).take(bottom).skip(top).flat_map(|row| &row[left..right]).copied().collect();
        let mut picture = self.cutout.picture;
        for (plane, half) in picture.planes.iter_mut().zip([1, 2, 2]) {
            plane.data = plane.data.slice(top / half * plane.stride + left / half..);
        }
        // Not more than the picture was.
        picture.size = Size::new((right - left) as u32, (bottom - top) as u32);
        let cutout = Cutout { picture, alpha: Some(alpha) };
        Some(cutout.at(self.left + left as i64, self.top + top as i64))
    }
}

/// The planes of an I420 picture that is being made, without gaps between rows.
pub(crate) struct Planes {
    pub(crate) size: Size,
    pub(crate) y: Vec<u8>,
    pub(crate) u: Vec<u8>,
    pub(crate) v: Vec<u8>,
}

impl Planes {
    /// Black; both sides even.
    pub(crate) fn new(width: usize, height: usize) -> Planes {
        // Sides come from a canvas or a checked place, so they fit.
        let size = Size::new(width as u32, height as u32);
        let chroma = vec![128; width / 2 * (height / 2)];
        Planes { size, y: vec![16; width * height], u: chroma.clone(), v: chroma }
    }

    pub(crate) fn into_frame(self) -> VideoFrame {
        let width = self.size.width as usize;
        let plane = |data: Vec<u8>, stride| Plane { data: Bytes::from(data), stride };
        VideoFrame {
            pts: Timestamp::ZERO,
            size: self.size,
            format: PixelFormat::I420,
            planes: vec![plane(self.y, width), plane(self.u, width / 2), plane(self.v, width / 2)],
            colour: Colour::Bt709Limited,
        }
    }
}

/// Y, U and V of colours that were multiplied by `alpha`.
fn samples(colours: [u32; 3], alpha: u32) -> [u8; 3] {
    if alpha == 0 {
        return [16, 128, 128];
    }
    let straight = colours.map(|value| (value as f32 / alpha as f32).min(1.0));
    yuv(straight).map(|value| value.round().clamp(0.0, 255.0) as u8)
}

fn mirror(data: &[u8], stride: usize, (width, height): (usize, usize), flip: Flip) -> Vec<u8> {
    let mut out = Vec::with_capacity(width * height);
    for row in 0..height {
        let row = if flip.vertical { height - 1 - row } else { row };
        let from = &data[row * stride..][..width];
        if flip.horizontal { out.extend(from.iter().rev()) } else { out.extend_from_slice(from) }
    }
    out
}
