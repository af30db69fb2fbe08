//! What the picture is when the network carries less than it needs: smaller, then slower.

use media::{Size, Span};

/// What the picture encoder aims at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Pixels.
    pub size: Size,
    /// Frames per second.
    pub fps: u32,
    /// Video bits per second.
    pub bitrate_bps: u32,
}

/// Chooses the shape for a bit rate. Sans-IO.
///
/// The floor is what the whole picture needs; a smaller or slower one makes do with less in proportion, and so the floor
/// of all is that of the last step. A step is taken when the network has carried less than the present floor for a while,
/// and back when it has carried clearly more than the floor above for longer; at most one in half a minute, since each
/// begins with new parameters and a keyframe.
#[derive(Clone, Debug)]
pub(crate) struct Ladder {
    full: Shape,
    floor_bps: u32,
    step: usize,
    changed_at: Option<Span>,
    short_since: Option<Span>,
    ample_since: Option<Span>,
}

impl Ladder {
    /// From the full shape, whose bit rate is the ceiling.
    pub(crate) fn new(full: Shape, floor_bps: u32) -> Ladder {
        Ladder { full, floor_bps, step: 0, changed_at: None, short_since: None, ample_since: None }
    }

    /// Sets the most bits per second.
    pub(crate) fn set_ceiling(&mut self, bitrate_bps: u32) {
        self.full.bitrate_bps = bitrate_bps;
    }

    /// The least that any step needs.
    pub(crate) fn least_bps(&self) -> u32 {
        (0..STEPS.len()).map(|step| self.floor_of(step)).min().unwrap_or(self.floor_bps)
    }

    /// The shape for what the network carries at time `at` of the broadcast, and the bit rate that it should get now, which
    /// is less while what waits gets away.
    pub(crate) fn look(&mut self, at: Span, carried_bps: u32, aimed_bps: u32) -> Shape {
        let short = carried_bps < self.floor_of(self.step) && self.step + 1 < STEPS.len();
        let ample =
            self.step > 0 && f64::from(carried_bps) >= AMPLE * f64::from(self.floor_of(self.step - 1));
        self.short_since = short.then(|| self.short_since.unwrap_or(at));
        self.ample_since = ample.then(|| self.ample_since.unwrap_or(at));
        if self.changed_at.is_none_or(|changed| at - changed >= STEP_EVERY) {
            let lasted = |since: Option<Span>, wanted| since.is_some_and(|since| at - since >= wanted);
            if lasted(self.short_since, SHORT_FOR) {
                self.change(self.step + 1, at);
            } else if lasted(self.ample_since, AMPLE_FOR) {
                self.change(self.step - 1, at);
            }
        }
        let bitrate_bps =
            aimed_bps.clamp(self.floor_of(self.step).min(self.full.bitrate_bps), self.full.bitrate_bps);
        Shape { bitrate_bps, ..self.shape_of(self.step) }
    }

    fn change(&mut self, step: usize, at: Span) {
        self.step = step;
        (self.changed_at, self.short_since, self.ample_since) = (Some(at), None, None);
    }

    fn shape_of(&self, step: usize) -> Shape {
        shape_at(self.full, &STEPS[step])
    }

    fn floor_of(&self, step: usize) -> u32 {
        ((f64::from(self.floor_bps) * STEPS[step].share) as u32).max(LEAST_BPS)
    }
}

/// What `full` is after so many steps, with its bit rate; `None` when there are fewer.
pub(crate) fn eased(full: Shape, steps: usize) -> Option<Shape> {
    STEPS.get(steps).map(|step| shape_at(full, step))
}

fn shape_at(full: Shape, &Step { quarters, slower, .. }: &Step) -> Shape {
    // Encoders take even sides only.
    let side = |side: u32| (side * quarters / 4 / 2 * 2).max(2);
    let size = Size::new(side(full.size.width), side(full.size.height));
    let fps = if slower { full.fps.div_ceil(2) } else { full.fps };
    Shape { size, fps, bitrate_bps: full.bitrate_bps }
}

/// A smaller or slower picture.
struct Step {
    /// Of each side.
    quarters: u32,
    /// Half of the frames.
    slower: bool,
    /// Of the full picture's bits: area to the power of 0.85, frames to that of 0.6.
    share: f64,
}

/// Size first: a small picture that moves well is easier to follow than a large one that stutters.
const STEPS: [Step; 4] = [
    Step { quarters: 4, slower: false, share: 1.0 },
    Step { quarters: 3, slower: false, share: 0.61 },
    Step { quarters: 2, slower: false, share: 0.31 },
    Step { quarters: 2, slower: true, share: 0.2 },
];

/// Encoders take no less than 50 kbit/s.
const LEAST_BPS: u32 = 60_000;

/// A dip is no reason for another size, nor is the moment in which less is sent so that what waits gets away.
const SHORT_FOR: Span = Span::from_secs(5);

/// Half as much again as the larger picture needs, so that it does not come back at once.
const AMPLE: f64 = 1.5;

/// What is clear for so long may stay so.
const AMPLE_FOR: Span = Span::from_secs(30);

/// Every change is a keyframe and, for some players, a flicker.
const STEP_EVERY: Span = Span::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Shape = Shape { size: Size::new(1_280, 720), fps: 30, bitrate_bps: 2_500_000 };

    /// Looks each 200 ms and notes every change of size or rate: second, height, frames per second.
    fn changes(ladder: &mut Ladder, from_s: i64, seconds: i64, carried: u32) -> Vec<(i64, u32, u32)> {
        let mut found = Vec::new();
        let mut last = ladder.shape_of(ladder.step);
        for look in 0..seconds * 5 {
            let at = Span::from_millis(from_s * 1_000 + look * 200);
            let shape = ladder.look(at, carried, carried);
            if (shape.size, shape.fps) != (last.size, last.fps) {
                found.push((at.as_millis() / 1_000, shape.size.height, shape.fps));
            }
            last = shape;
        }
        found
    }

    #[test]
    fn above_the_floor_only_the_bit_rate_follows() {
        let mut ladder = Ladder::new(FULL, 600_000);
        assert_eq!(changes(&mut ladder, 0, 60, 700_000), []);
        assert_eq!(ladder.look(Span::from_secs(61), 700_000, 700_000).bitrate_bps, 700_000);
        assert_eq!(ladder.look(Span::from_secs(61), 9_000_000, 9_000_000).bitrate_bps, 2_500_000);
    }

    #[test]
    fn below_it_the_picture_becomes_smaller_then_slower_once_in_half_a_minute() {
        let mut ladder = Ladder::new(FULL, 600_000);
        let least = ladder.least_bps();
        assert_eq!(least, 120_000);
        let all = changes(&mut ladder, 0, 200, least);
        assert_eq!(all, [(5, 540, 30), (35, 360, 30), (65, 360, 15)]);
    }

    #[test]
    fn it_comes_back_the_same_way_when_there_is_ample_room() {
        let mut ladder = Ladder::new(FULL, 600_000);
        changes(&mut ladder, 0, 100, 120_000);
        let back = changes(&mut ladder, 100, 200, 2_500_000);
        assert_eq!(back, [(130, 360, 30), (160, 540, 30), (190, 720, 30)]);
        assert_eq!(changes(&mut ladder, 300, 100, 620_000), []);
    }

    #[test]
    fn sending_less_for_a_moment_is_no_reason_for_another_size() {
        let mut ladder = Ladder::new(FULL, 600_000);
        let shapes = (0..100).map(|look| ladder.look(Span::from_millis(look * 200), 800_000, 300_000));
        shapes.for_each(|shape| assert_eq!(shape, Shape { bitrate_bps: 600_000, ..FULL }));
    }

    #[test]
    fn a_dip_changes_no_size() {
        let mut ladder = Ladder::new(FULL, 600_000);
        assert_eq!(changes(&mut ladder, 0, 4, 100_000), []);
        assert_eq!(changes(&mut ladder, 4, 30, 2_500_000), []);
    }
}
