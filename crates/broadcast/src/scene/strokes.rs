//! Drawings.

use media::Size;
use tiny_skia::{Color, LineCap, LineJoin, Paint, PathBuilder, Pixmap, Transform};

use super::{Drawing, Rgba};

/// Draws the strokes on `pixmap`, which has the size of their place.
pub(crate) fn draw(pixmap: &mut Pixmap, drawing: &Drawing, canvas: Size) {
    let (width, height) = (pixmap.width() as f32, pixmap.height() as f32);
    for stroke in &drawing.strokes {
        let mut points = stroke.points.iter().map(|&[x, y]| (x * width, y * height));
        let Some((x, y)) = points.next() else { continue };
        let mut path = PathBuilder::new();
        path.move_to(x, y);
        if stroke.points.len() == 1 {
            // A round cap needs some length to sit on.
            path.line_to(x + DOT, y);
        }
        points.for_each(|(x, y)| path.line_to(x, y));
        // Points that all lie on one spot are no path.
        let Some(path) = path.finish() else { continue };
        let mut paint = Paint { anti_alias: true, ..Paint::default() };
        paint.set_color(colour(stroke.colour));
        let pen = tiny_skia::Stroke {
            width: stroke.width.of(canvas.height) as f32,
            line_cap: LineCap::Round,
            line_join: LineJoin::Round,
            ..tiny_skia::Stroke::default()
        };
        pixmap.stroke_path(&path, &paint, &pen, Transform::identity(), None);
    }
}

pub(crate) fn colour(colour: Rgba) -> Color {
    Color::from_rgba8(colour.red, colour.green, colour.blue, colour.alpha)
}

/// Pixels; not to be seen.
const DOT: f32 = 0.01;
