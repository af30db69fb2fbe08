//! Wrong keys, rubbish on every port, ports that are taken: each is refused in words, and nobody else notices.

use std::net::{SocketAddr, TcpListener};
use std::process::Command;

use rand::{Rng, RngCore, SeedableRng, rngs::StdRng};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::chat::Chat;
use crate::harness::environment::program;
use crate::harness::machine::beside_others;
use crate::harness::process::Process;
use crate::harness::publisher::push_pattern;
use crate::harness::server::Server;
use crate::harness::viewer::Viewer;
use crate::harness::wait::seconds;

/// Connections of rubbish to each port.
const ATTEMPTS: u64 = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_stream_key_is_refused_in_words() {
    let refused = async {
        let server = Server::start().await;
        server.room("keyed").await;
        let mut publisher = push_pattern(&server.rtmp_url("notthekeyofanyroom"));
        let status = publisher.wait(seconds(45)).await;
        let said = publisher.output();
        println!("ffmpeg says: {said}");
        assert!(!status.success(), "FFmpeg takes the refusal for success:\n{said}");
        assert!(
            said.to_lowercase().contains("stream key"),
            "the refusal does not name the stream key:\n{said}"
        );
        assert_eq!(server.describe("keyed").await["state"], "offline");
    };
    beside_others(seconds(180), refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rubbish_on_every_port_leaves_another_stream_untouched() {
    beside_others(seconds(300), rubbish()).await;
}

async fn rubbish() {
    let server = Server::start().await;
    let room = server.room("quiet").await;
    let _publisher = push_pattern(&server.rtmp_url(&room.key));
    server.live(&room.room).await;
    let mut viewer = Viewer::join(&server.http, &server.playlist_url(&room.room)).await;
    let mut friend = Chat::join(server.http_address, &room.room, "Friend").await;
    assert!(friend.frame("welcome").await.is_some(), "the chat does not welcome a guest");

    let storm = tokio::join!(rtmp_rubbish(server.rtmp_address), http_rubbish(server.http_address), async {
        for seed in 0..ATTEMPTS / 2 {
            chat_rubbish(server.http_address, &room.room, seed).await;
        }
    });
    let _: ((), (), ()) = storm;
    let parts = |viewer: &Viewer| viewer.runs.iter().map(|run| run.parts).sum::<usize>();
    let before = parts(&viewer);
    for _ in 0..6 {
        assert!(viewer.advance().await, "no new part came after the rubbish");
    }
    assert!(parts(&viewer) > before, "no new part was received after the rubbish");
    assert_eq!(viewer.runs.len(), 1, "the stream was interrupted");
    assert_eq!(server.describe(&room.room).await["state"], "live");

    let line = r#"{"type":"send","id":"c1","text":"still here"}"#;
    friend.send(Message::text(line)).await;
    let message = friend.frame("message").await.expect("the other member's chat is still open");
    assert_eq!(message["text"], "still here");
}

/// Random bytes; a handshake and then random bytes; a handshake and a chunk that claims 16 MiB.
async fn rtmp_rubbish(address: SocketAddr) {
    for seed in 0..ATTEMPTS {
        let mut random = StdRng::seed_from_u64(seed);
        let mut bytes = vec![0; random.random_range(1..6000)];
        random.fill_bytes(&mut bytes);
        match seed % 3 {
            0 => send(address, &bytes).await,
            kind => {
                let mut session = vec![3];
                session.resize(1 + 1536 + 1536, 0);
                if kind == 1 {
                    session.extend(&bytes);
                } else {
                    // Chunk stream 3, type 0, no time, a length of 0xff_ffff, message type 9, stream 1; then little of it.
                    session.extend([3, 0, 0, 0, 0xff, 0xff, 0xff, 9, 1, 0, 0, 0]);
                    session.extend(&bytes[..bytes.len().min(128)]);
                }
                send(address, &session).await;
            }
        }
    }
}

async fn http_rubbish(address: SocketAddr) {
    for seed in 0..ATTEMPTS {
        let mut random = StdRng::seed_from_u64(1000 + seed);
        let mut bytes = vec![0; random.random_range(1..4000)];
        random.fill_bytes(&mut bytes);
        let request = match seed % 5 {
            0 => bytes,
            1 => format!("GET /live/{} HTTP/1.1\r\nhost: x\r\n\r\n", "../".repeat(2000)).into_bytes(),
            2 => format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(200_000)).into_bytes(),
            3 => b"POST /api/v1/rooms HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n{".to_vec(),
            _ => b"GET /live/quiet/main/index.m3u8?_HLS_msn=-1&_HLS_part=99999999999999999999 HTTP/1.1\r\nhost: x\r\n\r\n"
                .to_vec(),
        };
        send(address, &request).await;
    }
}

/// Frames that no chat client sends; the origin may close, and must not fall.
async fn chat_rubbish(address: SocketAddr, room: &str, seed: u64) {
    let mut random = StdRng::seed_from_u64(2000 + seed);
    let mut bytes = vec![0; random.random_range(1..2000)];
    random.fill_bytes(&mut bytes);
    let mut chat = Chat::join(address, room, &format!("Rubbish{seed}")).await;
    let message = match seed % 6 {
        0 => Message::binary(bytes),
        1 => Message::text("{"),
        2 => Message::text("[".repeat(60_000)),
        3 => Message::text(r#"{"type":"send","id":7,"text":{"a":[]}}"#),
        4 => Message::text(format!(r#"{{"type":"send","id":"c","text":"{}"}}"#, "x".repeat(3_000_000))),
        _ => Message::text(r#"{"type":"resume","epoch":"nothing","seq":18446744073709551615}"#),
    };
    chat.send(message).await;
}

/// Sends bytes, then reads whatever comes until the origin closes or a moment has passed.
async fn send(address: SocketAddr, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).await.expect("the origin still accepts");
    // It may close at any byte.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(seconds(2), stream.read_to_end(&mut answer)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_in_use_gives_one_clear_line_and_exit_code_1() {
    let tried = async {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let taken = taken.local_addr().map(|address| (address, taken)).expect("a bound listener");
        for (flag, other) in [("--http", "--rtmp"), ("--rtmp", "--http")] {
            let data = TempDir::new().expect("a temporary folder");
            let mut command = Command::new(program("ROSTRUM_ORIGIN_BIN", "rostrum-origin"));
            command
                .args(["serve", flag, &taken.0.to_string(), other, "127.0.0.1:0", "--data"])
                .arg(data.path());
            let mut origin = Process::start("rostrum-origin", &mut command);
            let status = origin.wait(seconds(45)).await;
            let said = origin.printed(true);
            assert_eq!(status.code(), Some(1), "{flag}: {said:?}");
            assert!(origin.printed(false).is_empty(), "{flag}: {:?}", origin.printed(false));
            assert_eq!(said.len(), 1, "{flag}: one line was to be said: {said:#?}");
            assert!(said[0].contains(&taken.0.to_string()), "{flag}: the address is not named: {said:?}");
            assert!(said[0].contains("in use"), "{flag}: it is not said why: {said:?}");
        }
    };
    beside_others(seconds(180), tried).await;
}
