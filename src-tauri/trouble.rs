//! Why nothing comes from a source, as the window has words for it.

use broadcast::scene::SceneError;
use broadcast::{Error, Trouble, TroubleKind as Kind};
use serde::Serialize;
use specta::Type;

/// What happened, and what the system said about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TroubleView {
    /// The window has words for each.
    pub kind: TroubleKind,
    /// To what, or by the system's word; may be empty.
    pub said: String,
}

/// [`broadcast::TroubleKind`], and what is drawn instead of captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
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
    /// An image cannot be read; the row says which one.
    Image,
    /// No font for a text.
    NoFonts,
    /// Anything else.
    Other,
}

impl TroubleView {
    /// Something that has no kind of its own.
    pub(crate) fn other(said: &impl std::fmt::Display) -> TroubleView {
        TroubleView { kind: TroubleKind::Other, said: said.to_string() }
    }
}

impl From<&Trouble> for TroubleView {
    fn from(trouble: &Trouble) -> TroubleView {
        let kind = match trouble.kind {
            Kind::NoScreen => TroubleKind::NoScreen,
            Kind::Screen => TroubleKind::Screen,
            Kind::NotShared => TroubleKind::NotShared,
            Kind::UnknownWindow => TroubleKind::UnknownWindow,
            Kind::Window => TroubleKind::Window,
            Kind::NoCamera => TroubleKind::NoCamera,
            Kind::UnknownCamera => TroubleKind::UnknownCamera,
            Kind::Camera => TroubleKind::Camera,
            Kind::NoMicrophone => TroubleKind::NoMicrophone,
            Kind::NoSystemSound => TroubleKind::NoSystemSound,
            Kind::UnknownDevice => TroubleKind::UnknownDevice,
            Kind::Device => TroubleKind::Device,
            Kind::File => TroubleKind::File,
            Kind::Missing => TroubleKind::Missing,
            Kind::Conversion => TroubleKind::Conversion,
        };
        TroubleView { kind, said: trouble.said.clone() }
    }
}

impl From<&Error> for TroubleView {
    fn from(error: &Error) -> TroubleView {
        match error {
            Error::Capture(error) => (&Trouble::from(error)).into(),
            Error::Scene(SceneError::Image { reason, .. }) => {
                TroubleView { kind: TroubleKind::Image, said: reason.clone() }
            }
            Error::Scene(SceneError::NoFonts) => {
                TroubleView { kind: TroubleKind::NoFonts, said: String::new() }
            }
            other => TroubleView::other(other),
        }
    }
}
