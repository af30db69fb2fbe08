//! Nothing is lost by accident: closing asks while something runs, ending says what is kept, and a start can be taken back.

use std::net::TcpListener;

use serde_json::json;
use tempfile::TempDir;

use crate::harness::desktop_app::DesktopApp;
use crate::harness::display::Display;
use crate::harness::machine::beside_others;
use crate::harness::sound::SoundServer;
use crate::harness::studio_page::{LIMIT, Looks, attribute};
use crate::harness::wait::{seconds, until};

const ESCAPE: char = '\u{E00C}';

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_asks_while_a_recording_runs_and_ending_says_what_is_kept() {
    beside_others(seconds(300), kept()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_can_be_taken_back_until_viewers_see_it() {
    beside_others(seconds(240), taken_back()).await;
}

async fn kept() {
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let app = DesktopApp::start_in(&display, &sound, folder(json!({}))).await;
    let mut looks = Looks { faults: Vec::new() };
    app.comes_to_show("go-live", LIMIT).await;
    app.press("record", &["record-stop"]).await;
    display.close_window("Rostrum");
    app.comes_to_show("quit-text", LIMIT).await;
    assert_eq!(attribute(&app, "quit-text", "data-ends").await, "recording");
    let said = app.session.texts("quit-text").await.concat();
    assert!(said.contains("Closing ends it") && said.contains(".mp4"), "{said}");
    app.settles().await;
    looks.check(&app, "quit-recording").await;
    app.session.click("quit-cancel").await;
    until("the question to close", LIMIT, async || (!app.session.shows("quit-text").await).then_some(()))
        .await;
    assert!(app.session.shows("record-stop").await, "the recording ended with the question");

    app.press("go-live", &["countdown", "connecting", "live-timer"]).await;
    app.comes_to_show("live-timer", LIMIT).await;
    app.press("end", &["end-confirm"]).await;
    says(&app, &["No replay is kept.", "The recording goes on until you stop it."]).await;
    app.settles().await;
    looks.check(&app, "studio-end").await;
    app.press("end-confirm", &["summary"]).await;
    app.press("record-stop", &["record"]).await;

    // Without the countdown nobody sees one, and a recording of its own ends with the broadcast.
    app.press("settings-button", &["tab-output"]).await;
    app.press("tab-output", &["set-countdown"]).await;
    app.session.click("set-countdown").await;
    app.session.click("set-record").await;
    until("it to be kept", LIMIT, async || {
        let text = std::fs::read_to_string(app.data().join("settings.json")).unwrap_or_default();
        (text.contains("\"without_countdown\": true") && text.contains("\"record\": true")).then_some(())
    })
    .await;
    app.press("settings-back", &["new-broadcast"]).await;
    app.press("new-broadcast", &["go-live"]).await;
    let watch = "window.phases = []; const studio = document.querySelector('[data-testid=studio]');
        new MutationObserver(() => window.phases.push(studio.dataset.phase)).observe(studio, { attributes: true })";
    app.session.run(watch, vec![]).await;
    app.press("go-live", &["live-timer"]).await;
    let phases = app.session.run("return window.phases", vec![]).await;
    let phases = phases.as_array().cloned().unwrap_or_default();
    assert!(phases.contains(&json!("live")) && !phases.contains(&json!("countdown")), "{phases:?}");
    app.press("end", &["end-confirm"]).await;
    says(&app, &["The recording ends too and is saved."]).await;
    app.press("end-confirm", &["summary"]).await;
    assert_eq!(looks.faults, Vec::<String>::new());
}

async fn taken_back() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = silent.local_addr().expect("a bound listener");
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let data = folder(json!({ "without_this_computer": true }));
    // It takes connections and says nothing.
    let far = json!([{"id": 1, "name": "Silent", "service": "rtmp", "key": "k", "passphrase": "", "on": true,
        "address": format!("rtmp://{address}/live")}]);
    std::fs::write(data.path().join("destinations.json"), far.to_string()).expect("it can be written");
    let app = DesktopApp::start_in(&display, &sound, data).await;
    app.comes_to_show("go-live", LIMIT).await;
    app.press("go-live", &["countdown"]).await;
    app.session.type_into("countdown", &ESCAPE.to_string()).await;
    app.comes_to_show("go-live", LIMIT).await;
    app.press("go-live", &["countdown"]).await;
    app.comes_to_show("connecting", LIMIT).await;
    app.press("connecting", &["go-live"]).await;
    app.press("go-live", &["countdown"]).await;
    app.comes_to_show("connecting", LIMIT).await;
    app.session.type_into("connecting", &ESCAPE.to_string()).await;
    app.comes_to_show("go-live", LIMIT).await;
    assert!(!app.session.shows("notice").await, "taking a start back is told as a fault");
}

async fn says(app: &DesktopApp, wanted: &[&str]) {
    until(&format!("the question to say {wanted:?}"), LIMIT, async || {
        let said = app.session.texts("end-text").await.concat();
        wanted.iter().all(|wanted| said.contains(wanted)).then_some(())
    })
    .await;
}

/// A data folder with pictures that are small enough for a busy machine.
fn folder(more: serde_json::Value) -> TempDir {
    let data = TempDir::new().expect("a temporary folder");
    let mut settings = json!({"origin": {"http": "127.0.0.1:0", "rtmp": "127.0.0.1:0"},
        "output": {"width": 320, "height": 180, "fps": 15, "bitrateKbps": 500, "floorKbps": 100}});
    for (key, value) in more.as_object().into_iter().flatten() {
        settings[key] = value.clone();
    }
    std::fs::write(data.path().join("settings.json"), settings.to_string()).expect("it can be written");
    data
}
