//! Several sounds in one broadcast: what arrives, and what the meters say meanwhile.
#![allow(clippy::unwrap_used, reason = "tests")]

mod recording;

use std::process::Command;
use std::time::Duration;

use broadcast::{
    AudioInput, Broadcast, Config, Destination, Error, Sound, SoundLevels, SoundSettings, Sources,
    SourcesConfig, VideoInput,
};
use media::Size;
use tokio::sync::watch;

use recording::{Server, complaints, file, free_port};

fn open(sounds: Vec<Sound>) -> Result<Sources, Error> {
    Sources::open(SourcesConfig {
        video: VideoInput::None,
        sounds,
        size: Size::new(320, 180),
        fps: 30,
        screen_permission: None,
    })
}

async fn until(
    levels: &mut watch::Receiver<SoundLevels>,
    what: &str,
    reached: impl Fn(&SoundLevels) -> bool,
) {
    let waited =
        tokio::time::timeout(Duration::from_secs(60), levels.wait_for(|levels| reached(levels))).await;
    assert!(waited.is_ok(), "not within a minute: {what}");
}

/// A tone of `hz` at -20 dBFS for `seconds`.
fn tone(name: &str, hz: u32, seconds: u32) -> AudioInput {
    let path = file(name);
    // FFmpeg's own sine has an amplitude of an eighth.
    let sound = format!(
        "sine=frequency={hz}:sample_rate=48000:duration={seconds},volume=-1.94dB,pan=stereo|c0=c0|c1=c0"
    );
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "lavfi", "-i", &sound])
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success());
    AudioInput::File(path)
}

/// How loud `hz` is in a recording, dB.
fn loudness_of(recording: &std::path::Path, hz: u32) -> f64 {
    let filter = format!("bandpass=frequency={hz}:width_type=h:width=50,volumedetect");
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-hide_banner", "-i"])
        .arg(recording)
        .args(["-af", &filter, "-f", "null", "-"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    told.split("max_volume: ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok()).expect(&told)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sounds_arrive_as_they_were_set_and_one_that_ends_leaves_the_other() {
    let quieter = SoundSettings { gain_db: -20.0, ..SoundSettings::default() };
    let sounds = vec![
        Sound::from(AudioInput::Tone),
        Sound::from(tone("mixed-400.wav", 400, 180)),
        Sound { input: tone("mixed-3000.wav", 3_000, 180), settings: quieter.clone() },
        Sound::from(tone("mixed-short.wav", 700, 1)),
    ];
    let sources = tokio::task::spawn_blocking(|| open(sounds)).await.unwrap().unwrap();
    let mut levels = sources.levels();
    until(&mut levels, "each sound has its level", |levels| {
        let near = |at: usize, db: f32| (levels.sounds[at].rms_db - db).abs() < 1.0;
        near(1, -23.0) && near(2, -43.0)
    })
    .await;
    until(&mut levels, "the short one is over", |levels| levels.sounds[3].peak_db < -99.0).await;

    let port = free_port();
    let server = Server::start(port, file("mixed.flv"));
    let url = format!("rtmp://127.0.0.1:{port}/live");
    let destination = Destination { name: "ffmpeg".into(), url, key: Some("key".into()), picture: None };
    let live =
        Broadcast::start(Config { destinations: vec![destination], ..Config::default() }, &sources).unwrap();
    let mut status = live.status();
    let sent = |bytes: u64| move |status: &broadcast::Status| status.destinations[0].sent_bytes > bytes;
    tokio::time::timeout(Duration::from_secs(60), status.wait_for(sent(60_000))).await.unwrap().unwrap();
    let heard = levels.borrow().loudness;
    assert!(heard.integrated_lufs.is_some_and(|lufs| lufs > -30.0 && lufs < -10.0), "{heard:?}");
    assert!(!status.borrow().source_ended);
    live.end().await;
    let recording = tokio::task::spawn_blocking(move || server.recording()).await.unwrap();
    assert_eq!(complaints(&recording), "");
    let (one, other) = (loudness_of(&recording, 400), loudness_of(&recording, 3_000));
    assert!((one - other - 20.0).abs() < 2.0, "{one} dB and {other} dB, 20 apart");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_change_while_it_sounds() {
    let sounds = vec![tone("settings-400.wav", 400, 180).into(), tone("settings-800.wav", 800, 180).into()];
    let sources = tokio::task::spawn_blocking(|| open(sounds)).await.unwrap().unwrap();
    let mut levels = sources.levels();
    let mix = |db: f32| move |levels: &SoundLevels| (levels.mix.rms_db - db).abs() < 0.3;
    until(&mut levels, "both are heard", mix(-20.0)).await;
    let solo = SoundSettings { solo: true, gain_db: 6.0, ..SoundSettings::default() };
    sources.set_sound(1, solo).unwrap();
    until(&mut levels, "one alone, and louder", mix(-17.0)).await;
    assert!((levels.borrow().sounds[0].rms_db - -23.0).abs() < 0.3, "the other one's meter still moves");
    sources.set_sound(1, SoundSettings { muted: true, ..SoundSettings::default() }).unwrap();
    until(&mut levels, "the other one alone", mix(-23.0)).await;
    sources.set_muted(true);
    until(&mut levels, "nothing", mix(-100.0)).await;

    let loud = SoundSettings { gain_db: 99.0, ..SoundSettings::default() };
    assert!(matches!(sources.set_sound(0, loud), Err(Error::SoundSetting { .. })));
    let missing = sources.set_sound(2, SoundSettings::default()).unwrap_err();
    assert_eq!(missing.to_string(), "there is no sound 2: 2 are mixed, counted from 0");
}

/// Two seconds of stereo as a WAV file of floats, some of which are no numbers.
fn broken(name: &str) -> AudioInput {
    let values = 2_u32 * 48_000 * 2;
    let bytes = values * 4;
    let mut wav = [&b"RIFF"[..], &(bytes + 36).to_le_bytes(), b"WAVEfmt ", &16_u32.to_le_bytes()].concat();
    // Floats, two channels, samples and bytes a second, bytes and bits of a sample.
    wav.extend([3_u16, 2].map(u16::to_le_bytes).concat());
    wav.extend([48_000_u32, 48_000 * 8].map(u32::to_le_bytes).concat());
    wav.extend([8_u16, 32].map(u16::to_le_bytes).concat());
    wav.extend([&b"data"[..], &bytes.to_le_bytes()].concat());
    let sample = |at: u32| if at % 1_000 == 7 { f32::NAN } else { (at as f32 * 0.03).sin() * 0.2 };
    wav.extend((0..values).flat_map(|at| sample(at).to_le_bytes()));
    let path = file(name);
    std::fs::write(&path, wav).unwrap();
    AudioInput::File(path)
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_that_are_no_numbers_neither_end_the_broadcast_nor_silence_what_follows() {
    let sounds = vec![broken("broken.wav").into(), tone("beside-broken.wav", 400, 180).into()];
    let sources = tokio::task::spawn_blocking(|| open(sounds)).await.unwrap().unwrap();
    let recording = file("broken.mp4");
    let _ = std::fs::remove_file(&recording);
    let config = Config { record: Some(recording), ..Config::default() };
    let live = Broadcast::start(config, &sources).unwrap();
    let mut levels = sources.levels();
    until(&mut levels, "the other one alone is heard", |levels| {
        levels.sounds[0].peak_db < -99.0 && (levels.mix.rms_db - -23.0).abs() < 1.0
    })
    .await;
    assert!(levels.borrow().loudness.integrated_lufs.is_some());
    let summary = live.end().await;
    assert_eq!(summary.status.failure, None);
}
