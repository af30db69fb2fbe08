use std::time::Duration;

use rooms::Name;
use tokio::time::timeout;

use super::*;
use crate::config::{Config, Limits};
use crate::secret::{self, Digest};
use crate::store::NewRoom;

/// A room in a store of its own; the folder is removed at the end.
struct Place {
    folder: std::path::PathBuf,
    shared: Arc<Shared>,
    record: RoomRecord,
}

impl Place {
    async fn new(limits: Limits) -> Place {
        let folder = std::env::temp_dir().join(format!("rostrum-people-{}", secret::random()));
        std::fs::create_dir(&folder).unwrap();
        let store = Store::open(&folder.join("rostrum.db")).unwrap();
        let new =
            NewRoom { slug: "demo".parse().unwrap(), title: "Demo".to_owned(), owner: None, record: false };
        let record = store.create_room(new, "key".to_owned(), 1).await.unwrap();
        let config = Config { limits, ..Config::default() };
        let address = "127.0.0.1:1".parse().unwrap();
        let addresses =
            crate::Addresses { http: address, rtmp: address, srt: address, https: None, rtmps: None };
        let shared = Shared::new(config, store, addresses, Digest::of("t"));
        Place { folder, shared, record }
    }

    fn room(&self) -> Handle {
        self.shared.people.open(&self.record, &self.shared)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.shutdown.cancel();
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

fn person(number: usize) -> Person {
    Person { id: format!("g{number}"), name: Name::guest("Ada").unwrap(), roles: Vec::new() }
}

fn arrival(number: usize) -> Arrival {
    Arrival { person: person(number), address: None, player: None, told_apart: false, wire: None }
}

fn said(id: &str) -> In {
    In::Send { id: id.to_owned(), text: "hi".to_owned(), reply_to: None, danmaku: None }
}

/// The next frame, once it is due; it counts as written.
async fn received(member: &mut Member) -> Option<String> {
    let mut batch = Vec::new();
    let due = member.frames.recv_many(&mut batch, 1);
    let count = timeout(Duration::from_secs(20), due).await.expect("a frame, or the end, in time");
    member.frames.done(count);
    batch.pop().map(|due| match due {
        Due::Write(text) => text.to_string(),
        Due::Flush => unreachable!("there is no socket"),
    })
}

/// Takes frames until one holds `wanted`.
async fn until(member: &mut Member, wanted: &str) {
    while !received(member).await.expect("the member stays").contains(wanted) {}
}

#[tokio::test]
async fn a_member_that_takes_nothing_is_let_go_and_the_others_stay() {
    let place = Place::new(Limits::default()).await;
    let room = place.room();
    let mut slow = room.join(arrival(0)).await.unwrap();
    let mut watcher = room.join(arrival(1)).await.unwrap();
    // Each says one thing, so that nobody is slowed; together it is more than a member's queue holds.
    for number in 2..queue::FRAMES_WAITING_MAX + 10 {
        let mut talker = room.join(arrival(number)).await.unwrap();
        let send = said(&format!("c{number}"));
        talker.hand_in(send).await.unwrap();
        until(&mut talker, "\"ack\"").await;
        until(&mut watcher, &format!("\"id\":\"c{number}\"")).await;
        talker.leave().await;
    }
    let mut taken = 0;
    while received(&mut slow).await.is_some() {
        taken += 1;
    }
    assert_eq!(taken, queue::FRAMES_WAITING_MAX);
    assert!(slow.frames.was_too_slow());
    assert!(!watcher.frames.was_too_slow());
}

#[tokio::test]
async fn a_full_room_lets_nobody_in_until_somebody_leaves() {
    let place = Place::new(Limits { chat_connections_per_room: 1, ..Limits::default() }).await;
    let room = place.room();
    let first = room.join(arrival(0)).await.unwrap();
    assert_eq!(room.join(arrival(1)).await.unwrap_err(), JoinError::Full);
    first.leave().await;
    assert!(room.join(arrival(1)).await.is_ok());
}

#[tokio::test]
async fn a_member_whose_task_died_is_no_ghost() {
    let place = Place::new(Limits::default()).await;
    let room = place.room();
    let dead = room.join(arrival(0)).await.unwrap();
    let mut watcher = room.join(arrival(1)).await.unwrap();
    until(&mut watcher, "\"presence\",\"viewers\":2").await;
    drop(dead);
    // The next frame for everybody finds out, and the count follows.
    watcher.hand_in(said("c1")).await.unwrap();
    until(&mut watcher, "\"presence\",\"viewers\":1").await;
}
