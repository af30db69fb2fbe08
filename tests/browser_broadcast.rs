//! Going live from a browser, with nothing installed.

use std::time::Duration;

use serde_json::json;

use crate::harness::breakable_line::BreakableLine;
use crate::harness::broadcast_page::BroadcastPage;
use crate::harness::browser::{Browser, Session};
use crate::harness::machine::{alone, beside_others};
use crate::harness::publisher::push_pattern;
use crate::harness::server::Server;
use crate::harness::viewer::media_playlist_url;
use crate::harness::wait::{seconds, until};
use crate::harness::watch_page::WatchPage;

/// For a browser to start, record its first GOP and play what another one recorded.
const LIMIT: Duration = seconds(40);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_browser_broadcasts_another_one_plays() {
    alone(seconds(300), async {
        let server = Server::start().await;
        let room = server.room("camera").await;
        let page = BroadcastPage::open(&server.url("/r/camera/broadcast")).await;
        until("the page", LIMIT, async || page.session().offers("go-live").await.then_some(())).await;
        assert_eq!(page.accessibility_faults().await, Vec::<String>::new());
        page.go_live(&room.key, LIMIT).await;
        server.live(&room.room).await;
        let viewer = Browser::open(&server.watch_url(&room.room)).await;
        let watch = WatchPage(&viewer.session);
        let begun = watch.plays(1.0, LIMIT).await;
        let player = watch.plays(10.0, LIMIT).await;
        println!("{player:?}");
        assert_eq!((player.size, player.fatal_errors.as_str()), ((1280, 720), "0"));
        assert!(player.frames > begun.frames + 100, "the picture moves: {begun:?} {player:?}");
        assert!(heard_bytes(&viewer.session).await > 10_000, "sound is decoded");

        let ingest = server.describe(&room.room).await["ingest"].clone();
        assert_eq!(ingest["protocol"], "websocket");
        assert_eq!((&ingest["video"]["codec"], &ingest["audio"]["codec"]), (&json!("H.264"), &json!("Opus")));
        // The browser's own microphone may skip on a busy machine, and then its stream says so.
        let warnings = ingest["warnings"].as_array().into_iter().flatten();
        let unexpected: Vec<_> = warnings.filter(|told| !told.to_string().contains("sound has")).collect();
        assert!(unexpected.is_empty(), "{ingest}");
        assert_eq!(page.accessibility_faults().await, Vec::<String>::new());

        page.session().click("end").await;
        page.reaches("ended", LIMIT).await;
        until("the room to be offline", LIMIT, async || {
            (server.describe(&room.room).await["state"] == "offline").then_some(())
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_whose_connection_drops_comes_back_and_its_viewer_goes_on() {
    alone(seconds(300), async {
        let server = Server::start().await;
        let room = server.room("dropped").await;
        let line = BreakableLine::to(server.http_address).await;
        let page = BroadcastPage::open(&format!("http://{}/r/dropped/broadcast", line.address)).await;
        page.go_live(&room.key, LIMIT).await;
        server.live(&room.room).await;
        let viewer = Browser::open(&server.watch_url(&room.room)).await;
        let watch = WatchPage(&viewer.session);
        let before = watch.plays(3.0, LIMIT).await;

        line.cut();
        page.reaches("reconnecting", LIMIT).await;
        page.reaches("live", seconds(45)).await;
        assert_eq!(page.session().texts("interruptions").await, ["1"]);
        let after = watch.plays(10.0, LIMIT).await;
        assert_eq!((after.fatal_errors.as_str(), after.media_error.as_str()), ("0", ""), "{after:?}");
        assert_eq!(after.generation, before.generation, "the player was rebuilt");
        let playlist = media_playlist_url(&server.http, &server.playlist_url(&room.room)).await;
        let playlist = server.http.get(&playlist).await.text().to_owned();
        assert!(playlist.contains("#EXT-X-DISCONTINUITY"), "{playlist}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_is_told_why_it_cannot_go_live_and_who_took_over() {
    beside_others(seconds(300), async {
        let server = Server::start().await;
        let room = server.room("told").await;
        let page = BroadcastPage::open(&server.url("/r/told/broadcast")).await;
        until("the page", LIMIT, async || page.session().offers("go-live").await.then_some(())).await;
        page.session().type_into("key", "not-the-key").await;
        page.session().click("go-live").await;
        page.reaches("failed", LIMIT).await;
        assert!(page.session().texts("note").await[0].contains("does not know this key"));

        page.session().run("document.querySelector('[data-testid=key]').value = ''", vec![]).await;
        page.go_live(&room.key, LIMIT).await;
        server.live(&room.room).await;
        let _publisher = push_pattern(&server.rtmp_url(&room.key));
        page.reaches("failed", LIMIT).await;
        assert!(page.session().texts("note").await[0].contains("took over"));
        until("the other publisher's media", LIMIT, async || {
            (server.describe(&room.room).await["ingest"]["protocol"] == "rtmp").then_some(())
        })
        .await;
    })
    .await;
}

async fn heard_bytes(session: &Session) -> u64 {
    let script = "return document.querySelector('video').webkitAudioDecodedByteCount ?? 0";
    session.run(script, vec![]).await.as_u64().unwrap_or(0)
}
