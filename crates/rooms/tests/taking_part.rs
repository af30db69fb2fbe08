//! Polls, hands, questions, likes and attendance.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod world;

use std::collections::BTreeMap;

use proptest::prelude::*;
use rooms::frame::{ErrorCode, In, Out, PollView, Role, State};
use rooms::{Act, Audience, Change, Command, Deed, Effect, EntryBody, Floor, NewPoll};
use world::{World, at, refused, to};

const OWNER: &[Role] = &[Role::Owner];

fn poll(right: &[u8], seconds: Option<u32>) -> NewPoll {
    let options = ["yes", "no", "maybe"].map(str::to_owned).to_vec();
    NewPoll { question: "Tea?".to_owned(), options, right: right.to_vec(), seconds, multiple: false }
}

/// The host (1) and two viewers (2, 3); a poll or quiz is open as number 1.
fn world(new: NewPoll) -> World {
    let mut world = World::new();
    world.join(1, "host", OWNER);
    world.join(2, "ada", &[]);
    world.join(3, "ben", &[]);
    world.ask(1, In::Poll { id: "p".to_owned(), poll: new });
    world
}

fn vote(world: &mut World, connection: u64, choice: u8) -> Option<ErrorCode> {
    let id = world.id();
    refused(&world.ask(connection, In::Vote { id, poll: 1, choices: vec![choice] }))
}

fn shown(connection: u64, effects: &[Effect]) -> Option<PollView> {
    to(connection, effects).into_iter().rev().find_map(|frame| match frame {
        Out::Poll { poll, .. } | Out::Quiz { quiz: poll, .. } => Some(poll),
        _ => None,
    })
}

#[test]
fn votes_count_once_and_results_are_live() {
    let mut world = world(poll(&[], None));
    world.pass(1_000);
    assert_eq!((vote(&mut world, 2, 0), vote(&mut world, 3, 2)), (None, None));
    assert_eq!(vote(&mut world, 2, 1), Some(ErrorCode::AlreadyVoted));
    assert_eq!(vote(&mut world, 1, 7), Some(ErrorCode::BadFrame));
    let told = world.pass(500);
    assert_eq!(shown(2, &told).unwrap().counts, Some(vec![1, 0, 1]));
    assert_eq!(
        told.iter().filter(|effect| format!("{effect:?}").contains("Poll")).count(),
        1,
        "one frame for all votes"
    );
    world.restart();
    world.join(1, "host", OWNER);
    let welcome = world.join(2, "ada", &[]);
    let Out::Welcome { floor, .. } = &to(2, &welcome)[0] else { panic!("{welcome:?}") };
    assert_eq!((floor.polls[0].voters, &floor.mine.votes), (2, &vec![(1, vec![0])]));
    assert_eq!(vote(&mut world, 2, 1), Some(ErrorCode::AlreadyVoted), "also after a restart");
    world.ask(1, In::Close { id: "c".to_owned(), poll: 1 });
    assert_eq!(vote(&mut world, 1, 0), Some(ErrorCode::Closed));
}

#[test]
fn a_poll_closes_by_itself_when_its_time_is_over() {
    let mut world = world(poll(&[], Some(30)));
    world.pass(29_000);
    assert_eq!(vote(&mut world, 2, 0), None);
    let told = world.pass(2_000);
    assert!(shown(2, &told).unwrap().closed);
    assert_eq!(vote(&mut world, 3, 0), Some(ErrorCode::Closed));
}

#[test]
fn a_poll_whose_time_ran_out_while_the_origin_was_away_closes_at_once() {
    let mut world = world(poll(&[], Some(30)));
    world.restart();
    world.now += 31_000;
    let told = world.join(2, "ada", &[]);
    assert!(shown(2, &told).unwrap().closed);
}

#[test]
fn a_quiz_shows_its_answer_and_its_counts_when_it_is_closed() {
    let mut world = world(poll(&[1], None));
    vote(&mut world, 2, 1);
    let told = world.pass(1_000);
    let (hosts, theirs) = (shown(1, &told).unwrap(), shown(2, &told).unwrap());
    assert_eq!((hosts.counts, hosts.right), (Some(vec![0, 1, 0]), Some(vec![1])));
    assert_eq!((theirs.counts, theirs.right, theirs.voters), (None, None, 1));
    let told = world.ask(1, In::Close { id: "c".to_owned(), poll: 1 });
    assert_eq!(shown(3, &told).unwrap().right, Some(vec![1]));
}

#[test]
fn hands_stand_in_their_order_and_each_knows_its_place() {
    let mut world = world(poll(&[], None));
    world.pass(1_000);
    world.ask(3, In::Hand { up: true });
    world.now += 10;
    world.ask(2, In::Hand { up: true });
    world.ask(2, In::Hand { up: true });
    let told = world.pass(1_000);
    let queue = to(1, &told).into_iter().find_map(|frame| match frame {
        Out::Hand { queue, .. } => Some(queue),
        _ => None,
    });
    let names: Vec<String> = queue.unwrap().into_iter().map(|hand| hand.member.id).collect();
    assert_eq!(names, ["ben", "ada"]);
    assert!(to(2, &told).contains(&Out::Place { place: Some(2), called: false }));
    assert!(!to(2, &told).iter().any(|frame| matches!(frame, Out::Hand { .. })), "the queue is the host's");
    world.restart();
    world.join(1, "host", OWNER);
    world.join(2, "ada", &[]);
    let lowered = world.ask(1, In::Lower { id: "l".to_owned(), member: Some("ben".to_owned()) });
    assert!(refused(&lowered).is_none());
    assert!(to(2, &world.pass(1_000)).contains(&Out::Place { place: Some(1), called: false }));
    world.ask(2, In::Hand { up: false });
    assert_eq!(
        refused(&world.ask(1, In::Call { id: "x".to_owned(), member: "ada".to_owned() })),
        Some(ErrorCode::Missing)
    );
}

#[test]
fn questions_are_voted_up_once_and_not_by_who_asks() {
    let mut world = world(poll(&[], None));
    world.pass(1_000);
    world.ask(2, In::Ask { id: "q".to_owned(), text: "Why?".to_owned() });
    let question = world.log.last().unwrap().seq;
    let up = |world: &mut World, connection| {
        let id = world.id();
        refused(&world.ask(connection, In::Upvote { id, question }))
    };
    assert_eq!(up(&mut world, 2), Some(ErrorCode::AlreadyVoted));
    assert_eq!((up(&mut world, 3), up(&mut world, 3)), (None, Some(ErrorCode::AlreadyVoted)));
    let told = world.pass(1_000);
    let votes = to(2, &told).into_iter().find_map(|frame| match frame {
        Out::Question { question, .. } => Some(question.votes),
        _ => None,
    });
    assert_eq!(votes, Some(1));
    assert_eq!(
        refused(&world.ask(3, In::Answer { id: "a".to_owned(), question })),
        Some(ErrorCode::NotAllowed)
    );
    world.ask(1, In::Answer { id: "a".to_owned(), question });
    let welcome = world.join(9, "late", &[]);
    let Out::Welcome { floor, .. } = &to(9, &welcome)[0] else { panic!("{welcome:?}") };
    assert_eq!(floor.questions, []);
}

#[test]
fn the_end_of_a_poll_that_cannot_be_stored_is_tried_again_after_a_while() {
    let mut world = world(poll(&[], Some(60)));
    world.now += 60_000;
    // What the room wants stored, by its number.
    let wants = |world: &mut World, command| {
        world.room.handle_input(at(world.now), command);
        std::iter::from_fn(|| world.room.poll_output()).find_map(|effect| match effect {
            Effect::Persist(entry) => Some(entry.seq),
            _ => None,
        })
    };
    let seq = wants(&mut world, Command::Tick).expect("the end of the poll");
    assert_eq!(wants(&mut world, Command::NotStored { seq }), None, "a full disk is full");
    world.now += 1_000;
    assert_eq!(wants(&mut world, Command::Tick), None);
    let due = world.room.poll_timeout().expect("it is not forgotten");
    assert!(due <= at(world.now + 5_000).monotonic, "{due:?}");
    world.now += 5_000;
    assert!(wants(&mut world, Command::Tick).is_some());
}

#[test]
fn another_broadcast_puts_hands_and_questions_of_the_last_one_away() {
    let mut world = world(poll(&[], None));
    let stream = |state| Command::Stream { state, live_since_ms: Some(5) };
    world.tell(stream(State::Live));
    world.ask(2, In::Hand { up: true });
    world.ask(3, In::Ask { id: "q".to_owned(), text: "Why?".to_owned() });
    let question = world.log.last().unwrap().seq;
    world.tell(stream(State::Interrupted));
    let back = world.tell(stream(State::Live));
    assert!(!to(2, &back).iter().any(|frame| matches!(frame, Out::Place { .. })), "it is the same broadcast");
    world.tell(stream(State::Offline));
    let told = to(2, &world.tell(stream(State::Live)));
    assert!(told.contains(&Out::Place { place: None, called: false }), "{told:?}");
    let closed = told.iter().any(
        |frame| matches!(frame, Out::Question { question: told, .. } if told.id == question && told.answered),
    );
    assert!(closed, "{told:?}");
    assert!(
        to(1, &world.pass(1_000))
            .iter()
            .any(|frame| { matches!(frame, Out::Hand { queue, .. } if queue.is_empty()) })
    );
}

#[test]
fn likes_are_merged_and_begin_anew_with_a_broadcast() {
    let mut world = world(poll(&[], None));
    let live = |state| Command::Stream { state, live_since_ms: Some(5) };
    world.tell(live(State::Live));
    world.pass(1_000);
    for _ in 0..5 {
        world.ask(2, In::Like { count: 3 });
        world.ask(3, In::Like { count: 1_000 });
    }
    let told = world.pass(1_000);
    assert!(to(2, &told).contains(&Out::Likes { total: 5 * (3 + 20) }), "{told:?}");
    world.pass(10_000);
    world.restart();
    let welcome = world.join(2, "ada", &[]);
    let Out::Welcome { floor, .. } = &to(2, &welcome)[0] else { panic!("{welcome:?}") };
    assert_eq!(floor.likes, 115);
    world.tell(live(State::Live));
    world.tell(live(State::Interrupted));
    world.tell(live(State::Live));
    assert_eq!(world.room.floor(), &replayed(&world));
    world.tell(live(State::Offline));
    let told = world.tell(live(State::Live));
    assert!(
        told.iter().chain(&world.pass(1_000)).any(|effect| *effect == Effect::ToAll(Out::Likes { total: 0 }))
    );
}

#[test]
fn a_broadcast_ends_with_its_peak_and_average() {
    let mut world = World::new();
    world.tell(Command::Stream { state: State::Live, live_since_ms: Some(7) });
    world.pass(10_000);
    world.join(2, "ada", &[]);
    world.join(3, "ben", &[]);
    world.pass(5_000);
    world.tell(Command::Leave { connection: 2 });
    world.pass(5_000);
    world.tell(Command::Stream { state: State::Offline, live_since_ms: None });
    let audience = world.log.iter().find_map(|entry| match &entry.body {
        EntryBody::Deed(Deed { act: Act::Broadcast(audience), .. }) => Some(*audience),
        _ => None,
    });
    let expected =
        Audience { started_at_ms: Some(7), duration_ms: 20_000, peak: 2, average_milli: 750, likes: 0 };
    assert_eq!(audience, Some(expected));
}

#[test]
fn a_room_that_stops_on_air_writes_its_broadcast_down_once() {
    let mut world = World::new();
    world.tell(Command::Stream { state: State::Live, live_since_ms: Some(7) });
    world.join(2, "ada", &[]);
    world.pass(4_000);
    world.tell(Command::Stop);
    world.tell(Command::Stop);
    let broadcasts = world.log.iter().filter_map(|entry| match &entry.body {
        EntryBody::Deed(Deed { act: Act::Broadcast(audience), .. }) => {
            Some((audience.peak, audience.duration_ms))
        }
        _ => None,
    });
    assert_eq!(broadcasts.collect::<Vec<_>>(), [(1, 4_000)]);
}

#[test]
fn two_tabs_of_a_browser_are_one_viewer_and_two_devices_of_a_person_are_two() {
    let mut world = World::new();
    let come = |world: &mut World, connection, id: &str, player| {
        let person = world::person(id, &[]);
        world.tell(Command::Join { connection, person, player, address: None });
        (world.room.view().viewers, world.room.view().members)
    };
    assert_eq!(come(&mut world, 1, "ada", Some(70)), (1, 1));
    assert_eq!(come(&mut world, 2, "ada", Some(70)), (1, 1), "another tab");
    assert_eq!(come(&mut world, 3, "ada", Some(71)), (2, 1), "another device");
    // Programs that cannot be told apart are the people who run them.
    assert_eq!(come(&mut world, 4, "ben", None), (3, 2));
    assert_eq!(come(&mut world, 5, "ben", None), (3, 2));
    let leave = |world: &mut World, connection| {
        world.tell(Command::Leave { connection });
        (world.room.view().viewers, world.room.view().members)
    };
    assert_eq!(leave(&mut world, 1), (3, 2), "the other tab is still open");
    assert_eq!(leave(&mut world, 2), (2, 2));
    assert_eq!(leave(&mut world, 5), (2, 2));
    assert_eq!(leave(&mut world, 4), (1, 1));
}

#[test]
fn a_class_keeps_who_came_and_left_whatever_the_number_of_their_tabs() {
    let mut world = World::new();
    world.join(1, "host", OWNER);
    world.join(2, "ada", &[]);
    world.ask(
        1,
        In::Settings { id: "s".to_owned(), change: Change { class: Some(true), ..Change::default() } },
    );
    world.join(3, "ada", &[]);
    world.join(4, "ben", &[]);
    world.tell(Command::Leave { connection: 2 });
    world.tell(Command::Leave { connection: 4 });
    world.tell(Command::Leave { connection: 3 });
    let roll = world.log.iter().filter_map(|entry| match &entry.body {
        EntryBody::Deed(Deed { by: Some(by), act: Act::Here, .. }) => Some(format!("{} here", by.id)),
        EntryBody::Deed(Deed { by: Some(by), act: Act::Gone, .. }) => Some(format!("{} gone", by.id)),
        _ => None,
    });
    assert_eq!(roll.collect::<Vec<_>>(), ["ada here", "ben here", "ben gone", "ada gone"]);
}

fn replayed(world: &World) -> Floor {
    let mut floor = Floor::default();
    world.log.iter().for_each(|entry| floor.apply(entry));
    floor
}

/// One step of a random life of a room.
fn step() -> impl Strategy<Value = (u64, u8, u8)> {
    (1..6_u64, 0..14_u8, 0..4_u8)
}

fn frame(world: &mut World, number: u8, value: u8) -> In {
    let id = world.id();
    // A line that there is, mostly.
    let seq = world.log.len() as u64 / 2 + u64::from(value);
    let member = format!("v{value}");
    match number {
        0 => In::Vote { id, poll: first_poll(world), choices: vec![value] },
        1 => In::Hand { up: value.is_multiple_of(2) },
        2 => In::Delete { id, message: seq },
        3 => In::Restore { id, message: seq },
        4 => In::Timeout { id, member, seconds: 30, reason: None },
        5 => In::Lift { id, member },
        6 => In::Pin { id, message: Some(seq) },
        7 => In::Settings { id, change: Change { hold_links: Some(value > 1), ..Change::default() } },
        8 => In::Release { id, held: seq },
        9 => In::Reject { id, held: seq },
        10 => In::Poll { id, poll: poll(&[], Some(60)) },
        11 => In::Ask { id, text: "why".to_owned() },
        12 => In::Upvote { id, question: seq },
        _ => In::Send { id, text: format!("line www.{value}"), reply_to: None, danmaku: None },
    }
}

fn first_poll(world: &World) -> u64 {
    let opened = world
        .log
        .iter()
        .rev()
        .find(|entry| matches!(&entry.body, EntryBody::Deed(Deed { act: Act::OpenPoll { .. }, .. })));
    opened.map_or(0, |entry| entry.seq)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn a_room_is_the_sum_of_its_log_and_everybody_votes_once(steps in prop::collection::vec(step(), 1..150)) {
        let mut world = World::new();
        world.join(1, "host", OWNER);
        for viewer in 2..6 {
            world.join(viewer, &format!("v{}", viewer - 2), &[]);
        }
        for (connection, number, value) in steps {
            let frame = frame(&mut world, number, value);
            world.ask(connection, frame);
            world.pass(3_000);
            prop_assert_eq!(world.room.floor(), &replayed(&world));
        }
        let mut votes: BTreeMap<(u64, String), u32> = BTreeMap::new();
        for entry in &world.log {
            if let EntryBody::Deed(Deed { by: Some(by), act: Act::Vote { poll, .. }, .. }) = &entry.body {
                *votes.entry((*poll, by.id.clone())).or_default() += 1;
            }
        }
        prop_assert!(votes.values().all(|&count| count == 1), "{:?}", votes);
        let seqs: Vec<u64> = world.log.iter().map(|entry| entry.seq).collect();
        prop_assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]));
        world.restart();
        prop_assert_eq!(world.room.floor(), &replayed(&world));
    }
}
