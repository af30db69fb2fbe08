//! Opens what is captured, so that a missing microphone does not take the picture away, nor the other way
//! round.

use std::sync::Arc;

use broadcast::{AudioInput, Devices, Error, Size, Sources, SourcesConfig, VideoInput};

use crate::scenes::engine::{Broken, Stageable};
use crate::settings::VideoChoice;
use crate::view::{Microphone, Picture, PictureKind};

/// What is to be captured.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// The picture.
    pub scene: Stageable,
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
    pub sources: Option<Arc<Sources>>,
    /// Why there is no picture.
    pub no_video: Option<String>,
    /// Why there is no sound.
    pub no_sound: Option<String>,
    /// Sources of the scene that are left out of the picture.
    pub broken: Vec<Broken>,
}

/// Opens `wanted`, or the half of it that works. Takes up to some seconds, so not on an async thread.
#[must_use]
pub fn open(wanted: Wanted) -> Opened {
    let Wanted { mut scene, microphone, muted, size, fps } = wanted;
    let config =
        |audio: AudioInput| SourcesConfig { video: VideoInput::None, sounds: vec![audio.into()], size, fps };
    let sound = AudioInput::Microphone(microphone);
    let mut broken = Vec::new();
    let mut with_picture = |audio: &AudioInput| {
        let (opened, left_out) = scene.show(|scene| Sources::open_scene(config(audio.clone()), scene));
        broken.extend(left_out);
        opened
    };
    let (sources, no_video, no_sound) = match with_picture(&sound) {
        Ok(sources) => (Some(sources), None, None),
        Err(both) => match (with_picture(&AudioInput::None), Sources::open(config(sound))) {
            (Ok(sources), Err(no_sound)) => (Some(sources), None, Some(no_sound)),
            (Err(no_video), Ok(sources)) => (Some(sources), Some(no_video), None),
            (Err(no_video), Err(no_sound)) => (None, Some(no_video), Some(no_sound)),
            // Each works alone and both together did not: keep the picture and say what happened.
            (Ok(sources), Ok(_)) => (Some(sources), None, Some(both)),
        },
    };
    if let Some(sources) = &sources {
        sources.set_muted(muted);
    }
    let words = |error: Error| error.to_string();
    Opened {
        sources: sources.map(Arc::new),
        no_video: no_video.map(words),
        no_sound: no_sound.map(words),
        broken,
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
