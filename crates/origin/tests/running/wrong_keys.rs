//! Whoever shows many wrong stream keys has to wait, in whichever protocol.

use std::time::Duration;

use srt::{Call, Error, Reason, connect};

use crate::harness::{Folder, Publisher, Running, ask, soon};

const SESSION: &str = "/api/v1/rooms/demo/ingest-session";

async fn show(running: &Running, key: &str) -> (u16, String) {
    let bearer = format!("Bearer {key}");
    let answer = ask(running.addresses.http, "POST", SESSION, &[("authorization", &bearer)], "").await;
    (answer.status, answer.header("retry-after").to_owned())
}

async fn srt_refusal(running: &Running, key: &str) -> Reason {
    let call = Call::new(running.addresses.srt, format!("publish:{key}"));
    match soon("a refusal", connect(call)).await {
        Err(Error::Refused(reason)) => reason,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_wrong_keys_over_all_protocols_are_let_pass_and_then_no_key_is_looked_at() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let key = running.room("demo").await;
    for _ in 0..30 {
        assert_eq!(show(&running, "an-old-key").await.0, 401, "the same key counts once");
    }
    for number in 0..17 {
        assert_eq!(show(&running, &format!("guess-{number}")).await.0, 401);
    }
    assert_eq!(srt_refusal(&running, "guess-by-srt").await, Reason::UNAUTHORIZED);
    let said = Publisher::start(&running.publish_url("guess-by-rtmp")).failure().await;
    assert!(said.contains("unknown stream key"), "{said}");
    assert_eq!(show(&running, &key).await.0, 204, "the twentieth costs nothing yet");
    // After delays of 1, 2, 4 and 8 s one of 16 s, long enough for what follows on a busy machine.
    for number in 20..25 {
        let shown = async {
            while show(&running, &format!("guess-{number}")).await.0 == 429 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        soon("the end of a delay", shown).await;
    }
    let (status, wait) = show(&running, &key).await;
    assert_eq!(status, 429, "the right one neither");
    assert!((1..=16).contains(&wait.parse::<u64>().unwrap()), "{wait}");
    assert_eq!(srt_refusal(&running, &key).await, Reason::OVERLOAD);
    let said = Publisher::start(&running.publish_url(&key)).failure().await;
    assert!(said.contains("too many wrong stream keys from this address"), "{said}");
    assert_eq!(running.get("/healthz").await.status, 200, "everything else is open");
    running.stop().await;
}
