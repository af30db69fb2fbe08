//! Hostile text and frames in a chat: what comes of them, and what they cost.

use serde_json::{Value, json};

use crate::harness::{Chat, Folder};
use crate::interaction::Class;
use crate::program::Program;

/// Texts that would like to be more than text; the browser's test has the same ones.
fn corpus() -> Vec<String> {
    serde_json::from_str(include_str!("../../../../tests/testdata/hostile_text.json")).unwrap()
}

/// Frames that no page sends.
fn bad_frames() -> Vec<Value> {
    vec![
        json!({"type": "send", "id": 7, "text": "x"}),
        json!({"type": "send", "id": "c", "text": {"a": []}}),
        json!({"type": "send", "id": "x".repeat(65), "text": "x"}),
        json!({"type": "send", "id": "c", "text": "x", "danmaku": {"color": "red; background: url(x)"}}),
        json!({"type": "send", "id": "c", "text": "x", "reply_to": -1}),
        json!({"type": "vote", "id": "c", "poll": 1, "choices": [256]}),
        json!({"type": "like", "count": 99_999_999_999_u64}),
        json!({"type": "welcome"}),
        json!([]),
        json!(null),
    ]
}

/// A megabyte of text.
fn long_frame() -> Value {
    json!({"type": "send", "id": "c", "text": "x".repeat(1 << 20)})
}

#[tokio::test]
async fn hostile_text_and_frames_are_answered_and_reach_nobody_as_more_than_text() {
    let folder = Folder::new();
    let class = Class::start(&folder).await;
    let mut watcher = class.owner().await;
    for (number, text) in corpus().iter().enumerate() {
        let mut writer = class.guest("Eve").await;
        writer.send(&json!({"type": "send", "id": "c", "text": text})).await;
        writer.next("ack").await;
        let seen = watcher.next("message").await;
        let seen = seen["text"].as_str().unwrap();
        let hidden = |character: char| {
            character.is_control()
                || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        };
        assert!(!seen.chars().any(hidden), "{number}: {seen:?}");
        let marks = seen.chars().filter(|mark| matches!(mark, '\u{300}'..='\u{36f}')).count();
        assert!(marks <= 4, "{number}: {marks} marks on one letter");
    }
    let mut writer = class.guest("Eve").await;
    for frame in bad_frames() {
        writer.send(&frame).await;
        assert_eq!(writer.next("error").await["code"], "bad_frame", "{frame}");
    }
    let mut long = class.guest("Eve").await;
    assert_eq!(long.refused(&long_frame()).await, 1009, "too long a frame is told so");
    // That connection is closed; the room goes on.
    let mut after = class.guest("Ada").await;
    after.send(&json!({"type": "send", "id": "c", "text": "still here"})).await;
    after.next("ack").await;
    class.running.stop().await;
}

/// Connections that send all of it, until the memory is looked at first, and after that.
const ROUNDS: [usize; 2] = [30, 150];
/// What an allocator keeps back, and a log that grows: each round leaves its lines there. Bytes.
const GROWTH_MAX: u64 = 24 << 20;

#[tokio::test]
async fn hostile_text_and_frames_leave_the_origins_memory_bounded() {
    let folder = Folder::new();
    let program = Program::start(&folder).await;
    program.post("/api/v1/rooms", &json!({"room": "demo"})).await;
    let mut sizes = Vec::new();
    for rounds in ROUNDS {
        for round in 0..rounds {
            hostile_round(&program, round).await;
        }
        sizes.push(program.resident());
    }
    assert!(sizes[1] < sizes[0] + GROWTH_MAX, "resident after {ROUNDS:?} rounds: {sizes:?} bytes");
    let mut after = Chat::join(program.http, "demo", "?name=Ada", &[]).await;
    after.send(&json!({"type": "send", "id": "c", "text": "still here"})).await;
    after.next("ack").await;
    program.kill().await;
}

/// One connection that writes as much of the corpus as it may and every bad frame, and one with a frame of a megabyte.
async fn hostile_round(program: &Program, round: usize) {
    let mut eve = Chat::join(program.http, "demo", "?name=Eve", &[]).await;
    let texts = corpus();
    for number in 0..4 {
        let text = &texts[(round * 4 + number) % texts.len()];
        eve.send(&json!({"type": "send", "id": format!("c{number}"), "text": text})).await;
        eve.next("ack").await;
    }
    for frame in bad_frames() {
        eve.send(&frame).await;
        eve.next("error").await;
    }
    let mut long = Chat::join(program.http, "demo", "?name=Eve", &[]).await;
    assert_eq!(long.refused(&long_frame()).await, 1009, "round {round}");
}
