//! A server that says no, one that talks nonsense, and one that does not talk.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use publish::{KeyframeRequest, Publisher, State, Target};
use rml_rtmp::handshake::{Handshake, HandshakeProcessResult, PeerType};
use rml_rtmp::sessions::{ServerSession, ServerSessionConfig, ServerSessionEvent, ServerSessionResult};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn publisher() -> (TcpListener, Publisher) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("rtmp://{}/live/secret-key", listener.local_addr().unwrap());
    let target = Target::parse(&url, None).unwrap();
    (listener, Publisher::start("test".into(), target, KeyframeRequest::new()))
}

async fn until(publisher: &Publisher, reached: impl Fn(&State) -> bool) -> State {
    let mut state = publisher.state();
    let waited = tokio::time::timeout(Duration::from_secs(30), state.wait_for(|state| reached(state)));
    waited.await.expect("within half a minute").unwrap().clone()
}

/// Accepts the application and refuses every key.
async fn refuse(mut stream: TcpStream) {
    let mut handshake = Handshake::new(PeerType::Server);
    stream.write_all(&handshake.generate_outbound_p0_and_p1().unwrap()).await.unwrap();
    let mut buffer = [0; 4_096];
    let mut rest = loop {
        let read = stream.read(&mut buffer).await.unwrap();
        match handshake.process_bytes(&buffer[..read]).unwrap() {
            HandshakeProcessResult::InProgress { response_bytes } => {
                stream.write_all(&response_bytes).await.unwrap()
            }
            HandshakeProcessResult::Completed { response_bytes, remaining_bytes } => {
                stream.write_all(&response_bytes).await.unwrap();
                break remaining_bytes;
            }
        }
    };
    let (mut session, mut results) = ServerSession::new(ServerSessionConfig::new()).unwrap();
    loop {
        results.extend(session.handle_input(&rest).unwrap());
        for result in std::mem::take(&mut results) {
            match result {
                ServerSessionResult::OutboundResponse(packet) => {
                    stream.write_all(&packet.bytes).await.unwrap()
                }
                ServerSessionResult::RaisedEvent(ServerSessionEvent::ConnectionRequested {
                    request_id,
                    ..
                }) => {
                    results.extend(session.accept_request(request_id).unwrap());
                }
                ServerSessionResult::RaisedEvent(ServerSessionEvent::PublishStreamRequested {
                    request_id,
                    ..
                }) => {
                    let refused =
                        session.reject_request(request_id, "NetStream.Publish.BadName", "No such key.");
                    results.extend(refused.unwrap());
                }
                _ => {}
            }
        }
        if !results.is_empty() {
            rest.clear();
            continue;
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => rest = buffer[..read].to_vec(),
        }
    }
}

#[tokio::test]
async fn a_refused_key_is_final_and_told_in_the_servers_words() {
    let (listener, publisher) = publisher().await;
    let (stream, _) = listener.accept().await.unwrap();
    let server = tokio::spawn(refuse(stream));
    let State::Failed { reason } = until(&publisher, State::is_final).await else { panic!("it must fail") };
    assert_eq!(reason, "the server refuses the stream key: No such key.");
    assert!(!reason.contains("secret-key"));
    server.abort();
}

#[tokio::test]
async fn nonsense_is_tried_again_and_hurts_nobody() {
    let (listener, publisher) = publisher().await;
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    drop(stream);
    let state = until(&publisher, |state| matches!(state, State::Retrying { .. })).await;
    assert!(matches!(state, State::Retrying { attempt: 1, .. }), "{state:?}");
    assert!(publisher.finish(Duration::from_secs(1)).await);
}

#[tokio::test]
async fn a_server_that_says_nothing_does_not_hold_up_the_end() {
    let (listener, publisher) = publisher().await;
    let _silent = listener.accept().await.unwrap();
    let before = tokio::time::Instant::now();
    publisher.finish(Duration::from_secs(1)).await;
    assert!(before.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_given_up_after_ten_seconds() {
    let (listener, publisher) = publisher().await;
    let _silent = listener.accept().await.unwrap();
    let State::Retrying { reason, .. } =
        until(&publisher, |state| matches!(state, State::Retrying { .. })).await
    else {
        panic!("it must try again")
    };
    assert_eq!(reason, "the server did not answer within 10 s");
}
