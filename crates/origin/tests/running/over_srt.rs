//! SRT in, from callers of our own and from those that people use.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use origin::Config;
use serde_json::Value;
use srt::{Call, Connection, Error, KeyLength, Passphrase, Reason, connect};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::harness::{Chat, Folder, Publisher, Running, config, next, soon};

/// A transport stream of 8 s, H.264 with B-frames and AAC, made once.
async fn clip() -> PathBuf {
    static MADE: tokio::sync::OnceCell<PathBuf> = tokio::sync::OnceCell::const_new();
    let made = async || made("over-srt.ts", "-c:v libx264 -preset ultrafast -bf 2 -g 30 -c:a aac").await;
    MADE.get_or_init(made).await.clone()
}

/// A transport stream of 8 s, with what FFmpeg is told to make of it.
async fn made(name: &str, codecs: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let status = Command::new("ffmpeg")
        .args("-hide_banner -loglevel error -nostdin -y -f lavfi -i testsrc=size=320x180:rate=30".split(' '))
        .args("-f lavfi -i sine=sample_rate=48000 -t 8 -pix_fmt yuv420p".split(' '))
        .args(codecs.split(' '))
        .args(["-f", "mpegts"])
        .arg(&path)
        .status();
    assert!(status.await.unwrap().success());
    path
}

/// Packets of a stream as ffprobe counts them.
async fn count(file: &Path, stream: &str) -> usize {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", stream, "-show_entries", "packet=pts", "-of", "csv=p=0"])
        .arg(file)
        .output();
    let output = output.await.unwrap();
    String::from_utf8_lossy(&output.stdout).lines().filter(|line| !line.is_empty()).count()
}

/// Sends a file at about three times its own pace and lets the other end read all of it.
async fn send(connection: Connection, file: &Path) {
    let bytes = tokio::fs::read(file).await.unwrap();
    let messages = bytes.chunks(1_316);
    let step = Duration::from_millis(8_000 / 3) / messages.len() as u32;
    let mut pace = tokio::time::interval(step.max(Duration::from_micros(200)));
    for message in messages {
        pace.tick().await;
        connection.send(message).await.unwrap();
    }
    connection.finish().await;
}

/// All that a room's main playlist lists, in one file.
async fn fetched(running: &Running, room: &str, name: &str) -> PathBuf {
    let path = running.media_path(room).await;
    let base = path.trim_end_matches("index.m3u8");
    let playlist = running.get(&path).await.text();
    let map = playlist.split("#EXT-X-MAP:URI=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let segments = playlist.lines().filter(|line| !line.starts_with('#'));
    let mut file = Vec::new();
    for uri in std::iter::once(map).chain(segments) {
        let answer = running.get(&format!("{base}{uri}")).await;
        assert_eq!(answer.status, 200, "{uri}");
        file.extend_from_slice(&answer.body);
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, file).unwrap();
    path
}

async fn scene(folder: &Folder) -> (Running, String, Chat) {
    let running = Running::start(folder).await;
    let key = running.room("demo").await;
    let chat = Chat::join(running.addresses.http, "demo", "", &[]).await;
    (running, key, chat)
}

fn call(running: &Running, stream_id: &str) -> Call {
    Call::new(running.addresses.srt, stream_id)
}

async fn refused(call: Call) -> Reason {
    match soon("a refusal", connect(call)).await {
        Err(Error::Refused(reason)) => reason,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

/// What the owner sees, as soon as it is as wanted.
pub async fn until(running: &Running, room: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let look = async {
        loop {
            let seen = running.managed(room).await;
            if wanted(&seen) {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    soon("the room as it should be", look).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_packet_sent_in_either_form_is_served() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let clip = clip().await;
    for (room, form) in [("plain", "publish:"), ("standard", "#!::m=publish,r=")] {
        let served = sent_and_fetched(&running, &clip, room, form).await;
        decodes(&served).await;
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hevc_and_opus_are_served_as_they_came() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let codecs = "-c:v libx265 -preset ultrafast -x265-params keyint=30:open-gop=0:bframes=2:log-level=error -c:a libopus";
    let clip = made("over-srt-hevc.ts", codecs).await;
    let served = sent_and_fetched(&running, &clip, "hevc", "publish:").await;
    decodes(&served).await;
    let room = running.get("/live/hevc/index.m3u8").await.text();
    assert!(room.contains("hvc1.1.6.L") && room.contains("opus"), "{room}");
    running.stop().await;
}

/// Sends a clip to a new room and gives what the room serves of it: every packet.
pub async fn sent_and_fetched(running: &Running, clip: &Path, room: &str, form: &str) -> PathBuf {
    let key = running.room(room).await;
    let mut chat = Chat::join(running.addresses.http, room, "", &[]).await;
    let connection = soon("a connection", connect(call(running, &format!("{form}{key}")))).await.unwrap();
    soon("all of it sent", send(connection, clip)).await;
    chat.notice("offline").await;
    let served = fetched(running, room, &format!("{room}.mp4")).await;
    for stream in ["v:0", "a:0"] {
        assert_eq!(count(&served, stream).await, count(clip, stream).await, "{room} {stream}");
    }
    served
}

pub async fn decodes(file: &Path) {
    let decode = ["-v", "warning", "-i", file.to_str().unwrap(), "-enc_time_base", "-1", "-f", "null", "-"];
    let decoded = Command::new("ffmpeg").args(decode).output().await.unwrap();
    assert_eq!(String::from_utf8_lossy(&decoded.stderr), "", "{}", file.display());
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_goes_live_and_its_owner_sees_how_the_connection_does() {
    let folder = Folder::new();
    let (running, key, mut chat) = scene(&folder).await;
    let publisher = Publisher::start(&running.srt_url(&key));
    chat.notice("live").await;
    let room = until(&running, "demo", |room| room["ingest"]["srt"]["rate_bps"].as_u64() > Some(0)).await;
    let ingest = &room["ingest"];
    assert_eq!(ingest["protocol"], "srt");
    assert_eq!(
        (ingest["video"]["width"].as_u64(), ingest["audio"]["sample_rate"].as_u64()),
        (Some(160), Some(48_000))
    );
    let srt = &ingest["srt"];
    assert_eq!((srt["latency_ms"].as_u64(), srt["dropped"].as_u64()), (Some(200), Some(0)), "{srt}");
    assert_eq!(srt["encrypted"], false);
    assert!(srt["rtt_ms"].as_f64() < Some(1_000.0) && srt["lost"].is_u64() && srt["retransmitted"].is_u64());
    assert!(srt["buffer_ms"].as_u64() <= Some(2_000), "{srt}");
    let path = running.media_path("demo").await;
    let (msn, part) = next(&running.get(&path).await.text());
    let reload = running.get(&format!("{path}?_HLS_msn={}&_HLS_part={part}", msn + 1)).await;
    assert_eq!(reload.status, 200);
    publisher.finish().await;
    chat.notice("offline").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_is_refused_hears_why() {
    let folder = Folder::new();
    let (running, key, _) = scene(&folder).await;
    for (stream_id, reason) in [
        ("publish:0123456789abcdef0123456789abcdef", Reason::UNAUTHORIZED),
        ("#!::m=publish,r=nothing", Reason::UNAUTHORIZED),
        (&format!("read:{key}"), Reason::BAD_MODE),
        (&format!("#!::m=request,r={key}"), Reason::BAD_MODE),
        (&key, Reason::BAD_REQUEST),
        ("", Reason::BAD_REQUEST),
        ("publish:../../etc/passwd", Reason::UNAUTHORIZED),
    ] {
        assert_eq!(refused(call(&running, stream_id)).await, reason, "{stream_id}");
    }
    let said = Publisher::start(&running.srt_url("0123456789abcdef0123456789abcdef")).failure().await;
    assert!(said.contains("REJECT"), "{said}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passphrase_in_the_data_folder_has_to_be_known() {
    let folder = Folder::new();
    std::fs::create_dir_all(&folder.0).unwrap();
    std::fs::write(folder.0.join("srt-passphrase"), "correct horse\n").unwrap();
    let (running, key, mut chat) = scene(&folder).await;
    let with = |secret: Option<&str>, key_length| {
        let mut call = call(&running, &format!("publish:{key}"));
        call.passphrase = secret.map(|secret| Passphrase::new(secret).unwrap());
        call.key_length = key_length;
        call
    };
    assert_eq!(refused(with(None, KeyLength::Aes128)).await, Reason::UNSECURE);
    assert_eq!(refused(with(Some("battery staple"), KeyLength::Aes256)).await, Reason::BAD_SECRET);
    for key_length in [KeyLength::Aes128, KeyLength::Aes192, KeyLength::Aes256] {
        soon("a connection", connect(with(Some("correct horse"), key_length))).await.unwrap();
    }
    let url = format!("{}&passphrase=correct%20horse&pbkeylen=32", running.srt_url(&key));
    let _publisher = Publisher::start(&url.replace("%20", " "));
    chat.notice("live").await;
    until(&running, "demo", |room| room["ingest"]["srt"]["encrypted"] == true).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_of_either_protocol_takes_over_from_the_other() {
    let folder = Folder::new();
    let (running, key, mut chat) = scene(&folder).await;
    let rtmp = Publisher::start(&running.publish_url(&key));
    chat.notice("live").await;
    let path = running.media_path("demo").await;
    let _srt = Publisher::start(&running.srt_url(&key));
    let said = rtmp.failure().await;
    assert!(said.contains("a newer publisher took over"), "{said}");
    until(&running, "demo", |room| {
        room["ingest"]["protocol"] == "srt" && room["ingest"]["video"].is_object()
    })
    .await;
    assert_eq!(running.media_path("demo").await, path);
    let _back = Publisher::start(&running.publish_url(&key));
    until(&running, "demo", |room| {
        room["ingest"]["protocol"] == "rtmp" && room["ingest"]["video"].is_object()
    })
    .await;
    let mut text = running.get(&path).await.text();
    let twice = async {
        while text.matches("#EXT-X-DISCONTINUITY\n").count() < 2 {
            let (msn, part) = next(&text);
            text = running.get(&format!("{path}?_HLS_msn={msn}&_HLS_part={part}")).await.text();
        }
    };
    soon("the media of both", twice).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_publisher_that_comes_back_continues_the_same_playlist() {
    let folder = Folder::new();
    let (running, key, mut chat) = scene(&folder).await;
    let publisher = Publisher::start(&running.srt_url(&key));
    chat.notice("live").await;
    let path = running.media_path("demo").await;
    publisher.kill().await;
    chat.notice("interrupted").await;
    let _back = Publisher::start(&running.srt_url(&key));
    chat.notice("live").await;
    assert_eq!(running.media_path("demo").await, path);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_ends_a_publisher_that_used_the_old_one() {
    let folder = Folder::new();
    let (running, key, mut chat) = scene(&folder).await;
    let publisher = Publisher::start(&running.srt_url(&key));
    chat.notice("live").await;
    let made = running.post("/api/v1/rooms/demo/stream-key", "").await;
    publisher.failure().await;
    assert_eq!(refused(call(&running, &format!("publish:{key}"))).await, Reason::UNAUTHORIZED);
    let new = made["stream_key"].as_str().unwrap();
    soon("a connection", connect(call(&running, &format!("publish:{new}")))).await.unwrap();
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_is_told_to_the_owner() {
    let folder = Folder::new();
    let (running, key, _) = scene(&folder).await;
    let clip = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mpeg2.ts");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=25", "-t", "1"])
        .args(["-c:v", "mpeg2video", "-f", "mpegts"])
        .arg(&clip)
        .status();
    assert!(made.await.unwrap().success());
    let connection = soon("a connection", connect(call(&running, &format!("publish:{key}")))).await.unwrap();
    for message in std::fs::read(&clip).unwrap().chunks(1_316) {
        // It may be sent away before all is there.
        let _ = connection.send(message).await;
    }
    let room = until(&running, "demo", |room| room["problem"].is_string()).await;
    assert_eq!(
        room["problem"],
        "MPEG-2 video is not supported: send H.264 or HEVC video and AAC or Opus audio"
    );
    let shown = running.get("/api/v1/rooms/demo").await.json();
    assert!(shown.get("problem").is_none(), "only for the owner");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_beyond_the_limit_are_told_so() {
    let folder = Folder::new();
    let mut config = config(&folder);
    config.limits.srt_connections = 1;
    let running = Running::start_with(&folder, Config { ..config }).await;
    let key = running.room("demo").await;
    let first = soon("a connection", connect(call(&running, &format!("publish:{key}")))).await.unwrap();
    until(&running, "demo", |room| room["ingest"]["protocol"] == "srt").await;
    assert_eq!(refused(call(&running, &format!("publish:{key}"))).await, Reason::OVERLOAD);
    drop(first);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn srt_live_transmit_and_gstreamer_go_live() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let clip = clip().await;
    let (address, clip) = (running.addresses.srt, clip.to_str().unwrap());
    for tool in ["srt-live-transmit", "gst-launch-1.0"] {
        let room = tool.split('-').next().unwrap();
        let key = running.room(room).await;
        let mut chat = Chat::join(running.addresses.http, room, "", &[]).await;
        let mut command = Command::new(tool);
        if tool == "gst-launch-1.0" {
            command.args([
                "-q",
                "filesrc",
                &format!("location={clip}"),
                "!",
                "tsparse",
                "set-timestamps=true",
            ]);
            command.args(["!", "srtsink", &format!("uri=srt://{address}"), "mode=caller"]);
            command.args([&format!("streamid=publish:{key}"), "sync=true"]);
        } else {
            let url = format!("srt://{address}?streamid=publish:{key}");
            command.args(["-q", "file://con", &url]);
        }
        // The tool that reads standard input goes on when it has ended.
        let quiet = |command: &mut Command| {
            command
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn()
        };
        let mut child = quiet(&mut command).expect("it is installed");
        let feed = async {
            let bytes = tokio::fs::read(clip).await.unwrap();
            let mut input = child.stdin.take().unwrap();
            let mut pace = tokio::time::interval(Duration::from_millis(10));
            for piece in bytes.chunks(1_316) {
                pace.tick().await;
                // The one that reads the file itself may have closed its input.
                let _ = input.write_all(piece).await;
            }
        };
        let see = async {
            chat.notice("live").await;
            until(&running, room, |room| room["ingest"]["video"].is_object()).await
        };
        let ((), seen) = tokio::join!(feed, see);
        assert_eq!(seen["ingest"]["protocol"], "srt", "{tool}");
        child.kill().await.unwrap();
    }
    running.stop().await;
}
