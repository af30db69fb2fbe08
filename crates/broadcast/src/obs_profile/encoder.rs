//! Which encoder a profile of OBS means, and how far apart its keyframes are.

use media::Span;
use serde_json::Value;

use super::Ini;
use crate::{EncoderChoice, VideoCodec};

/// What a profile says of its encoder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Encoder {
    /// The kind: software by its name, hardware as the best of what it makes, since another computer has other hardware.
    pub(super) choice: Option<EncoderChoice>,
    pub(super) keyframe_interval: Option<Span>,
    pub(super) kbps: Option<u64>,
}

/// The advanced output mode has a file of its own for it; in the simple one all stands in `basic.ini`.
pub(super) fn read(settings: &Ini, file: &Value, fps: Option<u32>) -> Encoder {
    if settings.get("Output", "Mode") == Some("Advanced") {
        return Encoder {
            choice: settings.get("AdvOut", "Encoder").and_then(choice),
            keyframe_interval: file["keyint_sec"].as_i64().filter(|&it| it > 0).map(Span::from_secs),
            kbps: file["bitrate"].as_u64(),
        };
    }
    let options = settings.get("SimpleOutput", "x264Settings");
    // OBS passes them on only then, and as frames.
    let used = settings.get("SimpleOutput", "UseAdvanced") == Some("true");
    let frames = options.filter(|_| used).and_then(keyframe_frames);
    Encoder {
        choice: settings.get("SimpleOutput", "StreamEncoder").and_then(choice),
        keyframe_interval: frames.zip(fps).and_then(|(frames, fps)| interval(frames, fps)),
        kbps: settings.number("SimpleOutput", "VBitrate"),
    }
}

/// The kind behind OBS's name of an encoder, in the simple mode (`x264_lowcpu`, `nvenc_hevc`) as in the advanced one
/// (`obs_x264`, `obs_nvenc_hevc_tex`, `h265_texture_amf`).
fn choice(name: &str) -> Option<EncoderChoice> {
    let name = name.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if has(&["x264"]) {
        return Some(EncoderChoice::Named("libx264".to_owned()));
    }
    if has(&["svt_av1"]) {
        return Some(EncoderChoice::Named("libsvtav1".to_owned()));
    }
    if !has(&["nvenc", "qsv", "amd", "amf", "apple", "videotoolbox", "vaapi"]) {
        return None;
    }
    let codec = if has(&["hevc", "h265"]) {
        VideoCodec::Hevc
    } else if has(&["av1"]) {
        VideoCodec::Av1
    } else {
        VideoCodec::H264
    };
    Some(EncoderChoice::Best(codec))
}

/// `keyint` among x264's own options.
fn keyframe_frames(options: &str) -> Option<u32> {
    let mut options = options.split([' ', ':']).filter_map(|option| option.split_once('='));
    options.find_map(|(name, value)| (name == "keyint").then(|| value.parse().ok()).flatten())
}

/// To the second below, and one at least: that is how it is set here.
fn interval(frames: u32, fps: u32) -> Option<Span> {
    (frames > 0 && fps > 0).then(|| Span::from_secs(i64::from((frames / fps).max(1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_that_obs_has_is_the_kind_that_it_means() {
        let software = |name: &str| Some(EncoderChoice::Named(name.to_owned()));
        let hardware = |codec| Some(EncoderChoice::Best(codec));
        for (name, expected) in [
            ("x264", software("libx264")),
            ("x264_lowcpu", software("libx264")),
            ("obs_x264", software("libx264")),
            ("ffmpeg_svt_av1", software("libsvtav1")),
            ("nvenc", hardware(VideoCodec::H264)),
            ("qsv", hardware(VideoCodec::H264)),
            ("amd_hevc", hardware(VideoCodec::Hevc)),
            ("h265_texture_amf", hardware(VideoCodec::Hevc)),
            ("obs_nvenc_hevc_tex", hardware(VideoCodec::Hevc)),
            ("nvenc_av1", hardware(VideoCodec::Av1)),
            ("obs_qsv11_av1", hardware(VideoCodec::Av1)),
            ("com.apple.videotoolbox.videoencoder.ave.avc", hardware(VideoCodec::H264)),
            ("ffmpeg_vaapi", hardware(VideoCodec::H264)),
            ("none", None),
        ] {
            assert_eq!(choice(name), expected, "{name}");
        }
    }

    #[test]
    fn the_simple_mode_counts_keyframes_in_frames_among_the_encoders_own_options() {
        let interval = |lines: &str, fps| {
            let settings = Ini::read(&format!("[SimpleOutput]\n{lines}"));
            read(&settings, &Value::Null, fps).keyframe_interval
        };
        let seconds = |seconds| Some(Span::from_secs(seconds));
        assert_eq!(interval("UseAdvanced=true\nx264Settings=bframes=0 keyint=60", Some(30)), seconds(2));
        assert_eq!(interval("UseAdvanced=true\nx264Settings=keyint=250:min-keyint=60", Some(60)), seconds(4));
        assert_eq!(interval("UseAdvanced=true\nx264Settings=keyint=10", Some(30)), seconds(1));
        // Written and switched off, not a number, or nothing.
        assert_eq!(interval("UseAdvanced=false\nx264Settings=keyint=60", Some(30)), None);
        assert_eq!(interval("UseAdvanced=true\nx264Settings=keyint=infinite", Some(30)), None);
        assert_eq!(interval("UseAdvanced=true", Some(30)), None);
        assert_eq!(interval("UseAdvanced=true\nx264Settings=keyint=60", None), None);
    }
}
