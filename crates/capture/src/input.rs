//! What a user asks to capture, and how it is written on a command line.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use media::Size;
use thiserror::Error;

/// Where the picture comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VideoInput {
    /// Colour bars with a moving part, the session's time in digits and a flash each second.
    Test,
    /// The display named by `DISPLAY`.
    Screen(Grab),
    /// A window of it, by its id or title.
    Window(String, Grab),
    /// A camera, by its id or name; the first one without.
    Camera(Option<String>),
    /// The picture of a media file, at its own pace, once.
    File(PathBuf),
    /// No picture: sound only.
    None,
}

/// What of a display or window is captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grab {
    /// A part of it; all of it without.
    pub region: Option<Region>,
    /// Whether the mouse pointer is in the picture.
    pub cursor: bool,
}

impl Default for Grab {
    /// All of it, with the mouse pointer.
    fn default() -> Grab {
        Grab { region: None, cursor: true }
    }
}

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Pixels to the left of it.
    pub left: u32,
    /// Pixels above it.
    pub top: u32,
    /// Width and height, not 0.
    pub size: Size,
}

impl Region {
    /// Says how it passes an edge of a picture of `whole`.
    pub(crate) fn within(self, whole: Size) -> Result<(), String> {
        let fits =
            |begin: u32, length: u32, whole: u32| begin.checked_add(length).is_some_and(|end| end <= whole);
        if fits(self.left, self.size.width, whole.width) && fits(self.top, self.size.height, whole.height) {
            return Ok(());
        }
        Err(format!("the region {self} passes the edge, it has {}x{} pixels", whole.width, whole.height))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}x{}+{}+{}", self.size.width, self.size.height, self.left, self.top)
    }
}

impl FromStr for Region {
    type Err = RegionError;

    /// `WIDTHxHEIGHT+LEFT+TOP`, e.g. `1280x720+100+50`.
    fn from_str(text: &str) -> Result<Region, RegionError> {
        let read = || {
            let (size, place) = text.split_once('+')?;
            let ((width, height), (left, top)) = (size.split_once('x')?, place.split_once('+')?);
            let size = Size::new(width.parse().ok()?, height.parse().ok()?);
            let region = Region { left: left.parse().ok()?, top: top.parse().ok()?, size };
            (size.width > 0 && size.height > 0).then_some(region)
        };
        read().ok_or_else(|| RegionError { given: text.to_owned() })
    }
}

/// A region that cannot be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{given:?} is not a region: write WIDTHxHEIGHT+LEFT+TOP, e.g. 1280x720+100+50")]
pub struct RegionError {
    given: String,
}

/// Where the sound comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudioInput {
    /// A microphone; the default one without an id.
    Microphone(Option<String>),
    /// What the computer plays, taken from the monitor of the default output.
    System,
    /// A 1 kHz beep each second, together with the flash of [`VideoInput::Test`].
    Tone,
    /// The sound of a media file, at its own pace, once, then silence.
    File(PathBuf),
    /// Silence: a track of sound to which others may come.
    Silence,
    /// No sound: pictures only.
    None,
}

/// A source that is not known, with what is.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{given:?} is not a {kind} source: use {accepted}")]
pub struct InputError {
    given: String,
    kind: &'static str,
    accepted: &'static str,
}

impl FromStr for VideoInput {
    type Err = InputError;

    /// `test`, `screen`, `window:ID`, `camera`, `camera:ID`, `file:PATH` or `none`.
    fn from_str(text: &str) -> Result<VideoInput, InputError> {
        match text.split_once(':') {
            None if text == "test" => Ok(VideoInput::Test),
            None if text == "screen" => Ok(VideoInput::Screen(Grab::default())),
            None if text == "none" => Ok(VideoInput::None),
            None if text == "camera" => Ok(VideoInput::Camera(None)),
            Some(("window", id)) if !id.is_empty() => Ok(VideoInput::Window(id.into(), Grab::default())),
            Some(("camera", id)) if !id.is_empty() => Ok(VideoInput::Camera(Some(id.into()))),
            Some(("file", path)) if !path.is_empty() => Ok(VideoInput::File(path.into())),
            _ => Err(InputError { given: text.into(), kind: "video", accepted: VIDEO_ACCEPTED }),
        }
    }
}

impl fmt::Display for VideoInput {
    /// As [`VideoInput::from_str`] reads it; what of a display or window is captured is left out.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VideoInput::Test => formatter.write_str("test"),
            VideoInput::Screen(_) => formatter.write_str("screen"),
            VideoInput::Window(id, _) => write!(formatter, "window:{id}"),
            VideoInput::Camera(None) => formatter.write_str("camera"),
            VideoInput::Camera(Some(id)) => write!(formatter, "camera:{id}"),
            VideoInput::File(path) => write!(formatter, "file:{}", path.display()),
            VideoInput::None => formatter.write_str("none"),
        }
    }
}

impl FromStr for AudioInput {
    type Err = InputError;

    /// `mic`, `mic:ID`, `system`, `tone`, `file:PATH`, `silence` or `none`.
    fn from_str(text: &str) -> Result<AudioInput, InputError> {
        match text.split_once(':') {
            None if text == "mic" => Ok(AudioInput::Microphone(None)),
            None if text == "system" => Ok(AudioInput::System),
            None if text == "tone" => Ok(AudioInput::Tone),
            None if text == "silence" => Ok(AudioInput::Silence),
            None if text == "none" => Ok(AudioInput::None),
            Some(("mic", id)) if !id.is_empty() => Ok(AudioInput::Microphone(Some(id.into()))),
            Some(("file", path)) if !path.is_empty() => Ok(AudioInput::File(path.into())),
            _ => Err(InputError { given: text.into(), kind: "audio", accepted: AUDIO_ACCEPTED }),
        }
    }
}

const VIDEO_ACCEPTED: &str = "test, screen, window:ID, camera, camera:ID, file:PATH or none";
const AUDIO_ACCEPTED: &str = "mic, mic:ID, system, tone, file:PATH, silence or none";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_spelling_is_read() {
        assert_eq!("screen".parse(), Ok(VideoInput::Screen(Grab::default())));
        let window = VideoInput::Window("Slides: 1".into(), Grab::default());
        assert_eq!("window:Slides: 1".parse(), Ok(window));
        assert_eq!("file:/a:b.mp4".parse(), Ok(VideoInput::File("/a:b.mp4".into())));
        assert_eq!("camera".parse(), Ok(VideoInput::Camera(None)));
        assert_eq!("camera:C920@1-2:1.0".parse(), Ok(VideoInput::Camera(Some("C920@1-2:1.0".into()))));
        assert_eq!("mic".parse(), Ok(AudioInput::Microphone(None)));
        assert_eq!("mic:pulse:x".parse(), Ok(AudioInput::Microphone(Some("pulse:x".into()))));
        assert_eq!("silence".parse(), Ok(AudioInput::Silence));
    }

    #[test]
    fn pictures_are_written_as_they_are_read() {
        for text in
            ["test", "screen", "window:Slides: 1", "camera", "camera:C920@1-2:1.0", "file:/a:b.mp4", "none"]
        {
            assert_eq!(text.parse::<VideoInput>().map(|input| input.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_does_not_exist_yet_is_refused_with_what_does() {
        let error = "desktop".parse::<VideoInput>().expect_err("there is no such source");
        assert_eq!(
            error.to_string(),
            "\"desktop\" is not a video source: use test, screen, window:ID, camera, camera:ID, file:PATH or none"
        );
        assert!("file:".parse::<AudioInput>().is_err());
        assert!("mic:".parse::<AudioInput>().is_err());
    }

    #[test]
    fn a_region_is_read_and_must_fit() {
        let region: Region = "640x360+100+50".parse().expect("a sound region");
        assert_eq!(region, Region { left: 100, top: 50, size: Size::new(640, 360) });
        assert_eq!(region.within(Size::new(740, 410)), Ok(()));
        for whole in [Size::new(739, 410), Size::new(740, 409)] {
            assert!(region.within(whole).expect_err("too small").contains("640x360+100+50"));
        }
        for wrong in ["640x360", "0x360+1+1", "640x360+1", "640x360+-1+0", "4294967296x2+0+0", ""] {
            assert!(wrong.parse::<Region>().is_err(), "{wrong}");
        }
    }
}
