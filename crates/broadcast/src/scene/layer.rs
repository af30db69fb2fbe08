//! One layer: where and how a source lies on the canvas.

use serde::{Deserialize, Serialize};

use super::{Rgba, Source};

/// One source on the canvas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What is shown.
    pub source: Source,
    /// Where; the whole canvas unless said.
    #[serde(default)]
    pub place: Place,
    /// What is cut off the source before it is placed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub crop: Crop,
    /// Degrees clockwise, around the middle of its place.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rotation: f32,
    /// From 0, not to be seen, to 1, which hides what lies below.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub opacity: f32,
    /// Mirrored, before it is rotated.
    #[serde(default, skip_serializing_if = "is_default")]
    pub flip: Flip,
    /// Makes one colour transparent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chroma_key: Option<ChromaKey>,
    /// Kept, and not shown; its source is not even opened.
    #[serde(default, skip_serializing_if = "is_default")]
    pub hidden: bool,
}

impl Layer {
    /// `source` over the whole canvas, as it is.
    #[must_use]
    pub fn new(source: Source) -> Layer {
        Layer {
            name: None,
            source,
            place: Place::default(),
            crop: Crop::default(),
            rotation: 0.0,
            opacity: 1.0,
            flip: Flip::default(),
            chroma_key: None,
            hidden: false,
        }
    }

    /// The same layer at `place`.
    #[must_use]
    pub fn at(self, place: Place) -> Layer {
        Layer { place, ..self }
    }

    /// Whether a picture of the canvas's size would come out as it went in.
    pub(crate) fn is_plain(&self) -> bool {
        *self == Layer { name: self.name.clone(), ..Layer::new(self.source.clone()) }
    }
}

/// A rectangle on the canvas; it may pass the canvas's edges. Written without a part, that part is the whole canvas's.
/// Pixels are rounded to pairs, as chroma has one sample for two.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Place {
    /// From the canvas's left edge; of its width, where it is a fraction.
    pub left: Length,
    /// From the canvas's top edge; of its height, where it is a fraction.
    pub top: Length,
    /// Of the canvas's width, where it is a fraction.
    pub width: Length,
    /// Of the canvas's height, where it is a fraction.
    pub height: Length,
    /// What happens to a picture of another shape.
    pub fit: Fit,
}

impl Default for Place {
    fn default() -> Place {
        Place {
            left: Length::Fraction(0.0),
            top: Length::Fraction(0.0),
            width: Length::Fraction(1.0),
            height: Length::Fraction(1.0),
            fit: Fit::default(),
        }
    }
}

impl Place {
    /// A rectangle in fractions of the canvas.
    #[must_use]
    pub const fn fraction(left: f32, top: f32, width: f32, height: f32) -> Place {
        Place {
            left: Length::Fraction(left),
            top: Length::Fraction(top),
            width: Length::Fraction(width),
            height: Length::Fraction(height),
            fit: Fit::Contain,
        }
    }

    /// A rectangle in pixels of the canvas.
    #[must_use]
    pub const fn pixels(left: f32, top: f32, width: f32, height: f32) -> Place {
        Place {
            left: Length::Pixels(left),
            top: Length::Pixels(top),
            width: Length::Pixels(width),
            height: Length::Pixels(height),
            fit: Fit::Contain,
        }
    }

    /// The same rectangle with another fit.
    #[must_use]
    pub const fn with_fit(self, fit: Fit) -> Place {
        Place { fit, ..self }
    }
}

/// What happens to a picture whose shape is not its place's. Words, colours and drawings have the shape of their place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// All of it is shown, in the middle; the place is not filled.
    #[default]
    Contain,
    /// The place is filled; what does not fit in is cut off.
    Cover,
    /// It is stretched.
    Stretch,
}

/// What is cut off each side of a source; in pixels, or a fraction, of the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Crop {
    /// Off the left side.
    pub left: Length,
    /// Off the top.
    pub top: Length,
    /// Off the right side.
    pub right: Length,
    /// Off the bottom.
    pub bottom: Length,
}

/// Mirroring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Flip {
    /// Left and right change places.
    pub horizontal: bool,
    /// Top and bottom change places.
    pub vertical: bool,
}

/// Makes one colour transparent: a green wall behind a person.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChromaKey {
    /// The colour of the wall; its brightness does not matter.
    pub colour: Rgba,
    /// How far from it a colour is still transparent; as a part of all chroma there is, above 0 to 1.
    pub similarity: f32,
    /// How much further until a colour hides what lies below, 0 to 1.
    pub smoothness: f32,
}

impl Default for ChromaKey {
    /// Green, with the reach that an evenly lit wall needs.
    fn default() -> ChromaKey {
        ChromaKey { colour: Rgba::opaque(0, 255, 0), similarity: 0.25, smoothness: 0.1 }
    }
}

/// A length along one side of a whole: the canvas, or a source. As JSON a number of pixels, or text such as `"25%"`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "LengthText", into = "LengthText")]
pub enum Length {
    /// In pixels.
    Pixels(f32),
    /// A part of the whole: 1 is all of it.
    Fraction(f32),
}

impl Default for Length {
    fn default() -> Length {
        Length::Pixels(0.0)
    }
}

impl Length {
    /// In pixels, where the whole has `whole`.
    pub(crate) fn of(self, whole: u32) -> f64 {
        match self {
            Length::Pixels(pixels) => f64::from(pixels),
            Length::Fraction(fraction) => f64::from(fraction) * f64::from(whole),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum LengthText {
    Pixels(f32),
    Percent(String),
}

impl From<Length> for LengthText {
    fn from(length: Length) -> LengthText {
        match length {
            Length::Pixels(pixels) => LengthText::Pixels(pixels),
            Length::Fraction(fraction) => LengthText::Percent(format!("{}%", f64::from(fraction) * 100.0)),
        }
    }
}

impl TryFrom<LengthText> for Length {
    type Error = String;

    fn try_from(text: LengthText) -> Result<Length, String> {
        match text {
            LengthText::Pixels(pixels) => Ok(Length::Pixels(pixels)),
            LengthText::Percent(text) => text
                .strip_suffix('%')
                .and_then(|number| number.trim().parse::<f64>().ok())
                .map(|percent| Length::Fraction((percent / 100.0) as f32))
                .ok_or_else(|| format!("{text:?} is not a length: write pixels like 320, or \"25%\"")),
        }
    }
}

fn one() -> f32 {
    1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_one(value: &f32) -> bool {
    *value == 1.0
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
