//! What was encoded last, to be saved when something worth keeping has happened.

use std::collections::VecDeque;
use std::sync::Arc;

use media::{MediaEvent, Packet, Span, Timestamp, Track, TrackId};

/// The encoded media of the last seconds, from a picture that decoding can begin with. Sans-IO.
///
/// Keeps a little more than it was asked for, up to a keyframe; at most [`BYTES_MAX`]. Full: the oldest goes.
#[derive(Debug)]
pub(crate) struct ReplayBuffer {
    span: Span,
    /// As they are at the first of `events`.
    tracks: Arc<[Track]>,
    video: Option<TrackId>,
    /// Begins with a packet that decoding can begin with.
    events: VecDeque<MediaEvent>,
    /// Number of the first of `events`, counted from the start.
    first: u64,
    /// Numbers and times of the packets that decoding can begin with.
    starts: VecDeque<(u64, Timestamp)>,
    bytes: usize,
}

impl ReplayBuffer {
    /// For the last `span` of a stream that begins with these tracks.
    pub(crate) fn new(span: Span, tracks: Arc<[Track]>) -> ReplayBuffer {
        let video = video(&tracks);
        let (events, starts) = (VecDeque::new(), VecDeque::new());
        ReplayBuffer { span, tracks, video, events, first: 0, starts, bytes: 0 }
    }

    /// Takes the next event of the stream.
    pub(crate) fn push(&mut self, event: &MediaEvent) {
        match event {
            MediaEvent::Tracks(tracks) => {
                self.video = video(tracks);
                if self.events.is_empty() {
                    self.tracks = Arc::clone(tracks);
                } else {
                    self.events.push_back(event.clone());
                }
            }
            MediaEvent::Packet(packet) => self.packet(packet),
            MediaEvent::End(_) => {}
        }
    }

    /// All that is kept, as a stream of its own; empty before the first keyframe.
    pub(crate) fn events(&self) -> Vec<MediaEvent> {
        if self.events.is_empty() {
            return Vec::new();
        }
        let tracks = MediaEvent::Tracks(Arc::clone(&self.tracks));
        [tracks].into_iter().chain(self.events.iter().cloned()).collect()
    }

    fn packet(&mut self, packet: &Packet) {
        let starts = packet.random_access && self.video.is_none_or(|video| video == packet.track);
        if starts {
            self.starts.push_back((self.first + self.events.len() as u64, packet.dts));
        } else if self.events.is_empty() {
            return;
        }
        self.bytes += packet.data.len();
        self.events.push_back(MediaEvent::Packet(packet.clone()));
        while let Some(&(second, time)) = self.starts.get(1)
            && (packet.dts - time >= self.span || self.bytes > BYTES_MAX)
        {
            self.drop_before(second);
        }
    }

    fn drop_before(&mut self, number: u64) {
        self.starts.pop_front();
        let count = (number - self.first) as usize;
        for event in self.events.drain(..count) {
            match event {
                MediaEvent::Tracks(tracks) => self.tracks = tracks,
                MediaEvent::Packet(packet) => self.bytes -= packet.data.len(),
                MediaEvent::End(_) => {}
            }
        }
        self.first = number;
    }
}

fn video(tracks: &[Track]) -> Option<TrackId> {
    tracks.iter().find(|track| track.is_video()).map(|track| track.id)
}

/// Five minutes of 14 Mbit/s.
const BYTES_MAX: usize = 512 << 20;

#[cfg(test)]
mod tests {
    use media::StreamChecker;
    use testkit::Source;

    use super::*;

    fn of(source: &Source, span: Span) -> ReplayBuffer {
        let mut buffer = ReplayBuffer::new(span, source.tracks());
        source.events().iter().for_each(|event| buffer.push(event));
        buffer
    }

    fn times(events: &[MediaEvent]) -> Vec<Timestamp> {
        let time = |event: &MediaEvent| match event {
            MediaEvent::Packet(packet) => Some(packet.dts),
            _ => None,
        };
        events.iter().filter_map(time).collect()
    }

    #[test]
    fn it_keeps_the_last_seconds_from_a_keyframe_on() {
        let source = Source { duration: Span::from_secs(20), ..Source::default() };
        let buffer = of(&source, Span::from_secs(5));
        let events = buffer.events();
        let mut checker = StreamChecker::new();
        events.iter().for_each(|event| checker.check(event).expect("a sound stream"));
        let kept = times(&events);
        let span = *kept.iter().max().expect("packets") - kept[0];
        assert!(span >= Span::from_secs(5) && span < Span::from_millis(7_500), "{} ms", span.as_millis());
        let bytes: usize = events
            .iter()
            .map(|event| if let MediaEvent::Packet(packet) = event { packet.data.len() } else { 0 })
            .sum();
        assert_eq!(bytes, buffer.bytes);
    }

    #[test]
    fn before_the_first_keyframe_there_is_nothing() {
        let source = Source { duration: Span::from_secs(2), ..Source::default() };
        let mut buffer = ReplayBuffer::new(Span::from_secs(5), source.tracks());
        let inter = source
            .events()
            .into_iter()
            .filter(|event| matches!(event, MediaEvent::Packet(packet) if !packet.random_access));
        inter.for_each(|event| buffer.push(&event));
        assert!(buffer.events().is_empty());
    }

    #[test]
    fn tracks_that_changed_are_those_of_what_is_kept() {
        let source = Source { duration: Span::from_secs(20), ..Source::default() };
        let mut buffer = of(&source, Span::from_secs(5));
        let changed: Arc<[Track]> = source.tracks().iter().take(1).cloned().collect();
        buffer.push(&MediaEvent::Tracks(Arc::clone(&changed)));
        let Some(MediaEvent::Packet(last)) =
            buffer.events.iter().rfind(|event| matches!(event, MediaEvent::Packet(_))).cloned()
        else {
            panic!("it has packets")
        };
        for second in 1..=10 {
            let dts = last.dts + Span::from_secs(second);
            let id = changed[0].id;
            buffer.push(&MediaEvent::Packet(Packet {
                track: id,
                dts,
                pts: dts,
                random_access: true,
                ..last.clone()
            }));
        }
        let events = buffer.events();
        assert_eq!(events[0], MediaEvent::Tracks(changed));
        assert_eq!(times(&events).len(), 6);
    }
}
