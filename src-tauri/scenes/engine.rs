//! Scenes as the engine takes them, and what to do with a source that it does not take.

use std::path::{Path, PathBuf};

use broadcast::scene::{self as engine, Fill, Image, Length, Rgba, SceneError, Source as EngineSource, Text};
use broadcast::{Error, Grab, Span, VideoInput};

use super::model::{self, Align, Fit, Layer, Scene, Source, Style, Transition, WHOLE_PPM};
use crate::trouble::TroubleView;

/// A scene for the engine, which remembers whose layers it has.
#[derive(Clone, Debug, PartialEq)]
pub struct Stageable {
    /// What the engine takes: never without a layer.
    pub scene: engine::Scene,
    /// The ids of its layers, in their order.
    ids: Vec<u32>,
}

/// A source that cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The layer's id.
    pub layer: u32,
    /// Why.
    pub trouble: TroubleView,
}

impl Stageable {
    /// What the engine is to show of a scene. Sources that nothing is chosen for yet are left out.
    #[must_use]
    pub fn of(scene: &Scene) -> Stageable {
        let layers = scene.layers.iter().filter_map(|layer| Some((layer.id, layer_of(layer)?)));
        let (ids, mut layers): (Vec<u32>, Vec<engine::Layer>) = layers.unzip();
        if layers.is_empty() {
            let black = Fill { colour: Rgba::opaque(0, 0, 0) };
            layers.push(engine::Layer::new(EngineSource::Colour(black)));
        }
        Stageable { scene: engine::Scene { layers }, ids }
    }

    /// Shows it by `attempt`, without the sources that make it fail: one missing image does not take the rest away.
    ///
    /// # Errors
    /// What `attempt` answers when it is not about one of the sources.
    pub fn show<T>(
        &mut self,
        mut attempt: impl FnMut(&engine::Scene) -> Result<T, Error>,
    ) -> (Result<T, Error>, Vec<Broken>) {
        let mut broken = Vec::new();
        loop {
            let error = match attempt(&self.scene) {
                Ok(shown) => return (Ok(shown), broken),
                Err(error) => error,
            };
            let at_fault = self.at_fault(&error);
            if at_fault.is_empty() {
                return (Err(error), broken);
            }
            for at in at_fault {
                self.scene.layers[at].hidden = true;
                broken.extend(self.ids.get(at).map(|&layer| Broken { layer, trouble: (&error).into() }));
            }
        }
    }

    /// The layers that an error is about, of those that are shown.
    fn at_fault(&self, error: &Error) -> Vec<usize> {
        let is = |at: usize, layer: &engine::Layer| match error {
            Error::Scene(SceneError::Image { layer, .. } | SceneError::Value { layer, .. }) => {
                at + 1 == *layer
            }
            Error::Scene(SceneError::NoFonts) => {
                matches!(layer.source, EngineSource::Text(_) | EngineSource::Timer(_))
            }
            _ => error.file().is_some_and(|file| shows_file(layer, file)),
        };
        let layers = self.scene.layers.iter().enumerate();
        layers.filter(|(at, layer)| !layer.hidden && is(*at, layer)).map(|(at, _)| at).collect()
    }
}

/// The picture source that a layer's pictures come from; `None` where nothing moves.
#[must_use]
pub fn input(source: &Source) -> Option<VideoInput> {
    match source {
        Source::Display { cursor } => Some(VideoInput::Screen(Grab { cursor: *cursor, ..Grab::default() })),
        Source::Window { id, title, cursor } => {
            let window = id.as_ref().filter(|id| !id.is_empty()).unwrap_or(title);
            let grab = Grab { cursor: *cursor, ..Grab::default() };
            (!window.is_empty()).then(|| VideoInput::Window(window.clone(), grab))
        }
        Source::Camera { id } => Some(VideoInput::Camera(id.clone().filter(|id| !id.is_empty()))),
        Source::Video { file } => (!file.is_empty()).then(|| VideoInput::File(PathBuf::from(file))),
        Source::Test => Some(VideoInput::Test),
        Source::Image { .. } | Source::Text { .. } | Source::Timer { .. } | Source::Colour { .. } => None,
    }
}

/// How the engine changes to another scene.
#[must_use]
pub fn transition(transition: Transition) -> engine::Transition {
    match transition {
        Transition::Cut => engine::Transition::Cut,
        Transition::Fade { ms } => engine::Transition::Fade(Span::from_millis(ms.into())),
    }
}

fn layer_of(layer: &Layer) -> Option<engine::Layer> {
    let model::Place { left_ppm, top_ppm, width_ppm, height_ppm, fit } = layer.place;
    let place = engine::Place {
        left: fraction(left_ppm),
        top: fraction(top_ppm),
        width: fraction(width_ppm),
        height: fraction(height_ppm),
        fit: match fit {
            Fit::Contain => engine::Fit::Contain,
            Fit::Cover => engine::Fit::Cover,
            Fit::Stretch => engine::Fit::Stretch,
        },
    };
    let model::Crop { left_ppm, top_ppm, right_ppm, bottom_ppm } = layer.crop;
    // A layer that nothing is cut off of is to be equal to one that was never cropped: the engine then leaves it alone.
    let crop = if layer.crop == model::Crop::default() {
        engine::Crop::default()
    } else {
        engine::Crop {
            left: fraction(left_ppm),
            top: fraction(top_ppm),
            right: fraction(right_ppm),
            bottom: fraction(bottom_ppm),
        }
    };
    let chroma_key = layer.chroma_key.as_ref().map(|key| engine::ChromaKey {
        colour: colour(&key.colour),
        similarity: percent(key.similarity_percent),
        smoothness: percent(key.smoothness_percent),
    });
    Some(engine::Layer {
        name: None,
        source: source_of(&layer.source)?,
        place,
        crop,
        rotation: layer.rotation as f32,
        opacity: percent(layer.opacity_percent),
        flip: engine::Flip { horizontal: layer.mirrored, vertical: layer.flipped },
        chroma_key,
        hidden: layer.hidden,
    })
}

fn source_of(source: &Source) -> Option<EngineSource> {
    Some(match source {
        Source::Image { file } if file.is_empty() => return None,
        Source::Image { file } => EngineSource::Image(Image { file: file.into() }),
        Source::Text { text, style } => {
            EngineSource::Text(Text { text: text.clone(), style: style_of(style) })
        }
        Source::Timer { down_from_s, over, style } => EngineSource::Timer(engine::Timer {
            down_from_s: *down_from_s,
            over: (!over.is_empty()).then(|| over.clone()),
            style: style_of(style),
        }),
        Source::Colour { colour: of } => EngineSource::Colour(Fill { colour: colour(of) }),
        moving => input(moving)?.into(),
    })
}

fn style_of(style: &Style) -> engine::Style {
    engine::Style {
        size: Length::Fraction(percent(style.size_percent)),
        colour: colour(&style.colour),
        background: style.background.as_deref().map(colour),
        align: match style.align {
            Align::Left => engine::Align::Left,
            Align::Centre => engine::Align::Centre,
            Align::Right => engine::Align::Right,
        },
        bold: style.bold,
        font: None,
    }
}

fn colour(text: &str) -> Rgba {
    text.parse().expect("colours are checked before they are kept")
}

fn fraction(ppm: i32) -> Length {
    Length::Fraction((f64::from(ppm) / f64::from(WHOLE_PPM)) as f32)
}

fn percent(percent: u32) -> f32 {
    percent as f32 / 100.0
}

fn shows_file(layer: &engine::Layer, file: &Path) -> bool {
    matches!(&layer.source, EngineSource::Video(video) if matches!(&video.input, VideoInput::File(of) if of == file))
}
