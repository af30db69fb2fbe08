//! A server that says no, one that talks nonsense, and one that does not talk.

use std::time::Duration;

use publish::{Cause, CauseKind, State};
use tokio::io::AsyncWriteExt;

use crate::server::{over_tcp, refuse};
use crate::until;

#[tokio::test]
async fn a_refused_key_is_final_and_told_in_the_servers_words_without_the_key() {
    let (listener, publisher) = over_tcp().await;
    let (stream, _) = listener.accept().await.unwrap();
    let server = tokio::spawn(refuse(stream));
    let State::Failed { cause } = until(&publisher, State::is_final).await else { panic!("it must fail") };
    assert_eq!(cause, Cause { kind: CauseKind::KeyRefused, said: "No such key: ….".to_owned() });
    server.abort();
}

#[tokio::test]
async fn nonsense_is_tried_again_and_hurts_nobody() {
    let (listener, publisher) = over_tcp().await;
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    drop(stream);
    let state = until(&publisher, |state| matches!(state, State::Retrying { .. })).await;
    assert!(matches!(state, State::Retrying { attempt: 1, .. }), "{state:?}");
    assert!(publisher.finish(Duration::from_secs(1)).await);
}

#[tokio::test]
async fn a_server_that_says_nothing_does_not_hold_up_the_end() {
    let (listener, publisher) = over_tcp().await;
    let _silent = listener.accept().await.unwrap();
    let before = tokio::time::Instant::now();
    publisher.finish(Duration::from_secs(1)).await;
    assert!(before.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_given_up_after_ten_seconds() {
    let (listener, publisher) = over_tcp().await;
    let _silent = listener.accept().await.unwrap();
    let State::Retrying { cause, .. } =
        until(&publisher, |state| matches!(state, State::Retrying { .. })).await
    else {
        panic!("it must try again")
    };
    assert_eq!(cause.kind, CauseKind::NoAnswer);
}
