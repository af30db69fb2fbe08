//! FFmpeg as a publisher: a peer that shares no code with the origin.

use std::path::Path;
use std::process::Command;

use super::process::Process;

/// A recording, and how often it is pushed in a row.
#[derive(Clone, Copy, Debug)]
pub struct Pushed<'a> {
    /// The file.
    pub file: &'a Path,
    /// How often; at least once.
    pub times: u32,
}

impl Pushed<'_> {
    /// Pushes it in real time, as it is, to `url` (`rtmp://host/app/key`).
    pub fn push(self, url: &str) -> Process {
        Process::start("ffmpeg (publisher)", self.command(Some("-re")).arg(url))
    }

    fn command(self, pace: Option<&str>) -> Command {
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-hide_banner", "-loglevel", "warning"]).args(pace);
        command.args(["-stream_loop", &(self.times - 1).to_string()]).arg("-i").arg(self.file);
        // One video and one audio stream at most: FLV carries no more.
        command.args(["-map", "0:v:0?", "-map", "0:a:0?", "-c", "copy", "-f", "flv"]);
        command
    }
}

/// What a push sends, as a file: the same packets with the same stamps, for comparing.
///
/// # Panics
/// When FFmpeg cannot write it.
pub fn sent(pushed: Pushed<'_>, flv: &Path) {
    let status = pushed.command(None).arg("-y").arg(flv).status().expect("ffmpeg starts");
    assert!(status.success(), "ffmpeg cannot turn {} into FLV", pushed.file.display());
}

/// Pushes a picture of FFmpeg's own and a tone, encoded here: keyframes every second, for as long as the process lives.
pub fn push_pattern(url: &str) -> Process {
    push_pattern_of("640x360", url)
}

/// The same of another size.
pub fn push_pattern_of(size: &str, url: &str) -> Process {
    let mut command = Command::new("ffmpeg");
    command.args("-nostdin -hide_banner -loglevel warning -re -f lavfi -i".split(' '));
    command.arg(format!("testsrc2=size={size}:rate=30"));
    command.args("-re -f lavfi -i sine=frequency=440:sample_rate=48000".split(' '));
    command.args(
        "-c:v libx264 -preset ultrafast -tune zerolatency -g 30 -pix_fmt yuv420p -c:a aac -f flv".split(' '),
    );
    Process::start("ffmpeg (publisher)", command.arg(url))
}
