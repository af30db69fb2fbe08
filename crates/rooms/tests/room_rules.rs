//! The rules of a room, from the outside.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use rooms::frame::{ErrorCode, In, NoticeCode, Out, Person, Role, State};
use rooms::{Command, ConnectionId, Effect, Entry, Floor, Name, Room, Settings, TRANSCRIPT_ENTRIES, Time};

const EPOCH: &str = "e1";

fn at(milliseconds: u64) -> Time {
    Time { monotonic: Duration::from_millis(milliseconds), unix_ms: 1_000_000 + milliseconds as i64 }
}

fn room(tail: Vec<Entry>) -> Room {
    Room::new(Settings {
        slug: "demo".parse().unwrap(),
        title: "Demo".to_owned(),
        owner: Some("mara".to_owned()),
        epoch: EPOCH.to_owned(),
        last_seq: 0,
        floor: Floor::default(),
        since: tail.clone(),
        tail,
    })
}

fn guest(id: &str) -> Person {
    Person { id: id.to_owned(), name: Name::guest("Ada").unwrap(), roles: vec![Role::Guest] }
}

fn effects(room: &mut Room, now: Time, command: Command) -> Vec<Effect> {
    room.handle_input(now, command);
    std::iter::from_fn(|| room.poll_output()).collect()
}

fn join(room: &mut Room, now: Time, connection: ConnectionId, person: Person) -> Vec<Effect> {
    effects(room, now, Command::Join { connection, person, player: None, address: None })
}

fn send(room: &mut Room, now: Time, connection: ConnectionId, id: &str, text: &str) -> Vec<Effect> {
    let frame = In::Send { id: id.to_owned(), text: text.to_owned(), reply_to: None, danmaku: None };
    effects(room, now, Command::Frame { connection, frame })
}

fn error_code(effects: &[Effect]) -> Option<ErrorCode> {
    effects.iter().find_map(|effect| match effect {
        Effect::To(_, Out::Error { code, .. }) => Some(*code),
        _ => None,
    })
}

#[test]
fn acknowledgement_and_fan_out_come_after_the_commit() {
    let mut room = room(Vec::new());
    join(&mut room, at(0), 1, guest("a"));
    let sent = send(&mut room, at(1), 1, "c1", " hi ");
    let [Effect::Persist(entry)] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(entry.seq, 1);
    let committed = effects(&mut room, at(2), Command::Committed { seq: 1 });
    assert_eq!(committed[0], Effect::To(1, Out::Ack { id: "c1".to_owned(), seq: 1, held: false }));
    let Effect::ToAll(Out::Message { seq: 1, text, .. }) = &committed[1] else { panic!("{committed:?}") };
    assert_eq!(text, "hi");
}

#[test]
fn a_repeated_id_is_acknowledged_again_and_said_once() {
    let mut room = room(Vec::new());
    join(&mut room, at(0), 1, guest("a"));
    send(&mut room, at(1), 1, "c1", "hi");
    assert_eq!(send(&mut room, at(2), 1, "c1", "hi"), []);
    let committed = effects(&mut room, at(3), Command::Committed { seq: 1 });
    assert_eq!(committed.iter().filter(|effect| matches!(effect, Effect::To(..))).count(), 1);
    let ack = Effect::To(1, Out::Ack { id: "c1".to_owned(), seq: 1, held: false });
    assert_eq!(send(&mut room, at(4), 1, "c1", "hi"), [ack]);
}

#[test]
fn a_repeat_from_a_new_connection_of_the_same_person_is_acknowledged_there() {
    let mut room = room(Vec::new());
    join(&mut room, at(0), 1, guest("a"));
    send(&mut room, at(1), 1, "c1", "hi");
    effects(&mut room, at(2), Command::Leave { connection: 1 });
    join(&mut room, at(3), 2, guest("a"));
    send(&mut room, at(4), 2, "c1", "hi");
    let committed = effects(&mut room, at(5), Command::Committed { seq: 1 });
    assert!(committed.contains(&Effect::To(2, Out::Ack { id: "c1".to_owned(), seq: 1, held: false })));
}

#[test]
fn what_could_not_be_stored_is_told_to_its_sender_alone() {
    let mut room = room(Vec::new());
    join(&mut room, at(0), 1, guest("a"));
    send(&mut room, at(1), 1, "c1", "hi");
    let refused = effects(&mut room, at(2), Command::NotStored { seq: 1 });
    assert_eq!(error_code(&refused), Some(ErrorCode::NotStored));
    assert!(!refused.iter().any(|effect| matches!(effect, Effect::ToAll(Out::Message { .. }))));
}

#[test]
fn empty_long_and_hasty_messages_are_refused() {
    let mut room = room(Vec::new());
    join(&mut room, at(0), 1, guest("a"));
    assert_eq!(error_code(&send(&mut room, at(1), 1, "c1", " \n ")), Some(ErrorCode::Empty));
    assert_eq!(error_code(&send(&mut room, at(1), 1, "c2", &"x".repeat(501))), Some(ErrorCode::TooLong));
    assert_eq!(error_code(&send(&mut room, at(1), 1, "", "hi")), Some(ErrorCode::BadFrame));
    for number in 0..5 {
        assert_eq!(error_code(&send(&mut room, at(2), 1, &format!("d{number}"), "hi")), None);
    }
    let refused = send(&mut room, at(3), 1, "d5", "hi");
    let [Effect::To(1, Out::Error { code: ErrorCode::RateLimited, retry_after_ms: Some(wait), .. })] =
        refused.as_slice()
    else {
        panic!("{refused:?}")
    };
    assert!((1..=1_000).contains(wait));
    assert_eq!(error_code(&send(&mut room, at(3 + wait), 1, "d5", "hi")), None);
}

#[test]
fn a_second_connection_is_no_way_around_the_rate() {
    let mut room = room(Vec::new());
    join(&mut room, at(0), 1, guest("a"));
    join(&mut room, at(0), 2, guest("a"));
    for number in 0..5 {
        send(&mut room, at(1), 1, &format!("c{number}"), "hi");
    }
    assert_eq!(error_code(&send(&mut room, at(1), 2, "c9", "hi")), Some(ErrorCode::RateLimited));
}

#[test]
fn presence_counts_players_and_people_without_the_owner_at_most_twice_a_second() {
    let mut room = room(Vec::new());
    let owner = Person { id: "a1".to_owned(), name: Name::guest("mara").unwrap(), roles: vec![Role::Owner] };
    join(&mut room, at(0), 9, owner);
    let first = join(&mut room, at(1_000), 1, guest("a"));
    assert!(first.contains(&Effect::ToAll(Out::Presence { viewers: 1, members: 1 })), "{first:?}");
    let second = join(&mut room, at(1_100), 2, guest("a"));
    assert!(!second.iter().any(|effect| matches!(effect, Effect::ToAll(_))), "{second:?}");
    assert_eq!(room.poll_timeout(), Some(Duration::from_millis(1_500)));
    let ticked = effects(&mut room, at(1_500), Command::Tick);
    assert_eq!(ticked, [Effect::ToAll(Out::Presence { viewers: 1, members: 1 })], "another tab of the same");
    assert_eq!(room.poll_timeout(), None);
}

#[test]
fn a_change_of_the_stream_is_a_numbered_notice_and_no_change_is_none() {
    let mut room = room(Vec::new());
    join(&mut room, at(0), 1, guest("a"));
    let live = Command::Stream { state: State::Live, live_since_ms: Some(5) };
    assert!(matches!(effects(&mut room, at(1), live.clone()).as_slice(), [Effect::Persist(_)]));
    assert_eq!(effects(&mut room, at(2), live), []);
    let told = effects(&mut room, at(3), Command::Committed { seq: 1 });
    let notice = Out::Notice { seq: 1, code: NoticeCode::Live, at: at(1).unix_ms };
    assert_eq!(told, [Effect::ToAll(notice)]);
    assert_eq!(room.view().live_since_ms, Some(5));
}

#[test]
fn history_is_the_last_hundred_messages_without_notices() {
    let mut room = room(Vec::new());
    effects(&mut room, at(0), Command::Stream { state: State::Live, live_since_ms: None });
    effects(&mut room, at(0), Command::Committed { seq: 1 });
    join(&mut room, at(0), 1, guest("a"));
    for number in 0..120_u64 {
        send(&mut room, at(number * 1_000), 1, &format!("c{number}"), "hi");
        effects(&mut room, at(number * 1_000), Command::Committed { seq: number + 2 });
    }
    let welcome = join(&mut room, at(200_000), 2, guest("b"));
    let Some(Effect::To(2, Out::Welcome { seq: 121, history, .. })) = welcome.first() else {
        panic!("{welcome:?}")
    };
    assert_eq!(history.len(), 100);
    assert!(matches!(history.last(), Some(Out::Message { seq: 121, .. })));
}

#[test]
fn a_gap_that_is_gone_and_another_epoch_are_reset() {
    let mut room = room(Vec::new());
    join(&mut room, at(0), 1, guest("a"));
    let total = TRANSCRIPT_ENTRIES as u64 + 10;
    for number in 1..=total {
        send(&mut room, at(number * 1_000), 1, &format!("c{number}"), "hi");
        effects(&mut room, at(number * 1_000), Command::Committed { seq: number });
    }
    let now = at(total * 1_000 + 1);
    join(&mut room, now, 2, guest("b"));
    let mut resume = |epoch: &str, seq| {
        let frame = In::Resume { epoch: epoch.to_owned(), seq };
        effects(&mut room, now, Command::Frame { connection: 2, frame })
    };
    let reset = [Effect::To(2, Out::Reset { seq: total })];
    assert_eq!(resume(EPOCH, 3), reset);
    assert_eq!(resume("other", total), reset);
    assert_eq!(resume(EPOCH, total + 1), reset);
    assert_eq!(resume(EPOCH, total), []);
    assert_eq!(resume(EPOCH, total - 2).len(), 2);
}

/// One step of a random life of a room.
#[derive(Clone, Debug)]
enum Step {
    Send(u8),
    Commit(bool),
    Connect(u8),
    Drop(u8),
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..4_u8).prop_map(Step::Send),
        4 => prop::bool::weighted(0.9).prop_map(Step::Commit),
        2 => (0..4_u8).prop_map(Step::Connect),
        1 => (0..4_u8).prop_map(Step::Drop),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..200)
}

/// What the world around the room knows: the stored log, and what each viewer has seen.
#[derive(Default)]
struct World {
    log: Vec<Entry>,
    asked: std::collections::VecDeque<Entry>,
    /// Open connection of each viewer, if any.
    connections: BTreeMap<u8, ConnectionId>,
    seen: BTreeMap<u8, Vec<u64>>,
    next_connection: ConnectionId,
}

impl World {
    fn deliver(&mut self, viewer: u8, frame: &Out) {
        if let Out::Message { seq, .. } | Out::Notice { seq, .. } = frame {
            self.seen.entry(viewer).or_default().push(*seq);
        }
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Persist(entry) => {
                    assert!(self.log.last().is_none_or(|last| last.seq < entry.seq));
                    assert!(self.asked.back().is_none_or(|last| last.seq < entry.seq));
                    self.asked.push_back(entry);
                }
                Effect::To(connection, frame) => {
                    let to = self.connections.iter().find(|(_, open)| **open == connection);
                    if let Some((&viewer, _)) = to {
                        self.deliver(viewer, &frame);
                    }
                }
                Effect::Save { .. } => {}
                Effect::ToSome(connections, frame) => {
                    for (&viewer, connection) in &self.connections.clone() {
                        if connections.contains(connection) {
                            self.deliver(viewer, &frame);
                        }
                    }
                }
                Effect::ToAll(frame) => {
                    for viewer in self.connections.keys().copied().collect::<Vec<_>>() {
                        self.deliver(viewer, &frame);
                    }
                }
            }
        }
    }

    fn connect(&mut self, room: &mut Room, now: Time, viewer: u8) {
        self.next_connection += 1;
        let connection = self.next_connection;
        if let Some(old) = self.connections.insert(viewer, connection) {
            self.take(effects(room, now, Command::Leave { connection: old }));
        }
        self.take(join(room, now, connection, guest(&format!("v{viewer}"))));
        let seq = self.seen.get(&viewer).and_then(|seen| seen.iter().max()).copied();
        if let Some(seq) = seq {
            let frame = In::Resume { epoch: EPOCH.to_owned(), seq };
            self.take(effects(room, now, Command::Frame { connection, frame }));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn resume_never_loses_or_repeats_a_line(steps in steps()) {
        let mut room = room(Vec::new());
        let mut world = World::default();
        let mut first_seen = BTreeMap::new();
        for (number, step) in steps.into_iter().enumerate() {
            let now = at(number as u64 * 5_000);
            match step {
                Step::Send(viewer) => {
                    if let Some(&connection) = world.connections.get(&viewer) {
                        world.take(send(&mut room, now, connection, &format!("c{number}"), "hi"));
                    }
                }
                Step::Commit(stored) => {
                    let Some(entry) = world.asked.pop_front() else { continue };
                    let seq = entry.seq;
                    let command = if stored { Command::Committed { seq } } else { Command::NotStored { seq } };
                    if stored {
                        world.log.push(entry);
                    }
                    world.take(effects(&mut room, now, command));
                }
                Step::Connect(viewer) => {
                    world.connect(&mut room, now, viewer);
                    first_seen.entry(viewer).or_insert_with(|| world.log.len());
                }
                Step::Drop(viewer) => {
                    if let Some(connection) = world.connections.remove(&viewer) {
                        world.take(effects(&mut room, now, Command::Leave { connection }));
                    }
                }
                Step::Restart => {
                    // What was not committed is gone, as its senders know: they have no acknowledgement.
                    world.asked.clear();
                    world.connections.clear();
                    room = self::room(world.log.clone());
                }
            }
        }
        let end = at(10_000_000);
        for viewer in first_seen.keys().copied().collect::<Vec<_>>() {
            world.connect(&mut room, end, viewer);
        }
        for (viewer, seen) in &world.seen {
            let mut sorted = seen.clone();
            sorted.sort_unstable();
            sorted.dedup();
            prop_assert_eq!(sorted.len(), seen.len(), "viewer {} saw a line twice: {:?}", viewer, seen);
            // From the first line it saw on, a viewer saw every line that was stored.
            let from = sorted[0];
            let stored: Vec<u64> = world.log.iter().map(|e| e.seq).filter(|seq| *seq >= from).collect();
            prop_assert_eq!(&sorted, &stored, "viewer {}", viewer);
        }
    }
}
