//! HTTP-FLV and WebSocket-FLV with a real publisher and real readers.

use std::net::SocketAddr;
use std::process::Stdio;

use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio_tungstenite::connect_async;

use crate::harness::{Chat, Folder, PATIENCE, Publisher, Running, soon};

/// Packets as ffprobe reads them: track type, decoding time in seconds, whether it is a key frame.
fn packets(text: &str) -> Vec<(String, f64, bool)> {
    let packets = text.lines().filter_map(|line| {
        let mut fields = line.trim_end_matches(',').split(',');
        let kind = fields.next()?.to_owned();
        Some((kind, fields.next()?.parse().ok()?, fields.next()?.contains('K')))
    });
    packets.collect()
}

async fn probe(source: &str, limits: &[&str]) -> Vec<(String, f64, bool)> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "packet=codec_type,dts_time,flags", "-of", "csv=p=0"])
        .args(limits)
        .arg(source)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = soon("ffprobe", output).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    packets(&text)
}

/// Waits until the playlist holds a segment of this number.
async fn segment(origin: &Running, msn: u64) {
    let path = origin.media_path("demo").await;
    let answer = origin.get(&format!("{path}?_HLS_msn={msn}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// Waits until the room says that it is live.
async fn live(origin: &Running, room: &str) {
    let mut chat = Chat::join(origin.addresses.http, room, "", &[]).await;
    if chat.welcome["room"]["state"] != "live" {
        chat.notice("live").await;
    }
}

fn check(packets: &[(String, f64, bool)]) {
    let video: Vec<_> = packets.iter().filter(|(kind, ..)| kind == "video").collect();
    assert!(video.len() > 30 && packets.len() > video.len(), "{} of {}", video.len(), packets.len());
    assert!(video[0].2, "the first picture is an IDR");
    for kind in ["video", "audio"] {
        let times: Vec<f64> = packets.iter().filter(|(of, ..)| of == kind).map(|(_, at, _)| *at).collect();
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{kind} rises: {times:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ffprobe_reads_the_broadcast_as_flv_from_an_idr_on() {
    let folder = Folder::new();
    let origin = Running::start(&folder).await;
    let key = origin.room("demo").await;
    let publisher = Publisher::start(&origin.publish_url(&key));
    live(&origin, "demo").await;
    let url = format!("http://{}/live/demo.flv", origin.addresses.http);
    check(&probe(&url, &["-read_intervals", "%+3"]).await);
    let missing = origin.get("/live/other.flv").await;
    assert_eq!(missing.status, 404);
    publisher.finish().await;
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_websocket_form_is_the_same_file_and_ends_with_the_broadcast() {
    let folder = Folder::new();
    let origin = Running::start(&folder).await;
    let key = origin.room("demo").await;
    let publisher = Publisher::start(&origin.publish_url(&key));
    live(&origin, "demo").await;
    let url = format!("ws://{}/live/demo.flv", origin.addresses.http);
    let (mut socket, _) = soon("the upgrade", connect_async(url)).await.unwrap();
    let mut file = Vec::new();
    while file.len() < 200_000 {
        file.extend_from_slice(&soon("a tag", socket.next()).await.unwrap().unwrap().into_data());
    }
    publisher.finish().await;
    let reason = async {
        loop {
            match socket.next().await {
                Some(Ok(tokio_tungstenite::tungstenite::Message::Close(frame))) => return frame.unwrap(),
                Some(Ok(message)) => file.extend_from_slice(&message.into_data()),
                other => panic!("{other:?}"),
            }
        }
    };
    assert_eq!(soon("the close", reason).await.reason.as_str(), "the broadcast has ended");
    let path = folder.0.join("seen.flv");
    std::fs::write(&path, file).unwrap();
    check(&probe(path.to_str().unwrap(), &[]).await);
    origin.stop().await;
}

/// Opens `/live/{room}.flv` with a small receive buffer, by hand: what is not read is not acknowledged.
async fn open(to: SocketAddr, room: &str) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut socket = socket.connect(to).await.unwrap();
    let request = format!("GET /live/{room}.flv HTTP/1.1\r\nHost: here\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_does_not_read_is_dropped_and_holds_nobody_up() {
    let folder = Folder::new();
    let origin = Running::start(&folder).await;
    let key = origin.room("demo").await;
    let publisher = Publisher::start_large(&origin.publish_url(&key));
    live(&origin, "demo").await;
    let mut slow = open(origin.addresses.http, "demo").await;
    let url = format!("http://{}/live/demo.flv", origin.addresses.http);
    check(&probe(&url, &["-read_intervals", "%+20"]).await);
    // It reads now what was on its way, and then the answer has broken off: without the last chunk.
    let mut taken = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, slow.read_to_end(&mut taken)).await;
    assert!(ended.is_ok(), "the slow viewer is still served after {} bytes", taken.len());
    assert!(!taken.ends_with(b"0\r\n\r\n"), "the slow viewer was served to the end");
    publisher.kill().await;
    origin.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_stays_when_the_publisher_returns() {
    let folder = Folder::new();
    let origin = Running::start(&folder).await;
    let key = origin.room("demo").await;
    let publisher = Publisher::start(&origin.publish_url(&key));
    live(&origin, "demo").await;
    let url = format!("http://{}/live/demo.flv", origin.addresses.http);
    let watching = tokio::spawn(async move { probe(&url, &[]).await });
    segment(&origin, 1).await;
    publisher.kill().await;
    let publisher = Publisher::start(&origin.publish_url(&key));
    segment(&origin, 4).await;
    publisher.finish().await;
    let packets = soon("the end of the broadcast", watching).await.unwrap();
    check(&packets);
    let last = packets.last().unwrap().1;
    assert!(last > 4.0, "it ends at {last} s: the second publisher was not seen");
    origin.stop().await;
}
