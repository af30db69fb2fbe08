//! A broadcast whose origin stops, or is killed: its figures stay, and its end is told once.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::harness::{Chat, Folder, Publisher, Running, ask, soon};
use crate::program::Program;
use crate::webhooks::{Told, next, server, webhook};

/// What is kept of the room's broadcasts that are over, and the one that runs.
async fn broadcasts(to: SocketAddr, bearer: &str) -> Value {
    ask(to, "GET", "/api/v1/rooms/demo/broadcasts", &[("authorization", bearer)], "").await.json()
}

/// Whoever was told once of the end is not told again: the next thing told is what happens next.
async fn ended_once(told: &mut mpsc::Receiver<Told>, secret: &Value, say: impl AsyncFnOnce()) {
    let (event, body) = next(told, secret).await;
    assert_eq!((event.as_str(), &body["audience"]["peak"]), ("ended", &json!(1)), "{body}");
    say().await;
    let (event, body) = next(told, secret).await;
    assert_eq!(event, "message", "told once: {body}");
}

async fn say_hello(to: SocketAddr) {
    let mut ben = Chat::join(to, "demo", "?name=Ben", &[]).await;
    ben.send(&json!({"type": "send", "id": "c1", "text": "hello"})).await;
    ben.next("ack").await;
}

#[tokio::test]
async fn a_broadcast_that_an_origin_stopped_on_keeps_its_figures_and_its_end_is_told_once() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let (address, mut told) = server(0).await;
    let hook = webhook(&running, &format!("http://{address}/hook"), &["ended", "message"]).await;
    let key = running.room("demo").await;
    let mut ada = Chat::join(running.addresses.http, "demo", "?name=Ada", &[]).await;
    let _publisher = Publisher::start(&running.publish_url(&key));
    ada.notice("live").await;
    running.stop().await;
    let running = Running::start(&folder).await;
    let kept = broadcasts(running.addresses.http, &format!("Bearer {}", running.token)).await;
    let list = kept["broadcasts"].as_array().unwrap();
    assert_eq!((list.len(), &list[0]["peak_viewers"], &kept["now"]), (1, &json!(1), &Value::Null), "{kept}");
    let to = running.addresses.http;
    ended_once(&mut told, &hook["secret"], async || say_hello(to).await).await;
    running.stop().await;
}

#[tokio::test]
async fn a_broadcast_that_an_origin_was_killed_on_is_over_at_the_next_start_and_told_once() {
    let folder = Folder::new();
    let program = Program::start(&folder).await;
    let (address, mut told) = server(0).await;
    let url = format!("http://{address}/hook");
    let new = json!({"url": url, "events": ["ended", "message"], "allow_private": true});
    let hook = program.post("/api/v1/webhooks", &new).await;
    let key = program.post("/api/v1/rooms", &json!({"room": "demo"})).await["stream_key"].clone();
    let mut ada = Chat::join(program.http, "demo", "?name=Ada", &[]).await;
    let publisher = Publisher::start(&format!("rtmp://{}/live/{}", program.rtmp, key.as_str().unwrap()));
    ada.notice("live").await;
    let folder_of_notes = folder.0.clone();
    soon("the note", async move { noted(&folder_of_notes.join("rostrum.db")).await }).await;
    program.kill().await;
    publisher.kill().await;
    for start in 1..=2 {
        let program = Program::start(&folder).await;
        let kept = broadcasts(program.http, &program.bearer).await;
        let list = kept["broadcasts"].as_array().unwrap();
        assert_eq!((list.len(), &list[0]["peak_viewers"]), (1, &json!(1)), "start {start}: {kept}");
        if start == 1 {
            let to = program.http;
            ended_once(&mut told, &hook["secret"], async || say_hello(to).await).await;
        }
        program.kill().await;
    }
}

/// Waits until the database has a note of a broadcast with a viewer.
async fn noted(database: &std::path::Path) {
    let connection =
        rusqlite::Connection::open_with_flags(database, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    loop {
        let peak = connection
            .query_row("select json_extract(audience, '$.peak') from on_air", [], |row| row.get::<_, i64>(0));
        if peak.is_ok_and(|peak| peak == 1) {
            return;
        }
        tokio::task::yield_now().await;
    }
}
