//! When a frame leaves, and which.

use media::{Span, Timescale, Timestamp};

/// An absolute grid of ticks, one for each frame that is sent. Sans-IO.
///
/// A tick is due a little after its time, when the picture that belongs to it has arrived. A tick without a new
/// picture repeats the last one, so the frame rate is constant; only when the encoder is far behind are ticks
/// left out, since repeating would make it later still.
#[derive(Debug)]
pub(crate) struct Pacer {
    rate: Timescale,
    next: i64,
    skipped: u64,
}

impl Pacer {
    /// A grid of `fps` frames per second whose first tick comes after `now`.
    pub(crate) fn new(fps: u32, now: Timestamp) -> Pacer {
        let rate = rate_of(fps);
        Pacer { rate, next: now.ticks(rate) + 1, skipped: 0 }
    }

    /// Goes on with `fps` frames per second: the next tick is the first that is not before the one that was next.
    pub(crate) fn change_rate(&mut self, fps: u32) {
        let at = self.time_of(self.next);
        self.rate = rate_of(fps);
        let nearest = at.ticks(self.rate);
        self.next = nearest + i64::from(self.time_of(nearest) < at);
    }

    /// When the next tick is due.
    pub(crate) fn due(&self) -> Timestamp {
        self.time_of(self.next) + self.interval() + ARRIVAL
    }

    /// When the pictures that lie nearest to the next tick have arrived: half a picture before it is due.
    pub(crate) fn arrived(&self) -> Timestamp {
        self.time_of(self.next) + Span::from_flicks(self.interval().flicks() / 2) + ARRIVAL
    }

    /// Takes the next tick, leaving out those that are hopelessly late.
    pub(crate) fn tick(&mut self, now: Timestamp) -> i64 {
        let late = (now - self.due()).ticks(self.rate);
        if late > LATE_TICKS_MAX {
            self.skipped += late.unsigned_abs();
            self.next += late;
        }
        self.next += 1;
        self.next - 1
    }

    /// How many of the pictures that wait, taken at `times`, are used up by `tick`; its own is the last of them.
    pub(crate) fn choose(&self, tick: i64, times: &[Timestamp]) -> usize {
        let (time, half) = (self.time_of(tick), Span::from_flicks(self.interval().flicks() / 2));
        let near = times.iter().take_while(|&&taken| taken <= time + half).count();
        // A source whose pictures fall between two ticks would flicker between "early" and "late": a picture
        // that is a little too late is still taken when there is no other.
        // No more than an eighth, so that a source of another rate stays within 20 ms of its sound at 30 a second.
        let eighth = Span::from_flicks(half.flicks() / 4);
        let late = times.first().is_some_and(|&taken| taken <= time + half + eighth);
        if near == 0 && late { 1 } else { near }
    }

    /// Takes the newest tick whose pictures have arrived: whoever is slower than the grid leaves ticks out at once, since a
    /// late picture is of no use to the encoder.
    pub(crate) fn newest(&mut self, now: Timestamp) -> i64 {
        let late = (now - self.arrived()).flicks().max(0) / self.interval().flicks().max(1);
        self.next += late + 1;
        self.next - 1
    }

    /// The time of a tick.
    pub(crate) fn time_of(&self, tick: i64) -> Timestamp {
        Timestamp::from_ticks(tick, self.rate)
    }

    /// Ticks left out.
    pub(crate) fn skipped(&self) -> u64 {
        self.skipped
    }

    fn interval(&self) -> Span {
        Span::from_ticks(1, self.rate)
    }
}

fn rate_of(fps: u32) -> Timescale {
    Timescale::new(fps).unwrap_or(Timescale::MILLISECONDS)
}

/// What a grab, a conversion and a thread's waking take.
const ARRIVAL: Span = Span::from_millis(8);

/// Up to this many late ticks are made up for; beyond it the encoder cannot follow.
const LATE_TICKS_MAX: i64 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(time: i64) -> Timestamp {
        Timestamp::from_millis(time)
    }

    fn pacer() -> Pacer {
        Pacer::new(25, Timestamp::ZERO)
    }

    #[test]
    fn ticks_stand_on_an_absolute_grid() {
        let mut pacer = pacer();
        let ticks: Vec<i64> = (0..5).map(|_| pacer.tick(pacer.due() + Span::from_millis(30))).collect();
        assert_eq!(ticks, [1, 2, 3, 4, 5]);
        assert_eq!(pacer.time_of(5), millis(200));
        assert_eq!(pacer.skipped(), 0);
    }

    #[test]
    fn a_short_delay_is_made_up_for_and_a_long_one_is_skipped() {
        let mut pacer = pacer();
        let late = pacer.due() + Span::from_millis(4 * 40);
        assert_eq!([pacer.tick(late), pacer.tick(late), pacer.tick(late)], [1, 2, 3]);
        let very_late = pacer.due() + Span::from_millis(10 * 40);
        assert_eq!(pacer.tick(very_late), 14);
        assert_eq!(pacer.skipped(), 10);
    }

    #[test]
    fn a_change_of_rate_leaves_no_tick_out() {
        let mut pacer = Pacer::new(30, Timestamp::ZERO);
        let mut next = |fps: u32| {
            pacer.change_rate(fps);
            let tick = pacer.tick(pacer.due());
            (tick, (pacer.time_of(tick) - Timestamp::ZERO).as_millis())
        };
        assert_eq!([next(30), next(30), next(15), next(15)], [(1, 33), (2, 67), (2, 133), (3, 200)]);
        assert_eq!([next(30), next(25)], [(8, 267), (8, 320)]);
    }

    #[test]
    fn the_newest_tick_is_the_last_whose_pictures_have_arrived() {
        let mut pacer = pacer();
        let arrived = pacer.arrived();
        assert_eq!(arrived, millis(40 + 20 + 8));
        assert_eq!([pacer.newest(arrived), pacer.newest(arrived + Span::from_millis(40))], [1, 2]);
        assert_eq!(pacer.newest(arrived + Span::from_millis(10 * 40 + 39)), 11);
        assert_eq!(pacer.arrived(), arrived + Span::from_millis(11 * 40));
    }

    #[test]
    fn the_nearest_picture_is_taken_and_earlier_ones_are_passed_over() {
        let pacer = pacer();
        assert_eq!(pacer.choose(2, &[millis(50), millis(79), millis(119)]), 2);
        assert_eq!(pacer.choose(2, &[millis(119)]), 0);
        assert_eq!(pacer.choose(2, &[]), 0);
    }

    #[test]
    fn pictures_between_two_ticks_are_not_shown_twice() {
        let pacer = pacer();
        let mut waiting: Vec<Timestamp> = Vec::new();
        let mut repeated = 0;
        for tick in 1..200_i64 {
            // 25 fps, half way between ticks, 4 ms of jitter.
            waiting.push(millis(tick * 40 + 20 + if tick % 2 == 0 { 4 } else { -4 }));
            let taken = pacer.choose(tick, &waiting);
            repeated += u32::from(taken == 0);
            waiting.drain(..taken);
        }
        assert!(repeated <= 1, "{repeated}");
    }
}
