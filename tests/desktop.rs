//! The whole chain: the desktop app in a real window captures the display and a microphone, goes live to its own origin,
//! and browsers watch it and chat.

use std::path::Path;
use std::time::Duration;

use rand::Rng;
use serde_json::json;
use tempfile::TempDir;

use crate::harness::browser::{Browser, Session};
use crate::harness::desktop_app::DesktopApp;
use crate::harness::display::{Display, Grid, cell_middles};
use crate::harness::environment::{clip, keep_screenshot};
use crate::harness::http::Http;
use crate::harness::machine::alone;
use crate::harness::sound::SoundServer;
use crate::harness::speech::{Sound, record};
use crate::harness::viewer::Viewer;
use crate::harness::wait::{seconds, until};
use crate::harness::watch_page::{WatchPage, colours, shows_line};

/// The display that is captured: the app's window is at its left, the grid at its right.
const DISPLAY: (u32, u32) = (1920, 1080);
/// Where the grid is, and the side of its cells: pixels of the display.
const GRID: (u32, u32, u32) = (1400, 540, 80);
/// How much of the received sound is compared at once, seconds: longer than a sentence's pause.
const HEARD: f64 = 3.0;
/// How much of what the browser plays is compared at once, seconds: a dozen syllables.
const SYLLABLES: f64 = 5.0;
/// How much sound is received, and recorded from the browser, seconds: more than one round of the sentence.
const PLAYED: f64 = 12.0;
/// How often what is received is listened to before it counts as wrong.
const LISTENED_MAX: usize = 3;
/// The least correlation of what is heard with what was played.
const CORRELATION_MIN: f64 = 0.8;
/// From the click to the first picture in a browser: countdown, encoder, first part, the player's own start.
const PLAYS_LIMIT: Duration = seconds(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_app_goes_live_and_browsers_see_hear_and_answer_it() {
    alone(seconds(500), go_live()).await;
}

async fn go_live() {
    let Some(spoken) = clip("jfk_speech.flac") else { return };
    let folder = TempDir::new().expect("a temporary folder");
    let display = Display::start(DISPLAY.0, DISPLAY.1).await;
    let sound = SoundServer::start().await;
    let _speaker = sound.play(&spoken_for_long(&spoken, folder.path()));
    let app = DesktopApp::start(&display, &sound).await;
    let grid = Grid::random();
    let _grid = grid.show(&display, folder.path(), GRID.0, GRID.1, GRID.2);

    app.comes_to_show("preview", seconds(40)).await;
    // The grid's window is there before the click, so that it does not come up in the middle of it.
    shows(&app.session, "[data-testid='preview']", &grid, seconds(45)).await;
    app.comes_to_show("go-live", seconds(45)).await;
    // The sound server's own source, not ALSA's way around it.
    let microphone = "return document.querySelector('[data-testid=source-microphone]').innerText";
    until("the monitor as the microphone", seconds(45), async || {
        let shown = app.session.run(microphone, vec![]).await.to_string();
        shown.contains("Monitor of").then_some(())
    })
    .await;
    app.press("go-live", &["countdown", "connecting", "live-timer"]).await;
    app.comes_to_show("live-timer", seconds(40)).await;
    let link = shared_link(&app).await;
    println!("the shared link: {link}");

    let browser = Browser::open(&link).await;
    let page = WatchPage(&browser.session);
    let begun = page.plays(2.0, PLAYS_LIMIT).await;
    assert_eq!(begun.fatal_errors, "0", "{begun:?}");
    println!("the browser plays: {begun:?}");
    shows(&browser.session, "video", &grid, seconds(45)).await;
    println!("the browser shows the grid");
    hears(&browser, &link, &spoken, folder.path()).await;
    // Only now: two browsers that play beside an app that encodes leave a small machine no time for sound.
    let second = Browser::open(&link).await;
    chat(&app, &page, &WatchPage(&second.session)).await;
    until("the badge LIVE", seconds(45), async || page.0.shows("live-badge").await.then_some(())).await;
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
    until("the shared link", seconds(45), async || {
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

/// The picture that an element shows is the display of this run.
async fn shows(session: &Session, selector: &str, grid: &Grid, limit: Duration) {
    let cells = cell_middles(GRID.0, GRID.1, GRID.2, DISPLAY);
    let mut last = Vec::new();
    let seen = until("the grid in the picture", limit * 2, async || {
        last = colours(session, selector, &cells).await;
        (Grid::nearest(&last) == *grid).then_some(())
    });
    if tokio::time::timeout(limit, seen).await.is_err() {
        keep_screenshot("grid-not-found.png", &session.screenshot().await);
        panic!("the display showed {grid:?}, {selector} shows {:?}: {last:?}", Grid::nearest(&last));
    }
}

/// What arrives is the sentence, sample by sample; what the browser makes of it has its syllables.
async fn hears(browser: &Browser, link: &str, spoken: &Path, folder: &Path) {
    let mut twice = Sound::read(spoken);
    twice.0.extend_from_within(..);
    let mut fits = Vec::new();
    // A machine that stands still for a moment loses sound before the app has it.
    for _ in 0..LISTENED_MAX {
        let received = received(link, folder).await;
        fits = stretches(&received, HEARD, |stretch| stretch.correlation(&twice));
        println!("stretches of {HEARD} s that are received correlate with what was spoken: {fits:.3?}");
        if mostly_fit(&fits) {
            break;
        }
    }
    assert!(mostly_fit(&fits), "too little of what is received was spoken: {fits:.3?}");

    let heard = record(&browser.session, PLAYED).await;
    let fits = stretches(&heard, SYLLABLES, |stretch| stretch.syllables(&twice));
    println!("syllables that the browser plays correlate with those spoken: {fits:.3?}");
    assert!(fits.iter().any(|&correlation| correlation > CORRELATION_MIN), "the browser plays {fits:.3?}");
}

/// More than half of them.
fn mostly_fit(correlations: &[f64]) -> bool {
    let fitting = correlations.iter().filter(|&&correlation| correlation > CORRELATION_MIN).count();
    fitting * 2 > correlations.len()
}

/// The sound of the live playlist, decoded by FFmpeg.
async fn received(link: &str, folder: &Path) -> Sound {
    let url = format!("{}/index.m3u8", link.replacen("/r/", "/live/", 1));
    let mut viewer = Viewer::join(&Http::new(), &url).await;
    until("some seconds of sound", seconds(40), async || {
        viewer.advance().await;
        let file = viewer.write(folder).last()?.clone();
        let sound = Sound::read(&file);
        (sound.seconds() > PLAYED).then_some(sound)
    })
    .await
}

/// What every stretch of so many seconds reaches, one beginning a second after the other.
fn stretches(sound: &Sound, length: f64, fits: impl Fn(&Sound) -> f64) -> Vec<f64> {
    let starts = (0..).map(f64::from).take_while(|start| start + length <= sound.seconds());
    starts.map(|start| fits(&sound.stretch(start, length))).collect()
}

/// A line from a browser shows in another and in the app's dock; a line from the app shows in the browsers.
async fn chat(app: &DesktopApp, page: &WatchPage<'_>, second: &WatchPage<'_>) {
    let from_browser = format!("hello {}", rand::rng().random_range(0..u32::MAX));
    page.chat("Ada", &from_browser).await;
    second.shows_line(&from_browser, seconds(45)).await;
    shows_line(&app.session, &from_browser, seconds(45)).await;
    let from_app = format!("welcome {}", rand::rng().random_range(0..u32::MAX));
    app.session.type_into("chat-input", &from_app).await;
    app.session.click("chat-send").await;
    page.shows_line(&from_app, seconds(45)).await;
    second.shows_line(&from_app, seconds(45)).await;
}

/// The app ends the broadcast when asked twice, and the page says so.
async fn end(app: &DesktopApp, page: &WatchPage<'_>) {
    app.press("end", &["end-confirm"]).await;
    app.press("end-confirm", &["summary"]).await;
    app.comes_to_show("summary", seconds(45)).await;
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
