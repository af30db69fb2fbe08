//! One gap-free line of samples out of a device's timestamps.

use media::{Span, Timescale, Timestamp};

/// Places blocks of sound on the session's timeline. Sans-IO: the caller tells the time.
///
/// A device's timestamps jitter, have gaps, jump, and run on another crystal than the computer's clock.
/// The samples themselves are the truth: within [`SNAP`] a block simply continues the line. The distance
/// that remains is followed slowly and given out as [`AvSync::offset`], by which pictures are moved so that
/// they stay with the sound; so drift costs no sample and no resampling. A larger distance is a real gap and
/// becomes silence, or an overlap and is left out. A timestamp further than [`RESET`] from the time of its
/// arrival comes from another clock and is mapped anew.
#[derive(Debug)]
pub struct AvSync {
    rate: Timescale,
    /// The next sample of the line.
    next: i64,
    /// The timeline's time minus the session clock's.
    offset: Span,
    /// What is added to a device timestamp to get the session clock's.
    anchor: Span,
    /// Samples since the line and the device last agreed; `None` until a block arrives.
    locked: Option<i64>,
    silent: u64,
}

/// Where a block goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Time of the first sample of what is to be appended: of the silence, when there is any.
    pub pts: Timestamp,
    /// Samples of silence per channel that go before the block.
    pub silence: usize,
    /// Samples per channel at the head of the block that are already covered and are left out.
    pub skip: usize,
}

impl AvSync {
    /// A line of `rate` samples per second that begins at `start`.
    #[must_use]
    pub fn new(rate: Timescale, start: Timestamp) -> AvSync {
        AvSync {
            rate,
            next: start.ticks(rate),
            offset: Span::ZERO,
            anchor: Span::ZERO,
            locked: None,
            silent: 0,
        }
    }

    /// The line of another source, in whose place this one comes: [`AvSync::offset`] begins with its last.
    #[must_use]
    pub fn after(self, offset: Span) -> AvSync {
        AvSync { offset, ..self }
    }

    /// Takes the timestamps of a block of `frames` samples per channel, whose first sample the device
    /// recorded at `device_time`, and which arrived at `arrived` on the session's clock.
    pub fn block(&mut self, arrived: Timestamp, device_time: Timestamp, frames: usize) -> Placed {
        let block = Span::from_ticks(frames as i64, self.rate);
        let mut captured = device_time + self.anchor;
        if (captured - arrived).abs() > RESET {
            self.anchor = arrived - block - device_time;
            captured = device_time + self.anchor;
            self.locked = None;
        }
        let distance = captured + self.offset - Timestamp::from_ticks(self.next, self.rate);
        let (silence, skip) = match self.locked {
            Some(since) if distance.abs() < SNAP => {
                self.follow(distance, block, Span::from_ticks(since, self.rate));
                (0, 0)
            }
            _ => self.jump(distance, frames),
        };
        let pts = Timestamp::from_ticks(self.next, self.rate);
        self.next += (silence + frames - skip) as i64;
        self.locked = Some(self.locked.unwrap_or(0).saturating_add(frames as i64));
        self.silent += silence as u64;
        Placed { pts, silence, skip }
    }

    /// How much silence to append when no block has come for too long, so that the line keeps up with the
    /// session's clock; `None` while it may still come.
    pub fn idle(&mut self, now: Timestamp) -> Option<Placed> {
        let late = now + self.offset - Timestamp::from_ticks(self.next, self.rate);
        // While it has stalled, and before the first sound, the line follows the clock closely.
        let limit = if self.locked.is_some() { STALL } else { STALL_KEPT };
        if late <= limit {
            return None;
        }
        let silence = (late - STALL_KEPT).ticks(self.rate).max(0) as usize;
        let pts = Timestamp::from_ticks(self.next, self.rate);
        self.next += silence as i64;
        self.locked = None;
        self.silent += silence as u64;
        Some(Placed { pts, silence, skip: 0 })
    }

    /// Appends the silence that is missing up to `now`: for a source that has come to its end.
    pub fn fill_to(&mut self, now: Timestamp) -> Placed {
        let missing = now + self.offset - Timestamp::from_ticks(self.next, self.rate);
        let pts = Timestamp::from_ticks(self.next, self.rate);
        let silence = missing.ticks(self.rate).max(0) as usize;
        self.next += silence as i64;
        Placed { pts, silence, skip: 0 }
    }

    /// Appends silence for `frames` samples that are known to be lost.
    pub fn lost(&mut self, frames: usize) -> Placed {
        let pts = Timestamp::from_ticks(self.next, self.rate);
        self.next += frames as i64;
        self.silent += frames as u64;
        Placed { pts, silence: frames, skip: 0 }
    }

    /// What to add to a time of the session's clock to get the timeline's.
    #[must_use]
    pub fn offset(&self) -> Span {
        self.offset
    }

    /// Samples per channel of silence that were appended so far.
    #[must_use]
    pub fn silent(&self) -> u64 {
        self.silent
    }

    fn follow(&mut self, distance: Span, block: Span, since_lock: Span) {
        // A running mean at first, so that the jitter of the first block does not last; then a slow one.
        let constant = since_lock.flicks().clamp(FOLLOW_MIN.flicks(), FOLLOW_MAX.flicks());
        let step = i128::from(distance.flicks()) * i128::from(block.flicks()) / i128::from(constant);
        self.offset -=
            Span::from_flicks(step.clamp(-i128::from(SNAP.flicks()), i128::from(SNAP.flicks())) as i64);
    }

    fn jump(&mut self, distance: Span, frames: usize) -> (usize, usize) {
        self.locked = None;
        let samples = distance.ticks(self.rate);
        if samples < -(frames as i64) {
            return (0, frames);
        }
        // The line has no parts of samples. Were the half of one that remains followed, each new line in the place of another
        // would move the pictures, and all other sounds, a little.
        self.anchor -= distance - Span::from_ticks(samples, self.rate);
        if samples >= 0 { (samples as usize, 0) } else { (0, samples.unsigned_abs() as usize) }
    }
}

/// Distances below this are jitter. Scheduling delays and Bluetooth stay below it; an audible gap does not.
const SNAP: Span = Span::from_millis(70);

/// A timestamp this far from its arrival belongs to another clock: no device buffers two seconds.
const RESET: Span = Span::from_secs(2);

/// Without sound for this long a device has stalled. A machine under load delivers half a second late and more.
const STALL: Span = Span::from_secs(1);

/// What a stalled line is left behind the clock, so that a device that comes back is not cut.
const STALL_KEPT: Span = Span::from_millis(300);

/// Time constant of the mean at the start: ten blocks of 20 ms.
const FOLLOW_MIN: Span = Span::from_millis(200);

/// Time constant in the long run: 200 ppm of drift then leave a lag of 2 ms, and 20 ms of jitter pass as 1 ms.
const FOLLOW_MAX: Span = Span::from_secs(10);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RATE: Timescale = match Timescale::new(48_000) {
        Some(rate) => rate,
        None => unreachable!(),
    };

    fn millis(time: i64) -> Timestamp {
        Timestamp::from_millis(time)
    }

    /// A line that agreed with its device at 0 ms and has 20 ms.
    fn locked() -> AvSync {
        let mut sync = AvSync::new(RATE, Timestamp::ZERO);
        assert_eq!(sync.block(millis(20), millis(0), 960), Placed { pts: millis(0), silence: 0, skip: 0 });
        sync
    }

    #[test]
    fn jitter_is_snapped_to_the_line() {
        for jitter in [-60, -1, 0, 1, 60] {
            let placed = locked().block(millis(40), millis(20 + jitter), 960);
            assert_eq!(placed, Placed { pts: millis(20), silence: 0, skip: 0 }, "{jitter} ms");
        }
    }

    #[test]
    fn a_gap_stays_a_gap() {
        let mut sync = locked();
        let placed = sync.block(millis(140), millis(120), 960);
        assert_eq!(placed, Placed { pts: millis(20), silence: 4_800, skip: 0 });
        assert_eq!(sync.silent(), 4_800);
    }

    #[test]
    fn the_first_block_is_placed_exactly() {
        let mut sync = AvSync::new(RATE, Timestamp::ZERO);
        assert_eq!(
            sync.block(millis(50), millis(30), 960),
            Placed { pts: millis(0), silence: 1_440, skip: 0 }
        );
    }

    #[test]
    fn an_overlap_is_left_out() {
        let mut sync = locked();
        sync.block(millis(520), millis(500), 960);
        let placed = sync.block(millis(540), millis(430), 4_800);
        assert_eq!(placed, Placed { pts: millis(520), silence: 0, skip: 4_320 });
    }

    #[test]
    fn a_foreign_clock_is_mapped_to_the_arrival() {
        let mut sync = AvSync::new(RATE, Timestamp::ZERO);
        let placed = sync.block(millis(20), millis(1_700_000_000_000), 960);
        assert_eq!(placed, Placed { pts: millis(0), silence: 0, skip: 0 });
        let placed = sync.block(millis(40), millis(1_700_000_000_020), 960);
        assert_eq!(placed, Placed { pts: millis(20), silence: 0, skip: 0 });
    }

    #[test]
    fn a_stalled_device_becomes_silence_and_its_return_is_placed_exactly() {
        let mut sync = locked();
        assert_eq!(sync.idle(millis(1_020)), None);
        let filled = sync.idle(millis(1_120)).expect("more than a second without sound is a stall");
        assert_eq!(filled, Placed { pts: millis(20), silence: 800 * 48, skip: 0 });
        let filled = sync.idle(millis(1_140)).expect("the line keeps up while the device is away");
        assert_eq!(filled, Placed { pts: millis(820), silence: 20 * 48, skip: 0 });
        let placed = sync.block(millis(1_160), millis(1_140), 960);
        assert_eq!(placed, Placed { pts: millis(840), silence: 300 * 48, skip: 0 });
    }

    #[test]
    fn a_line_in_the_place_of_another_keeps_its_offset_to_the_flick() {
        let offset = Span::from_flicks(123_456_789);
        // Files do not begin where a sample of the line lies.
        for part in [1, 4_000, 7_351, 10_000, 14_699] {
            let mut sync = AvSync::new(RATE, millis(1_000)).after(offset);
            for block in 0..500 {
                let begin = millis(1_700) + Span::from_flicks(part) + Span::from_ticks(block * 960, RATE);
                sync.block(begin + Span::from_millis(25), begin, 960);
                assert_eq!(sync.offset(), offset, "{part} flicks, block {block}");
            }
        }
    }

    /// The distance in milliseconds between sound and picture, for an hour of a device that is `ppm` off.
    fn skews_of_an_hour(ppm: f64, jitter_ms: f64, seed: u64) -> Vec<f64> {
        let mut sync = AvSync::new(RATE, Timestamp::ZERO);
        let mut random = seed;
        let mut skews = Vec::new();
        for block in 0..180_000_i64 {
            // Block n holds the sound from this moment of the session's clock.
            let true_ms = block as f64 * 20.0 / (1.0 + ppm / 1e6);
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let jitter = ((random >> 33) as f64 / f64::from(1_u32 << 31) - 0.5) * 2.0 * jitter_ms;
            let told = Timestamp::from_flicks(((true_ms + jitter) * 705_600.0) as i64);
            let arrived = Timestamp::from_flicks(((true_ms + 25.0) * 705_600.0) as i64);
            let placed = sync.block(arrived, told, 960);
            // Only the first block may be moved to its place.
            assert!(block == 0 || (placed.silence, placed.skip) == (0, 0));
            let heard_ms =
                placed.pts.as_secs_f64() * 1_000.0 + (placed.silence as f64 - placed.skip as f64) / 48.0;
            let seen_ms = true_ms + sync.offset().as_secs_f64() * 1_000.0;
            skews.push((heard_ms - seen_ms).abs());
        }
        skews
    }

    #[test]
    fn an_hour_with_a_drifting_device_keeps_the_picture_within_20_ms() {
        for (ppm, seed) in [(200.0, 1), (-200.0, 2), (0.0, 3)] {
            let mut skews = skews_of_an_hour(ppm, 15.0, seed);
            skews.sort_by(f64::total_cmp);
            let p95 = skews[skews.len() * 95 / 100];
            assert!(p95 < 5.0, "{ppm} ppm: p95 {p95} ms");
            assert!(skews[skews.len() - 1] < 20.0, "{ppm} ppm: worst {} ms", skews[skews.len() - 1]);
        }
    }

    proptest! {
        #[test]
        fn the_line_has_no_hole_whatever_the_device_says(
            blocks in prop::collection::vec((0_i64..5_000, -3_000_i64..3_000, 1_usize..5_000), 1..200)
        ) {
            let mut sync = AvSync::new(RATE, Timestamp::ZERO);
            let (mut now, mut next) = (0, 0_i64);
            for (wait, error, frames) in blocks {
                now += wait;
                if let Some(filled) = sync.idle(millis(now)) {
                    prop_assert_eq!(filled.pts.ticks(RATE), next);
                    next += filled.silence as i64;
                }
                let placed = sync.block(millis(now), millis(now + error), frames);
                prop_assert_eq!(placed.pts.ticks(RATE), next);
                prop_assert!(placed.skip <= frames);
                next += (placed.silence + frames - placed.skip) as i64;
            }
        }
    }
}
