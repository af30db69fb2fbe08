//! How much an SRT connection may have under way.
//!
//! Live SRT sends what it is given at once. Before a line that has become slow that fills the router's queue, what finds no
//! room there is lost, and while it is repeated it is too late for the latency: sound is missing. So no more is handed
//! over than the path carries in its round trip, and a little that waits; the rest waits in the publisher's own queue,
//! where sound is told from pictures.

use std::time::Duration;

use srt::Statistics;

/// What was seen of a connection's path.
#[derive(Debug, Default)]
pub(crate) struct Path {
    /// Bytes that were handed to libsrt.
    handed: u64,
    /// Bytes of them that the other end has, and since when it is so many. Times are the connection's age.
    delivered: u64,
    progress: Duration,
    /// The shortest round trip of late, and since when nothing older counts.
    shortest: Option<(Duration, Duration)>,
    /// What was delivered until the present window began, and when that was.
    window: (u64, Duration),
    /// Bytes per second of the last two windows.
    rates: [f64; 2],
}

impl Path {
    /// Notes that so much was handed to libsrt.
    pub(crate) fn hand(&mut self, bytes: usize) {
        self.handed += bytes as u64;
    }

    /// How many bytes may be handed over now.
    pub(crate) fn room(&mut self, statistics: &Statistics) -> usize {
        let Statistics { age, round_trip, sent, .. } = *statistics;
        let under_way = sent.buffered_bytes;
        self.look(age, under_way);
        // libsrt assumes a round trip until it has measured one, and drops what it could not deliver for a second, or for
        // the latency where that is more.
        let late = sent.buffered >= (sent.latency * 3 / 4).max(LATE);
        let most = if age < MEASURED_AFTER { UNKNOWN } else { self.most(age, round_trip) };
        if !late && under_way < most {
            return usize::try_from(most - under_way).unwrap_or(usize::MAX);
        }
        // The other end misses a packet only when a later one comes: were the last ones lost, both would wait for ever.
        let silent = age.saturating_sub(self.progress) >= PROBE.max(round_trip * 2);
        if silent {
            self.progress = age;
        }
        usize::from(silent)
    }

    fn look(&mut self, age: Duration, under_way: u64) {
        let delivered = self.handed.saturating_sub(under_way);
        if delivered > self.delivered || under_way == 0 {
            (self.delivered, self.progress) = (delivered.max(self.delivered), age);
        }
        let (before, begun) = self.window;
        let length = age.saturating_sub(begun);
        if length >= WINDOW {
            let rate = self.delivered.saturating_sub(before) as f64 / length.as_secs_f64();
            self.rates = [self.rates[1], rate];
            self.window = (self.delivered, age);
        }
    }

    fn most(&mut self, age: Duration, round_trip: Duration) -> u64 {
        let (shortest, since) = match self.shortest {
            Some((shortest, since)) if age < since + REMEMBERED => (shortest.min(round_trip), since),
            // Ways change. One on which much waits just now counts for longer than it is, for so long.
            _ => (round_trip, age),
        };
        self.shortest = Some((shortest, since));
        // A packet that is lost is not taken for a slow line: it is repeated within a round trip.
        let carried = self.rates[0].max(self.rates[1]) * (shortest * 2 + WAITING).as_secs_f64();
        (carried as u64).max(LEAST)
    }
}

/// What may wait before a slow line; routers of homes hold less than half a second of what they carry.
const WAITING: Duration = Duration::from_millis(120);
/// Over which it is counted what the path carries. A sender's own pauses are shorter.
const WINDOW: Duration = Duration::from_millis(500);
/// How long the shortest way is remembered.
const REMEMBERED: Duration = Duration::from_secs(30);
/// Until the first round trips are measured.
const MEASURED_AFTER: Duration = Duration::from_secs(1);
/// Bytes under way at the beginning: a first keyframe.
const UNKNOWN: u64 = 256 << 10;
/// Bytes that may always be under way: a path that carried little because little was sent takes a keyframe soon.
const LEAST: u64 = 16 << 10;
/// Below it libsrt drops nothing.
const LATE: Duration = Duration::from_millis(700);
/// After so long without a sign one packet more goes out.
const PROBE: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn seen(age: u64, round_trip: u64, under_way: u64) -> Statistics {
        let mut statistics = Statistics { age: MS(age), round_trip: MS(round_trip), ..Statistics::default() };
        statistics.sent.buffered_bytes = under_way;
        statistics.sent.latency = MS(400);
        statistics
    }

    /// A path that has carried 150 kB a second for three seconds, in 40 ms there and back.
    fn steady() -> Path {
        let mut path = Path::default();
        for look in 0..=300 {
            path.hand(1_500);
            path.room(&seen(look * 10, 40, 6_000));
        }
        path
    }

    #[test]
    fn no_more_is_under_way_than_the_path_carries_in_its_round_trip_and_a_little_that_waits() {
        let mut path = steady();
        let room = path.room(&seen(3_010, 40, 0));
        assert!((28_000..32_000).contains(&room), "{room}");
        assert_eq!(path.room(&seen(3_020, 300, 31_000)), 0, "a queue makes the way no longer");
    }

    #[test]
    fn a_path_that_carries_less_is_given_less_within_a_second() {
        let mut path = steady();
        let mut under_way = 6_000;
        for look in 301..=420 {
            // It delivers 75 kB a second from now on.
            under_way -= 750.min(under_way);
            let room = path.room(&seen(look * 10, 40, under_way)) as u64;
            let bytes = room.min(1_500);
            path.hand(bytes as usize);
            under_way += bytes;
        }
        assert!(under_way <= 17_000, "{under_way}");
    }

    #[test]
    fn a_sign_is_sent_when_nothing_comes_back() {
        let mut path = steady();
        assert_eq!(path.room(&seen(3_100, 40, 60_000)), 0);
        assert_eq!(path.room(&seen(3_400, 40, 60_000)), 1);
        assert_eq!(path.room(&seen(3_410, 40, 60_000)), 0);
        assert_eq!(path.room(&seen(3_600, 40, 60_000)), 1);
    }
}
