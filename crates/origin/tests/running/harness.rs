//! An origin for a test, a publisher, and small clients.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request};
use futures_util::{SinkExt as _, StreamExt as _};
use hyper_util::rt::TokioIo;
use origin::{Addresses, Config, Origin, RunFile};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;

/// Longer than anything takes on a busy machine; a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Awaits `future`, and fails the test when it takes longer than [`PATIENCE`].
pub async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what}: not within {} s", PATIENCE.as_secs()),
    }
}

/// A folder that goes with the test.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Folder {
        let name = format!("rostrum-origin-{}-{:x}", std::process::id(), rand::random::<u64>());
        Folder(std::env::temp_dir().join(name))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A running origin.
pub struct Running {
    pub addresses: Addresses,
    pub token: String,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

pub fn config(folder: &Folder) -> Config {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut config =
        Config { data: folder.0.clone(), http: free, rtmp: free, srt: free, ..Config::default() };
    // Renditions have tests of their own.
    config.transcode.enabled = false;
    config
}

impl Running {
    pub async fn start(folder: &Folder) -> Running {
        Running::start_with(folder, config(folder)).await
    }

    pub async fn start_with(folder: &Folder, config: Config) -> Running {
        let origin = Origin::start(config).await.unwrap();
        let addresses = origin.addresses();
        let run = std::fs::read_to_string(folder.0.join("run.json")).unwrap();
        let token = serde_json::from_str::<RunFile>(&run).unwrap().token;
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(origin.run(shutdown.clone()));
        Running { addresses, token, shutdown, task }
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        soon("the origin's end", self.task).await.unwrap();
    }

    /// Makes a room and answers its stream key.
    pub async fn room(&self, slug: &str) -> String {
        let made = self.post("/api/v1/rooms", &format!("{{\"room\":\"{slug}\"}}")).await;
        made["stream_key"].as_str().unwrap().to_owned()
    }

    /// Asks as the operator.
    pub async fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        let token = format!("Bearer {}", self.token);
        let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
        ask(self.addresses.http, method, path, &headers, body).await
    }

    pub async fn post(&self, path: &str, body: &str) -> Value {
        let answer = self.ask("POST", path, body).await;
        assert!((200..300).contains(&answer.status), "{path}: {} {}", answer.status, answer.text());
        answer.json()
    }

    pub async fn get(&self, path: &str) -> Answer {
        ask(self.addresses.http, "GET", path, &[], "").await
    }

    /// A room with what its owner sees.
    pub async fn managed(&self, slug: &str) -> Value {
        self.ask("GET", &format!("/api/v1/rooms/{slug}"), "").await.json()
    }

    /// The main media playlist's path, as a player finds it.
    pub async fn media_path(&self, slug: &str) -> String {
        let answer = self.get(&format!("/live/{slug}/index.m3u8")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let text = answer.text();
        let uri = text.lines().find(|line| !line.starts_with('#')).unwrap();
        format!("/live/{slug}/{uri}")
    }

    pub fn srt_url(&self, key: &str) -> String {
        format!("srt://{}?streamid=publish:{key}", self.addresses.srt)
    }

    pub fn publish_url(&self, key: &str) -> String {
        format!("rtmp://{}/live/{key}", self.addresses.rtmp)
    }
}

/// What a request was answered.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub async fn ask(to: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let exchange = async {
        let socket = TcpStream::connect(to).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake::<_, Body>(TokioIo::new(socket)).await.unwrap();
        let connection = tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header("host", to.to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = sender.send_request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(Body::new(body), 64 << 20).await.unwrap();
        connection.abort();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    };
    soon(path, exchange).await
}

/// Reads what `rostrum-origin serve` prints until it is ready, and answers where it listens.
pub async fn ready(serve: &mut Child) -> Addresses {
    let mut lines = BufReader::new(serve.stdout.take().expect("it is a pipe")).lines();
    let mut said = Vec::new();
    let ready = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line == "ready" {
                return;
            }
            said.push(line);
        }
        panic!("serve ended before it was ready: {said:?}");
    };
    soon("ready", ready).await;
    let address = |name: &str| said.iter().find_map(|line| line.strip_prefix(name)).unwrap().parse().unwrap();
    let (http, rtmp, srt) = (address("http "), address("rtmp "), address("srt "));
    Addresses { http, rtmp, srt, https: None, rtmps: None }
}

/// FFmpeg, publishing a generated picture and tone in real time.
pub struct Publisher {
    child: Child,
}

impl Publisher {
    pub fn start(url: &str) -> Publisher {
        Publisher::of(url, "testsrc=size=160x120:rate=30")
    }

    /// A picture of noise, of several megabits a second.
    pub fn start_large(url: &str) -> Publisher {
        Publisher::of(url, "nullsrc=size=640x360:rate=30,geq=random(1)*255:128:128")
    }

    /// A picture of this size, `320x240` for example.
    pub fn start_of_size(url: &str, size: &str) -> Publisher {
        Publisher::of(url, &format!("testsrc=size={size}:rate=30"))
    }

    fn of(url: &str, picture: &str) -> Publisher {
        let source = ["-re", "-f", "lavfi", "-i", picture];
        let sound = ["-f", "lavfi", "-i", "sine=sample_rate=48000"];
        let coded = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "30"];
        let is_srt = url.starts_with("srt:");
        let format: &[&str] = if is_srt { &["-f", "mpegts"] } else { &["-f", "flv", "-tls_verify", "0"] };
        let child = Command::new("ffmpeg")
            .args(["-hide_banner", "-loglevel", "error", "-nostdin"])
            .args(source)
            .args(sound)
            .args(coded)
            // Bounded, should the test be killed and this left behind.
            .args(["-c:a", "aac", "-t", "120"])
            .args(format)
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("ffmpeg is installed");
        Publisher { child }
    }

    /// Kills it without a word to the origin.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asks it to end in an orderly way.
    pub async fn finish(mut self) {
        let pid = self.child.id().unwrap().to_string();
        Command::new("kill").args(["-INT", &pid]).status().await.unwrap();
        soon("ffmpeg's end", self.child.wait()).await.unwrap();
    }

    /// Waits until it has failed, and answers what it said.
    pub async fn failure(mut self) -> String {
        let mut said = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        let ended = async {
            stderr.read_to_string(&mut said).await.unwrap();
            self.child.wait().await.unwrap()
        };
        assert!(!soon("ffmpeg's failure", ended).await.success(), "{said}");
        said
    }
}

/// One chat connection.
pub struct Chat {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub welcome: Value,
    pub cookie: Option<String>,
}

impl Chat {
    pub async fn join(to: SocketAddr, room: &str, query: &str, headers: &[(&'static str, &str)]) -> Chat {
        let url = format!("ws://{to}/api/v1/rooms/{room}/chat{query}");
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let (socket, response) = soon("the upgrade", connect_async(request)).await.unwrap();
        let cookie = response.headers().get("set-cookie").map(|value| value.to_str().unwrap().to_owned());
        let mut chat = Chat { socket, welcome: Value::Null, cookie };
        chat.welcome = chat.next("welcome").await;
        chat
    }

    pub async fn send(&mut self, frame: &Value) {
        self.socket.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// Sends what closes the connection; the code that it is closed with.
    pub async fn refused(&mut self, frame: &Value) -> u16 {
        // The origin may close before it has taken all.
        let _ = self.socket.send(Message::text(frame.to_string())).await;
        self.closed().await
    }

    /// Waits for the origin to close the connection; the code that it is closed with.
    pub async fn closed(&mut self) -> u16 {
        let code = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Close(Some(close)))) => return close.code.into(),
                    Some(Ok(_)) => {}
                    ended => panic!("closed without a code: {ended:?}"),
                }
            }
        };
        soon("the close", code).await
    }

    /// The next frame of a type; others are passed over.
    pub async fn next(&mut self, kind: &str) -> Value {
        self.until(kind, |frame| frame["type"] == kind).await
    }

    pub async fn notice(&mut self, code: &str) -> Value {
        self.until(code, |frame| frame["type"] == "notice" && frame["code"] == code).await
    }

    pub async fn until(&mut self, what: &str, mut found: impl FnMut(&Value) -> bool) -> Value {
        let frame = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let frame: Value = serde_json::from_str(&text).unwrap();
                        if found(&frame) {
                            return frame;
                        }
                    }
                    Some(Ok(Message::Close(close))) => panic!("{what}: closed with {close:?}"),
                    Some(Ok(_)) => {}
                    ended => panic!("{what}: {ended:?}"),
                }
            }
        };
        soon(what, frame).await
    }
}

/// The first position that a playlist does not hold yet: what its hint names or, between publishers, the
/// beginning of the segment after the last.
pub fn next(playlist: &str) -> (u64, u32) {
    let number = |text: &str| -> u64 { text.parse().unwrap_or_else(|_| panic!("{text} in\n{playlist}")) };
    let between = |line: &str, from: &str, to: &str| {
        line.split(from).nth(1).and_then(|rest| rest.split(to).next()).unwrap_or_default().to_owned()
    };
    if let Some(hint) = playlist.lines().rfind(|line| line.starts_with("#EXT-X-PRELOAD-HINT")) {
        let name = between(hint, "part-", ".m4s");
        let (msn, part) = name.split_once('-').expect("a part's name");
        return (number(msn), number(part) as u32);
    }
    let segment = playlist.lines().rfind(|line| line.starts_with("seg-")).expect("a segment or a hint");
    (number(&between(segment, "seg-", ".m4s")) + 1, 0)
}
