//! Why a source does not open or stops.

use std::path::PathBuf;

use thiserror::Error;

/// What can go wrong with a source.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no display to capture.
    #[error("no screen to capture: {0}")]
    NoScreen(String),
    /// The display was found but does not deliver pictures.
    #[error("screen {display}: {reason}")]
    Screen {
        /// The display's name.
        display: String,
        /// What the system said.
        reason: String,
    },
    /// The person does not share the screen, or no longer does. Another try would ask again, so nobody but the person
    /// makes one: see [`Error::is_for_the_person`].
    #[error(
        "the screen is not shared: {0}; the desktop asks again when the source is hidden and shown, or at another start"
    )]
    NotShared(&'static str),
    /// No window has this id or title, or several have the title.
    #[error("there is no one window {wanted:?}; known are: {known}")]
    UnknownWindow {
        /// What was asked for.
        wanted: String,
        /// The ids and titles there are, comma separated.
        known: String,
    },
    /// The window was found, and does not deliver pictures.
    #[error("window {window:?}: {reason}")]
    Window {
        /// The window's title.
        window: String,
        /// What became of it.
        reason: String,
    },
    /// There is no camera to capture.
    #[error("no camera to capture: {0}")]
    NoCamera(String),
    /// No camera has this id.
    #[error("there is no camera {id:?}; known are: {known}")]
    UnknownCamera {
        /// The id that was asked for.
        id: String,
        /// The ids there are, comma separated.
        known: String,
    },
    /// The camera exists, and does not open or no longer delivers pictures.
    #[error("camera {camera}: {reason}")]
    Camera {
        /// The camera's id.
        camera: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Neither a PulseAudio server nor an ALSA card has a device that can record.
    #[error("no microphone was found: {0}")]
    NoMicrophone(String),
    /// There is no device that records what the computer plays.
    #[error("no source of system sound was found (a PulseAudio or PipeWire monitor is needed): {0}")]
    NoSystemSound(String),
    /// No device has this id.
    #[error("there is no sound device {id:?}; known are: {known}")]
    UnknownDevice {
        /// The id that was asked for.
        id: String,
        /// The ids there are, comma separated.
        known: String,
    },
    /// The device exists and does not open.
    #[error("sound device {device}: {reason}")]
    Device {
        /// The device's name.
        device: String,
        /// What the system said.
        reason: String,
    },
    /// A file does not open or breaks off.
    #[error("{path}: {reason}", path = path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file holds no picture, or no sound, that could be used.
    #[error("{path}: there is no {what} in it", path = path.display())]
    Missing {
        /// Which file.
        path: PathBuf,
        /// `picture` or `sound`.
        what: &'static str,
    },
    /// A conversion that FFmpeg does not offer.
    #[error("{what} cannot be converted: {reason}")]
    Conversion {
        /// What was to be converted.
        what: &'static str,
        /// FFmpeg's reason.
        reason: String,
    },
}

impl Error {
    /// Whether only the person can change it: trying again by itself would put a question on the screen, again and again.
    #[must_use]
    pub fn is_for_the_person(&self) -> bool {
        matches!(self, Error::NotShared(_))
    }
}
