use std::time::{Duration, Instant};

use broadcast::{Cause, CauseKind};

use super::{COUNTDOWN, DestinationState, Failure, GoLive, Input, Outcome, Output, Phase, Summary};

/// A moment to count from. No test waits: every later moment is computed.
#[expect(clippy::disallowed_methods, reason = "a starting point is needed, its value does not matter")]
fn start() -> Instant {
    Instant::now()
}

fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
}

fn outputs(machine: &mut GoLive) -> Vec<Output> {
    std::iter::from_fn(|| machine.poll_output()).collect()
}

fn retrying(attempt: u32, at: Instant) -> DestinationState {
    DestinationState::Retrying { attempt, at, cause: cause(CauseKind::Broken, "") }
}

fn cause(kind: CauseKind, said: &str) -> Cause {
    Cause { kind, said: said.to_owned() }
}

/// Destinations called 0, 1, …
fn states(states: Vec<DestinationState>) -> Input {
    Input::Destinations(states.into_iter().enumerate().map(|(at, state)| (at.to_string(), state)).collect())
}

/// A machine that has been live since `t0 + COUNTDOWN`.
fn live(t0: Instant) -> GoLive {
    let mut machine = GoLive::default();
    machine.handle_input(t0, Input::GoLive(COUNTDOWN));
    machine.handle_input(t0 + COUNTDOWN, Input::Tick);
    machine.handle_input(t0 + COUNTDOWN, states(vec![DestinationState::Live { since: t0 }]));
    assert_eq!(outputs(&mut machine), [Output::Start]);
    machine
}

#[test]
fn nothing_is_sent_before_the_countdown_is_over() {
    let (t0, mut machine) = (start(), GoLive::default());
    machine.handle_input(t0, Input::GoLive(COUNTDOWN));
    assert_eq!(machine.deadline(), Some(t0 + COUNTDOWN));
    machine.handle_input(t0 + COUNTDOWN - Duration::from_millis(1), Input::Tick);
    assert_eq!(outputs(&mut machine), []);
    machine.handle_input(t0 + COUNTDOWN, Input::Tick);
    assert_eq!(outputs(&mut machine), [Output::Start]);
    assert_eq!(*machine.phase(), Phase::Connecting);
    assert_eq!(machine.deadline(), None);
}

#[test]
fn cancelling_the_countdown_starts_nothing_and_stops_nothing() {
    let (t0, mut machine) = (start(), GoLive::default());
    machine.handle_input(t0, Input::GoLive(COUNTDOWN));
    machine.handle_input(t0 + seconds(2), Input::Cancel);
    machine.handle_input(t0 + seconds(4), Input::Tick);
    assert_eq!(outputs(&mut machine), []);
    assert_eq!(*machine.phase(), Phase::Idle { failures: Vec::new() });
}

#[test]
fn cancelling_while_connecting_takes_the_broadcast_down() {
    let (t0, mut machine) = (start(), GoLive::default());
    machine.handle_input(t0, Input::GoLive(COUNTDOWN));
    machine.handle_input(t0 + COUNTDOWN, Input::Tick);
    machine.handle_input(t0 + seconds(4), Input::Cancel);
    assert_eq!(outputs(&mut machine), [Output::Start, Output::Stop]);
    machine.handle_input(t0 + seconds(5), Input::Finished(Outcome::default()));
    assert_eq!(*machine.phase(), Phase::Idle { failures: Vec::new() });
}

#[test]
fn a_first_connection_that_is_tried_again_still_counts_as_connecting() {
    let (t0, mut machine) = (start(), GoLive::default());
    machine.handle_input(t0, Input::GoLive(COUNTDOWN));
    machine.handle_input(t0 + COUNTDOWN, Input::Tick);
    machine.handle_input(t0 + seconds(5), states(vec![retrying(1, t0 + seconds(6))]));
    assert_eq!(*machine.phase(), Phase::Connecting);
}

#[test]
fn when_every_destination_gives_up_each_one_has_its_reason() {
    let (t0, mut machine) = (start(), GoLive::default());
    machine.handle_input(t0, Input::GoLive(COUNTDOWN));
    machine.handle_input(t0 + COUNTDOWN, Input::Tick);
    let refused = cause(CauseKind::KeyRefused, "No such key.");
    let failed = DestinationState::Failed { cause: refused.clone() };
    machine.handle_input(t0 + seconds(4), states(vec![failed.clone(), DestinationState::Connecting]));
    assert_eq!(*machine.phase(), Phase::Connecting);
    machine.handle_input(t0 + seconds(5), states(vec![failed.clone(), failed]));
    let failure = |name: &str| Failure { to: Some(name.to_owned()), cause: (&refused).into() };
    assert_eq!(*machine.phase(), Phase::Idle { failures: vec![failure("0"), failure("1")] });
    assert_eq!(outputs(&mut machine), [Output::Start, Output::Stop]);
}

#[test]
fn one_live_destination_is_enough_to_be_live() {
    let (t0, mut machine) = (start(), GoLive::default());
    machine.handle_input(t0, Input::GoLive(COUNTDOWN));
    machine.handle_input(t0 + COUNTDOWN, Input::Tick);
    let one_live = vec![retrying(3, t0 + seconds(9)), DestinationState::Live { since: t0 }];
    machine.handle_input(t0 + seconds(4), states(one_live));
    assert_eq!(*machine.phase(), Phase::Live { since: t0 + seconds(4) });
}

#[test]
fn the_timer_does_not_begin_anew_after_a_reconnection() {
    let t0 = start();
    let mut machine = live(t0);
    let next = t0 + seconds(11);
    machine.handle_input(t0 + seconds(10), states(vec![retrying(1, next)]));
    machine.handle_input(t0 + seconds(12), states(vec![retrying(2, t0 + seconds(14))]));
    let expected = Phase::Reconnecting {
        since: t0 + COUNTDOWN,
        attempt: 2,
        next: t0 + seconds(14),
        cause: (&cause(CauseKind::Broken, "")).into(),
        lost: t0 + seconds(10),
    };
    assert_eq!(*machine.phase(), expected);
    machine.handle_input(t0 + seconds(15), states(vec![DestinationState::Live { since: t0 }]));
    assert_eq!(*machine.phase(), Phase::Live { since: t0 + COUNTDOWN });
    assert_eq!(outputs(&mut machine), []);
}

#[test]
fn ending_reports_the_time_on_air_and_the_most_viewers() {
    let t0 = start();
    let mut machine = live(t0);
    for count in [2, 141, 7] {
        machine.handle_input(t0 + seconds(20), Input::Viewers(count));
    }
    machine.handle_input(t0 + COUNTDOWN + seconds(60), Input::End);
    assert_eq!(outputs(&mut machine), [Output::Stop]);
    machine.handle_input(t0 + seconds(70), states(vec![DestinationState::Ended]));
    assert!(matches!(machine.phase(), Phase::Ending { .. }), "a late report changes nothing");
    let outcome = Outcome { average_bitrate_bps: 2_500_000, dropped_frames: 3 };
    machine.handle_input(t0 + seconds(70), Input::Finished(outcome.clone()));
    assert_eq!(*machine.phase(), Phase::Ended(Summary { length: seconds(60), peak_viewers: 141, outcome }));
    machine.handle_input(t0 + seconds(80), Input::NewBroadcast);
    assert_eq!(*machine.phase(), Phase::Idle { failures: Vec::new() });
}

#[test]
fn viewers_of_an_earlier_broadcast_do_not_count() {
    let t0 = start();
    let mut machine = live(t0);
    machine.handle_input(t0 + seconds(5), Input::Viewers(9));
    machine.handle_input(t0 + seconds(6), Input::End);
    machine.handle_input(t0 + seconds(7), Input::Finished(Outcome::default()));
    machine.handle_input(t0 + seconds(8), Input::NewBroadcast);
    machine.handle_input(t0 + seconds(8), Input::Viewers(5));
    machine.handle_input(t0 + seconds(9), Input::GoLive(COUNTDOWN));
    assert_eq!(machine.peak_viewers(), 0);
}

#[test]
fn pressing_twice_does_no_harm() {
    let t0 = start();
    let mut machine = live(t0);
    machine.handle_input(t0 + seconds(5), Input::GoLive(COUNTDOWN));
    machine.handle_input(t0 + seconds(5), Input::Cancel);
    machine.handle_input(t0 + seconds(5), Input::NewBroadcast);
    assert_eq!(*machine.phase(), Phase::Live { since: t0 + COUNTDOWN });
    machine.handle_input(t0 + seconds(6), Input::End);
    machine.handle_input(t0 + seconds(6), Input::End);
    assert_eq!(outputs(&mut machine), [Output::Stop]);
}

#[test]
fn without_a_countdown_it_connects_at_once() {
    let mut machine = GoLive::default();
    machine.handle_input(start(), Input::GoLive(Duration::ZERO));
    assert_eq!((outputs(&mut machine), machine.phase()), (vec![Output::Start], &Phase::Connecting));
}
