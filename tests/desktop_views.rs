//! Every view of the desktop app that needs nothing but a start: in both themes and both languages, and with text twice as
//! large, where everything can be reached and nothing lies on something else.

use std::net::TcpListener;
use std::time::Instant;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::desktop_app::DesktopApp;
use crate::harness::display::Display;
use crate::harness::environment::keep_screenshot;
use crate::harness::looks::{LOOKS, Looks, named, wear};
use crate::harness::machine::alone;
use crate::harness::sound::SoundServer;
use crate::harness::studio_page::{LIMIT, attribute, choose, fill};
use crate::harness::wait::{seconds, until};

const TABS: [&str; 7] = ["video", "sound", "output", "destinations", "hotkeys", "accessibility", "language"];
const MENUS: [&str; 6] = ["file", "edit", "view", "scene", "origin", "help"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_view_has_no_fault_in_both_themes_and_languages() {
    alone(seconds(700), every_look()).await;
}

async fn every_look() {
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let app = DesktopApp::start_in(&display, &sound, data()).await;
    let mut looks = Looks::default();
    app.comes_to_show("go-live", LIMIT).await;
    for (theme, language) in LOOKS {
        wear(&app, theme, language).await;
        let views = &|name: &str| named(name, theme, language);
        still(&app, &mut looks, &views("studio-idle")).await;
        over_the_studio(&app, &mut looks, views).await;
        for tab in TABS {
            open_tab(&app, tab).await;
            still(&app, &mut looks, &views(&format!("settings-{tab}"))).await;
        }
        app.press("settings-back", &["go-live"]).await;
        app.press("origin-menu", &["origin-address"]).await;
        app.press("origin-address", &["origin-state"]).await;
        still(&app, &mut looks, &views("origin")).await;
        app.press("origin-back", &["go-live"]).await;
    }
    wear(&app, LOOKS[0].0, LOOKS[0].1).await;
    going_live(&app, &mut looks).await;
    app.session.client.set_window_size(1024, 680).await.expect("the driver changes the window");
    looks.everywhere(&app, "studio-idle-small").await;
    assert_eq!(looks.faults, Vec::<String>::new());
}

/// What is on the way from *Go live* to a broadcast, where the only server takes calls and says nothing.
async fn going_live(app: &DesktopApp, looks: &mut Looks) {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = silent.local_addr().expect("a bound listener");
    app.press("add-destination", &["form-save"]).await;
    choose(app, "form-kind", "rtmp").await;
    let address = format!("rtmp://{address}/live");
    for (field, text) in [("name", "Silent"), ("key", "k"), ("address", address.as_str())] {
        fill(app, &format!("form-{field}"), text).await;
    }
    app.press("form-save", &["switch-2"]).await;
    until("the form to close", LIMIT, async || (!app.session.shows("form-save").await).then_some(())).await;
    app.session.click("switch-0").await;
    let begin = async |app: &DesktopApp| app.press("go-live", &["countdown"]).await;
    let end = async |app: &DesktopApp| {
        // A machine that was held up is past the countdown.
        until("the start to be given up", LIMIT, async || {
            for button in ["countdown", "connecting"] {
                if app.session.offers(button).await {
                    let _ = app.session.try_click(button).await;
                }
            }
            app.session.offers("go-live").await.then_some(())
        })
        .await;
    };
    looks.everywhere_anew(app, "studio-countdown", begin, end).await;
    app.press("go-live", &["countdown", "connecting"]).await;
    app.comes_to_show("connecting", LIMIT).await;
    looks.everywhere(app, "studio-connecting").await;
    app.press("connecting", &["go-live"]).await;
    app.session.click("switch-0").await;
    app.comes_to_show("go-live", LIMIT).await;
}

/// What lies over the studio: menus, what they open, and dialogs.
async fn over_the_studio(app: &DesktopApp, looks: &mut Looks, name: &dyn Fn(&str) -> String) {
    for menu in MENUS {
        app.session.click(&format!("{menu}-menu")).await;
        still(app, looks, &name(&format!("menu-{menu}"))).await;
        app.session.click(&format!("{menu}-menu")).await;
    }
    for (button, view) in [("share", "share"), ("scene-more", "scene-menu"), ("source-add", "source-menu")] {
        app.session.click(button).await;
        still(app, looks, &name(view)).await;
        app.session.click(button).await;
    }
    for (button, opened, close) in
        [("add-destination", "form-save", "form-cancel"), ("more-1", "sound-more", "sound-done")]
    {
        app.press(button, &[opened]).await;
        still(app, looks, &name(opened)).await;
        app.session.click(close).await;
        until("the dialog to close", LIMIT, async || (!app.session.shows(close).await).then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_text_twice_as_large_everything_can_be_reached_and_nothing_lies_on_something_else() {
    alone(seconds(400), large()).await;
}

async fn large() {
    let display = Display::start(1280, 720).await;
    let sound = SoundServer::start().await;
    let app = DesktopApp::start_in(&display, &sound, data()).await;
    let mut looks = Looks::default();
    app.comes_to_show("go-live", LIMIT).await;
    app.session.client.set_window_size(1280, 720).await.expect("the driver changes the window");
    let width = inner_width(&app).await;
    for percent in [200.0, 150.0] {
        // As a person does, once; the slider is looked at below.
        slide(&app, percent).await;
        until("a larger page", LIMIT, async || {
            ((inner_width(&app).await - width * 100.0 / percent).abs() < 3.0).then_some(())
        })
        .await;
        let name = |view: &str| format!("{view}-{percent}");
        let mut hidden = Vec::new();
        let mut view = async |name: String| {
            still(&app, &mut looks, &name).await;
            hidden.extend(out_of_reach(&app).await.into_iter().map(|fault| format!("{name}: {fault}")));
        };
        view(name("studio-text")).await;
        app.session.run("document.querySelector('main').scrollTop = 9999", vec![]).await;
        still(&app, &mut Looks::default(), &name("studio-text-end")).await;
        for (button, opened, close) in
            [("add-destination", "form-save", "form-cancel"), ("more-1", "sound-more", "sound-done")]
        {
            tap(&app, button, opened).await;
            view(name(&format!("{opened}-text"))).await;
            run_click(&app, close).await;
            until("the dialog to close", LIMIT, async || (!app.session.shows(close).await).then_some(()))
                .await;
        }
        for tab in TABS {
            open_tab(&app, tab).await;
            view(name(&format!("settings-{tab}-text"))).await;
        }
        tap(&app, "settings-back", "go-live").await;
        tap(&app, "origin-menu", "origin-address").await;
        tap(&app, "origin-address", "origin-state").await;
        view(name("origin-text")).await;
        tap(&app, "origin-back", "go-live").await;
        looks.faults.extend(hidden);
    }
    assert_eq!(looks.faults, Vec::<String>::new());
}

/// A data folder with another destination, so that its row is seen.
fn data() -> TempDir {
    let data = TempDir::new().expect("a temporary folder");
    let keep = |name: &str, value: Value| {
        std::fs::write(data.path().join(name), value.to_string()).expect("the folder can be written");
    };
    keep("settings.json", json!({"origin": {"http": "127.0.0.1:0", "rtmp": "127.0.0.1:0"}}));
    let twitch = json!({"id": 1, "name": "Twitch", "service": "twitch", "address": "rtmp://live.twitch.tv/app",
        "key": "k", "passphrase": "", "on": false});
    keep("destinations.json", json!([twitch]));
    data
}

/// Keeps a screenshot when nothing moves any more, and what axe finds.
async fn still(app: &DesktopApp, looks: &mut Looks, name: &str) {
    app.settles().await;
    looks.check(app, &format!("view-{name}")).await;
}

/// Lets the slider of the text's size go at `percent`.
async fn slide(app: &DesktopApp, percent: f64) {
    open_tab(app, "accessibility").await;
    let script = "const it = document.querySelector(`[data-testid='set-text']`);
        it.value = arguments[0]; it.dispatchEvent(new Event('change', { bubbles: true }))";
    app.session.run(script, vec![json!(percent)]).await;
    tap(app, "settings-back", "go-live").await;
}

async fn open_tab(app: &DesktopApp, tab: &str) {
    if !app.session.shows("settings").await {
        tap(app, "settings-button", "settings").await;
    }
    let tab = format!("tab-{tab}");
    run_click(app, &tab).await;
    until(&tab, LIMIT, async || (attribute(app, &tab, "aria-current").await == "page").then_some(())).await;
}

/// Clicks until something shows. WebKit's driver clicks beside what it aims at in a page of another size; that a pointer reaches
/// everything is looked at by [`out_of_reach`].
async fn tap(app: &DesktopApp, test_id: &str, effect: &str) {
    let mut clicked: Option<Instant> = None;
    until(effect, LIMIT, async || {
        if app.session.shows(effect).await {
            return Some(());
        }
        if clicked.is_none_or(|clicked| clicked.elapsed() > seconds(1)) {
            run_click(app, test_id).await;
            clicked = Some(Instant::now());
        }
        None
    })
    .await;
}

async fn run_click(app: &DesktopApp, test_id: &str) {
    let script = "document.querySelector(`[data-testid='${arguments[0]}']`)?.click()";
    app.session.run(script, vec![json!(test_id)]).await;
}

async fn inner_width(app: &DesktopApp) -> f64 {
    app.session.run("return window.innerWidth", vec![]).await.as_f64().unwrap_or_default()
}

/// Controls that cannot be clicked even when they are scrolled to, since they are cut off or something lies on them.
async fn out_of_reach(app: &DesktopApp) -> Vec<String> {
    let script = "const over = document.querySelector('dialog[open]') ?? document.body;
        const all = [...over.querySelectorAll('button, input, select, textarea, a[href], [role=option], [role=slider]')];
        const faults = [];
        for (const it of all.filter((it) => it.checkVisibility() && it.getBoundingClientRect().width > 1)) {
            it.scrollIntoView({ block: 'center', inline: 'nearest' });
            const { left, top, width, height } = it.getBoundingClientRect();
            const [x, y] = [left + width / 2, top + height / 2];
            const hit = document.elementFromPoint(x, y);
            const name = it.dataset.testid ?? it.innerText ?? it.outerHTML.slice(0, 80);
            if (left < -1 || left + width > innerWidth + 1) faults.push(`${name} is cut off at a side`);
            if (!hit || !(it.contains(hit) || hit.contains(it) && hit.closest('label')))
                faults.push(`${name} lies under ${hit?.outerHTML.slice(0, 80)}`);
            if (it.tagName === 'BUTTON' && it.scrollWidth > it.clientWidth + 1 && getComputedStyle(it).overflow === 'visible')
                faults.push(`${name} is wider than its button`);
        }
        document.querySelector('main')?.scrollTo(0, 0);
        return faults";
    let faults = app.session.run(script, vec![]).await;
    let faults: Vec<String> =
        faults.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    if !faults.is_empty() {
        keep_screenshot("app-out-of-reach.png", &app.session.screenshot().await);
    }
    faults
}
