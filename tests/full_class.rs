//! A class of five hundred, as the one who teaches sees it.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::chat::Chat;
use crate::harness::machine::alone;
use crate::harness::room_page::{LIMIT, Page, host};
use crate::harness::server::Server;
use crate::harness::wait::{seconds, until};

const STUDENTS: usize = 500;
/// Those who raise their hands.
const HANDS: usize = 60;
/// The page may be busy for so long at a time, on a machine that runs the class too. Milliseconds: what is pressed is felt as
/// slow beyond 100.
const TASK_MAX_MS: u64 = 200;
/// Lines that are said while the one who teaches works, by one student each.
const LINES: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_teacher_keeps_order_among_five_hundred() {
    alone(seconds(400), async {
        let server = Server::start().await;
        let room = server.owner.room.to_string();
        let rules = server.url(&format!("/api/v1/rooms/{room}/chat/settings"));
        let class = server.http.patch_as(&server.owner.token, &rules, &json!({"class": true})).await;
        assert!(class.status.is_success(), "{}", class.text());
        let mut students = Vec::new();
        for number in 0..STUDENTS {
            students.push(Chat::join(server.http_address, &room, &format!("Student{number:03}")).await);
        }
        let host = host(&server).await;
        host.session().run(WATCH_TASKS, vec![]).await;
        host.tool("people").await;
        host.tells("people-count", &format!("{STUDENTS} here")).await;
        assert_eq!(host.counts("[data-testid=attendee][data-state=here]").await, STUDENTS as u64);

        for student in &mut students[..HANDS] {
            say(student, json!({"type": "hand", "up": true})).await;
            assert!(student.frame("place").await.is_some());
        }
        host.tool("hands").await;
        until("all hands", LIMIT, async || {
            (host.counts("[data-testid=hand]").await == HANDS as u64).then_some(())
        })
        .await;
        assert_eq!(first_hand(&host).await, "Student000", "who raised it first is first");

        // The teacher goes through the queue while the class talks.
        for (number, student) in students[..LINES].iter_mut().enumerate() {
            let line = json!({"type": "send", "id": format!("c{number}"), "text": format!("line {number}")});
            say(student, line).await;
            if number % 20 == 0 {
                let before = host.counts("[data-testid=hand]").await;
                let first = first_hand(&host).await;
                host.press("[data-testid=hand-lower]").await;
                until("one hand less, and the next one first", LIMIT, async || {
                    let fewer = host.counts("[data-testid=hand]").await < before;
                    (fewer && first_hand(&host).await != first).then_some(())
                })
                .await;
            }
        }
        host.tells("chat-message", &format!("line {}", LINES - 1)).await;
        // Whoever reads along is still at the end.
        until("the end of the log", LIMIT, async || {
            (host.counts("[data-testid=chat-newer]").await == 0).then_some(())
        })
        .await;
        host.picture("class-of-500.png").await;
        let longest = host.session().run("return window.__longest", vec![]).await;
        println!("the longest task of the teacher's page: {longest} ms");
        let longest = longest.as_u64().expect("milliseconds");
        assert!(longest <= TASK_MAX_MS, "the teacher's page did not answer for {longest} ms");

        drop(students);
        host.tool("people").await;
        host.tells("people-count", "0 here").await;
    })
    .await;
}

async fn say(student: &mut Chat, frame: Value) {
    student.send(Message::text(frame.to_string())).await;
}

/// Who is first in the queue.
async fn first_hand(host: &Page) -> String {
    let script = "return document.querySelector('[data-testid=hand] .cut')?.innerText ?? ''";
    host.session().run(script, vec![]).await.as_str().unwrap_or_default().to_owned()
}

/// Keeps how long the page was busy without a pause, at the longest; what is shorter than 50 ms is not told.
const WATCH_TASKS: &str = "window.__longest = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((task) => {
        window.__longest = Math.max(window.__longest, Math.round(task.duration));
    })).observe({ type: 'longtask' });";
