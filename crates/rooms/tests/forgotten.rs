//! What becomes of a member whose account is deleted.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod world;

use rooms::frame::{FloorView, In, Out, Role, Whom};
use rooms::{Change, Command, DELETED_NAME, Effect};
use world::{World, to};

const OWNER: &[Role] = &[Role::Owner];

/// The host (1) and two viewers (2, 3); ada has written, is pinned, asks, waits and raises her hand.
fn world() -> World {
    let mut world = World::new();
    world.join(1, "host", OWNER);
    world.join(2, "ada", &[Role::Moderator]);
    world.join(3, "ben", &[]);
    world.say(3, "by ben");
    world.say(2, "by ada");
    world.ask(1, In::Pin { id: "p".to_owned(), message: Some(2) });
    world.ask(2, In::Ask { id: "q".to_owned(), text: "why".to_owned() });
    world.ask(2, In::Delete { id: "d".to_owned(), message: 1 });
    let change = Change { hold_links: Some(true), ..Change::default() };
    world.ask(1, In::Settings { id: "s".to_owned(), change });
    world.ask(3, In::Hand { up: true });
    world.say(3, "see www.example");
    world
}

fn welcome(effects: &[Effect]) -> (FloorView, Vec<Out>) {
    let welcome = to(9, effects).into_iter().find_map(|frame| match frame {
        Out::Welcome { floor, history, .. } => Some((*floor, history)),
        _ => None,
    });
    welcome.expect("a welcome")
}

/// Whether a name or role of theirs is in anything that a newcomer is told.
fn named(world: &mut World, name: &str) -> bool {
    let told = welcome(&world.join(9, "newcomer", OWNER));
    world.tell(Command::Leave { connection: 9 });
    format!("{told:?}").contains(name)
}

#[test]
fn what_a_deleted_account_said_stays_and_is_nobodys_also_after_a_restart() {
    let mut world = world();
    assert!(named(&mut world, "N ada") && named(&mut world, "N ben"));
    for member in ["ada", "ben"] {
        let told = world.tell(Command::Forget { member: member.to_owned() });
        let expected = Whom { id: member.to_owned(), name: DELETED_NAME.to_owned() };
        let forgotten = to(1, &told).into_iter().find_map(|frame| match frame {
            Out::Forgotten { member, .. } => Some(member),
            _ => None,
        });
        assert_eq!(forgotten, Some(expected), "those who are here are told: {told:?}");
    }
    let floor = world.room.floor().clone();
    for restarted in [false, true] {
        let (floor, history) = welcome(&world.join(9, "newcomer", OWNER));
        let Some(Out::Message { from, text, .. }) = floor.pinned.map(|pinned| *pinned) else { panic!() };
        assert_eq!((from.name.as_str(), text.as_str()), (DELETED_NAME, "by ada"));
        assert!(from.roles.is_empty() && floor.hands.is_empty(), "no role is left, and no hand");
        assert_eq!(
            (floor.questions[0].from.name.as_str(), floor.held[0].from.name.as_str()),
            (DELETED_NAME, DELETED_NAME)
        );
        assert_eq!(history.len(), 1, "what was taken away stays away: {history:?}");
        for name in ["N ada", "N ben"] {
            assert!(!named(&mut world, name), "{name}, restarted: {restarted}");
        }
        world.restart();
    }
    assert_eq!(world.room.floor(), &floor, "a room that begins again is the room that it was");
}

#[test]
fn whoever_was_away_is_told_of_a_deleted_account_when_they_come_back() {
    let mut world = world();
    let seen = world.log.len() as u64;
    world.tell(Command::Leave { connection: 3 });
    world.tell(Command::Forget { member: "ada".to_owned() });
    world.join(3, "ben", &[]);
    let told = world.ask(3, In::Resume { epoch: "e".to_owned(), seq: seen });
    assert!(matches!(to(3, &told).as_slice(), [Out::Forgotten { .. }]), "{told:?}");
}

#[test]
fn a_room_that_knows_nothing_of_an_account_is_told_nothing() {
    let mut world = world();
    let lines = world.log.len();
    let told = world.tell(Command::Forget { member: "zoe".to_owned() });
    assert_eq!((told, world.log.len()), (Vec::new(), lines));
}

#[test]
fn what_is_on_its_way_from_a_deleted_account_is_nobodys_too() {
    let mut world = world();
    world.tell(Command::Forget { member: "ada".to_owned() });
    // Her connection is closed a moment later.
    let told = world.say(2, "one more");
    let from = to(1, &told).into_iter().find_map(|frame| match frame {
        Out::Message { from, .. } => Some(from),
        _ => None,
    });
    assert_eq!(from.unwrap().name.as_str(), DELETED_NAME);
}
