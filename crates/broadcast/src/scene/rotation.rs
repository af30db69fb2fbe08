//! Rotated pictures.

use media::Size;

use super::cutout::{Cutout, Placed, Planes};
use super::geometry::Pixels;

/// Draws `cutout`, scaled to `to` and rotated around the middle of `to` by `degrees` clockwise, as far as the canvas reaches;
/// `None` when nothing of it lies there. Edges are smooth.
pub(crate) fn rotated(cutout: &Cutout, to: Pixels, degrees: f32, canvas: Size) -> Option<Placed> {
    let turn = Turn::new(cutout, to, degrees);
    let (left, width) = extent(turn.middle.0, turn.reach().0, canvas.width)?;
    let (top, height) = extent(turn.middle.1, turn.reach().1, canvas.height)?;
    let mut planes = Planes::new(width, height);
    let mut alpha = vec![0; width * height];
    for row in 0..height {
        for column in 0..width {
            let at = ((left + column) as f64 + 0.5, (top + row) as f64 + 0.5);
            let (place, source) = turn.back(at);
            let seen = turn.coverage(place);
            if seen > 0.0 {
                let index = row * width + column;
                planes.y[index] = sample(&turn.planes[0], source);
                let own = turn.alpha.as_ref().map_or(255, |alpha| sample(alpha, source));
                alpha[index] = (f64::from(own) * seen).round() as u8;
            }
        }
    }
    for row in 0..height / 2 {
        for column in 0..width / 2 {
            let at = ((left + column * 2) as f64 + 1.0, (top + row * 2) as f64 + 1.0);
            let (_, (x, y)) = turn.back(at);
            let index = row * (width / 2) + column;
            planes.u[index] = sample(&turn.planes[1], (x / 2.0, y / 2.0));
            planes.v[index] = sample(&turn.planes[2], (x / 2.0, y / 2.0));
        }
    }
    let cutout = Cutout { picture: planes.into_frame(), alpha: Some(alpha) };
    Some(cutout.at(left as i64, top as i64))
}

/// Samples of one plane.
struct Samples<'a> {
    data: &'a [u8],
    stride: usize,
    width: usize,
    height: usize,
}

/// A rotation, and what is rotated.
struct Turn<'a> {
    planes: [Samples<'a>; 3],
    alpha: Option<Samples<'a>>,
    middle: (f64, f64),
    size: (f64, f64),
    /// Pixels of the source for one of the place.
    scale: (f64, f64),
    sine: f64,
    cosine: f64,
}

impl<'a> Turn<'a> {
    fn new(cutout: &'a Cutout, to: Pixels, degrees: f32) -> Turn<'a> {
        let (width, height) = (cutout.size().width as usize, cutout.size().height as usize);
        let plane = |index: usize, half: usize| {
            let plane = &cutout.picture.planes[index];
            Samples { data: &plane.data, stride: plane.stride, width: width / half, height: height / half }
        };
        let size = (f64::from(to.width), f64::from(to.height));
        let (sine, cosine) = f64::from(degrees).to_radians().sin_cos();
        Turn {
            planes: [plane(0, 1), plane(1, 2), plane(2, 2)],
            alpha: cutout.alpha.as_ref().map(|data| Samples { data, stride: width, width, height }),
            middle: (to.left as f64 + size.0 / 2.0, to.top as f64 + size.1 / 2.0),
            size,
            scale: (width as f64 / size.0, height as f64 / size.1),
            sine,
            cosine,
        }
    }

    /// How far it reaches from its middle, to the side and up.
    fn reach(&self) -> (f64, f64) {
        let (half_width, half_height) = (self.size.0 / 2.0, self.size.1 / 2.0);
        let (sine, cosine) = (self.sine.abs(), self.cosine.abs());
        (half_width * cosine + half_height * sine, half_width * sine + half_height * cosine)
    }

    /// Where a point of the canvas lies in the place, from its upper left corner, and in the source.
    fn back(&self, (x, y): (f64, f64)) -> ((f64, f64), (f64, f64)) {
        let (x, y) = (x - self.middle.0, y - self.middle.1);
        let place = (
            x * self.cosine + y * self.sine + self.size.0 / 2.0,
            y * self.cosine - x * self.sine + self.size.1 / 2.0,
        );
        (place, (place.0 * self.scale.0, place.1 * self.scale.1))
    }

    /// How much of a pixel there lies within the place.
    fn coverage(&self, (x, y): (f64, f64)) -> f64 {
        let inside = x.min(self.size.0 - x).min(y).min(self.size.1 - y);
        (inside + 0.5).clamp(0.0, 1.0)
    }
}

/// The even pixels around `middle` that lie on the canvas: the first, and how many.
fn extent(middle: f64, reach: f64, canvas: u32) -> Option<(usize, usize)> {
    let begin = ((middle - reach).max(0.0) / 2.0).floor() as usize * 2;
    let end = ((middle + reach).clamp(0.0, f64::from(canvas)) / 2.0).ceil() as usize * 2;
    let end = end.min(canvas as usize);
    (end > begin).then(|| (begin, end - begin))
}

/// What lies at a point between four samples; the edge's beyond the edge.
fn sample(from: &Samples<'_>, (x, y): (f64, f64)) -> u8 {
    let axis = |at: f64, length: usize| {
        let at = (at - 0.5).clamp(0.0, (length - 1) as f64);
        let first = at as usize;
        (first, (first + 1).min(length - 1), at - first as f64)
    };
    let ((left, right, across), (upper, lower, down)) = (axis(x, from.width), axis(y, from.height));
    let value = |row: usize, column: usize| f64::from(from.data[row * from.stride + column]);
    let above = value(upper, left) * (1.0 - across) + value(upper, right) * across;
    let below = value(lower, left) * (1.0 - across) + value(lower, right) * across;
    (above * (1.0 - down) + below * down).round() as u8
}
