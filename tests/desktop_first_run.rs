//! The first start: three clicks from nothing to a broadcast that a browser plays, and a set-up that comes back to where
//! it was closed.

use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::browser::Browser;
use crate::harness::desktop_app::DesktopApp;
use crate::harness::display::Display;
use crate::harness::looks::Looks;
use crate::harness::machine::alone;
use crate::harness::sound::SoundServer;
use crate::harness::wait::{seconds, until};
use crate::harness::watch_page::WatchPage;

/// Whatever the window shows, on a busy machine.
const LIMIT: std::time::Duration = seconds(45);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_clicks_lead_from_a_first_start_to_a_broadcast_that_a_browser_plays() {
    alone(seconds(300), three_clicks()).await;
}

async fn three_clicks() {
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let begun = Instant::now();
    let app = DesktopApp::start_in(&display, &sound, TempDir::new().expect("a temporary folder")).await;
    app.comes_to_show("setup-continue", LIMIT).await;
    assert_eq!(step(&app).await, json!("audience"));
    assert!(!app.data().join("origin").exists(), "an origin runs before anybody said who can watch");

    app.session.click("setup-continue").await;
    comes_to(&app, "devices").await;
    app.session.click("setup-continue").await;
    comes_to(&app, "destinations").await;
    app.comes_to_show("setup-live", LIMIT).await;
    let link = app.session.texts("setup-link").await.concat();
    app.session.click("setup-live").await;
    app.comes_to_show("live-timer", LIMIT).await;
    let browser = Browser::open(&link).await;
    WatchPage(&browser.session).plays(0.1, LIMIT).await;
    println!("a browser plays {:.1} s after the process was started", begun.elapsed().as_secs_f64());
    let mut looks = Looks::default();
    looks.everywhere(&app, "studio-live").await;
    assert_eq!(kept(app.data(), "first_run"), Value::Null);
    app.press("end", &["end-confirm"]).await;
    looks.everywhere(&app, "studio-end").await;
    app.press("end-confirm", &["summary"]).await;
    looks.everywhere(&app, "studio-ended").await;
    assert_eq!(looks.faults, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_set_up_comes_back_to_where_it_was_closed_and_listens_as_it_was_told() {
    alone(seconds(300), closed_in_the_middle()).await;
}

async fn closed_in_the_middle() {
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let data = TempDir::new().expect("a temporary folder");
    obs_profile(data.path());
    let app = DesktopApp::start_in(&display, &sound, data).await;
    let mut looks = Looks::default();
    app.comes_to_show("setup-continue", LIMIT).await;
    looks.everywhere(&app, "first-run-1").await;
    app.session.click("setup-only-me").await;
    app.session.click("setup-continue").await;
    comes_to(&app, "devices").await;
    meets(&app, "[data-testid=preview]", "it.dataset.drawn === 'true'").await;
    meets(&app, "[data-testid=meter]", "it.dataset.rms !== undefined").await;
    meets(&app, "[data-testid=setup-encoder]", "['good', 'slow'].includes(it.dataset.state)").await;
    looks.everywhere(&app, "first-run-2").await;
    choose(&app, "setup-picture", "test").await;
    meets(&app, "[data-testid=preview]", "it.dataset.drawn === 'true'").await;

    let app = DesktopApp::start_in(&display, &sound, app.cut_off()).await;
    app.comes_to_show("setup-back", LIMIT).await;
    assert_eq!(step(&app).await, json!("devices"));
    meets(&app, "[data-testid=setup-picture]", "it.value === 'test'").await;
    app.session.click("setup-back").await;
    comes_to(&app, "audience").await;
    meets(&app, "[data-testid=setup-only-me]", "it.checked").await;
    app.press("setup-continue", &["setup-back"]).await;
    comes_to(&app, "devices").await;
    app.session.click("setup-continue").await;
    comes_to(&app, "destinations").await;
    app.comes_to_show("setup-live", LIMIT).await;
    let link = app.session.texts("setup-link").await.concat();
    assert!(link.starts_with("http://127.0.0.1:"), "only this computer was to watch: {link}");
    app.press("setup-obs-take", &["setup-other"]).await;
    looks.everywhere(&app, "first-run-3").await;
    app.press("setup-open", &["go-live"]).await;
    assert_eq!(looks.faults, Vec::<String>::new());

    let app = DesktopApp::start_in(&display, &sound, app.cut_off()).await;
    app.comes_to_show("go-live", LIMIT).await;
    assert!(!app.session.shows("first-run").await, "the set-up is shown to somebody who has left it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_skips_the_set_up_is_watched_by_nobody_whom_they_shut_out() {
    alone(seconds(120), skipped()).await;
}

async fn skipped() {
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let app = DesktopApp::start_in(&display, &sound, TempDir::new().expect("a temporary folder")).await;
    app.comes_to_show("setup-only-me", LIMIT).await;
    app.session.click("setup-only-me").await;
    app.press("setup-skip", &["go-live"]).await;
    let kept = kept(app.data(), "origin");
    let http = kept["http"].as_str().unwrap_or_default();
    assert!(http.starts_with("127.0.0.1:"), "the network may watch: {kept}");
}

async fn step(app: &DesktopApp) -> Value {
    let script = "return document.querySelector('[data-testid=first-run]')?.dataset.step";
    app.session.run(script, vec![]).await
}

async fn comes_to(app: &DesktopApp, wanted: &str) {
    until(&format!("the step {wanted}"), LIMIT, async || (step(app).await == json!(wanted)).then_some(()))
        .await;
}

/// Waits until `it`, the element, is as the script says.
async fn meets(app: &DesktopApp, selector: &str, script: &str) {
    let script = format!("const it = document.querySelector(`{selector}`); return !!it && ({script})");
    until(&format!("{selector}: {script}"), LIMIT, async || {
        (app.session.run(&script, vec![]).await == json!(true)).then_some(())
    })
    .await;
}

async fn choose(app: &DesktopApp, test_id: &str, value: &str) {
    let script = "const it = document.querySelector(`[data-testid='${arguments[0]}']`);
        it.value = arguments[1]; it.dispatchEvent(new Event('change', { bubbles: true }))";
    app.session.run(script, vec![json!(test_id), json!(value)]).await;
}

/// A key of the settings file.
fn kept(data: &Path, key: &str) -> Value {
    let text = std::fs::read_to_string(data.join("settings.json")).expect("the settings are kept");
    serde_json::from_str::<Value>(&text).expect("they are JSON")[key].clone()
}

/// What OBS leaves behind where it was set up for a server.
fn obs_profile(home: &Path) {
    let folder = home.join("obs-studio/basic/profiles/Talks");
    std::fs::create_dir_all(&folder).expect("the folder can be written");
    let service =
        r#"{"type":"rtmp_custom","settings":{"server":"rtmp://relay.example/live","key":"not-a-real-key"}}"#;
    std::fs::write(folder.join("service.json"), service).expect("it can be written");
    std::fs::write(folder.join("basic.ini"), "[SimpleOutput]\nVBitrate=3000\n[Video]\nFPSCommon=30\n")
        .expect("it can be written");
}
