//! A class in the app: hands go up beside the picture, and the teacher sees who is here and saves the list.

use serde_json::json;

use crate::harness::browser::Browser;
use crate::harness::desktop_app::DesktopApp;
use crate::harness::display::Display;
use crate::harness::machine::beside_others;
use crate::harness::sound::SoundServer;
use crate::harness::studio_page::{Looks, shared_link};
use crate::harness::wait::{seconds, until};

/// Whatever a window or page shows, on a busy machine.
const LIMIT: std::time::Duration = seconds(45);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_teacher_sees_in_the_app_who_is_here_and_saves_the_list() {
    beside_others(seconds(200), class()).await;
}

async fn class() {
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let app = DesktopApp::start(&display, &sound).await;
    let mut looks = Looks { faults: Vec::new() };
    app.comes_to_show("go-live", LIMIT).await;
    let link = shared_link(&app).await;
    app.comes_to_show("tool-settings", LIMIT).await;
    // Outside a class nobody is counted.
    assert!(!app.session.shows("tool-people").await);
    app.press("tool-settings", &["rule-class"]).await;
    app.session.click("rule-class").await;
    app.comes_to_show("tool-people", LIMIT).await;

    let student = Browser::open(&link).await;
    until("the student's hand", LIMIT, async || student.session.offers("hand-raise").await.then_some(()))
        .await;
    student.session.click("hand-raise").await;
    app.session.click("tool-people").await;
    let name = until("the student in the list", LIMIT, async || {
        app.session.texts("attendee").await.into_iter().find(|text| text.contains("Guest"))
    })
    .await;
    looks.check(&app, "class-people").await;
    app.session.click("people-save").await;
    app.comes_to_show("people-saved", LIMIT).await;
    let said = app.session.texts("people-saved").await.concat();
    let file = said.trim_start_matches("Saved as ").to_owned();
    let sheet = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let guest = name.lines().find(|line| line.contains("Guest")).unwrap_or_default();
    assert!(
        sheet.starts_with("name,") && sheet.contains(guest) && sheet.contains("here"),
        "{guest}: {sheet}"
    );

    app.session.click("tool-hands").await;
    app.comes_to_show("hand-call", LIMIT).await;
    looks.check(&app, "class-hands").await;
    app.session.click("hand-call").await;
    until("the student to be called", LIMIT, async || {
        let script = "return document.querySelector('[data-testid=hand-place]')?.innerText ?? ''";
        let told = student.session.run(script, vec![]).await;
        told.as_str().is_some_and(|told| told.contains("You may speak")).then_some(())
    })
    .await;

    drop(student);
    app.session.click("tool-people").await;
    until("the student to have left", LIMIT, async || {
        let states =
            "return [...document.querySelectorAll('[data-testid=attendee]')].map((it) => it.dataset.state)";
        let states = app.session.run(states, vec![]).await;
        states.as_array().is_some_and(|states| states.contains(&json!("left"))).then_some(())
    })
    .await;
    assert_eq!(looks.faults, Vec::<String>::new());
}
