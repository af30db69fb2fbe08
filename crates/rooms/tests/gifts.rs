//! Who may give what to whom.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod world;

use rooms::frame::{ErrorCode, In, Out, Role, State};
use rooms::{Act, Command, Deed, Effect, EntryBody, Gift};
use world::{World, at, refused, to};

fn star() -> Gift {
    let id = "star".parse().unwrap();
    Gift {
        id, name: "Star".to_owned(), name_zh: Some("星星".to_owned()), emoji: "⭐".to_owned(), points: 10
    }
}

fn gift(count: u32, to: Option<&str>) -> In {
    In::Gift { id: format!("g{count}"), gift: "star".to_owned(), count, to: to.map(str::to_owned) }
}

/// A host (1), a viewer with an account (2) and a guest (3).
fn world() -> World {
    let mut world = World::new();
    world.tell(Command::Describe { title: "Demo".to_owned(), owner: Some("N host".to_owned()) });
    world.tell(Command::Catalogue { gifts: vec![star()] });
    world.join(1, "host", &[Role::Owner]);
    world.join(2, "ada", &[]);
    world.join(3, "gust", &[Role::Guest]);
    world
}

/// Whom a gift is told to be for.
fn honoured(effects: &[Effect]) -> Option<(String, u64)> {
    to(3, effects).into_iter().find_map(|frame| match frame {
        Out::Gift { to, points, .. } => Some((to.id, points)),
        _ => None,
    })
}

#[test]
fn a_gift_goes_to_the_host_or_to_whoever_is_named_and_everybody_sees_it() {
    let mut world = world();
    let told = world.ask(2, gift(3, None));
    assert_eq!(to(2, &told)[0], Out::Ack { id: "g3".to_owned(), seq: 1, held: false });
    assert_eq!(honoured(&told), Some(("host".to_owned(), 30)));
    assert_eq!(honoured(&world.ask(2, gift(1, Some("n GUST")))), Some(("gust".to_owned(), 10)));
    let welcome = world.join(4, "ben", &[]);
    let Out::Welcome { history, .. } = &to(4, &welcome)[0] else { panic!("{welcome:?}") };
    assert!(matches!(&history[0], Out::Gift { seq: 1, emoji, .. } if emoji == "⭐"), "{history:?}");
}

#[test]
fn a_host_who_is_away_can_be_honoured() {
    let mut world = world();
    world.tell(Command::Leave { connection: 1 });
    for (count, name) in [(1, None), (2, Some("N Host"))] {
        assert_eq!(honoured(&world.ask(2, gift(count, name))).unwrap().0, "", "{name:?}");
    }
}

#[test]
fn guests_give_nothing_and_nobody_honours_themselves_or_gives_what_there_is_not() {
    let mut world = world();
    assert_eq!(refused(&world.ask(3, gift(1, None))), Some(ErrorCode::SignInNeeded));
    assert_eq!(refused(&world.ask(2, gift(1, Some("ada")))), Some(ErrorCode::NotAllowed));
    assert_eq!(refused(&world.ask(1, gift(1, None))), Some(ErrorCode::NotAllowed));
    assert_eq!(refused(&world.ask(2, gift(2, Some("nobody")))), Some(ErrorCode::Missing));
    assert_eq!(refused(&world.ask(2, gift(0, None))), Some(ErrorCode::BadFrame));
    assert_eq!(refused(&world.ask(2, gift(1_000, None))), Some(ErrorCode::BadFrame));
    let moon = In::Gift { id: "m".to_owned(), gift: "moon".to_owned(), count: 1, to: None };
    assert_eq!(refused(&world.ask(2, moon)), Some(ErrorCode::Missing));
    world.ask(1, In::Ban { id: "b".to_owned(), member: "ada".to_owned(), reason: None });
    assert_eq!(refused(&world.ask(2, gift(4, None))), Some(ErrorCode::Banned));
    assert!(
        !world.log.iter().any(|entry| matches!(&entry.body, EntryBody::Deed(Deed { act: Act::Gift(_), .. })))
    );
}

#[test]
fn what_is_not_paid_is_told_its_giver_alone() {
    let mut world = world();
    let ask = Command::Frame { connection: 2, frame: gift(5, None) };
    world.room.handle_input(at(1), ask);
    let Some(Effect::Persist(entry)) = world.room.poll_output() else { panic!("nothing to store") };
    world.room.handle_input(at(1), Command::NotPaid { seq: entry.seq });
    let told: Vec<Effect> = std::iter::from_fn(|| world.room.poll_output()).collect();
    assert_eq!((refused(&told), honoured(&told)), (Some(ErrorCode::NotEnough), None));
    assert!(matches!(told.as_slice(), [Effect::To(2, _)]), "{told:?}");
}

#[test]
fn a_repeat_that_the_ledger_knows_is_answered_like_the_first() {
    let mut world = world();
    world.room.handle_input(at(1), Command::Frame { connection: 2, frame: gift(5, None) });
    let Some(Effect::Persist(entry)) = world.room.poll_output() else { panic!("nothing to store") };
    world.room.handle_input(at(1), Command::Given { seq: entry.seq, first: 77 });
    let ack = Out::Ack { id: "g5".to_owned(), seq: 77, held: false };
    assert_eq!(world.room.poll_output(), Some(Effect::To(2, ack.clone())));
    let again = world.ask(2, gift(5, None));
    assert_eq!(again, [Effect::To(2, ack)]);
}

#[test]
fn players_that_are_not_in_the_chat_are_viewers_too() {
    let mut world = world();
    world.tell(Command::Stream { state: State::Live, live_since_ms: Some(1) });
    world.pass(1_000);
    world.tell(Command::Players { alone: 3 });
    assert_eq!((world.room.view().viewers, world.room.view().members), (5, 2));
    world.pass(1_000);
    world.tell(Command::Players { alone: 0 });
    let audience = world.room.audience(at(world.now)).unwrap();
    assert_eq!((audience.peak, audience.average_milli), (5, 3_500));
}
