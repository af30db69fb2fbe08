//! The origin's panel: what it shows is so, and its buttons do what they say.

use std::net::TcpListener;

use serde_json::json;
use tempfile::TempDir;

use crate::harness::browser::Browser;
use crate::harness::desktop_app::DesktopApp;
use crate::harness::display::Display;
use crate::harness::http::Http;
use crate::harness::looks::Looks;
use crate::harness::machine::alone;
use crate::harness::sound::SoundServer;
use crate::harness::studio_page::fill;
use crate::harness::wait::{seconds, until};
use crate::harness::watch_page::WatchPage;

/// Whatever the window shows, on a busy machine.
const LIMIT: std::time::Duration = seconds(45);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_origins_panel_shows_what_is_so_and_starts_stops_and_moves_it() {
    alone(seconds(400), panel()).await;
}

async fn panel() {
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let data = TempDir::new().expect("a temporary folder");
    // For the network, as after a first run; the ports are the system's choice.
    let settings = json!({"origin": {"http": "0.0.0.0:0", "rtmp": "127.0.0.1:0"}});
    std::fs::write(data.path().join("settings.json"), settings.to_string()).expect("it can be written");
    let app = DesktopApp::start_in(&display, &sound, data).await;
    let mut looks = Looks::default();
    app.comes_to_show("go-live", LIMIT).await;
    app.press("origin-menu", &["origin-address"]).await;
    app.session.click("origin-address").await;
    is(&app, "running").await;

    addresses(&app, &mut looks).await;
    meets(&app, "[data-testid=log]", "it.innerText.includes('origin started')").await;
    meets(&app, "[data-testid=disk]", "/\\d/.test(it.innerText)").await;
    autostart(&app).await;
    told_what_failed(&app, &mut looks).await;
    live(&app, &mut looks).await;
    stopped_and_taken(&app, &mut looks).await;

    app.session.click("audience-only-me").await;
    until("no address on the network", LIMIT, async || {
        let shown = app.session.shows("network-url").await;
        (!shown && app.session.shows("local-url").await).then_some(())
    })
    .await;
    assert!(!app.session.shows("named-url").await && !app.session.shows("internet").await);
    assert_eq!(looks.faults, Vec::<String>::new());
}

/// Every address that is shown answers, and the certificate is the one whose fingerprint is shown.
async fn addresses(app: &DesktopApp, looks: &mut Looks) {
    let text = async |test_id: &str| app.session.texts(test_id).await.concat();
    for test_id in ["local-url", "network-url"] {
        let url = text(test_id).await;
        let page = Http::new().try_get(&url).await;
        assert!(page.is_ok(), "{test_id} {url} does not answer");
    }
    app.comes_to_show("fingerprint", LIMIT).await;
    let secure = text("secure-url").await;
    let address = secure.trim_start_matches("https://").split('/').next().unwrap_or_default().to_owned();
    let fingerprint = text("fingerprint").await;
    let script = format!(
        "openssl s_client -connect {address} </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256"
    );
    let answer = std::process::Command::new("sh").args(["-c", &script]).output().expect("sh starts");
    let answer = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    assert!(
        answer.ends_with(&format!("={fingerprint}")) && fingerprint.len() == 95,
        "{answer}, {fingerprint}"
    );

    app.press("qr-network-url", &["qr"]).await;
    let drawn =
        "const it = document.querySelector('[data-testid=qr]'); return it.complete && it.naturalWidth > 0";
    until("the code is drawn", LIMIT, async || {
        (app.session.run(drawn, vec![]).await == json!(true)).then_some(())
    })
    .await;
    looks.everywhere(app, "origin-qr").await;
    app.session.click("qr-network-url").await;
}

/// The switch writes the file that desktops read, and takes it away.
async fn autostart(app: &DesktopApp) {
    let file = app.data().join("autostart/rostrum.desktop");
    assert!(!file.exists());
    app.comes_to_show("autostart", LIMIT).await;
    app.session.click("autostart").await;
    until("the file for the session", LIMIT, async || file.exists().then_some(())).await;
    let entry = std::fs::read_to_string(&file).expect("it is there");
    assert!(entry.contains("Exec=\"/") && entry.contains("rostrum\""), "{entry}");
    meets(app, "[data-testid=autostart]", "it.checked").await;
    app.session.click("autostart").await;
    until("the file to go", LIMIT, async || (!file.exists()).then_some(())).await;
}

/// What could not be done is said where it was asked for.
async fn told_what_failed(app: &DesktopApp, looks: &mut Looks) {
    std::fs::remove_dir_all(app.data().join("logs")).expect("it is there");
    app.session.click("open-logs").await;
    app.comes_to_show("failure", LIMIT).await;
    let said = app.session.texts("failure").await.concat();
    assert!(said.contains("this folder is not there yet: ") && said.contains("logs"), "{said}");
    looks.everywhere(app, "origin-failure").await;
    app.session.click("failure-close").await;
    until("the words to go", LIMIT, async || (!app.session.shows("failure").await).then_some(())).await;
}

/// A broadcast and its viewer are counted.
async fn live(app: &DesktopApp, looks: &mut Looks) {
    let room = "[data-testid=room-row]";
    meets(app, room, "it.dataset.live === 'false'").await;
    let url = app.session.texts("local-url").await.concat();
    app.session.click("replays").await;
    let (origin, token) = app.origin().await;
    let slug = url.rsplit('/').next().unwrap_or_default();
    let managed = format!("{origin}/api/v1/rooms/{slug}");
    until("the room that is recorded", LIMIT, async || {
        let answer = Http::new().get_as(&token, &managed).await;
        answer.text().contains("\"record\":true").then_some(())
    })
    .await;
    meets(app, "[data-testid=replays]", "it.checked").await;
    app.press("origin-back", &["go-live"]).await;
    app.press("go-live", &["countdown", "connecting", "live-timer"]).await;
    app.comes_to_show("live-timer", LIMIT).await;
    let browser = Browser::open(&url).await;
    WatchPage(&browser.session).plays(0.1, LIMIT).await;
    app.press("origin-menu", &["origin-address"]).await;
    app.session.click("origin-address").await;
    meets(app, room, "it.dataset.live === 'true' && /[1-9].*[kM]b/.test(it.innerText)").await;
    meets(app, "[data-testid=tile-viewers]", "it.innerText === '1'").await;
    meets(app, "[data-testid=tile-rooms]", "it.innerText === '1'").await;
    looks.everywhere(app, "origin-live").await;
    app.press("origin-back", &["end"]).await;
    app.press("end", &["end-confirm"]).await;
    app.press("end-confirm", &["summary"]).await;
    app.comes_to_show("watch-replay", LIMIT).await;
    app.press("origin-menu", &["origin-address"]).await;
    app.session.click("origin-address").await;
    recordings(app, looks).await;
    admin_page(app).await;
}

/// Stopped it is off; a port that somebody took meanwhile is named with the program, and another one offered.
async fn stopped_and_taken(app: &DesktopApp, looks: &mut Looks) {
    let port: u16 = app
        .session
        .texts("http-address")
        .await
        .concat()
        .split(' ')
        .next()
        .unwrap_or("")
        .parse()
        .expect("a port");
    app.session.click("origin-panel-restart").await;
    until("the origin to go down", LIMIT, async || (!app.session.shows("http-address").await).then_some(()))
        .await;
    is(app, "running").await;
    meets(app, "[data-testid=http-address]", &format!("it.innerText.startsWith('{port} ')")).await;
    app.press("origin-panel-stop", &["origin-panel-start"]).await;
    is(app, "off").await;
    looks.everywhere(app, "origin-off").await;
    let taken = until("the port to be free", LIMIT, async || TcpListener::bind(("0.0.0.0", port)).ok()).await;
    app.session.click("origin-panel-start").await;
    app.comes_to_show("port-taken", LIMIT).await;
    let said = app.session.texts("port-program").await.concat();
    assert!(said.contains(&format!("(process {})", std::process::id())), "{said}");
    looks.everywhere(app, "origin-port-taken").await;
    app.session.click("port-choose").await;
    app.comes_to_show("port-use", LIMIT).await;
    fill(app, "port-input", "80").await;
    app.session.click("port-use").await;
    app.comes_to_show("port-wrong", LIMIT).await;
    looks.everywhere(app, "origin-port-choose").await;
    let chosen = free_port();
    fill(app, "port-input", &chosen.to_string()).await;
    app.press("port-use", &["local-url"]).await;
    drop(taken);
    is_at(app, chosen).await;

    // A running origin moves too.
    app.session.click("port-change").await;
    app.comes_to_show("port-use", LIMIT).await;
    let chosen = free_port();
    fill(app, "port-input", &chosen.to_string()).await;
    app.session.click("port-use").await;
    is_at(app, chosen).await;
    moves_while_it_starts(app).await;
}

/// What is told to an origin that starts just now is not lost.
async fn moves_while_it_starts(app: &DesktopApp) {
    app.press("origin-panel-stop", &["origin-panel-start"]).await;
    is(app, "off").await;
    let chosen = free_port();
    let both = "const ask = window.__TAURI_INTERNALS__.invoke;
        ask('start_origin'); ask('use_port', { port: arguments[0] })";
    app.session.run(both, vec![json!(chosen)]).await;
    is_at(app, chosen).await;
}

async fn is_at(app: &DesktopApp, port: u16) {
    meets(app, "[data-testid=http-address]", &format!("it.innerText.startsWith('{port} ')")).await;
    is(app, "running").await;
    let url = app.session.texts("local-url").await.concat();
    assert!(
        url.contains(&format!(":{port}/")) && Http::new().try_get(&url).await.is_ok(),
        "{url} does not answer"
    );
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("0.0.0.0", 0)).expect("a free port");
    listener.local_addr().expect("a bound listener").port()
}

/// What the origin recorded is listed: played in the browser, and deleted after a question.
async fn recordings(app: &DesktopApp, looks: &mut Looks) {
    let row = "[data-testid=recording-row]";
    meets(app, row, "it.innerText.includes('0:0')").await;
    app.session.click("recording-play").await;
    let opened = until("the recording in the browser", LIMIT, async || {
        app.opened().into_iter().find(|link| link.contains("/replay/"))
    })
    .await;
    assert!(Http::new().try_get(&opened).await.is_ok(), "{opened} does not answer");
    app.session.click("open-recordings").await;
    let folder = app.data().join("origin/recordings");
    until("the folder", LIMIT, async || {
        app.opened().iter().any(|opened| *opened == folder.display().to_string()).then_some(())
    })
    .await;
    app.press("recording-delete", &["delete-keep"]).await;
    looks.everywhere(app, "origin-delete-recording").await;
    app.session.click("delete-keep").await;
    meets(app, row, "true").await;
    app.press("recording-delete", &["delete-confirm"]).await;
    app.session.click("delete-confirm").await;
    until("the recording to go", LIMIT, async || (!app.session.shows("recording-row").await).then_some(()))
        .await;
}

/// The administrator's page opens signed in, by a link that works once.
async fn admin_page(app: &DesktopApp) {
    app.session.click("admin-page").await;
    let link = until("the page in the browser", LIMIT, async || {
        app.opened().into_iter().find(|link| link.contains("/signin"))
    })
    .await;
    let browser = Browser::open(&link).await;
    let there = "return location.pathname === '/admin' && document.body.innerText.length > 100";
    until("the administrator's page", LIMIT, async || {
        (browser.session.run(there, vec![]).await == json!(true)).then_some(())
    })
    .await;
    let again = Browser::open(&link).await;
    until("a link that is used up", LIMIT, async || {
        let text = again.session.run("return document.body.innerText", vec![]).await;
        text.as_str().is_some_and(|text| text.contains("link")).then_some(())
    })
    .await;
    assert_eq!(again.session.run("return location.pathname", vec![]).await, json!("/signin"));
}

async fn is(app: &DesktopApp, state: &str) {
    meets(app, "[data-testid=origin-state]", &format!("it.dataset.state === '{state}'")).await;
}

/// Waits until `it`, the element, is as the script says.
async fn meets(app: &DesktopApp, selector: &str, script: &str) {
    let script = format!("const it = document.querySelector(`{selector}`); return !!it && ({script})");
    until(&format!("{selector}: {script}"), LIMIT, async || {
        (app.session.run(&script, vec![]).await == json!(true)).then_some(())
    })
    .await;
}
