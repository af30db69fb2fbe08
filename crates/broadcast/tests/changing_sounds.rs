//! Sounds that come, go and are replaced while a recording runs: what FFmpeg decodes of it, sample by sample.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests, one of which measures how late a sound comes"
)]

mod recording;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use broadcast::{
    AudioInput, Broadcast, Config, Error, Sound, SoundSettings, Sources, SourcesConfig, VideoInput,
};
use media::Size;

use recording::{complaints, decode, file};

const RATE: f64 = 48_000.0;

/// Samples in which tones are told apart: 50 ms, whole periods of all of them.
const WINDOW: usize = 2_400;

fn open(sounds: Vec<Sound>) -> Sources {
    let config = SourcesConfig {
        video: VideoInput::None,
        sounds,
        size: Size::new(320, 180),
        fps: 30,
        screen_permission: None,
    };
    Sources::open(config).unwrap()
}

/// A tone of `hz` with an amplitude of an eighth, of a minute.
fn tone(hz: u32) -> AudioInput {
    let path = file(&format!("changing-{hz}.wav"));
    let sound = format!("sine=frequency={hz}:sample_rate=48000:duration=60,pan=stereo|c0=c0|c1=c0");
    let made =
        Command::new("ffmpeg").args(["-v", "error", "-y", "-f", "lavfi", "-i", &sound]).arg(&path).status();
    assert!(made.unwrap().success());
    AudioInput::File(path)
}

/// The left channel of a file.
fn samples(file: &Path) -> Vec<f32> {
    let decoded = decode(file, &["-map", "0:a", "-af", "pan=mono|c0=c0", "-ar", "48000", "-f", "f32le"]);
    decoded.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}

/// Amplitude and phase (radians, against a tone that begins with the file) of `hz` in each window.
fn heard(samples: &[f32], hz: f64) -> Vec<(f64, f64)> {
    let window = |number: usize| {
        let (mut sine, mut cosine) = (0.0, 0.0);
        for (at, sample) in samples[number * WINDOW..][..WINDOW].iter().enumerate() {
            let turn = std::f64::consts::TAU * hz * (number * WINDOW + at) as f64 / RATE;
            sine += f64::from(*sample) * turn.sin();
            cosine += f64::from(*sample) * turn.cos();
        }
        let scale = 2.0 / WINDOW as f64;
        ((sine * scale).hypot(cosine * scale), cosine.atan2(sine))
    };
    (0..samples.len() / WINDOW).map(window).collect()
}

/// Records what sounds until `play` has ended.
async fn record<F: Future<Output = ()>>(name: &str, sources: &Sources, play: impl FnOnce() -> F) -> PathBuf {
    let path = file(name);
    let _ = std::fs::remove_file(&path);
    let config = Config { destinations: Vec::new(), record: Some(path.clone()), ..Config::default() };
    let live = Broadcast::start(config, sources).unwrap();
    play().await;
    live.end().await;
    assert_eq!(complaints(&path), "");
    path
}

/// Lets it sound for a while: what is tested is what arrives of that time.
async fn sounds_for(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sounds_come_and_go_and_the_one_that_stays_has_every_sample() {
    let quieter = SoundSettings { gain_db: -6.0, ..SoundSettings::default() };
    let tones = [400, 1_000, 2_000, 3_000, 4_000].map(tone);
    let [stays, first, second, third, fourth] = tones;
    let sources = open(vec![first.into(), stays.into()]);
    let mut began = Vec::new();
    let recording = record("changing.mp4", &sources, || async {
        sounds_for(1_500).await;
        // In a block of its own each: the call, and when it returned.
        let mut done = |hz: u32| began.push((hz, Instant::now()));
        done(1_000);
        sources.replace_sound(0, second).unwrap();
        done(2_000);
        sounds_for(1_500).await;
        let third = Sound { input: third, settings: quieter };
        assert_eq!(sources.add_sound(third).unwrap(), 2);
        done(3_000);
        sounds_for(1_500).await;
        sources.remove_sound(0).unwrap();
        sounds_for(1_500).await;
        sources.remove_sound(2).unwrap();
        sounds_for(1_000).await;
        assert_eq!(sources.add_sound(fourth.into()).unwrap(), 0, "the timing master's place is free");
        done(4_000);
        sounds_for(1_500).await;
        let missing = sources.remove_sound(2).unwrap_err();
        assert_eq!(missing.to_string(), "there is no sound 2: 3 are mixed, counted from 0");
    })
    .await;
    let samples = samples(&recording);
    let stays = heard(&samples, 400.0);
    // Files begin half a second after they are opened; the last windows have the coder's own end.
    let begin = stays.iter().position(|(amplitude, _)| *amplitude > 0.12).unwrap();
    assert!(begin < 20, "the first change is later than that");
    let whole = &stays[begin + 1..stays.len() - 3];
    let phase = whole[0].1;
    let moved = |&(_, now): &(f64, f64)| ((now - phase).to_degrees() + 540.0).rem_euclid(360.0) - 180.0;
    for (number, three) in whole.windows(3).enumerate() {
        // Another tone's fade is heard at each frequency for a moment, so the one in the middle counts.
        let mut degrees = [moved(&three[0]), moved(&three[1]), moved(&three[2])];
        degrees.sort_by(f64::total_cmp);
        // A single sample is 3 degrees.
        assert!(
            degrees[1].abs() < 1.0,
            "the tone that stays moved by {degrees:.1?} degrees in window {number}"
        );
        let (amplitude, _) = three[1];
        assert!((amplitude - 0.125).abs() < 0.006, "{amplitude} in window {number}");
    }
    let appears = |hz: u32, level: f64| {
        let windows = heard(&samples, f64::from(hz));
        let at = windows.iter().position(|(amplitude, _)| *amplitude > level * 0.9);
        let at = at.unwrap_or_else(|| panic!("{hz} Hz is not heard"));
        // Once it is there it is at its level.
        let steady = windows[at + 1..].iter().take(15).all(|(heard, _)| (heard / level - 1.0).abs() < 0.05);
        assert!(steady, "{hz} Hz has another level: {:.3?}", &windows[at..]);
        at as f64 * WINDOW as f64 / RATE
    };
    let gone = |hz: u32| {
        let windows = heard(&samples, f64::from(hz));
        let last = windows.iter().rposition(|(amplitude, _)| *amplitude > 0.003).unwrap();
        (last + 1) as f64 * WINDOW as f64 / RATE
    };
    let half = 0.125 * 10_f64.powf(-6.0 / 20.0);
    // The one that was replaced tells where in the recording the first change was.
    let replaced = gone(1_000);
    for (hz, at) in &began[1..] {
        let level = if *hz == 3_000 { half } else { 0.125 };
        let called = (*at - began[0].1).as_secs_f64();
        let late = appears(*hz, level) - replaced - called;
        assert!(late.abs() < 0.2, "{hz} Hz is heard {late:.3} s late");
    }
    assert!(gone(2_000) > appears(3_000, half) + 1.0 && gone(3_000) > gone(2_000) + 1.0);
    let end = samples.len() as f64 / RATE;
    assert!(gone(3_000) < end - 2.0, "what was removed is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn speech_on_what_was_silence_is_what_was_spoken_all_along() {
    let Some(clip) = testkit::media_file("jfk_speech.flac") else { return };
    let spoken = samples(&clip);
    let sources = open(vec![AudioInput::Silence.into()]);
    let recording = record("onto-silence.mp4", &sources, || async {
        sounds_for(800).await;
        assert_eq!(sources.add_sound(AudioInput::File(clip.clone()).into()).unwrap(), 0);
        sounds_for(spoken.len() as u64 / 48 + 700).await;
    })
    .await;
    let received = samples(&recording);
    let begin = best_place(&spoken, &received);
    for second in 0..spoken.len() / 48_000 {
        let range = second * 48_000..(second + 1) * 48_000;
        let likeness = likeness(&spoken[range.clone()], &received[begin + range.start..][..48_000]);
        assert!(likeness > 0.95, "second {second} is like what was spoken by {likeness:.3} only");
    }
}

#[test]
fn what_cannot_be_added_changes_nothing() {
    let sources = open(vec![AudioInput::Silence.into()]);
    let missing = sources.add_sound(AudioInput::File("/nowhere.wav".into()).into()).unwrap_err();
    assert!(matches!(missing, Error::Capture(_)), "{missing}");
    assert!(matches!(sources.remove_sound(0), Err(Error::NoSuchSound { .. })), "silence is no sound");
    assert_eq!(sources.add_sound(AudioInput::Tone.into()).unwrap(), 0);
    for index in 1..16 {
        assert_eq!(sources.add_sound(AudioInput::Tone.into()).unwrap(), index);
    }
    let full = sources.add_sound(AudioInput::Tone.into()).unwrap_err();
    assert_eq!(full.to_string(), "17 sounds: at most 16 can be mixed");
    sources.remove_sound(7).unwrap();
    assert_eq!(sources.add_sound(AudioInput::Tone.into()).unwrap(), 7);
    // A device that is not there may come later.
    sources.replace_sound(7, AudioInput::Microphone(Some("nowhere".into()))).unwrap();
    assert_eq!(sources.levels().borrow().sounds.len(), 16);
}

/// Correlation of two stretches, -1 to 1.
fn likeness(one: &[f32], other: &[f32]) -> f64 {
    let product = |one: &[f32], other: &[f32]| -> f64 {
        one.iter().zip(other).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    product(one, other) / (product(one, one) * product(other, other)).sqrt()
}

/// Where in `received` the third second of `spoken` is, less two seconds.
fn best_place(spoken: &[f32], received: &[f32]) -> usize {
    let known = &spoken[96_000..144_000];
    let places = 96_000..received.len() - known.len();
    // Each sixteenth sample tells the place roughly.
    let sparse = |samples: &[f32]| -> Vec<f32> {
        samples.chunks(16).map(|chunk| chunk.iter().sum::<f32>() / 16.0).collect()
    };
    let (small, large) = (sparse(known), sparse(received));
    let rough = (places.start / 16..places.end / 16)
        .max_by(|&a, &b| {
            let at = |place: usize| likeness(&small, &large[place..][..small.len()]);
            at(a).total_cmp(&at(b))
        })
        .unwrap();
    let fine = (rough * 16).saturating_sub(32)..(rough * 16 + 32).min(places.end);
    let at = |place: usize| likeness(known, &received[place..][..known.len()]);
    fine.max_by(|&a, &b| at(a).total_cmp(&at(b))).unwrap() - 96_000
}
