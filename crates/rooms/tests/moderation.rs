//! Who may say and do what, and what moderators make of it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod world;

use rooms::frame::{ErrorCode, FloorView, In, Moment, Out, Role};
use rooms::{Change, Command, Who};
use world::{World, heard, refused, to};

const MODERATOR: &[Role] = &[Role::Moderator];
const OWNER: &[Role] = &[Role::Owner];
const GUEST: &[Role] = &[Role::Guest];

/// A moderator (1), a guest (2) and a viewer with an account (3).
fn world() -> World {
    let mut world = World::new();
    world.join(1, "mod", MODERATOR);
    world.join_from(2, "guest", GUEST, Some("192.0.2.7"));
    world.join(3, "ada", &[]);
    world
}

fn settings(world: &mut World, connection: u64, change: Change) -> Vec<rooms::Effect> {
    let id = world.id();
    world.ask(connection, In::Settings { id, change })
}

fn floor(effects: &[rooms::Effect], connection: u64) -> FloorView {
    let welcome = to(connection, effects).into_iter().find_map(|frame| match frame {
        Out::Welcome { floor, .. } => Some(*floor),
        _ => None,
    });
    welcome.expect("a welcome")
}

#[test]
fn only_moderators_moderate_and_nobody_moderates_the_host() {
    let mut world = world();
    world.join(4, "host", OWNER);
    let id = || "x".to_owned();
    let frames = [
        In::Ban { id: id(), member: "ada".to_owned(), reason: None },
        In::Timeout { id: id(), member: "ada".to_owned(), seconds: 5, reason: None },
        In::Pin { id: id(), message: None },
        In::Settings { id: id(), change: Change { locked: Some(true), ..Change::default() } },
        In::Lower { id: id(), member: None },
    ];
    for frame in frames {
        assert_eq!(refused(&world.ask(2, frame.clone())), Some(ErrorCode::NotAllowed), "{frame:?}");
    }
    let ban = |member: &str| In::Ban { id: format!("ban {member}"), member: member.to_owned(), reason: None };
    assert_eq!(refused(&world.ask(1, ban("host"))), Some(ErrorCode::NotAllowed));
    assert_eq!(refused(&world.ask(1, ban("mod"))), Some(ErrorCode::NotAllowed));
    assert_eq!(refused(&world.ask(1, ban("nobody"))), Some(ErrorCode::Missing));
    assert_eq!(refused(&world.ask(4, ban("mod"))), None, "the host stands above moderators");
    let hosts_own = Change { class: Some(true), ..Change::default() };
    assert_eq!(refused(&settings(&mut world, 1, hosts_own)), Some(ErrorCode::NotAllowed));
}

#[test]
fn a_time_out_ends_by_itself_and_a_ban_when_it_is_lifted() {
    let mut world = world();
    world.ask(1, In::Timeout { id: "t".to_owned(), member: "ada".to_owned(), seconds: 60, reason: None });
    let refused_frames = to(3, &world.say(3, "hi"));
    let [Out::Error { code: ErrorCode::TimedOut, retry_after_ms: Some(60_000), .. }] =
        refused_frames.as_slice()
    else {
        panic!("{refused_frames:?}")
    };
    world.pass(60_000);
    assert_eq!(heard(1, &world.say(3, "hi")).as_deref(), Some("hi"));
    world.ask(1, In::Ban { id: "b".to_owned(), member: "ada".to_owned(), reason: None });
    world.pass(100 * 86_400_000);
    assert_eq!(refused(&world.say(3, "hi")), Some(ErrorCode::Banned));
    world.restart();
    world.join(1, "mod", MODERATOR);
    let welcome = world.join(3, "ada", &[]);
    assert!(floor(&welcome, 3).mine.sanction.is_some_and(|sanction| sanction.ban));
    assert_eq!(refused(&world.say(3, "hi")), Some(ErrorCode::Banned), "a ban outlives the origin");
    let lifted = world.ask(1, In::Lift { id: "l".to_owned(), member: "ada".to_owned() });
    assert!(to(3, &lifted).contains(&Out::Standing { sanction: None }));
    assert_eq!(refused(&world.say(3, "hi")), None);
}

#[test]
fn a_guest_is_banned_with_its_address_for_a_day() {
    let mut world = world();
    world.join_from(4, "same-house", GUEST, Some("192.0.2.7"));
    world.join_from(5, "elsewhere", GUEST, Some("192.0.2.8"));
    world.join_from(6, "account", &[], Some("192.0.2.7"));
    let told = world.ask(1, In::Ban { id: "b".to_owned(), member: "guest".to_owned(), reason: None });
    let frames = format!("{told:?}");
    assert!(!frames.contains("192.0.2.7"), "nobody is told an address: {frames}");
    for (connection, expected) in
        [(2, Some(ErrorCode::Banned)), (4, Some(ErrorCode::Banned)), (5, None), (6, None)]
    {
        assert_eq!(refused(&world.say(connection, "hi")), expected, "{connection}");
    }
    world.pass(86_400_000);
    assert_eq!(refused(&world.say(4, "hi")), None);
}

#[test]
fn an_accounts_ban_lasts_and_keeps_guests_from_its_address_quiet_for_a_day() {
    let mut world = world();
    world.join_from(4, "spammer", &[], Some("192.0.2.7"));
    world.join_from(5, "again", GUEST, Some("192.0.2.7"));
    world.join_from(6, "neighbour", &[], Some("192.0.2.7"));
    let reason = Some("sells watches".to_owned());
    world.ask(1, In::Ban { id: "b".to_owned(), member: "spammer".to_owned(), reason });
    for (connection, expected) in [(4, Some(ErrorCode::Banned)), (5, Some(ErrorCode::Banned)), (6, None)] {
        assert_eq!(refused(&world.say(connection, "hi")), expected, "{connection}");
    }
    world.pass(86_400_000);
    assert_eq!(refused(&world.say(5, "hi")), None);
    assert_eq!(refused(&world.say(4, "hi")), Some(ErrorCode::Banned));
    let reason = None;
    world.ask(1, In::Ban { id: "b2".to_owned(), member: "spammer".to_owned(), reason });
    assert_eq!(refused(&world.say(5, "hi")), Some(ErrorCode::Banned));
    world.ask(1, In::Lift { id: "l".to_owned(), member: "spammer".to_owned() });
    assert_eq!((refused(&world.say(4, "hi")), refused(&world.say(5, "hi"))), (None, None), "both at once");
}

#[test]
fn a_reason_is_told_to_whom_it_is_about_and_to_moderators() {
    let mut world = world();
    world.join_from(4, "spammer", &[], Some("192.0.2.7"));
    world.join_from(5, "again", GUEST, Some("192.0.2.7"));
    let told = world.ask(
        1,
        In::Ban {
            id: "b".to_owned(),
            member: "spammer".to_owned(),
            reason: Some(" sells\nwatches ".to_owned()),
        },
    );
    let why = |frames: &[Out]| {
        frames.iter().find_map(|frame| match frame {
            Out::Standing { sanction } | Out::Sanction { sanction, .. } => sanction.clone()?.reason,
            Out::Error { message, .. } => message.split_once(": ").map(|(_, why)| why.to_owned()),
            _ => None,
        })
    };
    for connection in [1, 4] {
        assert_eq!(why(&to(connection, &told)).as_deref(), Some("sells watches"), "{connection}");
    }
    assert_eq!(why(&to(4, &world.say(4, "hi"))).as_deref(), Some("sells watches"));
    assert_eq!(why(&to(5, &world.say(5, "hi"))), None, "another's ban says nothing about them");
    world.restart();
    let (theirs, others) = (
        world.join_from(4, "spammer", &[], Some("192.0.2.7")),
        world.join_from(5, "again", GUEST, Some("192.0.2.7")),
    );
    assert_eq!(floor(&theirs, 4).mine.sanction.unwrap().reason.as_deref(), Some("sells watches"));
    let kept_out = floor(&others, 5).mine.sanction.unwrap();
    assert!(kept_out.reason.is_none() && kept_out.until_ms.is_some(), "a day: {kept_out:?}");
    world.join(1, "mod", MODERATOR);
    let long = Some("x".repeat(201));
    let refusal = world.ask(1, In::Ban { id: "b2".to_owned(), member: "ada".to_owned(), reason: long });
    assert!(refused(&refusal).is_some());
}

#[test]
fn a_guest_who_wrote_and_left_is_banned_with_its_address_too() {
    let mut world = world();
    world.say(2, "and off");
    world.tell(Command::Leave { connection: 2 });
    world.ask(1, In::Ban { id: "b".to_owned(), member: "guest".to_owned(), reason: None });
    world.join_from(4, "guest-again", GUEST, Some("192.0.2.7"));
    world.join_from(5, "elsewhere", GUEST, Some("192.0.2.8"));
    assert_eq!(refused(&world.say(4, "hi")), Some(ErrorCode::Banned));
    assert_eq!(refused(&world.say(5, "hi")), None);
}

#[test]
fn a_line_is_taken_away_by_its_writer_or_a_moderator_and_comes_back() {
    let mut world = world();
    world.say(2, "first");
    world.say(3, "second");
    let delete = |message| In::Delete { id: format!("d{message}"), message };
    assert_eq!(refused(&world.ask(2, delete(2))), Some(ErrorCode::NotAllowed));
    let told = world.ask(2, delete(1));
    assert!(matches!(to(3, &told)[0], Out::Deleted { message: 1, .. }), "{told:?}");
    world.ask(1, delete(2));
    let welcome = world.join(9, "late", &[]);
    let Out::Welcome { history, .. } = &to(9, &welcome)[0] else { panic!("{welcome:?}") };
    assert_eq!(history.as_slice(), [], "what was taken away is in no history");
    assert_eq!(
        refused(&world.ask(2, In::Restore { id: "r".to_owned(), message: 1 })),
        Some(ErrorCode::NotAllowed)
    );
    let told = world.ask(1, In::Restore { id: "r".to_owned(), message: 2 });
    let restored = to(3, &told).into_iter().find_map(|frame| match frame {
        Out::Restored { message, .. } => Some(*message),
        _ => None,
    });
    assert!(matches!(restored, Some(Out::Message { seq: 2, text, .. }) if text == "second"));
}

#[test]
fn whoever_was_away_is_told_of_a_line_that_came_back() {
    let mut world = world();
    world.say(2, "first");
    world.ask(1, In::Delete { id: "d".to_owned(), message: 1 });
    world.ask(1, In::Restore { id: "r".to_owned(), message: 1 });
    world.join(9, "back", &[]);
    let told = world.ask(9, In::Resume { epoch: "e".to_owned(), seq: 1 });
    let kinds: Vec<(&str, u64)> = to(9, &told)
        .into_iter()
        .map(|frame| match frame {
            Out::Deleted { seq, message: 1, .. } => ("deleted", seq),
            Out::Restored { seq, message } if matches!(*message, Out::Message { seq: 1, .. }) => {
                ("restored", seq)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, [("deleted", 2), ("restored", 3)]);
}

#[test]
fn guests_of_one_address_share_a_pace_that_a_classroom_does_not_notice() {
    let mut world = world();
    for guest in 0..50 {
        world.join_from(100 + guest, &format!("g{guest}"), GUEST, Some("192.0.2.9"));
    }
    world.join_from(200, "elsewhere", GUEST, Some("192.0.2.10"));
    world.join_from(201, "account", &[], Some("192.0.2.9"));
    let passed = (0..50).filter(|guest| refused(&world.say(100 + guest, "hi")).is_none()).count();
    assert_eq!(passed, 40);
    assert_eq!(refused(&world.say(149, "hi")), Some(ErrorCode::RateLimited));
    for other in [200, 201] {
        assert_eq!(refused(&world.say(other, "hi")), None, "{other}");
    }
    world.pass(1_000);
    let passed = (0..50).filter(|guest| refused(&world.say(100 + guest, "again")).is_none()).count();
    assert_eq!(passed, 10);
}

#[test]
fn what_the_filter_holds_is_seen_by_moderators_alone_until_it_is_released() {
    let mut world = world();
    let words = Some(vec!["bad".to_owned()]);
    let told = settings(&mut world, 1, Change { words, hold_links: Some(true), ..Change::default() });
    let of = |connection| match &to(connection, &told)[..] {
        [.., Out::Settings { settings, .. }] => settings.words.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!((of(1), of(2)), (1, 0), "viewers are not told the words");
    let held = world.say(2, "so bad");
    assert!(to(2, &held).iter().any(|frame| matches!(frame, Out::Ack { held: true, .. })));
    assert!(to(3, &held).is_empty(), "{held:?}");
    let number = to(1, &held).into_iter().find_map(|frame| match frame {
        Out::Held { message } => Some(message.held),
        _ => None,
    });
    let released = world.ask(1, In::Release { id: "r".to_owned(), held: number.unwrap() });
    assert_eq!(heard(3, &released).as_deref(), Some("so bad"));
    assert!(to(2, &released).iter().any(|frame| matches!(frame, Out::Settled { released: true, .. })));
    let again = world.ask(1, In::Release { id: "r2".to_owned(), held: number.unwrap() });
    assert_eq!((refused(&again), heard(3, &again)), (Some(ErrorCode::Missing), None), "it is said once");
    let held = world.say(3, "see www.example");
    let Some(Out::Held { message }) =
        to(1, &held).into_iter().find(|frame| matches!(frame, Out::Held { .. }))
    else {
        panic!("{held:?}")
    };
    world.restart();
    assert_eq!(floor(&world.join(1, "mod", MODERATOR), 1).held, std::slice::from_ref(&message));
    assert_eq!(floor(&world.join(2, "guest", GUEST), 2).held, []);
    let rejected = world.ask(1, In::Reject { id: "r3".to_owned(), held: message.held });
    assert!(to(2, &rejected).is_empty());
    assert_eq!(heard(1, &world.say(1, "bad www.example")).as_deref(), Some("bad www.example"));
}

#[test]
fn whoever_was_away_when_it_was_decided_learns_of_it_by_a_repeat() {
    let mut world = world();
    settings(&mut world, 1, Change { hold_links: Some(true), ..Change::default() });
    let send = |id: &str, text: &str| In::Send {
        id: id.to_owned(),
        text: text.to_owned(),
        reply_to: None,
        danmaku: None,
    };
    world.ask(2, send("one", "see www.one.example"));
    let one = world.log.last().unwrap().seq;
    world.ask(2, send("two", "see www.two.example"));
    let two = world.log.last().unwrap().seq;
    let waits = to(2, &world.ask(2, send("one", "see www.one.example")));
    assert_eq!(waits, [Out::Ack { id: "one".to_owned(), seq: one, held: true }]);
    world.tell(Command::Leave { connection: 2 });
    world.ask(1, In::Reject { id: "r1".to_owned(), held: one });
    world.ask(1, In::Release { id: "r2".to_owned(), held: two });
    let released = world.log.last().unwrap().seq;
    for restarts in [false, true] {
        if restarts {
            world.restart();
        }
        world.join(2, "guest", GUEST);
        let again = world.ask(2, send("one", "see www.one.example"));
        assert_eq!(refused(&again), Some(ErrorCode::Rejected), "{restarts}");
        let again = to(2, &world.ask(2, send("two", "see www.two.example")));
        assert_eq!(again, [Out::Ack { id: "two".to_owned(), seq: released, held: false }], "{restarts}");
    }
}

#[test]
fn a_message_of_which_nobody_sees_anything_is_empty() {
    let mut world = world();
    for nothing in ["\u{200b}", "\u{2800} \u{3164}"] {
        assert_eq!(refused(&world.say(3, nothing)), Some(ErrorCode::Empty), "{nothing:?}");
    }
    assert_eq!(refused(&world.say(3, "\u{2800}👍")), None);
}

#[test]
fn slow_mode_locks_and_emotes_hold_for_all_but_moderators() {
    let mut world = world();
    settings(&mut world, 1, Change { slow_mode_s: Some(10), ..Change::default() });
    assert_eq!(refused(&world.say(2, "one")), None);
    world.pass(4_000);
    let slowed = to(2, &world.say(2, "two"));
    let [Out::Error { code: ErrorCode::SlowMode, retry_after_ms: Some(6_000), .. }] = slowed.as_slice()
    else {
        panic!("{slowed:?}")
    };
    assert_eq!((refused(&world.say(1, "one")), refused(&world.say(1, "two"))), (None, None));
    world.pass(6_000);
    assert_eq!(refused(&world.say(2, "two")), None);
    let emotes = Change { slow_mode_s: Some(0), emotes_only: Some(true), ..Change::default() };
    settings(&mut world, 1, emotes);
    assert_eq!(refused(&world.say(2, "hi")), Some(ErrorCode::EmotesOnly));
    assert_eq!(refused(&world.say(2, "👍🏽 ❤️")), None);
    settings(&mut world, 1, Change { locked: Some(true), emotes_only: Some(false), ..Change::default() });
    assert_eq!(refused(&world.say(2, "hi")), Some(ErrorCode::Locked));
    assert_eq!(refused(&world.say(1, "hi")), None);
    world.ask(2, In::Hand { up: true });
    assert_eq!(refused(&world.say(2, "hi")), Some(ErrorCode::Locked));
    let called = world.ask(1, In::Call { id: "c".to_owned(), member: "guest".to_owned() });
    assert!(to(2, &called).contains(&Out::Place { place: Some(1), called: true }));
    assert_eq!(refused(&world.say(2, "hi")), None, "who was let speak writes while the chat is locked");
}

#[test]
fn a_pinned_line_stays_until_it_is_taken_down_or_away() {
    let mut world = world();
    world.say(2, "look");
    world.ask(1, In::Pin { id: "p".to_owned(), message: Some(1) });
    world.restart();
    world.join(1, "mod", MODERATOR);
    let pinned = floor(&world.join(3, "ada", &[]), 3).pinned;
    assert!(matches!(pinned.as_deref(), Some(Out::Message { seq: 1, .. })), "{pinned:?}");
    let told = world.ask(1, In::Delete { id: "d".to_owned(), message: 1 });
    assert!(to(3, &told).iter().any(|frame| matches!(frame, Out::Pin { message: None, .. })));
    assert_eq!(floor(&world.join(4, "ben", &[]), 4).pinned, None);
}

#[test]
fn a_command_in_the_chat_does_what_its_frame_does() {
    let mut world = world();
    assert_eq!(refused(&world.say(2, "/ban N ada")), Some(ErrorCode::NotAllowed));
    let told = world.say(1, "/timeout @n ADA 2m");
    assert!(
        to(3, &told).iter().any(|frame| matches!(frame, Out::Standing { sanction: Some(_) })),
        "{told:?}"
    );
    assert_eq!(heard(2, &told), None, "a command is not said");
    world.say(1, "/untimeout N ada");
    assert_eq!(refused(&world.say(3, "hi")), None);
    world.say(1, "/slow 30");
    assert_eq!(world.room.floor(), &{
        let mut floor = rooms::Floor::default();
        world.log.iter().for_each(|entry| floor.apply(entry));
        floor
    });
    assert_eq!(refused(&world.say(3, "hi")), Some(ErrorCode::SlowMode));
    assert_eq!(refused(&world.say(3, "/dance")), Some(ErrorCode::UnknownCommand));
}

#[test]
fn a_repeat_of_anything_is_answered_like_the_first() {
    let mut world = world();
    let timeout = In::Timeout { id: "t".to_owned(), member: "ada".to_owned(), seconds: 60, reason: None };
    let first = to(1, &world.ask(1, timeout.clone()));
    let lines = world.log.len();
    let again = to(1, &world.ask(1, timeout));
    assert_eq!(first[0], again[0]);
    assert!(matches!(again[0], Out::Ack { .. }));
    assert_eq!(world.log.len(), lines, "and nothing is done twice");
}

#[test]
fn the_host_says_who_may_write() {
    let mut world = world();
    let who = |who| Change { who: Some(who), ..Change::default() };
    assert_eq!(
        refused(&settings(&mut world, 1, who(Who::Nobody))),
        Some(ErrorCode::NotAllowed),
        "a moderator"
    );
    world.join(4, "host", OWNER);
    settings(&mut world, 4, who(Who::SignedIn));
    assert_eq!(refused(&world.say(2, "hi")), Some(ErrorCode::SignInNeeded));
    assert_eq!(refused(&world.say(3, "hi")), None);
    settings(&mut world, 4, who(Who::Followers));
    assert_eq!(refused(&world.say(2, "hi")), Some(ErrorCode::SignInNeeded), "a guest cannot follow");
    assert_eq!(refused(&world.say(3, "hi")), Some(ErrorCode::FollowersOnly));
    let follow = |follows| Command::Follow { member: "ada".to_owned(), follows };
    world.tell(follow(true));
    assert_eq!(refused(&world.say(3, "hi")), None);
    world.tell(follow(false));
    assert_eq!(refused(&world.say(3, "hi")), Some(ErrorCode::FollowersOnly));
    settings(&mut world, 4, who(Who::Nobody));
    world.tell(follow(true));
    assert_eq!(refused(&world.say(3, "hi")), Some(ErrorCode::Locked));
    assert_eq!((refused(&world.say(1, "hi")), refused(&world.say(4, "hi"))), (None, None));
}

#[test]
fn who_follows_is_known_of_those_who_are_here_and_forgotten_when_they_leave() {
    let mut world = world();
    world.join(4, "host", OWNER);
    settings(&mut world, 4, Change { who: Some(Who::Followers), ..Change::default() });
    world.tell(Command::Follow { member: "ben".to_owned(), follows: true });
    world.join(5, "ben", &[]);
    assert_eq!(refused(&world.say(5, "hi")), Some(ErrorCode::FollowersOnly), "he was not here");
    world.tell(Command::Follow { member: "ben".to_owned(), follows: true });
    assert_eq!(refused(&world.say(5, "hi")), None);
    world.tell(Command::Leave { connection: 5 });
    world.join(6, "ben", &[]);
    assert_eq!(refused(&world.say(6, "hi")), Some(ErrorCode::FollowersOnly));
}

#[test]
fn a_comment_on_a_recording_is_a_message_with_its_moment_under_the_same_rules() {
    let mut world = world();
    world.join(4, "host", OWNER);
    let on = Moment { recording: "r1".to_owned(), offset_ms: 5_000 };
    let comment = |id: &str, text: &str, follows| {
        let (id, text, on) = (id.to_owned(), text.to_owned(), on.clone());
        In::Comment { id, text, on, follows }
    };
    let effects = world.ask(3, comment("c1", "/ban guest", false));
    let said = to(1, &effects).into_iter().find(|frame| matches!(frame, Out::Message { .. }));
    let Some(Out::Message { text, on: Some(told), .. }) = said else { panic!("{effects:?}") };
    assert_eq!((text.as_str(), &told), ("/ban guest", &on), "a comment is no command");
    settings(&mut world, 4, Change { hold_links: Some(true), ..Change::default() });
    let effects = world.ask(3, comment("c2", "see www.example.org", false));
    assert_eq!(heard(2, &effects), None, "it waits for a moderator");
    world.ask(1, In::Ban { id: "b".to_owned(), member: "ada".to_owned(), reason: None });
    assert_eq!(refused(&world.ask(3, comment("c3", "hi", true))), Some(ErrorCode::Banned));
}
