//! Publishing over WebSocket, with FFmpeg's fragmented MP4 and FLV.

use std::net::SocketAddr;
use std::process::Stdio;

use futures_util::{SinkExt as _, StreamExt as _};
use origin::Config;
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, frame::coding::CloseCode};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::harness::{Chat, Folder, Publisher, Running, ask, config, soon};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const FMP4: [&str; 4] = ["-f", "mp4", "-movflags", "frag_keyframe+empty_moov+default_base_moof"];

#[tokio::test]
async fn pages_without_tls_are_told_where_the_https_ones_are() {
    let folder = Folder::new();
    let free = Some("127.0.0.1:0".parse().unwrap());
    let running = Running::start_with(&folder, Config { https: free, ..config(&folder) }).await;
    let port = running.addresses.https.unwrap().port();
    let told = running.get("/api/v1/addresses").await.json();
    assert_eq!(told["https"], format!("https://127.0.0.1:{port}"));
    running.stop().await;

    let without = Running::start(&folder).await;
    assert!(without.get("/api/v1/addresses").await.json()["https"].is_null());
    without.stop().await;
}

/// FFmpeg, writing a generated picture and tone in real time.
fn recorder(form: &[&str]) -> Child {
    Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-re"])
        .args([
            "-f",
            "lavfi",
            "-i",
            "testsrc=size=160x120:rate=30",
            "-f",
            "lavfi",
            "-i",
            "sine=sample_rate=48000",
        ])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "15", "-c:a", "aac"])
        // Bounded, should the test be killed and this left behind.
        .args(["-t", "120"])
        .args(form)
        .arg("pipe:1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("ffmpeg is installed")
}

async fn connect(to: SocketAddr, room: &str, headers: &[(&'static str, &str)]) -> Result<Socket, Error> {
    let mut request = format!("ws://{to}/api/v1/ingest?room={room}").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    soon("the upgrade", connect_async(request)).await.map(|(socket, _)| socket)
}

async fn status(to: SocketAddr, room: &str, headers: &[(&'static str, &str)]) -> u16 {
    match connect(to, room, headers).await {
        Ok(_) => 101,
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(error) => panic!("{error}"),
    }
}

async fn with_key(to: SocketAddr, key: &str) -> Socket {
    connect(to, "demo", &[("authorization", &format!("Bearer {key}"))]).await.unwrap()
}

/// Carries what the recorder writes until the origin closes, and answers how.
async fn carry(socket: &mut Socket, recorder: &mut Child) -> Option<CloseFrame> {
    let mut output = recorder.stdout.take().unwrap();
    let mut buffer = vec![0; 5_000];
    loop {
        tokio::select! {
            read = output.read(&mut buffer) => {
                let piece = buffer[..read.unwrap()].to_vec();
                // The answer says why nothing more is taken.
                let _ = socket.send(Message::binary(piece)).await;
            }
            message = socket.next() => match message {
                Some(Ok(Message::Close(close))) => return close,
                Some(Ok(_)) => {}
                ended => panic!("{ended:?}"),
            },
        }
    }
}

async fn closes(mut socket: Socket) -> CloseFrame {
    let closed = async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(close))) => return close.unwrap(),
                Some(Ok(_)) => {}
                ended => panic!("{ended:?}"),
            }
        }
    };
    soon("the close frame", closed).await
}

#[tokio::test]
async fn fragmented_mp4_and_flv_go_live_and_a_goodbye_ends_them() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let key = running.room("demo").await;
    let mut chat = Chat::join(running.addresses.http, "demo", "", &[]).await;
    for form in [&FMP4[..], &["-f", "flv"]] {
        let mut socket = with_key(running.addresses.http, &key).await;
        let mut recorder = recorder(form);
        tokio::select! {
            closed = carry(&mut socket, &mut recorder) => panic!("closed with {closed:?}"),
            _ = chat.notice("live") => {}
        }
        let room = running.managed("demo").await;
        let ingest = &room["ingest"];
        assert_eq!((&ingest["protocol"], &ingest["video"]["codec"]), (&"websocket".into(), &"H.264".into()));
        assert_eq!(ingest["audio"]["sample_rate"], 48_000, "{form:?}");
        assert_eq!(running.get("/live/demo/index.m3u8").await.status, 200);
        let goodbye = CloseFrame { code: CloseCode::Normal, reason: "finished".into() };
        socket.close(Some(goodbye)).await.unwrap();
        chat.notice("offline").await;
    }
    running.stop().await;
}

#[tokio::test]
async fn a_newer_publisher_takes_over_and_the_older_one_is_told_by_a_code_of_its_own() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let key = running.room("demo").await;
    let mut chat = Chat::join(running.addresses.http, "demo", "", &[]).await;
    let mut socket = with_key(running.addresses.http, &key).await;
    let mut recorder = recorder(&FMP4);
    let carried = carry(&mut socket, &mut recorder);
    tokio::pin!(carried);
    tokio::select! {
        closed = &mut carried => panic!("closed with {closed:?}"),
        _ = chat.notice("live") => {}
    }
    let _newer = Publisher::start(&running.publish_url(&key));
    let close = soon("the older one's end", carried).await.unwrap();
    assert_eq!((u16::from(close.code), close.reason.as_str()), (4000, "a newer publisher took over"));
    running.stop().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_in_words() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let key = running.room("demo").await;
    let check = async |message: Message, code: u16, words: &str| {
        let mut socket = with_key(running.addresses.http, &key).await;
        socket.send(message).await.unwrap();
        let close = closes(socket).await;
        assert_eq!((u16::from(close.code), close.reason.as_str()), (code, words));
    };
    let webm = vec![0x1a, 0x45, 0xdf, 0xa3, 1, 2, 3, 4];
    check(
        Message::binary(webm),
        1007,
        "the stream is WebM, expected fragmented MP4 with H.264, HEVC or AV1 video",
    )
    .await;
    let html = "the stream begins with 'tml>', expected the box 'ftyp' of MP4";
    check(Message::binary(&b"\n<!html>..."[..]), 1007, html).await;
    check(
        Message::binary(&b"FLV\x07\x05\0\0\0\x09\0\0\0\0"[..]),
        1007,
        "the stream begins with 'FLV\\x07', expected 'FLV' and version 1",
    )
    .await;
    check(Message::text("hello"), 1003, "a text message, expected binary ones of fragmented MP4 or FLV")
        .await;
    running.stop().await;
}

#[tokio::test]
async fn only_the_rooms_key_or_a_ticket_for_it_opens_the_ingest() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let (key, other) = (running.room("demo").await, running.room("other").await);
    let at = running.addresses.http;
    let bearer = |key: &str| format!("Bearer {key}");
    assert_eq!(status(at, "demo", &[]).await, 401);
    assert_eq!(status(at, "demo", &[("authorization", &bearer("wrong"))]).await, 401);
    assert_eq!(status(at, "demo", &[("authorization", &bearer(&running.token))]).await, 401);
    assert_eq!(status(at, "demo", &[("authorization", &bearer(&other))]).await, 403);
    let foreign = [("authorization", bearer(&key)), ("origin", "http://evil.example".to_owned())];
    let foreign: Vec<(&'static str, &str)> =
        foreign.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(status(at, "demo", &foreign).await, 403);
    let plain = ask(at, "GET", "/api/v1/ingest?room=demo", &[("authorization", &bearer(&key))], "").await;
    assert_eq!(plain.status, 426);

    let session = "/api/v1/rooms/demo/ingest-session";
    assert_eq!(ask(at, "POST", session, &[("authorization", &bearer(&other))], "").await.status, 403);
    let given = ask(at, "POST", session, &[("authorization", &bearer(&key))], "").await;
    let cookie = given.header("set-cookie").to_owned();
    assert_eq!((given.status, given.header("cache-control")), (204, "no-store"));
    assert!(cookie.ends_with("; Path=/api/v1/ingest; Max-Age=30; HttpOnly; SameSite=Strict"), "{cookie}");
    let ticket = cookie.split(';').next().unwrap();
    let again = ask(at, "POST", session, &[("cookie", ticket)], "").await;
    assert_eq!(again.status, 401, "a ticket gives no other ticket");
    let own = format!("http://{at}");
    assert_eq!(status(at, "demo", &[("cookie", ticket), ("origin", &own)]).await, 101);
    assert_eq!(status(at, "demo", &[("cookie", ticket), ("origin", &own)]).await, 401, "it is good once");
    running.stop().await;
}

/// An account that is signed in, as the cookie of its browser.
async fn session(running: &Running, name: &str, role: &str) -> String {
    let account = json!({ "name": name, "password": "correct horse", "role": role }).to_string();
    running.post("/api/v1/accounts", &account).await;
    let body = json!({ "name": name, "password": "correct horse" }).to_string();
    let headers = [("content-type", "application/json")];
    let given = ask(running.addresses.http, "POST", "/api/v1/session", &headers, &body).await;
    assert_eq!(given.status, 200, "{}", given.text());
    given.header("set-cookie").split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn whoever_may_manage_a_room_publishes_with_their_session_until_it_ends() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    running.room("demo").await;
    let (to, own) = (running.addresses.http, format!("http://{}", running.addresses.http));
    let owner = session(&running, "mara", "admin").await;
    let other = session(&running, "otto", "broadcaster").await;
    assert_eq!(status(to, "demo", &[("cookie", &other)]).await, 403, "the room is somebody else's");
    assert_eq!(status(to, "none", &[("cookie", &owner)]).await, 404);
    let foreign = [("cookie", owner.as_str()), ("origin", "http://evil.example")];
    assert_eq!(status(to, "demo", &foreign).await, 403, "a page of another site");
    let wrong = [("cookie", owner.as_str()), ("authorization", "Bearer wrong")];
    assert_eq!(status(to, "demo", &wrong).await, 401, "a key that is shown has to be right");

    let mut chat = Chat::join(to, "demo", "", &[]).await;
    let mut socket = connect(to, "demo", &[("cookie", &owner), ("origin", &own)]).await.unwrap();
    let mut recorder = recorder(&FMP4);
    let carried = carry(&mut socket, &mut recorder);
    tokio::pin!(carried);
    tokio::select! {
        closed = &mut carried => panic!("closed with {closed:?}"),
        _ = chat.notice("live") => {}
    }
    let signed_out = ask(to, "DELETE", "/api/v1/session", &[("cookie", &owner), ("origin", &own)], "").await;
    assert_eq!(signed_out.status, 204);
    let close = soon("the end", carried).await.unwrap();
    assert_eq!((u16::from(close.code), close.reason.as_str()), (1008, "signed out, or with other rights"));
    running.stop().await;
}

#[tokio::test]
async fn a_revoked_token_ends_the_chat_that_it_opened() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    running.room("demo").await;
    let to = running.addresses.http;
    let cookie = session(&running, "mara", "admin").await;
    let headers = [("cookie", cookie.as_str()), ("content-type", "application/json")];
    let body = json!({ "label": "bot", "scopes": ["chat"] }).to_string();
    let made = ask(to, "POST", "/api/v1/account/tokens", &headers, &body).await.json();
    let bearer = format!("Bearer {}", made["token"].as_str().unwrap());
    let mut bot = Chat::join(to, "demo", "", &[("authorization", &bearer)]).await;
    let mut browser = Chat::join(to, "demo", "", &[("cookie", &cookie)]).await;
    let path = format!("/api/v1/account/tokens/{}", made["id"]);
    assert_eq!(ask(to, "DELETE", &path, &headers, "").await.status, 204);
    assert_eq!(bot.closed().await, 1008);
    browser.send(&json!({ "type": "send", "id": "1", "text": "still here" })).await;
    browser.next("ack").await;
    running.stop().await;
}
