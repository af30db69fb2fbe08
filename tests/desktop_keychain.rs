//! Keys of destinations move into the keychain of the desktop, are named when it is locked or gone, and are never lost.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::desktop_app::DesktopApp;
use crate::harness::display::Display;
use crate::harness::keychain::Keychain;
use crate::harness::machine::alone;
use crate::harness::sealed;
use crate::harness::sound::SoundServer;
use crate::harness::studio_page::{LIMIT, Looks, attribute, choose, fill};
use crate::harness::wait::{seconds, until};

const KEY: &str = "live_4711_AbCdEfGhIjKl";
const OTHER_KEY: &str = "another-key-0815";
/// What the file has where a key is encrypted.
const SEALED: &str = "\"sealed\"";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_in_the_keychain_where_there_is_one_and_encrypted_in_the_file_else() {
    alone(seconds(300), keys()).await;
}

async fn keys() {
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let folder = TempDir::new().expect("a temporary folder");
    let data = TempDir::new().expect("a temporary folder");
    let keep = |name: &str, value: Value| {
        std::fs::write(data.path().join(name), value.to_string()).expect("the folder can be written");
    };
    keep("settings.json", json!({"origin": {"http": "127.0.0.1:0", "rtmp": "127.0.0.1:0"}}));
    // As an earlier version kept it.
    let twitch = json!({"id": 1, "name": "Twitch", "service": "twitch", "address": "rtmp://live.twitch.tv/app",
        "key": KEY, "passphrase": "", "on": true});
    keep("destinations.json", json!([twitch]));
    let mut looks = Looks::default();

    // Without a keychain the key stays in the file, encrypted now, and Settings say so.
    let app = DesktopApp::start_in(&display, &sound, data).await;
    app.comes_to_show("go-live", LIMIT).await;
    destinations(&app).await;
    says(&app, "absent").await;
    let said = app.session.texts("keychain").await.concat();
    let place = sealed::key_file(app.data()).display().to_string();
    assert!(said.contains("encrypted; what decrypts it is in") && said.contains(&place), "{said}");
    looks.everywhere(&app, "settings-destinations-file").await;
    assert!(kept(app.data()).contains(SEALED) && !kept(app.data()).contains(KEY));

    // Where there is one, the key moves.
    let keychain = Keychain::start(&app.bus, folder.path(), true).await;
    app.session.click("keychain-unlock").await;
    says(&app, "open").await;
    until("the key to leave the file", LIMIT, async || (!kept(app.data()).contains(SEALED)).then_some(()))
        .await;
    assert_eq!(keychain.secrets().await, [format!(r#"{{"key":"{KEY}","passphrase":""}}"#)]);
    looks.everywhere(&app, "settings-destinations-keychain").await;
    drop(keychain);

    // Started again without it: nothing goes out without its key, and one notice says which.
    let data = app.cut_off();
    let app = DesktopApp::start_in(&display, &sound, data).await;
    row(&app, "Twitch", "locked").await;
    notice(&app, "does not answer").await;
    let keychain = Keychain::start(&app.bus, folder.path(), false).await;
    app.session.click("notice-action").await;
    notice(&app, "is locked").await;
    assert_eq!(app.session.texts("notice").await.len(), 1);
    looks.everywhere(&app, "studio-keychain-locked").await;
    // The person unlocks it.
    drop(keychain);
    let keychain = Keychain::start(&app.bus, folder.path(), true).await;
    app.session.click("notice-action").await;
    row(&app, "Twitch", "ready").await;
    assert!(!app.session.shows("notice").await);

    // It vanishes. What is added meanwhile is in the file, and what it had is not given up.
    drop(keychain);
    add(&app, "Relay", OTHER_KEY).await;
    destinations(&app).await;
    says(&app, "absent").await;
    assert!(kept(app.data()).contains(SEALED) && !kept(app.data()).contains(OTHER_KEY));
    let keychain = Keychain::start(&app.bus, folder.path(), true).await;
    app.session.click("keychain-unlock").await;
    says(&app, "open").await;
    until("both keys in the keychain", LIMIT, async || {
        let all = keychain.secrets().await.concat();
        (all.contains(KEY) && all.contains(OTHER_KEY)).then_some(())
    })
    .await;
    until("no key in the file", LIMIT, async || (!kept(app.data()).contains(SEALED)).then_some(())).await;

    // What is removed is removed there too.
    app.press("settings-edit", &["form-remove"]).await;
    app.press("form-remove", &["form-remove-confirm"]).await;
    app.session.click("form-remove-confirm").await;
    until("its key to go", LIMIT, async || (!keychain.secrets().await.concat().contains(KEY)).then_some(()))
        .await;
    assert_eq!(keychain.secrets().await.len(), 1);
    assert_eq!(looks.faults, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_nothing_decrypts_any_more_are_entered_again_and_nothing_else_is_lost() {
    alone(seconds(200), lost()).await;
}

async fn lost() {
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let app = DesktopApp::start(&display, &sound).await;
    app.comes_to_show("go-live", LIMIT).await;
    add(&app, "Relay", KEY).await;
    until("the key to be kept", LIMIT, async || kept(app.data()).contains(SEALED).then_some(())).await;
    let before = sealed::owner(app.data());

    // As where only the data folder was brought to another computer.
    std::fs::remove_file(sealed::key_file(app.data())).expect("the key is there");
    let app = DesktopApp::start_in(&display, &sound, app.cut_off()).await;
    row(&app, "Relay", "lost").await;
    until("words for it", LIMIT, async || {
        let said = app.session.texts("notice").await.concat();
        (said.contains("What decrypts the keys is gone") && said.contains("Relay")).then_some(())
    })
    .await;
    let mut looks = Looks::default();
    looks.everywhere(&app, "studio-keys-lost").await;
    app.press("fix", &["form-save"]).await;
    fill(&app, "form-key", OTHER_KEY).await;
    app.session.click("form-save").await;
    row(&app, "Relay", "ready").await;
    until("the notice to go", LIMIT, async || (!app.session.shows("notice").await).then_some(())).await;
    // The app's own room has another key, which nobody has to enter.
    let after = sealed::owner(app.data());
    assert_ne!(before["stream_key"], after["stream_key"]);
    until("the form to close", LIMIT, async || (!app.session.shows("form-save").await).then_some(())).await;
    app.press("go-live", &["countdown", "connecting", "live-timer"]).await;
    row(&app, "This computer", "live").await;
    assert_eq!(looks.faults, Vec::<String>::new());
}

async fn destinations(app: &DesktopApp) {
    app.press("settings-button", &["settings"]).await;
    app.press("tab-destinations", &["settings-add"]).await;
}

/// Settings say where keys are.
async fn says(app: &DesktopApp, state: &str) {
    until(&format!("a keychain that is {state}"), LIMIT, async || {
        (attribute(app, "keychain", "data-state").await == state).then_some(())
    })
    .await;
}

async fn notice(app: &DesktopApp, words: &str) {
    until(words, LIMIT, async || {
        let said = app.session.texts("notice").await.concat();
        (said.contains(words) && said.contains("Twitch")).then_some(())
    })
    .await;
}

/// A destination's row comes to a state.
async fn row(app: &DesktopApp, name: &str, state: &str) {
    let script = "return document.querySelector(`[data-testid='destination'][data-name='${arguments[0]}']`)?.dataset.state";
    until(&format!("{name} to be {state}"), LIMIT, async || {
        (app.session.run(script, vec![json!(name)]).await == json!(state)).then_some(())
    })
    .await;
}

async fn add(app: &DesktopApp, name: &str, key: &str) {
    app.press("add-destination", &["form-save"]).await;
    choose(app, "form-kind", "rtmp").await;
    fill(app, "form-name", name).await;
    fill(app, "form-key", key).await;
    fill(app, "form-address", "rtmp://relay.example/live").await;
    app.session.click("form-save").await;
    row(app, name, "ready").await;
    until("the form to close", LIMIT, async || (!app.session.shows("form-save").await).then_some(())).await;
}

fn kept(data: &Path) -> String {
    std::fs::read_to_string(data.join("destinations.json")).expect("the app has written it")
}
