//! What a scene is made of, as it is kept in `scenes.json` and as the page shows it.
//!
//! Places are in millionths of the canvas's sides, whole numbers: a scene keeps its look when the size that viewers get
//! changes, and two scenes are the same or not.

use broadcast::VideoInput;
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::settings::VideoChoice;

/// One picture to show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Scene {
    /// Unique among scenes and layers, and never used again.
    pub id: u32,
    /// What people call it; empty, it is called by what is in it.
    pub name: String,
    /// From the bottom to the top.
    pub layers: Vec<Layer>,
    /// Whether it is shown in breaks: nothing is heard then. One at most is.
    #[serde(default)]
    pub for_breaks: bool,
}

impl Scene {
    /// A scene without a name.
    #[must_use]
    pub fn new(id: u32, layers: Vec<Layer>) -> Scene {
        Scene { id, name: String::new(), layers, for_breaks: false }
    }

    /// The layer with an id.
    #[must_use]
    pub fn layer(&self, id: u32) -> Option<&Layer> {
        self.layers.iter().find(|layer| layer.id == id)
    }
}

/// One source, and where and how it lies on the canvas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Layer {
    /// Unique among scenes and layers, and never used again.
    pub id: u32,
    /// What people call it; empty, it is called by what it is.
    pub name: String,
    /// Kept, and not shown.
    pub hidden: bool,
    /// Its place is not changed by mistake.
    pub locked: bool,
    /// What it shows.
    pub source: Source,
    /// Where.
    pub place: Place,
    /// What is cut off the source first.
    pub crop: Crop,
    /// Degrees clockwise.
    pub rotation: i32,
    /// 0, not to be seen, to 100.
    pub opacity_percent: u32,
    /// Mirrored left to right.
    pub mirrored: bool,
    /// Mirrored top to bottom.
    pub flipped: bool,
    /// The colour that becomes transparent.
    pub chroma_key: Option<ChromaKey>,
}

impl Layer {
    /// A source over the whole canvas.
    #[must_use]
    pub fn new(id: u32, source: Source) -> Layer {
        Layer {
            id,
            name: String::new(),
            hidden: false,
            locked: false,
            source,
            place: Place::default(),
            crop: Crop::default(),
            rotation: 0,
            opacity_percent: 100,
            mirrored: false,
            flipped: false,
            chroma_key: None,
        }
    }
}

/// What a layer shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "type")]
pub enum Source {
    /// The display.
    Display {
        /// Whether the mouse pointer is in the picture.
        cursor: bool,
    },
    /// A window.
    Window {
        /// Which, for as long as it is open; windows are numbered anew at each start of the system.
        id: Option<String>,
        /// Its title when it was chosen: what it is found by at the next start. Empty while none is chosen.
        title: String,
        /// Whether the mouse pointer is in the picture.
        cursor: bool,
    },
    /// A camera.
    Camera {
        /// Which; `None` takes the first one.
        id: Option<String>,
    },
    /// The picture of a video file, once, at its own pace.
    Video {
        /// Where it is; empty while none is chosen.
        file: String,
    },
    /// A picture from a file: PNG, JPEG or WebP.
    Image {
        /// Where it is; empty while none is chosen.
        file: String,
    },
    /// Words.
    Text {
        /// The words.
        text: String,
        /// How they look.
        style: Style,
    },
    /// A clock.
    Timer {
        /// Counts down from so many seconds; up from 0 without.
        down_from_s: Option<u32>,
        /// What stands there once 0 is reached; empty, it is `0:00`.
        over: String,
        /// How it looks.
        style: Style,
    },
    /// One colour.
    Colour {
        /// `#rrggbb` or `#rrggbbaa`.
        colour: String,
    },
    /// Moving bars with a clock.
    Test,
}

impl Source {
    /// Whether it has a shape of its own, which layouts arrange: words, clocks and colours have not.
    #[must_use]
    pub fn is_picture(&self) -> bool {
        !matches!(self, Source::Text { .. } | Source::Timer { .. } | Source::Colour { .. })
    }

    /// What a choice of picture is as a source; `None` for what cannot be read.
    #[must_use]
    pub fn of_choice(choice: &VideoChoice) -> Option<Source> {
        match choice.input().ok()? {
            VideoInput::Test => Some(Source::Test),
            VideoInput::Screen(grab) => Some(Source::Display { cursor: grab.cursor }),
            VideoInput::Window(id, grab) => {
                Some(Source::Window { title: id.clone(), id: Some(id), cursor: grab.cursor })
            }
            VideoInput::Camera(id) => Some(Source::Camera { id }),
            VideoInput::File(file) => Some(Source::Video { file: file.to_str()?.to_owned() }),
            VideoInput::None => None,
        }
    }

    /// The choice of picture that it is; `None` for what is none.
    #[must_use]
    pub fn as_choice(&self) -> Option<VideoChoice> {
        match self {
            Source::Display { .. } => Some(VideoChoice::default()),
            Source::Window { id, title, .. } => Some(VideoChoice::window(id.as_ref().unwrap_or(title))),
            Source::Camera { id: None } => Some(VideoChoice::first_camera()),
            Source::Camera { id: Some(id) } => Some(VideoChoice::camera(id)),
            Source::Test => Some(VideoChoice::test()),
            _ => None,
        }
    }
}

/// How words look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Style {
    /// Height of the letters, of the canvas's height.
    pub size_percent: u32,
    /// `#rrggbb` or `#rrggbbaa`.
    pub colour: String,
    /// Fills the place behind the letters.
    pub background: Option<String>,
    /// Where lines stand.
    pub align: Align,
    /// Heavy letters.
    pub bold: bool,
}

impl Default for Style {
    /// White on nothing, large enough to be read on a phone.
    fn default() -> Style {
        Style {
            size_percent: 7,
            colour: "#ffffff".to_owned(),
            background: None,
            align: Align::default(),
            bold: false,
        }
    }
}

/// Where lines stand in their place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum Align {
    /// At the left.
    Left,
    /// In the middle.
    #[default]
    Centre,
    /// At the right.
    Right,
}

/// A rectangle on the canvas, which it may pass; millionths of the canvas's sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// From the left edge.
    pub left_ppm: i32,
    /// From the top edge.
    pub top_ppm: i32,
    /// Of the canvas's width.
    pub width_ppm: i32,
    /// Of the canvas's height.
    pub height_ppm: i32,
    /// What happens to a picture of another shape.
    pub fit: Fit,
}

impl Default for Place {
    /// The whole canvas.
    fn default() -> Place {
        Place::new(0, 0, WHOLE_PPM, WHOLE_PPM, Fit::default())
    }
}

impl Place {
    /// A rectangle.
    #[must_use]
    pub const fn new(left_ppm: i32, top_ppm: i32, width_ppm: i32, height_ppm: i32, fit: Fit) -> Place {
        Place { left_ppm, top_ppm, width_ppm, height_ppm, fit }
    }
}

/// What happens to a picture whose shape is not its place's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// All of it is shown, in the middle.
    #[default]
    Contain,
    /// The place is filled; what does not fit in is cut off.
    Cover,
    /// It is stretched.
    Stretch,
}

/// What is cut off each side of a source, in millionths of the side's length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Crop {
    /// Off the left side.
    pub left_ppm: i32,
    /// Off the top.
    pub top_ppm: i32,
    /// Off the right side.
    pub right_ppm: i32,
    /// Off the bottom.
    pub bottom_ppm: i32,
}

/// Makes one colour transparent: a green wall behind a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ChromaKey {
    /// The wall's colour, `#rrggbb`.
    pub colour: String,
    /// How far from it a colour is still transparent.
    pub similarity_percent: u32,
    /// How much further until a colour hides what lies below.
    pub smoothness_percent: u32,
}

impl Default for ChromaKey {
    /// Green, with the reach that an evenly lit wall needs.
    fn default() -> ChromaKey {
        ChromaKey { colour: "#00ff00".to_owned(), similarity_percent: 25, smoothness_percent: 10 }
    }
}

/// How another scene follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum Transition {
    /// At once.
    Cut,
    /// The new scene shows through more and more.
    Fade {
        /// For so long, milliseconds.
        ms: u32,
    },
}

impl Default for Transition {
    /// Long enough to be seen, short enough not to be waited for.
    fn default() -> Transition {
        Transition::Fade { ms: 300 }
    }
}

/// A whole side of the canvas.
pub const WHOLE_PPM: i32 = 1_000_000;
