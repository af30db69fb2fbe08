//! Rooms and their chat over real sockets.

use serde_json::json;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{connect_async, tungstenite};

use crate::harness::{Chat, Folder, Running, config, soon};

#[tokio::test]
async fn a_message_reaches_everybody_after_it_is_stored() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    running.room("demo").await;
    let to = running.addresses.http;
    let mut ada = Chat::join(to, "demo", "?name=Ada", &[]).await;
    let mut ben = Chat::join(to, "demo", "?name=Ben", &[]).await;
    assert_eq!(ada.welcome["member"]["name"], "Ada");
    assert_eq!(ada.welcome["room"]["playlist"], "/live/demo/index.m3u8");
    ada.send(&json!({"type": "send", "id": "c1", "text": "<b>hi</b> 👋"})).await;
    assert_eq!(ada.next("ack").await, json!({"type": "ack", "id": "c1", "seq": 1}));
    let seen = ben.next("message").await;
    assert_eq!((seen["seq"].as_u64(), seen["text"].as_str()), (Some(1), Some("<b>hi</b> 👋")));
    assert_eq!(seen["from"], ada.welcome["member"]);
    let presence = ben.until("presence", |frame| frame["viewers"] == 2).await;
    assert_eq!(presence["members"], 2);
    let (stored, page) =
        tokio::join!(running.get("/api/v1/rooms/demo/messages"), running.get("/api/v1/rooms/demo"));
    assert_eq!(stored.json()["messages"][0]["text"], "<b>hi</b> 👋");
    assert_eq!(page.json()["viewers"], 2);
    running.stop().await;
}

#[tokio::test]
async fn history_epoch_and_numbers_survive_a_restart() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    running.room("demo").await;
    let mut ada = Chat::join(running.addresses.http, "demo", "?name=Ada", &[]).await;
    let epoch = ada.welcome["epoch"].clone();
    let cookie = ada.cookie.clone().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    ada.send(&json!({"type": "send", "id": "c1", "text": "before"})).await;
    ada.next("ack").await;
    running.stop().await;
    let running = Running::start(&folder).await;
    let cookie = cookie.split(';').next().unwrap();
    let mut again = Chat::join(running.addresses.http, "demo", "?name=Ada", &[("cookie", cookie)]).await;
    assert_eq!((&again.welcome["epoch"], again.welcome["seq"].as_u64()), (&epoch, Some(1)));
    assert_eq!(again.welcome["history"][0]["text"], "before");
    assert_eq!(again.welcome["member"], ada.welcome["member"], "the same browser is the same guest");
    assert_eq!(again.cookie, None);
    again.send(&json!({"type": "send", "id": "c1", "text": "before"})).await;
    assert_eq!(again.next("ack").await["seq"], 1, "a repeat is harmless, also after a restart");
    again.send(&json!({"type": "send", "id": "c2", "text": "after"})).await;
    assert_eq!(again.next("ack").await["seq"], 2);
    running.stop().await;
}

#[tokio::test]
async fn what_was_missed_is_replayed_once() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    running.room("demo").await;
    let to = running.addresses.http;
    let mut ada = Chat::join(to, "demo", "?name=Ada", &[]).await;
    for number in 1..=3 {
        ada.send(&json!({"type": "send", "id": format!("c{number}"), "text": "hi"})).await;
        ada.next("ack").await;
    }
    let mut ben = Chat::join(to, "demo", "", &[]).await;
    ben.send(&json!({"type": "resume", "epoch": ben.welcome["epoch"], "seq": 1})).await;
    assert_eq!(ben.next("message").await["seq"], 2);
    assert_eq!(ben.next("message").await["seq"], 3);
    ben.send(&json!({"type": "resume", "epoch": "another", "seq": 1})).await;
    assert_eq!(ben.next("reset").await["seq"], 3);
    running.stop().await;
}

#[tokio::test]
async fn what_is_no_frame_is_answered_and_too_much_is_slowed() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    running.room("demo").await;
    let mut ada = Chat::join(running.addresses.http, "demo", "", &[]).await;
    ada.send(&json!({"type": "dance"})).await;
    assert_eq!(ada.next("error").await["code"], "bad_frame");
    for number in 0..6 {
        ada.send(&json!({"type": "send", "id": format!("c{number}"), "text": "hi"})).await;
    }
    let error = ada.next("error").await;
    assert_eq!((error["code"].as_str(), error["id"].as_str()), (Some("rate_limited"), Some("c5")));
    assert!(error["retry_after_ms"].as_u64().unwrap() <= 1_000);
    running.stop().await;
}

#[tokio::test]
async fn an_accounts_name_is_not_for_guests() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    running.room("demo").await;
    running
        .post("/api/v1/accounts", "{\"name\":\"mara\",\"password\":\"correct horse\",\"role\":\"admin\"}")
        .await;
    let mut guest = Chat::join(running.addresses.http, "demo", "?name=M%20A%20R%20A", &[]).await;
    assert_eq!(guest.next("error").await["code"], "name_refused");
    assert!(guest.welcome["member"]["name"].as_str().unwrap().starts_with("Guest "));
    assert_eq!(guest.welcome["room"]["owner"], "mara");
    running.stop().await;
}

#[tokio::test]
async fn the_local_owner_is_known_by_token_and_keeps_room_and_key() {
    let folder = Folder::new();
    let origin = origin::Origin::start(config(&folder)).await.unwrap();
    let first = origin.ensure_local_owner("Mara O'Neil", None).await.unwrap();
    assert_eq!(
        (first.name.as_str(), first.room.as_str(), first.title.as_str()),
        ("Mara-ONeil", "mara-o-neil", "Mara O'Neil")
    );
    let again = origin.ensure_local_owner("Mara O'Neil", Some(&first.stream_key)).await.unwrap();
    assert_eq!((&again.room, &again.stream_key), (&first.room, &first.stream_key));
    assert_ne!(again.token, first.token);
    let lost = origin.ensure_local_owner("Mara O'Neil", None).await.unwrap();
    assert_ne!(lost.stream_key, first.stream_key, "a lost key is replaced");
    let to = origin.addresses().http;
    let shutdown = tokio_util::sync::CancellationToken::new();
    let task = tokio::spawn(origin.run(shutdown.clone()));
    let bearer = format!("Bearer {}", lost.token);
    let owner = Chat::join(to, "mara-o-neil", "", &[("authorization", &bearer)]).await;
    assert_eq!(owner.welcome["member"]["roles"][0], "owner");
    assert_eq!(owner.welcome["room"]["viewers"], 0, "the owner's own connection is no viewer");
    shutdown.cancel();
    soon("the end", task).await.unwrap();
}

#[tokio::test]
async fn other_sites_pages_and_unknown_rooms_get_no_chat() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    running.room("demo").await;
    let refused = async |room: &str, origin: &'static str| {
        let url = format!("ws://{}/api/v1/rooms/{room}/chat", running.addresses.http);
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        match soon("an answer", connect_async(request)).await {
            Err(tungstenite::Error::Http(response)) => response.status().as_u16(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused("demo", "http://evil.example").await, 403);
    let own: &'static str = format!("http://{}", running.addresses.http).leak();
    assert_eq!(refused("none", own).await, 404);
    running.stop().await;
}
