//! Scenes in the desktop app: sources of several kinds are added, moved by keyboard and pointer, hidden and undone, scenes
//! change on air, and after a crash everything is as it was. What is seen is looked at in the preview and in a browser.

use std::path::Path;
use std::process::Command;

use fantoccini::actions::{InputSource, MouseActions, PointerAction};
use serde_json::json;

use crate::harness::browser::Browser;
use crate::harness::desktop_app::DesktopApp;
use crate::harness::display::Display;
use crate::harness::environment::keep_screenshot;
use crate::harness::machine::alone;
use crate::harness::sound::SoundServer;
use crate::harness::studio_page::{
    BLUE, CANVAS, GREEN, LIMIT, Looks, OFF_MAX, RED, add, at, attribute, choose, chosen, fill, listed, names,
    off, pressed, said, sees, shared_link, shows, state,
};
use crate::harness::wait::{seconds, until};
use crate::harness::watch_page::{WatchPage, colours};
use crate::{desktop_breaks, desktop_rows};

// Keys as WebDriver writes them.
const SHIFT: char = '\u{E008}';
const CONTROL: char = '\u{E009}';
const ALT: char = '\u{E00A}';
const DOWN: char = '\u{E015}';
const RIGHT: char = '\u{E014}';
const UP: char = '\u{E013}';
/// Lets all of the above go.
const RELEASE: char = '\u{E000}';

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenes_are_made_moved_undone_changed_on_air_and_found_again() {
    alone(seconds(600), scenes()).await;
}

async fn scenes() {
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let app = DesktopApp::start(&display, &sound).await;
    app.comes_to_show("preview", LIMIT).await;
    app.comes_to_show("go-live", LIMIT).await;
    let mut looks = Looks::default();

    sources(&app, &mut looks).await;
    by_keyboard(&app).await;
    by_pointer(&app, &mut looks).await;
    desktop_rows::are_moved_by_the_pointer(&app, &mut looks).await;
    desktop_rows::of_sounds_come_back(&app, &mut looks).await;
    desktop_breaks::silence_everybody(&app, &mut looks).await;
    desktop_breaks::let_only_who_holds_the_key_be_heard(&app, &mut looks).await;
    hidden_and_undone(&app).await;
    layouts(&app, &mut looks).await;
    on_air(&app, &mut looks).await;

    let before = [app.session.texts("scene").await, app.session.texts("source-pick").await];
    let app = DesktopApp::start_in(&display, &sound, app.cut_off()).await;
    app.comes_to_show("preview", LIMIT).await;
    until("the scenes to be found again", LIMIT, async || {
        let now = [app.session.texts("scene").await, app.session.texts("source-pick").await];
        (now == before).then_some(())
    })
    .await;
    shows(&app, "the scene after the restart", RED, at(1200.0, 100.0)).await;
    assert_eq!(looks.faults, Vec::<String>::new());
}

/// An empty scene gets a colour, an image and words.
async fn sources(app: &DesktopApp, looks: &mut Looks) {
    looks.check(app, "scenes-first").await;
    assert_eq!(names(app, "scene").await, ["Display"]);
    app.session.click("scene-add").await;
    listed(app, "scene", &["Display", "Empty scene"]).await;
    shows(app, "an empty scene", [0, 0, 0], at(640.0, 360.0)).await;
    looks.everywhere(app, "scenes-empty").await;

    add(app, "colour").await;
    choose(app, "source-colour", "#e61e1e").await;
    shows(app, "the colour", RED, at(640.0, 360.0)).await;
    looks.everywhere(app, "properties-colour").await;

    let picture = app.data().join("square.png");
    square(&picture);
    add(app, "image").await;
    state(app, "Image", "not-chosen").await;
    choose(app, "source-file", "/nowhere/square.png").await;
    state(app, "square.png", "unusable").await;
    let reason = app.session.texts("source-reason").await.join("");
    assert!(reason.contains("No such file"), "{reason}");
    looks.everywhere(app, "scenes-missing-image").await;
    shows(app, "the rest of the scene", RED, at(640.0, 360.0)).await;
    choose(app, "source-file", &picture.display().to_string()).await;
    state(app, "square.png", "shown").await;
    // A square in the middle of its place, which is a fifth of the canvas.
    shows(app, "the image", GREEN, at(192.0, 108.0)).await;
    shows(app, "beside the image", RED, at(76.0, 108.0)).await;

    add(app, "text").await;
    fill(app, "source-text", "第一课 · Lesson 1").await;
    listed(app, "source", &["第一课 · Lesson 1", "square.png", "Colour"]).await;
    app.session.click("text-background").await;
    app.comes_to_show("text-background-colour", LIMIT).await;
    choose(app, "text-background-colour", "#1e3ce6").await;
    shows(app, "behind the words", BLUE, at(330.0, 300.0)).await;
    looks.everywhere(app, "properties-text").await;

    app.session.click("scene-more").await;
    app.comes_to_show("scene-rename", LIMIT).await;
    app.session.click("scene-rename").await;
    app.comes_to_show("rename-name", LIMIT).await;
    fill(app, "rename-name", "Lesson").await;
    looks.everywhere(app, "scenes-rename").await;
    app.session.click("rename-save").await;
    listed(app, "scene", &["Display", "Lesson"]).await;
}

/// The words lie at 320, 288 and are 640 by 144 large.
async fn by_keyboard(app: &DesktopApp) {
    said(app, "640 by 144 pixels, 320 from the left, 288 from the top").await;
    app.session.type_into("stage", &keys(&[RIGHT, RIGHT, SHIFT, DOWN, DOWN])).await;
    said(app, "640 by 144 pixels, 322 from the left, 308 from the top").await;
    app.session.type_into("stage", &keys(&[CONTROL, RIGHT, DOWN])).await;
    said(app, "641 by 145 pixels, 322 from the left, 308 from the top").await;
    app.session.type_into("stage", &keys(&[SHIFT, UP, UP])).await;
    said(app, "322 from the left, 288 from the top").await;
    // Behind the image and in front of it again.
    app.session.type_into("stage", &keys(&[ALT, DOWN])).await;
    listed(app, "source", &["square.png", "第一课 · Lesson 1", "Colour"]).await;
    app.session.type_into("stage", &keys(&[ALT, UP])).await;
    listed(app, "source", &["第一课 · Lesson 1", "square.png", "Colour"]).await;
    // Each press was a step of its own: the order twice, two up, and one of the two that made it larger.
    for _ in 0..4 {
        app.session.click("undo").await;
    }
    said(app, "641 by 145 pixels, 322 from the left, 308 from the top").await;
    app.session.click("undo").await;
    said(app, "641 by 144 pixels").await;
    app.session.click("undo").await;
    said(app, "640 by 144 pixels, 322 from the left, 308 from the top").await;
}

/// Drawn by its middle towards the lower margin, then larger by a corner.
async fn by_pointer(app: &DesktopApp, looks: &mut Looks) {
    let middle = (322.0 + 320.0, 308.0 + 72.0);
    let to_margin = CANVAS.1 * 0.95 - (308.0 + 144.0);
    // Six pixels short of it: near enough to be drawn to it.
    press(app, middle, (middle.0 + 60.0, middle.1 + to_margin - 6.0)).await;
    until("a guide", LIMIT, async || app.session.shows("guide").await.then_some(())).await;
    keep_screenshot("app-scenes-drag.png", &app.session.screenshot().await);
    release(app).await;
    until("no guide", LIMIT, async || (!app.session.shows("guide").await).then_some(())).await;
    lies(app, [640.0, 144.0, 382.0, 540.0]).await;
    said(app, "640 by 144 pixels").await;
    said(app, "540 from the top").await;
    shows(app, "behind the words at the bottom", BLUE, at(400.0, 560.0)).await;
    shows(app, "where the words were", RED, at(330.0, 330.0)).await;

    let [width, height, left, top] = rect(app).await;
    let corner = (left + width, top + height);
    press(app, corner, (corner.0 - 160.0, corner.1 - 36.0)).await;
    release(app).await;
    lies(app, [480.0, 108.0, 382.0, 540.0]).await;
    // One drag is one step.
    app.session.click("undo").await;
    said(app, "640 by 144 pixels").await;
    app.session.click("redo").await;
    lies(app, [480.0, 108.0, 382.0, 540.0]).await;
    looks.check(app, "scenes-chosen").await;

    // What is locked is not moved; the click goes through it to what is not.
    app.session.click("source-lock").await;
    until("the lock", LIMIT, async || {
        (attribute(app, "selection", "data-locked").await == "true").then_some(())
    })
    .await;
    app.session.type_into("stage", &keys(&[DOWN])).await;
    said(app, "540 from the top, locked").await;
    app.session.type_into("stage", "l").await;
    said(app, "540 from the top.").await;
}

async fn hidden_and_undone(app: &DesktopApp) {
    app.session.type_into("stage", "h").await;
    state(app, "第一课 · Lesson 1", "hidden").await;
    shows(app, "below the hidden words", RED, at(390.0, 560.0)).await;
    app.session.type_into("stage", &keys(&[CONTROL, 'z'])).await;
    state(app, "第一课 · Lesson 1", "shown").await;
    shows(app, "the words again", BLUE, at(390.0, 560.0)).await;
    app.session.type_into("stage", &keys(&[CONTROL, SHIFT, 'z'])).await;
    state(app, "第一课 · Lesson 1", "hidden").await;
    app.session.click("edit-menu").await;
    app.comes_to_show("menu-undo", LIMIT).await;
    app.session.click("menu-undo").await;
    state(app, "第一课 · Lesson 1", "shown").await;
}

/// The moving test picture beside the image.
async fn layouts(app: &DesktopApp, looks: &mut Looks) {
    app.session.click("scene-more").await;
    app.comes_to_show("scene-duplicate", LIMIT).await;
    app.session.click("scene-duplicate").await;
    listed(app, "scene", &["Display", "Lesson", "Lesson"]).await;
    add(app, "test").await;
    app.session.click("layout-side-by-side").await;
    pressed(app, "layout-side-by-side").await;
    shows(app, "the image at the left", GREEN, at(320.0, 360.0)).await;
    app.session.click("layout-picture-in-picture").await;
    pressed(app, "layout-picture-in-picture").await;
    said(app, "320 by 180 pixels, 922 from the left, 518 from the top").await;
    app.session.click("source-more").await;
    app.comes_to_show("opacity", LIMIT).await;
    looks.check(app, "scenes-layout-more").await;
    app.session.click("source-more").await;
    choose(app, "transition", "500").await;
    app.session.click("source-remove").await;
    listed(app, "source", &["第一课 · Lesson 1", "square.png", "Colour"]).await;
    app.session.click("scene-more").await;
    app.comes_to_show("scene-remove", LIMIT).await;
    app.session.click("scene-remove").await;
    listed(app, "scene", &["Display", "Lesson"]).await;
    until("the scene beside it", LIMIT, async || {
        (attribute(app, "preview-name", "innerText").await == "Lesson").then_some(())
    })
    .await;
}

/// Viewers see one scene and then the other, and the broadcast goes on.
async fn on_air(app: &DesktopApp, looks: &mut Looks) {
    app.press("go-live", &["countdown", "connecting", "live-timer"]).await;
    app.comes_to_show("live-timer", LIMIT).await;
    let link = shared_link(app).await;
    let browser = Browser::open(&link).await;
    let page = WatchPage(&browser.session);
    page.plays(1.0, seconds(60)).await;
    sees(&browser.session, "the scene in the browser", RED, at(1200.0, 100.0)).await;
    sees(&browser.session, "the words in the browser", BLUE, at(390.0, 560.0)).await;
    looks.check(app, "scenes-live").await;

    // The window itself is on the display: its panel is dark, and the red is gone.
    app.session.type_into("stage", &keys(&[CONTROL, '1'])).await;
    chosen(app, "Display").await;
    until("another scene in the browser", LIMIT, async || {
        let seen = colours(&browser.session, "video", &[at(1200.0, 100.0)]).await;
        seen.first().is_some_and(|seen| off(seen, RED) > 2.0 * OFF_MAX).then_some(())
    })
    .await;
    app.session.type_into("stage", &keys(&[CONTROL, '2'])).await;
    chosen(app, "Lesson").await;
    sees(&browser.session, "the scene again in the browser", RED, at(1200.0, 100.0)).await;
    println!("on air: {}", app.session.texts("status").await.join(" "));
    let player = page.player().await.expect("a player");
    assert_eq!(player.fatal_errors, "0", "{player:?}");

    for (theme, language) in [("light", "en"), ("light", "zh-CN"), ("dark", "zh-CN"), ("dark", "en")] {
        app.session.click("view-menu").await;
        app.session.click(&format!("theme-{theme}")).await;
        app.session.click("view-menu").await;
        app.session.click(&format!("language-{language}")).await;
        until("the language", LIMIT, async || {
            let now = app.session.run("return document.documentElement.lang", vec![]).await;
            (now == json!(language)).then_some(())
        })
        .await;
        looks.check(app, &format!("scenes-live-{theme}-{language}")).await;
    }
    app.press("end", &["end-confirm"]).await;
    app.press("end-confirm", &["summary"]).await;
    app.press("new-broadcast", &["go-live"]).await;
}

/// Width, height, left and top of what is chosen, as the preview's name says them; pixels of the canvas.
async fn rect(app: &DesktopApp) -> [f64; 4] {
    let label = attribute(app, "stage", "aria-label").await;
    // The name may hold numbers too.
    let (_, place) = label.split_once("Chosen: ").unwrap_or_default();
    let at = place.find(" pixels, ").unwrap_or_default();
    let begin = place[..at].rfind(", ").unwrap_or_default();
    let mut numbers = place[begin..].split(|it: char| !it.is_ascii_digit()).filter_map(|it| it.parse().ok());
    [(); 4].map(|()| numbers.next().unwrap_or(-1.0))
}

/// What is chosen comes to lie there, as nearly as a pointer can tell: a pixel of the window is two of the canvas.
async fn lies(app: &DesktopApp, wanted: [f64; 4]) {
    let mut last = [0.0; 4];
    let limit = tokio::time::timeout(LIMIT, async {
        until("the place", LIMIT * 2, async || {
            last = rect(app).await;
            last.iter().zip(wanted).all(|(now, wanted)| (now - wanted).abs() <= 5.0).then_some(())
        })
        .await;
    });
    assert!(limit.await.is_ok(), "wanted {wanted:?}, it lies at {last:?}");
}

/// Where a point of the canvas is in the window.
async fn in_window(app: &DesktopApp, (x, y): (f64, f64)) -> (i64, i64) {
    let script = "const area = document.querySelector(`[data-testid='stage']`).getBoundingClientRect();
        return [area.left + arguments[0] * area.width, area.top + arguments[1] * area.height]";
    let told = app.session.run(script, vec![json!(x / CANVAS.0), json!(y / CANVAS.1)]).await;
    let part = |part: usize| told[part].as_f64().unwrap_or(-1.0).round() as i64;
    (part(0), part(1))
}

/// Presses at one point and draws to another, where the button stays down.
async fn press(app: &DesktopApp, from: (f64, f64), to: (f64, f64)) {
    let (from, to) = (in_window(app, from).await, in_window(app, to).await);
    let half = ((from.0 + to.0) / 2, (from.1 + to.1) / 2);
    let there = |(x, y): (i64, i64)| PointerAction::MoveTo { duration: None, x: x as f64, y: y as f64 };
    let mouse = MouseActions::new("mouse".to_owned())
        .then(there(from))
        .then(PointerAction::Down { button: LEFT })
        .then(there(half))
        .then(there(to));
    app.session.client.perform_actions(mouse).await.expect("the driver moves the pointer");
}

async fn release(app: &DesktopApp) {
    let mouse = MouseActions::new("mouse".to_owned()).then(PointerAction::Up { button: LEFT });
    app.session.client.perform_actions(mouse).await.expect("the driver lets the button go");
}

/// The button of the mouse.
const LEFT: u64 = 0;

fn keys(keys: &[char]) -> String {
    keys.iter().chain(&[RELEASE]).collect()
}

/// A green square.
fn square(file: &Path) {
    let mut command = Command::new("ffmpeg");
    let [red, green, blue] = GREEN;
    command.args(["-v", "error", "-f", "lavfi", "-i"]);
    command.arg(format!("color=0x{red:02x}{green:02x}{blue:02x}:size=200x200")).args(["-frames:v", "1"]);
    assert!(command.arg(file).status().expect("ffmpeg starts").success(), "{} is not made", file.display());
}
