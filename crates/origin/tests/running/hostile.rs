//! One bad peer ends its own connection and touches nobody else.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{Chat, Folder, Publisher, Running, next, soon};

/// Sessions in a usual run; the long run of the whole program's tests has more.
const SESSIONS: usize = 300;

#[tokio::test]
async fn a_request_without_a_host_is_refused() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let mut socket = TcpStream::connect(running.addresses.http).await.unwrap();
    socket.write_all(b"GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    soon("the answer", socket.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("problem+json"), "{answer}");
    running.stop().await;
}

#[tokio::test]
async fn garbage_on_every_port_leaves_another_stream_going() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let key = running.room("demo").await;
    let mut chat = Chat::join(running.addresses.http, "demo", "", &[]).await;
    let _publisher = Publisher::start(&running.publish_url(&key));
    chat.notice("live").await;
    let path = running.media_path("demo").await;
    let (before, _) = next(&running.get(&path).await.text());
    let mut random = StdRng::seed_from_u64(11);
    for number in 0..SESSIONS {
        let to = if number % 4 == 0 { running.addresses.http } else { running.addresses.rtmp };
        let bytes = garbage(&mut random, &key);
        soon("a session of garbage", async {
            let mut socket = TcpStream::connect(to).await.unwrap();
            // The origin may close before it has taken all.
            let _ = socket.write_all(&bytes).await;
            let _ = socket.shutdown().await;
            let mut rest = Vec::new();
            let _ = socket.read_to_end(&mut rest).await;
        })
        .await;
    }
    let mut text = running.get(&path).await.text();
    let goes_on = async {
        while next(&text).0 <= before + 1 {
            let (msn, part) = next(&text);
            text = running.get(&format!("{path}?_HLS_msn={msn}&_HLS_part={part}")).await.text();
        }
    };
    soon("media after the garbage", goes_on).await;
    assert!(!text.contains("#EXT-X-DISCONTINUITY\n"), "the stream was cut:\n{text}");
    running.stop().await;
}

/// A session that gets as far as its damage lets it. It never carries the real key.
fn garbage(random: &mut StdRng, key: &str) -> Vec<u8> {
    let mut bytes = vec![0_u8; 1 + 2 * 1_536];
    bytes[0] = if random.random_bool(0.9) { 3 } else { random.random() };
    let connect = b"\x02\x00\x07connect\x00\x3f\xf0\0\0\0\0\0\0\x03\0\x03app\x02\0\x04live\0\0\x09";
    bytes.extend([3, 0, 0, 0, 0, 0, connect.len() as u8, 20, 0, 0, 0, 0]);
    bytes.extend(connect);
    for _ in 0..random.random_range(0..40) {
        match random.random_range(0..4) {
            // An array that announces four thousand million values, inside a command.
            0 => bytes
                .extend(b"\x03\0\0\0\0\0\x10\x14\0\0\0\0\x02\0\x01x\0\0\0\0\0\0\0\0\0\x0a\xff\xff\xff\xff"),
            1 => bytes.extend([random.random(), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, random.random()]),
            _ => bytes.extend((0..random.random_range(1..200)).map(|_| random.random::<u8>())),
        }
    }
    assert!(!bytes.windows(key.len()).any(|window| window == key.as_bytes()));
    bytes
}
