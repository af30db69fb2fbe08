//! Packets of both encoders in the order of their times.

use std::collections::VecDeque;

use media::{Packet, Span, TrackId};

/// Merges the packets of up to two tracks by decoding time. Sans-IO.
///
/// Holds a packet back until the other track has passed its time, at most [`HOLD`]: a track that stops must not
/// stop the other.
#[derive(Debug)]
pub(crate) struct Interleaver {
    tracks: Vec<(TrackId, VecDeque<Packet>)>,
}

impl Interleaver {
    /// For these tracks.
    pub(crate) fn new(tracks: impl IntoIterator<Item = TrackId>) -> Interleaver {
        Interleaver { tracks: tracks.into_iter().map(|track| (track, VecDeque::new())).collect() }
    }

    /// Takes a packet; its DTS is above that of the track's packet before it.
    pub(crate) fn push(&mut self, packet: Packet) {
        if let Some((_, waiting)) = self.tracks.iter_mut().find(|(track, _)| *track == packet.track) {
            waiting.push_back(packet);
        }
    }

    /// The next packet whose turn it is for certain.
    pub(crate) fn pop(&mut self) -> Option<Packet> {
        let complete = self.tracks.iter().all(|(_, waiting)| !waiting.is_empty());
        let overdue = self.tracks.iter().any(|(_, waiting)| match (waiting.front(), waiting.back()) {
            (Some(oldest), Some(newest)) => newest.dts - oldest.dts > HOLD,
            _ => false,
        });
        if complete || overdue { self.flush() } else { None }
    }

    /// The earliest packet there is; for the end, when nothing more comes.
    pub(crate) fn flush(&mut self) -> Option<Packet> {
        let waiting =
            self.tracks.iter_mut().map(|(_, waiting)| waiting).filter(|waiting| !waiting.is_empty());
        waiting.min_by_key(|waiting| waiting.front().map(|packet| packet.dts))?.pop_front()
    }
}

/// Longer than the sound line waits for a device before it goes on with silence.
const HOLD: Span = Span::from_millis(1_200);

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use media::Timestamp;

    use super::*;

    fn packet(track: u8, millis: i64) -> Packet {
        let dts = Timestamp::from_millis(millis);
        Packet { track: TrackId(track), dts, pts: dts, random_access: true, data: Bytes::from_static(b"x") }
    }

    fn out(interleaver: &mut Interleaver) -> Vec<(u8, i64)> {
        std::iter::from_fn(|| interleaver.pop())
            .map(|packet| (packet.track.0, (packet.dts - Timestamp::ZERO).as_millis()))
            .collect()
    }

    #[test]
    fn packets_leave_in_the_order_of_their_times() {
        let mut interleaver = Interleaver::new([TrackId(0), TrackId(1)]);
        [packet(0, 0), packet(0, 40), packet(1, 10), packet(1, 30), packet(1, 50)]
            .into_iter()
            .for_each(|packet| interleaver.push(packet));
        assert_eq!(out(&mut interleaver), [(0, 0), (1, 10), (1, 30), (0, 40)]);
    }

    #[test]
    fn a_silent_track_does_not_stop_the_other() {
        let mut interleaver = Interleaver::new([TrackId(0), TrackId(1)]);
        (0..40).for_each(|frame| interleaver.push(packet(0, frame * 40)));
        let held = out(&mut interleaver);
        assert_eq!(held.len(), 9, "{held:?}");
    }

    #[test]
    fn a_single_track_passes_at_once() {
        let mut interleaver = Interleaver::new([TrackId(1)]);
        interleaver.push(packet(1, 5));
        assert_eq!(out(&mut interleaver), [(1, 5)]);
    }
}
