//! Recordings and their replay, with FFmpeg as publisher and player.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use origin::Addresses;
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::harness::{Answer, Chat, Folder, Publisher, Running, ask, ready, soon};

/// The program itself, so that it can be killed or put under limits.
pub struct Serving {
    child: Child,
    pub http: SocketAddr,
    rtmp: SocketAddr,
    token: String,
}

impl Serving {
    /// `limit` is what a shell does before it becomes the origin.
    async fn start(folder: &Folder, limit: &str) -> Serving {
        Serving::start_with(folder, limit, "reserve_mib = 0").await
    }

    /// The same with these settings of recordings.
    pub async fn start_with(folder: &Folder, limit: &str, recording: &str) -> Serving {
        std::fs::create_dir_all(&folder.0).unwrap();
        let settings = folder.0.join("test.toml");
        std::fs::write(&settings, format!("[recording]\n{recording}\n[transcode]\nenabled = false\n"))
            .unwrap();
        let log = std::fs::File::create(folder.0.join("log")).unwrap();
        let mut command = Command::new("sh");
        command.args([
            "-c",
            &format!("{limit} exec \"$0\" \"$@\""),
            env!("CARGO_BIN_EXE_rostrum-origin"),
            "serve",
        ]);
        command
            .args(["--http", "127.0.0.1:0", "--rtmp", "127.0.0.1:0", "--srt", "127.0.0.1:0", "--data"])
            .arg(&folder.0);
        command.arg("--config").arg(settings).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.kill_on_drop(true).spawn().unwrap();
        let Addresses { http, rtmp, .. } = ready(&mut child).await;
        let run = std::fs::read_to_string(folder.0.join("run.json")).unwrap();
        let token = serde_json::from_str::<Value>(&run).unwrap()["token"].as_str().unwrap().to_owned();
        Serving { http, rtmp, token, child }
    }

    pub async fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        let token = format!("Bearer {}", self.token);
        let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
        ask(self.http, method, path, &headers, body).await
    }

    /// Makes a recorded room and answers where to publish to it.
    pub async fn room(&self) -> String {
        let made = self.ask("POST", "/api/v1/rooms", "{\"room\":\"demo\",\"record\":true}").await;
        assert_eq!(made.status, 201, "{}", made.text());
        format!("rtmp://{}/live/{}", self.rtmp, made.json()["stream_key"].as_str().unwrap())
    }

    /// Why the room's recording stopped, once it did.
    pub async fn notice(&self) -> String {
        let stopped = async {
            loop {
                let room = self.ask("GET", "/api/v1/rooms/demo", "").await.json();
                if let Some(notice) = room["recording"]["notice"].as_str() {
                    return notice.to_owned();
                }
                tokio::task::yield_now().await;
            }
        };
        soon("the notice", stopped).await
    }

    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// Waits until `holds` of what a path answers.
pub async fn until(http: SocketAddr, path: &str, mut holds: impl FnMut(&Answer) -> bool) -> Answer {
    let looking = async {
        let mut ticks = tokio::time::interval(std::time::Duration::from_millis(50));
        loop {
            ticks.tick().await;
            let answer = ask(http, "GET", path, &[], "").await;
            if holds(&answer) {
                return answer;
            }
        }
    };
    soon(path, looking).await
}

/// The finished recordings of the room, once there are as many.
pub async fn recordings(http: SocketAddr, count: usize) -> Vec<Value> {
    let all = |answer: &Answer| answer.json()["recordings"].as_array().cloned().unwrap_or_default();
    let done = |answer: &Answer| {
        let all = all(answer);
        all.len() == count && all.iter().all(|recording| recording["state"] == "done")
    };
    all(&until(http, "/api/v1/rooms/demo/recordings", done).await)
}

/// Seconds of media in the live playlist, while nothing has left it.
pub async fn live_seconds(http: SocketAddr) -> f64 {
    let multivariant = until(http, "/live/demo/index.m3u8", |answer| answer.status == 200).await.text();
    let uri = multivariant.lines().find(|line| !line.starts_with('#')).unwrap().to_owned();
    let text = ask(http, "GET", &format!("/live/demo/{uri}"), &[], "").await.text();
    assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:0\n"), "{text}");
    let number = |text: &str| text.split(',').next().unwrap().parse::<f64>().unwrap();
    let (mut closed, mut open) = (0.0, 0.0);
    for line in text.lines() {
        if let Some(seconds) = line.strip_prefix("#EXTINF:") {
            (closed, open) = (closed + number(seconds), 0.0);
        } else if let Some(part) = line.strip_prefix("#EXT-X-PART:DURATION=") {
            open += number(part);
        }
    }
    closed + open
}

/// Waits until the room is live with so many seconds more than there were.
pub async fn goes_live(http: SocketAddr, seconds: f64) {
    until(http, "/api/v1/rooms/demo", |room| room.json()["state"] == "live").await;
    let before = live_seconds(http).await;
    until_seconds(http, before + seconds).await;
}

async fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).kill_on_drop(true).output();
    let output = soon(program, output).await.unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// Decodes all of it, and fails when there is anything to complain of.
pub async fn decodes(source: &str) {
    let complaints = said("ffmpeg", &["-v", "error", "-xerror", "-i", source, "-f", "null", "-"]).await;
    assert_eq!(complaints, "", "{source}");
}

/// Video packets, and seconds as the container says.
pub async fn probed(source: &str) -> (usize, f64) {
    let entries = "stream=nb_read_packets:format=duration";
    let of = ["-v", "error", "-select_streams", "v", "-count_packets", "-show_entries", entries];
    let text = said("ffprobe", &[&of[..], &["-of", "default=nw=1", source]].concat()).await;
    let value =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("nothing").to_owned();
    let packets = value("nb_read_packets=").parse().unwrap_or_else(|_| panic!("{text}"));
    (packets, value("duration=").parse().unwrap_or_else(|_| panic!("{text}")))
}

fn only_file(folder: &Folder) -> PathBuf {
    let files = std::fs::read_dir(folder.0.join("recordings")).unwrap().map(|file| file.unwrap().path());
    let files: Vec<_> = files.filter(|path| path.extension().is_some_and(|kind| kind == "mp4")).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_origin_leaves_a_recording_that_plays_up_to_a_second_before_and_is_finished_at_the_next_start()
 {
    let folder = Folder::new();
    let serving = Serving::start(&folder, "").await;
    let publisher = Publisher::start(&serving.room().await);
    until(serving.http, "/live/demo/index.m3u8", |answer| answer.status == 200).await;
    let mut seconds = 0.0;
    while seconds < 5.0 {
        seconds = live_seconds(serving.http).await;
    }
    serving.kill().await;
    publisher.kill().await;
    let file = only_file(&folder);
    decodes(text(&file)).await;
    let (packets, _) = probed(text(&file)).await;
    assert!(packets as f64 / 30.0 >= seconds - 1.0, "{packets} pictures of {seconds} s");
    // What a torn write would leave.
    let mut torn = std::fs::read(&file).unwrap();
    torn.extend_from_slice(b"\0\0\x02\0moof\0\0\0");
    std::fs::write(&file, torn).unwrap();
    let serving = Serving::start(&folder, "").await;
    let recording = recordings(serving.http, 1).await.remove(0);
    let duration = recording["duration_ms"].as_u64().unwrap() as f64 / 1_000.0;
    assert!((duration - packets as f64 / 30.0).abs() < 0.1, "{duration} s of {packets} pictures");
    decodes(text(&file)).await;
    assert_eq!(probed(text(&file)).await.0, packets);
    let playlist = format!("http://{}{}", serving.http, recording["playlist"].as_str().unwrap());
    decodes(&playlist).await;
    assert_eq!(probed(&playlist).await.0, packets);
    serving.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_that_returns_continues_the_file_and_the_replay_has_all_of_it() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let key = running.room("demo").await;
    let mut chat = Chat::join(running.addresses.http, "demo", "?name=Ada", &[]).await;
    let token = format!("Bearer {}", running.token);
    let owner = [("authorization", token.as_str()), ("content-type", "application/json")];
    let change =
        ask(running.addresses.http, "PATCH", "/api/v1/rooms/demo", &owner, "{\"record\":true}").await;
    assert_eq!((change.status, change.json()["record"].as_bool()), (200, Some(true)));
    let publisher = Publisher::start(&running.publish_url(&key));
    chat.notice("live").await;
    let first = until_seconds(running.addresses.http, 3.0).await;
    chat.send(&serde_json::json!({"type": "send", "id": "c1", "text": "said in the middle"})).await;
    chat.next("ack").await;
    let poll = "{\"question\":\"Which meter?\",\"options\":[\"3/4\",\"4/4\"]}";
    let opened = ask(running.addresses.http, "POST", "/api/v1/rooms/demo/polls", &owner, poll).await;
    assert_eq!(opened.status, 201, "{}", opened.text());
    chat.next("poll").await;
    chat.send(&serde_json::json!({"type": "hand", "up": true})).await;
    chat.next("place").await;
    publisher.kill().await;
    chat.notice("interrupted").await;
    let gone = tokio::time::Instant::now();
    until(running.addresses.http, "/healthz", |_| gone.elapsed().as_secs() >= 1).await;
    let publisher = Publisher::start(&running.publish_url(&key));
    chat.notice("live").await;
    until_seconds(running.addresses.http, first + 3.0).await;
    let picture = running.get("/live/demo/thumbnail.jpg").await;
    if cfg!(feature = "transcode") {
        assert_eq!((picture.status, picture.header("content-type")), (200, "image/jpeg"));
        assert!(picture.body.starts_with(&[0xff, 0xd8]) && picture.body.ends_with(&[0xff, 0xd9]));
        let listed = running.get("/api/v1/rooms/demo").await.json()["picture"].clone();
        let named = running.get(listed.as_str().expect("the list names the picture")).await;
        assert_eq!((named.status, &named.body), (200, &picture.body));
        assert!(named.header("cache-control").ends_with("immutable"), "{}", named.header("cache-control"));
        let known = [("if-none-match", picture.header("etag"))];
        let again = ask(running.addresses.http, "GET", "/live/demo/thumbnail.jpg", &known, "").await;
        assert_eq!((again.status, again.body.len()), (304, 0));
    } else {
        assert_eq!(picture.status, 404);
    }
    let managed = running.managed("demo").await;
    let id = managed["recording"]["writing"].as_str().unwrap().to_owned();
    let early = running.get(&format!("/replay/{id}/index.m3u8")).await;
    assert_eq!(early.status, 409);
    publisher.finish().await;
    chat.notice("offline").await;
    assert_eq!(running.get("/live/demo/thumbnail.jpg").await.status, 404);
    // A publisher that says goodbye leaves a replay at once, not after the minutes in which it could return.
    recordings(running.addresses.http, 1).await;
    running.stop().await;
    let file = only_file(&folder);
    decodes(text(&file)).await;
    let (packets, seconds) = probed(text(&file)).await;
    assert!(packets as f64 / 30.0 > first + 2.0, "{packets} pictures");

    let running = Running::start(&folder).await;
    let recording = recordings(running.addresses.http, 1).await.remove(0);
    let duration = recording["duration_ms"].as_u64().unwrap() as f64 / 1_000.0;
    assert!((duration - seconds).abs() < 0.1, "{duration} s, the file says {seconds} s");
    let playlist = format!("http://{}/replay/{id}/index.m3u8", running.addresses.http);
    decodes(&playlist).await;
    let (played, played_seconds) = probed(&playlist).await;
    assert_eq!(played, packets);
    assert!((played_seconds - duration).abs() < 0.05, "{played_seconds} s of {duration} s");
    let said = running.get(&format!("/api/v1/recordings/{id}/messages")).await.json();
    assert_eq!(
        (said["messages"].as_array().unwrap().len(), &said["messages"][0]["text"]),
        (1, &"said in the middle".into())
    );
    let offset = said["messages"][0]["offset_ms"].as_f64().unwrap() / 1_000.0;
    assert!((offset - first).abs() < 2.0, "said at {offset} s, {first} s were live");
    let chapters = running.get(&format!("/api/v1/recordings/{id}/chapters")).await.json();
    let [poll, hand, resumed] = &chapters["chapters"].as_array().unwrap()[..] else { panic!("{chapters}") };
    assert_eq!([&poll["kind"], &hand["kind"], &resumed["kind"]], ["poll", "hand", "resumed"]);
    assert_eq!(poll["title"], "Which meter?");
    let away = resumed["away_ms"].as_i64().unwrap();
    assert!((1_000..30_000).contains(&away), "{chapters}");
    let resumed = resumed["offset_ms"].as_f64().unwrap() / 1_000.0;
    assert!((resumed - first).abs() < 1.5, "resumed at {resumed} s, {first} s were live");
    assert_eq!(recording["poster"].is_string(), cfg!(feature = "transcode"));
    let poster = running.get(&format!("/replay/{id}/poster.jpg")).await;
    assert_eq!(poster.status, if cfg!(feature = "transcode") { 200 } else { 404 });
    deletes(&running, &id, &file).await;
    let left = std::fs::read_dir(folder.0.join("recordings")).unwrap().count();
    assert_eq!(left, 0, "deleting leaves nothing behind");
    running.stop().await;
}

pub async fn until_seconds(http: SocketAddr, wanted: f64) -> f64 {
    loop {
        let seconds = live_seconds(http).await;
        if seconds >= wanted {
            return seconds;
        }
    }
}

/// Downloads a part, a range of it, and deletes the recording.
async fn deletes(running: &Running, id: &str, file: &Path) {
    let path = format!("/replay/{id}/1.mp4");
    let download = running.get(&format!("{path}?download")).await;
    assert_eq!(download.body, std::fs::read(file).unwrap());
    let named = download.header("content-disposition").to_owned();
    assert!(named.starts_with("attachment; filename=\"demo-20") && named.ends_with(".mp4\""), "{named}");
    let range = ask(running.addresses.http, "GET", &path, &[("range", "bytes=4-7")], "").await;
    assert_eq!((range.status, &range.body[..]), (206, &b"ftyp"[..]));
    let tag = range.header("etag").to_owned();
    for (validator, status) in [(tag.as_str(), 206), ("\"other\"", 200)] {
        let headers = [("range", "bytes=4-7"), ("if-range", validator)];
        let answer = ask(running.addresses.http, "GET", &path, &headers, "").await;
        assert_eq!(answer.status, status, "{validator}");
    }
    let known = ask(running.addresses.http, "GET", &path, &[("if-none-match", &tag)], "").await;
    assert_eq!((known.status, known.header("etag")), (304, tag.as_str()));
    let beyond = ask(running.addresses.http, "GET", &path, &[("range", "bytes=999999999-")], "").await;
    assert_eq!(beyond.header("content-type"), "application/problem+json");
    assert_eq!(beyond.status, 416);
    for name in ["..%2f..%2frostrum.db", "0.mp4", "2.mp4", "1.mp4.", "+1.mp4", "%2e%2e", "01x.mp4", ".mp4"] {
        assert_eq!(running.get(&format!("/replay/{id}/{name}")).await.status, 404, "{name}");
    }
    for id in ["..%2f..", "x", &"0".repeat(32), &"A".repeat(32), "..%2frostrum.db%00aaaaaaaaaaaaaaa"] {
        assert_eq!(running.get(&format!("/replay/{id}/1.mp4")).await.status, 404, "{id}");
    }
    let stranger = ask(running.addresses.http, "DELETE", &format!("/api/v1/recordings/{id}"), &[], "").await;
    assert_eq!(stranger.status, 401);
    let token = format!("Bearer {}", running.token);
    let owner = [("authorization", token.as_str())];
    let gone = ask(running.addresses.http, "DELETE", &format!("/api/v1/recordings/{id}"), &owner, "").await;
    assert_eq!(gone.status, 204);
    assert_eq!((running.get(&path).await.status, file.exists()), (404, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_takes_no_more_stops_the_recording_with_a_notice_and_the_broadcast_goes_on() {
    let folder = Folder::new();
    // No file may be larger than 8 192 blocks of 512 bytes: a write beyond fails, as on a full disk. The signal that comes
    // with it would end the program, and is ignored as it is for daemons.
    let serving = Serving::start(&folder, "trap '' XFSZ; ulimit -f 8192;").await;
    let publisher = Publisher::start_large(&serving.room().await);
    let notice = serving.notice().await;
    assert!(notice.starts_with("recording stopped: ") && notice.contains("File too large"), "{notice}");
    let before = live_seconds(serving.http).await;
    until_seconds(serving.http, before + 2.0).await;
    let recording = recordings(serving.http, 1).await.remove(0);
    assert_eq!(recording["notice"].as_str(), Some(notice.as_str()));
    decodes(&format!("http://{}{}", serving.http, recording["playlist"].as_str().unwrap())).await;
    let log = std::fs::read_to_string(folder.0.join("log")).unwrap();
    assert!(log.contains("recording stopped; the broadcast goes on"), "{log}");
    publisher.kill().await;
    serving.kill().await;
}
