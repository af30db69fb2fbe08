//! The settings' page of the origin: each setting holds, in the app, in the origin, and at the next start.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::desktop_app::DesktopApp;
use crate::harness::desktop_services::DesktopServices;
use crate::harness::display::Display;
use crate::harness::environment::program;
use crate::harness::http::Http;
use crate::harness::machine::beside_others;
use crate::harness::sound::SoundServer;
use crate::harness::studio_page::{LIMIT, Looks, attribute, choose};
use crate::harness::wait::{seconds, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_settings_of_the_origin_hold_here_and_at_the_next_start() {
    beside_others(seconds(300), settings()).await;
}

async fn settings() {
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let app = DesktopApp::start(&display, &sound).await;
    let services = DesktopServices::start(&app.bus).await;
    let mut looks = Looks { faults: Vec::new() };
    app.comes_to_show("go-live", LIMIT).await;
    app.press("origin-menu", &["origin-address"]).await;
    app.session.click("origin-address").await;
    app.comes_to_show("local-url", LIMIT).await;
    let (origin, token) = app.origin().await;
    let link = app.session.texts("local-url").await.concat();
    let room = format!("{origin}/api/v1/rooms/{}", link.rsplit('/').next().unwrap_or_default());
    app.press("origin-back", &["settings-button"]).await;
    app.press("settings-button", &["tab-origin"]).await;
    app.press("tab-origin", &["set-audience"]).await;
    app.comes_to_show("set-limit", LIMIT).await;

    rules(&app, &token, &format!("{origin}/api/v1/settings"), &room).await;
    habits(&app).await;
    backup(&app, &mut looks).await;
    look(&app, &mut looks).await;
    tray(&app, &display, &services).await;

    app.session.click("set-with-app").await;
    kept(&app, "/habits/withApp", json!(false)).await;
    choose(&app, "set-audience", "my-network").await;
    until("the network in the settings", LIMIT, async || {
        let http = read(&app).pointer("/origin/http").cloned().unwrap_or_default();
        http.as_str().is_some_and(|http| http.starts_with("0.0.0.0:")).then_some(())
    })
    .await;
    drop(services);
    let app = DesktopApp::start_in(&display, &sound, app.cut_off()).await;
    app.comes_to_show("settings-button", LIMIT).await;
    app.press("settings-button", &["tab-origin"]).await;
    app.press("tab-origin", &["set-origin-off"]).await;
    assert!(!app.session.shows("set-title").await, "what a stopped origin does not tell is shown");
    assert_eq!(attribute(&app, "set-keep", "value").await, "30");
    assert_eq!(attribute(&app, "set-audience", "value").await, "my-network");
    app.settles().await;
    looks.check(&app, "settings-origin-off").await;
    // Who can watch is remembered, and nothing listens that nobody started.
    choose(&app, "set-audience", "only-me").await;
    until("this computer in the settings", LIMIT, async || {
        let http = read(&app).pointer("/origin/http").cloned().unwrap_or_default();
        http.as_str().is_some_and(|http| http.starts_with("127.0.0.1:")).then_some(())
    })
    .await;
    app.press("origin-menu", &["origin-start"]).await;
    assert!(app.session.offers("origin-start").await, "the origin started by itself");
    assert_eq!(looks.faults, Vec::<String>::new());
}

/// What the origin keeps itself, it has.
async fn rules(app: &DesktopApp, token: &str, server: &str, room: &str) {
    let told = async |url: &str, key: &str, wanted: Value| {
        until(&format!("{key} to be {wanted}"), LIMIT, async || {
            (Http::new().get_as(token, url).await.json()[key] == wanted).then_some(())
        })
        .await;
    };
    choose(app, "set-registration", "open").await;
    told(server, "registration", json!("open")).await;
    choose(app, "set-limit", "0").await;
    app.comes_to_show("set-limit-wrong", LIMIT).await;
    choose(app, "set-limit", "25").await;
    told(room, "viewer_limit", json!(25)).await;
    choose(app, "set-limit", "").await;
    told(room, "viewer_limit", Value::Null).await;
    app.session.click("set-replays").await;
    told(room, "record", json!(true)).await;
    choose(app, "set-title", "Biology 10B").await;
    told(room, "title", json!("Biology 10B")).await;
    // What the origin does not take is not shown as if it had.
    choose(app, "set-title", &"long ".repeat(100)).await;
    app.comes_to_show("failure-close", LIMIT).await;
    until("the title that holds", LIMIT, async || {
        (attribute(app, "set-title", "value").await == "Biology 10B").then_some(())
    })
    .await;
    app.session.click("failure-close").await;
    app.press("settings-back", &["room-title"]).await;
    until("the title in the studio", LIMIT, async || {
        (app.session.texts("room-title").await.concat() == "Biology 10B").then_some(())
    })
    .await;
    app.press("settings-button", &["set-limit"]).await;
}

/// What the app keeps stands in its settings.
async fn habits(app: &DesktopApp) {
    choose(app, "set-keep", "30").await;
    kept(app, "/habits/keepDays", json!(30)).await;
    let file = app.data().join("autostart/rostrum.desktop");
    app.session.click("set-autostart").await;
    until("the file for the session", LIMIT, async || file.exists().then_some(())).await;
    app.session.click("set-open-data").await;
    let folder = app.data().join("origin").display().to_string();
    until("the data folder", LIMIT, async || app.opened().contains(&folder).then_some(())).await;
}

/// A backup that is saved while the origin runs is one to start on, elsewhere too.
async fn backup(app: &DesktopApp, looks: &mut Looks) {
    app.press("set-backup", &["backup-save"]).await;
    looks.everywhere(app, "settings-origin-backup").await;
    app.press("backup-save", &["backup-file"]).await;
    let file = app.session.texts("backup-file").await.concat();
    let restored = TempDir::new().expect("a temporary folder");
    let status = Command::new("tar").arg("-xf").arg(&file).arg("-C").arg(restored.path()).status();
    assert!(status.expect("tar starts").success(), "{file} is no archive");
    let mut listing = Command::new(program("ROSTRUM_ORIGIN_BIN", "rostrum-origin"));
    listing.args(["room", "list", "--json", "--data"]).arg(restored.path()).current_dir(restored.path());
    let rooms = listing.output().expect("rostrum-origin starts");
    let rooms: Value = serde_json::from_slice(&rooms.stdout).expect("a list of rooms");
    assert_eq!(rooms["rooms"][0]["title"], json!("Biology 10B"), "{rooms}");
    app.session.click("backup-folder").await;
    let folder = Path::new(&file).parent().expect("it is in a folder").display().to_string();
    until("the folder", LIMIT, async || app.opened().contains(&folder).then_some(())).await;
    // Esc leaves the dialog and not the page behind it.
    app.session.type_into("backup-close", "\u{E00C}").await;
    until("the dialog to close", LIMIT, async || (!app.session.shows("backup-close").await).then_some(()))
        .await;
    assert!(app.session.offers("set-backup").await, "the settings are left");
}

/// Closing the window leaves everything running in the tray, once that is wanted.
async fn tray(app: &DesktopApp, display: &Display, services: &DesktopServices) {
    until("the tray", LIMIT, async || app.session.offers("set-in-tray").await.then_some(())).await;
    app.session.click("set-in-tray").await;
    kept(app, "/habits/inTray", json!(true)).await;
    display.close_window("Rostrum");
    visible(display, false).await;
    services.choose("Show window").await;
    visible(display, true).await;
    app.comes_to_show("set-in-tray", LIMIT).await;
    app.session.click("set-in-tray").await;
    kept(app, "/habits/inTray", json!(false)).await;
}

async fn visible(display: &Display, wanted: bool) {
    until(&format!("the window to be visible: {wanted}"), LIMIT, async || {
        (display.shows_window("Rostrum") == wanted).then_some(())
    })
    .await;
}

fn read(app: &DesktopApp) -> Value {
    let text = std::fs::read_to_string(app.data().join("settings.json")).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// Waits until the settings have a value.
async fn kept(app: &DesktopApp, pointer: &str, wanted: Value) {
    until(&format!("{pointer} to be {wanted}"), LIMIT, async || {
        (read(app).pointer(pointer) == Some(&wanted)).then_some(())
    })
    .await;
}

/// Both themes, and the other language.
async fn look(app: &DesktopApp, looks: &mut Looks) {
    for (theme, language) in [("dark", "en"), ("light", "en"), ("light", "zh-CN"), ("dark", "en")] {
        let script = "const ask = window.__TAURI_INTERNALS__.invoke;
            ask('set_theme', { theme: arguments[0] }); ask('set_language', { language: arguments[1] })";
        app.session.run(script, vec![json!(theme), json!(language)]).await;
        let worn = "const it = document.documentElement; return [it.dataset.theme, it.lang]";
        until("the look", LIMIT, async || {
            (app.session.run(worn, vec![]).await == json!([theme, language])).then_some(())
        })
        .await;
        app.settles().await;
        looks.check(app, &format!("settings-origin-{language}-{theme}")).await;
    }
}
