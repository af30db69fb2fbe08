//! Ready arrangements of a scene's pictures.

use super::edit::Layout;
use super::model::{Fit, Layer, Place, WHOLE_PPM};

/// Arranges the pictures among `layers` that are neither hidden nor locked. Words and colours stay where they are.
pub(crate) fn arrange(layers: &mut Vec<Layer>, layout: Layout, chosen: Option<u32>) {
    if layout == Layout::Full {
        return fill(layers, chosen);
    }
    let count = layers.iter().filter(|layer| takes_part(layer)).count();
    for (at, layer) in layers.iter_mut().filter(|layer| takes_part(layer)).enumerate() {
        layer.place = match layout {
            Layout::SideBySide => beside(at, count),
            Layout::Grid => cell(at, count),
            Layout::PictureInPicture | Layout::Full if at == 0 => Place::default(),
            Layout::PictureInPicture | Layout::Full => corner(at - 1),
        };
    }
}

/// The arrangement that the pictures have; `None` where they have none of them.
pub(crate) fn of(layers: &[Layer]) -> Option<Layout> {
    let top = layers.iter().rfind(|layer| takes_part(layer))?.id;
    let all = [Layout::Full, Layout::PictureInPicture, Layout::SideBySide, Layout::Grid];
    all.into_iter().find(|&layout| {
        let mut arranged = layers.to_vec();
        arrange(&mut arranged, layout, Some(top));
        arranged == layers
    })
}

/// A small place in a corner, with a margin of 3 %: players cover the outermost edge with their controls. The first one
/// at the bottom right, where it hides the least of most slides.
pub(crate) fn corner(at: usize) -> Place {
    let far = WHOLE_PPM - INSET - MARGIN;
    // With more than four they lie on each other, and are moved by hand.
    let (left, top) = [(far, far), (MARGIN, far), (far, MARGIN), (MARGIN, MARGIN)][at % 4];
    Place::new(left, top, INSET, INSET, Fit::Cover)
}

/// One picture over the canvas, and above the other pictures.
fn fill(layers: &mut Vec<Layer>, chosen: Option<u32>) {
    let asked = layers.iter().position(|layer| takes_part(layer) && Some(layer.id) == chosen);
    let Some(at) = asked.or_else(|| layers.iter().position(takes_part)) else { return };
    let top = layers.iter().rposition(takes_part).unwrap_or(at);
    let mut layer = layers.remove(at);
    layer.place = Place::default();
    layers.insert(top, layer);
}

/// Bands of the canvas's shape, so that pictures of that shape lose nothing.
fn beside(at: usize, count: usize) -> Place {
    let (at, count) = (narrow(at), narrow(count));
    let side = WHOLE_PPM / count;
    Place::new(at * side, (WHOLE_PPM - side) / 2, side, side, Fit::Cover)
}

fn cell(at: usize, count: usize) -> Place {
    let columns = (1..=count).find(|columns| columns * columns >= count).unwrap_or(1);
    let rows = count.div_ceil(columns);
    let (width, height) = (WHOLE_PPM / narrow(columns), WHOLE_PPM / narrow(rows));
    Place::new(narrow(at % columns) * width, narrow(at / columns) * height, width, height, Fit::Contain)
}

fn takes_part(layer: &Layer) -> bool {
    layer.source.is_picture() && !layer.hidden && !layer.locked
}

/// A scene has 32 layers at most.
fn narrow(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(1).max(0)
}

/// A quarter of each side: a face is seen, and fifteen sixteenths of the slide with it.
const INSET: i32 = WHOLE_PPM / 4;
/// Of each side.
const MARGIN: i32 = WHOLE_PPM * 3 / 100;
