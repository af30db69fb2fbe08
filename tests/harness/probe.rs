//! What FFmpeg sees in a file: packets and their times, and whether they decode.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The packets of a file, by kind of stream.
#[derive(Clone, Debug, Default)]
pub struct Packets {
    /// Presentation times of the video packets, seconds, in order of presentation.
    pub video: Vec<f64>,
    /// Presentation times of the audio packets, seconds.
    pub audio: Vec<f64>,
}

impl Packets {
    /// Reads a file with ffprobe.
    ///
    /// # Panics
    /// When ffprobe fails or complains.
    pub fn read(file: &Path) -> Packets {
        let entries = "packet=codec_type,pts_time";
        let output = Command::new("ffprobe")
            .args(["-v", "error", "-show_entries", entries, "-of", "json"])
            .arg(file)
            .output()
            .expect("ffprobe starts");
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && complaints.is_empty(), "ffprobe {}: {complaints}", file.display());
        let told: Value = serde_json::from_slice(&output.stdout).expect("ffprobe prints JSON");
        let times = |kind: &str| {
            let packets = told["packets"].as_array().into_iter().flatten();
            let mut times: Vec<f64> = packets
                .filter(|packet| packet["codec_type"] == kind)
                .map(|packet| {
                    packet["pts_time"]
                        .as_str()
                        .and_then(|it| it.parse().ok())
                        .expect("every packet has a PTS")
                })
                .collect();
            times.sort_by(f64::total_cmp);
            times
        };
        Packets { video: times("video"), audio: times("audio") }
    }

    /// Reads lines such as `video,1.25`, in any order.
    pub fn from_lines(lines: &[String]) -> Packets {
        let times = |kind: &str| {
            let of_kind = lines.iter().filter_map(|line| line.strip_prefix(kind)?.strip_prefix(','));
            let mut times: Vec<f64> =
                of_kind.filter_map(|time| time.trim_end_matches(',').parse().ok()).collect();
            times.sort_by(f64::total_cmp);
            times
        };
        Packets { video: times("video"), audio: times("audio") }
    }

    /// Without the audio packets that begin before the one in front of them has ended, by more than half of it. Where a
    /// recording is repeated, FFmpeg sends such packets; two sounds at one time cannot both be played.
    pub fn without_overlap(mut self) -> Packets {
        let mut steps: Vec<f64> = self.audio.windows(2).map(|pair| pair[1] - pair[0]).collect();
        steps.sort_by(f64::total_cmp);
        let frame = steps.get(steps.len() / 2).copied().unwrap_or(0.0);
        let mut end = f64::MIN;
        self.audio.retain(|begin| {
            let follows = *begin >= end - frame / 2.0;
            if follows {
                end = begin + frame;
            }
            follows
        });
        self
    }

    /// The first so many packets of each.
    pub fn first(&self, video: usize, audio: usize) -> Packets {
        let first = |times: &[f64], count: usize| times[..count.min(times.len())].to_vec();
        Packets { video: first(&self.video, video), audio: first(&self.audio, audio) }
    }

    /// How far audio and video went apart on the way from `source` to here, at the worst moment, seconds: packets are
    /// matched from the first on, so both must have the same number.
    pub fn skew(&self, source: &Packets) -> f64 {
        let late = |here: &[f64], there: &[f64]| {
            let differences = here.iter().zip(there).map(|(here, there)| here - there);
            differences.fold((f64::MAX, f64::MIN), |(least, most), late| (least.min(late), most.max(late)))
        };
        let (video_least, video_most) = late(&self.video, &source.video);
        let (audio_least, audio_most) = late(&self.audio, &source.audio);
        (audio_most - video_least).max(video_most - audio_least)
    }
}

/// From the first to the last of some times.
pub fn extent(times: &[f64]) -> f64 {
    times.last().zip(times.first()).map_or(0.0, |(last, first)| last - first)
}

/// Decodes a whole file with FFmpeg and returns what it complained about.
///
/// # Panics
/// When FFmpeg cannot be started.
pub fn complaints(file: &Path) -> String {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(file)
        // The packets' own times: FFmpeg would else guess a frame rate from whole milliseconds, and complain of its guess.
        .args(["-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-"])
        .output()
        .expect("ffmpeg starts");
    let failed = if output.status.success() { "" } else { "ffmpeg failed\n" };
    format!("{failed}{}", String::from_utf8_lossy(&output.stderr))
}
