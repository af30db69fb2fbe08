//! Pages that stay open while their room changes: it turns private, forgets its sessions, fills up, or is deleted.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::accessibility;
use crate::harness::broadcast_page::BroadcastPage;
use crate::harness::browser::{Browser, Session};
use crate::harness::environment::keep_screenshot;
use crate::harness::machine::{alone, beside_others};
use crate::harness::publisher::push_pattern;
use crate::harness::server::Server;
use crate::harness::settings_page::SettingsPage;
use crate::harness::wait::{seconds, until};
use crate::harness::watch_page::WatchPage;

/// For a page to load and its origin to answer, on a busy machine.
const LIMIT: Duration = seconds(40);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_watches_a_room_that_turns_private_comes_in_again_and_is_told_when_it_is_gone() {
    beside_others(seconds(240), async {
        let server = Server::start().await;
        let room = server.room("door").await;
        let _publisher = push_pattern(&server.rtmp_url(&room.key));
        server.live("door").await;
        let viewer = Browser::open(&server.watch_url("door")).await;
        let page = WatchPage(&viewer.session);
        page.plays(2.0, LIMIT).await;
        let embedded = Browser::open(&server.url("/embed/door")).await;
        WatchPage(&embedded.session).plays(1.0, LIMIT).await;

        set(&server, "door", &json!({"visibility": "private", "password": "open sesame"})).await;
        shows(&viewer.session, "locked").await;
        assert!(!viewer.session.shows("player").await && !viewer.session.shows("chat-lost").await);
        assert_eq!(accessibility::faults(&viewer.session).await, Vec::<String>::new());
        keep_screenshot("web-turned-private.png", &viewer.session.screenshot().await);
        gone(&embedded.session, "player").await;
        assert!(embedded.session.texts("embed").await.concat().contains("private"), "it says why");

        viewer.session.type_into("room-password", "open sesame").await;
        viewer.session.click("enter").await;
        page.plays(2.0, LIMIT).await;
        page.chat("Ada", "back again").await;
        page.shows_line("back again", LIMIT).await;

        let url = server.url("/api/v1/rooms/door");
        let ended = server.http.post_as(&server.owner.token, &format!("{url}/end"), &json!({})).await;
        assert!(ended.status.is_success(), "{}", ended.text());
        let deleted = server.http.delete_as(&server.owner.token, &url).await;
        assert!(deleted.status.is_success(), "{}", deleted.text());
        shows(&viewer.session, "missing").await;
        assert!(!viewer.session.shows("player").await && !viewer.session.shows("chat-lost").await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_whose_session_ended_gets_another_and_who_finds_no_place_is_told_until_there_is_one() {
    alone(seconds(240), async {
        let server = Server::start().await;
        let room = server.room("small").await;
        set(&server, "small", &json!({"viewer_limit": 1})).await;
        let _publisher = push_pattern(&server.rtmp_url(&room.key));
        until("the room to be live", LIMIT, async || {
            (server.describe("small").await["state"] == "live").then_some(())
        })
        .await;
        let first = Browser::open(&server.watch_url("small")).await;
        let page = WatchPage(&first.session);
        let before = page.plays(2.0, LIMIT).await;
        assert_eq!(sessions(&first.session).await, 1);

        // As after a restart of the origin: of who plays, nothing is known any more.
        set(&server, "small", &json!({"viewer_limit": null})).await;
        set(&server, "small", &json!({"viewer_limit": 1})).await;
        until("another session", LIMIT, async || (sessions(&first.session).await == 2).then_some(())).await;
        let after = page.plays(3.0, LIMIT).await;
        assert_eq!((after.fatal_errors.as_str(), &after.generation), ("0", &before.generation), "{after:?}");

        let second = Browser::open(&server.watch_url("small")).await;
        shows(&second.session, "full").await;
        assert!(second.session.texts("full").await[0].contains("The room is full (1)"));
        assert_eq!(accessibility::faults(&second.session).await, Vec::<String>::new());
        keep_screenshot("web-room-full.png", &second.session.screenshot().await);
        drop(first);
        WatchPage(&second.session).plays(2.0, LIMIT).await;
        assert!(!second.session.shows("full").await, "there is a place");

        // Whoever is away for so long that another takes the place is told so on the return, too.
        second.session.run(LOSE_MEDIA, vec![]).await;
        let third = Browser::open(&server.watch_url("small")).await;
        WatchPage(&third.session).plays(1.0, LIMIT).await;
        second.session.run("XMLHttpRequest.prototype.open = window.keptOpen", vec![]).await;
        shows(&second.session, "full").await;
        drop(third);
        gone(&second.session, "full").await;
        WatchPage(&second.session).plays(2.0, LIMIT).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_goes_live_without_a_key_and_a_camera_that_is_unplugged_leaves_the_sound() {
    alone(seconds(240), async {
        let server = Server::start().await;
        server.room("unplugged").await;
        let page = BroadcastPage::open(&server.url("/")).await;
        SettingsPage(page.session()).sign_in(&server).await;
        page.session().client.goto(&server.url("/r/unplugged/broadcast")).await.expect("the page loads");
        // Whoever manages the room needs no key.
        shows(page.session(), "key-own").await;
        page.session().click("go-live").await;
        page.reaches("live", LIMIT).await;
        server.live("unplugged").await;
        // As the browser does when the device is gone: it tells only what it ends by itself.
        let unplug =
            "const [camera] = document.querySelector('[data-testid=preview]').srcObject.getVideoTracks();
            camera.stop(); camera.dispatchEvent(new Event('ended'));";
        page.session().run(unplug, vec![]).await;
        until("the page to say so", LIMIT, async || {
            page.session().texts("note").await.iter().any(|note| note.contains("is gone")).then_some(())
        })
        .await;
        until("the sound alone", LIMIT, async || {
            let ingest = server.describe("unplugged").await["ingest"].clone();
            (ingest["video"] == Value::Null && ingest["audio"]["codec"] == "Opus").then_some(())
        })
        .await;
        assert_eq!(page.status().await, "live");
        keep_screenshot("broadcast-unplugged.png", &page.session().screenshot().await);
    })
    .await;
}

/// As a network that carries everything but media: requests for it lead nowhere.
const LOSE_MEDIA: &str = "window.keptOpen = XMLHttpRequest.prototype.open;
    XMLHttpRequest.prototype.open = function (method, url, ...more) {
        const lost = String(url).includes('/live/');
        return window.keptOpen.call(this, method, lost ? 'http://127.0.0.1:9/' : url, ...more);
    };";

/// How many sessions the page's player has had.
async fn sessions(session: &Session) -> u64 {
    let script = "const tokens = performance.getEntriesByType('resource')
            .map((entry) => entry.name.match(/\\/s\\/([0-9a-f]+)\\/./)?.[1]).filter(Boolean);
        performance.setResourceTimingBufferSize(5000);
        return new Set(tokens).size";
    session.run(script, vec![]).await.as_u64().unwrap_or(0)
}

async fn shows(session: &Session, test_id: &str) {
    until(&format!("the page to show {test_id}"), LIMIT, async || session.shows(test_id).await.then_some(()))
        .await;
}

async fn gone(session: &Session, test_id: &str) {
    until(&format!("{test_id} to be gone"), LIMIT, async || (!session.shows(test_id).await).then_some(()))
        .await;
}

async fn set(server: &Server, room: &str, change: &Value) {
    let url = server.url(&format!("/api/v1/rooms/{room}"));
    let changed = server.http.patch_as(&server.owner.token, &url, change).await;
    assert!(changed.status.is_success(), "{}", changed.text());
}
