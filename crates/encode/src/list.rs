//! Which video encoders there are, in the order they would be taken.

use std::convert::Infallible;
use std::str::FromStr;

use ffmpeg_next::codec::Flags;

use crate::family::Family;
use crate::probe::Prober;
use crate::{Error, probe};

/// What pictures are coded with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum VideoCodec {
    /// What every ingest and every player takes.
    #[default]
    H264,
    /// About a third fewer bits; ingests of Enhanced RTMP and SRT take it, browsers with the hardware for it.
    Hevc,
    /// Fewer still; ingests of Enhanced RTMP take it, and most browsers.
    Av1,
}

/// Which encoder to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The first usable one of [`encoders`] for this codec.
    Best(VideoCodec),
    /// This one and no other, until it fails.
    Named(String),
}

/// One encoder and what was found out about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// FFmpeg's name for it, which [`Choice::Named`] takes.
    pub name: &'static str,
    /// What it makes.
    pub codec: VideoCodec,
    /// What it runs on, in words.
    pub runs_on: &'static str,
    /// Whether pictures went through it and came out as they should.
    pub usable: bool,
    /// Why it is not used, in words; `None` when it is usable.
    pub reason: Option<String>,
}

impl VideoCodec {
    /// The codec's name as people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            VideoCodec::H264 => "H.264",
            VideoCodec::Hevc => "HEVC",
            VideoCodec::Av1 => "AV1",
        }
    }
}

impl Choice {
    /// What it makes; `None` for a name that this program does not know.
    #[must_use]
    pub fn codec(&self) -> Option<VideoCodec> {
        match self {
            Choice::Best(codec) => Some(*codec),
            Choice::Named(name) => Known::of_name(name).map(|known| known.codec),
        }
    }
}

impl Default for Choice {
    /// The best encoder of H.264, which is taken everywhere.
    fn default() -> Choice {
        Choice::Best(VideoCodec::H264)
    }
}

impl FromStr for Choice {
    type Err = Infallible;

    /// `auto` (the best of H.264), `hevc`, `av1`, or an encoder's name.
    fn from_str(text: &str) -> Result<Choice, Infallible> {
        Ok(match text {
            "auto" | "h264" => Choice::Best(VideoCodec::H264),
            "hevc" => Choice::Best(VideoCodec::Hevc),
            "av1" => Choice::Best(VideoCodec::Av1),
            name => Choice::Named(name.to_owned()),
        })
    }
}

/// Every encoder this program knows, in the order in which they are taken, and what is remembered about them; those
/// about which nothing is remembered are tried, each in a process of its own.
///
/// Takes up to [`probe::LIMIT`] when a driver hangs, else about a second the first time.
#[must_use]
pub fn encoders() -> Vec<Found> {
    found(&Prober::of_this_program())
}

/// As [`encoders`], with every encoder tried anew.
#[must_use]
pub fn encoders_anew() -> Vec<Found> {
    found(&Prober::of_this_program().forgetful())
}

fn found(prober: &Prober) -> Vec<Found> {
    let verdicts = prober.verdicts(&KNOWN.iter().collect::<Vec<_>>());
    let found = KNOWN.iter().zip(verdicts).map(|(known, verdict)| Found {
        name: known.name,
        codec: known.codec,
        runs_on: known.family.runs_on(),
        usable: verdict.is_ok(),
        reason: verdict.err(),
    });
    found.collect()
}

/// One encoder that this program can drive.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) codec: VideoCodec,
    pub(crate) family: Family,
    /// What is wrong with it on purpose.
    #[cfg(feature = "stand-ins")]
    pub(crate) defect: Option<crate::stand_in::Defect>,
}

impl Known {
    const fn new(name: &'static str, codec: VideoCodec, family: Family) -> Known {
        Known {
            name,
            codec,
            family,
            #[cfg(feature = "stand-ins")]
            defect: None,
        }
    }

    /// The encoder of that name.
    pub(crate) fn of_name(name: &str) -> Option<&'static Known> {
        KNOWN.iter().find(|known| known.name == name)
    }

    /// FFmpeg's encoder, where it was built in.
    pub(crate) fn ffmpeg(&self) -> Option<ffmpeg_next::Codec> {
        #[cfg(feature = "stand-ins")]
        if self.defect.is_some() {
            return ffmpeg_next::encoder::find_by_name("libx264");
        }
        ffmpeg_next::encoder::find_by_name(self.name)
    }

    /// Why it cannot work here, in words, as far as can be seen without trying it.
    pub(crate) fn obvious_refusal(&self) -> Option<String> {
        if self.ffmpeg().is_none() {
            return Some("the FFmpeg of this machine was built without it".to_owned());
        }
        self.family.missing_device().map(str::to_owned)
    }
}

/// The encoders that `choice` allows, in order; those that failed are left out. A named one that has failed is followed by
/// the others of its codec.
///
/// # Errors
/// [`Error::Unusable`] when the named one is unknown.
pub(crate) fn candidates(choice: &Choice, failed: &[&'static str]) -> Result<Vec<&'static Known>, Error> {
    let of_codec = |codec: VideoCodec| {
        let known = KNOWN.iter().filter(move |known| known.codec == codec && !known.is_stand_in());
        known.filter(|known| !failed.contains(&known.name)).collect()
    };
    match choice {
        Choice::Best(codec) => Ok(of_codec(*codec)),
        Choice::Named(name) => match Known::of_name(name) {
            Some(known) if failed.contains(&known.name) => Ok(of_codec(known.codec)),
            Some(known) => Ok(vec![known]),
            None => Err(Error::Unusable {
                name: name.clone(),
                reason: format!("unknown; known are auto, hevc, av1, {}", names()),
            }),
        },
    }
}

impl Known {
    /// Whether it is one that only tests have.
    pub(crate) fn is_stand_in(&self) -> bool {
        #[cfg(feature = "stand-ins")]
        return self.defect.is_some();
        #[cfg(not(feature = "stand-ins"))]
        return false;
    }

    /// Whether something stands behind it that may never come back: a driver.
    pub(crate) fn can_hang(&self) -> bool {
        !self.family.is_software() || self.is_stand_in()
    }

    /// What FFmpeg is to do for it besides encoding.
    pub(crate) fn flags(&self) -> Flags {
        #[cfg(feature = "stand-ins")]
        if self.defect == Some(crate::stand_in::Defect::Headless) {
            return Flags::CLOSED_GOP;
        }
        Flags::GLOBAL_HEADER | Flags::CLOSED_GOP
    }

    /// How long a trial of it may take.
    pub(crate) fn limit(&self) -> std::time::Duration {
        // Tests need not wait as long for one that is sure to hang.
        #[cfg(feature = "stand-ins")]
        if self.defect == Some(crate::stand_in::Defect::Hangs) {
            return probe::LIMIT / 10;
        }
        probe::LIMIT
    }
}

fn names() -> String {
    KNOWN.iter().map(|known| known.name).collect::<Vec<_>>().join(", ")
}

/// Hardware first: it leaves the processor to the lesson or the game. The order among vendors is by how reliably their
/// drivers open and keep the bit rate.
const KNOWN: &[Known] = {
    use Family::{Amf, MediaFoundation, Nvenc, Qsv, SvtAv1, V4l2Mem2Mem, Vaapi, VideoToolbox, X264, X265};
    use VideoCodec::{Av1, H264, Hevc};
    &[
        Known::new("h264_nvenc", H264, Nvenc),
        Known::new("h264_vaapi", H264, Vaapi),
        Known::new("h264_qsv", H264, Qsv),
        Known::new("h264_amf", H264, Amf),
        Known::new("h264_videotoolbox", H264, VideoToolbox),
        Known::new("h264_mf", H264, MediaFoundation),
        Known::new("h264_v4l2m2m", H264, V4l2Mem2Mem),
        Known::new("libx264", H264, X264),
        Known::new("hevc_nvenc", Hevc, Nvenc),
        Known::new("hevc_vaapi", Hevc, Vaapi),
        Known::new("hevc_qsv", Hevc, Qsv),
        Known::new("hevc_amf", Hevc, Amf),
        Known::new("hevc_videotoolbox", Hevc, VideoToolbox),
        Known::new("hevc_mf", Hevc, MediaFoundation),
        Known::new("hevc_v4l2m2m", Hevc, V4l2Mem2Mem),
        Known::new("libx265", Hevc, X265),
        Known::new("av1_nvenc", Av1, Nvenc),
        Known::new("av1_vaapi", Av1, Vaapi),
        Known::new("av1_qsv", Av1, Qsv),
        Known::new("av1_amf", Av1, Amf),
        Known::new("libsvtav1", Av1, SvtAv1),
        #[cfg(feature = "stand-ins")]
        crate::stand_in::known("stand_in_crashes", crate::stand_in::Defect::Crashes),
        #[cfg(feature = "stand-ins")]
        crate::stand_in::known("stand_in_hangs", crate::stand_in::Defect::Hangs),
        #[cfg(feature = "stand-ins")]
        crate::stand_in::known("stand_in_green", crate::stand_in::Defect::Green),
        #[cfg(feature = "stand-ins")]
        crate::stand_in::known("stand_in_without_keyframes", crate::stand_in::Defect::NoKeyframes),
        #[cfg(feature = "stand-ins")]
        crate::stand_in::known("stand_in_fails_later", crate::stand_in::Defect::FailsLater),
        #[cfg(feature = "stand-ins")]
        crate::stand_in::known("stand_in_hangs_later", crate::stand_in::Defect::HangsLater),
        #[cfg(feature = "stand-ins")]
        crate::stand_in::known("stand_in_headless", crate::stand_in::Defect::Headless),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_the_last_resort_of_every_codec() {
        for (codec, last) in
            [(VideoCodec::H264, "libx264"), (VideoCodec::Hevc, "libx265"), (VideoCodec::Av1, "libsvtav1")]
        {
            let candidates = candidates(&Choice::Best(codec), &[]).expect("a codec is known");
            assert_eq!(candidates.last().map(|known| known.name), Some(last));
            assert_eq!(candidates.first().map(|known| known.family), Some(Family::Nvenc));
            assert!(candidates.iter().all(|known| known.codec == codec));
        }
    }

    #[test]
    fn vendors_stand_in_the_agreed_order() {
        let candidates = candidates(&Choice::default(), &[]).expect("a codec is known");
        let names: Vec<_> = candidates.iter().map(|known| known.name).collect();
        let expected = [
            "h264_nvenc",
            "h264_vaapi",
            "h264_qsv",
            "h264_amf",
            "h264_videotoolbox",
            "h264_mf",
            "h264_v4l2m2m",
            "libx264",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn a_named_one_that_failed_is_followed_by_the_others_of_its_codec() {
        let named = Choice::Named("hevc_qsv".to_owned());
        let alone = candidates(&named, &[]).expect("it is known");
        assert_eq!(alone.iter().map(|known| known.name).collect::<Vec<_>>(), ["hevc_qsv"]);
        let others = candidates(&named, &["hevc_qsv", "hevc_nvenc"]).expect("it is known");
        let names: Vec<_> = others.iter().map(|known| known.name).collect();
        assert_eq!(names.first(), Some(&"hevc_vaapi"));
        assert!(names.contains(&"libx265") && !names.contains(&"hevc_qsv"));
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let error = candidates(&Choice::Named("x265".into()), &[]).expect_err("there is no such encoder");
        assert!(error.to_string().contains("libx264"), "{error}");
    }

    #[test]
    fn every_choice_is_read_from_its_word() {
        let read = |text: &str| text.parse::<Choice>().expect("every text is a choice");
        assert_eq!(read("auto"), Choice::Best(VideoCodec::H264));
        assert_eq!(read("av1"), Choice::Best(VideoCodec::Av1));
        assert_eq!(read("h264_vaapi"), Choice::Named("h264_vaapi".to_owned()));
    }
}
