//! Webhooks, told to a real server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::harness::{Chat, Folder, Publisher, Running, soon};

/// What a server was told: headers and body.
pub type Told = (HeaderMap, String);

/// A server that refuses the first so many requests, and then takes them.
pub async fn server(refusals: usize) -> (SocketAddr, mpsc::Receiver<Told>) {
    let (sender, told) = mpsc::channel(64);
    let asked = Arc::new(AtomicUsize::new(0));
    let take = move |headers: HeaderMap, body: String| async move {
        if asked.fetch_add(1, Ordering::Relaxed) < refusals {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        sender.send((headers, body)).await.unwrap();
        StatusCode::NO_CONTENT
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, Router::new().route("/hook", post(take))).into_future());
    (address, told)
}

pub async fn webhook(running: &Running, url: &str, events: &[&str]) -> Value {
    let new = json!({"url": url, "events": events, "allow_private": true});
    running.post("/api/v1/webhooks", &new.to_string()).await
}

async fn asked(running: &Running, method: &str, path: &str, body: &str) -> (u16, Value) {
    let answer = running.ask(method, path, body).await;
    (answer.status, if answer.body.is_empty() { Value::Null } else { answer.json() })
}

/// What somebody told next, whose signature is right.
pub async fn next(told: &mut mpsc::Receiver<Told>, secret: &Value) -> (String, Value) {
    let (headers, body) = soon("a webhook", told.recv()).await.unwrap();
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let signature = header("rostrum-signature");
    let (time, signed) = signature.split_once(",v1=").unwrap();
    let text = format!("{}.{body}", time.strip_prefix("t=").unwrap());
    assert_eq!(signed, hmac_sha256(secret.as_str().unwrap(), &text));
    (header("rostrum-event"), serde_json::from_str(&body).unwrap())
}

/// By OpenSSL's program, so that another hand than the origin's checks.
fn hmac_sha256(key: &str, text: &str) -> String {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let mut openssl = Command::new("openssl");
    openssl.args(["dgst", "-sha256", "-hmac", key]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut openssl = openssl.spawn().expect("openssl is installed");
    openssl.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let said = String::from_utf8(openssl.wait_with_output().unwrap().stdout).unwrap();
    said.trim().rsplit(' ').next().unwrap().to_owned()
}

#[tokio::test]
async fn what_happens_is_told_once_and_signed() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let (address, mut told) = server(0).await;
    let hook = webhook(
        &running,
        &format!("http://{address}/hook"),
        &["live", "ended", "message", "recording_ready"],
    )
    .await;
    let secret = &hook["secret"];
    let made = json!({"room": "demo", "title": "Demo", "record": true}).to_string();
    let key = running.post("/api/v1/rooms", &made).await["stream_key"].as_str().unwrap().to_owned();
    let mut ada = Chat::join(running.addresses.http, "demo", "?name=Ada", &[]).await;
    ada.send(&json!({"type": "send", "id": "c1", "text": "hi"})).await;
    let (event, body) = next(&mut told, secret).await;
    assert_eq!(
        (event.as_str(), &body["event"], &body["room"]),
        ("message", &json!("message"), &json!("demo"))
    );
    assert_eq!((&body["message"]["text"], &body["message"]["from"]["name"]), (&json!("hi"), &json!("Ada")));
    let publisher = Publisher::start(&running.publish_url(&key));
    assert_eq!(next(&mut told, secret).await.0, "live");
    ada.notice("live").await;
    publisher.finish().await;
    let (one, other) = (next(&mut told, secret).await, next(&mut told, secret).await);
    let mut events = [one.0.as_str(), other.0.as_str()];
    events.sort_unstable();
    assert_eq!(events, ["ended", "recording_ready"]);
    let (_, listed) = asked(&running, "GET", "/api/v1/webhooks", "").await;
    assert!(listed["webhooks"][0].get("secret").is_none(), "shown once: {listed}");
    running.stop().await;
}

#[tokio::test]
async fn a_server_that_fails_twice_is_told_at_the_third_time_and_the_log_says_so() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let (address, mut told) = server(2).await;
    let hook = webhook(&running, &format!("http://{address}/hook"), &["message"]).await;
    // One that takes the connection and never answers, and one that nobody listens at, harm nobody.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_url = format!("http://{}/", silent.local_addr().unwrap());
    webhook(&running, &silent_url, &["message"]).await;
    webhook(&running, "http://127.0.0.1:1/", &["message"]).await;
    running.room("demo").await;
    let mut ada = Chat::join(running.addresses.http, "demo", "", &[]).await;
    ada.send(&json!({"type": "send", "id": "c1", "text": "hi"})).await;
    ada.next("ack").await;
    assert_eq!(next(&mut told, &hook["secret"]).await.1["message"]["text"], "hi");
    let path = format!("/api/v1/webhooks/{}/deliveries", hook["id"]);
    let settled = async {
        loop {
            let (_, log) = asked(&running, "GET", &path, "").await;
            let first = log["deliveries"][0].clone();
            if first["next_at_ms"].is_null() {
                return first;
            }
        }
    };
    let first = soon("the log", settled).await;
    assert_eq!(
        (&first["tries"], &first["status"], &first["problem"]),
        (&json!(3), &json!(204), &Value::Null)
    );
    let (status, _) = asked(&running, "DELETE", &format!("/api/v1/webhooks/{}", hook["id"]), "").await;
    assert_eq!(status, 204);
    running.stop().await;
}

#[tokio::test]
async fn this_machine_and_its_network_are_refused_unless_they_are_allowed() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let (address, mut told) = server(0).await;
    for url in
        [format!("http://{address}/hook"), "http://[::1]/".to_owned(), "http://192.168.1.1/".to_owned()]
    {
        let new = json!({"url": url, "events": ["message"]}).to_string();
        let (status, problem) = asked(&running, "POST", "/api/v1/webhooks", &new).await;
        assert_eq!((status, problem["code"].as_str()), (400, Some("private_address")), "{url}");
    }
    // A name passes here, and is looked at again when it is resolved: this one leads to this machine.
    let named = format!("http://localhost:{}/hook", address.port());
    let new = json!({"url": named, "events": ["message"]}).to_string();
    let (status, made) = asked(&running, "POST", "/api/v1/webhooks", &new).await;
    assert_eq!(status, 201, "{made}");
    running.room("demo").await;
    let mut ada = Chat::join(running.addresses.http, "demo", "", &[]).await;
    ada.send(&json!({"type": "send", "id": "c1", "text": "hi"})).await;
    ada.next("ack").await;
    let path = format!("/api/v1/webhooks/{}/deliveries", made["id"]);
    let tried = async {
        loop {
            let (_, log) = asked(&running, "GET", &path, "").await;
            if let Some(problem) = log["deliveries"][0]["problem"].as_str() {
                return problem.to_owned();
            }
        }
    };
    let problem = soon("a try", tried).await;
    assert!(problem.contains("this machine or its network"), "{problem}");
    assert!(told.try_recv().is_err());
    running.stop().await;
}
