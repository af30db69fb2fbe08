//! HE-AAC with its upper band and parametric stereo, announced in every way, through the origin to Chromium.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use bytes::{BufMut as _, Bytes, BytesMut};
use tempfile::TempDir;
use testkit::{Tag, read_mp4, to_tags};

use crate::harness::browser::{Browser, Session};
use crate::harness::machine::beside_others;
use crate::harness::process::Process;
use crate::harness::rtmp_push::push_tags;
use crate::harness::server::{Room, Server};
use crate::harness::wait::{seconds, until};
use crate::harness::watch_page::WatchPage;

const LIMIT: Duration = seconds(120);
/// From the page's opening until the player has moved, on a loaded machine.
const PLAYS_LIMIT: Duration = seconds(60);
/// How far each stream is played, seconds.
const PLAYED_S: f64 = 6.0;
/// How often the six seconds of a fixture are sent, one after another.
const ROUNDS: usize = 5;
/// The core ends at 12 kHz; what is heard from 12.5 to 14.5 kHz is its spectral band replication.
const UPPER_HZ: [f64; 2] = [12_500.0, 14_500.0];
/// The fixtures have about -90 dBFS in a bin there, and a decoder that knows the core alone has nothing.
const HEARD_DB: f64 = -110.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn he_aac_over_rtmp_is_heard_with_its_upper_band_at_its_own_pace() {
    for (way, file, configuration) in [
        // Object type 5: core 24 kHz, stereo, output 48 kHz, then AAC LC.
        ("HE-AAC announced", "he_aac.adts", &[0x2b, 0x11, 0x88, 0x00][..]),
        // AAC LC of 24 kHz, stereo: decoders find SBR in the frames.
        ("HE-AAC not announced", "he_aac.adts", &[0x13, 0x10][..]),
        // Object type 29: core 24 kHz, mono, output 48 kHz, then AAC LC.
        ("HE-AAC v2 announced", "he_aac_v2.adts", &[0xeb, 0x09, 0x88, 0x00][..]),
        ("HE-AAC v2 not announced", "he_aac_v2.adts", &[0x13, 0x08][..]),
    ] {
        beside_others(LIMIT, async {
            let folder = TempDir::new().expect("a temporary folder");
            let mut tags = to_tags(&read_mp4(&mp4(&folder, file)));
            announce(&mut tags, configuration);
            let server = Server::start().await;
            let room = server.room("he-aac").await;
            let push = push_tags(server.rtmp_address, &room.key, tags);
            server.live(&room.room).await;
            is_heard(&server, &room, way).await;
            push.abort();
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn he_aac_over_srt_is_heard_with_its_upper_band_at_its_own_pace() {
    beside_others(LIMIT, async {
        let folder = TempDir::new().expect("a temporary folder");
        let server = Server::start().await;
        let room = server.room("he-aac").await;
        let mut command = Command::new("ffmpeg");
        command.args("-nostdin -hide_banner -loglevel warning -re -i".split(' '));
        command.arg(rounds(&folder, "he_aac.adts"));
        command.args("-c copy -f mpegts".split(' ')).arg(server.srt_url(&room.key));
        let _publisher = Process::start("ffmpeg (publisher)", &mut command);
        server.live(&room.room).await;
        is_heard(&server, &room, "over SRT").await;
    })
    .await;
}

/// The room's page plays the stream at its pace, with a sound above the core's band.
async fn is_heard(server: &Server, room: &Room, way: &str) {
    let browser = Browser::open(&server.watch_url(&room.room)).await;
    let page = WatchPage(&browser.session);
    let begun = page.plays(1.0, PLAYS_LIMIT).await;
    let real = Instant::now();
    browser.session.run(LISTEN, vec![]).await;
    let upper = until("a sound in the upper band", seconds(30), async || {
        let level = upper_db(&browser.session).await;
        (level > HEARD_DB).then_some(level)
    })
    .await;
    let played = page.plays(PLAYED_S, PLAYS_LIMIT).await;
    let pace = (played.time - begun.time) / real.elapsed().as_secs_f64();
    println!("{way}: pace {pace:.2}, upper band {upper:.0} dBFS in a bin, {played:?}");
    assert_eq!((played.fatal_errors.as_str(), played.media_error.as_str()), ("0", ""), "{way}: {played:?}");
    assert!((0.8..1.25).contains(&pace), "{way}: it plays at {pace:.2} of its pace: {played:?}");
    assert_eq!(played.size, (0, 0), "{way}: {played:?}");
    let ingest = server.describe(&room.room).await["ingest"].clone();
    assert_eq!(ingest["audio"]["sample_rate"], 24_000, "{way}: {ingest}");
}

/// The mean level of the bins of the upper band, dBFS.
async fn upper_db(session: &Session) -> f64 {
    let levels = session.run("return window.__levels()", vec![]).await;
    let levels: Vec<f64> =
        levels.as_array().into_iter().flatten().map(|level| level.as_f64().unwrap_or(f64::MIN)).collect();
    let bins = UPPER_HZ.map(|hz| (hz / NYQUIST_HZ * levels.len() as f64) as usize);
    let band = &levels[bins[0]..bins[1]];
    band.iter().sum::<f64>() / band.len() as f64
}

const NYQUIST_HZ: f64 = 24_000.0;

/// Levels come as dBFS in each bin; silence is -Infinity, which JSON does not have.
const LISTEN: &str = "
    const video = document.querySelector('video');
    video.muted = false;
    const context = new AudioContext({ sampleRate: 48000 });
    const tap = context.createAnalyser();
    context.createMediaElementSource(video).connect(tap);
    tap.connect(context.destination);
    window.__levels = () => {
        const levels = new Float32Array(tap.frequencyBinCount);
        tap.getFloatFrequencyData(levels);
        return Array.from(levels, (level) => Math.max(level, -200));
    };";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

/// The fixture several times over, as one stream.
fn rounds(folder: &TempDir, name: &str) -> PathBuf {
    let file = folder.path().join(name);
    std::fs::write(&file, std::fs::read(fixture(name)).expect("the fixture").repeat(ROUNDS)).expect("a file");
    file
}

fn mp4(folder: &TempDir, name: &str) -> PathBuf {
    let file = folder.path().join("sound.mp4");
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-i"]).arg(rounds(folder, name)).args(["-c", "copy"]).arg(&file);
    assert!(command.status().expect("ffmpeg starts").success());
    file
}

/// Puts another `AudioSpecificConfig` into the sequence header.
fn announce(tags: &mut [Tag], configuration: &[u8]) {
    let is_header = |tag: &&mut Tag| tag.body.len() >= 2 && tag.body[0] >> 4 == 10 && tag.body[1] == 0;
    let header = tags.iter_mut().find(is_header).expect("a sequence header of AAC");
    let mut body = BytesMut::from(&header.body[..2]);
    body.put_slice(configuration);
    header.body = Bytes::from(body);
}
