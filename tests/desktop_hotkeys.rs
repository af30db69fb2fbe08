//! The keys of the desktop app are changed, kept and shown, and work while another program has the keyboard.

use serde_json::{Value, json};

use crate::harness::desktop_app::DesktopApp;
use crate::harness::display::Display;
use crate::harness::keyboard::Keyboard;
use crate::harness::machine::alone;
use crate::harness::sound::SoundServer;
use crate::harness::studio_page::{LIMIT, Looks, attribute, chosen, names};
use crate::harness::wait::{seconds, until};

// Keys as WebDriver writes them.
const SHIFT: char = '\u{E008}';
const CONTROL: char = '\u{E009}';
const BACKSPACE: char = '\u{E003}';
const ESCAPE: char = '\u{E00C}';
const F9: char = '\u{E039}';
/// Lets all of the above go.
const RELEASE: char = '\u{E000}';

/// Keys as X11 names them.
mod keysym {
    pub const CONTROL: u32 = 0xFFE3;
    pub const SHIFT: u32 = 0xFFE1;
    pub const F8: u32 = 0xFFC5;
    pub const D: u32 = 'd' as u32;
    pub const L: u32 = 'l' as u32;
    pub const M: u32 = 'm' as u32;
    pub const TWO: u32 = '2' as u32;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_changed_and_work_while_another_program_has_the_keyboard() {
    alone(seconds(300), hotkeys()).await;
}

async fn hotkeys() {
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let app = DesktopApp::start(&display, &sound).await;
    app.comes_to_show("go-live", LIMIT).await;
    let mut looks = Looks::default();
    let other = Keyboard::start(&display).await;

    // Without a word from the person, the other program keeps its keys.
    other.press(&[keysym::CONTROL, keysym::D]);
    other.gets(keysym::D).await;
    assert_eq!(attribute(&app, "mute-1", "aria-pressed").await, "false");

    changed(&app, &mut looks).await;
    in_the_background(&app, &other, &mut looks).await;
    on_air(&app, &other).await;

    // A crash loses none of it.
    let app = DesktopApp::start_in(&display, &sound, app.cut_off()).await;
    app.comes_to_show("go-live", LIMIT).await;
    other.take().await;
    mutes(&app, &other, "true").await;
    page(&app).await;
    let single = "return document.querySelector(`[data-testid='single-letters']`).checked";
    assert_eq!(app.session.run(single, vec![]).await, json!(false));
    app.session.click("hotkeys-standard").await;
    says(&app, "mute", "Ctrl D").await;
    says(&app, "quit", "Ctrl Q").await;
    assert_eq!(looks.faults, Vec::<String>::new());
}

/// Keys are pressed for an action, refused in words, cleared, left as they are, shown in the menu, and in force at once.
async fn changed(app: &DesktopApp, looks: &mut Looks) {
    page(app).await;
    app.session.run("document.documentElement.dataset.theme = 'dark'", vec![]).await;
    looks.check(app, "settings-hotkeys-dark").await;
    give(app, "record", &[CONTROL, 'd']).await;
    app.comes_to_show("hotkey-wrong", LIMIT).await;
    assert_eq!(app.session.texts("hotkey-wrong").await, ["Already used by Mute microphone"]);
    looks.everywhere(app, "settings-hotkeys-taken").await;
    // Nothing was changed.
    app.session.click("hotkey-mute").await;
    says(app, "record", "Ctrl Shift R").await;
    app.session.type_into("hotkey-mute", &String::from(ESCAPE)).await;
    says(app, "mute", "Ctrl D").await;

    give(app, "mute", &[CONTROL, SHIFT, 'm']).await;
    says(app, "mute", "Ctrl Shift M").await;
    give(app, "quit", &[BACKSPACE]).await;
    says(app, "quit", "None").await;
    give(app, "origin", &[F9]).await;
    says(app, "origin", "F9").await;
    app.press("origin-menu", &["origin-address"]).await;
    let entry = app.session.texts("origin-address").await.join(" ");
    assert!(entry.contains("F9") && !entry.contains("Ctrl"), "the menu shows {entry}");
    app.session.click("origin-menu").await;
    app.session.type_into("tab-hotkeys", &String::from(F9)).await;
    app.comes_to_show("origin-back", LIMIT).await;
    app.session.click("origin-back").await;
    app.comes_to_show("mute-1", LIMIT).await;
    let title = attribute(app, "mute-1", "title").await;
    assert!(title.contains("Ctrl Shift M"), "the button says {title}");
}

/// Another program has the keyboard; what it may keep, it keeps.
async fn in_the_background(app: &DesktopApp, other: &Keyboard, looks: &mut Looks) {
    other.grab_with_control(keysym::F8);
    app.session.click("scene-add").await;
    until("two scenes", LIMIT, async || (names(app, "scene").await.len() == 2).then_some(())).await;
    let first = names(app, "scene").await.remove(0);
    let second = names(app, "scene").await.remove(1);
    page(app).await;
    for action in ["mute", "scenes", "go-live", "record"] {
        app.session.click(&format!("background-{action}")).await;
    }
    give(app, "record", &[CONTROL, '\u{E038}']).await;
    app.comes_to_show("refused-record", LIMIT).await;
    assert_eq!(app.session.texts("refused-record").await, ["Another program has Ctrl F8"]);
    app.session.click("single-letters").await;
    app.session.run("document.documentElement.dataset.theme = 'light'", vec![]).await;
    looks.check(app, "settings-hotkeys-light").await;
    app.session.run("document.documentElement.dataset.theme = 'dark'", vec![]).await;
    app.press("settings-back", &["go-live"]).await;
    app.session.click("scene").await;
    chosen(app, &first).await;

    other.take().await;
    mutes(app, other, "true").await;
    mutes(app, other, "false").await;
    assert!(!other.has_got(keysym::M), "the other program got the keys too");
    other.press(&[keysym::CONTROL, keysym::TWO]);
    chosen(app, &second).await;
}

/// The broadcast begins, and ends when that is asked twice.
async fn on_air(app: &DesktopApp, other: &Keyboard) {
    let keys = [keysym::CONTROL, keysym::SHIFT, keysym::L];
    other.press(&keys);
    app.comes_to_show("live-timer", LIMIT).await;
    other.take().await;
    other.press(&keys);
    app.comes_to_show("end-confirm", LIMIT).await;
    app.press("end-confirm", &["summary"]).await;
}

/// The keys for the microphone, whoever has the keyboard.
async fn mutes(app: &DesktopApp, other: &Keyboard, wanted: &str) {
    // Caught a moment after the switch is thrown, or the app is started: what goes to the other program is pressed again.
    until(&format!("muted to be {wanted}"), LIMIT, async || {
        if attribute(app, "mute-1", "aria-pressed").await == wanted {
            return Some(());
        }
        other.press(&[keysym::CONTROL, keysym::SHIFT, keysym::M]);
        let caught = until("the keys to do something", seconds(2), async || {
            (attribute(app, "mute-1", "aria-pressed").await == wanted).then_some(())
        });
        tokio::time::timeout(seconds(1), caught).await.ok()
    })
    .await;
    other.has_got(keysym::M);
}

/// Goes to the page for keys.
async fn page(app: &DesktopApp) {
    app.press("settings-button", &["settings"]).await;
    app.press("tab-hotkeys", &["hotkey-mute"]).await;
}

/// Presses keys for an action.
async fn give(app: &DesktopApp, action: &str, keys: &[char]) {
    let test_id = format!("hotkey-{action}");
    app.session.click(&test_id).await;
    until("keys to be waited for", LIMIT, async || {
        (attribute(app, &test_id, "aria-label").await == "Press keys…").then_some(())
    })
    .await;
    let keys: String = keys.iter().copied().chain([RELEASE]).collect();
    app.session.type_into(&test_id, &keys).await;
}

/// The field of an action shows these keys.
async fn says(app: &DesktopApp, action: &str, wanted: &str) {
    let script =
        "return [...document.querySelectorAll(`[data-testid='hotkey-${arguments[0]}'] :is(kbd, .t2)`)]
        .map((it) => it.innerText).join(' ')";
    let mut last = Value::Null;
    let limit = tokio::time::timeout(LIMIT, async {
        until(wanted, LIMIT * 2, async || {
            last = app.session.run(script, vec![json!(action)]).await;
            (last == json!(wanted)).then_some(())
        })
        .await;
    });
    assert!(limit.await.is_ok(), "{action} shows {last}, not {wanted}");
}
