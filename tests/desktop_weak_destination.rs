//! The desktop app sends to its own origin and, over a line that becomes narrow, to another one: it says who misses pictures, and
//! what is done about it.

use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use crate::harness::desktop_app::DesktopApp;
use crate::harness::display::Display;
use crate::harness::machine::alone;
use crate::harness::process::Process;
use crate::harness::server::Server;
use crate::harness::sound::SoundServer;
use crate::harness::studio_page::{LIMIT, Looks};
use crate::harness::throttled_line::ThrottledLine;
use crate::harness::wait::{seconds, until};

/// What the encode that all share aims at, and what the line carries then.
const CEILING_KBPS: u64 = 800;
const WEAK_BPS: u64 = 450_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_on_a_weak_network_is_offered_less_and_the_others_keep_theirs() {
    alone(seconds(300), weak()).await;
}

async fn weak() {
    let server = Server::start().await;
    let room = server.room("far").await;
    let line = ThrottledLine::to(server.rtmp_address);
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let app = DesktopApp::start_in(&display, &sound, settings(&line, &room.key)).await;
    let mut looks = Looks::default();
    app.comes_to_show("go-live", LIMIT).await;
    let _noise = noise(&display);
    app.press("go-live", &["countdown", "connecting", "live-timer"]).await;
    app.comes_to_show("live-timer", LIMIT).await;
    until("so much is sent that the line matters", LIMIT, async || {
        (rate_kbps(&app, "Far away").await? > CEILING_KBPS as f64 / 2.0).then_some(())
    })
    .await;
    assert!(!app.session.shows("notice-action").await, "something is offered on a good network");

    line.limit(WEAK_BPS);
    app.comes_to_show("notice-action", LIMIT).await;
    let said = app.session.texts("notice").await.join(" ");
    assert!(said.contains("Far away has a weaker network") && said.contains("Send it less"), "{said}");
    looks.everywhere(&app, "studio-live-weak-offer").await;

    app.press("notice-action", &["own-encode"]).await;
    let said = app.session.texts("own-encode").await.join(" ");
    assert!(said.contains("Weak network: gets"), "{said}");
    until("the offer to be gone", LIMIT, async || (!app.session.shows("notice-action").await).then_some(()))
        .await;
    // The others' picture is what it was: nothing says that the network as a whole is weak.
    assert!(!app.session.texts("notice").await.join(" ").contains("Your network is weak"));
    looks.everywhere(&app, "studio-live-weak-own").await;
    assert_eq!(looks.faults, Vec::<String>::new());
    app.press("end", &["end-confirm"]).await;
    app.press("end-confirm", &["summary"]).await;
}

/// A data folder in which the far server is a destination, and pictures are small enough for a busy machine.
fn settings(line: &ThrottledLine, key: &str) -> TempDir {
    let data = TempDir::new().expect("a temporary folder");
    let write = |name: &str, content: serde_json::Value| {
        std::fs::write(data.path().join(name), content.to_string()).expect("the folder can be written");
    };
    let output =
        json!({"width": 320, "height": 180, "fps": 15, "bitrateKbps": CEILING_KBPS, "floorKbps": 100});
    write(
        "settings.json",
        json!({"origin": {"http": "127.0.0.1:0", "rtmp": "127.0.0.1:0"}, "output": output}),
    );
    let far = json!({"id": 1, "name": "Far away", "service": "rtmp", "key": key, "passphrase": "", "on": true,
        "address": format!("rtmp://{}/live", line.address)});
    write("destinations.json", json!([far]));
    data
}

/// Pictures that no encoder can make small, above the app's window.
fn noise(display: &Display) -> Process {
    let mut command = Command::new("ffplay");
    command.args(["-v", "error", "-noborder", "-alwaysontop", "-left", "160", "-top", "120", "-an"]);
    command.args(["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=15,noise=alls=60:allf=t"]);
    command.args(["-x", "960", "-y", "540"]);
    command.env("DISPLAY", &display.name).env("SDL_VIDEODRIVER", "x11").env("SDL_AUDIODRIVER", "dummy");
    Process::start("ffplay", &mut command)
}

/// What the row of a destination says is sent there; `None` while it does not.
async fn rate_kbps(app: &DesktopApp, name: &str) -> Option<f64> {
    let script = "return document.querySelector(`[data-testid='destination'][data-name='${arguments[0]}']`)?.innerText ?? ''";
    let said = app.session.run(script, vec![json!(name)]).await;
    let (before, _) = said.as_str()?.split_once(" Mb/s")?;
    let megabits: f64 = before.rsplit([' ', '\n']).next()?.parse().ok()?;
    Some(megabits * 1e3)
}
