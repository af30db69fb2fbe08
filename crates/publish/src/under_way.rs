//! What was taken from the queue and has not left yet, by the clock of the media.

use std::collections::VecDeque;

use media::{Span, Timestamp};

/// Remembers where in the bytes of a connection each packet ends. Sans-IO.
///
/// It holds what fits a socket's buffer and ours, at most [`UnderWay::PACKETS_MAX`] packets; beyond them the oldest count
/// as sent.
#[derive(Debug, Default)]
pub(crate) struct UnderWay {
    packets: VecDeque<(u64, Timestamp)>,
    last: Option<Timestamp>,
}

impl UnderWay {
    /// Ten seconds of 60 frames and 50 packets of sound: more than any buffer holds.
    const PACKETS_MAX: usize = 1_100;

    /// A packet of this time ends at byte `end` of the connection.
    pub(crate) fn push(&mut self, end: u64, dts: Timestamp) {
        if self.packets.len() >= UnderWay::PACKETS_MAX {
            self.packets.pop_front();
        }
        self.packets.push_back((end, dts));
        self.last = Some(dts);
    }

    /// So many bytes have left; how much media has not.
    pub(crate) fn left(&mut self, bytes: u64) -> Span {
        while self.packets.front().is_some_and(|&(end, _)| end <= bytes) {
            self.packets.pop_front();
        }
        match (self.packets.front(), self.last) {
            (Some(&(_, oldest)), Some(last)) if last > oldest => last - oldest,
            _ => Span::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_is_under_way_until_its_last_byte_has_left() {
        let mut under_way = UnderWay::default();
        for (end, millis) in [(1_000, 0), (1_500, 33), (2_000, 66)] {
            under_way.push(end, Timestamp::from_millis(millis));
        }
        for (bytes, millis) in [(0, 66), (999, 66), (1_000, 33), (1_499, 33), (1_500, 0), (2_000, 0)] {
            assert_eq!(under_way.left(bytes), Span::from_millis(millis), "{bytes}");
        }
    }

    #[test]
    fn it_stays_small() {
        let mut under_way = UnderWay::default();
        (0..10_000).for_each(|number| under_way.push(number, Timestamp::from_millis(number as i64)));
        assert_eq!(under_way.packets.len(), UnderWay::PACKETS_MAX);
    }
}
