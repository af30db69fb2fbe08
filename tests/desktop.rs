//! The whole chain: the desktop app in a real window captures the display and a microphone, goes live to its own origin,
//! and browsers watch it and chat.

use std::path::Path;
use std::time::Duration;

use rand::Rng;
use serde_json::json;
use tempfile::TempDir;

use crate::harness::browser::Browser;
use crate::harness::desktop_app::DesktopApp;
use crate::harness::display::{Display, Grid, cell_middles};
use crate::harness::environment::{clip, keep_screenshot, whole_machine};
use crate::harness::sound::SoundServer;
use crate::harness::speech::{Sound, record};
use crate::harness::wait::{bounded, seconds, until};
use crate::harness::watch_page::{WatchPage, shows_line};

/// The display that is captured: the app's window is at its left, the grid at its right.
const DISPLAY: (u32, u32) = (1920, 1080);
/// Where the grid is, and the side of its cells: pixels of the display.
const GRID: (u32, u32, u32) = (1400, 540, 80);
/// How much of the received sound is compared, seconds: longer than a sentence's pause.
const HEARD: f64 = 4.0;
/// The least correlation of what is heard with what was played.
const CORRELATION_MIN: f64 = 0.8;
/// From the click to the first picture in a browser: countdown, encoder, first part, the player's own start.
const PLAYS_LIMIT: Duration = seconds(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_app_goes_live_and_browsers_see_hear_and_answer_it() {
    bounded(seconds(280), go_live()).await;
}

async fn go_live() {
    let Some(spoken) = clip("jfk_speech.flac") else { return };
    let _machine = whole_machine().await;
    let folder = TempDir::new().expect("a temporary folder");
    let display = Display::start(DISPLAY.0, DISPLAY.1).await;
    let sound = SoundServer::start().await;
    let _speaker = sound.play(&spoken_for_long(&spoken, folder.path()));
    let app = DesktopApp::start(&display, &sound).await;
    let grid = Grid::random();
    let _grid = grid.show(&display, folder.path(), GRID.0, GRID.1, GRID.2);

    until("the app's own preview", seconds(40), async || app.session.shows("preview").await.then_some(()))
        .await;
    until("the app's button Go live", seconds(20), async || app.session.shows("go-live").await.then_some(()))
        .await;
    app.session.click("go-live").await;
    until("the app to be live", seconds(40), async || app.session.shows("live-timer").await.then_some(()))
        .await;
    let link = shared_link(&app).await;
    println!("the shared link: {link}");

    let (browser, second) = tokio::join!(Browser::open(&link), Browser::open(&link));
    let page = WatchPage(&browser.session);
    let begun = page.plays(2.0, PLAYS_LIMIT).await;
    assert_eq!(begun.fatal_errors, "0", "{begun:?}");
    sees(&page, &grid).await;
    hears(&browser, &spoken, folder.path()).await;
    chat(&app, &page, &WatchPage(&second.session)).await;
    until("the badge LIVE", seconds(10), async || page.0.shows("live-badge").await.then_some(())).await;
    keep_screenshot("watch-page.png", &browser.session.screenshot().await);
    keep_screenshot("app-live.png", &app.session.screenshot().await);
    end(&app, &page).await;
    let ended = page.player().await;
    assert!(
        ended.is_none_or(|player| player.fatal_errors == "0"),
        "the player failed when the broadcast ended"
    );
}

/// The link that the app shows under Share.
async fn shared_link(app: &DesktopApp) -> String {
    if !app.session.shows("share-link").await {
        app.session.click("share").await;
    }
    until("the shared link", seconds(10), async || {
        let script = "const it = document.querySelector(`[data-testid='share-link']`);
            return it && (it.value || it.href || it.innerText)";
        app.session
            .run(script, vec![])
            .await
            .as_str()
            .map(|link| link.trim().to_owned())
            .filter(|link| link.starts_with("http"))
    })
    .await
}

/// The picture in the player is the display of this run.
async fn sees(page: &WatchPage<'_>, grid: &Grid) {
    let cells = cell_middles(GRID.0, GRID.1, GRID.2, DISPLAY);
    let mut last = Vec::new();
    let seen = until("the grid in the picture", seconds(15), async || {
        last = page.colours(&cells).await;
        (Grid::nearest(&last) == *grid).then_some(())
    });
    if tokio::time::timeout(seconds(14), seen).await.is_err() {
        keep_screenshot("grid-not-found.png", &page.0.screenshot().await);
        panic!("the display showed {grid:?}, the player shows {:?}: {last:?}", Grid::nearest(&last));
    }
}

/// What the browser plays is the sentence.
async fn hears(browser: &Browser, spoken: &Path, folder: &Path) {
    let heard = record(&browser.session, HEARD + 2.0, folder).await;
    let mut twice = Sound::read(spoken, None);
    twice.0.extend_from_within(..);
    // The first two seconds hold the recorder's own start.
    let correlation = heard.stretch(2.0, HEARD).correlation(&twice);
    println!("{HEARD} s of what the browser plays correlate {correlation:.3} with what was spoken");
    assert!(correlation > CORRELATION_MIN, "what the browser plays correlates only {correlation:.3}");
}

/// A line from a browser shows in another and in the app's dock; a line from the app shows in the browsers.
async fn chat(app: &DesktopApp, page: &WatchPage<'_>, second: &WatchPage<'_>) {
    let from_browser = format!("hello {}", rand::rng().random_range(0..u32::MAX));
    page.chat("Ada", &from_browser).await;
    second.shows_line(&from_browser, seconds(10)).await;
    shows_line(&app.session, &from_browser, seconds(10)).await;
    let from_app = format!("welcome {}", rand::rng().random_range(0..u32::MAX));
    app.session.type_into("chat-input", &from_app).await;
    app.session.click("chat-send").await;
    page.shows_line(&from_app, seconds(10)).await;
    second.shows_line(&from_app, seconds(10)).await;
}

/// The app ends the broadcast when asked twice, and the page says so.
async fn end(app: &DesktopApp, page: &WatchPage<'_>) {
    app.session.click("end").await;
    app.session.click("end-confirm").await;
    until("the app to be ready again", seconds(15), async || {
        app.session.shows("go-live").await.then_some(())
    })
    .await;
    let state = "return document.querySelector(arguments[0])?.getClientRects().length > 0";
    until("the page to stop saying LIVE", seconds(30), async || {
        let live = page.0.run(state, vec![json!("[data-testid='live-badge']")]).await;
        (live != json!(true)).then_some(())
    })
    .await;
}

/// The sentence again and again without a gap, for as long as this test may take.
fn spoken_for_long(spoken: &Path, folder: &Path) -> std::path::PathBuf {
    let file = folder.join("spoken.wav");
    let mut command = std::process::Command::new("ffmpeg");
    command
        .args(["-nostdin", "-v", "error", "-stream_loop", "30", "-i"])
        .arg(spoken)
        .args(["-ar", "48000"])
        .arg(&file);
    assert!(command.status().expect("ffmpeg starts").success(), "ffmpeg cannot repeat {}", spoken.display());
    file
}
