//! Encoded media that leaves later.

use std::collections::VecDeque;
use std::sync::Arc;

use media::{MediaEvent, Span, Timestamp, Track};

/// Holds each event until media that much younger has come in. Sans-IO: media time is its clock.
///
/// At most [`BYTES_MAX`]. Full: the oldest leaves early.
#[derive(Debug)]
pub(crate) struct DelayLine {
    span: Span,
    waiting: VecDeque<MediaEvent>,
    bytes: usize,
    /// Decoding time of the newest packet.
    newest: Option<Timestamp>,
    /// The tracks that left last.
    tracks: Option<Arc<[Track]>>,
}

impl DelayLine {
    /// Everything leaves `span` later; at once for zero.
    pub(crate) fn new(span: Span) -> DelayLine {
        DelayLine { span, waiting: VecDeque::new(), bytes: 0, newest: None, tracks: None }
    }

    /// How much later everything leaves.
    pub(crate) fn span(&self) -> Span {
        self.span
    }

    /// Takes the next event of the stream.
    pub(crate) fn push(&mut self, event: MediaEvent) {
        if let MediaEvent::Packet(packet) = &event {
            self.bytes += packet.data.len();
            self.newest = self.newest.max(Some(packet.dts));
        }
        self.waiting.push_back(event);
    }

    /// The next event that is due when the newest media is of `now`. `Tracks` leave with the packet that follows them: a
    /// destination connects when it gets the first, and servers hang up where no media follows.
    pub(crate) fn pop(&mut self, now: Timestamp) -> Option<MediaEvent> {
        let due = self.span == Span::ZERO || self.bytes > BYTES_MAX || self.due()? <= now;
        let event = if due { self.waiting.pop_front()? } else { return None };
        match &event {
            MediaEvent::Tracks(tracks) => self.tracks = Some(Arc::clone(tracks)),
            MediaEvent::Packet(packet) => self.bytes -= packet.data.len(),
            MediaEvent::End(_) => {}
        }
        Some(event)
    }

    /// The media time at which the next event is due; `None` when nothing waits.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.waiting.iter().find_map(|event| match event {
            MediaEvent::Packet(packet) => Some(packet.dts + self.span),
            _ => None,
        })
    }

    /// The tracks of what leaves; `None` before the first.
    pub(crate) fn tracks(&self) -> Option<Arc<[Track]>> {
        self.tracks.clone()
    }

    /// Decoding time of the newest packet that came in.
    pub(crate) fn newest(&self) -> Option<Timestamp> {
        self.newest
    }
}

/// Half a minute of 70 Mbit/s, more than anything here encodes to.
const BYTES_MAX: usize = 256 << 20;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use media::{Packet, TrackId};

    use super::*;

    fn packet(millis: i64, bytes: usize) -> MediaEvent {
        let dts = Timestamp::from_millis(millis);
        let data = Bytes::from(vec![0; bytes]);
        MediaEvent::Packet(Packet { track: TrackId(0), dts, pts: dts, random_access: true, data })
    }

    fn popped(line: &mut DelayLine, now_ms: i64) -> Vec<Option<i64>> {
        let mut popped = Vec::new();
        while let Some(event) = line.pop(Timestamp::from_millis(now_ms)) {
            popped.push(match event {
                MediaEvent::Packet(packet) => Some((packet.dts - Timestamp::ZERO).as_millis()),
                _ => None,
            });
        }
        popped
    }

    #[test]
    fn events_leave_in_order_when_younger_media_has_come() {
        let mut line = DelayLine::new(Span::from_millis(100));
        line.push(MediaEvent::Tracks([].into()));
        (0..5).for_each(|number| line.push(packet(number * 40, 1)));
        assert_eq!(popped(&mut line, 99), []);
        assert_eq!(popped(&mut line, 160), [None, Some(0), Some(40)]);
        assert_eq!(line.due(), Some(Timestamp::from_millis(180)));
        assert_eq!(popped(&mut line, 260), [Some(80), Some(120), Some(160)]);
        assert_eq!((line.due(), line.bytes), (None, 0));
    }

    #[test]
    fn tracks_wait_for_their_packet() {
        let mut line = DelayLine::new(Span::from_millis(100));
        line.push(packet(0, 1));
        line.push(MediaEvent::Tracks([].into()));
        assert_eq!(popped(&mut line, 500), [Some(0)]);
        line.push(packet(1_000, 1));
        assert_eq!(popped(&mut line, 1_100), [None, Some(1_000)]);
    }

    #[test]
    fn without_a_delay_everything_passes_at_once() {
        let mut line = DelayLine::new(Span::ZERO);
        line.push(MediaEvent::Tracks([].into()));
        assert_eq!(popped(&mut line, 0), [None]);
        line.push(packet(7, 1));
        assert_eq!(popped(&mut line, 0), [Some(7)]);
    }

    #[test]
    fn a_full_line_lets_the_oldest_go_early() {
        let mut line = DelayLine::new(Span::from_secs(30));
        (0..5).for_each(|number| line.push(packet(number, BYTES_MAX / 4)));
        assert_eq!(popped(&mut line, 4), [Some(0)]);
    }
}
