//! What encoders of one make have in common: what they need, what they take, and how they are told to be live.

use std::path::{Path, PathBuf};

use ffmpeg_next as ffmpeg;
use ffmpeg_next::format::Pixel;

use crate::{Config, VideoCodec};

/// A make of encoders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// NVIDIA's.
    Nvenc,
    /// The video acceleration API of Linux: Intel, AMD and others.
    Vaapi,
    /// Intel's Quick Sync Video.
    Qsv,
    /// AMD's Advanced Media Framework.
    Amf,
    /// Apple's.
    VideoToolbox,
    /// Windows'.
    MediaFoundation,
    /// Memory-to-memory devices of Video4Linux: the boards.
    V4l2Mem2Mem,
    /// x264, on the processor.
    X264,
    /// x265, on the processor.
    X265,
    /// SVT-AV1, on the processor.
    SvtAv1,
}

/// One way to open an encoder; the first that opens is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// How its pictures lie in memory.
    pub(crate) pixel: Pixel,
    /// The graphics device whose memory the pictures are put in first.
    pub(crate) device: Option<PathBuf>,
    /// Options of this attempt alone.
    pub(crate) options: &'static [(&'static str, &'static str)],
}

/// How an encoder comes to its keyframes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keyframes {
    /// It makes one whenever a picture asks for it.
    Asked,
    /// It counts pictures and cannot be asked: one out of turn takes a new encoder.
    Counted,
}

impl Family {
    /// What it runs on, in words.
    pub(crate) fn runs_on(self) -> &'static str {
        match self {
            Family::Nvenc => "NVIDIA graphics (NVENC)",
            Family::Vaapi => "Intel or AMD graphics (VA-API)",
            Family::Qsv => "Intel graphics (Quick Sync)",
            Family::Amf => "AMD graphics (AMF)",
            Family::VideoToolbox => "Apple's media engine",
            Family::MediaFoundation => "graphics, through Windows",
            Family::V4l2Mem2Mem => "a video chip of the board (V4L2)",
            Family::X264 | Family::X265 | Family::SvtAv1 => "the processor",
        }
    }

    /// Whether it runs on the processor, without a driver that could take the program down.
    pub(crate) fn is_software(self) -> bool {
        matches!(self, Family::X264 | Family::X265 | Family::SvtAv1)
    }

    /// Why there is no need to try it, in words: what it runs on is not there.
    pub(crate) fn missing_device(self) -> Option<&'static str> {
        if !cfg!(target_os = "linux") {
            return None;
        }
        let any = |paths: &[&str]| paths.iter().any(|path| Path::new(path).exists());
        let found = match self {
            // Under WSL the driver speaks through dxg.
            Family::Nvenc => any(&["/dev/nvidiactl", "/dev/dxg"]),
            Family::Vaapi | Family::Qsv => !devices("/dev/dri", "renderD").is_empty(),
            Family::V4l2Mem2Mem => !devices("/dev", "video").is_empty(),
            _ => true,
        };
        if found {
            return None;
        }
        Some(match self {
            Family::Nvenc => "there is no NVIDIA graphics, or its driver is not installed",
            Family::V4l2Mem2Mem => "there is no video chip (/dev/video*)",
            _ => "there is no graphics device that this program may use (/dev/dri/renderD*)",
        })
    }

    /// The ways to open it, best first.
    pub(crate) fn attempts(self) -> Vec<Attempt> {
        let plain = |pixel| Attempt { pixel, device: None, options: &[] };
        match self {
            Family::X264 | Family::X265 | Family::SvtAv1 => vec![plain(Pixel::YUV420P)],
            // Every graphics device, and on each the full encoder before the small one, which is the only one of some chips.
            Family::Vaapi => {
                let devices = devices("/dev/dri", "renderD");
                let ways: [&'static [(&'static str, &'static str)]; 2] = [&[], &[("low_power", "1")]];
                let all = devices.into_iter().flat_map(|device| {
                    ways.map(|options| Attempt { pixel: Pixel::NV12, device: Some(device.clone()), options })
                });
                all.collect()
            }
            // Drivers differ in which of the two they take.
            Family::V4l2Mem2Mem => vec![plain(Pixel::NV12), plain(Pixel::YUV420P)],
            _ => vec![plain(Pixel::NV12)],
        }
    }

    /// How it comes to its keyframes.
    pub(crate) fn keyframes(self) -> Keyframes {
        // FFmpeg 5.1 hands SVT-AV1 no picture types.
        if self == Family::SvtAv1 { Keyframes::Counted } else { Keyframes::Asked }
    }

    /// Whether it follows a change of `bit_rate` while it runs (FFmpeg's libx264.c and nvenc.c do).
    pub(crate) fn changes_rate_live(self) -> bool {
        matches!(self, Family::X264 | Family::Nvenc)
    }

    /// What makes it live: constant bit rate, no look-ahead, no keyframe but where one is asked for, and that one an IDR.
    ///
    /// FFmpeg passes over options that an encoder of its version does not have.
    pub(crate) fn options(self, codec: VideoCodec, config: &Config) -> ffmpeg::Dictionary<'static> {
        let fixed: &[(&str, &str)] = match self {
            Family::Nvenc => &[
                ("preset", "p4"),
                ("tune", "ll"),
                ("rc", "cbr"),
                ("zerolatency", "1"),
                ("delay", "0"),
                ("rc-lookahead", "0"),
                ("no-scenecut", "1"),
                ("forced-idr", "1"),
                ("b_ref_mode", "disabled"),
            ],
            // A picture of kind I is an IDR here, always.
            Family::Vaapi => &[("rc_mode", "CBR"), ("async_depth", "1"), ("idr_interval", "0")],
            // Constant bit rate follows from a greatest rate that is the mean.
            Family::Qsv => &[("preset", "veryfast"), ("async_depth", "1"), ("forced_idr", "1")],
            Family::Amf => &[
                ("usage", "lowlatency"),
                ("quality", "balanced"),
                ("rc", "cbr"),
                ("filler_data", "0"),
                ("forced_idr", "1"),
                ("preanalysis", "0"),
            ],
            Family::VideoToolbox => {
                &[("realtime", "1"), ("allow_sw", "0"), ("prio_speed", "1"), ("max_ref_frames", "1")]
            }
            Family::MediaFoundation => {
                &[("hw_encoding", "1"), ("rate_control", "cbr"), ("scenario", "live_streaming")]
            }
            Family::V4l2Mem2Mem => &[],
            Family::X264 => {
                &[("preset", "veryfast"), ("tune", "zerolatency"), ("forced-idr", "1"), ("sc_threshold", "0")]
            }
            // The slower ones take more than one core for 720p at 30 a second.
            Family::X265 => &[
                ("preset", "ultrafast"),
                ("tune", "zerolatency"),
                ("forced-idr", "1"),
                ("x265-params", "scenecut=0:open-gop=0:repeat-headers=0:info=0:log-level=none"),
            ],
            // Low delay is what constant bit rate needs here.
            Family::SvtAv1 => &[("preset", "12"), ("svtav1-params", "pred-struct=1:rc=2:scd=0")],
        };
        let mut options = ffmpeg::Dictionary::new();
        fixed.iter().for_each(|(key, value)| options.set(key, value));
        if codec == VideoCodec::H264 && !self.is_software() && self != Family::V4l2Mem2Mem {
            // What every decoder of the last fifteen years takes; small pictures would else be made in Baseline by some.
            options.set("profile", if config.size.height >= 720 { "high" } else { "main" });
        }
        if codec == VideoCodec::H264 && self == Family::Qsv {
            // Those of HEVC and AV1 have no such thing, or none in FFmpeg 5.1.
            ["look_ahead", "adaptive_i", "adaptive_b"].into_iter().for_each(|key| options.set(key, "0"));
        }
        options
    }

    /// The greatest rate it is told for a mean of `bps`.
    pub(crate) fn max_rate(self, bps: u32) -> i64 {
        match self {
            // SVT-AV1 1.4 wants its greatest rate above its mean and holds the mean all the same.
            Family::SvtAv1 => i64::from(bps) + 1_000,
            _ => bps.into(),
        }
    }
}

/// Files of `folder` whose names begin so and go on with a number, in the order of their numbers.
fn devices(folder: &str, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let number = |name: &str| name.strip_prefix(prefix).and_then(|rest| rest.parse::<u32>().ok());
    let mut found: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| Some((number(entry.file_name().to_str()?)?, entry.path())))
        .collect();
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;

    use ffmpeg_next::ffi;
    use media::{Size, Span};

    use super::*;
    use crate::Choice;
    use crate::list::{Known, candidates};

    /// Sets an option on a context of this encoder as opening it would.
    fn is_taken(known: &Known, key: &str, value: &str) -> bool {
        let codec = known.ffmpeg().expect("it is built in");
        let mut context = ffmpeg::codec::Context::new_with_codec(codec);
        let (key, value) = (CString::new(key).expect("no zero"), CString::new(value).expect("no zero"));
        // SAFETY: the context is ours and not open; both texts end with a zero byte and outlive the call.
        let code = unsafe {
            let private = (*context.as_mut_ptr()).priv_data;
            ffi::av_opt_set(private, key.as_ptr(), value.as_ptr(), 0)
        };
        code == 0
    }

    /// Names and values are checked against every encoder that this FFmpeg has, whether or not its hardware is there.
    #[test]
    fn every_option_is_one_that_the_encoder_has() {
        crate::start_ffmpeg().expect("FFmpeg starts");
        let config = Config {
            size: Size::new(1_280, 720),
            fps: 30,
            bitrate_bps: 2_500_000,
            keyframe_interval: Span::from_secs(1),
            choice: Choice::default(),
        };
        let (mut checked, mut unknown) = (0, Vec::new());
        for codec in [VideoCodec::H264, VideoCodec::Hevc, VideoCodec::Av1] {
            let known = candidates(&Choice::Best(codec), &[]).expect("a codec is known");
            for known in known.into_iter().filter(|known| known.ffmpeg().is_some()) {
                for (key, value) in known.family.options(codec, &config).iter() {
                    checked += 1;
                    if !is_taken(known, key, value) {
                        unknown.push(format!("{}: {key}={value}", known.name));
                    }
                }
            }
        }
        assert_eq!(unknown, [] as [String; 0]);
        assert!(checked > 8, "at least those of the processor");
    }

    #[test]
    fn devices_are_tried_in_the_order_of_their_numbers() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["renderD129", "card0", "renderD128", "renderDx"] {
            std::fs::write(folder.path().join(name), "").expect("a file");
        }
        let found = devices(folder.path().to_str().expect("text"), "renderD");
        let names: Vec<_> = found.iter().filter_map(|path| path.file_name()?.to_str()).collect();
        assert_eq!(names, ["renderD128", "renderD129"]);
        assert_eq!(devices("/nothing/here", "renderD"), [] as [PathBuf; 0]);
    }
}
