//! One destination goes over from one encode to another.

use std::collections::VecDeque;
use std::sync::Arc;

use encode::Video;
use media::{MediaEvent, Packet, Span, Timestamp, Track};

/// Which of a broadcast's encodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EncodeId(pub(crate) u32);

impl EncodeId {
    /// The one that destinations share unless something else is said.
    pub(crate) const SHARED: EncodeId = EncodeId(0);
}

/// What one destination gets of the encodes that there are. Sans-IO.
///
/// All encodes stand on one timeline and have the same packets of sound, so a destination can go from one to another at
/// a keyframe of the new one: it gets everything before that from the old one and everything after it from the new one,
/// with the new tracks between them, and no sound twice or never. Encodes are late by different times; so while a
/// keyframe is waited for, the old one's packets are held back by up to [`HOLD`], and only where the new one is later than
/// that is the next keyframe waited for.
#[derive(Debug)]
pub(crate) struct Splice {
    from: EncodeId,
    over: Option<Over>,
    out: Out,
}

/// What is to be handed on.
#[derive(Debug, Default)]
struct Out {
    events: VecDeque<MediaEvent>,
    /// The highest decoding time that was ever among them.
    newest: Option<Timestamp>,
}

/// On the way to another encode.
#[derive(Debug)]
struct Over {
    to: EncodeId,
    /// What the new encode's packets belong to.
    tracks: Option<Arc<[Track]>>,
    /// The new encode has had sound before its keyframe, so that it lacks none after it.
    heard: bool,
    /// The old one's, not handed on yet.
    held: VecDeque<MediaEvent>,
    /// From this keyframe on the new one is taken; what came of it since then.
    cut: Option<(Timestamp, VecDeque<MediaEvent>)>,
}

impl Splice {
    /// Takes everything from this encode.
    pub(crate) fn new(from: EncodeId) -> Splice {
        Splice { from, over: None, out: Out::default() }
    }

    /// The encode that is taken from.
    pub(crate) fn from(&self) -> EncodeId {
        self.from
    }

    /// The encode that will be taken from.
    pub(crate) fn to(&self) -> EncodeId {
        self.over.as_ref().map_or(self.from, |over| over.to)
    }

    /// Goes over to another encode at its next keyframe; `tracks` are its own, if it has told them. Where another one is
    /// waited for, that is given up.
    pub(crate) fn go_over(&mut self, to: EncodeId, tracks: Option<Arc<[Track]>>) {
        // What came of the encode that was waited for comes from the old one too.
        let held = self.over.take().map(|over| over.held).unwrap_or_default();
        held.into_iter().for_each(|event| self.out.push(event));
        if to != self.from {
            let (held, cut) = (VecDeque::new(), None);
            self.over = Some(Over { to, tracks, heard: false, held, cut });
        }
    }

    /// Takes the next event of an encode. What is to be handed on then is told by [`Splice::poll`].
    pub(crate) fn take(&mut self, encode: EncodeId, event: &MediaEvent) {
        let is_old = encode == self.from;
        let Some(over) = &mut self.over else {
            if is_old {
                self.out.push(event.clone());
            }
            return;
        };
        let over_now = if is_old {
            over.take_old(event, &mut self.out)
        } else {
            encode == over.to && over.take_new(event, &mut self.out)
        };
        if over_now {
            self.finish();
        }
    }

    /// The next event to hand on.
    pub(crate) fn poll(&mut self) -> Option<MediaEvent> {
        self.out.events.pop_front()
    }

    /// Nothing more is coming: hands on what is held back.
    pub(crate) fn settle(&mut self) {
        match &self.over {
            Some(Over { cut: Some(_), .. }) => self.finish(),
            Some(_) => {
                let held = self.over.take().map(|over| over.held).unwrap_or_default();
                held.into_iter().for_each(|event| self.out.push(event));
            }
            None => {}
        }
    }

    /// The old encode has nothing more from before the cut.
    fn finish(&mut self) {
        let Some(Over { to, cut: Some((_, new)), .. }) = self.over.take() else { return };
        new.into_iter().for_each(|event| self.out.push(event));
        self.from = to;
    }
}

impl Out {
    fn push(&mut self, event: MediaEvent) {
        self.newest = self.newest.max(time_of(&event));
        self.events.push_back(event);
    }
}

impl Over {
    /// Whether the old encode is done.
    fn take_old(&mut self, event: &MediaEvent, out: &mut Out) -> bool {
        if let Some((cut, _)) = &self.cut {
            let is_after = time_of(event).is_some_and(|time| time >= *cut);
            if !is_after {
                out.push(event.clone());
            }
            return is_after;
        }
        self.held.push_back(event.clone());
        let Some(newest) = time_of(event) else { return false };
        let is_old = |event: &MediaEvent| time_of(event).is_none_or(|time| newest - time > HOLD);
        while let Some(oldest) = self.held.pop_front_if(|oldest| is_old(oldest)) {
            out.push(oldest);
        }
        false
    }

    /// Whether the old encode is done.
    fn take_new(&mut self, event: &MediaEvent, out: &mut Out) -> bool {
        if let Some((cut, new)) = &mut self.cut {
            let time = time_of(event);
            if time.is_none_or(|time| time >= *cut) {
                new.push_back(event.clone());
            }
            // An encode that has ended says nothing more.
            return time.is_some_and(|time| time - *cut > OLD_WAIT);
        }
        match event {
            MediaEvent::Tracks(tracks) => self.tracks = Some(Arc::clone(tracks)),
            MediaEvent::Packet(packet) if packet.track != Video::TRACK => self.heard = true,
            MediaEvent::Packet(packet) if packet.random_access => return self.cut_at(packet, out),
            MediaEvent::Packet(_) | MediaEvent::End(_) => {}
        }
        false
    }

    fn cut_at(&mut self, keyframe: &Packet, out: &mut Out) -> bool {
        let Some(tracks) = &self.tracks else { return false };
        let is_silent = tracks.iter().all(Track::is_video);
        let cut = keyframe.dts;
        if !(self.heard || is_silent) || out.newest.is_some_and(|time| time >= cut) {
            return false;
        }
        let start = [MediaEvent::Tracks(Arc::clone(tracks)), MediaEvent::Packet(keyframe.clone())];
        self.cut = Some((cut, start.into()));
        let mut is_done = false;
        for event in self.held.drain(..) {
            is_done |= time_of(&event).is_some_and(|time| time >= cut);
            if !is_done {
                out.push(event);
            }
        }
        is_done
    }
}

fn time_of(event: &MediaEvent) -> Option<Timestamp> {
    match event {
        MediaEvent::Packet(packet) => Some(packet.dts),
        MediaEvent::Tracks(_) | MediaEvent::End(_) => None,
    }
}

/// How late an encode may be behind another: some pictures inside it, and a machine that is busy for a moment.
const HOLD: Span = Span::from_millis(500);

/// An encode that is so much behind has ended, or stands still.
const OLD_WAIT: Span = Span::from_secs(2);

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use media::{Aac, Codec, H264, Rational, Size, StreamChecker, Timescale, TrackId};
    use proptest::prelude::*;

    use super::*;

    const OWN: EncodeId = EncodeId(7);
    const AUDIO: TrackId = TrackId(1);

    /// `level` tells the encodes apart.
    fn tracks(level: u8) -> Arc<[Track]> {
        let video = H264 {
            avcc: Bytes::from(vec![level]),
            size: Size::new(640, 360),
            sample_aspect_ratio: Rational::ONE,
            frame_rate: None,
        };
        let audio = Aac { asc: Bytes::new(), sample_rate: 48_000, channels: 2 };
        let track = |id, codec, timescale| Track { id, codec, timescale };
        [
            track(Video::TRACK, Codec::H264(video), Timescale::MPEG),
            track(AUDIO, Codec::Aac(audio), Timescale::MPEG),
        ]
        .into()
    }

    fn packet(track: TrackId, millis: i64, random_access: bool, of: u8) -> MediaEvent {
        let dts = Timestamp::from_millis(millis);
        // One NAL unit: of an IDR or another picture, and whose it is.
        let data = Bytes::from(vec![0, 0, 0, 2, if random_access { 0x65 } else { 0x41 }, of]);
        MediaEvent::Packet(Packet { track, dts, pts: dts, random_access, data })
    }

    /// What both encodes make in the millisecond `at`: pictures each 40 ms, a keyframe a second, sound each 20 ms.
    fn made(at: i64, of: u8) -> Vec<MediaEvent> {
        let mut made = Vec::new();
        if at >= 0 && at % 40 == 0 {
            made.push(packet(Video::TRACK, at, at % 1_000 == 0, of));
        }
        if at >= 0 && at % 20 == 10 {
            made.push(packet(AUDIO, at, true, of));
        }
        made
    }

    /// Runs both for `millis`, goes over to the own encode and back at the given times, and tells what was handed on.
    fn run(millis: i64, late: [i64; 2], over_at: &[i64]) -> Vec<MediaEvent> {
        let mut splice = Splice::new(EncodeId::SHARED);
        let mut out = Vec::new();
        splice.take(EncodeId::SHARED, &MediaEvent::Tracks(tracks(30)));
        for now in 0..millis {
            if over_at.contains(&now) {
                let (to, level) = if splice.to() == OWN { (EncodeId::SHARED, 30) } else { (OWN, 20) };
                splice.go_over(to, Some(tracks(level)));
            }
            for (encode, late, of) in [(EncodeId::SHARED, late[0], 0), (OWN, late[1], 1)] {
                made(now - late, of).iter().for_each(|event| splice.take(encode, event));
            }
            out.extend(std::iter::from_fn(|| splice.poll()));
        }
        splice.settle();
        out.extend(std::iter::from_fn(|| splice.poll()));
        out
    }

    fn times(events: &[MediaEvent], track: TrackId) -> Vec<i64> {
        let of_track = |event: &MediaEvent| match event {
            MediaEvent::Packet(packet) if packet.track == track => {
                Some((packet.dts - Timestamp::ZERO).as_millis())
            }
            _ => None,
        };
        events.iter().filter_map(of_track).collect()
    }

    fn without_a_gap(times: &[i64], step: i64) {
        times.windows(2).for_each(|pair| assert_eq!(pair[1] - pair[0], step, "{pair:?}"));
    }

    /// From which encode each keyframe is.
    fn keyframes(events: &[MediaEvent]) -> Vec<u8> {
        let keyframe = |event: &MediaEvent| match event {
            MediaEvent::Packet(packet) if packet.track == Video::TRACK && packet.random_access => {
                packet.data.last().copied()
            }
            _ => None,
        };
        events.iter().filter_map(keyframe).collect()
    }

    #[test]
    fn a_destination_goes_over_at_a_keyframe_and_back() {
        let events = run(8_000, [30, 90], &[1_500, 5_500]);
        assert_eq!(keyframes(&events), [0, 0, 1, 1, 1, 1, 0, 0]);
        without_a_gap(&times(&events, Video::TRACK), 40);
        without_a_gap(&times(&events, AUDIO), 20);
    }

    #[test]
    fn an_encode_that_is_very_late_is_waited_for() {
        // Each keyframe comes when its time was handed on long ago.
        let events = run(6_000, [0, 700], &[1_500]);
        assert_eq!(keyframes(&events), [0; 6]);
        without_a_gap(&times(&events, Video::TRACK), 40);
    }

    #[test]
    fn an_encode_that_has_ended_is_left() {
        let mut splice = Splice::new(OWN);
        splice.go_over(EncodeId::SHARED, Some(tracks(30)));
        (0..3_500).flat_map(|at| made(at, 0)).for_each(|event| splice.take(EncodeId::SHARED, &event));
        assert_eq!(splice.from(), EncodeId::SHARED);
        let events: Vec<_> = std::iter::from_fn(|| splice.poll()).collect();
        assert_eq!(times(&events, Video::TRACK)[0], 1_000, "before it nothing had been heard");
    }

    #[test]
    fn a_change_of_mind_loses_nothing() {
        let events = run(4_000, [0, 50], &[1_200, 1_300]);
        assert_eq!(keyframes(&events), [0; 4]);
        without_a_gap(&times(&events, Video::TRACK), 40);
        without_a_gap(&times(&events, AUDIO), 20);
    }

    proptest! {
        #[test]
        fn whatever_comes_late_the_stream_is_sound(
            late in [0_i64..900, 0..900],
            over_at in proptest::collection::vec(0_i64..12_000, 0..6),
        ) {
            let events = run(12_000, late, &over_at);
            let mut checker = StreamChecker::new();
            for event in &events {
                prop_assert!(checker.check(event).is_ok(), "{event:?}");
            }
            without_a_gap(&times(&events, AUDIO), 20);
            without_a_gap(&times(&events, Video::TRACK), 40);
        }
    }
}
