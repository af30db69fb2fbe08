//! The panel above other windows: what a teacher who shares a whole screen sees of the room, and does from there.

use fantoccini::Locator;
use fantoccini::wd::WindowHandle;
use serde_json::json;

use crate::harness::browser::Browser;
use crate::harness::desktop_app::DesktopApp;
use crate::harness::display::Display;
use crate::harness::machine::beside_others;
use crate::harness::sound::SoundServer;
use crate::harness::studio_page::{LIMIT, Looks, attribute, shared_link};
use crate::harness::wait::{seconds, until};
use crate::harness::watch_page::{WatchPage, shows_line};

/// WebDriver's Control key.
const CONTROL: char = '\u{E009}';
/// Lets go of it.
const RELEASE: char = '\u{E000}';
/// WebDriver's Escape key.
const ESCAPE: char = '\u{E00C}';
/// A size of the panel that no default is.
const SIZE: (u32, u32) = (380, 310);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_panel_shows_the_room_above_other_windows_mutes_and_ends() {
    beside_others(seconds(300), panel()).await;
}

async fn panel() {
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let app = DesktopApp::start(&display, &sound).await;
    let mut looks = Looks::default();
    app.comes_to_show("go-live", LIMIT).await;
    let link = shared_link(&app).await;
    is_a_class(&app).await;
    app.press("go-live", &["countdown", "connecting", "live-timer"]).await;
    app.comes_to_show("live-timer", LIMIT).await;
    let student = Browser::open(&link).await;
    until("the student's hand", LIMIT, async || student.session.offers("hand-raise").await.then_some(()))
        .await;
    WatchPage(&student.session).chat("Ada", "Which chapter is it?").await;
    // A class shows its own part first.
    app.press("dock-chat", &["chat-message"]).await;
    student.session.click("hand-raise").await;

    let main = app.session.client.window().await.expect("the window has a handle");
    let manager = display.listen();
    app.session.click("panel-toggle").await;
    let panel = other_window(&app, &main).await;
    go_to(&app, &panel).await;
    // No window manager does it here: that one is asked is what can be seen.
    until("the panel to ask to be above", LIMIT, async || {
        manager.is_asked("_NET_WM_STATE_ABOVE").then_some(())
    })
    .await;
    shows_the_room(&app).await;
    looks.everywhere(&app, "panel").await;
    is_muted_in_both(&app, &main, &panel).await;
    reconnects(&app, &student, &mut looks).await;
    closing_it_changes_nothing(&app, &main).await;
    ends(&app, &main, &mut looks).await;
    assert_eq!(looks.faults, Vec::<String>::new());
}

async fn is_a_class(app: &DesktopApp) {
    app.comes_to_show("tool-settings", LIMIT).await;
    app.press("tool-settings", &["rule-class"]).await;
    app.session.click("rule-class").await;
    app.comes_to_show("dock-class", LIMIT).await;
}

/// What was said before it opened, who watches, whose hand is up, and how loud it is.
async fn shows_the_room(app: &DesktopApp) {
    is_in(app, "live").await;
    says(app, "panel-line", "Which chapter is it?").await;
    says(app, "panel-viewers", "1").await;
    says(app, "panel-hands", "1 hand up").await;
    says(app, "panel-hand-names", "Ada").await;
    until("a level", LIMIT, async || {
        (!attribute(app, "panel-meter", "data-peak").await.is_empty()).then_some(())
    })
    .await;
    assert!(app.session.texts("panel-time").await.concat().starts_with("00:0"), "no time on air");
}

/// The microphone is muted from the panel, and both windows say so; its key works there too.
async fn is_muted_in_both(app: &DesktopApp, main: &WindowHandle, panel: &WindowHandle) {
    app.session.click("panel-mute").await;
    app.comes_to_show("panel-muted", LIMIT).await;
    assert_eq!(attribute(app, "panel-mute", "aria-pressed").await, "true");
    go_to(app, main).await;
    is(app, "mute-1", "aria-pressed", "true").await;
    is(app, "panel-toggle", "aria-pressed", "true").await;
    go_to(app, panel).await;
    app.session.type_into("panel-mute", &format!("{CONTROL}d{RELEASE}")).await;
    is(app, "panel-mute", "aria-pressed", "false").await;
}

/// A broadcast that nobody takes says so, and the chat comes back with it.
async fn reconnects(app: &DesktopApp, student: &Browser, looks: &mut Looks) {
    invoke(app, "stop_origin").await;
    is_in(app, "reconnecting").await;
    app.comes_to_show("panel-try", LIMIT).await;
    looks.everywhere(app, "panel-reconnecting").await;
    invoke(app, "start_origin").await;
    app.session.run("document.querySelector('[data-testid=panel-try]')?.click()", vec![]).await;
    is_in(app, "live").await;
    until("the student's page to be back", LIMIT, async || {
        (student.session.texts("chat-lost").await.is_empty() && student.session.offers("chat-input").await)
            .then_some(())
    })
    .await;
    WatchPage(&student.session).chat("Ada", "Back again").await;
    says(app, "panel-line", "Back again").await;
}

/// The question begins on the safe answer. Esc closes the panel, which has its size again when it is opened from the menu.
async fn closing_it_changes_nothing(app: &DesktopApp, main: &WindowHandle) {
    let resized = app.session.client.set_window_size(SIZE.0, SIZE.1).await;
    resized.expect("the panel takes a size");
    has_size(app).await;
    let close = app.session.client.find(Locator::Css("[data-testid=panel-close]")).await.expect("a button");
    // The window may be gone before the driver can say that the key was pressed.
    let _ = close.send_keys(&ESCAPE.to_string()).await;
    until("the panel to close", LIMIT, async || (handles(app).await.len() == 1).then_some(())).await;
    go_to(app, main).await;
    is(app, "panel-toggle", "aria-pressed", "false").await;
    assert!(app.session.shows("live-timer").await, "closing the panel ended the broadcast");
    // The studio's own chat was there all along.
    shows_line(&app.session, "Back again", LIMIT).await;
    app.press("view-menu", &["panel-item"]).await;
    app.session.click("panel-item").await;
    let panel = other_window(app, main).await;
    go_to(app, &panel).await;
    has_size(app).await;
    says(app, "panel-line", "Back again").await;
}

/// Ending asks, and ends for everyone; the panel stays and says that nothing is sent.
async fn ends(app: &DesktopApp, main: &WindowHandle, looks: &mut Looks) {
    app.session.click("panel-end").await;
    app.comes_to_show("end-keep", LIMIT).await;
    is_focused(app, "end-keep").await;
    looks.everywhere(app, "panel-end").await;
    app.session.click("end-keep").await;
    assert!(!app.session.shows("end-confirm").await, "the question stayed");
    is_in(app, "live").await;
    app.session.click("panel-end").await;
    app.comes_to_show("end-confirm", LIMIT).await;
    app.session.click("end-confirm").await;
    is_in(app, "ended").await;
    assert!(!app.session.shows("panel-end").await, "there is something to end");
    looks.everywhere(app, "panel-ended").await;
    go_to(app, main).await;
    app.comes_to_show("summary", LIMIT).await;
    app.session.click("panel-toggle").await;
    until("the panel to close", LIMIT, async || (handles(app).await.len() == 1).then_some(())).await;
}

async fn handles(app: &DesktopApp) -> Vec<WindowHandle> {
    app.session.client.windows().await.expect("the driver lists the windows")
}

/// The window that is not the main one, when it has come and shows itself.
async fn other_window(app: &DesktopApp, main: &WindowHandle) -> WindowHandle {
    until("a second window", LIMIT, async || handles(app).await.into_iter().find(|one| one != main)).await
}

async fn go_to(app: &DesktopApp, window: &WindowHandle) {
    app.session.client.switch_to_window(window.clone()).await.expect("the window is there");
}

/// Waits until the panel shows a phase of the broadcast.
async fn is_in(app: &DesktopApp, phase: &str) {
    is(app, "panel-state", "data-phase", phase).await;
}

async fn is(app: &DesktopApp, test_id: &str, name: &str, wanted: &str) {
    until(&format!("{test_id} with {name}={wanted}"), LIMIT, async || {
        (attribute(app, test_id, name).await == wanted).then_some(())
    })
    .await;
}

async fn says(app: &DesktopApp, test_id: &str, wanted: &str) {
    until(&format!("{test_id} to say {wanted}"), LIMIT, async || {
        app.session.texts(test_id).await.iter().any(|text| text.contains(wanted)).then_some(())
    })
    .await;
}

async fn is_focused(app: &DesktopApp, test_id: &str) {
    let script = "return document.activeElement?.dataset.testid ?? ''";
    until(&format!("the focus on {test_id}"), LIMIT, async || {
        (app.session.run(script, vec![]).await == json!(test_id)).then_some(())
    })
    .await;
}

async fn has_size(app: &DesktopApp) {
    let script = "return [window.innerWidth, window.innerHeight]";
    until("the panel's size", LIMIT, async || {
        (app.session.run(script, vec![]).await == json!([SIZE.0, SIZE.1])).then_some(())
    })
    .await;
}

async fn invoke(app: &DesktopApp, command: &str) {
    app.session.run("window.__TAURI_INTERNALS__.invoke(arguments[0])", vec![json!(command)]).await;
}
