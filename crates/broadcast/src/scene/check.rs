//! What a scene must be before anything is drawn of it.

use std::path::PathBuf;

use capture::VideoInput;
use thiserror::Error;

use super::{ChromaKey, Crop, Layer, Length, Place, Scene, Source, Style, Transition};

/// Why a scene cannot be shown.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SceneError {
    /// The scene file cannot be read.
    #[error("scene {}: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The scene file is not a scene.
    #[error("scene {}: {source}", file.display())]
    Json {
        /// The file.
        file: PathBuf,
        /// Where, and what was expected.
        source: serde_json::Error,
    },
    /// There is more of something than can be drawn in time, or nothing at all.
    #[error("a scene has {count} {what}, expected {expected}")]
    Count {
        /// Of what.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many there may be.
        expected: &'static str,
    },
    /// A value that cannot be.
    #[error("layer {layer}: {field} is {given}, expected {expected}")]
    Value {
        /// The layer, counted from 1 at the bottom.
        layer: usize,
        /// What of it.
        field: &'static str,
        /// What was given.
        given: String,
        /// What was expected.
        expected: &'static str,
    },
    /// An image cannot be read.
    #[error("layer {layer}: image {}: {reason}", file.display())]
    Image {
        /// The layer, counted from 1 at the bottom.
        layer: usize,
        /// The file.
        file: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Words cannot be drawn.
    #[error("this system has no fonts: install some, e.g. the package fonts-noto-cjk")]
    NoFonts,
}

/// A value that cannot be, of a layer that is not known here.
type Refused = (&'static str, String, &'static str);

impl Scene {
    /// Says what cannot be drawn.
    ///
    /// # Errors
    /// [`SceneError::Count`] or [`SceneError::Value`]; files are not looked at.
    pub fn check(&self) -> Result<(), SceneError> {
        count("layers", self.layers.len(), 1..=LAYERS_MAX, "1 to 32")?;
        let mut inputs: Vec<&VideoInput> = Vec::new();
        for input in self.layers.iter().filter_map(Layer::input) {
            if !inputs.contains(&input) {
                inputs.push(input);
            }
        }
        count("moving pictures", inputs.len(), 0..=INPUTS_MAX, "at most 8")?;
        for (index, layer) in self.layers.iter().enumerate() {
            check(layer).map_err(|(field, given, expected)| SceneError::Value {
                layer: index + 1,
                field,
                given,
                expected,
            })?;
        }
        Ok(())
    }
}

impl Transition {
    /// The same transition, with no more time than it may take.
    pub(crate) fn bounded(self) -> Transition {
        match self {
            Transition::Fade(span) if span > media::Span::ZERO => {
                Transition::Fade(span.min(media::Span::from_secs(FADE_MAX_S)))
            }
            _ => Transition::Cut,
        }
    }
}

impl Layer {
    /// The picture source to capture for it; `None` where nothing moves or nothing is shown.
    pub(crate) fn input(&self) -> Option<&VideoInput> {
        match &self.source {
            Source::Video(video) if !self.hidden => Some(&video.input),
            _ => None,
        }
    }
}

fn count(
    what: &'static str,
    count: usize,
    allowed: std::ops::RangeInclusive<usize>,
    expected: &'static str,
) -> Result<(), SceneError> {
    if allowed.contains(&count) { Ok(()) } else { Err(SceneError::Count { what, count, expected }) }
}

fn check(layer: &Layer) -> Result<(), Refused> {
    place(&layer.place)?;
    crop(&layer.crop)?;
    within("rotation", layer.rotation, -360.0..=360.0, "degrees from -360 to 360")?;
    within("opacity", layer.opacity, 0.0..=1.0, "0 to 1")?;
    if let Some(ChromaKey { similarity, smoothness, .. }) = layer.chroma_key {
        within("chroma_key.similarity", similarity, 0.001..=1.0, "0.001 to 1")?;
        within("chroma_key.smoothness", smoothness, 0.0..=1.0, "0 to 1")?;
    }
    source(&layer.source)
}

fn place(place: &Place) -> Result<(), Refused> {
    for (field, length) in [("place.left", place.left), ("place.top", place.top)] {
        let expected = "at most 4 times the canvas, or 32768 pixels, either way";
        length_within(field, length, -FRACTION_MAX..=FRACTION_MAX, -PIXELS_MAX..=PIXELS_MAX, expected)?;
    }
    for (field, length) in [("place.width", place.width), ("place.height", place.height)] {
        let expected = "more than 0, at most 4 times the canvas, or 8192 pixels";
        length_within(field, length, f32::MIN_POSITIVE..=FRACTION_MAX, 1.0..=SIDE_PIXELS_MAX, expected)?;
    }
    Ok(())
}

fn crop(crop: &Crop) -> Result<(), Refused> {
    let sides = [
        ("crop.left", crop.left),
        ("crop.top", crop.top),
        ("crop.right", crop.right),
        ("crop.bottom", crop.bottom),
    ];
    for (field, length) in sides {
        length_within(field, length, 0.0..=1.0, 0.0..=PIXELS_MAX, "0% to 100%, or pixels")?;
    }
    Ok(())
}

fn source(source: &Source) -> Result<(), Refused> {
    match source {
        Source::Video(video) if video.input == VideoInput::None => {
            Err(("source.input", "none".to_owned(), "something to be seen"))
        }
        Source::Video(_) | Source::Colour(_) | Source::Image(_) => Ok(()),
        Source::Text(text) => words(&text.text).and_then(|()| style(&text.style)),
        Source::Timer(timer) => {
            words(timer.over.as_deref().unwrap_or_default())?;
            style(&timer.style)
        }
        Source::Drawing(drawing) => {
            let points: usize = drawing.strokes.iter().map(|stroke| stroke.points.len()).sum();
            if drawing.strokes.len() > STROKES_MAX || points > POINTS_MAX {
                let given = format!("{} strokes of {points} points", drawing.strokes.len());
                return Err(("source.strokes", given, "at most 4000 strokes of 100000 points"));
            }
            drawing.strokes.iter().try_for_each(|stroke| {
                length_within("width", stroke.width, 0.0..=1.0, 0.0..=PIXELS_MAX, "0% to 100%, or pixels")?;
                let mut values = stroke.points.iter().flatten();
                match values.find(|value| !(-FRACTION_MAX..=FRACTION_MAX).contains(*value)) {
                    Some(value) => Err(("points", value.to_string(), "fractions of the place from -4 to 4")),
                    None => Ok(()),
                }
            })
        }
    }
}

fn words(text: &str) -> Result<(), Refused> {
    match text.chars().count() {
        0..=CHARACTERS_MAX => Ok(()),
        count => Err(("source.text", format!("{count} characters long"), "at most 2000")),
    }
}

fn style(style: &Style) -> Result<(), Refused> {
    length_within("style.size", style.size, 0.001..=1.0, 1.0..=SIDE_PIXELS_MAX, "0.1% to 100%, or pixels")
}

fn within(
    field: &'static str,
    value: f32,
    allowed: std::ops::RangeInclusive<f32>,
    expected: &'static str,
) -> Result<(), Refused> {
    if allowed.contains(&value) { Ok(()) } else { Err((field, value.to_string(), expected)) }
}

fn length_within(
    field: &'static str,
    length: Length,
    fractions: std::ops::RangeInclusive<f32>,
    pixels: std::ops::RangeInclusive<f32>,
    expected: &'static str,
) -> Result<(), Refused> {
    let (value, allowed, given) = match length {
        Length::Fraction(value) => (value, fractions, format!("{}%", value * 100.0)),
        Length::Pixels(value) => (value, pixels, format!("{value} pixels")),
    };
    if allowed.contains(&value) { Ok(()) } else { Err((field, given, expected)) }
}

/// More layers than a person keeps apart, and few enough to draw in time.
const LAYERS_MAX: usize = 32;

/// Each is a thread, and most a device.
const INPUTS_MAX: usize = 8;

/// A page of text; shaping takes time in proportion.
const CHARACTERS_MAX: usize = 2_000;

/// An hour of drawing on a slide.
const STROKES_MAX: usize = 4_000;
const POINTS_MAX: usize = 100_000;

/// Times the canvas: what is enlarged more is better cropped. Bounds the memory of one layer.
const FRACTION_MAX: f32 = 4.0;

/// Pixels of a side that is drawn; 256 MB at most.
const SIDE_PIXELS_MAX: f32 = 8_192.0;

/// Pixels to where something may lie, or be cut off.
const PIXELS_MAX: f32 = 32_768.0;

/// Seconds; longer than any fade that still looks like one.
const FADE_MAX_S: i64 = 10;

#[cfg(test)]
mod tests {
    use super::super::{Fill, Rgba};
    use super::*;

    fn layer() -> Layer {
        Layer::new(Source::Colour(Fill { colour: Rgba::WHITE }))
    }

    #[test]
    fn what_cannot_be_is_refused_with_where_and_what_was_expected() {
        let endless = Layer { opacity: f32::NAN, ..layer() };
        let huge = layer().at(Place::fraction(0.0, 0.0, 5.0, 1.0));
        let nothing = Layer::new(VideoInput::None.into());
        let key = ChromaKey { similarity: 2.0, ..ChromaKey::default() };
        let keyed = Layer { chroma_key: Some(key), ..layer() };
        let cut = Layer { crop: Crop { top: Length::Fraction(-0.1), ..Crop::default() }, ..layer() };
        for (wrong, words) in [
            (endless, "layer 2: opacity is NaN, expected 0 to 1"),
            (huge, "layer 2: place.width is 500%, expected more than 0, at most 4 times"),
            (nothing, "layer 2: source.input is none"),
            (keyed, "layer 2: chroma_key.similarity is 2"),
            (cut, "layer 2: crop.top is -10%"),
        ] {
            let error = Scene { layers: vec![layer(), wrong] }.check().expect_err(words);
            assert!(error.to_string().starts_with(words), "{error}");
        }
        assert!(matches!(Scene::default().check(), Err(SceneError::Count { what: "layers", count: 0, .. })));
        assert!(Scene { layers: vec![layer(); 33] }.check().is_err());
    }

    #[test]
    fn a_source_in_several_layers_is_one_moving_picture() {
        let camera = |number: usize| Layer::new(VideoInput::Camera(Some(number.to_string())).into());
        let of = |cameras: usize| Scene { layers: (0..20).map(|at| camera(at % cameras)).collect() }.check();
        assert!(of(2).is_ok() && of(8).is_ok());
        assert!(matches!(of(9), Err(SceneError::Count { count: 9, .. })));
    }

    #[test]
    fn a_side_in_pixels_bounds_the_memory_of_a_layer() {
        let wide = layer().at(Place::pixels(0.0, 0.0, 8_193.0, 2.0));
        assert!(Scene { layers: vec![wide] }.check().is_err());
    }
}
