//! Somebody asks to try now, or the network is back: nobody waits for the clock.

use std::time::Duration;

use publish::{Publisher, State};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use crate::server::{accept_and_stop_reading, over_tcp};
use crate::until;

/// Reports that the network is back, again and again, until the publisher connects.
pub async fn connected_again(listener: &TcpListener, publisher: &Publisher) -> TcpStream {
    let again = async {
        loop {
            publisher.retry_now();
            if let Ok(accepted) = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await {
                return accepted.expect("a bound listener accepts").0;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), again).await.expect("within half a minute")
}

#[tokio::test]
async fn try_now_publishes_before_the_back_off_ends() {
    let (listener, publisher) = over_tcp().await;
    // Three times nobody is there: the fourth try is 3.2 s away or more.
    for attempt in 1..=3 {
        drop(listener.accept().await.unwrap());
        until(&publisher, |state| matches!(state, State::Retrying { attempt: now, .. } if *now == attempt))
            .await;
    }
    let State::Retrying { at: due, .. } = *publisher.state().borrow() else { panic!("it waits") };
    publisher.retry_now();
    let (stream, _) = listener.accept().await.unwrap();
    let server = tokio::spawn(accept_and_stop_reading(stream));
    until(&publisher, |state| matches!(state, State::Live { .. })).await;
    assert!(Instant::now().into_std() < due, "it waited for the back-off");
    server.abort();
}

#[tokio::test]
async fn a_try_that_hangs_is_begun_anew_when_the_network_is_back() {
    let (listener, publisher) = over_tcp().await;
    let (_silent, _) = listener.accept().await.unwrap();
    let begun = Instant::now();
    let stream = connected_again(&listener, &publisher).await;
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    let server = tokio::spawn(accept_and_stop_reading(stream));
    until(&publisher, |state| matches!(state, State::Live { .. })).await;
    server.abort();
}
