//! HTTPS and RTMPS with clients of other makers.

use std::process::Stdio;

use origin::Config;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::harness::{Chat, Folder, Publisher, Running, config, next, soon};

async fn running(folder: &Folder) -> Running {
    let free = Some("127.0.0.1:0".parse().unwrap());
    Running::start_with(folder, Config { https: free, rtmps: free, ..config(folder) }).await
}

/// What curl writes; its errors are part of it.
async fn curl(arguments: &[&str], path: &str, origin: &Running) -> String {
    let url = format!("https://localhost:{}{path}", origin.addresses.https.unwrap().port());
    let output = Command::new("curl")
        .args(["-sS", "-4", "-m", "20"])
        .args(arguments)
        .arg(url)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = soon("curl", output).await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_in_by_rtmps_and_out_by_http_2_with_the_own_certificate() {
    let folder = Folder::new();
    let origin = running(&folder).await;
    let key = origin.room("demo").await;
    let mut chat = Chat::join(origin.addresses.http, "demo", "", &[]).await;
    let url = format!("rtmps://{}/live/{key}", origin.addresses.rtmps.unwrap());
    let publisher = Publisher::start(&url);
    chat.notice("live").await;
    let certificate = folder.0.join("tls/certificate.pem");
    let trusted = ["--cacert", certificate.to_str().unwrap()];
    let version = ["-o", "/dev/null", "-w", "%{http_version} %{http_code}"];
    let seen = curl(&[&trusted[..], &version[..]].concat(), "/live/demo/index.m3u8", &origin).await;
    assert_eq!(seen, "2 200");
    let seen =
        curl(&[&["--http1.1"], &trusted[..], &version[..]].concat(), "/live/demo/index.m3u8", &origin).await;
    assert_eq!(seen, "1.1 200");
    // Low latency over HTTP/2: a blocked reload answers with what was asked for.
    let path = origin.media_path("demo").await;
    let text = curl(&trusted, &path, &origin).await;
    let (msn, part) = next(&text);
    let text = curl(&trusted, &format!("{path}?_HLS_msn={msn}&_HLS_part={part}"), &origin).await;
    assert!(next(&text) > (msn, part), "{text}");
    publisher.finish().await;
    chat.notice("offline").await;
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_are_secure_links_are_https_and_old_versions_are_refused() {
    let folder = Folder::new();
    let origin = running(&folder).await;
    let key = origin.room("demo").await;
    let upgrade = [
        "-k",
        "-i",
        "--http1.1",
        "-m",
        "2",
        "-H",
        "Connection: Upgrade",
        "-H",
        "Upgrade: websocket",
        "-H",
        "Sec-WebSocket-Version: 13",
        "-H",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ];
    let answer = curl(&upgrade, "/api/v1/rooms/demo/chat", &origin).await;
    let cookie = answer.lines().find(|line| line.starts_with("set-cookie: ")).unwrap_or(&answer);
    assert!(cookie.trim_end().ends_with("; Secure"), "{cookie}");
    let ticket = ["-k", "-i", "-X", "POST", "-H", &format!("Authorization: Bearer {key}")];
    let answer = curl(&ticket, "/api/v1/rooms/demo/ingest-session", &origin).await;
    let cookie = answer.lines().find(|line| line.starts_with("set-cookie: ")).unwrap_or(&answer);
    assert!(cookie.trim_end().ends_with("; SameSite=Strict; Secure"), "{cookie}");
    let bearer = format!("Authorization: Bearer {}", origin.token);
    let made = curl(&["-k", "-X", "POST", "-H", &bearer], "/api/v1/rooms/demo/stream-key", &origin).await;
    let port = origin.addresses.https.unwrap().port();
    assert!(made.contains(&format!("https://localhost:{port}/r/demo")), "{made}");
    let old = ["-k", "--tlsv1.1", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"];
    let refused = curl(&old, "/healthz", &origin).await;
    assert!(refused.contains(" alert "), "{refused}");
    for version in ["--tlsv1.2", "--tlsv1.3"] {
        let maximum = version.trim_start_matches("--tlsv");
        assert_eq!(curl(&["-k", version, "--tls-max", maximum], "/healthz", &origin).await, "ok\n");
    }
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_is_let_go_and_open_text_gets_no_answer() {
    let folder = Folder::new();
    let origin = running(&folder).await;
    for address in [origin.addresses.https.unwrap(), origin.addresses.rtmps.unwrap()] {
        let mut silent = TcpStream::connect(address).await.unwrap();
        let mut answer = Vec::new();
        soon("the end of a silent connection", silent.read_to_end(&mut answer)).await.unwrap();
        assert!(answer.is_empty());
    }
    let plain = format!("rtmp://{}/live/x", origin.addresses.rtmps.unwrap());
    Publisher::start(&plain).failure().await;
    assert_eq!(origin.get("/healthz").await.status, 200);
    origin.stop().await;
}
