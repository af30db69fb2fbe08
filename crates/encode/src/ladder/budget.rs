//! When the processor cannot keep up.

use media::Span;

/// Judges whether a rung has to go, and whether one that went may come back. Media time is its only clock.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Cores that all rungs together may take.
    cores_max: f64,
    /// Since when the output is late.
    late_since: Option<Span>,
    /// What was used, as it was told at the beginning of the stretch that is measured.
    measured: Option<Use>,
    /// Cores that were taken in the stretch before.
    cores: Option<f64>,
    /// Stretches in a row in which too much was used.
    dear: u32,
    /// Nothing is judged before.
    calm_until: Span,
    /// Since when there is room for the rung that would come back.
    room_since: Option<Span>,
    /// For how long there must be.
    wait: Span,
    /// When one came back last, and when one went.
    returned_at: Option<Span>,
    dropped_at: Option<Span>,
}

/// What the rungs did so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Use {
    /// How much media was given to them.
    pub(crate) clock: Span,
    /// How far the slowest is behind that.
    pub(crate) lag: Span,
    /// Processor time that they took.
    pub(crate) cpu: Span,
    /// Cores that the rung which would come back took; `None` when none would.
    pub(crate) returning: Option<f64>,
}

/// What becomes of a rung, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// One goes: they fall behind.
    Late,
    /// One goes: they take more than they may.
    TooDear,
    /// One comes back.
    Room,
}

impl Budget {
    pub(crate) fn new(cores_max: f64) -> Budget {
        Budget {
            cores_max,
            late_since: None,
            measured: None,
            cores: None,
            dear: 0,
            calm_until: Span::ZERO,
            room_since: None,
            wait: WAIT_MIN,
            returned_at: None,
            dropped_at: None,
        }
    }

    /// Looks at what was done so far. That a rung has to go is not repeated before the others had time to catch up.
    pub(crate) fn judge(&mut self, now: Use) -> Option<Verdict> {
        let dear = self.is_dear(now);
        if now.clock < self.calm_until {
            return None;
        }
        if now.lag <= LAG_MAX {
            self.late_since = None;
        }
        let since = *self.late_since.get_or_insert(now.clock);
        let late = now.lag > LAG_MAX && now.clock - since >= PATIENCE;
        let verdict = match (late, dear) {
            (true, _) => Verdict::Late,
            (false, true) => Verdict::TooDear,
            (false, false) => return self.has_room(now).then(|| self.give_room(now)),
        };
        let lately = |at: Option<Span>| at.is_some_and(|at| now.clock - at < TOO_SOON);
        let wait = match (lately(self.returned_at), lately(self.dropped_at)) {
            (true, _) => WAIT_MAX.min(self.wait * 2),
            // One more of the same bad time.
            (false, true) => self.wait,
            (false, false) => WAIT_MIN,
        };
        *self = Budget {
            calm_until: now.clock + CALM,
            wait,
            dropped_at: Some(now.clock),
            ..Budget::new(self.cores_max)
        };
        Some(verdict)
    }

    fn has_room(&mut self, now: Use) -> bool {
        let fits = |cores: f64, more: f64| cores + more <= self.cores_max;
        let fits = self.cores.zip(now.returning).is_some_and(|(cores, more)| fits(cores, more));
        if !fits || now.lag > LAG_CALM {
            self.room_since = None;
            return false;
        }
        now.clock - *self.room_since.get_or_insert(now.clock) >= self.wait
    }

    fn give_room(&mut self, now: Use) -> Verdict {
        (self.room_since, self.measured, self.returned_at) = (None, None, Some(now.clock));
        Verdict::Room
    }

    fn is_dear(&mut self, now: Use) -> bool {
        let from = *self.measured.get_or_insert(now);
        let stretch = now.clock - from.clock;
        if stretch < STRETCH {
            return false;
        }
        let share = (now.cpu - from.cpu).flicks() as f64 / stretch.flicks() as f64;
        self.measured = Some(now);
        self.cores = Some(share);
        self.dear = if share > self.cores_max { self.dear + 1 } else { 0 };
        self.dear >= DEAR_STRETCHES
    }
}

/// Renditions this late still play beside the source: parts come a little later.
pub(crate) const LAG_MAX: Span = Span::from_millis(1_000);

/// Late for so long it is not one heavy picture or a busy moment.
const PATIENCE: Span = Span::from_secs(2);

/// What is left needs so long to work off what waits.
const CALM: Span = Span::from_secs(6);

/// With more lag than this nothing more is begun.
const LAG_CALM: Span = Span::from_millis(500);

/// There is room for so long before a rung comes back. Twice as long when the last one that did had to go again
/// within [`TOO_SOON`], up to the most.
const WAIT_MIN: Span = Span::from_secs(60);
const WAIT_MAX: Span = Span::from_secs(16 * 60);
const TOO_SOON: Span = Span::from_secs(120);

/// Processor time is measured over so much media, and so many stretches in a row must be above the limit.
const STRETCH: Span = Span::from_secs(5);
const DEAR_STRETCHES: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    /// What was decided, and when in seconds, while `lag_and_cpu` tells for each tenth of a second how late rungs are
    /// and how many cores they take, depending on how many are dropped.
    fn judged(seconds: i64, lag_and_cpu: impl Fn(f64, usize) -> (f64, f64)) -> Vec<(f64, Verdict)> {
        let mut budget = Budget::new(1.0);
        let (mut cpu, mut gone, mut verdicts) = (0.0, 0, Vec::new());
        for tenth in 0..seconds * 10 {
            let at = tenth as f64 / 10.0;
            let (lag, cores) = lag_and_cpu(at, gone);
            cpu += cores / 10.0;
            let span = |seconds: f64| Span::from_millis((seconds * 1e3) as i64);
            let returning = (gone > 0).then_some(0.4);
            let now = Use { clock: span(at), lag: span(lag), cpu: span(cpu), returning };
            let Some(verdict) = budget.judge(now) else { continue };
            verdicts.push((at, verdict));
            gone = if verdict == Verdict::Room { gone - 1 } else { gone + 1 };
        }
        verdicts
    }

    /// The same without what came back.
    fn dropped(seconds: i64, lag_and_cpu: impl Fn(f64, usize) -> (f64, f64)) -> Vec<(f64, Verdict)> {
        let verdicts = judged(seconds, lag_and_cpu).into_iter();
        verdicts.filter(|(_, verdict)| *verdict != Verdict::Room).collect()
    }

    #[test]
    fn rungs_that_keep_up_stay() {
        assert_eq!(dropped(600, |_, _| (0.9, 0.95)), []);
    }

    #[test]
    fn a_busy_moment_drops_nothing() {
        assert_eq!(dropped(60, |at, _| (if at % 10.0 < 1.8 { 2.5 } else { 0.2 }, 0.5)), []);
    }

    #[test]
    fn one_rung_goes_when_it_is_late_for_long_and_the_rest_gets_time_to_catch_up() {
        let slow = |_: f64, gone: usize| (if gone == 0 { 1.5 } else { 0.3 }, 0.5);
        assert_eq!(dropped(60, slow), [(2.0, Verdict::Late)]);
    }

    #[test]
    fn rungs_go_one_after_the_other_while_it_does_not_help() {
        assert_eq!(
            dropped(20, |_, _| (3.0, 0.5)).iter().map(|(at, _)| *at).collect::<Vec<_>>(),
            [2.0, 10.0, 18.0]
        );
    }

    #[test]
    fn a_rung_goes_when_all_take_more_of_the_processor_than_they_may() {
        let dear = |_: f64, gone: usize| (0.1, if gone == 0 { 1.2 } else { 0.8 });
        assert_eq!(judged(400, dear), [(15.0, Verdict::TooDear)], "and there is no room for it again");
    }

    #[test]
    fn a_rung_comes_back_when_there_was_room_for_it_for_a_minute() {
        let busy_until_100 = |at: f64, gone: usize| (if at < 100.0 && gone == 0 { 1.5 } else { 0.3 }, 0.5);
        let verdicts = judged(400, busy_until_100);
        let (at, what): (Vec<f64>, Vec<Verdict>) = verdicts.into_iter().unzip();
        assert_eq!(what, [Verdict::Late, Verdict::Room, Verdict::Late, Verdict::Room], "{at:?}");
        assert!((60.0..80.0).contains(&at[1]), "a minute, and what it takes to measure: {at:?}");
        assert!((180.0..220.0).contains(&at[3]), "two minutes, since the first was too soon: {at:?}");
    }

    #[test]
    fn rungs_that_come_back_too_soon_wait_ever_longer() {
        let verdicts = judged(7_200, |_, gone| (if gone == 0 { 1.5 } else { 0.3 }, 0.5));
        let back: Vec<f64> =
            verdicts.iter().filter(|(_, verdict)| *verdict == Verdict::Room).map(|(at, _)| *at).collect();
        let waits: Vec<f64> = back.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(waits.windows(2).all(|pair| pair[1] > pair[0] - 0.2), "{waits:?}");
        assert!((5..12).contains(&back.len()) && waits.last().is_some_and(|wait| *wait > 960.0), "{waits:?}");
    }

    #[test]
    fn nothing_comes_back_while_the_others_are_only_just_in_time() {
        assert_eq!(judged(600, |_, gone| (if gone == 0 { 1.5 } else { 0.7 }, 0.5)), [(2.0, Verdict::Late)]);
    }
}
