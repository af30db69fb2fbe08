//! What comes out of the compositor, pixel by pixel.

mod live;
mod properties;
mod stills;
mod transforms;

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use capture::VideoInput;
use media::{Colour, PixelFormat, Plane, Size, Span, Timestamp, VideoFrame};

use super::compositor::{Compositor, View};
use super::cutout::Placed;
use super::{Fill, Layer, Lettering, Place, Rgba, Scene, Source, Staged};

const CANVAS: Size = Size::new(320, 180);

const RED: Rgba = Rgba::opaque(255, 0, 0);
const GREEN: Rgba = Rgba::opaque(0, 255, 0);
const BLUE: Rgba = Rgba::opaque(0, 0, 255);

/// Y, U and V of black.
const BLACK: [u8; 3] = [16, 128, 128];

/// Draws scenes at times that are given.
struct Screen {
    compositor: Compositor,
    pictures: Vec<(VideoInput, VideoFrame)>,
    drawing: Option<Arc<Placed>>,
}

impl Screen {
    fn new() -> Screen {
        let compositor = Compositor::new(CANVAS, lettering());
        Screen { compositor, pictures: Vec::new(), drawing: None }
    }

    /// Gives the test pattern a picture.
    fn with(picture: VideoFrame) -> Screen {
        Screen { pictures: vec![(VideoInput::Test, picture)], ..Screen::new() }
    }

    fn show(
        &mut self,
        scene: &Arc<Staged>,
        fading: Option<(&Arc<Staged>, u16)>,
        at: Timestamp,
    ) -> VideoFrame {
        self.compositor.compose(&View {
            at,
            timeline: at,
            showing: Arc::clone(scene),
            fading: fading.map(|(before, weight)| (Arc::clone(before), weight)),
            drawing: self.drawing.clone(),
            pictures: self.pictures.clone(),
        })
    }

    fn draw(&mut self, layers: Vec<Layer>) -> VideoFrame {
        self.show(&staged(layers), None, Timestamp::ZERO)
    }
}

/// The fonts, looked for once. Timers want their own: others may be drawing with these.
fn lettering() -> Lettering {
    static LETTERING: OnceLock<Lettering> = OnceLock::new();
    LETTERING.get_or_init(Lettering::default).clone()
}

fn staged(layers: Vec<Layer>) -> Arc<Staged> {
    let scene = Scene { layers };
    let staged = Staged::new(&scene, CANVAS, &lettering(), None, Timestamp::ZERO);
    Arc::new(staged.expect("a sound scene"))
}

fn fill(colour: Rgba) -> Layer {
    Layer::new(Source::Colour(Fill { colour }))
}

fn test_layer() -> Layer {
    Layer::new(VideoInput::Test.into())
}

/// An I420 picture whose pixels `colour` says.
fn picture(size: Size, colour: impl Fn(u32, u32) -> Rgba) -> VideoFrame {
    let plane = |index: usize, step: u32| {
        let rows =
            (0..size.height / step).flat_map(|y| (0..size.width / step).map(move |x| (x * step, y * step)));
        let data: Vec<u8> = rows.map(|(x, y)| colour(x, y).yuv()[index].round() as u8).collect();
        Plane { data: Bytes::from(data), stride: (size.width / step) as usize }
    };
    let planes = vec![plane(0, 1), plane(1, 2), plane(2, 2)];
    let (format, colour) = (PixelFormat::I420, Colour::Bt709Limited);
    VideoFrame { pts: Timestamp::ZERO + Span::from_millis(1), size, format, planes, colour }
}

/// Red at the left, blue at the right; the lower half is dark.
fn halves(size: Size) -> VideoFrame {
    picture(size, |x, y| match (x < size.width / 2, y < size.height / 2) {
        (true, true) => RED,
        (false, true) => BLUE,
        (true, false) => Rgba::opaque(100, 0, 0),
        (false, false) => Rgba::opaque(0, 0, 100),
    })
}

fn pixel(frame: &VideoFrame, x: usize, y: usize) -> [u8; 3] {
    let at = |index: usize, half: usize| {
        frame.planes[index].data[y / half * frame.planes[index].stride + x / half]
    };
    [at(0, 1), at(1, 2), at(2, 2)]
}

fn is(frame: &VideoFrame, (x, y): (usize, usize), expected: impl Into<Shade>) {
    let (got, Shade(expected)) = (pixel(frame, x, y), expected.into());
    let near = got.iter().zip(expected).all(|(got, expected)| got.abs_diff(expected) <= 2);
    assert!(near, "at {x}, {y}: {got:?} for {expected:?}");
}

/// Y, U and V.
struct Shade([u8; 3]);

impl From<Rgba> for Shade {
    fn from(colour: Rgba) -> Shade {
        Shade(colour.yuv().map(|value| value.round() as u8))
    }
}

impl From<[u8; 3]> for Shade {
    fn from(samples: [u8; 3]) -> Shade {
        Shade(samples)
    }
}

/// A place in the middle, half as wide and high as the canvas.
fn middle() -> Place {
    Place::fraction(0.25, 0.25, 0.5, 0.5)
}
