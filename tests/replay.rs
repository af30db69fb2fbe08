//! A broadcast is recorded, and watched again in a browser with the chat of that time.

use std::time::Duration;

use serde_json::json;

use crate::harness::browser::{Browser, Session};
use crate::harness::machine::alone;
use crate::harness::publisher::{push_pattern, push_pattern_of};
use crate::harness::server::Server;
use crate::harness::settings_page::SettingsPage;
use crate::harness::wait::{seconds, until};
use crate::harness::watch_page::WatchPage;

/// Starting a browser and playing a few seconds on a busy machine.
const PLAY_LIMIT: Duration = seconds(40);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recorded_broadcast_is_found_on_its_rooms_page_and_played_with_a_seek() {
    alone(seconds(300), replays()).await;
}

async fn replays() {
    let server = Server::start().await;
    let room = server.recorded_room("again").await;
    let publisher = push_pattern(&server.rtmp_url(&room.key));
    server.live(&room.room).await;
    let browser = Browser::open(&server.watch_url(&room.room)).await;
    let page = WatchPage(&browser.session);
    page.plays(3.0, PLAY_LIMIT).await;
    page.chat("Ada", "said while live").await;
    page.shows_line("said while live", seconds(45)).await;
    let home = Browser::open(&server.url("/")).await;
    until("the room's picture on the home page", PLAY_LIMIT, async || {
        let script = "const picture = document.querySelector('[data-testid=thumbnail]');
            return picture ? picture.naturalWidth : 0;";
        (home.session.run(script, vec![]).await.as_u64()? > 0).then_some(())
    })
    .await;
    page.plays(4.0, PLAY_LIMIT).await;
    publisher.signal("INT");

    // The page offers what was just recorded.
    until("the recording on the room's page", PLAY_LIMIT, async || {
        browser.session.shows("replay-card").await.then_some(())
    })
    .await;
    browser.session.click("replay-card").await;
    let look = "const video = document.querySelector('video');
        return video ? { length: video.duration, at: video.currentTime, state: video.dataset.state,
            width: video.videoWidth, poster: video.poster, rows: document.querySelectorAll('[data-testid=replay-message]').length,
            offset: Number(document.querySelector('[data-testid=replay-message]')?.dataset.offset ?? -1) } : null;";
    let ready = until("the replay", PLAY_LIMIT, async || {
        let told = browser.session.run(look, vec![]).await;
        (told["state"] == "ready" && told["width"].as_u64()? == 640).then_some(told)
    })
    .await;
    let length = ready["length"].as_f64().expect("a length");
    let told = server.http.get(&server.url(&format!("/api/v1/rooms/{}/recordings", room.room))).await.json();
    let known = told["recordings"][0]["duration_ms"].as_f64().expect("a duration") / 1_000.0;
    assert!((length - known).abs() < 0.2 && length > 6.0, "the player says {length} s, the origin {known} s");
    assert_eq!(ready["rows"], 0, "nothing was said at the beginning");
    assert!(ready["poster"].as_str().unwrap_or_default().ends_with("poster.jpg"), "{ready}");

    let seek = "const video = document.querySelector('video'); video.muted = true;
        video.currentTime = arguments[0]; return video.play().then(() => true);";
    let target = length - 2.5;
    browser.session.run(seek, vec![json!(target)]).await;
    let after = until("playing on after the seek", PLAY_LIMIT, async || {
        let told = browser.session.run(look, vec![]).await;
        (told["at"].as_f64()? > target + 0.5 && told["rows"].as_u64()? == 1).then_some(told)
    })
    .await;
    let offset = after["offset"].as_f64().expect("an offset") / 1_000.0;
    assert!(offset > 0.5 && offset < length, "said at {offset} s of {length} s");
    // Back before it was said, it is not shown yet.
    browser.session.run(seek, vec![json!(0.0)]).await;
    until("the beginning without what comes later", PLAY_LIMIT, async || {
        let told = browser.session.run(look, vec![]).await;
        (told["rows"].as_u64()? == 0).then_some(())
    })
    .await;
    comments(&server, &browser.session).await;
    moderated(&server, &browser.session, &room.room).await;
}

/// A comment is written where the picture stands, is shown from there on, and is taken away.
async fn comments(server: &Server, session: &Session) {
    let address = session.client.current_url().await.expect("the replay's address");
    SettingsPage(session).sign_in(server).await;
    session.client.goto(address.as_str()).await.expect("the replay");
    let stand = "const video = document.querySelector('video');
        if (video?.dataset.state !== 'ready') { return ''; }
        video.pause(); video.currentTime = arguments[0];
        return document.querySelector('[data-testid=comment]')?.placeholder ?? '';";
    until("the moment", PLAY_LIMIT, async || {
        session.run(stand, vec![json!(1.2)]).await.as_str()?.ends_with("0:01").then_some(())
    })
    .await;
    session.type_into("comment", "right here").await;
    session.click("comment-send").await;
    let shown = async || session.texts("replay-message").await.iter().any(|text| text.contains("right here"));
    until("the comment", PLAY_LIMIT, async || shown().await.then_some(())).await;
    session.run(stand, vec![json!(0.0)]).await;
    until("the beginning without it", PLAY_LIMIT, async || (!shown().await).then_some(())).await;
    session.run(stand, vec![json!(1.2)]).await;
    until("the comment again", PLAY_LIMIT, async || shown().await.then_some(())).await;
    erase(session, "right here").await;
    until("the comment to be gone", PLAY_LIMIT, async || (!shown().await).then_some(())).await;
}

/// Who keeps order in a room that is not theirs takes away what somebody else said in it.
async fn moderated(server: &Server, session: &Session, room: &str) {
    let person = json!({"name": "mo", "password": "correct horse"});
    let accounts = server.url("/api/v1/accounts");
    assert_eq!(server.http.post_as(&server.owner.token, &accounts, &person).await.status.as_u16(), 201);
    let replay = session.client.current_url().await.expect("the replay's address");
    let sign_in =
        "return fetch('/api/v1/session', { method: 'POST', headers: { 'content-type': 'application/json' },
        body: JSON.stringify(arguments[0]) }).then((answer) => answer.status)";
    assert_eq!(session.run(sign_in, vec![person]).await, 200);
    let said = async || {
        let told = session.run(MOVE, vec![json!(0.0)]).await;
        let texts = session.texts("replay-message").await;
        (told == true && texts.iter().any(|text| text.contains("said while live"))).then_some(())
    };
    let erasable = async || session.shows("replay-erase").await;

    session.client.goto(replay.as_str()).await.expect("the replay");
    until("what was said", PLAY_LIMIT, said).await;
    assert!(!erasable().await, "a viewer takes away nothing of others");

    let moderators = server.url(&format!("/api/v1/rooms/{room}/moderators"));
    let appointed = server.http.post_as(&server.owner.token, &moderators, &json!({"name": "mo"})).await;
    assert_eq!(appointed.status.as_u16(), 201);
    session.client.goto(replay.as_str()).await.expect("the replay");
    until("what was said", PLAY_LIMIT, said).await;
    until("the bin", PLAY_LIMIT, async || erasable().await.then_some(())).await;
    erase(session, "said while live").await;
    until("the line to be gone", PLAY_LIMIT, async || {
        let texts = session.texts("replay-message").await;
        (!texts.iter().any(|text| text.contains("said while live"))).then_some(())
    })
    .await;
}

/// Moves to so many seconds before the replay's end, and says whether it could.
const MOVE: &str = "const video = document.querySelector('video');
    if (video?.dataset.state !== 'ready') { return false; }
    video.pause(); video.currentTime = video.duration - arguments[0]; return true;";

async fn erase(session: &Session, text: &str) {
    let script = "document.querySelectorAll('[data-testid=replay-message]').forEach((line) => {
        if (line.textContent.includes(arguments[0])) line.querySelector('[data-testid=replay-erase]').click() })";
    session.run(script, vec![json!(text)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_plays_through_where_the_picture_changed_its_size() {
    alone(seconds(450), async {
        let server = Server::start().await;
        let room = server.recorded_room("sizes").await;
        let publisher = push_pattern(&server.rtmp_url(&room.key));
        server.live(&room.room).await;
        let browser = Browser::open(&server.watch_url(&room.room)).await;
        let page = WatchPage(&browser.session);
        page.plays(3.0, PLAY_LIMIT).await;
        drop(publisher);
        until("the interruption", PLAY_LIMIT, async || {
            (server.describe(&room.room).await["state"] == "interrupted").then_some(())
        })
        .await;
        until("the page to say so", PLAY_LIMIT, async || {
            browser.session.shows("interrupted").await.then_some(())
        })
        .await;
        let publisher = push_pattern_of("320x180", &server.rtmp_url(&room.key));
        server.live(&room.room).await;
        page.plays(3.0, PLAY_LIMIT).await;
        publisher.signal("INT");
        let recording = until("the recording", PLAY_LIMIT, async || {
            let url = server.url(&format!("/api/v1/rooms/{}/recordings", room.room));
            let told = server.http.get(&url).await.json()["recordings"][0].clone();
            (told["state"] == "done").then_some(told)
        })
        .await;
        assert_eq!(recording["files"].as_array().map(Vec::len), Some(2), "{recording}");

        let url = server.url(recording["page"].as_str().expect("a page"));
        browser.session.client.goto(&url).await.expect("the replay's page");
        let look = "const video = document.querySelector('video');
            return video ? { length: video.duration, at: video.currentTime, state: video.dataset.state,
                width: video.videoWidth, ended: video.ended, error: video.error?.message ?? '' } : null;";
        until("the replay", PLAY_LIMIT, async || {
            let told = browser.session.run(look, vec![]).await;
            (told["state"] == "ready" && told["width"] == 640).then_some(())
        })
        .await;
        // The place where the publisher came back is on the line, for the keyboard too.
        let mark = "const mark = document.querySelector('[data-testid=chapter]'); mark.focus(); mark.click();
            return mark.getAttribute('aria-label')";
        let mark = browser.session.run(mark, vec![]).await;
        assert!(mark.as_str().unwrap_or_default().contains("back after the connection dropped"), "{mark}");
        until("the place of the chapter", PLAY_LIMIT, async || {
            let told = browser.session.run(look, vec![]).await;
            (told["at"].as_f64()? > 2.0).then_some(())
        })
        .await;
        browser.session.run("document.querySelector('video').currentTime = 0", vec![]).await;
        let play = "const video = document.querySelector('video'); video.muted = true;
            return video.play().then(() => true);";
        browser.session.run(play, vec![]).await;
        let length = recording["duration_ms"].as_f64().expect("a duration") / 1_000.0;
        let limit = PLAY_LIMIT + Duration::from_secs_f64(length * 2.0);
        let last = until("the end of the replay", limit, async || {
            let told = browser.session.run(look, vec![]).await;
            assert_eq!((&told["error"], &told["state"]), (&json!(""), &json!("ready")));
            (told["ended"] == true).then_some(told)
        })
        .await;
        assert_eq!(last["width"], 320, "{last}");
        assert!((last["at"].as_f64().expect("a time") - length).abs() < 0.3, "{last}, told {length} s");
    })
    .await;
}
