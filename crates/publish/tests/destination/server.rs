//! An RTMP server of the tests' own, and a publisher to it.

use publish::{KeyframeRequest, Publisher, Target};
use rml_rtmp::handshake::{Handshake, HandshakeProcessResult, PeerType};
use rml_rtmp::sessions::{ServerSession, ServerSessionConfig, ServerSessionEvent, ServerSessionResult};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::begin;

/// A port, and a publisher that connects to it.
pub async fn over_tcp() -> (TcpListener, Publisher) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("rtmp://{}/live/secret-key", listener.local_addr().unwrap());
    let target = Target::parse(&url, None).unwrap();
    (listener, begin(Publisher::start("test".into(), target, KeyframeRequest::new())))
}

/// Accepts the application and refuses every key.
pub async fn refuse(stream: impl AsyncRead + AsyncWrite + Unpin) {
    talk(stream, false).await;
}

/// Accepts every key, and reads from then on no more.
pub async fn accept_and_stop_reading(stream: impl AsyncRead + AsyncWrite + Unpin) {
    talk(stream, true).await;
}

/// Talks until the key is answered; for ever when it is accepted.
async fn talk(mut stream: impl AsyncRead + AsyncWrite + Unpin, accepts: bool) {
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
                }) if accepts => {
                    for result in session.accept_request(request_id).unwrap() {
                        let ServerSessionResult::OutboundResponse(packet) = result else { continue };
                        stream.write_all(&packet.bytes).await.unwrap();
                    }
                    // The connection stays open, and nothing is read from it.
                    return std::future::pending().await;
                }
                ServerSessionResult::RaisedEvent(ServerSessionEvent::PublishStreamRequested {
                    request_id,
                    ..
                }) => {
                    let refused = session.reject_request(
                        request_id,
                        "NetStream.Publish.BadName",
                        "No such key: secret-key.",
                    );
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
