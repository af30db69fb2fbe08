//! Opens what is captured, so that a missing microphone does not take the picture away, nor the other way
//! round.

use broadcast::{AudioInput, Devices, Error, Size, Sources, SourcesConfig, VideoInput};

use crate::settings::VideoChoice;
use crate::view::{Microphone, Picture, PictureKind};

/// What is to be captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The picture.
    pub video: VideoChoice,
    /// The microphone's identifier; `None` is the default one.
    pub microphone: Option<String>,
    /// Whether silence is sent instead of it.
    pub muted: bool,
    /// Size of the picture that is sent.
    pub size: Size,
    /// Frames per second.
    pub fps: u32,
}

/// What could be opened. Each half says why if it could not.
pub struct Opened {
    /// What works; `None` if nothing does.
    pub sources: Option<Sources>,
    /// Why there is no picture.
    pub no_video: Option<String>,
    /// Why there is no sound.
    pub no_sound: Option<String>,
}

/// Opens `wanted`, or the half of it that works. Takes up to some seconds, so not on an async thread.
#[must_use]
pub fn open(wanted: &Wanted) -> Opened {
    let (video, unreadable) = match wanted.video.input() {
        Ok(video) => (video, None),
        Err(error) => (VideoInput::None, Some(error.to_string())),
    };
    let sound = AudioInput::Microphone(wanted.microphone.clone());
    let opened = |sources: Option<Sources>, no_video: Option<Error>, no_sound: Option<Error>| {
        if let Some(sources) = &sources {
            sources.set_muted(wanted.muted);
        }
        let words = |error: Error| error.to_string();
        let no_video = no_video.map(words).or(unreadable.clone());
        Opened { sources, no_video, no_sound: no_sound.map(words) }
    };
    let open_as = |video, audio: AudioInput| {
        Sources::open(SourcesConfig { video, sounds: vec![audio.into()], size: wanted.size, fps: wanted.fps })
    };
    let both = match open_as(video.clone(), sound.clone()) {
        Ok(sources) => return opened(Some(sources), None, None),
        Err(error) => error,
    };
    match (open_as(video, AudioInput::None), open_as(VideoInput::None, sound)) {
        (Ok(sources), Err(no_sound)) => opened(Some(sources), None, Some(no_sound)),
        (Err(no_video), Ok(sources)) => opened(Some(sources), Some(no_video), None),
        (Err(no_video), Err(no_sound)) => opened(None, Some(no_video), Some(no_sound)),
        // Each works alone and both together did not: keep the picture and say what happened.
        (Ok(sources), Ok(_)) => opened(Some(sources), None, Some(both)),
    }
}

/// The pictures to choose from. `chosen` is among them also when it is gone.
#[must_use]
pub fn pictures(devices: &Devices, chosen: &VideoChoice) -> Vec<Picture> {
    let picture = |choice, kind, name: &str| Picture { choice, kind, name: name.to_owned() };
    let cameras = devices
        .cameras
        .iter()
        .map(|camera| picture(VideoChoice::camera(&camera.id), PictureKind::Camera, &camera.name));
    let windows = devices
        .windows
        .iter()
        .map(|window| picture(VideoChoice::window(&window.id), PictureKind::Window, &window.title));
    let size = |screen: &broadcast::Screen| format!("{} × {}", screen.size.width, screen.size.height);
    let screen = devices.screens.first().map(size).unwrap_or_default();
    let mut all = vec![picture(VideoChoice::default(), PictureKind::Screen, &screen)];
    all.extend(cameras);
    all.extend(windows);
    all.push(picture(VideoChoice::test(), PictureKind::Test, ""));
    if !all.iter().any(|picture| picture.choice == *chosen) {
        let gone = match chosen.input() {
            Ok(VideoInput::Window(id, _)) => Some((PictureKind::Window, id)),
            Ok(VideoInput::Camera(id)) => Some((PictureKind::Camera, id.unwrap_or_default())),
            _ => None,
        };
        all.extend(gone.map(|(kind, id)| picture(chosen.clone(), kind, &id)));
    }
    all
}

/// The microphones to choose from.
#[must_use]
pub fn microphones(devices: &Devices) -> Vec<Microphone> {
    devices
        .microphones
        .iter()
        .map(|device| Microphone { id: device.id.clone(), name: device.name.clone() })
        .collect()
}
