//! The app's mixer in a real window: two microphones at once, changed, muted, taken away and put back while live, and what
//! viewers receive of it all.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use crate::harness::desktop_app::DesktopApp;
use crate::harness::display::Display;
use crate::harness::environment::clip;
use crate::harness::http::Http;
use crate::harness::looks::Looks;
use crate::harness::machine::alone;
use crate::harness::sound::SoundServer;
use crate::harness::speech::best;
use crate::harness::viewer::Viewer;
use crate::harness::wait::{seconds, until};

/// Whatever the window shows, on a busy machine.
const LIMIT: Duration = seconds(45);
/// The tone of the first microphone and of the second, Hz, and their amplitude.
const FIRST: f64 = 400.0;
const SECOND: f64 = 1_000.0;
const AMPLITUDE: f64 = 0.125;
/// The same as a meter's bar shows it: a sine's mean is 3 dB below its peak.
const TONE_DB: f64 = -21.07;
/// The second one is set to this, tenths of a dB.
const GAIN_TENTHS_DB: i32 = -60;
/// What the compressor makes of it, the tone as it is played being 1: it lifts by 8 dB and takes 4 dB off, in all 4 dB more.
const LIFTED: f64 = 0.82;
/// How much of each state is received, seconds.
const STATE_SECONDS: f64 = 2.0;
/// Samples a second, and in a window of 50 ms: whole periods of both tones.
const RATE: usize = 48_000;
const WINDOW: usize = 2_400;
/// The least correlation of each second with what was spoken, and how often it is spoken before it counts as wrong.
const LIKE_MIN: f64 = 0.95;
const PLAYED_MAX: usize = 3;
/// A state of the sound is at least so many windows long; what is shorter is the way from one to another.
const STATE_WINDOWS: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_microphones_are_mixed_and_changed_while_live() {
    alone(seconds(400), mix()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speech_in_the_place_of_silence_is_what_was_spoken_all_along() {
    let Some(spoken) = clip("jfk_speech.flac") else { return };
    alone(seconds(300), speak(&spoken)).await;
}

/// The only microphone is removed, viewers get silence, and it is added again.
async fn speak(spoken: &Path) {
    let folder = TempDir::new().expect("a temporary folder");
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let app = DesktopApp::start(&display, &sound).await;
    app.comes_to_show("sound-1", LIMIT).await;
    app.press("more-1", &["sound-more"]).await;
    app.session.click("remove-1").await;
    until("the row to go", LIMIT, async || (!app.session.shows("sound-1").await).then_some(())).await;
    let word = app.session.texts("sound-word").await.join("");
    assert!(word.contains("No sound"), "{word}");
    app.comes_to_show("go-live", LIMIT).await;
    app.press("go-live", &["countdown", "connecting", "live-timer"]).await;
    app.comes_to_show("live-timer", LIMIT).await;
    let mut viewer = Viewer::join(&Http::new(), &playlist(&app).await).await;
    let mut received = 0.0;
    receive(&mut viewer, &mut received, folder.path()).await;
    let silence = samples(&viewer, folder.path());
    assert!(silence.iter().all(|sample| sample.abs() < 0.001), "silence keeps the time");

    app.press("add-sound", &["add-choices"]).await;
    app.press("add-mic", &["sound-1"]).await;
    state_is(&app, 1, "ready").await;
    let played = decoded(spoken);
    let wav = plain(spoken, folder.path());
    let mut fits = Vec::new();
    for _ in 0..PLAYED_MAX {
        let begun = received;
        let _speaker = sound.play(&wav);
        until("the whole speech", LIMIT * 2, async || {
            viewer.advance().await;
            received = samples(&viewer, folder.path()).len() as f64 / RATE as f64;
            (received > begun + played.len() as f64 / RATE as f64 + 4.0).then_some(())
        })
        .await;
        fits = likeness(&played, &samples(&viewer, folder.path())[(begun * RATE as f64) as usize..]);
        println!("each second is like what was spoken by {fits:.3?}");
        if fits.iter().all(|&likeness| likeness > LIKE_MIN) {
            break;
        }
    }
    assert!(fits.iter().all(|&likeness| likeness > LIKE_MIN), "{fits:.3?}");
}

/// The same sound as a file that every player of the sound server reads.
fn plain(file: &Path, folder: &Path) -> PathBuf {
    let wav = folder.join("spoken.wav");
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-i"]).arg(file).args(["-ar", "48000", "-ac", "2"]).arg(&wav);
    assert!(command.status().expect("ffmpeg starts").success(), "ffmpeg cannot read {}", file.display());
    wav
}

/// How like each second of `played` is to what was received as long after the beginning, where the first seconds fit best.
fn likeness(played: &[f32], received: &[f32]) -> Vec<f64> {
    let like = |one: &[f32], other: &[f32]| {
        let product = |one: &[f32], other: &[f32]| -> f64 {
            one.iter().zip(other).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        product(one, other) / (product(one, one) * product(other, other)).sqrt().max(f64::MIN_POSITIVE)
    };
    let last = received.len().saturating_sub(played.len() - 2 * RATE);
    let (at, _) = best(&played[..2 * RATE], &received[..last]);
    let second = |number: usize| number * RATE..(number + 1) * RATE;
    let seconds = (0..played.len() / RATE).map(second);
    seconds.map(|range| like(&played[range.clone()], &received[at..][range])).collect()
}

async fn mix() {
    let folder = TempDir::new().expect("a temporary folder");
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let plugged = sound.plug_in("Second");
    let _first = sound.play(&tone(FIRST, folder.path()));
    let second = sound.play_into("Second", &tone(SECOND, folder.path()));
    let data = TempDir::new().expect("a temporary folder");
    let begun = json!({"origin": {"http": "127.0.0.1:0", "rtmp": "127.0.0.1:0"}, "theme": "dark"});
    std::fs::write(data.path().join("settings.json"), begun.to_string()).expect("the folder can be written");
    let app = DesktopApp::start_in(&display, &sound, data).await;
    let mut looks = Looks::default();
    sounds(&app, "meter", TONE_DB).await;
    // Whatever is opened then is painted.
    until("the preview", LIMIT, async || {
        let script = "return document.querySelector(`[data-testid='preview']`)?.dataset.drawn";
        (app.session.run(script, vec![]).await == json!("true")).then_some(())
    })
    .await;
    add_second(&app, Some(&mut looks)).await;
    sounds(&app, "meter-2", TONE_DB).await;
    set_gain(&app, 2, GAIN_TENTHS_DB).await;
    sounds(&app, "meter-2", TONE_DB + f64::from(GAIN_TENTHS_DB) / 10.0).await;

    app.comes_to_show("go-live", LIMIT).await;
    app.press("go-live", &["countdown", "connecting", "live-timer"]).await;
    app.comes_to_show("live-timer", LIMIT).await;
    looks.everywhere(&app, "mixer-live").await;
    let mut viewer = Viewer::join(&Http::new(), &playlist(&app).await).await;
    let mut received = 0.0;
    receive(&mut viewer, &mut received, folder.path()).await;
    press(&app, "mute-2", true).await;
    receive(&mut viewer, &mut received, folder.path()).await;
    press(&app, "mute-2", false).await;
    receive(&mut viewer, &mut received, folder.path()).await;
    more(&app, &mut looks).await;
    app.session.click("remove-2").await;
    until("the row to go", LIMIT, async || (!app.session.shows("sound-2").await).then_some(())).await;
    receive(&mut viewer, &mut received, folder.path()).await;
    add_second(&app, None).await;
    sounds(&app, "meter-2", TONE_DB).await;
    receive(&mut viewer, &mut received, folder.path()).await;
    let before_last = received;
    ctrl_d(&app).await;
    is_pressed(&app, "mute-1", true).await;
    receive(&mut viewer, &mut received, folder.path()).await;
    heard(&samples(&viewer, folder.path()), before_last);

    settings(&app, &mut looks).await;
    // Killed in the middle of a broadcast, everything is as it was.
    let app = DesktopApp::start_in(&display, &sound, app.cut_off()).await;
    is_pressed(&app, "mute-1", true).await;
    sounds(&app, "meter-2", TONE_DB).await;
    drop(second);
    lost_and_back(&app, &sound, plugged, &mut looks).await;
    assert_eq!(looks.faults, Vec::<String>::new());
}

/// Adds the second microphone, by its name.
async fn add_second(app: &DesktopApp, looks: Option<&mut Looks>) {
    app.press("add-sound", &["add-choices"]).await;
    let script = "const it = [...document.querySelectorAll(`[data-testid='add-choices'] button`)]
        .find((button) => button.innerText.includes('Monitor of Second')); it?.setAttribute('data-wanted', ''); return Boolean(it)";
    until("the second microphone among the devices", LIMIT, async || {
        (app.session.run(script, vec![]).await == json!(true)).then_some(())
    })
    .await;
    if let Some(looks) = looks {
        looks.everywhere(app, "mixer-add").await;
    }
    app.session.run("document.querySelector('[data-wanted]').click()", vec![]).await;
    app.comes_to_show("sound-2", LIMIT).await;
}

/// The other settings of the second sound: each is set, said, and set back.
async fn more(app: &DesktopApp, looks: &mut Looks) {
    app.press("more-2", &["sound-more"]).await;
    app.press("voice-2", &["voice.above-2"]).await;
    app.press("limit-2", &["limit.at-2"]).await;
    looks.everywhere(app, "mixer-more").await;
    let kept = until("what is set to be kept", LIMIT, async || {
        let text = std::fs::read_to_string(app.data().join("sounds.json")).ok()?;
        let kept: serde_json::Value = serde_json::from_str(&text).expect("whole at each moment");
        kept[1]["limit_to_db"].is_number().then(|| kept[1].clone())
    })
    .await;
    assert_eq!(kept["compress_above_db"], json!(-24));
    assert_eq!(kept["gain_tenths_db"], json!(GAIN_TENTHS_DB));
}

/// A meter comes to a level, dBFS, within a decibel. A tone as it is played has [`TONE_DB`].
async fn sounds(app: &DesktopApp, test_id: &str, db: f64) {
    let script =
        "return Number(document.querySelector(`[data-testid='${arguments[0]}']`)?.dataset.rms ?? -100)";
    until(&format!("{test_id} to read {db} dB"), LIMIT, async || {
        let rms = app.session.run(script, vec![json!(test_id)]).await.as_f64().unwrap_or(-100.0);
        ((rms - db).abs() < 1.0).then_some(())
    })
    .await;
}

/// Drags a volume slider.
async fn set_gain(app: &DesktopApp, id: u32, tenths_db: i32) {
    let script = "const it = document.querySelector(`[data-testid='gain-${arguments[0]}']`);
        it.value = arguments[1];
        for (const kind of ['input', 'change']) it.dispatchEvent(new Event(kind, { bubbles: true }))";
    app.session.run(script, vec![json!(id), json!(tenths_db)]).await;
    let wanted = format!("−{:.1}", f64::from(-tenths_db) / 10.0);
    until("the volume in words", LIMIT, async || {
        (app.session.texts(&format!("gain-text-{id}")).await == [wanted.as_str()]).then_some(())
    })
    .await;
}

async fn press(app: &DesktopApp, test_id: &str, pressed: bool) {
    app.session.click(test_id).await;
    is_pressed(app, test_id, pressed).await;
}

async fn is_pressed(app: &DesktopApp, test_id: &str, pressed: bool) {
    let script = "return document.querySelector(`[data-testid='${arguments[0]}']`)?.ariaPressed";
    until(&format!("{test_id} to be pressed: {pressed}"), LIMIT, async || {
        (app.session.run(script, vec![json!(test_id)]).await == json!(pressed.to_string())).then_some(())
    })
    .await;
}

async fn ctrl_d(app: &DesktopApp) {
    let script =
        "window.dispatchEvent(new KeyboardEvent('keydown', { key: 'd', ctrlKey: true, bubbles: true }))";
    app.session.run(script, vec![]).await;
}

/// The page for sound, when there is something that was heard.
async fn settings(app: &DesktopApp, looks: &mut Looks) {
    app.press("settings-button", &["settings"]).await;
    app.press("tab-sound", &["loudness"]).await;
    until("the loudness of what was sent", LIMIT, async || {
        app.session.texts("loudness-whole").await.join("").contains("LUFS").then_some(())
    })
    .await;
    looks.everywhere(app, "settings-sound-loudness").await;
    app.press("settings-back", &["sound-1"]).await;
}

/// A device that is pulled out is told in words, and is heard when it is back.
async fn lost_and_back(app: &DesktopApp, sound: &SoundServer, plugged: u32, looks: &mut Looks) {
    sound.unplug(plugged);
    state_is(app, 2, "failed").await;
    looks.everywhere(app, "mixer-lost").await;
    sound.plug_in("Second");
    state_is(app, 2, "ready").await;
}

async fn state_is(app: &DesktopApp, id: u32, state: &str) {
    let script = "return document.querySelector(`[data-testid='sound-${arguments[0]}']`)?.dataset.state";
    until(&format!("sound {id} to be {state}"), LIMIT, async || {
        (app.session.run(script, vec![json!(id)]).await == json!(state)).then_some(())
    })
    .await;
}

async fn playlist(app: &DesktopApp) -> String {
    if !app.session.shows("share-link").await {
        app.session.click("share").await;
    }
    let link = until("the shared link", LIMIT, async || app.session.texts("share-link").await.pop()).await;
    app.session.click("share").await;
    let url = format!("{}/index.m3u8", link.trim().replacen("/r/", "/live/", 1));
    until("the first part", LIMIT, async || Http::new().get(&url).await.status.is_success().then_some(()))
        .await;
    url
}

/// Receives [`STATE_SECONDS`] more, beyond what was sent before this moment.
async fn receive(viewer: &mut Viewer, received: &mut f64, folder: &Path) {
    // What the playlist has now may be older than what was changed last.
    viewer.advance().await;
    let begin = samples(viewer, folder).len() as f64 / RATE as f64;
    until("what is sent now", LIMIT, async || {
        viewer.advance().await;
        *received = samples(viewer, folder).len() as f64 / RATE as f64;
        (*received > begin + STATE_SECONDS + 1.0).then_some(())
    })
    .await;
}

/// All sound that was received.
fn samples(viewer: &Viewer, folder: &Path) -> Vec<f32> {
    viewer.write(folder).pop().map(|file| decoded(&file)).unwrap_or_default()
}

/// The left channel of a file.
fn decoded(file: &Path) -> Vec<f32> {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-i"]).arg(file);
    command.args(["-vn", "-af", "pan=mono|c0=c0", "-ar", &RATE.to_string(), "-f", "f32le", "-"]);
    let output = command.output().expect("ffmpeg starts");
    output.stdout.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}

/// How loud a tone is in each window, 1 being as it is played.
fn loudness(samples: &[f32], hz: f64) -> Vec<f64> {
    let of = |window: &[f32]| {
        let (mut sine, mut cosine) = (0.0, 0.0);
        for (at, sample) in window.iter().enumerate() {
            let turn = std::f64::consts::TAU * hz * at as f64 / RATE as f64;
            sine += f64::from(*sample) * turn.sin();
            cosine += f64::from(*sample) * turn.cos();
        }
        sine.hypot(cosine) * 2.0 / WINDOW as f64 / AMPLITUDE
    };
    samples.chunks_exact(WINDOW).map(of).collect()
}

/// What is received is what was set, one state after the other, and the first microphone has no break in it.
fn heard(samples: &[f32], before_last_seconds: f64) {
    let half = 10_f64.powf(f64::from(GAIN_TENTHS_DB) / 200.0);
    let state = |level: f64| {
        let near = |wanted: f64| (level / wanted - 1.0).abs() < 0.1;
        match level {
            level if level < 0.02 => 'n',
            _ if near(half) => 'h',
            _ if near(1.0) => 'f',
            _ if near(LIFTED) => 'l',
            _ => '?',
        }
    };
    let mut states: Vec<(char, usize)> = Vec::new();
    for now in loudness(samples, SECOND).into_iter().map(state) {
        match states.last_mut() {
            Some((last, count)) if *last == now => *count += 1,
            _ => states.push((now, 1)),
        }
    }
    states.retain(|(_, count)| *count >= STATE_WINDOWS);
    let mut order: Vec<char> = states.iter().map(|(state, _)| *state).collect();
    order.dedup();
    println!("the second microphone was heard so: {states:?}");
    // Quieter, muted, quieter, lifted by the compressor, removed, added as it is recorded.
    assert_eq!(order, ['h', 'n', 'h', 'l', 'n', 'f'], "{states:?}");

    let first = loudness(samples, FIRST);
    // The very first windows are the coder's own beginning; Ctrl D came after the last but one state.
    let steady = &first[4..(before_last_seconds * RATE as f64) as usize / WINDOW];
    let broken = steady.iter().filter(|level| (*level - 1.0).abs() > 0.1).count();
    println!("{broken} of {} windows of the first microphone are broken", steady.len());
    // A machine that stands still for a moment loses sound before the app has it; a change must not.
    assert!(broken * 50 < steady.len(), "{steady:.2?}");
    let silent = first.iter().rev().take(STATE_WINDOWS).all(|level| *level < 0.02);
    assert!(silent, "Ctrl D mutes the first microphone: {:.2?}", &first[first.len() - STATE_WINDOWS..]);
}

/// A tone for as long as this test may take.
fn tone(hz: f64, folder: &Path) -> PathBuf {
    let file = folder.join(format!("{hz}.wav"));
    // FFmpeg's own sine has an amplitude of an eighth.
    let sound = format!("sine=frequency={hz}:sample_rate=48000:duration=500,pan=stereo|c0=c0|c1=c0");
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-f", "lavfi", "-i", &sound]).arg(&file);
    assert!(command.status().expect("ffmpeg starts").success(), "ffmpeg cannot make a tone");
    file
}
