//! Keeping order from the app without a mouse: a guest writes, and the keys delete, time out and ban; the list of people
//! shows who is here; the room turns into a class at once, and a quiz is run.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::chat::Chat;
use crate::harness::desktop_app::DesktopApp;
use crate::harness::display::Display;
use crate::harness::machine::beside_others;
use crate::harness::sound::SoundServer;
use crate::harness::studio_page::{LIMIT, Looks, attribute, fill, shared_link};
use crate::harness::wait::{seconds, until};

const UP: char = '\u{E013}';
const DELETE: char = '\u{E017}';
const CONTROL: char = '\u{E009}';
const RELEASE: char = '\u{E000}';
const ENTER: char = '\u{E007}';
const ESCAPE: char = '\u{E00C}';

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_teacher_keeps_order_in_the_app_by_keyboard_and_runs_a_quiz() {
    beside_others(seconds(300), order()).await;
}

async fn order() {
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let app = DesktopApp::start(&display, &sound).await;
    let mut looks = Looks { faults: Vec::new() };
    app.comes_to_show("go-live", LIMIT).await;
    let link = shared_link(&app).await;
    let (address, room) = link.trim_start_matches("http://").split_once("/r/").expect("a watch page");
    let address = address.parse().expect("an address");
    let mut guest = Chat::join(address, room, "Ben").await;
    guest.frame("welcome").await.expect("a guest may come");
    app.comes_to_show("chat-input", LIMIT).await;

    let seq = writes(&mut guest, "g1", "first").await["seq"].clone();
    keys(&app, &[UP, DELETE]).await;
    let deleted = guest.frame("deleted").await.expect("the guest is told");
    assert_eq!(deleted["message"], seq);
    // At once: it can be taken back for ten seconds only.
    keys(&app, &[UP, CONTROL, 'z', RELEASE]).await;
    guest.frame("restored").await.expect("it is taken back");
    until("the line in the app again", LIMIT, async || {
        app.session.texts("chat-message").await.iter().any(|line| line.contains("first")).then_some(())
    })
    .await;
    keys(&app, &[UP, DELETE]).await;
    guest.frame("deleted").await.expect("the guest is told");
    app.settles().await;
    looks.check(&app, "chat-deleted").await;

    keys(&app, &[UP, 't']).await;
    let standing = guest.frame("standing").await.expect("the guest is told");
    assert_eq!(standing["sanction"]["ban"], json!(false), "{standing}");
    refused(&mut guest, "g2").await;
    people(&app, &mut guest, &mut looks).await;

    keys(&app, &[UP, 'b']).await;
    let standing = guest.frame("standing").await.expect("the guest is told");
    assert_eq!(standing["sanction"]["ban"], json!(true), "{standing}");
    refused(&mut guest, "g4").await;
    keys(&app, &[UP, ENTER]).await;
    let open = "return !!document.querySelector('[data-testid=message-more][aria-expanded=true]')";
    until("the menu of the message", LIMIT, async || {
        (app.session.run(open, vec![]).await == json!(true)).then_some(())
    })
    .await;
    keys(&app, &[ESCAPE]).await;
    quiz(&app, address, room, &mut looks).await;
    assert_eq!(looks.faults, Vec::<String>::new());
}

/// The list of people has who is here, and lets somebody write again.
async fn people(app: &DesktopApp, guest: &mut Chat, looks: &mut Looks) {
    app.press("dock-people", &["here-count"]).await;
    until("the guest in the list", LIMIT, async || {
        let people = app.session.texts("person").await;
        people.iter().any(|one| one.contains("Ben") && one.contains("Timed out until")).then_some(())
    })
    .await;
    app.settles().await;
    looks.check(app, "people").await;
    app.session.click("person-lift").await;
    let standing = guest.frame("standing").await.expect("the guest is told");
    assert_eq!(standing["sanction"], Value::Null, "{standing}");
    writes(guest, "g3", "again").await;
    app.comes_to_show("person-timeout", LIMIT).await;
    app.press("dock-chat", &["chat-input"]).await;
}

/// The room is a class at the press of a button, and its quiz says who was right.
async fn quiz(app: &DesktopApp, address: std::net::SocketAddr, room: &str, looks: &mut Looks) {
    assert_eq!(attribute(app, "mode-stream", "aria-checked").await, "true");
    app.press("mode-class", &["class-poll"]).await;
    let mut pupil = Chat::join(address, room, "Ella").await;
    let welcome = pupil.frame("welcome").await.expect("a pupil may come");
    assert_eq!(welcome["floor"]["settings"]["class"], json!(true), "{welcome}");
    app.press("class-poll", &["poll-question"]).await;
    fill(app, "poll-question", "Where does the oxygen come from?").await;
    let script = "document.querySelectorAll('[data-testid=poll-answer]').forEach((box, at) => {
        box.value = ['Water', 'Carbon dioxide'][at] ?? ''; box.dispatchEvent(new Event('input', { bubbles: true })) });
        document.querySelector('[data-testid=new-poll] input[type=checkbox]').click()";
    app.session.run(script, vec![]).await;
    app.press("poll-start", &["poll-close"]).await;
    let asked = pupil.frame("quiz").await.expect("the question");
    assert_eq!(asked["quiz"]["quiz"], json!(true), "{asked}");
    assert_eq!(
        asked["quiz"].get("right"),
        Some(&Value::Null),
        "what is right is told when it is over: {asked}"
    );
    let vote = json!({"type": "vote", "id": "v1", "poll": asked["quiz"]["id"], "choices": [0]});
    pupil.send(Message::text(vote.to_string())).await;
    until("the answer", LIMIT, async || {
        app.session.texts("poll-share").await.first().is_some_and(|share| share == "100%").then_some(())
    })
    .await;
    app.settles().await;
    looks.check(app, "class-quiz").await;
    // The poll is in the chat too, which is not shown now.
    let close =
        "[...document.querySelectorAll('[data-testid=poll-close]')].find((it) => it.offsetParent).click()";
    app.session.run(close, vec![]).await;
    let closed = async {
        loop {
            let told = pupil.frame("quiz").await.expect("what came of it");
            if told["quiz"]["closed"] == json!(true) {
                assert!(told["quiz"]["right"].is_array(), "{told}");
                return;
            }
        }
    };
    tokio::time::timeout(LIMIT, closed).await.expect("the quiz is closed");
    app.press("mode-stream", &["chat-input"]).await;
    until("no class", LIMIT, async || (!app.session.shows("dock-class").await).then_some(())).await;
}

/// A line of the guest's, once the app shows it.
async fn writes(guest: &mut Chat, id: &str, text: &str) -> Value {
    let frame = json!({"type": "send", "id": id, "text": text});
    guest.send(Message::text(frame.to_string())).await;
    guest.frame("message").await.expect("the room says it")
}

async fn refused(guest: &mut Chat, id: &str) {
    let frame = json!({"type": "send", "id": id, "text": "may I?"});
    guest.send(Message::text(frame.to_string())).await;
    let error = guest.frame("error").await.expect("an answer");
    assert_eq!(error["id"], json!(id), "{error}");
}

/// Keys in the box of the chat, and wherever they lead from there.
async fn keys(app: &DesktopApp, keys: &[char]) {
    until("a message in the app", LIMIT, async || app.session.shows("chat-message").await.then_some(()))
        .await;
    app.session.type_into("chat-input", &keys.iter().collect::<String>()).await;
}
