//! Files are uploaded in pieces, and go live at their hour.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use testkit::media_file;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::harness::{Chat, Folder, Publisher, Running, config, soon};

struct Told {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Told {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

/// Asks as the owner, with the headers of tus and `headers`.
async fn ask(running: &Running, method: &str, path: &str, headers: &[(&str, String)], body: Vec<u8>) -> Told {
    let exchange = async {
        let socket = TcpStream::connect(running.addresses.http).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake::<_, Body>(TokioIo::new(socket)).await.unwrap();
        let connection = tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header("host", "here");
        request = request.header("authorization", format!("Bearer {}", running.token));
        request = request.header("tus-resumable", "1.0.0");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let response = sender.send_request(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(Body::new(body), 1 << 20).await.unwrap();
        connection.abort();
        let text = String::from_utf8_lossy(&body).into_owned();
        Told { status: parts.status.as_u16(), headers: parts.headers, text }
    };
    soon(path, exchange).await
}

async fn announce(running: &Running, bytes: usize) -> String {
    let name = ("upload-metadata", "filename dGFsay5tcDQ=".to_owned());
    let length = ("upload-length", bytes.to_string());
    let made = ask(running, "POST", "/api/v1/rooms/demo/uploads", &[length, name], Vec::new()).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert!(made.header("upload-expires").ends_with(" GMT"), "{:?}", made.headers);
    made.header("location").to_owned()
}

async fn offset(running: &Running, path: &str) -> usize {
    let told = ask(running, "HEAD", path, &[], Vec::new()).await;
    assert_eq!((told.status, told.header("cache-control")), (200, "no-store"));
    told.header("upload-offset").parse().unwrap()
}

async fn append(running: &Running, path: &str, offset: usize, bytes: &[u8]) -> Told {
    let kind = ("content-type", "application/offset+octet-stream".to_owned());
    let headers = [kind, ("upload-offset", offset.to_string())];
    ask(running, "PATCH", path, &headers, bytes.to_vec()).await
}

/// Sends `bytes` of a request that announces more of them; the connection then stays as it is.
async fn begin(running: &Running, path: &str, all: usize, bytes: &[u8]) -> TcpStream {
    let mut socket = TcpStream::connect(running.addresses.http).await.unwrap();
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {}\r\nTus-Resumable: 1.0.0\r\n\
         Content-Type: application/offset+octet-stream\r\nUpload-Offset: 0\r\nContent-Length: {all}\r\n\r\n",
        running.token
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(bytes).await.unwrap();
    socket
}

/// Waits until a file is in a state.
async fn reaches(running: &Running, path: &str, state: &str) -> Value {
    let looking = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(50));
        loop {
            ticks.tick().await;
            let told = ask(running, "GET", path, &[], Vec::new()).await;
            assert_eq!(told.status, 200, "{}", told.text);
            let file = told.json();
            if file["state"] == state {
                return file;
            }
            assert!(file["state"] != "refused", "{file}");
        }
    };
    soon(state, looking).await
}

/// Uploads a clip in one piece, until it is ready.
async fn uploaded(running: &Running, clip: &PathBuf) -> String {
    let bytes = std::fs::read(clip).unwrap();
    let path = announce(running, bytes.len()).await;
    assert_eq!(append(running, &path, 0, &bytes).await.status, 204);
    reaches(running, &path, "ready").await;
    path
}

async fn schedule(running: &Running, path: &str, what: Value) -> Told {
    let json = ("content-type", "application/json".to_owned());
    ask(running, "PUT", &format!("{path}/schedule"), &[json], what.to_string().into()).await
}

#[allow(clippy::disallowed_methods, reason = "the origin is told the hour of the real clock")]
fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

/// The hash of every decoded picture, in order.
async fn pictures(of: &str) -> Vec<String> {
    let arguments = ["-v", "error", "-i", of, "-map", "0:v:0", "-f", "framehash", "-"];
    let output = Command::new("ffmpeg").args(arguments).stdin(Stdio::null()).kill_on_drop(true).output();
    let output = soon("ffmpeg", output).await.unwrap();
    assert!(output.status.success(), "{of}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit(',').next().unwrap().trim().to_owned()).collect()
}

#[tokio::test]
async fn a_file_that_was_cut_on_its_way_goes_live_at_its_hour_and_every_picture_is_recorded() {
    let Some(clip) = media_file("sintel_256x110_small.mp4") else { return };
    let (folder, bytes) = (Folder::new(), std::fs::read(&clip).unwrap());
    let running = Running::start(&folder).await;
    running.post("/api/v1/rooms", "{\"room\":\"demo\",\"record\":true}").await;
    let mut chat = Chat::join(running.addresses.http, "demo", "", &[]).await;
    let path = announce(&running, bytes.len()).await;
    // Two connections are cut; the last one is still open for the origin when the next comes.
    drop(begin(&running, &path, bytes.len(), &bytes[..5_000]).await);
    let there = offset(&running, &path).await;
    let wrong = append(&running, &path, there + 1, b"x").await;
    assert_eq!((wrong.status, wrong.json()["status"].as_u64()), (409, Some(409)), "{}", wrong.text);
    let there = offset(&running, &path).await;
    let middle = append(&running, &path, there, &bytes[there..20_000]).await;
    assert_eq!((middle.status, middle.header("upload-offset")), (204, "20000"), "{}", middle.text);
    assert_eq!(append(&running, &path, 20_000, &bytes[20_000..]).await.status, 204);
    let ready = reaches(&running, &path, "ready").await;
    assert_eq!((&ready["name"], &ready["facts"]["format"]), (&json!("talk.mp4"), &json!("MP4")), "{ready}");
    assert_eq!(ready["facts"]["video"]["width"], 256);
    assert!(ready["facts"]["duration_ms"].as_i64().is_some_and(|ms| (ms - 10_000).abs() < 100), "{ready}");

    let at_ms = now_ms() + 1_500;
    let scheduled = schedule(&running, &path, json!({ "at_ms": at_ms })).await;
    assert_eq!((scheduled.status, scheduled.json()["state"].as_str()), (200, Some("scheduled")));
    let planned = async {
        while running.get("/api/v1/rooms/demo").await.json()["next_live_ms"] != at_ms {
            tokio::task::yield_now().await;
        }
    };
    soon("the room's hour", planned).await;
    chat.notice("live").await;
    assert!(now_ms() >= at_ms, "not before its hour");
    let room = running.managed("demo").await;
    assert_eq!(
        (&room["ingest"]["protocol"], &room["ingest"]["video"]["codec"]),
        (&json!("file"), &json!("H.264"))
    );
    let live = reaches(&running, &path, "live").await;
    assert!(live["position_ms"].as_i64().is_some_and(|at| (0..10_000).contains(&at)), "{live}");
    let removed = ask(&running, "DELETE", &path, &[], Vec::new()).await;
    assert_eq!(removed.status, 409, "{}", removed.text);

    chat.notice("offline").await;
    assert!(now_ms() - at_ms > 9_900, "as long as its media lasts");
    let done = reaches(&running, &path, "done").await;
    assert_eq!(done["ended"], "finished", "{done}");
    let recorded = async {
        loop {
            let all = running.get("/api/v1/rooms/demo/recordings").await.json();
            if all["recordings"][0]["state"] == "done" {
                return all["recordings"][0]["files"][0].as_str().unwrap().to_owned();
            }
            tokio::task::yield_now().await;
        }
    };
    let recording = format!("http://{}{}", running.addresses.http, soon("the recording", recorded).await);
    let (source, got) = (pictures(clip.to_str().unwrap()).await, pictures(&recording).await);
    assert_eq!((source.len(), source == got), (240, true), "{} pictures were recorded", got.len());
    assert_eq!(ask(&running, "DELETE", &path, &[], Vec::new()).await.status, 204);
    assert_eq!(ask(&running, "GET", &path, &[], Vec::new()).await.status, 404);
    running.stop().await;
}

#[tokio::test]
async fn an_upload_and_an_hour_survive_a_restart_of_the_origin() {
    let Some(clip) = media_file("sintel_256x110_small.mp4") else { return };
    let (folder, bytes) = (Folder::new(), std::fs::read(&clip).unwrap());
    let running = Running::start(&folder).await;
    running.room("demo").await;
    let path = announce(&running, bytes.len()).await;
    let socket = begin(&running, &path, bytes.len(), &bytes[..10_000]).await;
    running.stop().await;
    drop(socket);

    let running = Running::start(&folder).await;
    let there = offset(&running, &path).await;
    assert!(there <= 10_000, "{there}");
    assert_eq!(append(&running, &path, there, &bytes[there..]).await.status, 204);
    reaches(&running, &path, "ready").await;
    let at_ms = now_ms() + 60_000;
    assert_eq!(schedule(&running, &path, json!({ "at_ms": at_ms, "repeat": true })).await.status, 200);
    running.stop().await;

    let running = Running::start(&folder).await;
    let file = reaches(&running, &path, "scheduled").await;
    assert_eq!((&file["live_at_ms"], &file["repeat"]), (&json!(at_ms), &json!(true)));
    assert_eq!(ask(&running, "DELETE", &format!("{path}/schedule"), &[], Vec::new()).await.status, 204);
    reaches(&running, &path, "ready").await;
    running.stop().await;
}

#[tokio::test]
async fn a_file_on_air_is_ended_taken_over_and_begun_anew_as_any_publisher() {
    let (Some(long), Some(short)) =
        (media_file("long_362s_1080p30_lowbitrate.mp4"), media_file("cam_720x1080_portrait_mono441.mp4"))
    else {
        return;
    };
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let key = running.room("demo").await;
    let mut chat = Chat::join(running.addresses.http, "demo", "", &[]).await;
    let (long, short) = (uploaded(&running, &long).await, uploaded(&running, &short).await);

    assert_eq!(schedule(&running, &long, json!({})).await.status, 200);
    chat.notice("live").await;
    assert_eq!(ask(&running, "POST", "/api/v1/rooms/demo/end", &[], Vec::new()).await.status, 204);
    chat.notice("offline").await;
    assert_eq!(reaches(&running, &long, "done").await["ended"], "ended");

    // A file of a second, again and again: the playlist goes on as one.
    assert_eq!(schedule(&running, &short, json!({ "repeat": true })).await.status, 200);
    chat.notice("live").await;
    let path = running.media_path("demo").await;
    let mut text = String::new();
    // Nobody may ask for media that is far ahead.
    for msn in 0..=2 {
        text = running.get(&format!("{path}?_HLS_msn={msn}")).await.text();
    }
    assert!(!text.contains("DISCONTINUITY") && text.contains("seg-1"), "{text}");

    let publisher = Publisher::start(&running.publish_url(&key));
    assert_eq!(reaches(&running, &short, "done").await["ended"], "taken_over");
    publisher.finish().await;
    chat.notice("offline").await;
    running.stop().await;
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_in_words() {
    let folder = Folder::new();
    let mut small = config(&folder);
    small.uploads.max_bytes = 1_000;
    let running = Running::start_with(&folder, small).await;
    running.room("demo").await;
    running.room("other").await;
    let all = "/api/v1/rooms/demo/uploads";
    let length = |bytes: &str| [("upload-length", bytes.to_owned())];
    let check = async |told: Told, status: u16, words: &str| {
        assert_eq!(
            (told.status, told.header("content-type")),
            (status, "application/problem+json"),
            "{}",
            told.text
        );
        assert_eq!((told.json()["detail"].as_str(), told.header("tus-resumable")), (Some(words), "1.0.0"));
    };
    let post = async |bytes: &str| ask(&running, "POST", all, &length(bytes), Vec::new()).await;
    check(post("1001").await, 413, "a file of 1001 bytes, at most 1000 are taken").await;
    check(post("-1").await, 400, "the header upload-length must be a number of bytes").await;
    check(post("0").await, 400, "the file is empty").await;
    let path = announce(&running, 10).await;
    let elsewhere = path.replace("/demo/", "/other/");
    check(append(&running, &elsewhere, 0, b"x").await, 404, "there is no such file").await;
    let kind = [("upload-offset", "0".to_owned()), ("content-type", "video/mp4".to_owned())];
    let plain = ask(&running, "PATCH", &path, &kind, b"x".to_vec()).await;
    check(plain, 415, "the Content-Type must be application/offset+octet-stream").await;
    let long = append(&running, &path, 0, b"more than ten").await;
    check(long, 413, "more bytes than the 10 that were announced").await;
    let early = schedule(&running, &path, json!({})).await;
    assert_eq!(
        (early.status, &early.json()["detail"]),
        (409, &json!("only a file that is ready can go live"))
    );
    let spoken = ask(&running, "OPTIONS", all, &[], Vec::new()).await;
    assert_eq!((spoken.header("tus-version"), spoken.header("tus-max-size")), ("1.0.0", "1000"));

    assert_eq!(append(&running, &path, 0, b"Dear diary").await.status, 204);
    let looking = async {
        loop {
            let file = ask(&running, "GET", &path, &[], Vec::new()).await.json();
            if file["state"] == "refused" {
                return file;
            }
            tokio::task::yield_now().await;
        }
    };
    let refused = soon("the refusal", looking).await;
    let words = refused["note"].as_str().unwrap();
    assert!(
        words.starts_with(
            "the file begins with 'Dear dia', expected MP4, MOV, Matroska, WebM, MPEG-TS or FLV"
        ),
        "{words}"
    );
    running.stop().await;
}
