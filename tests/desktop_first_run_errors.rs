//! What can go wrong in the set-up is said where it is, with what to do about it, and nobody is held up by it.

use std::net::TcpListener;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::desktop_app::DesktopApp;
use crate::harness::display::Display;
use crate::harness::looks::Looks;
use crate::harness::machine::alone;
use crate::harness::sound::SoundServer;
use crate::harness::studio_page::{LIMIT, attribute, choose};
use crate::harness::wait::{seconds, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_set_up_says_what_does_not_work_and_goes_on_without_it() {
    alone(seconds(300), errors()).await;
}

async fn errors() {
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    // Another program has the port that links would have.
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("a bound listener").port();
    let app = DesktopApp::start_in(&display, &sound, begun(port)).await;
    let mut looks = Looks::default();

    // A camera that is not there, and pictures that are too large for any processor at that rate.
    app.comes_to_show("setup-retry", LIMIT).await;
    assert_eq!(attribute(&app, "setup-picture", "value").await, "camera:gone");
    encoder_is(&app, "slow").await;
    looks.everywhere(&app, "first-run-2-errors").await;
    app.session.click("setup-retry").await;
    app.comes_to_show("setup-retry", LIMIT).await;
    app.session.click("setup-smaller").await;
    // Whether that is enough depends on the machine; what is measured is the smaller picture.
    until("a test of the smaller picture", LIMIT, async || {
        app.session.texts("setup-encoder").await.concat().contains("480p").then_some(())
    })
    .await;
    // Another picture helps; so does another microphone than one that is not there.
    choose(&app, "setup-picture", "test").await;
    until("a picture", LIMIT, async || {
        let drawn = attribute(&app, "preview", "data-drawn").await == "true";
        (drawn && !app.session.shows("setup-retry").await).then_some(())
    })
    .await;

    // The sound server goes away, and with it every microphone.
    drop(sound);
    until("no microphone", LIMIT, async || {
        app.session.texts("setup-sound").await.concat().contains("No sound").then_some(())
    })
    .await;
    looks.everywhere(&app, "first-run-2-no-microphone").await;
    app.session.click("setup-continue").await;
    app.comes_to_show("setup-live", LIMIT).await;
    let link = app.session.texts("setup-link").await.concat();
    assert!(link.starts_with("http://127.0.0.1:") && !link.contains(&format!(":{port}/")), "{link}");
    assert_eq!(looks.faults, Vec::<String>::new());
}

/// A set-up that was left at its second step.
fn begun(port: u16) -> TempDir {
    let data = TempDir::new().expect("a temporary folder");
    let settings = json!({
        "first_run": "devices", "video": "camera:gone",
        "origin": {"http": format!("127.0.0.1:{port}"), "rtmp": "127.0.0.1:0"},
        "output": {"width": 1920, "height": 1080, "fps": 60},
    });
    std::fs::write(data.path().join("settings.json"), Value::to_string(&settings))
        .expect("it can be written");
    data
}

async fn encoder_is(app: &DesktopApp, state: &str) {
    until(&format!("an encoder that is {state}"), LIMIT, async || {
        (attribute(app, "setup-encoder", "data-state").await == state).then_some(())
    })
    .await;
}
