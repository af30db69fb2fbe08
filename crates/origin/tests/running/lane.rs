//! Live media over plain HTTP/1.1, whose plain requests are answered apart from all others.

use origin::{Config, Limits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{Chat, Folder, Publisher, Running, ask, config, next, soon};

async fn live(folder: &Folder, config: Config) -> (Running, Publisher, String) {
    let running = Running::start_with(folder, config).await;
    let key = running.room("demo").await;
    let mut chat = Chat::join(running.addresses.http, "demo", "", &[]).await;
    let publisher = Publisher::start(&running.publish_url(&key));
    chat.notice("live").await;
    let path = running.media_path("demo").await;
    (running, publisher, path)
}

/// Reads what comes until `enough` says so.
async fn heard(socket: &mut TcpStream, enough: impl Fn(&str) -> bool) -> String {
    let mut bytes = Vec::new();
    let reading = async {
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if enough(&text) || socket.read_buf(&mut bytes).await.unwrap() == 0 {
                return text;
            }
        }
    };
    soon("an answer", reading).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_the_same_whichever_way_it_goes() {
    let folder = Folder::new();
    let (running, publisher, path) = live(&folder, config(&folder)).await;
    let base = path.trim_end_matches("index.m3u8").to_owned();
    let playlist = running.get(&format!("{path}?_HLS_msn=0")).await.text();
    let segment = playlist.lines().find(|line| line.starts_with("seg-")).unwrap().to_owned();
    let part = playlist.split("#EXT-X-PART:").nth(1).and_then(|rest| rest.split("URI=\"").nth(1)).unwrap();
    let part = part.split('"').next().unwrap();
    let to = running.addresses.http;
    for (file, fields) in [
        ("init-0.mp4", &[][..]),
        (&segment, &[]),
        (&segment, &[("range", "bytes=4-99")]),
        (&segment, &[("range", "bytes=99999999-")]),
        (part, &[("accept-encoding", "gzip"), ("cookie", "rostrum_player=0123456789abcdef0123456789abcdef")]),
        ("seg-99999.m4s", &[]),
        ("nothing.mp4", &[]),
        ("index.m3u8?_HLS_msn=x", &[]),
        ("index.m3u8?_HLS_msn=99999", &[]),
    ] {
        let url = format!("{base}{file}");
        let here = ask(to, "GET", &url, fields, "").await;
        let there = ask(to, "GET", &url, &[fields, &[("connection", "close")]].concat(), "").await;
        assert_eq!((here.status, &here.body), (there.status, &there.body), "{url} {fields:?}");
        let told = |answer: &crate::harness::Answer| {
            let mut headers = answer.headers.clone();
            headers.remove("date").expect("a date");
            headers.remove("connection");
            headers
        };
        assert_eq!(told(&here), told(&there), "{url} {fields:?}");
    }
    publisher.finish().await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_asks_for_media_many_times_and_then_for_something_else() {
    let folder = Folder::new();
    let (running, publisher, path) = live(&folder, config(&folder)).await;
    let mut socket = TcpStream::connect(running.addresses.http).await.unwrap();
    let init = path.replace("index.m3u8", "init-0.mp4");
    let question = format!("GET {init} HTTP/1.1\r\nhost: a\r\n\r\n");
    // Two at once, the second in two pieces.
    let (first, second) = question.split_at(question.len() / 2);
    socket.write_all(format!("{question}{first}").as_bytes()).await.unwrap();
    let count = |text: &str| text.matches("HTTP/1.1 200 OK").count();
    heard(&mut socket, |text| count(text) == 1 && text.contains("moov")).await;
    socket.write_all(second.as_bytes()).await.unwrap();
    heard(&mut socket, |text| count(text) == 1 && text.contains("moov")).await;
    // Media and a page in one packet: both are answered, in order, and media again by the general way.
    let other = "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";
    socket.write_all(format!("{question}{other}{question}").as_bytes()).await.unwrap();
    let text = heard(&mut socket, |text| count(text) == 3 && text.matches("moov").count() == 2).await;
    let answers: Vec<&str> = text.split("HTTP/1.1 200 OK").collect();
    assert!(answers[1].contains("video/mp4") && answers[3].contains("video/mp4"), "{text}");
    assert!(!answers[2].contains("video/mp4"), "{text}");
    // What is no HTTP is refused in words and ends this connection alone.
    socket.write_all(b"GET /live/demo/main/seg-1.m4s HTTP/1.1\r\nno field\r\n\r\n").await.unwrap();
    let refused = heard(&mut socket, |_| false).await;
    assert!(refused.starts_with("HTTP/1.1 400"), "{refused}");
    publisher.finish().await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_while_waiting_for_media_leaves_a_place_for_others() {
    let folder = Folder::new();
    let limits = Limits { blocked_requests: 1, ..Limits::default() };
    let (running, publisher, path) = live(&folder, Config { limits, ..config(&folder) }).await;
    let to = running.addresses.http;
    // The next segment but one takes longer than all of this.
    let ahead = async |path: &str| {
        let (msn, _) = next(&running.get(path).await.text());
        format!("GET {path}?_HLS_msn={} HTTP/1.1\r\nhost: a\r\n\r\n", msn + 1)
    };
    let mut waiting = TcpStream::connect(to).await.unwrap();
    waiting.write_all(ahead(&path).await.as_bytes()).await.unwrap();
    let refused = async {
        loop {
            let mut another = TcpStream::connect(to).await.unwrap();
            another.write_all(ahead(&path).await.as_bytes()).await.unwrap();
            let text = heard(&mut another, |text| text.contains("\r\n\r\n")).await;
            if text.starts_with("HTTP/1.1 503") {
                return;
            }
        }
    };
    soon("no place beside the one who waits", refused).await;
    drop(waiting);
    let taken = async {
        loop {
            let mut another = TcpStream::connect(to).await.unwrap();
            another.write_all(ahead(&path).await.as_bytes()).await.unwrap();
            let text = heard(&mut another, |text| text.contains("\r\n\r\n")).await;
            if text.starts_with("HTTP/1.1 200") {
                return;
            }
        }
    };
    soon("a place", taken).await;
    publisher.finish().await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_end_with_the_origin() {
    let folder = Folder::new();
    let (running, publisher, path) = live(&folder, config(&folder)).await;
    let mut socket = TcpStream::connect(running.addresses.http).await.unwrap();
    let question = format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
    socket.write_all(question.as_bytes()).await.unwrap();
    heard(&mut socket, |text| text.contains("#EXT-X-PART")).await;
    publisher.finish().await;
    running.stop().await;
    // Up to the end of the connection, which does not wait for the next request.
    heard(&mut socket, |_| false).await;
}
