//! Encoders with something wrong with them on purpose, for tests: libx264 with a defect in front of it. They are built
//! only with the feature `stand-ins`, are taken only by name, and go every way that real ones go.

use ffmpeg_next as ffmpeg;
use ffmpeg_next::frame;

use crate::family::Family;
use crate::list::Known;
use crate::{Error, VideoCodec};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    /// Takes the process down, as a driver can.
    Crashes,
    /// Never comes back.
    Hangs,
    /// Opens, takes pictures, and makes all of them green.
    Green,
    /// Passes over it when a keyframe is asked for.
    NoKeyframes,
    /// Works for [`PICTURES`] pictures, then fails.
    FailsLater,
    /// Works for [`PICTURES`] pictures, then never comes back.
    HangsLater,
    /// Works, and tells its parameters with its first picture only, as the chips of boards do.
    Headless,
}

/// A known encoder with this defect.
pub(crate) const fn known(name: &'static str, defect: Defect) -> Known {
    Known { name, codec: VideoCodec::H264, family: Family::X264, defect: Some(defect) }
}

impl Defect {
    /// The one that is replaced on air has other parameters than the one that takes over.
    pub(crate) fn change(self, options: &mut ffmpeg::Dictionary<'_>) {
        if matches!(self, Defect::FailsLater | Defect::HangsLater) {
            options.set("profile", "baseline");
        }
    }

    /// Does to the picture, of which `taken` came before, what the defect does.
    pub(crate) fn strike(self, picture: &mut frame::Video, taken: u64) -> Result<(), Error> {
        match self {
            Defect::Crashes => std::process::abort(),
            Defect::Hangs => hang(),
            Defect::HangsLater if taken >= PICTURES => hang(),
            Defect::Green => (0..picture.planes()).for_each(|plane| picture.data_mut(plane).fill(0)),
            Defect::NoKeyframes => picture.set_kind(ffmpeg::picture::Type::None),
            Defect::FailsLater if taken >= PICTURES => {
                let source = ffmpeg::Error::Other { errno: ffmpeg::error::EIO };
                return Err(Error::Ffmpeg { name: "stand_in_fails_later", step: "taking a picture", source });
            }
            Defect::FailsLater | Defect::HangsLater | Defect::Headless => {}
        }
        Ok(())
    }
}

fn hang() -> ! {
    loop {
        std::thread::park();
    }
}

/// How many pictures those that fail or hang take before.
const PICTURES: u64 = 100;
