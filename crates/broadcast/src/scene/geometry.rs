//! Which part of a source lies where on the canvas. Sans-IO.

use media::Size;

use super::{Crop, Fit, Layer, Place};

/// A rectangle; in fractions of pixels while it is worked out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Area {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// A rectangle in whole pairs of pixels, so that each chroma sample belongs to one side of its edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pixels {
    pub(crate) left: i64,
    pub(crate) top: i64,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Pixels {
    pub(crate) fn size(self) -> Size {
        Size::new(self.width, self.height)
    }
}

/// Where a picture lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Laid {
    /// The part of the source that is shown; inside it.
    pub(crate) from: Pixels,
    /// Where that part lies on the canvas, before it is rotated.
    pub(crate) to: Pixels,
}

/// The place on the canvas.
pub(crate) fn place(place: &Place, canvas: Size) -> Pixels {
    Area {
        left: place.left.of(canvas.width),
        top: place.top.of(canvas.height),
        width: place.width.of(canvas.width),
        height: place.height.of(canvas.height),
    }
    .nearest()
}

/// Where what is to be seen of a picture of `source` lies; `None` when nothing is.
pub(crate) fn lay(layer: &Layer, source: Size, canvas: Size) -> Option<Laid> {
    let laid = lay_whole(layer, source, canvas)?;
    if is_upright(layer) { visible(laid, layer, even(source)?, canvas) } else { Some(laid) }
}

/// Where a picture of `source` lies, also beyond the canvas; `None` when all of it is cut off.
pub(crate) fn lay_whole(layer: &Layer, source: Size, canvas: Size) -> Option<Laid> {
    let from = cropped(&layer.crop, even(source)?)?;
    let to = place(&layer.place, canvas);
    Some(match layer.place.fit {
        Fit::Stretch => Laid { from, to },
        Fit::Contain => Laid { from, to: contained(from, to) },
        Fit::Cover => Laid { from: covering(from, to), to },
    })
}

/// Whether a layer is not rotated.
pub(crate) fn is_upright(layer: &Layer) -> bool {
    layer.rotation % 360.0 == 0.0
}

/// All pairs of pixels of a picture.
fn even(size: Size) -> Option<Size> {
    let even = Size::new(size.width & !1, size.height & !1);
    (even.width > 0 && even.height > 0).then_some(even)
}

fn cropped(crop: &Crop, whole: Size) -> Option<Pixels> {
    let side = |before: f64, after: f64, length: u32| {
        let begin = (before.max(0.0) / 2.0).round() as i64 * 2;
        let end = i64::from(length) - (after.max(0.0) / 2.0).round() as i64 * 2;
        (end - begin >= 2).then(|| (begin, (end - begin) as u32))
    };
    let (left, width) = side(crop.left.of(whole.width), crop.right.of(whole.width), whole.width)?;
    let (top, height) = side(crop.top.of(whole.height), crop.bottom.of(whole.height), whole.height)?;
    Some(Pixels { left, top, width, height })
}

/// The largest rectangle of the shape of `from` in the middle of `to`.
fn contained(from: Pixels, to: Pixels) -> Pixels {
    let (width, height) = (f64::from(to.width), f64::from(to.height));
    let scale = (width / f64::from(from.width)).min(height / f64::from(from.height));
    middle(to, f64::from(from.width) * scale, f64::from(from.height) * scale)
}

/// The largest rectangle of the shape of `to` in the middle of `from`.
fn covering(from: Pixels, to: Pixels) -> Pixels {
    contained(to, from)
}

fn middle(within: Pixels, width: f64, height: f64) -> Pixels {
    let side = |length: f64, limit: u32| (((length / 2.0).round() as u32).max(1) * 2).min(limit);
    let (width, height) = (side(width, within.width), side(height, within.height));
    let left = within.left + i64::from((within.width - width) / 4 * 2);
    let top = within.top + i64::from((within.height - height) / 4 * 2);
    Pixels { left, top, width, height }
}

/// Leaves out what lies beyond the canvas, so that a picture ten times the canvas costs no more than one of its size.
fn visible(laid: Laid, layer: &Layer, whole: Size, canvas: Size) -> Option<Laid> {
    let Laid { from, to } = laid;
    let (left, width, to_left, to_width) = seen(
        Axis { from: (from.left, from.width), to: (to.left, to.width), mirrored: layer.flip.horizontal },
        whole.width,
        canvas.width,
    )?;
    let (top, height, to_top, to_height) = seen(
        Axis { from: (from.top, from.height), to: (to.top, to.height), mirrored: layer.flip.vertical },
        whole.height,
        canvas.height,
    )?;
    Some(Laid {
        from: Pixels { left, top, width, height },
        to: Pixels { left: to_left, top: to_top, width: to_width, height: to_height },
    })
}

/// One direction of a placement: begin and length.
struct Axis {
    from: (i64, u32),
    to: (i64, u32),
    mirrored: bool,
}

/// The part of one direction that lies on the canvas: its begin and length in the source, and on the canvas.
fn seen(axis: Axis, whole: u32, canvas: u32) -> Option<(i64, u32, i64, u32)> {
    let ((from, from_length), (to, to_length)) = (axis.from, axis.to);
    let to_end = to + i64::from(to_length);
    if to >= i64::from(canvas) || to_end <= 0 {
        return None;
    }
    if to >= 0 && to_end <= i64::from(canvas) {
        return Some((from, from_length, to, to_length));
    }
    let scale = f64::from(from_length) / f64::from(to_length);
    // What is cut off at each end, in the source's pixels; as whole pairs, never too much.
    let cut = |beyond: i64| ((beyond.max(0) as f64 * scale / 2.0).floor() as i64 * 2).max(0);
    let (before, after) = (cut(-to), cut(to_end - i64::from(canvas)));
    let length = i64::from(from_length) - before - after;
    if length < 2 {
        return None;
    }
    let pair = |pixels: f64| (pixels / 2.0).round() as i64 * 2;
    let new_to = to + pair(before as f64 / scale);
    let new_length = pair(length as f64 / scale).max(2);
    let begin = from + if axis.mirrored { after } else { before };
    debug_assert!(begin >= 0 && begin + length <= i64::from(whole), "a part is inside the whole");
    Some((begin, length as u32, new_to, new_length as u32))
}

impl Area {
    /// The nearest rectangle of whole pairs.
    fn nearest(self) -> Pixels {
        let pair = |value: f64| (value / 2.0).round() as i64 * 2;
        let (left, top) = (pair(self.left), pair(self.top));
        let side = |begin: i64, end: f64| (pair(end) - begin).max(2) as u32;
        Pixels {
            left,
            top,
            width: side(left, self.left + self.width),
            height: side(top, self.top + self.height),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Fill, Flip, Length, Rgba, Source};
    use super::*;

    const CANVAS: Size = Size::new(1280, 720);

    fn layer(place: Place) -> Layer {
        Layer::new(Source::Colour(Fill { colour: Rgba::WHITE })).at(place)
    }

    fn pixels(left: i64, top: i64, width: u32, height: u32) -> Pixels {
        Pixels { left, top, width, height }
    }

    #[test]
    fn a_picture_is_fitted_into_its_place() {
        let square = Size::new(100, 100);
        let place = Place::pixels(100.0, 50.0, 320.0, 180.0);
        let at = |fit| lay(&layer(place.with_fit(fit)), square, CANVAS).expect("it is to be seen");
        assert_eq!(at(Fit::Contain), Laid { from: pixels(0, 0, 100, 100), to: pixels(170, 50, 180, 180) });
        assert_eq!(at(Fit::Cover), Laid { from: pixels(0, 22, 100, 56), to: pixels(100, 50, 320, 180) });
        assert_eq!(at(Fit::Stretch), Laid { from: pixels(0, 0, 100, 100), to: pixels(100, 50, 320, 180) });
    }

    #[test]
    fn a_crop_comes_before_the_fit() {
        let crop = Crop { left: Length::Fraction(0.5), bottom: Length::Pixels(4.0), ..Crop::default() };
        let layer = Layer { crop, ..layer(Place::default().with_fit(Fit::Stretch)) };
        let laid = lay(&layer, Size::new(640, 361), CANVAS).expect("half is left");
        assert_eq!(laid, Laid { from: pixels(320, 0, 320, 356), to: pixels(0, 0, 1280, 720) });
        let all = Crop { left: Length::Fraction(0.5), right: Length::Fraction(0.5), ..Crop::default() };
        assert_eq!(lay(&Layer { crop: all, ..layer }, Size::new(640, 360), CANVAS), None);
    }

    #[test]
    fn what_lies_beyond_the_canvas_is_not_scaled() {
        let place = Place::fraction(-1.0, -1.0, 4.0, 4.0);
        let laid = lay(&layer(place), CANVAS, CANVAS).expect("it fills the canvas");
        assert_eq!(laid, Laid { from: pixels(320, 180, 320, 180), to: pixels(0, 0, 1280, 720) });
        assert_eq!(lay(&layer(Place::fraction(1.0, 0.0, 1.0, 1.0)), CANVAS, CANVAS), None);
    }

    #[test]
    fn the_part_of_a_mirrored_picture_is_taken_from_its_other_side() {
        let flip = Flip { horizontal: true, vertical: false };
        let left_out = Layer { flip, ..layer(Place::fraction(-0.5, 0.0, 1.0, 1.0)) };
        let laid = lay(&left_out, CANVAS, CANVAS).expect("half is to be seen");
        assert_eq!(laid, Laid { from: pixels(0, 0, 640, 720), to: pixels(0, 0, 640, 720) });
    }
}
