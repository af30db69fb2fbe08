//! The panel under a window manager: it is above whatever comes, and comes back where it was left.

use std::process::Command;

use tempfile::TempDir;

use crate::harness::desktop_app::DesktopApp;
use crate::harness::display::Display;
use crate::harness::machine::beside_others;
use crate::harness::process::Process;
use crate::harness::sound::SoundServer;
use crate::harness::studio_page::LIMIT;
use crate::harness::wait::{seconds, until};
use crate::harness::window_manager::WindowManager;

/// What the windows are called.
const PANEL: &str = "Not live – Rostrum";
const MAIN: &str = "Rostrum";
/// A program that has the whole screen.
const SLIDES: &str = "Slides";
/// Where the person puts the panel, so far from where it opens that nothing else puts it there.
const PLACE: (i16, i16) = (411, 307);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_panel_stays_above_other_windows_and_comes_back_where_it_was_left() {
    beside_others(seconds(300), above()).await;
}

async fn above() {
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let manager = WindowManager::start(&display).await;
    let app = DesktopApp::start(&display, &sound).await;
    app.comes_to_show("go-live", LIMIT).await;
    open(&app, &manager).await;

    let _slides = slides(&display);
    until("the slides on the whole screen", LIMIT, async || manager.is_full_screen(SLIDES).then_some(()))
        .await;
    // Openbox shows what has the whole screen and the keyboard too above all windows; a click gives the panel the latter.
    comes_above(&manager, PANEL, SLIDES).await;
    comes_above(&manager, MAIN, SLIDES).await;
    is_on_top_of(&manager, MAIN).await;

    manager.move_to(PANEL, PLACE.0.into(), PLACE.1.into());
    let left = until("the panel to be moved", LIMIT, async || {
        // A frame around it may take some pixels of the place that was asked for.
        manager.place(PANEL).filter(|(x, y)| (x - PLACE.0).abs() < 40 && (y - PLACE.1).abs() < 40)
    })
    .await;
    let app = started_again(&display, &sound, app).await;
    open(&app, &manager).await;
    until("the panel where it was left", LIMIT, async || (manager.place(PANEL) == Some(left)).then_some(()))
        .await;
    is_on_top_of(&manager, MAIN).await;
}

/// Opens the panel from the main window, and waits until it is kept above.
async fn open(app: &DesktopApp, manager: &WindowManager) {
    app.comes_to_show("panel-toggle", LIMIT).await;
    app.session.click("panel-toggle").await;
    until("the panel to be kept above", LIMIT, async || manager.keeps_above(PANEL).then_some(())).await;
    assert!(!manager.keeps_above(MAIN), "the main window is in everybody's way");
}

/// The program is quit as a person quits it, and started again.
async fn started_again(display: &Display, sound: &SoundServer, app: DesktopApp) -> DesktopApp {
    app.press("file-menu", &["quit"]).await;
    // The program may be gone before it has answered.
    let _ = app.session.try_click("quit").await;
    let kept = app.data().join("window.json");
    until("the places to be kept", LIMIT, async || kept.exists().then_some(())).await;
    let data: TempDir = app.cut_off();
    let app = DesktopApp::start_in(display, sound, data).await;
    app.comes_to_show("go-live", LIMIT).await;
    app
}

async fn is_on_top_of(manager: &WindowManager, title: &str) {
    until(&format!("the panel above {title}"), LIMIT, async || is_above(manager, PANEL, title).then_some(()))
        .await;
}

/// A person chooses a window, again if another one that has just opened takes the front.
async fn comes_above(manager: &WindowManager, title: &str, other: &str) {
    until(&format!("{title} above {other}"), LIMIT, async || {
        manager.activate(title);
        is_above(manager, title, other).then_some(())
    })
    .await;
}

fn is_above(manager: &WindowManager, title: &str, other: &str) -> bool {
    let stacked = manager.stacked();
    let at = |title: &str| stacked.iter().position(|one| one == title);
    at(other).is_some() && at(title) > at(other)
}

fn slides(display: &Display) -> Process {
    let mut command = Command::new("ffplay");
    command.args([
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "color=c=gray:size=640x400:rate=1",
        "-window_title",
        SLIDES,
    ]);
    command.args(["-fs"]).env("DISPLAY", &display.name).env("SDL_AUDIODRIVER", "dummy");
    Process::start("ffplay (slides)", &mut command)
}
