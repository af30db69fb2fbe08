//! FFmpeg's programs as the judge of what this workspace writes.

use std::path::Path;
use std::process::{Command, Output};

/// Runs `ffmpeg` with `arguments` and without reading the terminal.
///
/// `None` when it is not installed; with `CI=true` that fails the run instead.
///
/// # Panics
/// When it is missing and `CI=true`, or cannot be started.
#[must_use]
pub fn run(arguments: &[&str]) -> Option<Output> {
    program("ffmpeg", &[&["-nostdin", "-hide_banner"], arguments].concat())
}

/// Decodes all of `file`; the text is every warning and error, empty when there was none.
///
/// # Panics
/// As [`run`].
#[must_use]
pub fn warnings(file: &Path) -> Option<String> {
    // Without the source's time base FFmpeg counts whole frames, and warns of its own rounding of RTMP's
    // milliseconds, of an untouched FLV file too.
    let output = run(&["-v", "warning", "-i", path(file), "-enc_time_base", "-1", "-f", "null", "-"])?;
    Some(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Decoding and presentation time in seconds and key flag of every packet of a stream (`v:0`, `a:0`) of `file`.
///
/// # Panics
/// As [`run`], and when `ffprobe` answers something else than packets.
#[must_use]
pub fn packets(file: &Path, stream: &str) -> Option<Vec<ProbedPacket>> {
    let entries = "packet=pts_time,dts_time,flags";
    let arguments = [
        "-v",
        "error",
        "-select_streams",
        stream,
        "-show_entries",
        entries,
        "-of",
        "compact=p=0:nk=0",
        path(file),
    ];
    let output = program("ffprobe", &arguments)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let packets = text.lines().filter(|line| line.contains("flags=")).map(|line| {
        let value = |key: &str| line.split('|').find_map(|field| field.strip_prefix(key)).unwrap_or_default();
        let seconds = |key: &str| value(key).parse().unwrap_or(f64::NAN);
        ProbedPacket {
            pts_s: seconds("pts_time="),
            dts_s: seconds("dts_time="),
            key: value("flags=").starts_with('K'),
        }
    });
    Some(packets.collect())
}

/// One packet as `ffprobe` tells it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProbedPacket {
    /// Presentation time, seconds; NaN when it has none.
    pub pts_s: f64,
    /// Decoding time, seconds; NaN when it has none.
    pub dts_s: f64,
    /// Flagged as a keyframe.
    pub key: bool,
}

fn path(file: &Path) -> &str {
    file.to_str().expect("test files have UTF-8 paths")
}

fn program(name: &str, arguments: &[&str]) -> Option<Output> {
    match Command::new(name).args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !crate::must_be_complete() => None,
        Err(error) => panic!("{name} cannot be started: {error}"),
    }
}
