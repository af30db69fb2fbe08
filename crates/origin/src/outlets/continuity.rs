//! What one publisher after the other stamps, on one clock that never goes back.

use std::collections::BTreeMap;
use std::sync::Arc;

use media::{MediaEvent, Packet, Span, Timestamp, Track, TrackId};

/// Continues a broadcast's clock from publisher to publisher and over the jumps of their clocks. It begins
/// at 0 with a picture that can be decoded, and every publisher begins with one.
#[derive(Debug, Default)]
pub(super) struct Continuity {
    tracks: Option<Arc<[Track]>>,
    /// What is added to the publisher's stamps; `None` until its first packet is let through.
    shift: Option<Span>,
    /// The last decoding time given out, by track.
    last: BTreeMap<TrackId, Timestamp>,
    /// Pictures wait for one that can be decoded alone.
    awaiting_idr: bool,
}

/// An event on the broadcast's clock.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Continued {
    pub(super) event: MediaEvent,
    /// The first packet of a publisher, or after its clock jumped: what time it is has to be learnt anew.
    pub(super) anew: bool,
}

impl Continuity {
    /// Another publisher begins: its first picture follows the last one of the publisher before.
    pub(super) fn begin(&mut self) {
        self.shift = None;
        self.awaiting_idr = true;
    }

    /// The event on the broadcast's clock; `None` for what cannot be used: pictures before the first IDR and
    /// sound before the first picture, stamps that do not rise, sound far away from its pictures.
    pub(super) fn take(&mut self, event: &MediaEvent) -> Option<Continued> {
        match event {
            MediaEvent::Tracks(tracks) => {
                self.tracks = Some(Arc::clone(tracks));
                self.awaiting_idr = true;
                Some(Continued { event: event.clone(), anew: false })
            }
            MediaEvent::Packet(packet) => self.packet(packet),
            MediaEvent::End(_) => Some(Continued { event: event.clone(), anew: false }),
        }
    }

    fn packet(&mut self, packet: &Packet) -> Option<Continued> {
        let tracks = self.tracks.as_deref()?;
        let lead = tracks.iter().find(|track| track.is_video()).or_else(|| tracks.first())?.id;
        let leads = packet.track == lead;
        if self.awaiting_idr && leads {
            if !packet.random_access {
                return None;
            }
            self.awaiting_idr = false;
        }
        let jumped = leads && self.shift.is_some_and(|shift| self.jumps(packet.dts + shift, lead));
        let anew = self.shift.is_none() || jumped;
        if anew && !leads {
            return None;
        }
        let shift = match self.shift.filter(|_| !jumped) {
            Some(shift) => shift,
            None => self.next() - packet.dts,
        };
        let dts = packet.dts + shift;
        let rises = self.last.get(&packet.track).is_none_or(|&last| dts > last);
        let apart = self.last.get(&lead).map_or(Span::ZERO, |&last| dts - last);
        if dts < Timestamp::ZERO || !rises || (!leads && apart.abs() > APART_MAX) {
            return None;
        }
        self.shift = Some(shift);
        self.last.insert(packet.track, dts);
        let packet = Packet { dts, pts: packet.pts + shift, ..packet.clone() };
        Some(Continued { event: MediaEvent::Packet(packet), anew })
    }

    fn jumps(&self, dts: Timestamp, lead: TrackId) -> bool {
        let step = self.last.get(&lead).map_or(Span::ZERO, |&last| dts - last);
        step > AHEAD_MAX || step < -BACK_MAX
    }

    /// Where the media of another publisher begins: behind all that was given out.
    fn next(&self) -> Timestamp {
        self.last.values().max().map_or(Timestamp::ZERO, |&last| last + CONTINUED_AFTER)
    }
}

/// Between the last stamp of one publisher and the first of the next: about one frame.
const CONTINUED_AFTER: Span = Span::from_millis(40);
/// A leading track that is silent for longer has another clock; a publisher is ended after 10 s without media.
const AHEAD_MAX: Span = Span::from_secs(12);
/// Stamps that go back further mean another clock; less is disorder.
const BACK_MAX: Span = Span::from_secs(3);
/// Sound this far from its pictures is on another clock.
const APART_MAX: Span = Span::from_secs(12);

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use media::{Aac, Codec, H264, Rational, Size, Timescale};

    use super::*;

    const VIDEO: TrackId = TrackId(0);
    const AUDIO: TrackId = TrackId(1);

    fn tracks() -> MediaEvent {
        let h264 = H264 {
            avcc: Bytes::new(),
            size: Size::new(16, 16),
            sample_aspect_ratio: Rational::ONE,
            frame_rate: None,
        };
        let aac = Aac { asc: Bytes::from_static(&[0x11, 0x90]), sample_rate: 48_000, channels: 2 };
        let video = Track { id: VIDEO, codec: Codec::H264(h264), timescale: Timescale::MPEG };
        let audio = Track { id: AUDIO, codec: Codec::Aac(aac), timescale: Timescale::new(48_000).unwrap() };
        MediaEvent::Tracks(Arc::new([video, audio]))
    }

    fn packet(track: TrackId, milliseconds: i64, random_access: bool) -> MediaEvent {
        let at = Timestamp::from_millis(milliseconds);
        MediaEvent::Packet(Packet { track, dts: at, pts: at, random_access, data: Bytes::from_static(b"x") })
    }

    fn millis(continued: Option<Continued>) -> Option<i64> {
        match continued?.event {
            MediaEvent::Packet(packet) => Some(packet.dts.ticks(Timescale::MILLISECONDS)),
            _ => None,
        }
    }

    /// Feeds packets and answers the decoding times, in milliseconds, of those let through.
    fn let_through(clock: &mut Continuity, packets: &[(TrackId, i64, bool)]) -> Vec<i64> {
        let events = packets.iter().map(|(track, at, key)| packet(*track, *at, *key));
        events.filter_map(|event| millis(clock.take(&event))).collect()
    }

    #[test]
    fn it_begins_at_zero_with_a_picture_that_can_be_decoded() {
        let mut clock = Continuity::default();
        clock.begin();
        clock.take(&tracks());
        let packets = [(AUDIO, 900, true), (VIDEO, 960, false), (VIDEO, 1_000, true), (AUDIO, 1_010, true)];
        assert_eq!(let_through(&mut clock, &packets), [0, 10]);
    }

    #[test]
    fn the_next_publisher_continues_behind_the_last() {
        let mut clock = Continuity::default();
        clock.begin();
        clock.take(&tracks());
        let_through(&mut clock, &[(VIDEO, 5_000, true), (VIDEO, 5_040, false), (AUDIO, 5_050, true)]);
        clock.begin();
        clock.take(&tracks());
        let again = [(AUDIO, 0, true), (VIDEO, 10, false), (VIDEO, 20, true), (AUDIO, 30, true)];
        assert_eq!(let_through(&mut clock, &again), [90, 100]);
    }

    #[test]
    fn a_clock_that_jumps_is_continued_and_a_gap_stays_a_gap() {
        let mut clock = Continuity::default();
        clock.begin();
        clock.take(&tracks());
        let packets =
            [(VIDEO, 0, true), (VIDEO, 8_000, true), (VIDEO, 900_000, true), (VIDEO, 900_040, false)];
        assert_eq!(let_through(&mut clock, &packets), [0, 8_000, 8_040, 8_080]);
        assert_eq!(let_through(&mut clock, &[(VIDEO, 10, true), (VIDEO, 50, false)]), [8_120, 8_160]);
    }

    #[test]
    fn what_does_not_rise_or_is_far_away_is_dropped() {
        let mut clock = Continuity::default();
        clock.begin();
        clock.take(&tracks());
        let packets = [(VIDEO, 0, true), (VIDEO, 40, false), (VIDEO, 40, false), (AUDIO, 60_000, true)];
        assert_eq!(let_through(&mut clock, &packets), [0, 40]);
    }
}
