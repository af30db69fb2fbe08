//! A server that takes the stream and then reads nothing more, as behind a cable that was pulled.

use std::time::Duration;

use media::{MediaEvent, Packet, Span};
use publish::{CauseKind, Publisher, State};
use testkit::Source;
use tokio::net::{TcpListener, TcpStream};

use crate::again::connected_again;
use crate::server::{accept_and_stop_reading, over_tcp};
use crate::until;

/// More than the line and both systems hold.
fn overfill(publisher: &Publisher) {
    let feed = publisher.feed();
    for event in (Source { duration: Span::from_secs(2), ..Source::default() }).events() {
        // 2 s of 60 MB/s.
        let event = match event {
            MediaEvent::Packet(packet) if packet.track == Source::VIDEO => {
                let length = 1_u32 << 20;
                let kind = if packet.random_access { 0x65 } else { 0x41 };
                let mut data = (length + 1).to_be_bytes().to_vec();
                data.push(kind);
                data.resize(5 + length as usize, 0x80);
                MediaEvent::Packet(Packet { data: data.into(), ..packet })
            }
            other => other,
        };
        feed.push(&event);
    }
}

async fn stuck() -> (Publisher, tokio::task::JoinHandle<()>) {
    let (listener, publisher) = over_tcp().await;
    let server = stuck_at(&listener, &publisher).await;
    (publisher, server)
}

/// The server that took the first connection.
async fn stuck_at(listener: &TcpListener, publisher: &Publisher) -> tokio::task::JoinHandle<()> {
    let (stream, _): (TcpStream, _) = listener.accept().await.unwrap();
    let server = tokio::spawn(accept_and_stop_reading(stream));
    until(publisher, |state| matches!(state, State::Live { .. })).await;
    overfill(publisher);
    server
}

#[tokio::test]
async fn a_dead_link_does_not_hold_up_the_end() {
    let (publisher, server) = stuck().await;
    let before = tokio::time::Instant::now();
    assert!(!publisher.finish(Duration::from_millis(1_300)).await, "nobody took the end");
    assert!(before.elapsed() < Duration::from_secs(2));
    server.abort();
}

#[tokio::test]
async fn a_dead_link_is_noticed_and_tried_again() {
    let (publisher, server) = stuck().await;
    let state = until(&publisher, |state| matches!(state, State::Retrying { .. })).await;
    let State::Retrying { cause, attempt: 1, .. } = state else { panic!("{state:?}") };
    assert_eq!(cause.kind, CauseKind::Stuck);
    assert!(publisher.feed().progress().link.is_none());
    server.abort();
}

#[tokio::test]
async fn a_connection_that_carries_nothing_is_made_anew_when_the_network_is_back() {
    let (listener, publisher) = over_tcp().await;
    let first = stuck_at(&listener, &publisher).await;
    let begun = tokio::time::Instant::now();
    let stream = connected_again(&listener, &publisher).await;
    // The dead link itself would be noticed after ten seconds.
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    let second = tokio::spawn(accept_and_stop_reading(stream));
    let waited = until(&publisher, |state| matches!(state, State::Live { .. })).await;
    assert!(matches!(waited, State::Live { .. }));
    first.abort();
    second.abort();
}
