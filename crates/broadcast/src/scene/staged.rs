//! A scene made ready to be drawn: what stands still is drawn already.

use std::sync::Arc;

use capture::VideoInput;
use media::{Size, Timestamp};
use tiny_skia::Pixmap;

use super::cutout::{Cutout, Placed};
use super::geometry::{self, is_upright, place};
use super::rotation::rotated;
use super::{Layer, Lettering, Scene, SceneError, Source, Text, Timer, image_file, key, strokes};

/// A scene that was checked, on a canvas.
pub(crate) struct Staged {
    /// Those that are to be seen.
    pub(crate) layers: Vec<StagedLayer>,
}

pub(crate) struct StagedLayer {
    pub(crate) layer: Layer,
    pub(crate) content: Content,
}

pub(crate) enum Content {
    /// Its pictures come from a feed.
    Moving(VideoInput),
    /// Drawn; `None` where it lies beyond the canvas.
    Still(Option<Arc<Placed>>),
    /// Drawn anew when its words change.
    Timer { timer: Timer, begun: Timestamp },
}

impl Staged {
    /// Checks `scene` and draws what stands still. What is in the scene `before` too is taken from there, and its timers run
    /// on. Takes time: images are read.
    ///
    /// # Errors
    /// [`SceneError`].
    pub(crate) fn new(
        scene: &Scene,
        canvas: Size,
        lettering: &Lettering,
        before: Option<&Staged>,
        now: Timestamp,
    ) -> Result<Staged, SceneError> {
        scene.check()?;
        let mut layers = Vec::new();
        for (index, layer) in scene.layers.iter().enumerate().filter(|(_, layer)| !layer.hidden) {
            let content = match before.and_then(|before| before.content(layer)) {
                Some(same) => same,
                None => content(layer, index + 1, canvas, lettering, now)?,
            };
            layers.push(StagedLayer { layer: layer.clone(), content });
        }
        Ok(Staged { layers })
    }

    /// The picture sources that it shows.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = &VideoInput> {
        self.layers.iter().filter_map(|staged| staged.layer.input())
    }

    /// The one source whose pictures are the scene as they are.
    pub(crate) fn direct(&self) -> Option<&VideoInput> {
        match &self.layers[..] {
            [StagedLayer { layer, content: Content::Moving(input) }] if layer.is_plain() => Some(input),
            _ => None,
        }
    }

    /// What a layer like `wanted` shows here.
    fn content(&self, wanted: &Layer) -> Option<Content> {
        self.layers.iter().find_map(|staged| match &staged.content {
            Content::Still(placed) if staged.layer == *wanted => Some(Content::Still(placed.clone())),
            Content::Timer { timer, begun } if staged.layer.source == wanted.source => {
                Some(Content::Timer { timer: timer.clone(), begun: *begun })
            }
            _ => None,
        })
    }
}

fn content(
    layer: &Layer,
    number: usize,
    canvas: Size,
    lettering: &Lettering,
    now: Timestamp,
) -> Result<Content, SceneError> {
    match &layer.source {
        Source::Video(video) => Ok(Content::Moving(video.input.clone())),
        Source::Timer(timer) => {
            // The fonts are looked for now, not by the compositor.
            lettering.make_ready()?;
            Ok(Content::Timer { timer: timer.clone(), begun: now })
        }
        Source::Image(image) => {
            let fault = |reason| SceneError::Image { layer: number, file: image.file.clone(), reason };
            let picture = image_file::read(&image.file).map_err(fault)?;
            let laid = geometry::lay_whole(layer, Size::new(picture.width(), picture.height()), canvas);
            let drawn = laid.and_then(|laid| {
                let pixmap = image_file::scaled(&picture, laid.from, laid.to.size())?;
                finished(Cutout::drawn(&pixmap), layer, laid.to, canvas)?.trimmed()
            });
            Ok(Content::Still(drawn.map(Arc::new)))
        }
        Source::Colour(fill) => still(layer, canvas, |pixmap| {
            pixmap.fill(strokes::colour(fill.colour));
            Ok(())
        }),
        Source::Text(Text { text, style }) => {
            still(layer, canvas, |pixmap| lettering.draw(pixmap, text, style, canvas))
        }
        Source::Drawing(drawing) => still(layer, canvas, |pixmap| {
            strokes::draw(pixmap, drawing, canvas);
            Ok(())
        }),
    }
}

fn still(
    layer: &Layer,
    canvas: Size,
    draw: impl FnOnce(&mut Pixmap) -> Result<(), SceneError>,
) -> Result<Content, SceneError> {
    Ok(Content::Still(drawn(layer, canvas, draw)?.map(Arc::new)))
}

/// Draws on a pixmap of the layer's place.
///
/// # Errors
/// Those of `draw`.
pub(crate) fn drawn<E>(
    layer: &Layer,
    canvas: Size,
    draw: impl FnOnce(&mut Pixmap) -> Result<(), E>,
) -> Result<Option<Placed>, E> {
    let to = place(&layer.place, canvas);
    let Some(mut pixmap) = Pixmap::new(to.width, to.height) else { return Ok(None) };
    draw(&mut pixmap)?;
    Ok(finished(Cutout::drawn(&pixmap), layer, to, canvas).and_then(Placed::trimmed))
}

/// Mirrors, keys and rotates a picture that was drawn at `to`.
pub(crate) fn finished(cutout: Cutout, layer: &Layer, to: geometry::Pixels, canvas: Size) -> Option<Placed> {
    let cutout = cutout.flipped(layer.flip);
    let cutout = match &layer.chroma_key {
        Some(wanted) => key::keyed(&cutout, wanted),
        None => cutout,
    };
    if is_upright(layer) {
        return Some(cutout.at(to.left, to.top));
    }
    rotated(&cutout, to, layer.rotation, canvas)
}
