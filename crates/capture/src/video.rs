//! Picture sources, one frame at a time.

use media::{Size, Timestamp, VideoFrame};

use crate::camera::CameraCapture;
use crate::screen::ScreenCapture;
use crate::test_pattern::TestPattern;
use crate::video_file::VideoFile;
use crate::window::WindowCapture;
use crate::{Clock, Error, ScreenPermission, Stop, VideoInput};

/// What a picture source is asked for.
#[derive(Clone, Debug)]
pub struct VideoSettings {
    /// Size of the picture that will be sent; sources that draw themselves use it.
    pub size: Size,
    /// Frames per second; sources that can choose use it.
    pub fps: u32,
    /// When a file begins to play.
    pub begin: Timestamp,
    /// Saves the person a question at the next start, where the desktop asks for the screen.
    pub screen_permission: Option<ScreenPermission>,
}

/// An open picture source.
pub enum VideoSource {
    /// Drawn by ourselves.
    Test(TestPattern),
    /// The display.
    Screen(ScreenCapture),
    /// What a Wayland desktop shares: a screen or a window.
    #[cfg(all(target_os = "linux", feature = "wayland"))]
    Shared(crate::wayland_screen::SharedScreen),
    /// A window.
    Window(Box<WindowCapture>),
    /// A camera.
    Camera(CameraCapture),
    /// A media file.
    File(VideoFile),
}

impl VideoSource {
    /// Opens a source; `None` for [`VideoInput::None`].
    ///
    /// A Wayland desktop asks the person what [`VideoInput::Screen`] is; pictures come once there is an answer.
    ///
    /// # Errors
    /// When there is no such display, window, camera or file, or it does not open.
    pub fn open(
        input: &VideoInput,
        clock: Clock,
        settings: &VideoSettings,
    ) -> Result<Option<VideoSource>, Error> {
        Ok(Some(match input {
            VideoInput::None => return Ok(None),
            VideoInput::Test => VideoSource::Test(TestPattern::new(settings.size, settings.fps, clock)),
            #[cfg(all(target_os = "linux", feature = "wayland"))]
            VideoInput::Screen(grab) if crate::wayland_portal::answers() => {
                let permission = settings.screen_permission.clone();
                let shared =
                    crate::wayland_screen::SharedScreen::open(*grab, settings.fps, clock, permission);
                VideoSource::Shared(shared?)
            }
            VideoInput::Screen(grab) => VideoSource::Screen(ScreenCapture::open(*grab, settings.fps, clock)?),
            VideoInput::Window(id, grab) => {
                VideoSource::Window(Box::new(WindowCapture::open(id, *grab, settings.fps, clock)?))
            }
            VideoInput::Camera(id) => {
                VideoSource::Camera(CameraCapture::open(id.as_deref(), clock, settings)?)
            }
            VideoInput::File(path) => VideoSource::File(VideoFile::open(path, clock, settings.begin)?),
        }))
    }

    /// Waits for the next frame, `None` when nothing follows or the caller asked to stop.
    ///
    /// The wait is as long as the distance of two frames, and ends at once when stopped, except for a
    /// display or window: it answers at its own pace, within one frame. A camera that delivers nothing for three seconds is gone.
    /// A Wayland desktop gives a frame for each change: none while it stands still.
    ///
    /// # Errors
    /// When the display, window or camera is gone or the file breaks off; the source is of no further use.
    pub fn next(&mut self, stop: &Stop) -> Result<Option<VideoFrame>, Error> {
        if stop.is_stopped() {
            return Ok(None);
        }
        match self {
            VideoSource::Test(pattern) => Ok(pattern.next(stop)),
            VideoSource::Screen(screen) => screen.next().map(Some),
            #[cfg(all(target_os = "linux", feature = "wayland"))]
            VideoSource::Shared(shared) => shared.next(stop),
            VideoSource::Window(window) => window.next().map(Some),
            VideoSource::Camera(camera) => camera.next(stop),
            VideoSource::File(file) => file.next(stop),
        }
    }

    /// How to ask for the very same source again: the first camera by its id.
    #[must_use]
    pub fn same_again(&self, input: &VideoInput) -> VideoInput {
        match self {
            VideoSource::Camera(camera) => VideoInput::Camera(Some(camera.id().to_owned())),
            _ => input.clone(),
        }
    }
}
