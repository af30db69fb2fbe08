//! What a layer shows.

use std::path::PathBuf;

use capture::{Grab, Region, VideoInput};
use serde::{Deserialize, Serialize};

use super::{Length, Rgba};

/// What a layer shows. As JSON an object whose `type` says which.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Source {
    /// Moving pictures: a camera, display, window, file or the test pattern. In several layers it is captured once.
    Video(Video),
    /// One colour.
    Colour(Fill),
    /// Words.
    Text(Text),
    /// A picture from a file.
    Image(Image),
    /// A clock that counts up, or down to 0, from when its scene is first shown.
    Timer(Timer),
    /// Strokes of a pen.
    Drawing(Drawing),
}

impl From<VideoInput> for Source {
    fn from(input: VideoInput) -> Source {
        Source::Video(Video { input })
    }
}

/// A picture source. As JSON `input` is written as on `rostrum-cast`'s command line, with `region` and `cursor` beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "VideoText", into = "VideoText")]
pub struct Video {
    /// Which; not [`VideoInput::None`].
    pub input: VideoInput,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct VideoText {
    input: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    cursor: bool,
}

impl From<Video> for VideoText {
    fn from(video: Video) -> VideoText {
        let grab = match &video.input {
            VideoInput::Screen(grab) | VideoInput::Window(_, grab) => *grab,
            _ => Grab::default(),
        };
        let region = grab.region.map(|region| region.to_string());
        VideoText { input: video.input.to_string(), region, cursor: grab.cursor }
    }
}

impl TryFrom<VideoText> for Video {
    type Error = String;

    fn try_from(text: VideoText) -> Result<Video, String> {
        let region: Option<Region> = text
            .region
            .map(|region| region.parse())
            .transpose()
            .map_err(|error: capture::RegionError| error.to_string())?;
        let grab = Grab { region, cursor: text.cursor };
        let input = text.input.parse::<VideoInput>().map_err(|error| error.to_string())?;
        let input = match input {
            VideoInput::Screen(_) => VideoInput::Screen(grab),
            VideoInput::Window(id, _) => VideoInput::Window(id, grab),
            other if grab == Grab::default() => other,
            _ => return Err("region and cursor are for screen and window:ID".to_owned()),
        };
        Ok(Video { input })
    }
}

/// One colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fill {
    /// Which.
    pub colour: Rgba,
}

/// Words, in any script that the system has letters for; lines are broken at the place's width.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// The words.
    pub text: String,
    /// How they look.
    #[serde(default)]
    pub style: Style,
}

/// How words look.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Style {
    /// Height of the letters; of the canvas's height, where it is a fraction.
    pub size: Length,
    /// Their colour.
    pub colour: Rgba,
    /// Fills the place behind them.
    pub background: Option<Rgba>,
    /// Where lines stand in the place.
    pub align: Align,
    /// Heavy letters.
    pub bold: bool,
    /// A family of the system's fonts; one without serifs where it is not said or not there.
    pub font: Option<String>,
}

impl Default for Style {
    /// White, a twelfth of the canvas high, without background.
    fn default() -> Style {
        Style {
            size: Length::Fraction(1.0 / 12.0),
            colour: Rgba::WHITE,
            background: None,
            align: Align::default(),
            bold: false,
            font: None,
        }
    }
}

/// Where lines stand in their place; from top to bottom they stand in the middle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Align {
    /// At the left.
    Left,
    /// In the middle.
    #[default]
    Centre,
    /// At the right.
    Right,
}

/// A picture from a file: PNG (with its transparency), JPEG or WebP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// The file; in a scene file, from the scene file's folder.
    pub file: PathBuf,
}

/// A clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timer {
    /// Counts down from so many seconds; up from 0 without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down_from_s: Option<u32>,
    /// What stands there once 0 is reached; `0:00` without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<String>,
    /// How it looks.
    #[serde(default)]
    pub style: Style,
}

/// Strokes of a pen over its place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drawing {
    /// From the first to the last, which lies on top.
    pub strokes: Vec<Stroke>,
}

/// One stroke.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stroke {
    /// Where the pen went: fractions of the place's width and height. One point is a dot.
    pub points: Vec<[f32; 2]>,
    /// Width of the pen; of the canvas's height, where it is a fraction.
    #[serde(default = "pen")]
    pub width: Length,
    /// Its colour.
    pub colour: Rgba,
}

fn pen() -> Length {
    Length::Fraction(1.0 / 120.0)
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_yes(value: &bool) -> bool {
    *value
}
