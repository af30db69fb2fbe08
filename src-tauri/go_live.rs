//! What the Go live button may do next: a state machine without a clock, a socket or a window.
//!
//! The caller hands in what happened together with the time, then drains [`GoLive::poll_output`]. The
//! phase on air is computed from the destinations: live if one of them is, reconnecting if none is and
//! one tries again, idle with what happened if all have given up.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use broadcast::DestinationState;

use crate::cause::CauseView;

/// How long a person may still change their mind after pressing Go live.
pub const COUNTDOWN: Duration = Duration::from_secs(3);

/// What the broadcast did, for the summary that stays on screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Bits per second sent to the first destination, over the time on air.
    pub average_bitrate_bps: u64,
    /// Frames that viewers did not get.
    pub dropped_frames: u64,
}

/// What the window shows after a broadcast.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// From the first live moment to the end; zero if it never was live.
    pub length: Duration,
    /// Most viewers at once.
    pub peak_viewers: u32,
    /// What the broadcast itself reported.
    pub outcome: Outcome,
}

/// Why nothing is sent to a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The destination's name; `None` where it is about all of them.
    pub to: Option<String>,
    /// What happened.
    pub cause: CauseView,
}

/// Where a session is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing runs.
    Idle {
        /// Why every destination of the last try gave up; empty at first.
        failures: Vec<Failure>,
    },
    /// Go live was pressed; nothing is sent before `ends`.
    Countdown {
        /// When it turns into [`Phase::Connecting`].
        ends: Instant,
    },
    /// The broadcast runs, and no destination has accepted it yet.
    Connecting,
    /// At least one destination takes media.
    Live {
        /// The first live moment; a reconnection does not move it.
        since: Instant,
    },
    /// No destination takes media, and at least one tries again.
    Reconnecting {
        /// The first live moment.
        since: Instant,
        /// The smallest attempt of those that try.
        attempt: u32,
        /// When that try begins.
        next: Instant,
        /// What happened to it.
        cause: CauseView,
        /// When the last destination was lost.
        lost: Instant,
    },
    /// The last frames are on their way.
    Ending {
        /// The first live moment, and the moment End was confirmed.
        on_air: Option<(Instant, Instant)>,
    },
    /// Over; [`Input::NewBroadcast`] leads back.
    Ended(Summary),
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Go live was pressed; it begins after this much time.
    GoLive(Duration),
    /// Cancel was pressed, or Esc.
    Cancel,
    /// End was confirmed.
    End,
    /// New broadcast was pressed.
    NewBroadcast,
    /// Time passed.
    Tick,
    /// The broadcast could not start.
    StartFailed(String),
    /// The destinations' names and states, all of them.
    Destinations(Vec<(String, DestinationState)>),
    /// So many people watch now.
    Viewers(u32),
    /// The broadcast was taken down.
    Finished(Outcome),
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Start the broadcast.
    Start,
    /// Take the broadcast down; answer with [`Input::Finished`].
    Stop,
}

/// The machine.
#[derive(Debug)]
pub struct GoLive {
    phase: Phase,
    peak_viewers: u32,
    outputs: VecDeque<Output>,
}

impl Default for GoLive {
    fn default() -> GoLive {
        GoLive { phase: Phase::Idle { failures: Vec::new() }, peak_viewers: 0, outputs: VecDeque::new() }
    }
}

impl GoLive {
    /// Where the session is.
    #[must_use]
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Whether viewers would lose something if the window closed now.
    #[must_use]
    pub fn is_on_air(&self) -> bool {
        matches!(
            self.phase,
            Phase::Connecting | Phase::Live { .. } | Phase::Reconnecting { .. } | Phase::Ending { .. }
        )
    }

    /// Whether a broadcast ends that viewers have seen.
    #[must_use]
    pub fn was_on_air(&self) -> bool {
        matches!(self.phase, Phase::Ending { on_air: Some(_) })
    }

    /// Most viewers at once since the first live moment.
    #[must_use]
    pub fn peak_viewers(&self) -> u32 {
        self.peak_viewers
    }

    /// When [`Input::Tick`] is due; `None` when only an event can change the phase.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Countdown { ends } => Some(ends),
            _ => None,
        }
    }

    /// Takes what happened at `now`. An input that means nothing in the present phase is ignored, so a
    /// second click or a late report does no harm.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::GoLive(countdown) => self.go_live(now, countdown),
            Input::Cancel => self.cancel(),
            Input::End => self.end(now),
            Input::NewBroadcast => {
                if matches!(self.phase, Phase::Ended(_)) {
                    self.phase = Phase::Idle { failures: Vec::new() };
                }
            }
            Input::Tick => self.tick(now),
            Input::StartFailed(reason) => {
                if self.phase == Phase::Connecting {
                    let failure = Failure { to: None, cause: CauseView::start(reason) };
                    self.phase = Phase::Idle { failures: vec![failure] };
                }
            }
            Input::Destinations(states) => self.destinations(now, &states),
            Input::Viewers(count) => {
                if matches!(self.phase, Phase::Live { .. } | Phase::Reconnecting { .. }) {
                    self.peak_viewers = self.peak_viewers.max(count);
                }
            }
            Input::Finished(outcome) => self.finished(outcome),
        }
    }

    /// What is to be done next; call until `None`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn go_live(&mut self, now: Instant, countdown: Duration) {
        if matches!(self.phase, Phase::Idle { .. }) {
            self.peak_viewers = 0;
            self.phase = Phase::Countdown { ends: now + countdown };
            // Without a countdown nobody sees one.
            self.tick(now);
        }
    }

    fn cancel(&mut self) {
        match self.phase {
            Phase::Countdown { .. } => self.phase = Phase::Idle { failures: Vec::new() },
            Phase::Connecting => {
                self.phase = Phase::Idle { failures: Vec::new() };
                self.outputs.push_back(Output::Stop);
            }
            _ => {}
        }
    }

    fn end(&mut self, now: Instant) {
        let on_air = match self.phase {
            Phase::Connecting => None,
            Phase::Live { since } | Phase::Reconnecting { since, .. } => Some((since, now)),
            _ => return,
        };
        self.phase = Phase::Ending { on_air };
        self.outputs.push_back(Output::Stop);
    }

    fn tick(&mut self, now: Instant) {
        if let Phase::Countdown { ends } = self.phase
            && now >= ends
        {
            self.phase = Phase::Connecting;
            self.outputs.push_back(Output::Start);
        }
    }

    fn finished(&mut self, outcome: Outcome) {
        if let Phase::Ending { on_air } = self.phase {
            let length = on_air.map_or(Duration::ZERO, |(since, ended)| ended.duration_since(since));
            self.phase = Phase::Ended(Summary { length, peak_viewers: self.peak_viewers, outcome });
        }
    }

    fn destinations(&mut self, now: Instant, states: &[(String, DestinationState)]) {
        let (since, lost) = match self.phase {
            Phase::Connecting => (None, now),
            Phase::Live { since } => (Some(since), now),
            Phase::Reconnecting { since, lost, .. } => (Some(since), lost),
            _ => return,
        };
        if states.iter().any(|(_, state)| matches!(state, DestinationState::Live { .. })) {
            self.phase = Phase::Live { since: since.unwrap_or(now) };
        } else if let Some((attempt, next, cause)) = next_try(states) {
            if let Some(since) = since {
                self.phase = Phase::Reconnecting { since, attempt, next, cause, lost };
            }
        } else if !states.is_empty()
            && !states.iter().any(|(_, state)| *state == DestinationState::Connecting)
        {
            self.phase = Phase::Idle { failures: failures(states) };
            self.outputs.push_back(Output::Stop);
        }
    }
}

/// The earliest of the tries that are due.
fn next_try(states: &[(String, DestinationState)]) -> Option<(u32, Instant, CauseView)> {
    states
        .iter()
        .filter_map(|(_, state)| match state {
            DestinationState::Retrying { attempt, at, cause } => Some((*attempt, *at, cause.into())),
            _ => None,
        })
        .min_by_key(|(_, at, _)| *at)
}

fn failures(states: &[(String, DestinationState)]) -> Vec<Failure> {
    states
        .iter()
        .filter_map(|(name, state)| match state {
            DestinationState::Failed { cause } => {
                Some(Failure { to: Some(name.clone()), cause: cause.into() })
            }
            _ => None,
        })
        .collect()
}

#[cfg(test)]
#[path = "go_live_tests.rs"]
mod tests;
