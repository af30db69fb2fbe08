//! What scenes must be before they are shown or kept. The engine has limits of its own, and these lie within them.

use std::ops::RangeInclusive;
use std::path::Path;

use broadcast::scene::Rgba;
use thiserror::Error;

use super::model::{ChromaKey, Crop, Layer, Place, Scene, Source, Style, Transition};

/// Why an edit was not made, or a file is not used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Wrong {
    /// It was removed in the meantime.
    #[error("this {0} is not there any more")]
    Gone(&'static str),
    /// More than can be kept apart, or drawn in time.
    #[error("there can be at most {max} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there can be.
        max: usize,
    },
    /// The last scene.
    #[error("one scene stays: there is nothing to show without it")]
    LastScene,
    /// Its place cannot be changed.
    #[error("this source is locked")]
    Locked,
    /// A number that cannot be.
    #[error("{what} is {given}, it can be {least} to {most}")]
    Range {
        /// Of what.
        what: &'static str,
        /// What was given.
        given: i64,
        /// The least it can be.
        least: i64,
        /// The most it can be.
        most: i64,
    },
    /// A text that cannot be.
    #[error("{what} is {given:?}, expected {expected}")]
    Text {
        /// Of what.
        what: &'static str,
        /// What was given; the first characters of it.
        given: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Two of the same number.
    #[error("the number {0} is there twice")]
    Twice(u32),
}

/// Checks one scene.
///
/// # Errors
/// The first thing that cannot be.
pub fn scene(scene: &Scene) -> Result<(), Wrong> {
    name(&scene.name)?;
    count("sources in a scene", scene.layers.len(), LAYERS_MAX)?;
    let moving = scene.layers.iter().filter(|layer| is_moving(&layer.source)).count();
    count("moving pictures in a scene", moving, MOVING_MAX)?;
    scene.layers.iter().try_for_each(layer)
}

/// Checks one layer.
///
/// # Errors
/// The first thing that cannot be.
pub fn layer(layer: &Layer) -> Result<(), Wrong> {
    name(&layer.name)?;
    source(&layer.source)?;
    place(&layer.place)?;
    crop(&layer.crop)?;
    range("the rotation", layer.rotation, -360..=360)?;
    percent("the opacity", layer.opacity_percent, 0)?;
    layer.chroma_key.as_ref().map_or(Ok(()), chroma_key)
}

/// Checks how scenes follow each other.
///
/// # Errors
/// [`Wrong::Range`].
pub fn transition(transition: Transition) -> Result<(), Wrong> {
    match transition {
        Transition::Cut => Ok(()),
        Transition::Fade { ms } => range("the length in milliseconds", ms, 50..=FADE_MS_MAX),
    }
}

/// Checks how many there are.
///
/// # Errors
/// [`Wrong::TooMany`].
pub fn count(what: &'static str, count: usize, max: usize) -> Result<(), Wrong> {
    if count <= max { Ok(()) } else { Err(Wrong::TooMany { what, max }) }
}

fn name(name: &str) -> Result<(), Wrong> {
    let fits = name.chars().count() <= NAME_CHARACTERS_MAX && !name.contains(char::is_control);
    text("the name", name, fits, "at most 60 characters in one line")
}

fn source(source: &Source) -> Result<(), Wrong> {
    match source {
        Source::Display { .. } | Source::Test => Ok(()),
        Source::Window { id, title, .. } => {
            device(id.as_deref().unwrap_or_default()).and_then(|()| device(title))
        }
        Source::Camera { id } => device(id.as_deref().unwrap_or_default()),
        Source::Video { file } | Source::Image { file } => {
            let fits = file.len() <= PATH_BYTES_MAX && (file.is_empty() || Path::new(file).is_absolute());
            text("the file", file, fits, "a path that begins with /")
        }
        Source::Text { text, style } => words(text).and_then(|()| self::style(style)),
        Source::Timer { down_from_s, over, style } => {
            range("the time in seconds", down_from_s.unwrap_or_default(), 0..=TIMER_SECONDS_MAX)?;
            words(over)?;
            self::style(style)
        }
        Source::Colour { colour } => self::colour(colour),
    }
}

fn style(style: &Style) -> Result<(), Wrong> {
    percent("the size of letters", style.size_percent, 1)?;
    colour(&style.colour)?;
    style.background.as_deref().map_or(Ok(()), colour)
}

fn place(place: &Place) -> Result<(), Wrong> {
    range("the distance from the left", place.left_ppm, -AWAY_PPM_MAX..=AWAY_PPM_MAX)?;
    range("the distance from the top", place.top_ppm, -AWAY_PPM_MAX..=AWAY_PPM_MAX)?;
    range("the width", place.width_ppm, SIDE_PPM_MIN..=AWAY_PPM_MAX)?;
    range("the height", place.height_ppm, SIDE_PPM_MIN..=AWAY_PPM_MAX)
}

fn crop(crop: &Crop) -> Result<(), Wrong> {
    for side in [crop.left_ppm, crop.top_ppm, crop.right_ppm, crop.bottom_ppm] {
        range("what is cut off a side", side, 0..=CROP_PPM_MAX)?;
    }
    let both = (crop.left_ppm + crop.right_ppm).max(crop.top_ppm + crop.bottom_ppm);
    range("what is cut off two sides", both, 0..=CROP_PPM_MAX)
}

fn chroma_key(key: &ChromaKey) -> Result<(), Wrong> {
    colour(&key.colour)?;
    percent("the reach of the colour", key.similarity_percent, 1)?;
    percent("the softness of the edge", key.smoothness_percent, 0)
}

fn percent(what: &'static str, given: u32, least: u32) -> Result<(), Wrong> {
    range(what, given, least..=100)
}

fn range<T: Copy + PartialOrd + Into<i64>>(
    what: &'static str,
    given: T,
    allowed: RangeInclusive<T>,
) -> Result<(), Wrong> {
    if allowed.contains(&given) {
        return Ok(());
    }
    let (least, most) = (*allowed.start(), *allowed.end());
    Err(Wrong::Range { what, given: given.into(), least: least.into(), most: most.into() })
}

fn colour(colour: &str) -> Result<(), Wrong> {
    text("the colour", colour, colour.parse::<Rgba>().is_ok(), "#rrggbb or #rrggbbaa")
}

fn words(words: &str) -> Result<(), Wrong> {
    text("the text", words, words.chars().count() <= CHARACTERS_MAX, "at most 2000 characters")
}

fn device(id: &str) -> Result<(), Wrong> {
    text("the device", id, id.len() <= PATH_BYTES_MAX, "a device of this computer")
}

fn text(what: &'static str, given: &str, fits: bool, expected: &'static str) -> Result<(), Wrong> {
    if fits {
        return Ok(());
    }
    Err(Wrong::Text { what, given: given.chars().take(GIVEN_CHARACTERS).collect(), expected })
}

/// Each is a thread of the engine, and most a device.
fn is_moving(source: &Source) -> bool {
    matches!(
        source,
        Source::Display { .. }
            | Source::Window { .. }
            | Source::Camera { .. }
            | Source::Video { .. }
            | Source::Test
    )
}

/// More than a list that people look through.
pub const SCENES_MAX: usize = 50;
/// As the engine's limit.
pub const LAYERS_MAX: usize = 32;
/// As the engine's limit.
const MOVING_MAX: usize = 8;
/// What is read in a narrow column.
const NAME_CHARACTERS_MAX: usize = 60;
/// As the engine's limit.
const CHARACTERS_MAX: usize = 2_000;
/// As Linux's limit.
const PATH_BYTES_MAX: usize = 4_096;
/// A day.
const TIMER_SECONDS_MAX: u32 = 86_400;
/// As the engine's limit: four times the canvas.
const AWAY_PPM_MAX: i32 = 4_000_000;
/// A dot that is still found: 6 pixels of 1280.
const SIDE_PPM_MIN: i32 = 5_000;
/// Something of it is left.
const CROP_PPM_MAX: i32 = 950_000;
/// As the engine's limit.
const FADE_MS_MAX: u32 = 10_000;
/// Of what was given, in a message.
const GIVEN_CHARACTERS: usize = 40;
