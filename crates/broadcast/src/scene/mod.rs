//! Scenes: what the picture is made of, and how its parts become one picture.
//!
//! A [`Scene`] is words only: layers from the bottom to the top, each a source and where and how it lies on the canvas. It
//! can be stored as JSON and is checked before it is used. [`crate::Sources::set_scene`] puts one on air.
//!
//! A scene that is one picture source, full, is never composed: its pictures are handed on as they are. Anything else is
//! drawn by the compositor on a thread of its own, at the frames' grid. Words, images and drawings become pixels when a scene
//! is set, off the threads that must not wait. See `docs/design/scenes.md`.

mod canvas;
mod check;
mod compositor;
mod cutout;
mod geometry;
mod image_file;
mod key;
mod layer;
mod layouts;
mod lettering;
mod rgba;
mod rotation;
mod scene_file;
mod source;
mod stage;
mod staged;
mod strokes;
mod timer;

#[cfg(test)]
mod tests;

pub use check::SceneError;
pub use layer::{ChromaKey, Crop, Fit, Flip, Layer, Length, Place};
pub use layouts::Corner;
pub use rgba::{Rgba, RgbaError};
pub use source::{Align, Drawing, Fill, Image, Source, Stroke, Style, Text, Timer, Video};

pub(crate) use canvas::Canvas;
pub(crate) use lettering::Lettering;
pub(crate) use stage::{FeedId, Stage};
pub(crate) use staged::Staged;

use media::Span;
use serde::{Deserialize, Serialize};

/// What the picture is made of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// From the bottom to the top. Where no layer lies, the canvas is black.
    pub layers: Vec<Layer>,
}

/// How one scene follows another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// From one picture to the next.
    Cut,
    /// The new scene shows through the old one more and more, for this long; at most ten seconds.
    Fade(Span),
}
