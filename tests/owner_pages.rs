//! What a room's owner sees and does on the pages of the origin.

use std::time::Duration;

use serde_json::json;

use crate::harness::browser::Browser;
use crate::harness::machine::{alone, beside_others};
use crate::harness::publisher::push_pattern;
use crate::harness::server::Server;
use crate::harness::settings_page::SettingsPage;
use crate::harness::wait::{seconds, until};
use crate::harness::watch_page::WatchPage;

/// Starting a browser, and whatever a page shows after a GOP and a look at the origin, on a busy machine.
const LIMIT: Duration = seconds(40);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_sees_what_arrives_changes_the_key_and_ends_the_broadcast() {
    beside_others(seconds(400), async {
        let server = Server::start().await;
        let room = server.room("owned").await;
        let publisher = push_pattern(&server.rtmp_url(&room.key));
        server.live(&room.room).await;
        let browser = Browser::start().await;
        let session = &browser.session;
        let page = SettingsPage(session);
        session.client.goto(&server.url("/r/owned/settings")).await.unwrap();
        page.shows("settings-gate", LIMIT).await;
        page.sign_in(&server).await;
        page.open(&server, "owned", "stream", LIMIT).await;
        page.says("input-picture", "640 × 360, 30 fps, H.264", LIMIT).await;
        page.says("input-rate", "b/s", LIMIT).await;
        page.says("key", &room.key[room.key.len() - 4..], LIMIT).await;
        assert_eq!(page.value("server").await, format!("rtmp://{}/live", server.rtmp_address));

        // The safe answer has the focus, so that Enter changes nothing.
        session.click("new-key-ask").await;
        let focused = session.run("return document.activeElement.textContent", vec![]).await;
        assert_eq!(focused, "Cancel");
        session.click("new-key-go").await;
        page.shows("new-key", LIMIT).await;
        let key = page.value("new-key").await;
        assert!(key.len() == 32 && key != room.key, "{key}");
        assert!(page.value("srt").await.ends_with(&format!("publish:{key}")));
        drop(publisher);
        until("the old key's publisher to be gone", LIMIT, async || {
            (server.describe(&room.room).await["state"] != "live").then_some(())
        })
        .await;

        let _publisher = push_pattern(&server.rtmp_url(&key));
        server.live(&room.room).await;
        let viewer = Browser::open(&server.watch_url("owned")).await;
        let watch = WatchPage(&viewer.session);
        watch.plays(1.0, LIMIT).await;
        assert!(!viewer.session.shows("settings-link").await, "viewers have no settings");
        session.run("document.querySelector('[data-testid=room-title]').value = ''", vec![]).await;
        session.type_into("room-title", "Another title").await;
        session.click("room-save").await;
        until("the title", LIMIT, async || {
            (server.describe("owned").await["title"] == "Another title").then_some(())
        })
        .await;

        session.click("end-ask").await;
        session.click("end-go").await;
        until("the viewer to be told", LIMIT, async || viewer.session.shows("offline").await.then_some(()))
            .await;
        page.shows("input-none", LIMIT).await;
        session.client.goto(&server.watch_url("owned")).await.unwrap();
        page.shows("settings-link", LIMIT).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_records_looks_at_replays_and_deletes_one_that_somebody_plays() {
    alone(seconds(400), async {
        let server = Server::start().await;
        let room = server.room("kept").await;
        let browser = Browser::start().await;
        let session = &browser.session;
        let page = SettingsPage(session);
        page.sign_in(&server).await;
        page.open(&server, "kept", "replays", LIMIT).await;
        page.says("replays-none", "Switch recording on", LIMIT).await;
        session.click("record").await;
        page.says("replays-none", "The next broadcast is recorded", LIMIT).await;
        let publisher = push_pattern(&server.rtmp_url(&room.key));
        page.says("replay-row", "Recording", LIMIT).await;
        let viewer = Browser::open(&server.watch_url("kept")).await;
        WatchPage(&viewer.session).plays(4.0, LIMIT).await;
        publisher.signal("INT");
        page.says("replay-row", "Done", LIMIT).await;
        page.says("replays-sum", "1 · ", LIMIT).await;
        page.says("keeping", "Kept until you delete them.", LIMIT).await;

        let replay =
            session.run("return document.querySelector('[data-testid=replay-row] a').href", vec![]).await;
        viewer.session.client.goto(replay.as_str().expect("a link")).await.unwrap();
        let play = "const video = document.querySelector('video'); video.muted = true;
            return video.play().then(() => true);";
        until("the replay", LIMIT, async || {
            let ready = "return document.querySelector('video')?.dataset.state === 'ready'";
            viewer.session.run(ready, vec![]).await.as_bool().filter(|ready| *ready)
        })
        .await;
        viewer.session.run(play, vec![]).await;
        session.click("replay-delete").await;
        session.click("replay-delete-go").await;
        page.shows("replays-none", LIMIT).await;
        // What is loaded plays on, and whoever comes now is told.
        let error = "const video = document.querySelector('video'); return video ? video.error : null";
        assert_eq!(viewer.session.run(error, vec![]).await, json!(null));
        viewer.session.client.refresh().await.unwrap();
        until("the page of a recording that is gone", LIMIT, async || {
            viewer
                .session
                .texts("missing")
                .await
                .iter()
                .any(|text| text.contains("replay is not here"))
                .then_some(())
        })
        .await;
        let nowhere = server.url("/no/such/page");
        viewer.session.client.goto(&nowhere).await.unwrap();
        until("the page of an address that is none", LIMIT, async || {
            let told = viewer.session.texts("missing").await;
            told.iter().any(|text| text.contains("no such page")).then_some(())
        })
        .await;
        assert_eq!(
            server.http.get(&nowhere).await.json()["status"],
            json!(404),
            "a program is told so in JSON"
        );
    })
    .await;
}
