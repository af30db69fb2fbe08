//! FFmpeg as the server of a broadcast, and what it finds in the recording.
#![allow(dead_code, reason = "each test program uses a part")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// An FFmpeg that takes one publisher and records it.
pub struct Server {
    process: Child,
    recording: PathBuf,
}

impl Server {
    /// Takes RTMP at `rtmp://127.0.0.1:PORT/live` with the key `key`.
    pub fn start(port: u16, recording: PathBuf) -> Server {
        let url = format!("rtmp://127.0.0.1:{port}/live/key");
        Server::listen(&["-f", "flv", "-listen", "1", "-i", &url], recording)
    }

    /// Takes SRT at `srt://127.0.0.1:PORT`.
    pub fn start_srt(port: u16, recording: PathBuf) -> Server {
        let url = format!("srt://127.0.0.1:{port}?mode=listener");
        Server::listen(&["-f", "mpegts", "-i", &url], recording)
    }

    fn listen(input: &[&str], recording: PathBuf) -> Server {
        let process = Command::new("ffmpeg")
            .args(["-v", "error", "-y"])
            .args(input)
            .args(["-c", "copy"])
            .arg(&recording)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("ffmpeg is installed");
        Server { process, recording }
    }

    /// Waits until it has written everything.
    pub fn recording(mut self) -> PathBuf {
        self.process.wait().unwrap();
        std::mem::take(&mut self.recording)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended by itself when all went well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port that nobody listens on. FFmpeg cannot choose one itself.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A file of this test run.
pub fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// What ffprobe prints, line by line.
pub fn probe(recording: &Path, arguments: &[&str]) -> Vec<String> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-of", "csv=p=0"])
        .args(arguments)
        .arg(recording)
        .output()
        .expect("ffprobe is installed");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.trim_end_matches(',').to_owned()).filter(|line| !line.is_empty()).collect()
}

/// What FFmpeg complains about when it decodes all of it.
pub fn complaints(recording: &Path) -> String {
    let output = Command::new("ffmpeg")
        .args(["-v", "warning", "-i"])
        .arg(recording)
        .args(["-f", "null", "-"])
        .output()
        .expect("ffmpeg is installed");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Seconds from each flash of the test picture to its beep.
pub fn skews(recording: &Path) -> Vec<f64> {
    let times: Vec<f64> = probe(recording, &["-select_streams", "v", "-show_entries", "frame=pts_time"])
        .iter()
        .map(|time| time.parse().unwrap())
        .collect();
    // The middle of the flashing field of a 320×180 test picture. Every picture once, or FFmpeg would repeat one where an
    // overloaded encoder left one out.
    let each_once = ["-map", "0:v", "-fps_mode", "passthrough"];
    let filter = ["-vf", "crop=2:2:280:140,format=gray", "-f", "rawvideo"];
    let field = decode(recording, &[each_once.as_slice(), &filter].concat());
    let lit: Vec<bool> = field.chunks_exact(4).map(|pixels| pixels[0] > 128).collect();
    let flashes = (1..lit.len().min(times.len())).filter(|&at| lit[at] && !lit[at - 1]).map(|at| times[at]);
    // By the sound's own times: a gap in it is a gap for a player too.
    let detected = Command::new("ffmpeg")
        .args(["-nostdin", "-hide_banner", "-copyts", "-i"])
        .arg(recording)
        .args(["-map", "0:a", "-af", "silencedetect=noise=0.1:duration=0.3", "-f", "null", "-"])
        .output()
        .expect("ffmpeg is installed");
    let told = String::from_utf8_lossy(&detected.stderr).into_owned();
    let ends =
        told.lines().filter_map(|line| line.split_once("silence_end: ")?.1.split(' ').next()?.parse().ok());
    let beeps: Vec<f64> = ends.collect();
    flashes
        .filter_map(|flash| beeps.iter().map(|beep| beep - flash).min_by(|a, b| a.abs().total_cmp(&b.abs())))
        .filter(|skew| skew.abs() < 0.5)
        .collect()
}

/// What FFmpeg writes on stdout for `arguments`.
pub fn decode(recording: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(recording)
        .args(arguments)
        .arg("-")
        .output()
        .expect("ffmpeg is installed");
    output.stdout
}
