//! Why nothing comes from a source, as it can be told in any language.

use crate::Error;

/// A kind that a program has its own words for, and what the system said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What happened.
    pub kind: TroubleKind,
    /// To what, or by the system's word; nobody translates it, and it may be empty.
    pub said: String,
    /// All of it in English, for logs.
    pub words: String,
}

/// What happened to a source; see the variant of [`Error`] of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the errors that they stand for have them")]
pub enum TroubleKind {
    NoScreen,
    Screen,
    NotShared,
    UnknownWindow,
    Window,
    NoCamera,
    UnknownCamera,
    Camera,
    NoMicrophone,
    NoSystemSound,
    UnknownDevice,
    Device,
    File,
    Missing,
    Conversion,
}

impl From<&Error> for Trouble {
    fn from(error: &Error) -> Trouble {
        use TroubleKind as Kind;
        let of = |name: &dyn std::fmt::Display, reason: &str| format!("{name}: {reason}");
        let (kind, said) = match error {
            Error::NoScreen(said) => (Kind::NoScreen, said.clone()),
            Error::Screen { display, reason } => (Kind::Screen, of(display, reason)),
            Error::NotShared(_) => (Kind::NotShared, String::new()),
            Error::UnknownWindow { wanted, .. } => (Kind::UnknownWindow, wanted.clone()),
            Error::Window { window, reason } => (Kind::Window, of(window, reason)),
            Error::NoCamera(said) => (Kind::NoCamera, said.clone()),
            Error::UnknownCamera { id, .. } => (Kind::UnknownCamera, id.clone()),
            Error::Camera { camera, reason } => (Kind::Camera, of(camera, reason)),
            Error::NoMicrophone(said) => (Kind::NoMicrophone, said.clone()),
            Error::NoSystemSound(said) => (Kind::NoSystemSound, said.clone()),
            Error::UnknownDevice { id, .. } => (Kind::UnknownDevice, id.clone()),
            Error::Device { device, reason } => (Kind::Device, of(device, reason)),
            Error::File { path, reason } => (Kind::File, of(&path.display(), reason)),
            Error::Missing { path, .. } => (Kind::Missing, path.display().to_string()),
            Error::Conversion { reason, .. } => (Kind::Conversion, reason.clone()),
        };
        Trouble { kind, said, words: error.to_string() }
    }
}
