//! The app is killed in the middle of a broadcast: the next start offers to go on, and everything is as it was.

use crate::harness::desktop_app::DesktopApp;
use crate::harness::display::Display;
use crate::harness::http::Http;
use crate::harness::looks::Looks;
use crate::harness::machine::beside_others;
use crate::harness::sound::SoundServer;
use crate::harness::studio_page::{LIMIT, RED, add, at, choose, listed, shared_link, shows};
use crate::harness::wait::{seconds, until};
use crate::harness::watch_page::shows_line;

const LINE: &str = "See you on the other side";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_after_a_crash_on_air_offers_to_go_live_again_with_everything_as_it_was() {
    beside_others(seconds(300), crash()).await;
}

async fn crash() {
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let app = DesktopApp::start(&display, &sound).await;
    app.comes_to_show("go-live", LIMIT).await;
    add(&app, "colour").await;
    choose(&app, "source-colour", "#e61e1e").await;
    shows(&app, "the colour", RED, at(640.0, 360.0)).await;
    app.press("go-live", &["countdown", "connecting", "live-timer"]).await;
    app.comes_to_show("live-timer", LIMIT).await;
    app.comes_to_show("chat-input", LIMIT).await;
    app.session.type_into("chat-input", LINE).await;
    app.session.click("chat-send").await;
    shows_line(&app.session, LINE, LIMIT).await;

    // Nothing of the program is left to write anything down.
    let app = DesktopApp::start_in(&display, &sound, app.cut_off()).await;
    app.comes_to_show("notice-action", LIMIT).await;
    let said = app.session.texts("notice").await.concat();
    assert!(said.contains("ended in the middle of a broadcast") && said.contains("Go live again"), "{said}");
    listed(&app, "source", &["Colour", "Display"]).await;
    shows(&app, "the colour after the crash", RED, at(640.0, 360.0)).await;
    shows_line(&app.session, LINE, LIMIT).await;
    let mut looks = Looks::default();
    looks.everywhere(&app, "studio-cut-off").await;

    app.press("notice-action", &["countdown", "connecting", "live-timer"]).await;
    app.comes_to_show("live-timer", LIMIT).await;
    until("the notice to go", LIMIT, async || (!app.session.shows("notice").await).then_some(())).await;
    let playlist = format!("{}/index.m3u8", shared_link(&app).await.replacen("/r/", "/live/", 1));
    let http = Http::new();
    until("viewers to get it", LIMIT, async || http.get(&playlist).await.status.is_success().then_some(()))
        .await;
    // What was ended properly is not offered again.
    app.press("end", &["end-confirm"]).await;
    app.press("end-confirm", &["summary"]).await;
    let app = DesktopApp::start_in(&display, &sound, app.cut_off()).await;
    app.comes_to_show("go-live", LIMIT).await;
    assert!(!app.session.shows("notice").await, "{:?}", app.session.texts("notice").await);
    assert_eq!(looks.faults, Vec::<String>::new());
}
