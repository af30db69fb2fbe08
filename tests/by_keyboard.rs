//! The web pages by keyboard alone: in, to a room, writing, keeping order, voting, and out of what was opened.

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::browser::Browser;
use crate::harness::chat::Chat;
use crate::harness::fingers::{DOWN, ENTER, ESCAPE, Fingers};
use crate::harness::machine::beside_others;
use crate::harness::people::{self, PASSWORD};
use crate::harness::publisher::push_pattern;
use crate::harness::room_page::{LIMIT, Page};
use crate::harness::server::Server;
use crate::harness::wait::{seconds, until};
use crate::harness::watch_page::shows_line;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moderator_signs_in_watches_writes_keeps_order_and_votes_by_keyboard_alone() {
    beside_others(seconds(400), async {
        let server = Server::start().await;
        let room = server.owner.room.to_string();
        people::account(&server, "ella", "broadcaster").await;
        let token = &server.owner.token;
        let rooms = server.url(&format!("/api/v1/rooms/{room}"));
        let made = server.http.post_as(token, &format!("{rooms}/moderators"), &json!({"name": "ella"})).await;
        assert!(made.status.is_success(), "{}", made.text());
        let _publisher = push_pattern(&server.rtmp_url(&server.owner.stream_key));
        server.live(&room).await;
        let mut guest = Chat::join(server.http_address, &room, "Noisy").await;
        guest.send(Message::text(json!({"type": "send", "id": "c1", "text": "too loud"}).to_string())).await;
        assert!(guest.frame("ack").await.is_some());

        let page = Page(Browser::open(&server.url("/")).await);
        let session = page.session();
        let keys = Fingers(session);
        until("the first room", LIMIT, async || session.shows("room-card").await.then_some(())).await;
        until("the way in", LIMIT, async || session.shows("signin-link").await.then_some(())).await;
        sign_in(&page, &keys).await;

        keys.to("room-card").await;
        keys.press(ENTER).await;
        until("the room", LIMIT, async || session.offers("chat-input").await.then_some(())).await;
        shows_line(session, "too loud", LIMIT).await;
        keys.to("chat-input").await;
        keys.write("by keyboard").await;
        keys.press(ENTER).await;
        shows_line(session, "by keyboard", LIMIT).await;

        keep_order(&page, &keys).await;
        assert_eq!(guest.frame("standing").await.expect("a time-out")["sanction"]["ban"], false);
        assert!(guest.frame("deleted").await.is_some(), "and the line is taken away");

        let poll = json!({"question": "Louder?", "options": ["yes", "no"]});
        let asked = server.http.post_as(token, &format!("{rooms}/polls"), &poll).await;
        assert!(asked.status.is_success(), "{}", asked.text());
        page.tells("poll", "Louder?").await;
        keys.back_to("poll-option", "no").await;
        keys.press(ENTER).await;
        page.tells("poll-share", "100%").await;
        page.picture("by-keyboard.png").await;
        leave_what_is_open(&server, &page, &keys).await;
    })
    .await;
}

async fn sign_in(page: &Page, keys: &Fingers<'_>) {
    keys.to("signin-link").await;
    keys.press(ENTER).await;
    until("the form", LIMIT, async || page.session().offers("signin").await.then_some(())).await;
    keys.to("name").await;
    keys.write("ella").await;
    keys.to("password").await;
    keys.write(PASSWORD).await;
    keys.press(ENTER).await;
    until("being signed in", LIMIT, async || page.session().shows("person").await.then_some(())).await;
    until("the first room", LIMIT, async || page.session().shows("room-card").await.then_some(())).await;
}

/// The writer of a line is timed out, and the line deleted; a menu that was opened in vain is left.
async fn keep_order(page: &Page, keys: &Fingers<'_>) {
    let session = page.session();
    let menus = async |count: u64| {
        until("the menu", LIMIT, async || (page.counts("[role=menu]").await == count).then_some(())).await;
    };
    let more = keys.back_to("message-more", "Noisy").await;
    keys.press(ENTER).await;
    menus(1).await;
    keys.press(ESCAPE).await;
    menus(0).await;
    assert_eq!(keys.focused().await, (more, true), "the button has the keyboard again");
    for entry in ["Time out for 10 min", "Delete"] {
        keys.press(ENTER).await;
        menus(1).await;
        let uncovered = session.run(IS_SEEN, vec![]).await;
        assert_eq!(uncovered, json!(true), "the menu is seen whole");
        let mut steps = 0;
        while keys.focused().await.0.name.trim() != entry {
            assert!(steps < 10, "{entry} is not in the menu: {:?}", keys.focused().await);
            steps += 1;
            keys.press(DOWN).await;
        }
        assert!(keys.focused().await.1, "{entry} shows that it has the keyboard");
        keys.press(ENTER).await;
        until("what can be undone", LIMIT, async || session.shows("chat-undo").await.then_some(())).await;
    }
}

/// What lies over a page closes on Esc, and what opened it has the keyboard again.
async fn leave_what_is_open(server: &Server, page: &Page, keys: &Fingers<'_>) {
    let session = page.session();
    keys.to("danmaku-settings").await;
    keys.press(ENTER).await;
    until("the settings", LIMIT, async || session.shows("danmaku-look").await.then_some(())).await;
    keys.to("danmaku-opacity").await;
    keys.press(ESCAPE).await;
    until("no settings", LIMIT, async || (!session.shows("danmaku-look").await).then_some(())).await;
    assert_eq!(keys.focused().await.0.test_id, "danmaku-settings");

    let made = json!({"room": "ellas", "owner": "ella"});
    let made = server.http.post_as(&server.owner.token, &server.url("/api/v1/rooms"), &made).await;
    assert!(made.status.is_success(), "{}", made.text());
    session.client.goto(&server.url("/r/ellas/settings")).await.expect("the page");
    until("the settings", LIMIT, async || session.offers("new-key-ask").await.then_some(())).await;
    keys.to("new-key-ask").await;
    keys.press(ENTER).await;
    until("the question", LIMIT, async || session.shows("new-key-go").await.then_some(())).await;
    let (safe, seen) = keys.focused().await;
    assert_eq!((safe.name.as_str(), seen), ("Cancel", true), "the safe answer has the keyboard");
    keys.press(ESCAPE).await;
    until("no question", LIMIT, async || (!session.shows("new-key-go").await).then_some(())).await;
    assert!(!session.shows("new-key").await, "nothing was changed");
}

/// Whether each entry of the open menu is what lies at its own middle.
const IS_SEEN: &str = "return [...document.querySelectorAll('[role=menuitem]')].every((item) => {
    const box = item.getBoundingClientRect();
    return item.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2));
})";
