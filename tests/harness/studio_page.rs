//! The studio's scenes, sources and preview, as a person uses them.

use std::time::Duration;

use serde_json::{Value, json};

use super::browser::Session;
use super::desktop_app::DesktopApp;
use super::environment::keep_screenshot;
use super::wait::{seconds, until};
use super::watch_page::colours;

pub use super::looks::Looks;

/// Whatever the window shows, on a busy machine.
pub const LIMIT: Duration = seconds(45);
/// What viewers get by default: a place in pixels is of this.
pub const CANVAS: (f64, f64) = (1280.0, 720.0);
/// So far a colour may be off after scaling and compression.
pub const OFF_MAX: f64 = 40.0;

pub const RED: [u8; 3] = [230, 30, 30];
pub const GREEN: [u8; 3] = [30, 200, 40];
pub const BLUE: [u8; 3] = [30, 60, 230];

/// A spot of the canvas around a point in pixels, as a part of it.
pub fn at(x: f64, y: f64) -> [f64; 4] {
    [(x - 4.0) / CANVAS.0, (y - 4.0) / CANVAS.1, 8.0 / CANVAS.0, 8.0 / CANVAS.1]
}

/// How far a colour is from another, in the part that differs most.
pub fn off(seen: &[f64; 3], wanted: [u8; 3]) -> f64 {
    seen.iter().zip(wanted).map(|(seen, wanted)| (seen - f64::from(wanted)).abs()).fold(0.0, f64::max)
}

/// Waits until the preview shows a colour.
///
/// # Panics
/// When it does not, with what it shows; a screenshot is kept.
pub async fn shows(app: &DesktopApp, what: &str, wanted: [u8; 3], spot: [f64; 4]) {
    let mut last = Vec::new();
    let limit = tokio::time::timeout(LIMIT, async {
        until(what, LIMIT * 2, async || {
            last = colours(&app.session, "[data-testid='preview']", &[spot]).await;
            last.first().is_some_and(|seen| off(seen, wanted) < OFF_MAX).then_some(())
        })
        .await;
    });
    if limit.await.is_err() {
        keep_screenshot("app-scenes-wrong.png", &app.session.screenshot().await);
        panic!("{what}: wanted {wanted:?} at {spot:?}, the preview shows {last:?}");
    }
}

/// The preview's name says it: what is chosen, how large it is and where.
///
/// # Panics
/// When it says something else.
pub async fn said(app: &DesktopApp, words: &str) {
    let mut last = String::new();
    let limit = tokio::time::timeout(LIMIT, async {
        until(words, LIMIT * 2, async || {
            last = attribute(app, "stage", "aria-label").await;
            last.contains(words).then_some(())
        })
        .await;
    });
    assert!(limit.await.is_ok(), "{words} is not in {last}");
}

/// Adds a source of a kind, which is then the chosen one.
pub async fn add(app: &DesktopApp, kind: &str) {
    let count = names(app, "source").await.len();
    app.session.click("source-add").await;
    app.comes_to_show(&format!("source-add-{kind}"), LIMIT).await;
    app.session.click(&format!("source-add-{kind}")).await;
    until(&format!("a new source: {kind}"), LIMIT, async || {
        (names(app, "source").await.len() == count + 1 && app.session.shows("properties").await).then_some(())
    })
    .await;
}

/// What each element of a list is called.
pub async fn names(app: &DesktopApp, test_id: &str) -> Vec<String> {
    let script = "return [...document.querySelectorAll(`[data-testid='${arguments[0]}']`)].map((it) => it.dataset.name)";
    let names = app.session.run(script, vec![json!(test_id)]).await;
    names.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Waits until a list has these names.
///
/// # Panics
/// When it has others.
pub async fn listed(app: &DesktopApp, test_id: &str, wanted: &[&str]) {
    let mut last = Vec::new();
    let limit = tokio::time::timeout(LIMIT, async {
        until("the list", LIMIT * 2, async || {
            last = names(app, test_id).await;
            (last == wanted).then_some(())
        })
        .await;
    });
    assert!(limit.await.is_ok(), "{wanted:?} are not listed, but {last:?}");
}

/// Waits until a source's row is in a state.
pub async fn state(app: &DesktopApp, name: &str, wanted: &str) {
    let script = "return [...document.querySelectorAll(`[data-testid='source']`)]
        .find((it) => it.dataset.name === arguments[0])?.dataset.state";
    until(&format!("{name} to be {wanted}"), LIMIT, async || {
        (app.session.run(script, vec![json!(name)]).await == json!(wanted)).then_some(())
    })
    .await;
}

/// Waits until a scene is shown.
pub async fn chosen(app: &DesktopApp, name: &str) {
    let script = "return document.querySelector(`[data-testid='scene'][aria-selected='true']`)?.dataset.name";
    until(&format!("the scene {name}"), LIMIT, async || {
        (app.session.run(script, vec![]).await == json!(name)).then_some(())
    })
    .await;
}

/// Waits until a button is pressed.
pub async fn pressed(app: &DesktopApp, test_id: &str) {
    until(test_id, LIMIT, async || (attribute(app, test_id, "aria-pressed").await == "true").then_some(()))
        .await;
}

/// An attribute, or a property, of the element with a `data-testid`; empty where there is none.
pub async fn attribute(app: &DesktopApp, test_id: &str, name: &str) -> String {
    let script = "const it = document.querySelector(`[data-testid='${arguments[0]}']`);
        return it?.getAttribute(arguments[1]) ?? it?.[arguments[1]] ?? ''";
    let value = app.session.run(script, vec![json!(test_id), json!(name)]).await;
    value.as_str().unwrap_or_default().to_owned()
}

/// The link that the app shows under Share.
pub async fn shared_link(app: &DesktopApp) -> String {
    app.session.click("share").await;
    let link = until("the shared link", LIMIT, async || {
        let value = attribute(app, "share-link", "value").await;
        let text = attribute(app, "share-link", "innerText").await;
        [value, text].into_iter().find(|link| link.starts_with("http"))
    })
    .await;
    app.session.click("share").await;
    link
}

/// Waits until a browser's video shows a colour.
pub async fn sees(session: &Session, what: &str, wanted: [u8; 3], spot: [f64; 4]) {
    until(what, LIMIT, async || {
        let seen = colours(session, "video", &[spot]).await;
        seen.first().is_some_and(|seen| off(seen, wanted) < OFF_MAX).then_some(())
    })
    .await;
}

/// Chooses a value, as a person does who leaves the field afterwards.
pub async fn choose(app: &DesktopApp, test_id: &str, value: &str) {
    set(app, test_id, value, "change").await;
}

/// Types a text.
pub async fn fill(app: &DesktopApp, test_id: &str, value: &str) {
    set(app, test_id, value, "input").await;
}

/// Puts a value into a field at once: a key press at a time takes long where a machine is busy.
async fn set(app: &DesktopApp, test_id: &str, value: &str, event: &str) {
    let script = "const it = document.querySelector(`[data-testid='${arguments[0]}']`);
        it.value = arguments[1]; it.dispatchEvent(new Event(arguments[2], { bubbles: true }))";
    app.session.run(script, vec![json!(test_id), json!(value), json!(event)]).await;
}
