//! Viewers, counted from chat and playback together.

use serde_json::Value;

use crate::harness::{Chat, Folder, Publisher, Running, ask, soon};

const PAGE: (&str, &str) = ("cookie", "rostrum_player=0123456789abcdef0123456789abcdef");
const VLC: (&str, &str) = ("user-agent", "VLC/3.0");

/// Asks for the playlist as both players until the room counts so many.
async fn until_counted(running: &Running, playlist: &str, players: &[(&str, &str)], viewers: u64) {
    let counted = async {
        loop {
            for player in players {
                let answer = ask(running.addresses.http, "GET", playlist, &[*player], "").await;
                assert_eq!(answer.status, 200, "{}", answer.text());
            }
            if running.get("/api/v1/rooms/demo").await.json()["viewers"] == viewers {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    soon("the count", counted).await;
}

#[tokio::test]
async fn who_plays_and_chats_counts_once_and_who_only_plays_counts_too() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let key = running.room("demo").await;
    let to = running.addresses.http;
    let mut ada = Chat::join(to, "demo", "?name=Ada", &[PAGE]).await;
    let publisher = Publisher::start(&running.publish_url(&key));
    ada.notice("live").await;
    let playlist = running.media_path("demo").await;
    until_counted(&running, &playlist, &[PAGE, VLC], 2).await;
    let told = ada.until("presence", |frame| frame["type"] == "presence" && frame["viewers"] == 2).await;
    assert_eq!(told["members"], 1);
    let now = running.get("/api/v1/rooms/demo/broadcasts").await.json();
    assert_eq!(now["now"]["peak_viewers"], 2, "{now}");
    // The one player asks no more, and the other is in the chat.
    until_counted(&running, &playlist, &[PAGE], 1).await;
    publisher.finish().await;
    ada.notice("offline").await;
    let over = running.get("/api/v1/rooms/demo/broadcasts").await.json();
    let last = &over["broadcasts"][0];
    assert_eq!((&over["now"], &last["peak_viewers"]), (&Value::Null, &Value::from(2)), "{over}");
    let average = last["average_viewers"].as_f64().unwrap();
    assert!((1.0..=2.0).contains(&average), "{over}");
    running.stop().await;
}

#[tokio::test]
async fn two_tabs_of_a_guests_browser_are_one_viewer() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    running.room("demo").await;
    let to = running.addresses.http;
    let one = Chat::join(to, "demo", "?name=Ada", &[PAGE]).await;
    let guest = one.cookie.as_deref().unwrap().split(';').next().unwrap().to_owned();
    let same = format!("{guest}; {}", PAGE.1);
    let other = Chat::join(to, "demo", "?name=Ada", &[("cookie", &same)]).await;
    let room = &other.welcome["room"];
    assert_eq!((&room["viewers"], &room["members"]), (&Value::from(1), &Value::from(1)));
    // The same guest by a program that shows no cookie of the page, and another one from the same address.
    let program = Chat::join(to, "demo", "", &[("cookie", &guest), VLC]).await;
    assert_eq!(program.welcome["room"]["viewers"], 2);
    let mut ben = Chat::join(to, "demo", "?name=Ben", &[VLC]).await;
    assert_eq!(
        (&ben.welcome["room"]["viewers"], &ben.welcome["room"]["members"]),
        (&Value::from(3), &Value::from(2))
    );
    drop((one, other));
    ben.until("presence", |frame| frame["type"] == "presence" && frame["viewers"] == 2).await;
    running.stop().await;
}

#[tokio::test]
async fn a_players_session_of_a_limited_room_is_a_viewer() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let key = running.room("demo").await;
    let limit = r#"{"viewer_limit":5}"#;
    let changed = running.ask("PATCH", "/api/v1/rooms/demo", limit).await;
    assert!((200..300).contains(&changed.status), "{}", changed.text());
    let mut watcher = Chat::join(running.addresses.http, "demo", "", &[PAGE]).await;
    let _publisher = Publisher::start(&running.publish_url(&key));
    watcher.notice("live").await;
    let mut playlists = Vec::new();
    for _ in 0..2 {
        let to = running.get("/live/demo/index.m3u8").await;
        let session = to.header("location").trim_end_matches("index.m3u8").to_owned();
        let master = running.get(to.header("location")).await.text();
        let uri = master.lines().find(|line| !line.starts_with('#')).unwrap();
        playlists.push(format!("{session}{uri}"));
    }
    for playlist in &playlists {
        assert_eq!(running.get(playlist).await.status, 200);
    }
    // Both players are of one address and one name: their sessions tell them apart.
    watcher.until("presence", |frame| frame["type"] == "presence" && frame["viewers"] == 3).await;
    running.stop().await;
}

#[tokio::test]
async fn a_connection_hears_who_is_there_twice_a_minute_though_nothing_happens() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    running.room("demo").await;
    let mut ada = Chat::join(running.addresses.http, "demo", "?name=Ada", &[PAGE]).await;
    let presence = |frame: &Value| frame["type"] == "presence";
    let changed = ada.until("who came", presence).await;
    let told = ada.until("a sign of life", presence).await;
    assert_eq!(told, changed);
    running.stop().await;
}
