//! The layouts that people ask for by name.

use serde::{Deserialize, Serialize};

use super::{Fit, Layer, Place, Scene, Source};

/// A corner of the canvas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Corner {
    /// At the top left.
    TopLeft,
    /// At the top right.
    TopRight,
    /// At the bottom left.
    BottomLeft,
    /// At the bottom right, where it hides the least of most slides.
    #[default]
    BottomRight,
}

impl Scene {
    /// One source over the whole canvas.
    #[must_use]
    pub fn full(source: impl Into<Source>) -> Scene {
        Scene { layers: vec![Layer::new(source.into())] }
    }

    /// `main` over the whole canvas, and `inset` a quarter as wide in a corner of it, with a small margin.
    #[must_use]
    pub fn picture_in_picture(main: impl Into<Source>, inset: impl Into<Source>, corner: Corner) -> Scene {
        let far = 1.0 - INSET - MARGIN;
        let (left, top) = match corner {
            Corner::TopLeft => (MARGIN, MARGIN),
            Corner::TopRight => (far, MARGIN),
            Corner::BottomLeft => (MARGIN, far),
            Corner::BottomRight => (far, far),
        };
        let place = Place::fraction(left, top, INSET, INSET).with_fit(Fit::Cover);
        Scene { layers: vec![Layer::new(main.into()), Layer::new(inset.into()).at(place)] }
    }

    /// Two sources, each filling half of the canvas's width in a band of half its height, so that pictures of the canvas's
    /// shape lose nothing.
    #[must_use]
    pub fn side_by_side(left: impl Into<Source>, right: impl Into<Source>) -> Scene {
        let half = |at: f32| Place::fraction(at, 0.25, 0.5, 0.5).with_fit(Fit::Cover);
        Scene { layers: vec![Layer::new(left.into()).at(half(0.0)), Layer::new(right.into()).at(half(0.5))] }
    }
}

/// A quarter of each side: a face is seen, and fifteen sixteenths of the slide with it.
const INSET: f32 = 0.25;

/// Of each side; players cover the outermost edge with their controls.
const MARGIN: f32 = 0.03;
