//! A report for people who are asked for help: it is saved where it says, tells what was logged, and has no key in it.

use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::desktop_app::DesktopApp;
use crate::harness::display::Display;
use crate::harness::looks::Looks;
use crate::harness::machine::alone;
use crate::harness::sealed;
use crate::harness::sound::SoundServer;
use crate::harness::wait::{seconds, until};

/// Whatever the window shows, on a busy machine.
const LIMIT: std::time::Duration = seconds(45);
const KEY: &str = "live_4711_AbCdEfGhIjKl";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_tells_what_was_logged_and_has_no_key_in_it() {
    alone(seconds(200), report()).await;
}

async fn report() {
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let data = TempDir::new().expect("a temporary folder");
    let keep = |name: &str, value: Value| {
        std::fs::write(data.path().join(name), value.to_string()).expect("the folder can be written");
    };
    keep("settings.json", json!({"name": "Mara", "origin": {"http": "127.0.0.1:0", "rtmp": "127.0.0.1:0"}}));
    let twitch = json!({"id": 1, "name": "Twitch", "service": "twitch", "address": "rtmp://live.twitch.tv/app",
        "key": KEY, "passphrase": "", "on": false});
    keep("destinations.json", json!([twitch]));
    let app = DesktopApp::start_in(&display, &sound, data).await;
    app.comes_to_show("go-live", LIMIT).await;
    app.press("help-menu", &["report"]).await;
    app.press("report", &["report-save"]).await;
    let mut looks = Looks::default();
    looks.everywhere(&app, "report").await;
    app.session.click("report-save").await;
    app.comes_to_show("report-file", LIMIT).await;
    looks.everywhere(&app, "report-saved").await;
    assert_eq!(looks.faults, Vec::<String>::new());
    let file = app.session.texts("report-file").await.concat();

    let unpacked = TempDir::new().expect("a temporary folder");
    let status = Command::new("tar").arg("-xzf").arg(&file).arg("-C").arg(unpacked.path()).status();
    assert!(status.expect("tar starts").success(), "{file} is no archive");
    let text = |name: &str| {
        let path = unpacked.path().join("rostrum-report").join(name);
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let all = ["computer.json", "devices.json", "settings.json", "state.json", "logs/rostrum.log"].map(text);
    assert!(all[1].contains("libx264") && all[4].contains("origin started"));
    let owner = sealed::owner(app.data());
    let sealing_key = std::fs::read_to_string(sealed::key_file(app.data())).expect("the key is there");
    let [stream_key, token] = ["stream_key", "token"].map(|name| owner[name].as_str().expect("a secret"));
    for secret in [KEY, stream_key, token, &sealing_key, "Mara"] {
        assert!(all.iter().all(|text| !text.contains(secret)), "{secret} is in the report");
    }
    app.session.click("report-close").await;
    until("the dialog to close", LIMIT, async || (!app.session.shows("report-close").await).then_some(()))
        .await;
}
