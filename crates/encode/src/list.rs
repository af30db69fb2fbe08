//! Which video encoders there are, in the order they would be taken.

use std::convert::Infallible;
use std::str::FromStr;

use media::{Size, Span};

use crate::{Config, Error, Video};

/// Which encoder to use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The first usable one of [`encoders`].
    #[default]
    Auto,
    /// This one and no other.
    Named(String),
}

impl FromStr for Choice {
    type Err = Infallible;

    /// `auto`, or a name.
    fn from_str(text: &str) -> Result<Choice, Infallible> {
        Ok(if text == "auto" { Choice::Auto } else { Choice::Named(text.to_owned()) })
    }
}

/// One encoder and what was found out about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// FFmpeg's name for it, which [`Choice::Named`] takes.
    pub name: &'static str,
    /// What it runs on, in words.
    pub runs_on: &'static str,
    /// Whether a picture was encoded with it just now.
    pub usable: bool,
    /// Why it is not used, in words; `None` when it is usable.
    pub reason: Option<String>,
}

/// Looks at every encoder this program knows, in the order in which `auto` takes them.
///
/// A usable one has opened and encoded a picture. Takes some tens of milliseconds.
#[must_use]
pub fn encoders() -> Vec<Found> {
    KNOWN
        .iter()
        .map(|known| {
            let reason = known.refusal();
            Found { name: known.name, runs_on: known.runs_on, usable: reason.is_none(), reason }
        })
        .collect()
}

/// The name of the encoder to open.
///
/// # Errors
/// [`Error::Unusable`] when the named one is unknown or not driven.
pub(crate) fn resolve(choice: &Choice) -> Result<&'static str, Error> {
    let driven = KNOWN.iter().filter(|known| known.driven && known.is_built_in());
    match choice {
        Choice::Auto => driven.map(|known| known.name).next().ok_or_else(|| Error::Unusable {
            name: "auto".to_owned(),
            reason: "this FFmpeg has no H.264 encoder that Rostrum drives; libx264 is one".to_owned(),
        }),
        Choice::Named(name) => {
            let known = KNOWN.iter().find(|known| known.name == name);
            let unusable = |reason: String| Error::Unusable { name: name.clone(), reason };
            let known = known.ok_or_else(|| unusable(format!("unknown; known are auto, {}", names())))?;
            match known.obvious_refusal() {
                Some(reason) => Err(unusable(reason)),
                None => Ok(known.name),
            }
        }
    }
}

struct Known {
    name: &'static str,
    runs_on: &'static str,
    /// Whether [`Video`] knows how to feed it.
    driven: bool,
}

impl Known {
    fn is_built_in(&self) -> bool {
        ffmpeg_next::encoder::find_by_name(self.name).is_some()
    }

    fn obvious_refusal(&self) -> Option<String> {
        if !self.is_built_in() {
            return Some("this FFmpeg was built without it".to_owned());
        }
        (!self.driven).then(|| "this version of Rostrum does not drive it yet".to_owned())
    }

    fn refusal(&self) -> Option<String> {
        self.obvious_refusal().or_else(|| try_out(self.name).err().map(|error| error.to_string()))
    }
}

/// Opens an encoder and takes one picture through it.
fn try_out(name: &str) -> Result<(), Error> {
    let config = Config {
        size: Size::new(320, 180),
        fps: 30,
        bitrate_bps: 300_000,
        keyframe_interval: Span::from_secs(1),
        choice: Choice::Named(name.to_owned()),
    };
    let mut video = Video::open(&config)?;
    video.encode(None, 0, false)?;
    video.finish()?;
    Ok(())
}

fn names() -> String {
    KNOWN.iter().map(|known| known.name).collect::<Vec<_>>().join(", ")
}

/// Hardware first: it leaves the processor to the lesson or the game. The order among vendors is by how
/// reliably their drivers open.
const KNOWN: [Known; 5] = [
    Known { name: "h264_nvenc", runs_on: "NVIDIA graphics", driven: false },
    Known { name: "h264_vaapi", runs_on: "Intel or AMD graphics (VA-API)", driven: false },
    Known { name: "h264_qsv", runs_on: "Intel graphics (Quick Sync)", driven: false },
    Known { name: "h264_v4l2m2m", runs_on: "a video chip of the board (V4L2)", driven: false },
    Known { name: "libx264", runs_on: "the processor", driven: true },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_the_last_resort_and_works() {
        let found = encoders();
        let last = found.last().expect("the list is not empty");
        assert_eq!((last.name, last.usable, &last.reason), ("libx264", true, &None));
        assert!(found.iter().all(|encoder| encoder.usable == encoder.reason.is_none()));
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let error = resolve(&Choice::Named("x265".into())).expect_err("there is no such encoder");
        assert!(error.to_string().contains("libx264"), "{error}");
    }

    #[test]
    fn an_encoder_that_is_not_driven_is_refused_in_words() {
        assert!(matches!(resolve(&Choice::Named("h264_vaapi".into())), Err(Error::Unusable { .. })));
    }
}
