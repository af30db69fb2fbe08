//! A break and push to talk: who is heard changes with what is shown and held. A part of the test of scenes, whose window it has.

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use serde_json::json;

use crate::harness::desktop_app::DesktopApp;
use crate::harness::studio_page::{LIMIT, Looks, attribute, chosen, listed};
use crate::harness::wait::until;

const SPACE: char = ' ';

/// Scenes are `Display` and `Lesson`; the second is shown.
pub async fn silence_everybody(app: &DesktopApp, looks: &mut Looks) {
    menu(app, "take-break").await;
    listed(app, "scene", &["Display", "Lesson", "Back in a moment"]).await;
    chosen(app, "Back in a moment").await;
    badge(app, "Break: viewers hear nothing").await;
    looks.everywhere(app, "studio-break").await;
    // A scene that is chosen by hand ends it as well.
    app.session.click("scene-menu").await;
    app.comes_to_show("take-break", LIMIT).await;
    looks.check(app, "menu-scene-break").await;
    app.session.click("take-break").await;
    chosen(app, "Lesson").await;
    until("sound again", LIMIT, async || {
        let said = app.session.texts("sound-word").await.concat();
        (!said.contains("Break")).then_some(())
    })
    .await;
    // By its keys there and back: the same scene, not one more.
    app.session.type_into("stage", "\u{E009}b\u{E000}").await;
    chosen(app, "Back in a moment").await;
    app.session.type_into("stage", "\u{E009}b\u{E000}").await;
    chosen(app, "Lesson").await;
    app.session.click("undo").await;
    listed(app, "scene", &["Display", "Lesson"]).await;
}

/// The microphone is muted but while Space is held outside fields.
pub async fn let_only_who_holds_the_key_be_heard(app: &DesktopApp, looks: &mut Looks) {
    app.press("settings-button", &["settings"]).await;
    app.press("tab-sound", &["set-push"]).await;
    app.session.click("set-push").await;
    looks.check(app, "settings-sound-push").await;
    app.press("settings-back", &["go-live"]).await;
    muted(app, true).await;
    app.session.run("document.querySelector(`[data-testid='stage']`).focus()", vec![]).await;
    key(app, true).await;
    muted(app, false).await;
    key(app, false).await;
    muted(app, true).await;
    app.press("settings-button", &["settings"]).await;
    app.press("tab-sound", &["set-push"]).await;
    app.session.click("set-push").await;
    app.press("settings-back", &["go-live"]).await;
    app.session.click("mute-1").await;
    muted(app, false).await;
}

async fn menu(app: &DesktopApp, item: &str) {
    app.session.click("scene-menu").await;
    app.comes_to_show(item, LIMIT).await;
    app.session.click(item).await;
}

async fn badge(app: &DesktopApp, words: &str) {
    until(words, LIMIT, async || {
        app.session.texts("sound-word").await.concat().contains(words).then_some(())
    })
    .await;
}

async fn muted(app: &DesktopApp, wanted: bool) {
    until(&format!("muted: {wanted}"), LIMIT, async || {
        (attribute(app, "mute-1", "aria-pressed").await == wanted.to_string()).then_some(())
    })
    .await;
}

async fn key(app: &DesktopApp, down: bool) {
    let action = if down { KeyAction::Down { value: SPACE } } else { KeyAction::Up { value: SPACE } };
    let keys = KeyActions::new("keyboard".to_owned()).then(action);
    app.session.client.perform_actions(keys).await.expect("the driver presses a key");
    assert_ne!(app.session.run("return document.activeElement.tagName", vec![]).await, json!("BUTTON"));
}
