//! What happened last is saved from the desktop app while it is live; and viewers get everything later where that is set, the
//! end too.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};

use crate::harness::desktop_app::DesktopApp;
use crate::harness::display::Display;
use crate::harness::machine::alone;
use crate::harness::sound::SoundServer;
use crate::harness::studio_page::{LIMIT, Looks, choose};
use crate::harness::wait::{seconds, until};

/// A replay that is asked for after this long on air has at least as much, less the first keyframe.
const ON_AIR: u32 = 4;
/// How much later viewers get it, seconds.
const DELAY: u32 = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_seconds_are_saved_while_live_and_a_delay_holds_to_the_end() {
    alone(seconds(300), replay()).await;
}

async fn replay() {
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let app = DesktopApp::start(&display, &sound).await;
    let mut looks = Looks::default();
    app.comes_to_show("go-live", LIMIT).await;
    assert!(!app.session.shows("save-replay").await, "a replay is offered while nothing is kept");
    set(&app, "set-replay", "15").await;
    looks.check(&app, "settings-output-replay").await;
    app.press("settings-back", &["go-live"]).await;

    on_air(&app).await;
    until("some seconds on air", LIMIT, async || {
        let clock = app.session.texts("live-timer").await.join("");
        let shown: u32 = clock.rsplit(':').next()?.parse().ok()?;
        (shown >= ON_AIR).then_some(())
    })
    .await;
    app.session.click("save-replay").await;
    app.comes_to_show("notice-action", LIMIT).await;
    let said = app.session.texts("notice").await.join(" ");
    let file = replays(app.data()).pop().expect("a replay is there");
    assert!(said.contains(&file.display().to_string()), "{said}");
    looks.everywhere(&app, "studio-replay").await;
    assert_eq!(probe(&file, "stream=codec_name"), "h264\naac");
    let length: f64 = probe(&file, "format=duration").parse().expect("a length");
    assert!((f64::from(ON_AIR) - 2.0..=17.0).contains(&length), "{length} s were saved");
    // Another one is another file.
    app.session.click("notice-close").await;
    app.session.client.execute("document.activeElement.blur()", vec![]).await.expect("a script");
    app.session.click("save-replay").await;
    app.comes_to_show("notice-action", LIMIT).await;
    assert_eq!(replays(app.data()).len(), 2);
    app.session.click("notice-close").await;
    end(&app).await;

    app.press("new-broadcast", &["go-live"]).await;
    set(&app, "set-delay", &DELAY.to_string()).await;
    app.session.click("set-record").await;
    kept(&app, "record", &json!(true)).await;
    looks.check(&app, "settings-output-delay").await;
    app.press("settings-back", &["go-live"]).await;
    // Nothing is connected before the first picture is so old.
    app.press("go-live", &["connecting", "live-timer"]).await;
    let begun = Instant::now();
    app.comes_to_show("live-timer", LIMIT).await;
    assert!(begun.elapsed() > seconds(u64::from(DELAY) - 1), "live after {:?}", begun.elapsed());
    // What viewers have not seen at the end is still sent.
    let asked = Instant::now();
    end(&app).await;
    assert!(asked.elapsed() > seconds(DELAY.into()), "over after {:?}", asked.elapsed());
    // Meanwhile nothing more was captured.
    let recording = recordings(app.data()).pop().expect("the broadcast was recorded");
    let length: f64 = probe(&recording, "format=duration").parse().expect("a length");
    let on_air = asked.duration_since(begun).as_secs_f64();
    // The window shows what has begun a moment later, and the end is asked for twice.
    assert!(length < on_air + 3.0, "{length} s were recorded of {on_air} s");
    assert_eq!(looks.faults, Vec::<String>::new());
}

async fn on_air(app: &DesktopApp) {
    app.press("go-live", &["countdown", "connecting", "live-timer"]).await;
    app.comes_to_show("live-timer", LIMIT).await;
}

async fn end(app: &DesktopApp) {
    app.press("end", &["end-confirm"]).await;
    app.press("end-confirm", &["ending", "summary"]).await;
    app.comes_to_show("summary", LIMIT).await;
}

/// Chooses on the page for what is sent, and waits until it is kept.
async fn set(app: &DesktopApp, test_id: &str, value: &str) {
    app.press("settings-button", &["settings"]).await;
    app.press("tab-output", &[test_id]).await;
    choose(app, test_id, value).await;
    let name = if test_id == "set-replay" { "replaySeconds" } else { "delaySeconds" };
    kept(app, name, &json!(value.parse::<u32>().expect("a number of seconds"))).await;
}

/// Waits until something of what is sent is kept.
async fn kept(app: &DesktopApp, name: &str, value: &Value) {
    until("the choice to be kept", LIMIT, async || {
        let kept = std::fs::read_to_string(app.data().join("settings.json")).ok()?;
        let kept: Value = serde_json::from_str(&kept).ok()?;
        (&kept["output"][name] == value).then_some(())
    })
    .await;
}

fn replays(data: &Path) -> Vec<PathBuf> {
    files(data).filter(|file| is_replay(file)).collect()
}

fn recordings(data: &Path) -> Vec<PathBuf> {
    files(data).filter(|file| !is_replay(file)).collect()
}

/// Without a folder for videos, they are in the data folder.
fn files(data: &Path) -> impl Iterator<Item = PathBuf> {
    let files = std::fs::read_dir(data.join("recordings")).expect("the folder of recordings");
    files.map(|entry| entry.expect("an entry").path())
}

fn is_replay(file: &Path) -> bool {
    file.to_string_lossy().contains("Rostrum replay ")
}

fn probe(file: &Path, entries: &str) -> String {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-of", "default=nw=1:nk=1", "-show_entries", entries]).arg(file);
    String::from_utf8_lossy(&command.output().expect("ffprobe starts").stdout).trim().to_owned()
}
