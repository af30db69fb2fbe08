//! What goes wrong on this computer is told with what to do about it, and doing it helps: a disk that is almost full, a
//! processor that is too slow. And the graph of what is sent.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::desktop_app::DesktopApp;
use crate::harness::display::Display;
use crate::harness::machine::alone;
use crate::harness::sound::SoundServer;
use crate::harness::studio_page::{LIMIT, Looks};
use crate::harness::wait::{seconds, until};

/// More than any disk has free, 1 000 000 bytes: each is almost full then.
const ALWAYS: u32 = u32::MAX;
const ESCAPE: char = '\u{E00C}';

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_almost_full_is_told_while_it_records_and_a_full_one_ends_the_recording() {
    alone(seconds(240), disk()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_computer_that_is_too_slow_is_told_and_spared_by_a_smaller_picture() {
    alone(seconds(300), slow()).await;
}

async fn disk() {
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let mut looks = Looks { faults: Vec::new() };
    let small = json!({"width": 320, "height": 180, "fps": 15, "bitrateKbps": 500, "floorKbps": 100});
    let almost = folder(&small, json!({"warn_mb": ALWAYS, "stop_mb": 0}));
    let app = DesktopApp::start_in(&display, &sound, almost).await;
    app.comes_to_show("disk-free", LIMIT).await;
    app.comes_to_show("go-live", LIMIT).await;
    assert!(!app.session.shows("notice").await, "told before anything is recorded");
    app.press("record", &["record-stop"]).await;
    told(&app, "disk", "of recording left").await;
    app.settles().await;
    looks.check(&app, "studio-disk-full").await;
    elsewhere(&app, &display).await;
    app.press("notice-action", &["record"]).await;
    until("the notice to go", LIMIT, async || (!app.session.shows("notice").await).then_some(())).await;
    drop(app);

    let full = folder(&small, json!({"warn_mb": ALWAYS, "stop_mb": ALWAYS}));
    let app = DesktopApp::start_in(&display, &sound, full).await;
    app.comes_to_show("go-live", LIMIT).await;
    app.press("record", &["record-stop"]).await;
    until("the recording to be ended", LIMIT, async || {
        let said = app.session.texts("notice").await.concat();
        (said.contains("Recording stopped") && app.session.offers("record").await).then_some(())
    })
    .await;
    assert_eq!(looks.faults, Vec::<String>::new());
}

/// The system's dialog asks for another folder; what is recorded goes on there, and what was so far is a whole file.
async fn elsewhere(app: &DesktopApp, display: &Display) {
    let title = "Save recordings to";
    app.session.click("notice-another").await;
    until("the dialog", LIMIT, async || display.shows_window(title).then_some(())).await;
    display.close_window(title);
    until("the dialog to go", LIMIT, async || (!display.shows_window(title)).then_some(())).await;

    let other = app.data().join("another disk");
    std::fs::create_dir(&other).expect("the folder can be written");
    let record_to = "window.__TAURI_INTERNALS__.invoke('record_to', { folder: arguments[0] })";
    app.session.run(record_to, vec![json!(other)]).await;
    let files = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
    };
    until("a recording in the other folder", LIMIT, async || {
        let grows = |file: &PathBuf| file.metadata().is_ok_and(|metadata| metadata.len() > 20_000);
        files(&other).iter().any(grows).then_some(())
    })
    .await;
    assert!(app.session.offers("record-stop").await, "the recording ended");
    let before = files(&app.data().join("recordings"));
    assert_eq!(before.len(), 1, "{before:?}");
    // What grows is fragmented.
    until("a plain file", LIMIT, async || {
        let boxes = boxes(&std::fs::read(&before[0]).unwrap_or_default());
        (boxes.contains(b"moov") && !boxes.contains(b"moof")).then_some(())
    })
    .await;

    let ask = "window.refused = '';
        window.__TAURI_INTERNALS__.invoke('record_to', { folder: arguments[0] })
            .then(() => { window.refused = 'taken' }, (error) => { window.refused = error.kind })";
    app.session.run(ask, vec![json!(other.join("gone"))]).await;
    until("an answer", LIMIT, async || {
        (app.session.run("return window.refused", vec![]).await == json!("recording")).then_some(())
    })
    .await;
    app.press("settings-button", &["settings"]).await;
    app.press("tab-output", &["set-folder"]).await;
    assert_eq!(app.session.texts("set-folder").await.concat(), other.display().to_string());
    app.press("settings-back", &["notice-action"]).await;
}

/// The names of an MP4's boxes.
fn boxes(file: &[u8]) -> Vec<[u8; 4]> {
    let mut names = Vec::new();
    let mut rest = file;
    while let Some((head, _)) = rest.split_first_chunk::<16>() {
        names.push([head[4], head[5], head[6], head[7]]);
        let size = match u32::from_be_bytes([head[0], head[1], head[2], head[3]]) {
            0 => break,
            1 => u64::from_be_bytes(std::array::from_fn(|at| head[8 + at])),
            size => size.into(),
        };
        rest = usize::try_from(size).ok().and_then(|size| rest.get(size..)).unwrap_or_default();
    }
    names
}

async fn slow() {
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let mut looks = Looks { faults: Vec::new() };
    // More than this computer encodes beside everything else.
    let much = json!({"width": 2560, "height": 1440, "fps": 60, "bitrateKbps": 9_000, "floorKbps": 9_000});
    let app = DesktopApp::start_in(&display, &sound, folder(&much, json!({}))).await;
    app.comes_to_show("go-live", LIMIT).await;
    app.press("go-live", &["countdown", "connecting", "live-timer"]).await;
    app.comes_to_show("live-timer", LIMIT).await;
    told(&app, "slow", "of frames are late").await;
    app.settles().await;
    looks.check(&app, "studio-slow").await;
    app.session.click("notice-action").await;
    until("a smaller picture", LIMIT, async || {
        let strip = app.session.texts("status").await.concat();
        strip.contains("1920 × 1080").then_some(())
    })
    .await;

    graph(&app, &mut looks).await;
    assert_eq!(looks.faults, Vec::<String>::new());
    app.press("end", &["end-confirm"]).await;
    app.press("end-confirm", &["summary"]).await;
}

/// The graph opens above the rate, by keyboard too, and says in words what it draws.
async fn graph(app: &DesktopApp, looks: &mut Looks) {
    app.session.click("bitrate").await;
    app.comes_to_show("graph", LIMIT).await;
    until("figures", LIMIT, async || {
        let said = app.session.texts("graph-figures").await.concat();
        (said.contains("on average") && said.contains("Mb/s")).then_some(())
    })
    .await;
    let drawn = "return document.querySelector('[data-testid=graph] path.l')?.getAttribute('d')?.split('L').length ?? 0";
    until("a line", LIMIT, async || {
        app.session.run(drawn, vec![]).await.as_u64().is_some_and(|points| points > 2).then_some(())
    })
    .await;
    app.settles().await;
    looks.check(app, "studio-graph").await;
    app.session.type_into("graph-close", &ESCAPE.to_string()).await;
    until("the graph to close", LIMIT, async || (!app.session.shows("graph").await).then_some(())).await;
    let focused = app.session.run("return document.activeElement?.dataset.testid", vec![]).await;
    assert_eq!(focused, json!("bitrate"), "the keyboard is lost");
}

/// Waits until the notice is shown and says so.
async fn told(app: &DesktopApp, key: &str, text: &str) {
    let script = "const it = document.querySelector('[data-testid=notice]');
        return [it?.dataset.notice ?? '', it?.innerText ?? '']";
    until(&format!("the notice {key}"), LIMIT, async || {
        let seen = app.session.run(script, vec![]).await;
        let says = seen[1].as_str().is_some_and(|said| said.contains(text));
        (seen[0] == json!(key) && says).then_some(())
    })
    .await;
}

fn folder(output: &Value, disk: Value) -> TempDir {
    let data = TempDir::new().expect("a temporary folder");
    let mut settings =
        json!({"origin": {"http": "127.0.0.1:0", "rtmp": "127.0.0.1:0"}, "output": output, "video": "test"});
    if disk.as_object().is_some_and(|disk| !disk.is_empty()) {
        settings["disk"] = disk;
    }
    std::fs::write(data.path().join("settings.json"), settings.to_string()).expect("it can be written");
    data
}
