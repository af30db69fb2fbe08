//! Gifts over real sockets, and points for watching.

use serde_json::{Value, json};

use crate::harness::{Chat, Folder, Publisher, Running, ask};

const JSON: (&str, &str) = ("content-type", "application/json");

/// Makes an account and signs it in; its id and its cookie.
async fn account(running: &Running, name: &str, role: &str) -> (Value, String) {
    let who = json!({"name": name, "password": "correct horse", "role": role});
    let made = running.post("/api/v1/accounts", &who.to_string()).await;
    let who = json!({"name": name, "password": "correct horse"}).to_string();
    let signed_in = ask(running.addresses.http, "POST", "/api/v1/session", &[JSON], &who).await;
    let cookie = signed_in.header("set-cookie").split(';').next().unwrap().to_owned();
    (made["id"].clone(), cookie)
}

async fn points(running: &Running, cookie: &str) -> Value {
    let wallet =
        ask(running.addresses.http, "GET", "/api/v1/account/wallet", &[("cookie", cookie)], "").await;
    wallet.json()["points"].clone()
}

#[tokio::test]
async fn a_gift_is_paid_from_the_wallet_and_seen_by_everybody() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let to = running.addresses.http;
    let (_, host) = account(&running, "mara", "admin").await;
    let (ada, cookie) = account(&running, "ada", "viewer").await;
    running.room("demo").await;
    let bearer = format!("Bearer {}", running.token);
    let operator = [("authorization", bearer.as_str()), JSON];
    let moon = json!({"name": "Moon", "name_zh": "月亮", "emoji": "🌙", "points": 30}).to_string();
    assert_eq!(ask(to, "PUT", "/api/v1/gifts/moon", &operator, &moon).await.status, 200);
    running.post(&format!("/api/v1/accounts/{ada}/points"), "{\"points\":70}").await;
    let mut seen = Chat::join(to, "demo", "", &[("cookie", &host)]).await;
    let mut giver = Chat::join(to, "demo", "", &[("cookie", &cookie)]).await;
    let gift = json!({"type": "gift", "id": "c1", "gift": "moon", "count": 2, "to": "mara"});
    giver.send(&gift).await;
    let seq = giver.next("ack").await["seq"].clone();
    let told = seen.next("gift").await;
    assert_eq!((&told["seq"], &told["gift"], &told["count"]), (&seq, &json!("moon"), &json!(2)));
    assert_eq!((&told["from"]["name"], &told["to"]["name"]), (&json!("ada"), &json!("mara")));
    assert_eq!(points(&running, &cookie).await, 10);
    giver.send(&gift).await;
    assert_eq!(giver.next("ack").await["seq"], seq, "a repeat is harmless");
    giver.send(&json!({"type": "gift", "id": "c2", "gift": "moon"})).await;
    assert_eq!(giver.next("error").await["code"], "not_enough");
    assert_eq!(points(&running, &cookie).await, 10);
    let mut guest = Chat::join(to, "demo", "", &[]).await;
    assert_eq!(guest.welcome["history"][0]["emoji"], "🌙");
    guest.send(&json!({"type": "gift", "id": "c1", "gift": "clap"})).await;
    assert_eq!(guest.next("error").await["code"], "sign_in_needed");
    assert_eq!(ask(to, "DELETE", "/api/v1/gifts/moon", &operator, "").await.status, 204);
    let headers = [("cookie", cookie.as_str()), JSON];
    let gone = ask(to, "POST", "/api/v1/rooms/demo/gifts", &headers, "{\"gift\":\"moon\"}").await;
    assert_eq!(gone.status, 404, "{}", gone.text());
    running.stop().await;
}

#[tokio::test]
#[ignore = "a minute and more: what `cargo xtask test --long` adds"]
async fn a_minute_of_watching_earns_points_and_a_minute_of_chat_alone_does_not() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let to = running.addresses.http;
    let (_, watching) = account(&running, "ada", "viewer").await;
    let (_, chatting) = account(&running, "ben", "viewer").await;
    let key = running.room("demo").await;
    let page = "rostrum_player=0123456789abcdef";
    let both = format!("{watching}; {page}");
    let mut ada = Chat::join(to, "demo", "", &[("cookie", &both)]).await;
    let _ben = Chat::join(to, "demo", "", &[("cookie", &chatting)]).await;
    let _publisher = Publisher::start(&running.publish_url(&key));
    ada.notice("live").await;
    let playlist = running.media_path("demo").await;
    let folder_of = playlist.trim_end_matches("index.m3u8").to_owned();
    let mut rounds = 0;
    while points(&running, &watching).await == 0 {
        let text = ask(to, "GET", &playlist, &[("cookie", page)], "").await.text();
        let segment = text.lines().rfind(|line| line.starts_with("seg-")).unwrap_or("seg-0.m4s");
        ask(to, "GET", &format!("{folder_of}{segment}"), &[("cookie", page)], "").await;
        // The next part paces this loop.
        let (msn, part) = crate::harness::next(&text);
        let next = format!("{playlist}?_HLS_msn={msn}&_HLS_part={part}");
        ask(to, "GET", &next, &[("cookie", page)], "").await;
        rounds += 1;
        assert!(rounds < 600, "three minutes and no point");
    }
    assert_eq!(points(&running, &chatting).await, 0);
    running.stop().await;
}
