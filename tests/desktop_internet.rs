//! The router is asked to let the internet in when a person wants that, after it was said what opens, and no longer.

use std::net::Ipv4Addr;

use serde_json::json;
use tempfile::TempDir;
use testkit::router::{Log, Manner, Speaks, StandInRouter};
use tokio::sync::watch;

use crate::harness::desktop_app::DesktopApp;
use crate::harness::display::Display;
use crate::harness::http::Http;
use crate::harness::machine::beside_others;
use crate::harness::sound::SoundServer;
use crate::harness::studio_page::{Looks, shared_link};
use crate::harness::wait::{seconds, until};

/// Whatever the window shows, on a busy machine.
const LIMIT: std::time::Duration = seconds(45);
/// The router's address here, and on its other side.
const ROUTER: Ipv4Addr = Ipv4Addr::new(127, 77, 9, 1);
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 40);
const FORWARDS: Manner = Manner { speaks: Speaks::NatPmp, lease_s: 3_600, outside: OUTSIDE, refuses: false };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_router_lets_the_internet_in_only_when_asked_and_only_while_the_origin_runs() {
    beside_others(seconds(300), internet()).await;
}

async fn internet() {
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let data = TempDir::new().expect("a temporary folder");
    let settings = json!({"origin": {"http": "0.0.0.0:0", "rtmp": "127.0.0.1:0", "router": ROUTER}});
    std::fs::write(data.path().join("settings.json"), settings.to_string()).expect("it can be written");
    let router = StandInRouter::start(ROUTER, FORWARDS).await;
    let mut log = router.log();
    let app = DesktopApp::start_in(&display, &sound, data).await;
    let mut looks = Looks::default();
    app.comes_to_show("go-live", LIMIT).await;
    panel(&app).await;
    let port = port(&app).await;

    said_first(&app, port, &mut looks).await;
    assert_eq!(*log.borrow(), Log::default(), "the router was asked before anybody said so");
    opened(&app, port, &mut log, &mut looks).await;
    other_routers(&app, router, &mut looks).await;

    let router = StandInRouter::start(ROUTER, Manner { speaks: Speaks::Pcp, ..FORWARDS }).await;
    let mut log = router.log();
    app.session.click("ask-again").await;
    internet_is(&app, "forwarded").await;
    shows(&mut log, |log| log.open == [port]).await;
    app.press("file-menu", &["quit"]).await;
    // The program may be gone before it has answered.
    let _ = app.session.try_click("quit").await;
    shows(&mut log, |log| log.open.is_empty()).await;
    assert_eq!(looks.faults, Vec::<String>::new());
}

/// Nothing is asked before it was said what opens, and somebody said yes.
async fn said_first(app: &DesktopApp, port: u16, looks: &mut Looks) {
    internet_is(app, "unasked").await;
    app.press("audience-anyone", &["ask-router-confirm"]).await;
    let words = text(app, "dialog").await;
    assert!(words.contains(&format!("TCP port {port}")) && words.contains("without encryption"), "{words}");
    looks.everywhere(app, "origin-ask-router").await;
    app.session.click("ask-router-cancel").await;
    meets(app, "[data-testid=audience-my-network]", "it.checked").await;
    internet_is(app, "unasked").await;
}

/// The router forwards; the link to share is the one of the internet; a restart opens it again, another choice closes it.
async fn opened(app: &DesktopApp, port: u16, log: &mut watch::Receiver<Log>, looks: &mut Looks) {
    app.press("ask-router", &["ask-router-confirm"]).await;
    app.session.click("ask-router-confirm").await;
    internet_is(app, "forwarded").await;
    assert_eq!(log.borrow().open, [port]);
    meets(app, "[data-testid=audience-anyone]", "it.checked").await;
    let link = app.session.texts("internet-url").await.concat();
    assert!(link.starts_with(&format!("http://{OUTSIDE}:{port}/r/")), "{link}");
    looks.everywhere(app, "origin-internet-forwarded").await;
    app.press("origin-back", &["go-live"]).await;
    assert_eq!(shared_link(app).await, link);
    app.session.click("share").await;
    app.comes_to_show("share-dialog", LIMIT).await;
    looks.everywhere(app, "share-internet").await;
    app.session.click("share-open").await;
    let page = until("the watch page in the browser", LIMIT, async || {
        app.opened().into_iter().find(|opened| opened.contains("/r/"))
    })
    .await;
    assert!(Http::new().try_get(&page).await.is_ok(), "{page} does not answer");
    app.session.click("share").await;
    panel(app).await;

    let asked = log.borrow().asked;
    app.session.click("origin-panel-restart").await;
    shows(log, |log| log.asked > asked && log.open == [port]).await;
    internet_is(app, "forwarded").await;
    app.press("origin-panel-stop", &["origin-panel-start"]).await;
    shows(log, |log| log.open.is_empty()).await;
    app.press("origin-panel-start", &["local-url"]).await;
    shows(log, |log| log.open == [port]).await;
    app.session.click("audience-my-network").await;
    shows(log, |log| log.open.is_empty()).await;
    internet_is(app, "unasked").await;
    // The page goes on meanwhile: only the router was told.
    let url = app.session.texts("local-url").await.concat();
    assert!(Http::new().try_get(&url).await.is_ok(), "{url} does not answer");
}

/// What a router does not do is said as it is, and never that the page is reached.
async fn other_routers(app: &DesktopApp, router: StandInRouter, looks: &mut Looks) {
    router.stop().await;
    app.press("ask-router", &["ask-router-confirm"]).await;
    app.session.click("ask-router-confirm").await;
    internet_is(app, "asking").await;
    internet_is(app, "silent").await;
    looks.everywhere(app, "origin-internet-silent").await;
    let upnp = Manner { speaks: Speaks::Upnp, ..FORWARDS };
    let router = StandInRouter::start(ROUTER, Manner { refuses: true, ..upnp }).await;
    app.session.click("ask-again").await;
    internet_is(app, "refused").await;
    looks.everywhere(app, "origin-internet-refused").await;
    router.stop().await;
    let router =
        StandInRouter::start(ROUTER, Manner { outside: Ipv4Addr::new(192, 168, 7, 2), ..upnp }).await;
    app.session.click("ask-again").await;
    internet_is(app, "nested").await;
    assert!(!app.session.shows("internet-url").await);
    looks.everywhere(app, "origin-internet-nested").await;
    router.stop().await;
}

async fn panel(app: &DesktopApp) {
    app.press("origin-menu", &["origin-address"]).await;
    app.session.click("origin-address").await;
    app.comes_to_show("http-address", LIMIT).await;
}

async fn port(app: &DesktopApp) -> u16 {
    let shown = app.session.texts("http-address").await.concat();
    shown.split(' ').next().and_then(|port| port.parse().ok()).expect("a port")
}

async fn text(app: &DesktopApp, selector: &str) -> String {
    let script = "return document.querySelector(arguments[0])?.innerText ?? ''";
    app.session.run(script, vec![json!(selector)]).await.as_str().unwrap_or_default().to_owned()
}

async fn internet_is(app: &DesktopApp, state: &str) {
    meets(app, "[data-testid=internet-row]", &format!("it.dataset.state === '{state}'")).await;
}

/// Waits until the router's log is as wanted.
async fn shows(log: &mut watch::Receiver<Log>, wanted: impl Fn(&Log) -> bool) {
    let in_time = tokio::time::timeout(LIMIT, log.wait_for(|log| wanted(log))).await.is_ok();
    assert!(in_time, "the router's log is {:?}", log.borrow());
}

/// Waits until `it`, the element, is as the script says.
async fn meets(app: &DesktopApp, selector: &str, script: &str) {
    let script = format!("const it = document.querySelector(`{selector}`); return !!it && ({script})");
    until(&format!("{selector}: {script}"), LIMIT, async || {
        (app.session.run(&script, vec![]).await == json!(true)).then_some(())
    })
    .await;
}
