//! Layers become one picture. Sans-IO: what is shown, and when, is given.

use std::sync::Arc;

use capture::VideoInput;
use media::{PixelFormat, Plane, Size, Timestamp, VideoFrame};

use super::canvas::Canvas;
use super::cutout::{Cutout, Placed};
use super::geometry::{Laid, Pixels, is_upright, lay};
use super::staged::{Content, Staged, StagedLayer, drawn, finished};
use super::{Layer, Lettering};

/// Draws scenes on a canvas of one size. What has not changed is not drawn again.
pub(crate) struct Compositor {
    canvas: Size,
    lettering: Lettering,
    scenes: Vec<Drawn>,
    last: Option<Last>,
}

/// The last picture, and what it was made of; that is kept, so that no other takes its place in memory.
struct Last {
    picture: VideoFrame,
    stamps: Vec<Stamp>,
    _scenes: Vec<Arc<Staged>>,
    _drawing: Option<Arc<Placed>>,
}

/// What is to be drawn.
pub(crate) struct View {
    /// The picture's time on the sources' clock.
    pub(crate) at: Timestamp,
    /// The same on the timeline, on which timers run.
    pub(crate) timeline: Timestamp,
    /// The scene.
    pub(crate) showing: Arc<Staged>,
    /// The scene before it, and how much of `showing` is to be seen already, of 256.
    pub(crate) fading: Option<(Arc<Staged>, u16)>,
    /// What is drawn over everything.
    pub(crate) drawing: Option<Arc<Placed>>,
    /// The present picture of each source that has one.
    pub(crate) pictures: Vec<(VideoInput, VideoFrame)>,
}

/// What was made of a scene's layers.
struct Drawn {
    staged: Arc<Staged>,
    layers: Vec<DrawnLayer>,
}

#[derive(Default)]
struct DrawnLayer {
    stamp: Stamp,
    placed: Option<Arc<Placed>>,
    scaler: Option<encode::Stretch>,
}

/// What a layer's pixels were made of. Equal stamps, equal pixels.
#[derive(Clone, Debug, Default, PartialEq)]
enum Stamp {
    #[default]
    Nothing,
    /// A still layer, or a drawing, by its place in memory.
    Still(usize),
    /// A picture, by its time and its place in memory.
    Picture(Timestamp, usize),
    Words(String),
    /// Where a scene's layers begin, and how much of it is to be seen.
    Scene(usize, u16),
}

impl Compositor {
    pub(crate) fn new(canvas: Size, lettering: Lettering) -> Compositor {
        Compositor { canvas, lettering, scenes: Vec::new(), last: None }
    }

    /// The picture. Where nothing has changed since the last one its pixels are shared.
    pub(crate) fn compose(&mut self, view: &View) -> VideoFrame {
        let weight = view.fading.as_ref().map_or(256, |(_, weight)| *weight);
        let wanted: Vec<&Arc<Staged>> =
            view.fading.iter().map(|(before, _)| before).chain([&view.showing]).collect();
        self.scenes.retain(|drawn| wanted.iter().any(|staged| Arc::ptr_eq(staged, &drawn.staged)));
        let mut stamps = Vec::new();
        for staged in &wanted {
            let drawn = self.drawn(staged);
            self.scenes[drawn].update(view, self.canvas, &self.lettering);
            stamps.push(Stamp::Scene(Arc::as_ptr(staged) as usize, weight));
            stamps.extend(self.scenes[drawn].layers.iter().map(|layer| layer.stamp.clone()));
        }
        stamps.extend(view.drawing.iter().map(|drawing| Stamp::Still(Arc::as_ptr(drawing) as usize)));
        if let Some(last) = self.last.as_ref().filter(|last| last.stamps == stamps) {
            return VideoFrame { pts: view.at, ..last.picture.clone() };
        }
        let mut canvases = wanted.iter().map(|staged| self.paint(staged));
        let mut canvas = canvases.next().unwrap_or_else(|| Canvas::black(self.canvas));
        if let Some(over) = canvases.next() {
            canvas.mix(&over.into_frame(view.at), weight);
        }
        drop(canvases);
        if let Some(drawing) = &view.drawing {
            canvas.lay(drawing, 255);
        }
        let picture = canvas.into_frame(view.at);
        self.last = Some(Last {
            picture: picture.clone(),
            stamps,
            _scenes: wanted.into_iter().cloned().collect(),
            _drawing: view.drawing.clone(),
        });
        picture
    }

    /// The place of a scene among `scenes`.
    fn drawn(&mut self, staged: &Arc<Staged>) -> usize {
        let known = self.scenes.iter().position(|drawn| Arc::ptr_eq(&drawn.staged, staged));
        known.unwrap_or_else(|| {
            let layers = staged.layers.iter().map(|_| DrawnLayer::default()).collect();
            self.scenes.push(Drawn { staged: Arc::clone(staged), layers });
            self.scenes.len() - 1
        })
    }

    fn paint(&self, staged: &Arc<Staged>) -> Canvas {
        let Some(drawn) = self.scenes.iter().find(|drawn| Arc::ptr_eq(&drawn.staged, staged)) else {
            return Canvas::black(self.canvas);
        };
        let seen = drawn.layers.iter().zip(&drawn.staged.layers).filter_map(|(layer, staged)| {
            Some((layer.placed.as_deref()?, (staged.layer.opacity * 255.0).round() as u8))
        });
        let mut seen = seen.peekable();
        let bottom = seen.peek().filter(|(_, opacity)| *opacity == 255).map(|(placed, _)| *placed);
        let (mut canvas, covered) = Canvas::begun_with(self.canvas, bottom);
        seen.skip(usize::from(covered)).for_each(|(placed, opacity)| canvas.lay(placed, opacity));
        canvas
    }
}

impl Drawn {
    fn update(&mut self, view: &View, canvas: Size, lettering: &Lettering) {
        for (drawn, staged) in self.layers.iter_mut().zip(&self.staged.layers) {
            drawn.update(staged, view, canvas, lettering);
        }
    }
}

impl DrawnLayer {
    fn update(&mut self, staged: &StagedLayer, view: &View, canvas: Size, lettering: &Lettering) {
        let layer = &staged.layer;
        match &staged.content {
            Content::Still(placed) => {
                self.stamp = placed
                    .as_ref()
                    .map_or(Stamp::Nothing, |placed| Stamp::Still(Arc::as_ptr(placed) as usize));
                self.placed.clone_from(placed);
            }
            Content::Moving(input) => {
                let picture =
                    view.pictures.iter().find(|(from, _)| from == input).map(|(_, picture)| picture);
                let stamp = picture.map_or(Stamp::Nothing, |picture| {
                    let first = picture.planes.first().map_or(0, |plane| plane.data.as_ptr() as usize);
                    Stamp::Picture(picture.pts, first)
                });
                if stamp != self.stamp {
                    self.stamp = stamp;
                    self.placed =
                        picture.and_then(|picture| self.place(layer, picture, canvas)).map(Arc::new);
                }
            }
            Content::Timer { timer, begun } => {
                let words = timer.words(view.timeline - *begun);
                if self.stamp == Stamp::Words(words.clone()) {
                    return;
                }
                let placed = drawn(layer, canvas, |pixmap| {
                    lettering.try_draw(pixmap, &words, &timer.style, canvas).then_some(()).ok_or(())
                });
                // While somebody else draws, the last words stay for a frame.
                if let Ok(placed) = placed {
                    self.placed = placed.map(Arc::new);
                    self.stamp = Stamp::Words(words);
                }
            }
        }
    }

    /// Cuts, scales, mirrors, keys and rotates a picture.
    fn place(&mut self, layer: &Layer, picture: &VideoFrame, canvas: Size) -> Option<Placed> {
        let Laid { from, to } = lay(layer, picture.size, canvas)?;
        let size = if is_upright(layer) {
            to.size()
        } else {
            // Made smaller before it is rotated, which looks at four samples only; made larger by the rotation.
            Size::new(to.width.min(from.width), to.height.min(from.height))
        };
        if self.scaler.as_ref().is_none_or(|scaler| scaler.size() != size) {
            self.scaler = Some(encode::Stretch::new(size));
        }
        let scaled = self.scaler.as_mut()?.stretch(&part(picture, from)?);
        let scaled = scaled.inspect_err(|error| tracing::debug!(%error, "a picture was left out")).ok()?;
        finished(Cutout::opaque(scaled), layer, to, canvas)
    }
}

/// A part of a picture, by reference; `None` where its planes are shorter than they claim.
fn part(picture: &VideoFrame, from: Pixels) -> Option<VideoFrame> {
    if from.size() == picture.size {
        return Some(picture.clone());
    }
    let (left, top) = (usize::try_from(from.left).ok()?, usize::try_from(from.top).ok()?);
    // Bytes of two pixels side by side, and rows for two rows, of each plane.
    let planes: &[(usize, usize)] = match picture.format {
        PixelFormat::Bgr0 | PixelFormat::Rgba => &[(8, 2)],
        PixelFormat::Yuyv422 => &[(4, 2)],
        PixelFormat::Nv12 => &[(2, 2), (2, 1)],
        PixelFormat::I420 => &[(2, 2), (1, 1), (1, 1)],
    };
    let cut = planes.iter().zip(&picture.planes).map(|(&(bytes, rows), plane)| {
        let begin = (top / 2 * rows).checked_mul(plane.stride)?.checked_add(left / 2 * bytes)?;
        (begin <= plane.data.len()).then(|| Plane { data: plane.data.slice(begin..), stride: plane.stride })
    });
    let planes = cut.collect::<Option<Vec<Plane>>>()?;
    Some(VideoFrame { size: from.size(), planes, ..picture.clone() })
}
