//! What a user asks to capture, and how it is written on a command line.

use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

/// Where the picture comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VideoInput {
    /// Colour bars with a moving part, the session's time in digits and a flash each second.
    Test,
    /// The whole display named by `DISPLAY`.
    Screen,
    /// A camera, by its id or name; the first one without.
    Camera(Option<String>),
    /// The picture of a media file, at its own pace, once.
    File(PathBuf),
    /// No picture: sound only.
    None,
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

    /// `test`, `screen`, `camera`, `camera:ID`, `file:PATH` or `none`.
    fn from_str(text: &str) -> Result<VideoInput, InputError> {
        match text.split_once(':') {
            None if text == "test" => Ok(VideoInput::Test),
            None if text == "screen" => Ok(VideoInput::Screen),
            None if text == "none" => Ok(VideoInput::None),
            None if text == "camera" => Ok(VideoInput::Camera(None)),
            Some(("camera", id)) if !id.is_empty() => Ok(VideoInput::Camera(Some(id.into()))),
            Some(("file", path)) if !path.is_empty() => Ok(VideoInput::File(path.into())),
            _ => Err(InputError { given: text.into(), kind: "video", accepted: VIDEO_ACCEPTED }),
        }
    }
}

impl FromStr for AudioInput {
    type Err = InputError;

    /// `mic`, `mic:ID`, `system`, `tone`, `file:PATH` or `none`.
    fn from_str(text: &str) -> Result<AudioInput, InputError> {
        match text.split_once(':') {
            None if text == "mic" => Ok(AudioInput::Microphone(None)),
            None if text == "system" => Ok(AudioInput::System),
            None if text == "tone" => Ok(AudioInput::Tone),
            None if text == "none" => Ok(AudioInput::None),
            Some(("mic", id)) if !id.is_empty() => Ok(AudioInput::Microphone(Some(id.into()))),
            Some(("file", path)) if !path.is_empty() => Ok(AudioInput::File(path.into())),
            _ => Err(InputError { given: text.into(), kind: "audio", accepted: AUDIO_ACCEPTED }),
        }
    }
}

const VIDEO_ACCEPTED: &str = "test, screen, camera, camera:ID, file:PATH or none";
const AUDIO_ACCEPTED: &str = "mic, mic:ID, system, tone, file:PATH or none";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_spelling_is_read() {
        assert_eq!("screen".parse(), Ok(VideoInput::Screen));
        assert_eq!("file:/a:b.mp4".parse(), Ok(VideoInput::File("/a:b.mp4".into())));
        assert_eq!("camera".parse(), Ok(VideoInput::Camera(None)));
        assert_eq!("camera:C920@1-2:1.0".parse(), Ok(VideoInput::Camera(Some("C920@1-2:1.0".into()))));
        assert_eq!("mic".parse(), Ok(AudioInput::Microphone(None)));
        assert_eq!("mic:pulse:x".parse(), Ok(AudioInput::Microphone(Some("pulse:x".into()))));
    }

    #[test]
    fn what_does_not_exist_yet_is_refused_with_what_does() {
        let error = "window:5".parse::<VideoInput>().expect_err("windows are not captured");
        assert_eq!(
            error.to_string(),
            "\"window:5\" is not a video source: use test, screen, camera, camera:ID, file:PATH or none"
        );
        assert!("file:".parse::<AudioInput>().is_err());
        assert!("mic:".parse::<AudioInput>().is_err());
    }
}
