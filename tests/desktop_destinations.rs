//! The desktop app sends to its own origin and to another one at once, is refused by a third, records, and ends.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::harness::desktop_app::DesktopApp;
use crate::harness::display::Display;
use crate::harness::looks::Looks;
use crate::harness::machine::alone;
use crate::harness::server::Server;
use crate::harness::sound::SoundServer;
use crate::harness::wait::{seconds, until};

/// Whatever the window shows, on a busy machine.
const LIMIT: Duration = seconds(45);
/// What is recorded has at least so many seconds.
const RECORDED_SECONDS: f64 = 1.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_app_sends_to_several_servers_says_which_one_refuses_and_records() {
    alone(seconds(300), several()).await;
}

async fn several() {
    let server = Server::start().await;
    let (second, spare) = (server.room("second").await, server.room("spare").await);
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let app = DesktopApp::start(&display, &sound).await;
    let mut looks = Looks::default();
    app.comes_to_show("go-live", LIMIT).await;

    add(&app, &server, "Town hall", &second.key, Some(&mut looks)).await;
    add(&app, &server, "Relay", "not-a-key", None).await;

    app.press("go-live", &["countdown", "connecting", "live-timer"]).await;
    app.comes_to_show("live-timer", LIMIT).await;
    for (name, state) in [("This computer", "live"), ("Town hall", "live"), ("Relay", "failed")] {
        is(&app, name, state).await;
    }
    server.live(&second.room).await;
    let row = text_of(&app, "Relay").await;
    assert!(row.contains("Failed: ") && row.contains("Fix"), "{row}");
    until("LIVE 2/3", LIMIT, async || (app.session.texts("partly").await == ["LIVE 2/3"]).then_some(()))
        .await;

    app.press("record", &["record-stop"]).await;
    until("something is recorded", LIMIT, async || {
        let said = app.session.texts("recording").await.join(" ");
        (said.contains("MB") && !said.contains(" 0.0 MB")).then_some(())
    })
    .await;
    looks.everywhere(&app, "studio-live-partly").await;

    fix(&app, &mut looks, &server, &spare.key).await;
    server.live(&spare.room).await;
    // A switch is thrown while live, and thrown back.
    app.session.click("switch-1").await;
    is(&app, "Town hall", "off").await;
    app.session.click("switch-1").await;
    is(&app, "Town hall", "live").await;

    settings(&app, &mut looks).await;
    end(&app, &mut looks).await;
    assert_eq!(looks.faults, Vec::<String>::new());
    kept_apart(app.data(), &second.key);
}

/// Fills in the form for another server.
async fn add(app: &DesktopApp, server: &Server, name: &str, key: &str, wrong_first: Option<&mut Looks>) {
    app.press("add-destination", &["form-save"]).await;
    choose(app, "form-kind", "rtmp").await;
    fill(app, "form-name", name).await;
    fill(app, "form-key", key).await;
    if let Some(looks) = wrong_first {
        // An address that cannot be used is refused in words, and nothing is lost.
        fill(app, "form-address", "https://server.example/live").await;
        app.press("form-save", &["form-wrong"]).await;
        looks.everywhere(app, "destination-wrong").await;
    }
    fill(app, "form-address", &format!("rtmp://{}/live", server.rtmp_address)).await;
    app.session.click("form-save").await;
    is(app, name, "ready").await;
    until("the form to close", LIMIT, async || (!app.session.shows("form-save").await).then_some(())).await;
}

/// The refused one is given a key that is taken.
async fn fix(app: &DesktopApp, looks: &mut Looks, server: &Server, key: &str) {
    app.press("fix", &["form-refused"]).await;
    looks.everywhere(app, "destination-fix").await;
    // As services and people write it, in one piece: the key goes where keys are.
    fill(app, "form-address", &format!("rtmp://{}/live/{key}", server.rtmp_address)).await;
    app.session.click("form-save").await;
    is(app, "Relay", "live").await;
    kept_apart(app.data(), key);
}

/// The settings reach the page at once, while live.
async fn settings(app: &DesktopApp, looks: &mut Looks) {
    app.press("settings-button", &["settings"]).await;
    app.press("tab-video", &["set-locked"]).await;
    app.press("tab-output", &["encoder-libx264"]).await;
    looks.everywhere(app, "settings-output-live").await;
    app.press("tab-destinations", &["settings-add"]).await;
    app.press("tab-accessibility", &["set-theme-light"]).await;
    app.session.click("set-theme-light").await;
    look(app, "set-lessMovement", "dataset.motion", "less").await;
    look(app, "set-moreContrast", "dataset.contrast", "more").await;
    looks.check(app, "settings-accessibility-contrast-light").await;
    app.press("tab-language", &["set-language-zh-CN"]).await;
    app.session.click("set-language-zh-CN").await;
    until("Chinese", LIMIT, async || {
        let language = app.session.run("return document.documentElement.lang", vec![]).await;
        (language == json!("zh-CN")).then_some(())
    })
    .await;
    app.press("settings-back", &["end"]).await;
}

/// A switch of the settings reaches the page.
async fn look(app: &DesktopApp, test_id: &str, part: &str, wanted: &str) {
    app.session.click(test_id).await;
    until(&format!("{part} {wanted}"), LIMIT, async || {
        let now = app.session.run(&format!("return document.documentElement.{part}"), vec![]).await;
        (now == json!(wanted)).then_some(())
    })
    .await;
}

/// The broadcast ends, the recording goes on until it is stopped, and the summary names its file.
async fn end(app: &DesktopApp, looks: &mut Looks) {
    app.press("end", &["end-confirm"]).await;
    app.press("end-confirm", &["summary"]).await;
    app.press("record-stop", &["recorded"]).await;
    looks.everywhere(app, "studio-ended-recorded").await;
    let said = app.session.texts("recorded").await.join("");
    let file = recorded_files(app.data()).pop().expect("a recording in the data folder");
    assert!(said.contains(&file.display().to_string()), "{said}");
    until("the recording to be a whole MP4", LIMIT, async || {
        let seconds = probe(&file, &["-show_entries", "format=duration"]).parse::<f64>().unwrap_or(0.0);
        (seconds > RECORDED_SECONDS).then_some(())
    })
    .await;
    assert_eq!(probe(&file, &["-show_entries", "stream=codec_name"]), "h264\naac");
}

/// Keys are encrypted in the file for this user alone, and in no other.
fn kept_apart(data: &Path, key: &str) {
    let kept = |file: &str| std::fs::read_to_string(data.join(file)).expect("the app has written it");
    let destinations = kept("destinations.json");
    assert!(destinations.contains("\"sealed\"") && !destinations.contains(key), "{destinations}");
    assert!(!kept("settings.json").contains(key), "the key is in the settings");
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(data.join("destinations.json")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// Without a folder for videos, recordings are in the data folder.
fn recorded_files(data: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(data.join("recordings")).expect("the folder of recordings");
    files.map(|entry| entry.expect("an entry").path()).collect()
}

fn probe(file: &Path, asked: &[&str]) -> String {
    let mut command = Command::new("ffprobe");
    let output = command.args(["-v", "error", "-of", "default=nw=1:nk=1"]).args(asked).arg(file).output();
    String::from_utf8_lossy(&output.expect("ffprobe starts").stdout).trim().to_owned()
}

/// A destination's row comes to a state.
pub async fn is(app: &DesktopApp, name: &str, state: &str) {
    let script = "return document.querySelector(`[data-testid='destination'][data-name='${arguments[0]}']`)?.dataset.state";
    until(&format!("{name} to be {state}"), LIMIT, async || {
        let now = app.session.run(script, vec![json!(name)]).await;
        (now == json!(state)).then_some(())
    })
    .await;
}

async fn text_of(app: &DesktopApp, name: &str) -> String {
    let script =
        "return document.querySelector(`[data-testid='destination'][data-name='${arguments[0]}']`).innerText";
    app.session.run(script, vec![json!(name)]).await.as_str().unwrap_or_default().to_owned()
}

pub async fn choose(app: &DesktopApp, test_id: &str, value: &str) {
    let script = "const it = document.querySelector(`[data-testid='${arguments[0]}']`);
        it.value = arguments[1]; it.dispatchEvent(new Event('change', { bubbles: true }))";
    app.session.run(script, vec![json!(test_id), json!(value)]).await;
}

/// Puts a text into a field at once: a key press at a time takes long where a machine is busy.
pub async fn fill(app: &DesktopApp, test_id: &str, text: &str) {
    let script = "const it = document.querySelector(`[data-testid='${arguments[0]}']`);
        it.value = arguments[1]; it.dispatchEvent(new Event('input', { bubbles: true }))";
    app.session.run(script, vec![json!(test_id), json!(text)]).await;
}
