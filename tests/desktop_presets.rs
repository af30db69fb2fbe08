//! The desktop app says what a public service asks for and does not get, before anybody goes live.

use std::time::Duration;

use serde_json::json;

use crate::desktop_destinations::{choose, fill};
use crate::harness::desktop_app::DesktopApp;
use crate::harness::display::Display;
use crate::harness::looks::Looks;
use crate::harness::machine::beside_others;
use crate::harness::sound::SoundServer;
use crate::harness::wait::{seconds, until};

/// Whatever the window shows, on a busy machine.
const LIMIT: Duration = seconds(45);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_app_says_what_a_service_asks_for_and_does_not_get() {
    beside_others(seconds(300), presets()).await;
}

async fn presets() {
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let app = DesktopApp::start(&display, &sound).await;
    app.comes_to_show("go-live", LIMIT).await;
    app.press("add-destination", &["form-save"]).await;
    let known = "return document.querySelector(`[data-testid='form-kind'] option[value='twitch']`) !== null";
    until("the services to be known", LIMIT, async || {
        (app.session.run(known, vec![]).await == json!(true)).then_some(())
    })
    .await;
    choose(&app, "form-kind", "twitch").await;
    fill(&app, "form-name", "My channel").await;
    fill(&app, "form-key", "live_1").await;
    app.session.click("form-save").await;
    until("the form to close", LIMIT, async || (!app.session.shows("form-save").await).then_some(())).await;
    // What is set from the start suits it.
    says(&app, &[]).await;

    app.press("settings-button", &["settings"]).await;
    app.press("tab-output", &["encoder-libx265"]).await;
    app.session.click("encoder-libx265").await;
    says(&app, &["ownEncode"]).await;
    slide(&app, "set-bitrate", 8_000).await;
    says(&app, &["ownEncode", "tooMuchVideo"]).await;
    choose(&app, "set-keyframes", "4").await;
    says(&app, &["ownEncode", "tooMuchVideo", "keyframesFarApart"]).await;
    let words = app.session.texts("service-advice").await.join(" ");
    for part in ["H.264 only", "6.0 Mb/s", "8.0 Mb/s", "every 2 seconds"] {
        assert!(words.contains(part), "no {part} in {words}");
    }
    let mut looks = Looks::default();
    looks.everywhere(&app, "presets-settings-output").await;
    app.press("settings-back", &["go-live"]).await;
    says(&app, &["ownEncode", "tooMuchVideo", "keyframesFarApart"]).await;
    looks.everywhere(&app, "presets-destinations").await;

    // Nothing is said of what is switched off, and nothing when it gets what it asks for.
    app.session.click("switch-1").await;
    says(&app, &[]).await;
    app.session.click("switch-1").await;
    app.press("settings-button", &["settings"]).await;
    app.press("tab-output", &["encoder-auto"]).await;
    choose(&app, "set-keyframes", "0").await;
    says(&app, &["ownEncode", "tooMuchVideo"]).await;
    app.session.click("encoder-auto").await;
    says(&app, &["tooMuchVideo"]).await;
    app.press("tab-language", &["set-language-zh-CN"]).await;
    app.session.click("set-language-zh-CN").await;
    app.press("tab-output", &["encoder-auto"]).await;
    until("Chinese", LIMIT, async || {
        let words = app.session.texts("service-advice").await.join(" ");
        words.contains("Twitch 最多接收").then_some(())
    })
    .await;
    assert_eq!(looks.faults, Vec::<String>::new());
}

/// Waits until exactly this is said.
async fn says(app: &DesktopApp, expected: &[&str]) {
    let script = "return [...document.querySelectorAll(`[data-testid='service-advice']`)].map((it) => it.dataset.kind)";
    until(&format!("advice {expected:?}"), LIMIT, async || {
        (app.session.run(script, vec![]).await == json!(expected)).then_some(())
    })
    .await;
}

async fn slide(app: &DesktopApp, test_id: &str, value: u32) {
    let script = "const it = document.querySelector(`[data-testid='${arguments[0]}']`);
        it.value = arguments[1]; it.dispatchEvent(new Event('input', { bubbles: true }));
        it.dispatchEvent(new Event('change', { bubbles: true }))";
    app.session.run(script, vec![json!(test_id), json!(value)]).await;
}
