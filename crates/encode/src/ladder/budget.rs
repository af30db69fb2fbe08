//! When the processor cannot keep up.

use media::Span;

/// Judges whether a rung has to go. Media time is its only clock.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Cores that all rungs together may take.
    cores_max: f64,
    /// Since when the output is late.
    late_since: Option<Span>,
    /// What was used, as it was told at the beginning of the stretch that is measured.
    measured: Option<Use>,
    /// Stretches in a row in which too much was used.
    dear: u32,
    /// Nothing is judged before.
    calm_until: Span,
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
}

/// Why a rung goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// They fall behind.
    Late,
    /// They take more than they may.
    TooDear,
}

impl Budget {
    pub(crate) fn new(cores_max: f64) -> Budget {
        Budget { cores_max, late_since: None, measured: None, dear: 0, calm_until: Span::ZERO }
    }

    /// Looks at what was done so far; an answer means that one rung has to go, and is not repeated before the
    /// others had time to catch up.
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
            (false, false) => return None,
        };
        *self = Budget { calm_until: now.clock + CALM, ..Budget::new(self.cores_max) };
        Some(verdict)
    }

    fn is_dear(&mut self, now: Use) -> bool {
        let from = *self.measured.get_or_insert(now);
        let stretch = now.clock - from.clock;
        if stretch < STRETCH {
            return false;
        }
        let share = (now.cpu - from.cpu).flicks() as f64 / stretch.flicks() as f64;
        self.measured = Some(now);
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

/// Processor time is measured over so much media, and so many stretches in a row must be above the limit.
const STRETCH: Span = Span::from_secs(5);
const DEAR_STRETCHES: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    /// When rungs were dropped, in seconds, while `lag_and_cpu` tells for each tenth of a second how late they are
    /// and how many cores they take, depending on how many were dropped.
    fn dropped(seconds: i64, lag_and_cpu: impl Fn(f64, usize) -> (f64, f64)) -> Vec<(f64, Verdict)> {
        let mut budget = Budget::new(1.0);
        let (mut cpu, mut verdicts) = (0.0, Vec::new());
        for tenth in 0..seconds * 10 {
            let at = tenth as f64 / 10.0;
            let (lag, cores) = lag_and_cpu(at, verdicts.len());
            cpu += cores / 10.0;
            let span = |seconds: f64| Span::from_millis((seconds * 1e3) as i64);
            let now = Use { clock: span(at), lag: span(lag), cpu: span(cpu) };
            verdicts.extend(budget.judge(now).map(|verdict| (at, verdict)));
        }
        verdicts
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
        assert_eq!(dropped(100, dear), [(15.0, Verdict::TooDear)]);
    }
}
