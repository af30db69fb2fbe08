//! Sound that players do not take, pushed by FFmpeg: it arrives as AAC, in step with the picture, and a gap stays one; where
//! nothing is re-encoded it is refused in words.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::machine::beside_others;
use crate::harness::playlist::variants;
use crate::harness::probe::{Packets, complaints};
use crate::harness::process::Process;
use crate::harness::server::Server;
use crate::harness::viewer::Viewer;
use crate::harness::wait::seconds;

const LIMIT: Duration = seconds(120);
/// How much is pushed, seconds: a flash and a beep every two of them.
const PUSHED_S: u32 = 10;
const PERIOD_S: f64 = 2.0;
/// How far a beep may be from its flash: a picture of 30 a second is seen late by as much.
const APART_MAX_S: f64 = 0.025;
/// The sound's own steps, seconds: an access unit of AAC at 48 kHz.
const FRAME_S: f64 = 1_024.0 / 48_000.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sound_of_old_over_rtmp_arrives_as_aac_in_step_with_the_picture() {
    beside_others(LIMIT, async {
        let server = re_encoding().await;
        for (name, coding, rate) in [
            ("MP3", "-c:a libmp3lame -b:a 128k -ar 44100 -ac 2", 44_100),
            ("MP3", "-c:a libmp3lame -b:a 64k -ar 22050 -ac 1", 22_050),
            ("G.711 µ-law", "-c:a pcm_mulaw -ar 8000 -ac 1", 8_000),
            ("G.711 A-law", "-c:a pcm_alaw -ar 8000 -ac 1", 8_000),
        ] {
            arrives(&server, name, coding, rate, Protocol::Rtmp).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sound_of_old_over_srt_arrives_as_aac_in_step_with_the_picture() {
    beside_others(LIMIT, async {
        let server = re_encoding().await;
        for (name, coding) in [
            ("MP2", "-c:a mp2 -b:a 192k -ar 48000 -ac 2"),
            ("MP3", "-c:a libmp3lame -b:a 128k -ar 48000 -ac 2"),
            ("AC-3", "-c:a ac3 -b:a 192k -ar 48000 -ac 6"),
        ] {
            arrives(&server, name, coding, 48_000, Protocol::Srt).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_in_sound_of_old_stays_a_gap() {
    beside_others(LIMIT, async {
        let server = re_encoding().await;
        let room = server.room("gap").await;
        // Without filling: the frames of two seconds are left out, and the stamps go on.
        let coding = "-af aselect='not(between(t,4,6))' -c:a libmp3lame -ar 44100";
        let file = received(&server, &room.room, push(&server.rtmp_url(&room.key), coding, "flv")).await;
        let audio = Packets::read(&file.path).audio;
        let gaps: Vec<f64> =
            audio.windows(2).map(|pair| pair[1] - pair[0]).filter(|step| *step > 1.5 * FRAME_S).collect();
        assert_eq!(gaps.len(), 1, "{gaps:?}");
        assert!((1.8..2.2).contains(&gaps[0]), "{gaps:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sound_that_is_not_re_encoded_is_refused_in_words() {
    beside_others(LIMIT, async {
        let plain = Server::start().await;
        let re_encodes = re_encoding().await;
        for (server, room, coding, words) in [
            (&plain, "mp3", "-c:a libmp3lame -ar 44100", "MP3 sound cannot be packaged as it is"),
            (&plain, "g711", "-c:a pcm_alaw -ar 8000 -ac 1", "G.711 A-law sound cannot be packaged as it is"),
            (&re_encodes, "speex", "-c:a libspeex -ar 16000 -ac 1", "Speex over RTMP is not supported"),
        ] {
            let room = server.room(room).await;
            let mut push = push(&server.rtmp_url(&room.key), coding, "flv");
            let status = push.wait(seconds(30)).await;
            assert!(!status.success(), "{coding}: FFmpeg takes the refusal for success");
            assert!(push.output().contains(words), "{coding}: {}", push.output());
            assert_eq!(server.describe(&room.room).await["state"], "offline");
        }
    })
    .await;
}

#[derive(Clone, Copy)]
enum Protocol {
    Rtmp,
    Srt,
}

async fn re_encoding() -> Server {
    Server::start_with(|config| {
        config.transcode.enabled = true;
        config.transcode.heights = Vec::new();
    })
    .await
}

/// A broadcast is received and judged.
async fn arrives(server: &Server, name: &str, coding: &str, rate: u32, protocol: Protocol) {
    let slug = format!(
        "{}-{rate}",
        name.to_lowercase().replace(|letter: char| !letter.is_ascii_alphanumeric(), "-")
    );
    let room = server.room(&slug).await;
    let push = match protocol {
        Protocol::Rtmp => push(&server.rtmp_url(&room.key), coding, "flv"),
        Protocol::Srt => push(&server.srt_url(&room.key), coding, "mpegts"),
    };
    server.live(&slug).await;
    let facts = server.describe(&slug).await["ingest"]["audio"].clone();
    assert_eq!(
        (&facts["codec"], &facts["sample_rate"]),
        (&name.into(), &rate.into()),
        "what arrives is told"
    );
    let text = server.http.get(&server.playlist_url(&slug)).await.text().to_owned();
    assert!(text.contains("mp4a.40.2"), "{text}");
    assert!(!variants(&text).is_empty());
    let file = received(server, &slug, push).await;
    assert_eq!(complaints(&file.path), "", "{name} decodes");
    let steps = Packets::read(&file.path).audio;
    let apart = steps.windows(2).map(|pair| (pair[1] - pair[0] - FRAME_S).abs()).fold(0.0, f64::max);
    assert!(apart < 0.001, "{name}: AAC frames are {apart} s off the sample clock");
    let (flashes, beeps) = (flashes(&file.path), beeps(&file.path));
    println!("{name} at {rate} Hz: flashes {flashes:.3?}, beeps {beeps:.3?}");
    let pairs = flashes
        .iter()
        .filter_map(|flash| beeps.iter().map(|beep| beep - flash).min_by(|a, b| a.abs().total_cmp(&b.abs())));
    let apart: Vec<f64> = pairs.filter(|apart| apart.abs() < PERIOD_S / 2.0).collect();
    assert!(apart.len() >= 3, "{name}: only {} flashes were heard: {flashes:?} {beeps:?}", apart.len());
    assert!(apart.iter().all(|apart| apart.abs() < APART_MAX_S), "{name}: beeps are {apart:.3?} s behind");
}

/// A flash and a beep every two seconds, from FFmpeg.
fn push(url: &str, coding: &str, format: &str) -> Process {
    let flash = "color=black:size=320x180:rate=30,drawbox=enable='lt(mod(t,2),0.2)':color=white:t=fill";
    let beep = "aevalsrc='0.5*sin(2*PI*1000*t)*lt(mod(t,2),0.2)':s=48000";
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-hide_banner", "-loglevel", "info", "-re", "-f", "lavfi", "-i", flash]);
    command.args(["-re", "-f", "lavfi", "-i", beep]);
    command.args("-c:v libx264 -preset ultrafast -tune zerolatency -g 30 -pix_fmt yuv420p".split(' '));
    command.args(coding.split(' ')).args(["-t", &PUSHED_S.to_string(), "-f", format]);
    Process::start("ffmpeg (publisher)", command.arg(url))
}

/// What a viewer received.
struct Received {
    path: PathBuf,
    _folder: TempDir,
}

/// All that comes until the publisher has ended.
async fn received(server: &Server, room: &str, mut push: Process) -> Received {
    server.live(room).await;
    let mut viewer = Viewer::join(&server.http, &server.playlist_url(room)).await;
    loop {
        let ended = push.ended().is_some();
        if !viewer.advance().await && ended {
            break;
        }
    }
    let folder = TempDir::new().expect("a temporary folder");
    let runs = viewer.write(folder.path());
    assert_eq!(runs.len(), 1, "one publisher made {} runs", runs.len());
    Received { path: runs[0].clone(), _folder: folder }
}

/// When pictures become white, seconds.
fn flashes(file: &Path) -> Vec<f64> {
    let filter = "signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-";
    let told = ffmpeg(file, &["-an", "-vf", filter]);
    let mut at = 0.0;
    let mut was_dark = false;
    let mut begins = Vec::new();
    for line in told.lines() {
        if let Some((_, time)) = line.split_once("pts_time:") {
            at = time.trim().parse().expect("a time");
        } else if let Some(luma) = line.strip_prefix("lavfi.signalstats.YAVG=") {
            let dark = luma.parse::<f64>().expect("a number") < 100.0;
            if was_dark && !dark {
                begins.push(at);
            }
            was_dark = dark;
        }
    }
    begins
}

/// When silence ends, seconds.
fn beeps(file: &Path) -> Vec<f64> {
    let told = ffmpeg(file, &["-vn", "-af", "silencedetect=noise=-26dB:duration=0.5"]);
    let ends =
        told.lines().filter_map(|line| line.split_once("silence_end: ")?.1.split(' ').next()?.parse().ok());
    ends.collect()
}

/// What FFmpeg tells of a file through a filter.
fn ffmpeg(file: &Path, filter: &[&str]) -> String {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-hide_banner", "-copyts", "-i"]).arg(file).args(filter);
    let output = command.args(["-f", "null", "-"]).output().expect("ffmpeg starts");
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
