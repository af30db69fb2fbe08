//! HEVC, AV1 and Opus over Enhanced RTMP, and pictures that change their size on the way: pushed by a publisher of the
//! tests' own, read back by FFmpeg and by Chromium.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::harness::browser::Browser;
use crate::harness::environment::clip;
use crate::harness::machine::beside_others;
use crate::harness::playlist::{Attributes, MediaPlaylist, attributes, resolve, variants};
use crate::harness::probe::{Packets, complaints, extent};
use crate::harness::rtmp_push::push_files;
use crate::harness::server::Server;
use crate::harness::viewer::Viewer;
use crate::harness::wait::{look_again, seconds, until};
use crate::harness::watch_page::WatchPage;

/// The clips are 20 s at most; the rest is starting a browser on a loaded machine.
const LIMIT: Duration = seconds(180);
/// RTMP's stamps are whole milliseconds, at both ends.
const DURATION_TOLERANCE: f64 = 0.003;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hevc_arrives_whole_and_a_browser_without_it_says_so() {
    beside_others(LIMIT, async {
        let Some(file) = clip("d_bbb_hevc_closed48_nob.mp4") else { return };
        let folder = TempDir::new().expect("a temporary folder");
        let server = Server::start().await;
        let room = server.room("hevc").await;
        let browser = Browser::open(&server.watch_url("hevc")).await;
        let mut push = push_files(server.rtmp_address, &room.key, &[&file]);
        server.live("hevc").await;
        let variant = variant(&server, "hevc").await;
        assert_eq!(variant["CODECS"], "hvc1.1.6.L90.90,mp4a.40.2");
        assert_eq!((&*variant["RESOLUTION"], &*variant["FRAME-RATE"]), ("854x480", "24.000"));
        let ingest = server.describe("hevc").await["ingest"].clone();
        assert_eq!((&ingest["video"]["codec"], &ingest["video"]["fps"]), (&"HEVC".into(), &24.0.into()));
        let received = followed(&server, "hevc", &mut push, folder.path()).await;
        // Again, for as long as a browser takes on a busy machine.
        let _again = push_files(server.rtmp_address, &room.key, &[&file, &file, &file, &file]);
        let words = until("the page to say why it shows no picture", seconds(60), async || {
            let script = "return document.querySelector('[data-testid=no-picture]')?.innerText";
            browser.session.run(script, vec![]).await.as_str().map(str::to_owned)
        })
        .await;
        let heard = WatchPage(&browser.session).plays(3.0, seconds(40)).await;
        assert!(words.contains("HEVC"), "{words}");
        assert_eq!((heard.size, &*heard.fatal_errors), ((0, 0), "0"), "the sound plays on alone");
        compare(&received, &file);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn av1_and_opus_arrive_whole_and_play_in_chromium() {
    beside_others(LIMIT, async {
        let Some(source) = clip("bbb_480p24_bframes_aac51.mp4") else { return };
        let folder = TempDir::new().expect("a temporary folder");
        let coding = "-t 14 -c:v libsvtav1 -preset 12 -g 48 -c:a libopus -ac 2";
        let file = encoded(&source, coding, folder.path(), "av1.mp4");
        let server = Server::start().await;
        let room = server.room("av1").await;
        let browser = Browser::open(&server.watch_url("av1")).await;
        let mut push = push_files(server.rtmp_address, &room.key, &[&file]);
        server.live("av1").await;
        let variant = variant(&server, "av1").await;
        assert_eq!(variant["CODECS"], "av01.0.04M.08,opus");
        assert_eq!((&*variant["RESOLUTION"], &*variant["FRAME-RATE"]), ("854x480", "24.000"));
        let page = WatchPage(&browser.session);
        let (played, received) =
            tokio::join!(page.plays(6.0, seconds(40)), followed(&server, "av1", &mut push, folder.path()));
        assert_eq!((played.size, &*played.fatal_errors, &*played.media_error), ((854, 480), "0", ""));
        compare(&received, &file);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_made_of_av1_and_opus_is_h264_and_aac() {
    beside_others(LIMIT, async {
        let Some(source) = clip("bbb_480p24_bframes_aac51.mp4") else { return };
        let folder = TempDir::new().expect("a temporary folder");
        let coding = "-t 10 -vf scale=320:180,setsar=1 -c:v libsvtav1 -preset 12 -g 48 -c:a libopus -ac 2";
        let file = encoded(&source, coding, folder.path(), "av1.mp4");
        let server = Server::start_with(|config| {
            config.transcode.enabled = true;
            config.transcode.heights = Vec::new();
            config.transcode.cpu_percent = 100;
        })
        .await;
        let room = server.room("known").await;
        let _push = push_files(server.rtmp_address, &room.key, &[&file]);
        server.live("known").await;
        let text = until("the rendition", seconds(30), async || {
            let text = server.http.get(&server.playlist_url("known")).await.text().to_owned();
            (variants(&text).len() == 3).then_some(text)
        })
        .await;
        assert!(text.contains("CODECS=\"av01.0.00M.08,opus\""), "{text}");
        let rung = text.lines().filter(|line| line.starts_with("#EXT-X-STREAM-INF:")).nth(1).expect("a rung");
        assert!(rung.contains("avc1.") && rung.contains(",mp4a.40.2\""), "{text}");
        let url = resolve(&server.playlist_url("known"), &variants(&text)[1]);
        let playlist = until("two whole segments", seconds(40), async || {
            let playlist = MediaPlaylist::read(server.http.get(&url).await.text()).expect("a playlist");
            (playlist.segments.iter().filter(|segment| segment.uri.is_some()).count() >= 2)
                .then_some(playlist)
        })
        .await;
        let whole = playlist.segments.iter().filter_map(|segment| segment.uri.as_ref()).take(2);
        let mut bytes = Vec::new();
        for uri in playlist.segments[0].map.iter().chain(whole) {
            bytes.extend_from_slice(&server.http.get(&resolve(&url, uri)).await.body);
        }
        let made = folder.path().join("made.mp4");
        std::fs::write(&made, bytes).expect("a temporary folder can be written");
        let read = Packets::read(&made);
        let (video, audio) = (extent(&read.video), extent(&read.audio));
        assert!(video > 3.0 && (video - audio).abs() < 0.3, "{video} s of picture, {audio} s of sound");
        assert_eq!(complaints(&made), "");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_that_changes_its_size_and_codec_plays_on() {
    beside_others(LIMIT, async {
        let Some(source) = clip("bbb_480p24_bframes_aac51.mp4") else { return };
        let folder = TempDir::new().expect("a temporary folder");
        let common = "-c:a aac -ac 2 -g 24 -pix_fmt yuv420p";
        let small = format!("-t 8 -vf scale=320:180,setsar=1 -c:v libx264 -preset ultrafast {common}");
        let large = format!("-ss 8 -t 8 -vf scale=640:360,setsar=1 -c:v libx264 -preset ultrafast {common}");
        let newer = format!("-ss 16 -t 8 -vf scale=426:240,setsar=1 -c:v libsvtav1 -preset 12 {common}");
        let small = encoded(&source, &small, folder.path(), "small.mp4");
        let large = encoded(&source, &large, folder.path(), "large.mp4");
        let newer = encoded(&source, &newer, folder.path(), "newer.mp4");
        let server = Server::start().await;
        let room = server.room("change").await;
        let browser = Browser::open(&server.watch_url("change")).await;
        let mut push = push_files(server.rtmp_address, &room.key, &[&small, &large, &newer]);
        server.live("change").await;
        let watched = async {
            let page = WatchPage(&browser.session);
            let mut generation = None;
            for size in [(320, 180), (640, 360), (426, 240)] {
                let player = async {
                    loop {
                        match page.player().await.filter(|player| player.size == size) {
                            Some(player) => return player,
                            None => look_again().await,
                        }
                    }
                };
                let Ok(player) = tokio::time::timeout(seconds(40), player).await else {
                    panic!("no picture of {size:?}: {:?}\n{}", page.player().await, page.log().await)
                };
                assert_eq!((&*player.fatal_errors, &*player.media_error), ("0", ""), "{size:?}");
                assert_eq!(generation.get_or_insert(player.generation.clone()), &player.generation);
                page.plays(1.5, seconds(45)).await;
            }
        };
        let ((), runs) = tokio::join!(watched, followed_runs(&server, "change", &mut push, folder.path()));
        assert_eq!(runs.len(), 3, "each change is a discontinuity with an initialisation segment of its own");
        for (run, file) in runs.iter().zip([&small, &large, &newer]) {
            assert_eq!(complaints(run), "", "{} decodes", file.display());
            let (here, source) = (Packets::read(run), Packets::read(file));
            assert_eq!(here.video.len(), source.video.len(), "pictures of {}", file.display());
        }
    })
    .await;
}

/// The attributes of the only rendition.
async fn variant(server: &Server, room: &str) -> Attributes {
    let answer = server.http.get(&server.playlist_url(room)).await;
    let line = answer.text().lines().find_map(|line| line.strip_prefix("#EXT-X-STREAM-INF:"));
    attributes(line.expect("a rendition")).expect("an attribute list")
}

/// A file that FFmpeg encodes from `source`.
pub fn encoded(source: &Path, coding: &str, folder: &Path, name: &str) -> PathBuf {
    let file = folder.join(name);
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-y", "-i"]).arg(source).args(coding.split(' ')).arg(&file);
    let output = command.output().expect("ffmpeg starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    file
}

/// All that our own viewer receives until the publisher has ended and nothing more comes; a file for each run.
async fn followed_runs(
    server: &Server,
    room: &str,
    push: &mut JoinHandle<()>,
    folder: &Path,
) -> Vec<PathBuf> {
    let mut viewer = Viewer::join(&server.http, &server.playlist_url(room)).await;
    loop {
        let ended = push.is_finished();
        if !viewer.advance().await && ended {
            break;
        }
    }
    push.await.expect("the publisher sent everything");
    viewer.write(folder)
}

async fn followed(server: &Server, room: &str, push: &mut JoinHandle<()>, folder: &Path) -> PathBuf {
    let runs = followed_runs(server, room, push, folder).await;
    assert_eq!(runs.len(), 1, "one publisher made {} runs", runs.len());
    runs[0].clone()
}

/// What was received has every packet of the file, lasts as long, and decodes.
fn compare(received: &Path, file: &Path) {
    let (here, source) = (Packets::read(received), Packets::read(file));
    assert_eq!((here.video.len(), here.audio.len()), (source.video.len(), source.audio.len()), "packets");
    for (here, source) in [(&here.video, &source.video), (&here.audio, &source.audio)] {
        let difference = (extent(here) - extent(source)).abs();
        assert!(difference <= DURATION_TOLERANCE, "{difference:.4} s longer or shorter");
    }
    assert_eq!(complaints(received), "", "{} decodes", file.display());
}
