//! The desktop app has lost its only destination: *Try now* does not wait for the next try.

use std::time::Instant;

use serde_json::json;
use tempfile::TempDir;

use crate::harness::desktop_app::DesktopApp;
use crate::harness::display::Display;
use crate::harness::machine::alone;
use crate::harness::origin_program::{OriginProgram, told};
use crate::harness::sound::SoundServer;
use crate::harness::studio_page::{LIMIT, Looks};
use crate::harness::wait::{seconds, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn try_now_is_back_on_air_before_the_next_try_is_due() {
    alone(seconds(300), tried()).await;
}

async fn tried() {
    let far = TempDir::new().expect("a temporary folder");
    let origin = OriginProgram::serve(far.path(), "127.0.0.1:0", "127.0.0.1:0").await;
    let room = told(far.path(), &["room", "create", "far"]);
    let key = room["stream_key"].as_str().unwrap_or_else(|| panic!("no key in {room}"));
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let app = DesktopApp::start_in(&display, &sound, settings(&origin, key)).await;
    let mut looks = Looks::default();
    app.comes_to_show("go-live", LIMIT).await;
    app.press("go-live", &["countdown", "connecting", "live-timer"]).await;
    app.comes_to_show("live-timer", LIMIT).await;

    origin.process.signal("KILL");
    let (http, rtmp) = (origin.http.to_string(), origin.rtmp.to_string());
    drop(origin);
    // While the first tries pass.
    app.comes_to_show("try-now", LIMIT).await;
    looks.everywhere(&app, "studio-reconnecting").await;
    // The fifth try is fifteen seconds after the fourth, a fifth more or less.
    let waits = until("a next try that is far away", seconds(90), async || {
        waits_for(&app).await.filter(|(attempt, left)| *attempt >= 5 && *left >= 9)
    })
    .await;
    let _origin = OriginProgram::serve(far.path(), &http, &rtmp).await;
    let (attempt, left) = until("the wait for the next try", seconds(90), async || {
        waits_for(&app).await.filter(|(attempt, left)| *attempt > waits.0 || *left >= 3)
    })
    .await;
    let pressed = Instant::now();
    app.press("try-now", &["live-timer"]).await;
    let back = pressed.elapsed();
    println!("try {attempt} was due in {left} s; back on air after {:.1} s", back.as_secs_f64());
    assert!(back < seconds(left), "it waited for the next try: {back:?} of {left} s");
    assert_eq!(looks.faults, Vec::<String>::new());
    app.press("end", &["end-confirm"]).await;
    app.press("end-confirm", &["summary"]).await;
}

/// Which try is next, and in how many whole seconds; `None` while none is waited for.
async fn waits_for(app: &DesktopApp) -> Option<(u64, u64)> {
    let script =
        "return document.querySelector(`[data-testid='destination'][data-name='Far away']`)?.innerText ?? ''";
    let said = app.session.run(script, vec![]).await;
    let (_, rest) = said.as_str()?.split_once("Try ")?;
    let (attempt, rest) = rest.split_once(" in ")?;
    let (left, _) = rest.split_once(" s")?;
    Some((attempt.parse().ok()?, left.parse().ok()?))
}

/// A data folder in which the far server is the only destination, and pictures are small enough for a busy machine.
fn settings(origin: &OriginProgram, key: &str) -> TempDir {
    let data = TempDir::new().expect("a temporary folder");
    let write = |name: &str, content: serde_json::Value| {
        std::fs::write(data.path().join(name), content.to_string()).expect("the folder can be written");
    };
    write(
        "settings.json",
        json!({"origin": {"http": "127.0.0.1:0", "rtmp": "127.0.0.1:0"}, "without_this_computer": true,
            "output": {"width": 320, "height": 180, "fps": 15, "bitrateKbps": 500, "floorKbps": 100}}),
    );
    let far = json!({"id": 1, "name": "Far away", "service": "rtmp", "key": key, "passphrase": "", "on": true,
        "address": format!("rtmp://{}/live", origin.rtmp)});
    write("destinations.json", json!([far]));
    data
}
