//! Opens the picture. Sounds come to it one by one, so that a missing microphone does not take the picture away, nor the
//! other way round.

use std::sync::Arc;

use broadcast::{AudioInput, Devices, ScreenPermission, Size, Sources, SourcesConfig, VideoInput};
use tracing::error;

use crate::scenes::engine::{Broken, Stageable};
use crate::settings::VideoChoice;
use crate::trouble::TroubleView;
use crate::view::{Microphone, Picture, PictureKind};

/// What is to be captured.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// The picture.
    pub scene: Stageable,
    /// Size of the picture that is sent.
    pub size: Size,
    /// Frames per second.
    pub fps: u32,
    /// What a Wayland desktop was answered.
    pub screen_permission: ScreenPermission,
}

/// What could be opened.
pub struct Opened {
    /// What works; `None` if nothing does.
    pub sources: Option<Arc<Sources>>,
    /// Why there is no picture.
    pub no_video: Option<TroubleView>,
    /// Sources of the scene that are left out of the picture.
    pub broken: Vec<Broken>,
}

/// Opens `wanted`, with a track of sound to which [`crate::sounds`] come. Takes up to some seconds, so not on an async
/// thread.
#[must_use]
pub fn open(wanted: Wanted) -> Opened {
    let Wanted { mut scene, size, fps, screen_permission } = wanted;
    let config = || SourcesConfig {
        video: VideoInput::None,
        sounds: vec![AudioInput::Silence.into()],
        size,
        fps,
        screen_permission: Some(screen_permission.clone()),
    };
    let (opened, broken) = scene.show(|scene| Sources::open_scene(config(), scene));
    let (opened, no_video) = match opened {
        Ok(sources) => (Ok(sources), None),
        Err(error) => (Sources::open(config()), Some((&error).into())),
    };
    if let Err(error) = &opened {
        error!(%error, "nothing can be opened");
    }
    Opened { sources: opened.ok().map(Arc::new), no_video, broken }
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
    let (kind, screen) = match devices.screens.first().map(|screen| screen.size) {
        Some(Some(size)) => (PictureKind::Screen, format!("{} × {}", size.width, size.height)),
        Some(None) => (PictureKind::Shared, String::new()),
        None => (PictureKind::Screen, String::new()),
    };
    let mut all = vec![picture(VideoChoice::default(), kind, &screen)];
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
