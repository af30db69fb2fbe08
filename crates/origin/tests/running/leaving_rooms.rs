//! Rooms that are deleted or turn private: nobody stays in them, and nothing of them is the next room's.

use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::harness::{Chat, Folder, Publisher, Running, ask, soon};

const DEMO: &str = "/api/v1/rooms/demo";

#[tokio::test]
async fn whoever_is_in_a_room_that_is_deleted_is_let_go_and_not_in_the_next_of_its_name() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let to = running.addresses.http;
    running.room("demo").await;
    let mut guest = Chat::join(to, "demo", "?name=Ada", &[]).await;
    guest.send(&json!({"type": "send", "id": "c1", "text": "before"})).await;
    guest.next("ack").await;
    assert_eq!(running.ask("DELETE", DEMO, "").await.status, 204);
    assert_eq!(guest.refused(&json!({"type": "send", "id": "c2", "text": "after"})).await, 1013);
    for room in ["demo", "another"] {
        running.room(room).await;
        let mut host = Chat::join(to, room, "?name=Bea", &[]).await;
        assert_eq!(host.welcome["history"], json!([]), "{room}");
        host.send(&json!({"type": "send", "id": "c1", "text": "mine"})).await;
        host.next("ack").await;
    }
    running.stop().await;
}

#[tokio::test]
async fn media_of_a_deleted_room_is_gone_with_it() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let key = running.room("demo").await;
    let mut chat = Chat::join(running.addresses.http, "demo", "", &[]).await;
    let publisher = Publisher::start(&running.publish_url(&key));
    chat.notice("live").await;
    let media = running.media_path("demo").await;
    publisher.finish().await;
    chat.notice("offline").await;
    assert_eq!(running.get(&media).await.status, 200, "the end can still be watched");
    assert_eq!(running.ask("PATCH", DEMO, &json!({"visibility": "private"}).to_string()).await.status, 200);
    assert_eq!(running.get(&media).await.status, 403);
    assert_eq!(running.ask("DELETE", DEMO, "").await.status, 204);
    for path in [media.as_str(), "/live/demo/index.m3u8"] {
        assert_eq!(running.get(path).await.status, 404, "{path}");
    }
    running.room("demo").await;
    for path in [media.as_str(), "/live/demo/index.m3u8"] {
        assert_eq!(running.get(path).await.status, 404, "{path} of the next room");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_room_that_turns_private_puts_out_who_did_not_come_by_its_door() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let to = running.addresses.http;
    let key = running.room("demo").await;
    let mut guest = Chat::join(to, "demo", "?name=Ada", &[]).await;
    let publisher = Publisher::start(&running.publish_url(&key));
    guest.notice("live").await;
    running.media_path("demo").await;
    let mut flv = TcpStream::connect(to).await.unwrap();
    let request = b"GET /live/demo.flv HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut flv, request).await.unwrap();
    let mut seen = vec![0; 1_000];
    soon("the first of the FLV", flv.read_exact(&mut seen)).await.unwrap();
    assert!(seen.starts_with(b"HTTP/1.1 200"));
    let private = json!({"visibility": "private", "password": "open sesame"}).to_string();
    assert_eq!(running.ask("PATCH", DEMO, &private).await.status, 200);
    assert_eq!(guest.refused(&json!({"type": "send", "id": "c1", "text": "still here"})).await, 1008);
    soon("the end of the FLV", flv.read_to_end(&mut seen)).await.unwrap();
    let headers = [("content-type", "application/json")];
    let password = json!({"password": "open sesame"}).to_string();
    let entered = ask(to, "POST", "/api/v1/rooms/demo/entry", &headers, &password).await;
    let cookie = entered.header("set-cookie").split(';').next().unwrap().to_owned();
    let mut again = Chat::join(to, "demo", "?name=Ada", &[("cookie", &cookie)]).await;
    again.send(&json!({"type": "send", "id": "c1", "text": "by the door"})).await;
    again.next("ack").await;
    let other = json!({"password": "open barley"}).to_string();
    assert_eq!(running.ask("PATCH", DEMO, &other).await.status, 200);
    assert_eq!(again.refused(&json!({"type": "send", "id": "c2", "text": "still here"})).await, 1008);
    publisher.kill().await;
    running.stop().await;
}
