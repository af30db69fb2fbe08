//! The stream that all are measured with.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::step::execute;

/// Makes 20 s of 1280×720 at 30 fps, 2.5 Mbit/s constant, a keyframe every 2 s, and stereo sound; as FLV.
///
/// # Errors
/// When FFmpeg fails.
pub fn make(folder: &Path) -> Result<PathBuf> {
    let file = folder.join("clip.flv");
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30"]);
    command.args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", "20"]);
    command.args(["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "60"]);
    command.args(["-sc_threshold", "0", "-b:v", "2500k", "-minrate", "2500k", "-maxrate", "2500k"]);
    command.args(["-bufsize", "2500k", "-x264-params", "nal-hrd=cbr"]);
    command.args(["-c:a", "aac", "-b:a", "128k", "-ac", "2", "-f", "flv"]).arg(&file);
    execute(&mut command)?;
    Ok(file)
}
