//! Packets of both encoders in the order of their times.

use std::collections::VecDeque;
use std::sync::Arc;

use media::{Packet, Span, Track, TrackId};

/// Merges the packets of up to two tracks by decoding time. Sans-IO.
///
/// Holds a packet back until the other track has passed its time, at most [`HOLD`]: a track that stops must not
/// stop the other.
#[derive(Debug)]
pub(crate) struct Interleaver {
    tracks: Vec<Line>,
}

/// What waits of one track.
#[derive(Debug)]
struct Line {
    id: TrackId,
    waiting: VecDeque<Turn>,
    /// Goes before the next packet that comes in.
    announced: Option<Arc<[Track]>>,
}

/// A packet whose turn it is.
#[derive(Debug)]
pub(crate) struct Turn {
    /// The tracks from this packet on, where they have changed.
    pub(crate) tracks: Option<Arc<[Track]>>,
    pub(crate) packet: Packet,
}

impl Interleaver {
    /// For these tracks.
    pub(crate) fn new(tracks: impl IntoIterator<Item = TrackId>) -> Interleaver {
        let line = |id| Line { id, waiting: VecDeque::new(), announced: None };
        Interleaver { tracks: tracks.into_iter().map(line).collect() }
    }

    /// From the next packet of track `id` on the tracks are `tracks`.
    pub(crate) fn announce(&mut self, id: TrackId, tracks: Arc<[Track]>) {
        if let Some(line) = self.tracks.iter_mut().find(|line| line.id == id) {
            line.announced = Some(tracks);
        }
    }

    /// Takes a packet; its DTS is above that of the track's packet before it.
    pub(crate) fn push(&mut self, packet: Packet) {
        if let Some(line) = self.tracks.iter_mut().find(|line| line.id == packet.track) {
            let tracks = line.announced.take();
            line.waiting.push_back(Turn { tracks, packet });
        }
    }

    /// The next packet whose turn it is for certain.
    pub(crate) fn pop(&mut self) -> Option<Turn> {
        let complete = self.tracks.iter().all(|line| !line.waiting.is_empty());
        let overdue = self.tracks.iter().any(|line| match (line.waiting.front(), line.waiting.back()) {
            (Some(oldest), Some(newest)) => newest.packet.dts - oldest.packet.dts > HOLD,
            _ => false,
        });
        if complete || overdue { self.flush() } else { None }
    }

    /// The earliest packet there is; for the end, when nothing more comes.
    pub(crate) fn flush(&mut self) -> Option<Turn> {
        let waiting = self.tracks.iter_mut().map(|line| &mut line.waiting);
        let waiting = waiting.filter(|waiting| !waiting.is_empty());
        waiting.min_by_key(|waiting| waiting.front().map(|turn| turn.packet.dts))?.pop_front()
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
            .map(|turn| (turn.packet.track.0, (turn.packet.dts - Timestamp::ZERO).as_millis()))
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
    fn changed_tracks_go_before_the_first_packet_they_hold_for() {
        let mut interleaver = Interleaver::new([TrackId(0), TrackId(1)]);
        interleaver.push(packet(0, 0));
        interleaver.announce(TrackId(0), Arc::new([]));
        [packet(1, 10), packet(0, 40), packet(1, 50), packet(0, 80)]
            .into_iter()
            .for_each(|packet| interleaver.push(packet));
        let turns: Vec<_> = std::iter::from_fn(|| interleaver.pop()).collect();
        let announced: Vec<_> = turns.iter().map(|turn| turn.tracks.is_some()).collect();
        assert_eq!(announced, [false, false, true, false]);
    }

    #[test]
    fn a_single_track_passes_at_once() {
        let mut interleaver = Interleaver::new([TrackId(1)]);
        interleaver.push(packet(1, 5));
        assert_eq!(out(&mut interleaver), [(1, 5)]);
    }
}
