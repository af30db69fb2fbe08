//! What a viewer does with the chat beside and over the picture: older messages, how comments fly, a connection that comes
//! back.

use serde_json::json;

use crate::harness::accessibility::faults;
use crate::harness::browser::Browser;
use crate::harness::chat::Chat;
use crate::harness::machine::beside_others;
use crate::harness::publisher::push_pattern;
use crate::harness::room_page::{LIMIT, Page};
use crate::harness::server::Server;
use crate::harness::wait::{seconds, until};
use crate::harness::watch_page::shows_line;
use tokio_tungstenite::tungstenite::Message;

/// More than a welcome holds, of writers who each stay below their limit.
const LINES: usize = 130;
/// As many as one writer may send at once.
const EACH: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn earlier_messages_come_above_and_what_is_read_stays_in_its_place() {
    beside_others(seconds(300), async {
        let server = Server::start().await;
        let room = server.owner.room.to_string();
        for writer in 0..LINES / EACH {
            let mut chat = Chat::join(server.http_address, &room, &format!("Writer{writer}")).await;
            for line in 0..EACH {
                let number = writer * EACH + line + 1;
                let frame =
                    json!({"type": "send", "id": format!("c{line}"), "text": format!("line {number}.")});
                chat.send(Message::text(frame.to_string())).await;
                assert!(chat.frame("ack").await.is_some(), "line {number} is stored");
            }
        }
        let page = Page(Browser::open(&server.watch_url(&room)).await);
        let session = page.session();
        shows_line(session, &format!("line {LINES}."), LIMIT).await;
        let lines = async || page.counts("[data-testid=chat-message]").await;
        assert_eq!(lines().await, 100, "what the welcome holds");
        // The log tells a person's wheel from lines that grow.
        let to_top = "const log = document.querySelector('[role=log]');
            log.dispatchEvent(new WheelEvent('wheel', { bubbles: true })); log.scrollTop = 0";
        session.run(to_top, vec![]).await;
        until("the top", LIMIT, async || {
            let at = session.run("return document.querySelector('[role=log]').scrollTop", vec![]).await;
            (at == json!(0)).then_some(())
        })
        .await;
        let top = "const line = [...document.querySelectorAll('[data-testid=chat-message]')]
            .find((line) => line.querySelector('.text').textContent === 'line 31.');
            return Math.round(line.getBoundingClientRect().top)";
        let before = session.run(top, vec![]).await.as_i64().expect("the first line");
        assert_eq!(faults(session).await, Vec::<String>::new());
        session.click("chat-earlier").await;
        until("the older ones", LIMIT, async || (lines().await == LINES as u64).then_some(())).await;
        let after = session.run(top, vec![]).await.as_i64().expect("the same line");
        assert!((after - before).abs() <= 2, "it was at {before}, and is at {after}");
        assert!(!session.shows("chat-earlier").await, "there is nothing older");
        let first = session
            .run("return document.querySelector('[data-testid=chat-message]').textContent", vec![])
            .await;
        assert!(first.as_str().is_some_and(|first| first.contains("line 1.")), "{first}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_comments_fly_is_set_in_this_browser_and_they_stand_still_with_reduced_motion() {
    beside_others(seconds(300), async {
        let server = Server::start().await;
        let room = server.owner.room.to_string();
        let _publisher = push_pattern(&server.rtmp_url(&server.owner.stream_key));
        server.live(&room).await;
        let page = Page(Browser::open(&server.watch_url(&room)).await);
        let session = page.session();
        until("the button", LIMIT, async || session.offers("danmaku-settings").await.then_some(())).await;
        session.click("danmaku-settings").await;
        let set = "const it = document.querySelector(`[data-testid=danmaku-${arguments[0]}]`);
            it.value = arguments[1]; it.dispatchEvent(new Event('input', { bubbles: true }))";
        for (name, value) in [("opacity", 40), ("size", 150), ("seconds", 16)] {
            session.run(set, vec![json!(name), json!(value)]).await;
        }
        page.picture("danmaku-settings.png").await;
        assert_eq!(faults(session).await, Vec::<String>::new());
        session.client.refresh().await.expect("the page");
        page.press("[data-testid=danmaku-also]").await;
        page.say("over the picture").await;
        let look = "const fly = document.querySelector('[data-testid=danmaku] .fly');
            return fly && [getComputedStyle(fly.parentElement).opacity, getComputedStyle(fly).fontSize,
                fly.getAnimations()[0]?.effect.getTiming().duration]";
        let seen = until("a flying message", LIMIT, async || {
            let seen = session.run(look, vec![]).await;
            (!seen.is_null()).then_some(seen)
        })
        .await;
        assert_eq!(seen, json!(["0.4", "30px", 16_000]), "kept over a reload");
        drop(page);

        let still = Page(Browser::start_with(&["--force-prefers-reduced-motion"]).await);
        still.session().client.goto(&server.watch_url(&room)).await.expect("the page");
        still.press("[data-testid=danmaku-also]").await;
        still.say("without motion").await;
        still.tells("danmaku-still", "without motion").await;
        assert_eq!(still.counts("[data-testid=danmaku] .fly").await, 0, "nothing flies");
        still.picture("danmaku-still.png").await;
    })
    .await;
}
