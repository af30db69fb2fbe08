//! A class in the app: hands go up beside the picture, and the teacher sees who is here and saves the list.

use serde_json::json;

use crate::harness::browser::Browser;
use crate::harness::desktop_app::DesktopApp;
use crate::harness::display::Display;
use crate::harness::machine::beside_others;
use crate::harness::sound::SoundServer;
use crate::harness::studio_page::{Looks, fill, shared_link};
use crate::harness::wait::{seconds, until};

/// Whatever a window or page shows, on a busy machine.
const LIMIT: std::time::Duration = seconds(45);
/// WebDriver's Control key.
const CONTROL: char = '\u{E009}';
const SHIFT: char = '\u{E008}';
const F1: char = '\u{E031}';
const ESCAPE: char = '\u{E00C}';
/// Lets go of them.
const RELEASE: char = '\u{E000}';

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_teacher_sees_in_the_app_who_is_here_and_saves_the_list() {
    beside_others(seconds(200), class()).await;
}

async fn class() {
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let app = DesktopApp::start(&display, &sound).await;
    let mut looks = Looks::default();
    app.comes_to_show("go-live", LIMIT).await;
    let link = shared_link(&app).await;
    app.comes_to_show("tool-settings", LIMIT).await;
    // Outside a class nobody is counted.
    assert!(!app.session.shows("dock-class").await);
    app.press("tool-settings", &["rule-class"]).await;
    app.session.click("rule-class").await;
    app.comes_to_show("dock-class", LIMIT).await;
    app.session.click("dock-class").await;
    app.comes_to_show("class-poll", LIMIT).await;
    looks.everywhere(&app, "class-empty").await;
    app.session.type_into("dock-class", &format!("{CONTROL}{SHIFT}s{RELEASE}")).await;
    until("how it goes, read aloud", LIMIT, async || {
        let script = "return document.querySelector('[aria-live=assertive]').innerText";
        (app.session.run(script, vec![]).await == "Not live").then_some(())
    })
    .await;
    app.session.type_into("dock-class", &F1.to_string()).await;
    app.comes_to_show("tab-hotkeys", LIMIT).await;
    app.session.type_into("tab-hotkeys", &ESCAPE.to_string()).await;
    app.comes_to_show("dock-class", LIMIT).await;
    app.session.click("dock-class").await;
    app.comes_to_show("class-poll", LIMIT).await;

    let student = Browser::open(&link).await;
    until("the student's hand", LIMIT, async || student.session.offers("hand-raise").await.then_some(()))
        .await;
    student.session.click("hand-raise").await;
    app.comes_to_show("class-call", LIMIT).await;
    let name = until("the student in the list", LIMIT, async || {
        app.session.texts("attendee").await.into_iter().find(|text| text.contains("Guest"))
    })
    .await;
    poll(&app, &student).await;
    looks.everywhere(&app, "class").await;
    app.session.type_into("dock-class", &format!("{CONTROL}{SHIFT}h{RELEASE}")).await;
    until("the student to be called", LIMIT, async || {
        let script = "return document.querySelector('[data-testid=hand-place]')?.innerText ?? ''";
        let told = student.session.run(script, vec![]).await;
        told.as_str().is_some_and(|told| told.contains("You may speak")).then_some(())
    })
    .await;
    saved(&app, &name).await;
    app.session.click("class-lower").await;
    until("no hand", LIMIT, async || (!app.session.shows("class-hand").await).then_some(())).await;

    drop(student);
    until("the student to have left", LIMIT, async || {
        let states =
            "return [...document.querySelectorAll('[data-testid=attendee]')].map((it) => it.dataset.state)";
        let states = app.session.run(states, vec![]).await;
        states.as_array().is_some_and(|states| states.contains(&json!("left"))).then_some(())
    })
    .await;
    // The chat is where it was, and its key leads there.
    app.session.type_into("dock-class", &format!("{CONTROL}j{RELEASE}")).await;
    app.comes_to_show("chat-input", LIMIT).await;
    assert_eq!(looks.faults, Vec::<String>::new());
}

/// A question to the class: what was answered shows when it is closed, as a class has it.
async fn poll(app: &DesktopApp, student: &Browser) {
    app.session.click("class-poll").await;
    app.comes_to_show("poll-question", LIMIT).await;
    fill(app, "poll-question", "Where does the oxygen come from?").await;
    for (number, answer) in ["Water", "Carbon dioxide"].into_iter().enumerate() {
        let script = "const box = document.querySelectorAll('[data-testid=poll-answer]')[arguments[0]];
            box.value = arguments[1]; box.dispatchEvent(new Event('input', { bubbles: true }))";
        app.session.run(script, vec![json!(number), json!(answer)]).await;
    }
    app.press("poll-start", &["poll-close"]).await;
    until("the question", LIMIT, async || student.session.offers("poll-option").await.then_some(())).await;
    student.session.click("poll-option").await;
    until("the answer", LIMIT, async || {
        app.session.texts("poll-share").await.first().is_some_and(|share| share == "100%").then_some(())
    })
    .await;
}

/// The list is a sheet among the person's files, with who is in it.
async fn saved(app: &DesktopApp, name: &str) {
    app.session.click("people-save").await;
    app.comes_to_show("people-saved", LIMIT).await;
    let said = app.session.texts("people-saved").await.concat();
    let file = said.trim_start_matches("Saved as ").to_owned();
    let sheet = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let guest = name.lines().find(|line| line.contains("Guest")).unwrap_or_default();
    // Behind the mark by which spreadsheets know UTF-8.
    assert!(
        sheet.trim_start_matches('\u{feff}').starts_with("name,")
            && sheet.contains(guest)
            && sheet.contains("here"),
        "{guest}: {sheet}"
    );
}
