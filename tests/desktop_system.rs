//! The app and the desktop around it: the computer stays awake while live, the tray tells and does what the window does, a
//! second start and links come to the one window, closing while live asks, and the window comes back as it was.

use serde_json::{Value, json};

use crate::harness::desktop_app::DesktopApp;
use crate::harness::desktop_services::DesktopServices;
use crate::harness::display::Display;
use crate::harness::looks::Looks;
use crate::harness::machine::alone;
use crate::harness::process::Process;
use crate::harness::sound::SoundServer;
use crate::harness::wait::{seconds, until};

/// Whatever the window shows, on a busy machine.
const LIMIT: std::time::Duration = seconds(45);
/// A size of the window that no default is.
const SIZE: (u32, u32) = (1111, 711);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_desktop_around_the_app_is_kept_awake_and_leads_to_the_one_window() {
    alone(seconds(300), around()).await;
}

async fn around() {
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let app = DesktopApp::start(&display, &sound).await;
    let services = DesktopServices::start(&app.bus).await;
    app.comes_to_show("go-live", LIMIT).await;
    labels(&services, &["Not live", "Show window", "Go live", "Mute microphone", "Quit"]).await;
    assert_eq!(services.held(), (vec![], vec![]), "kept awake while nothing runs");

    services.choose("Mute microphone").await;
    meets(&app, "[data-testid=mute-1]", "it.ariaPressed === 'true'").await;
    services.choose("Mute microphone").await;
    meets(&app, "[data-testid=mute-1]", "it.ariaPressed === 'false'").await;

    services.choose("Go live").await;
    app.comes_to_show("live-timer", LIMIT).await;
    let kept = (vec!["Rostrum".to_owned()], vec!["sleep:idle block".to_owned()]);
    until("the computer to be kept awake", LIMIT, async || (services.held() == kept).then_some(())).await;

    let mut looks = Looks::default();
    links(&app, &mut looks).await;
    services.choose("End…").await;
    app.comes_to_show("end-keep", LIMIT).await;
    app.session.click("end-keep").await;
    leaving(&app, &services, &display, &mut looks).await;
    app.press("end-confirm", &["summary"]).await;
    until("the computer to be let sleep", LIMIT, async || {
        (services.held() == (vec![], vec![])).then_some(())
    })
    .await;
    assert_eq!(looks.faults, Vec::<String>::new());
    comes_back(&display, &sound, app).await;
}

/// A link leads the running window to its place; one that is not understood is refused in words, and does nothing.
async fn links(app: &DesktopApp, looks: &mut Looks) {
    follow(app, "rostrum://settings/output").await;
    meets(app, "[data-testid=tab-output]", "it.ariaCurrent === 'page'").await;
    follow(app, "rostrum://origin").await;
    meets(app, "[data-testid=origin-state]", "it.dataset.state === 'running'").await;
    follow(app, "rostrum://destination/new").await;
    app.comes_to_show("form-save", LIMIT).await;
    app.session.click("form-cancel").await;
    until("the form to close", LIMIT, async || (!app.session.shows("form-save").await).then_some(())).await;
    follow(app, "rostrum://studio").await;
    app.comes_to_show("live-timer", LIMIT).await;
    follow(app, "rostrum://end?now").await;
    meets(app, "[data-testid=notice]", "it.innerText.includes('rostrum://end?now')").await;
    assert!(app.session.shows("live-timer").await && !app.session.shows("end-confirm").await);
    looks.everywhere(app, "link-refused").await;
    app.session.click("notice-close").await;
}

/// Closing while live asks; the broadcast goes on in the tray, and a tray that goes away gives the window back.
async fn leaving(app: &DesktopApp, services: &DesktopServices, display: &Display, looks: &mut Looks) {
    services.choose("Quit").await;
    app.comes_to_show("quit-tray", LIMIT).await;
    looks.everywhere(app, "quit").await;
    app.session.click("quit-cancel").await;

    hide(app, services, display).await;
    services.choose("Show window").await;
    is_visible(display, true).await;
    assert!(app.session.shows("live-timer").await, "the broadcast ended while the window was away");

    hide(app, services, display).await;
    services.lose_the_tray().await;
    is_visible(display, true).await;
    app.press("file-menu", &["quit"]).await;
    app.session.click("quit").await;
    app.comes_to_show("quit-cancel", LIMIT).await;
    assert!(!app.session.shows("quit-tray").await, "a tray is offered that is not there");
    app.session.click("quit-cancel").await;
    app.press("end", &["end-confirm"]).await;
}

/// The window has its size again after a start.
async fn comes_back(display: &Display, sound: &SoundServer, app: DesktopApp) {
    let resized = app.session.client.set_window_size(SIZE.0, SIZE.1).await;
    resized.expect("the window takes a size");
    has_size(&app).await;
    app.press("file-menu", &["quit"]).await;
    app.session.click("quit").await;
    let state = app.data().join("window.json");
    until("the window's place to be kept", LIMIT, async || state.exists().then_some(())).await;
    let app = DesktopApp::start_in(display, sound, app.cut_off()).await;
    app.comes_to_show("go-live", LIMIT).await;
    has_size(&app).await;
}

async fn has_size(app: &DesktopApp) {
    let script = "return [window.innerWidth, window.innerHeight]";
    let wanted = json!([SIZE.0, SIZE.1]);
    let mut last = Value::Null;
    let came = until("the window's size", LIMIT * 2, async || {
        last = app.session.run(script, vec![]).await;
        (last == wanted).then_some(())
    });
    let came = tokio::time::timeout(LIMIT, came).await;
    assert!(came.is_ok(), "the window is {last}, not {wanted}");
}

async fn labels(services: &DesktopServices, wanted: &[&str]) {
    until("the tray's menu", LIMIT, async || {
        let shown = services.menu().await;
        let shown: Vec<&str> = shown.iter().map(|entry| entry.label.as_str()).collect();
        (shown == wanted).then_some(())
    })
    .await;
}

/// Starts the app once more with a link, as a browser does: it hands the link over and ends.
async fn follow(app: &DesktopApp, link: &str) {
    let mut second = Process::start("a second rostrum", app.command().arg(link));
    let status = second.wait(LIMIT).await;
    assert!(status.success(), "the second start: {status}\n{}", second.output());
}

/// Hides the window in the tray. The driver waits for ever for an answer of a page that is gone from the screen, so the
/// click comes after the driver has its answer.
async fn hide(app: &DesktopApp, services: &DesktopServices, display: &Display) {
    services.choose("Quit").await;
    app.comes_to_show("quit-tray", LIMIT).await;
    let click = "setTimeout(() => document.querySelector('[data-testid=quit-tray]').click(), 100)";
    app.session.run(click, vec![]).await;
    is_visible(display, false).await;
}

/// Whether the window is on screen, as the display has it.
async fn is_visible(display: &Display, wanted: bool) {
    until(&format!("the window to be visible: {wanted}"), LIMIT, async || {
        (display.shows_window("Rostrum") == wanted).then_some(())
    })
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
