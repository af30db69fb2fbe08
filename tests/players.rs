//! The players that people have: hls.js in the watch page, Shaka Player and Video.js in Chromium; mpv, VLC, GStreamer and
//! ffplay outside. Each really decodes picture and sound, and goes on.

use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::browser::Browser;
use crate::harness::machine::{alone, beside_others};
use crate::harness::playlist::variants;
use crate::harness::process::Process;
use crate::harness::publisher::push_pattern;
use crate::harness::server::Server;
use crate::harness::viewer::media_playlist_url;
use crate::harness::wait::{look_again, seconds, until};
use crate::harness::web_player::{Library, open, plays_well, watch};

/// How long hls.js plays without a stall.
const HLS_JS: Duration = seconds(120);
/// How long each of the others does.
const OTHERS: Duration = seconds(30);
/// From the start of a browser to a picture that moves.
const BEGINS: Duration = seconds(60);
/// Video.js stays exactly `PART-HOLD-BACK` behind and never plays slower, so that a late part shows for a moment.
const VIDEO_JS_HICCUP_S: f64 = 0.3;
/// How long players outside of browsers play.
const OUTSIDE: Duration = seconds(12);
/// Pictures per second of the pattern.
const FPS: u64 = 30;
/// Bytes of one picture as VLC writes it: a line that says FRAME, then 4:2:0.
const YUV_BYTES: u64 = 6 + 640 * 360 * 3 / 2;
/// Bytes of a second of sound as VLC writes it: 48 kHz, two channels, 16 bits.
const WAV_BYTES: u64 = 48_000 * 2 * 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn players_in_browsers_play_two_minutes_without_a_stall() {
    alone(seconds(700), in_browsers()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn players_outside_of_browsers_decode_picture_and_sound() {
    beside_others(seconds(300), outside()).await;
}

async fn in_browsers() {
    let muxed = live(false, false).await;
    let separate = live(true, true).await;
    let watch_page = async |stream: &Stream, duration| {
        let browser = Browser::open(&stream.server.watch_url(ROOM)).await;
        watch(&browser.session, duration, BEGINS).await
    };
    let with = async |library, stream: &Stream| {
        whole_segments(stream).await;
        let page = stream.server.url("/healthz");
        let browser = open(library, &page, &stream.server.playlist_url(ROOM)).await;
        watch(&browser.session, OTHERS, BEGINS).await
    };
    // One after the other beside the long one: two browsers at a time are what two cores carry.
    let others = async {
        plays_well("Shaka Player", 0.0, async || with(Library::Shaka, &muxed).await).await;
        plays_well("Video.js", VIDEO_JS_HICCUP_S, async || with(Library::VideoJs, &muxed).await).await;
        plays_well("Video.js, renditions and separate sound", VIDEO_JS_HICCUP_S, async || {
            with(Library::VideoJs, &separate).await
        })
        .await;
        plays_well("Shaka Player, renditions and separate sound", 0.0, async || {
            with(Library::Shaka, &separate).await
        })
        .await;
        plays_well("hls.js, renditions and separate sound", 0.0, async || {
            watch_page(&separate, OTHERS).await
        })
        .await;
    };
    tokio::join!(plays_well("hls.js", 0.0, async || watch_page(&muxed, HLS_JS).await), others);
}

/// A room that is live.
struct Stream {
    server: Server,
    _publisher: Process,
}

async fn live(separate_audio: bool, renditions: bool) -> Stream {
    let server = Server::start_with(|config| {
        config.hls.separate_audio = separate_audio;
        config.transcode.enabled = renditions;
        config.transcode.heights = vec![180];
        config.transcode.cpu_percent = 100;
    })
    .await;
    let room = server.room(ROOM).await;
    let publisher = push_pattern(&server.rtmp_url(&room.key));
    server.live(ROOM).await;
    if renditions {
        until("the rendition", seconds(45), async || {
            let text = server.http.get(&server.playlist_url(ROOM)).await.text().to_owned();
            (variants(&text).len() == 3).then_some(())
        })
        .await;
    }
    Stream { server, _publisher: publisher }
}

/// Waits until a stream has some. FFmpeg gives up on a playlist without one, Shaka Player 5.2 on one that has parts only.
async fn whole_segments(stream: &Stream) {
    let main = media_playlist_url(&stream.server.http, &stream.server.playlist_url(ROOM)).await;
    until("whole segments", seconds(45), async || {
        let text = stream.server.http.get(&main).await.text().to_owned();
        (text.matches("#EXTINF").count() >= 3).then_some(())
    })
    .await;
}

async fn outside() {
    let stream = live(false, true).await;
    let url = stream.server.playlist_url(ROOM);
    // These read whole segments only.
    whole_segments(&stream).await;
    tokio::join!(mpv(&url), vlc(&url), gstreamer(&url), ffplay(&url));
}

/// mpv plays for [`OUTSIDE`] and decodes picture and sound.
pub async fn mpv(url: &str) {
    let mut command = Command::new("mpv");
    command.args(["--no-config", "--vo=null", "--ao=null", "--no-input-terminal"]);
    command.arg(format!("--length={}", OUTSIDE.as_secs()));
    command.arg("--term-status-msg=AT ${=time-pos} ${estimated-frame-number} ${audio-codec-name}\n");
    let mut mpv = Process::start("mpv", command.arg(url));
    let ended = mpv.wait(seconds(60)).await;
    let output = mpv.output();
    let last = output.lines().rev().find_map(|line| line.split_once("AT ")).expect("mpv tells where it is").1;
    println!("mpv: {last}");
    let mut fields = last.split_whitespace();
    let at: f64 = fields.next().and_then(|at| at.parse().ok()).expect("a position");
    let frames: u64 = fields.next().and_then(|frames| frames.parse().ok()).expect("a number of frames");
    assert!(ended.success() && at > OUTSIDE.as_secs_f64() - 1.0, "{last}\n{output}");
    assert!(frames > OUTSIDE.as_secs() * FPS * 9 / 10, "{last}");
    assert_eq!(fields.next(), Some("aac"), "{last}");
}

/// VLC writes what it decodes into files: it tells no figures.
async fn vlc(url: &str) {
    let folder = TempDir::new().expect("a temporary folder");
    let (pictures, sound) = (folder.path().join("pictures"), folder.path().join("sound"));
    // It refuses to run as root.
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    let mut command = if root { Command::new("runuser") } else { Command::new("env") };
    if root {
        std::process::Command::new("chmod").arg("777").arg(folder.path()).status().expect("chmod");
        command.args(["-u", "nobody", "--", "env"]);
    }
    command.arg(format!("HOME={}", folder.path().display()));
    command.args(["vlc", "-I", "dummy", "--no-video-title-show", "--vout", "yuv", "--aout", "afile"]);
    // Its own choice of rendition would change the size of the pictures on the way.
    command.arg("--adaptive-logic=highest");
    command.arg("--yuv-file").arg(&pictures).arg("--audiofile-file").arg(&sound);
    let vlc = Process::start("vlc", command.arg(url));
    let size = |path| std::fs::metadata(path).map_or(0, |file: std::fs::Metadata| file.len());
    // Half as long as the others: these are a hundred megabytes.
    let wanted_s = OUTSIDE.as_secs() / 2;
    until("VLC to decode picture and sound", seconds(60), async || {
        let (frames, seconds) = (size(&pictures) / YUV_BYTES, size(&sound) / WAV_BYTES);
        (frames >= wanted_s * FPS && seconds + 1 >= wanted_s).then_some(())
    })
    .await;
    println!("vlc: {} frames, {} bytes of sound", size(&pictures) / YUV_BYTES, size(&sound));
    drop(vlc);
}

async fn gstreamer(url: &str) {
    let mut command = Command::new("gst-launch-1.0");
    command.args(["-v", "-m", "uridecodebin3", &format!("uri={url}"), "name=d"]);
    command
        .args("d. ! queue ! videoconvert ! fpsdisplaysink video-sink=fakesink text-overlay=false".split(' '));
    command.args("d. ! queue ! audioconvert ! level interval=1000000000 ! fakesink sync=true".split(' '));
    let gst = Process::start("gst-launch-1.0", &mut command);
    let rendered = |line: &str| line.split_once("rendered: ")?.1.split(',').next()?.parse::<u64>().ok();
    // The tone is heard: -21 dB for a sine of FFmpeg's, -90 or less for silence.
    let loud = |line: &&str| {
        let rms = line.split_once("rms=").and_then(|(_, rest)| rest.split_once('<'));
        let value = rms.and_then(|(_, rest)| rest.split(['>', ',']).next()?.trim().parse::<f64>().ok());
        value.is_some_and(|value| value > -40.0)
    };
    let mut seen = (0, 0);
    until("GStreamer to play", seconds(60), async || {
        let output = gst.output();
        seen = (output.lines().filter_map(rendered).max().unwrap_or(0), output.lines().filter(loud).count());
        (seen.0 >= OUTSIDE.as_secs() * FPS && seen.1 as u64 + 2 >= OUTSIDE.as_secs()).then_some(())
    })
    .await;
    println!("gstreamer: {} frames, {} s of sound", seen.0, seen.1);
}

/// ffplay plays picture and sound together for [`OUTSIDE`].
pub async fn ffplay(url: &str) {
    let mut command = Command::new("ffplay");
    command.envs([("SDL_VIDEODRIVER", "dummy"), ("SDL_AUDIODRIVER", "dummy")]);
    command.args(["-hide_banner", "-loglevel", "debug", "-stats", url]);
    let ffplay = Process::start("ffplay", &mut command);
    // Without a terminal its clock is a debug message; both clocks together mean that both tracks are decoded.
    // Before the first picture the clock is "nan", which is a number to a parser.
    let clocks = |line: &str| {
        let clock = line.split_once(" A-V:")?.0.split_whitespace().next_back()?;
        clock.parse::<f64>().ok().filter(|at| at.is_finite())
    };
    let mut first = None;
    let moved = until("ffplay to play", seconds(60), async || {
        let output = ffplay.output().replace('\r', "\n");
        let at = output.lines().rev().find_map(clocks)?;
        let moved = at - *first.get_or_insert(at);
        (moved >= OUTSIDE.as_secs_f64()).then_some(moved)
    })
    .await;
    println!("ffplay: {moved:.1} s with picture and sound together");
    look_again().await;
}

const ROOM: &str = "players";
