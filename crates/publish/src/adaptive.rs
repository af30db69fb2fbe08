//! How many video bits a network carries now.

use std::collections::VecDeque;

use media::Span;

/// Follows one destination: lower at once when it falls behind, higher again carefully. Sans-IO.
///
/// How far it is behind is, over RTMP, the media that waits; over SRT, where the network's own queue comes first, the
/// round trip above its least, or what is not acknowledged in that time. A keyframe makes any network late for a moment,
/// so only what stays counts, or what is very much.
#[derive(Clone, Debug)]
pub struct Adaptive {
    limits: Limits,
    bitrate_bps: u32,
    looks: VecDeque<Seen>,
    round_trip_min: Option<Span>,
    lowered_at: Option<Span>,
    raised_at: Option<Span>,
    clear_since: Option<Span>,
    /// What the network carried when it fell behind: for when what waited is gone.
    sustained_bps: Option<u32>,
    /// How long the way must be clear after a fall.
    patience: Span,
}

/// One look and what it means.
#[derive(Clone, Copy, Debug)]
struct Seen {
    at: Span,
    look: Look,
    delay: Span,
}

/// Between which bit rates to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Least video bits per second.
    pub floor_bps: u32,
    /// Most, and what is begun with.
    pub ceiling_bps: u32,
    /// What else is sent: sound and the containers' own.
    pub beside_bps: u32,
    /// How much later than asked for another bit rate is what leaves: a stream's delay.
    pub delay: Span,
}

/// What is known of a destination at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Media that waits, or is not acknowledged.
    pub queued: Span,
    /// There and back.
    pub round_trip: Span,
    /// SRT's latency; zero over RTMP.
    pub latency: Span,
    /// Its bytes.
    pub queued_bytes: u64,
    /// Bytes that have left since the connection began.
    pub left_bytes: u64,
    /// Whether there was nothing more to hand over at some time since the look before: as much as was there was taken.
    pub idle: bool,
}

impl Adaptive {
    /// Whoever asks should look this often.
    pub const EVERY: Span = Span::from_millis(200);

    /// Begins with the ceiling.
    #[must_use]
    pub fn new(limits: Limits) -> Adaptive {
        Adaptive {
            limits,
            bitrate_bps: limits.ceiling_bps,
            looks: VecDeque::new(),
            round_trip_min: None,
            lowered_at: None,
            raised_at: None,
            clear_since: None,
            sustained_bps: None,
            patience: PATIENCE_MIN,
        }
    }

    /// Begins at time `at` with what the network was seen to carry: as if it had just been lowered to it.
    #[must_use]
    pub fn starting_at(limits: Limits, carried_bps: u32, at: Span) -> Adaptive {
        let bitrate_bps = carried_bps.clamp(limits.floor_bps.min(limits.ceiling_bps), limits.ceiling_bps);
        let lowered_at = (bitrate_bps < limits.ceiling_bps).then_some(at);
        Adaptive { bitrate_bps, lowered_at, ..Adaptive::new(limits) }
    }

    /// The connection is a new one: what was measured on the old does not count.
    pub fn reconnected(&mut self) {
        self.looks.clear();
        (self.round_trip_min, self.clear_since) = (None, None);
    }

    /// Takes a look at time `at` of the broadcast and answers with the video bits per second to aim at.
    pub fn look(&mut self, at: Span, look: &Look) -> u32 {
        if self.looks.back().is_some_and(|last| last.at >= at) {
            return self.bitrate_bps;
        }
        let (delay, high) = self.delay(look);
        self.looks.push_back(Seen { at, look: *look, delay });
        while self.looks.len() > LOOKS {
            self.looks.pop_front();
        }
        let lasting = self.looks.iter().map(|seen| seen.delay).min().unwrap_or(Span::ZERO);
        let behind = self.looks.len() == LOOKS && lasting >= high;
        let far_behind = delay.flicks() >= 3 * high.flicks();
        if behind || far_behind {
            self.clear_since = None;
            self.lower(at, delay, look);
        } else if delay.flicks() * 2 < high.flicks() {
            let since = *self.clear_since.get_or_insert(at);
            self.settle(at - since);
            self.raise(at, at - since);
        } else if lasting.flicks() * 2 >= high.flicks() {
            self.clear_since = None;
        }
        self.bitrate_bps
    }

    /// What the network is believed to carry for good, in video bits per second: more than [`Adaptive::look`] says while
    /// less is sent so that what waits gets away.
    #[must_use]
    pub fn sustained_bps(&self) -> u32 {
        self.bitrate_bps.max(self.sustained_bps.unwrap_or(0).min(self.limits.ceiling_bps))
    }

    /// How late it is, and from where on that is much.
    fn delay(&mut self, look: &Look) -> (Span, Span) {
        if look.latency == Span::ZERO {
            return (look.queued, QUEUED_HIGH);
        }
        let least = match self.round_trip_min {
            // It creeps upwards, so that a path that became longer is believed in some minutes.
            Some(least) => Span::from_flicks(least.flicks() + least.flicks() / 1_000).min(look.round_trip),
            None => look.round_trip,
        };
        self.round_trip_min = Some(least);
        let over = (look.round_trip - least).max(look.queued - least).max(Span::ZERO);
        let high = Span::from_flicks(look.latency.flicks() / 4).max(OVER_HIGH_MIN).min(QUEUED_HIGH);
        (over, high)
    }

    fn lower(&mut self, at: Span, delay: Span, look: &Look) {
        if self.lowered_at.is_some_and(|lowered| at - lowered < SETTLING + self.limits.delay) {
            return;
        }
        let Some(carried) = self.carried_bps(look) else { return };
        if self.is_draining(look) {
            return;
        }
        // Below what is carried, so that what waits gets away: the more the later it is.
        let share = (SUSTAINED_SHARE - 0.3 * delay.as_secs_f64()).max(0.5);
        let video = |share: f64| (carried * share - f64::from(self.limits.beside_bps)).max(0.0) as u32;
        let target = video(share);
        self.sustained_bps = Some(video(SUSTAINED_SHARE));
        let step = self.bitrate_bps - self.bitrate_bps / 20;
        let lower = target.min(step).clamp(self.limits.floor_bps, self.limits.ceiling_bps);
        if self.raised_at.is_some_and(|raised| at - raised < TRIAL + self.limits.delay) {
            self.patience = Span::from_flicks((self.patience.flicks() * 2).min(PATIENCE_MAX.flicks()));
        }
        (self.bitrate_bps, self.lowered_at, self.raised_at) = (lower, Some(at), None);
    }

    /// Whether the last fall was enough: what waits is old, so there is more of its time for a while, but fewer bytes.
    fn is_draining(&self, look: &Look) -> bool {
        let before = self.looks.front().map_or(0, |seen| seen.look.queued_bytes);
        self.lowered_at.is_some() && look.queued_bytes < before - before / 20
    }

    /// What waited has gone: back to what the network was seen to carry.
    fn settle(&mut self, clear: Span) {
        if clear < SETTLING {
            return;
        }
        if let Some(sustained) = self.sustained_bps.take() {
            self.bitrate_bps = self.bitrate_bps.max(sustained.min(self.limits.ceiling_bps));
        }
    }

    fn raise(&mut self, at: Span, clear: Span) {
        if self.bitrate_bps >= self.limits.ceiling_bps || clear < self.patience {
            return;
        }
        if self.raised_at.is_some_and(|raised| at - raised < RAISE_EVERY + self.limits.delay) {
            return;
        }
        if self.raised_at.is_some_and(|_| clear >= self.patience + TRIAL + self.limits.delay) {
            self.patience = PATIENCE_MIN;
        }
        let step = (self.limits.ceiling_bps / 10).max(1);
        self.bitrate_bps = self.bitrate_bps.saturating_add(step).min(self.limits.ceiling_bps);
        self.raised_at = Some(at);
    }

    /// Bits per second that got through over the last looks: what was handed over, less what only made the delay grow, or
    /// with what made it shrink. `None` where little was handed over since little was there: a machine that is held up is
    /// no weak network.
    fn carried_bps(&self, look: &Look) -> Option<f64> {
        let over_rtmp = look.latency == Span::ZERO;
        let busy = self.looks.iter().rev().take_while(|seen| !seen.look.idle).count();
        let since = if over_rtmp { self.looks.len().saturating_sub(busy + 1) } else { 0 };
        if over_rtmp && busy < BUSY_LOOKS {
            return None;
        }
        let (first, last) = (self.looks.get(since)?, self.looks.back()?);
        let seconds = (last.at - first.at).as_secs_f64();
        if seconds <= 0.0 {
            return None;
        }
        let sent_bps = last.look.left_bytes.saturating_sub(first.look.left_bytes) as f64 * 8.0 / seconds;
        let aimed_bps = f64::from(self.bitrate_bps) + f64::from(self.limits.beside_bps);
        if !over_rtmp && busy < self.looks.len() && sent_bps < MADE_SHARE * aimed_bps {
            return None;
        }
        // Over RTMP the delay is media that was not handed over at all.
        let growth = if over_rtmp { 0.0 } else { (last.delay - first.delay).as_secs_f64() / seconds };
        Some(sent_bps * (1.0 - growth.clamp(-1.0, 0.9)))
    }
}

/// Looks that are kept: 600 ms from the first to the last.
const LOOKS: usize = 4;

/// Over RTMP something waits all the time while the network carries less than there is: 400 ms of that tell how much.
const BUSY_LOOKS: usize = 2;

/// Over SRT the network's own queue fills while everything is handed over at once. Less than this share of what is aimed at
/// is less than was to be expected: pictures that need little, or a machine that is held up.
const MADE_SHARE: f64 = 0.6;

/// Of what is carried so much may be used for good: the rest is for keyframes and for what other programs send.
const SUSTAINED_SHARE: f64 = 0.9;

/// Media that may wait for good: a large keyframe's.
const QUEUED_HIGH: Span = Span::from_millis(200);

/// Over SRT: a frame and an acknowledgement's interval are under way anyway.
const OVER_HIGH_MIN: Span = Span::from_millis(100);

/// An encoder's buffer and the looks hold this much of what was before.
const SETTLING: Span = Span::from_millis(800);

/// A network that was weak is given this long.
const PATIENCE_MIN: Span = Span::from_secs(30);

/// And at most this long, where higher has failed again and again.
const PATIENCE_MAX: Span = Span::from_secs(240);

/// A step up that fails within this time was too much.
const TRIAL: Span = Span::from_secs(10);

/// Tenths of the ceiling, one at a time.
const RAISE_EVERY: Span = Span::from_secs(4);

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits =
        Limits { floor_bps: 400_000, ceiling_bps: 2_500_000, beside_bps: 150_000, delay: Span::ZERO };

    /// A network with a queue before it, and an encoder that does at once what it is told, keyframes and all.
    struct Network {
        adaptive: Adaptive,
        srt: bool,
        at_ms: i64,
        waiting_bits: f64,
        sent_bits: f64,
        bitrate: u32,
        /// What was asked for at the looks before, which leaves later.
        delayed: VecDeque<u32>,
    }

    impl Network {
        fn new(srt: bool) -> Network {
            let adaptive = Adaptive::new(LIMITS);
            Network {
                adaptive,
                srt,
                at_ms: 0,
                waiting_bits: 0.0,
                sent_bits: 0.0,
                bitrate: LIMITS.ceiling_bps,
                delayed: VecDeque::new(),
            }
        }

        /// Begun with what is known, and what is asked for leaves 20 s later.
        fn delayed(carried_bps: u32) -> Network {
            let limits = Limits { delay: Span::from_secs(20), ..LIMITS };
            let adaptive = Adaptive::starting_at(limits, carried_bps, Span::ZERO);
            let delayed = vec![carried_bps; 100].into();
            Network { adaptive, bitrate: carried_bps, delayed, ..Network::new(false) }
        }

        /// Carries `capacity_bps` for so long; answers with the longest delay in ms and the bit rate at each second's end.
        fn run(&mut self, capacity_bps: f64, seconds: i64) -> (i64, Vec<u32>) {
            let (mut worst, mut each) = (0, Vec::new());
            for _ in 0..seconds * 5 {
                self.at_ms += 200;
                // Each second begins with a keyframe of a fifth of it.
                let share = if self.at_ms % 1_000 == 200 { 0.36 } else { 0.16 };
                self.delayed.push_back(self.bitrate);
                let leaving = self.delayed.pop_front().unwrap_or(self.bitrate);
                let made = f64::from(leaving) * share + f64::from(LIMITS.beside_bps) * 0.2;
                let gone = (self.waiting_bits + made).min(capacity_bps * 0.2);
                self.waiting_bits += made - gone;
                // SRT takes what it is given; its own buffer is what waits.
                self.sent_bits += if self.srt { made } else { gone };
                let rate = f64::from(leaving + LIMITS.beside_bps);
                // More than this of a delayed stream is left out.
                let most = if self.delayed.is_empty() { f64::INFINITY } else { 3.0 * rate };
                self.waiting_bits = self.waiting_bits.min(most);
                let queued = Span::from_millis((self.waiting_bits / rate * 1_000.0) as i64);
                let base = Span::from_millis(40);
                let look = Look {
                    queued: if self.srt { queued + base } else { queued },
                    round_trip: if self.srt { base + queued.min(Span::from_millis(300)) } else { base },
                    latency: if self.srt { Span::from_millis(400) } else { Span::ZERO },
                    queued_bytes: (self.waiting_bits / 8.0) as u64,
                    left_bytes: (self.sent_bits / 8.0) as u64,
                    idle: self.srt || self.waiting_bits == 0.0,
                };
                self.bitrate = self.adaptive.look(Span::from_millis(self.at_ms), &look);
                worst = worst.max(queued.as_millis());
                if self.at_ms % 1_000 == 0 {
                    each.push(self.bitrate);
                }
            }
            (worst, each)
        }
    }

    #[test]
    fn a_network_that_carries_everything_is_left_alone() {
        for srt in [false, true] {
            let (_, each) = Network::new(srt).run(6_000_000.0, 60);
            assert!(each.iter().all(|&bps| bps == LIMITS.ceiling_bps), "{srt}: {each:?}");
        }
    }

    #[test]
    fn a_halved_link_settles_within_two_seconds() {
        for srt in [false, true] {
            let mut network = Network::new(srt);
            network.run(2_900_000.0, 10);
            let (worst, each) = network.run(1_450_000.0, 20);
            let carried = 1_450_000 - LIMITS.beside_bps;
            assert!(each[1] <= carried, "{srt}: {each:?}");
            assert!(network.adaptive.sustained_bps() >= carried / 2, "{srt}");
            assert!(worst < 1_500, "{srt}: {worst} ms behind");
            assert!(
                each.iter().skip(2).all(|&bps| (carried / 2..=carried).contains(&bps)),
                "{srt}: {each:?}"
            );
        }
    }

    #[test]
    fn it_rises_again_after_half_a_minute_and_not_at_once() {
        for srt in [false, true] {
            let mut network = Network::new(srt);
            network.run(1_000_000.0, 10);
            let low = network.bitrate;
            let (_, each) = network.run(8_000_000.0, 90);
            // The fall was up to ten seconds ago.
            assert!(each[2..20].iter().all(|&bps| bps <= low.max(each[1])), "{srt}: {each:?}");
            assert_eq!(each[89], LIMITS.ceiling_bps, "{srt}: {each:?}");
            assert!(each.windows(2).all(|pair| pair[1] >= pair[0]), "{srt}: {each:?}");
        }
    }

    #[test]
    fn where_higher_fails_it_is_tried_less_and_less_often() {
        let mut network = Network::new(false);
        network.run(1_450_000.0, 20);
        let (_, each) = network.run(1_450_000.0, 600);
        let falls = each.windows(2).filter(|pair| pair[1] < pair[0]).count();
        assert!((1..=8).contains(&falls), "{falls} falls");
    }

    #[test]
    fn what_leaves_later_is_waited_for() {
        let (_, falling) = Network::delayed(LIMITS.ceiling_bps).run(1_450_000.0, 20);
        assert!(falling.iter().all(|&bps| bps >= 700_000), "{falling:?}");
        assert!(falling[19] < 1_300_000, "{falling:?}");
        let (_, rising) = Network::delayed(900_000).run(1_450_000.0, 120);
        assert!(rising.iter().all(|&bps| bps <= 1_500_000), "{rising:?}");
        assert!(rising.iter().any(|&bps| bps > 1_000_000), "{rising:?}");
    }

    #[test]
    fn what_is_known_of_a_network_is_begun_with() {
        for srt in [false, true] {
            let mut network = Network::new(srt);
            network.adaptive = Adaptive::starting_at(LIMITS, 900_000, Span::ZERO);
            network.bitrate = 900_000;
            // A second of what was before still waits.
            network.waiting_bits = 500_000.0;
            let (_, each) = network.run(1_300_000.0, 25);
            assert!(each.iter().all(|&bps| (700_000..=900_000).contains(&bps)), "{srt}: {each:?}");
        }
    }

    #[test]
    fn a_machine_that_is_held_up_is_no_weak_network() {
        // A second in which nothing is made, then all of it at once, which a good network takes within a look.
        for (latency, delay) in [(0, 1_000), (400, 350)] {
            let mut adaptive = Adaptive::new(LIMITS);
            let mut left_bytes = 0;
            for number in 0..40_i64 {
                let held_up = (20..25).contains(&number);
                left_bytes += if held_up { 0 } else { 55_000 };
                // It shows while the machine is held up, and when it goes on.
                let late = held_up || number == 25;
                let queued = Span::from_millis(if late { delay } else { 20 });
                let look = Look {
                    queued,
                    round_trip: if latency > 0 { queued } else { Span::from_millis(20) },
                    latency: Span::from_millis(latency),
                    queued_bytes: if late { 270_000 } else { 0 },
                    left_bytes,
                    idle: true,
                };
                let aimed_bps = adaptive.look(Span::from_millis(200 * (number + 1)), &look);
                assert_eq!(aimed_bps, LIMITS.ceiling_bps, "latency {latency} ms, look {number}");
            }
        }
    }

    #[test]
    fn a_network_that_carries_nothing_for_a_while_is_still_noticed() {
        for srt in [false, true] {
            let mut network = Network::new(srt);
            network.run(6_000_000.0, 10);
            let (_, each) = network.run(200_000.0, 4);
            assert!(each[2] < LIMITS.ceiling_bps / 2, "{srt}: {each:?}");
        }
    }

    #[test]
    fn it_stays_between_its_limits() {
        for srt in [false, true] {
            let (_, each) = Network::new(srt).run(100_000.0, 20);
            assert_eq!(each[19], LIMITS.floor_bps);
        }
    }
}
