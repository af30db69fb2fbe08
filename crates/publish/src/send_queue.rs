//! What waits to be sent, and what is left out when the network is too slow.

use std::collections::VecDeque;
use std::sync::Arc;

use media::{MediaEvent, Packet, Span, Timestamp, Track, TrackId};

/// At most 3 s of media. Full: drops video up to the next IDR, keeps audio and keyframes. Sans-IO.
///
/// What is taken out is always decodable: it starts with `Tracks`, then an IDR when there is video, and a
/// video packet never follows a gap unless it is an IDR. Audio is only given up together with the connection:
/// past [`SendQueue::STUCK`] the network has carried nothing for so long that the owner should drop it.
#[derive(Debug)]
pub struct SendQueue {
    waiting: VecDeque<MediaEvent>,
    video: Option<TrackId>,
    /// Nothing may leave before an IDR has: at the start, and after [`SendQueue::restart`].
    before_first_idr: bool,
    /// Video is left out until the next IDR comes in.
    skipping: bool,
    dropped_frames: u64,
}

impl SendQueue {
    /// More than this waits only as audio and keyframes.
    pub const LIMIT: Span = Span::from_secs(3);

    /// More than this of anything means that the network carries nothing.
    pub const STUCK: Span = Span::from_secs(20);

    /// An empty queue.
    #[must_use]
    pub fn new() -> SendQueue {
        SendQueue {
            waiting: VecDeque::new(),
            video: None,
            before_first_idr: true,
            skipping: false,
            dropped_frames: 0,
        }
    }

    /// Takes the next event of the stream.
    pub fn push(&mut self, event: &MediaEvent) {
        match event {
            MediaEvent::Tracks(tracks) => self.push_tracks(tracks),
            MediaEvent::Packet(packet) => self.push_packet(packet),
            // The end is the owner's to tell: it closes the connection after what waits has left.
            MediaEvent::End(_) => {}
        }
    }

    /// The next event to send.
    pub fn pop(&mut self) -> Option<MediaEvent> {
        self.waiting.pop_front()
    }

    /// How much media waits, from the oldest packet to the newest.
    #[must_use]
    pub fn span(&self) -> Span {
        let mut times = self.waiting.iter().filter_map(time_of);
        let Some(first) = times.next() else { return Span::ZERO };
        times.next_back().map_or(Span::ZERO, |last| last - first)
    }

    /// Bytes of media that wait.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let of = |event: &MediaEvent| match event {
            MediaEvent::Packet(packet) => packet.data.len(),
            _ => 0,
        };
        self.waiting.iter().map(of).sum()
    }

    /// Whether so much waits that the connection is dead.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        self.span() > SendQueue::STUCK
    }

    /// Whether nothing of the video that comes can leave before a keyframe has come.
    #[must_use]
    pub fn awaits_keyframe(&self) -> bool {
        self.video.is_some() && (self.before_first_idr || self.skipping)
    }

    /// Video frames left out so far.
    #[must_use]
    pub fn dropped_frames(&self) -> u64 {
        self.dropped_frames
    }

    /// Forgets what waits: the next thing to leave is `tracks`, then the next IDR that comes in.
    pub fn restart(&mut self, tracks: &Arc<[Track]>) {
        let video = self.video;
        let lost = self.waiting.drain(..).filter(|event| is_video(event, video)).count();
        self.dropped_frames += lost as u64;
        self.before_first_idr = true;
        self.skipping = false;
        self.push_tracks(tracks);
    }

    /// Leaves out the video before the newest tracks, none of which what follows needs.
    pub fn leave_out_older(&mut self) {
        let Some(tracks) = self.waiting.iter().rposition(|event| matches!(event, MediaEvent::Tracks(_)))
        else {
            return;
        };
        let (video, before, mut at) = (self.video, self.waiting.len(), 0);
        self.waiting.retain(|event| {
            at += 1;
            at > tracks || !is_video(event, video)
        });
        self.dropped_frames += (before - self.waiting.len()) as u64;
    }

    /// While nobody can send: keeps only what a later connection may still begin with, the newest IDR and
    /// what follows it, at most [`SendQueue::LIMIT`].
    pub fn keep_newest(&mut self) {
        if self.span() <= SendQueue::LIMIT {
            return;
        }
        let video = self.video;
        let is_start = |event: &MediaEvent| match event {
            MediaEvent::Packet(packet) => packet.random_access && Some(packet.track) == video,
            _ => false,
        };
        let newest = self.waiting.iter().rposition(is_start).filter(|&at| {
            let newer = self.waiting.iter().take(at).any(|event| time_of(event).is_some());
            newer || video.is_none()
        });
        let keep_from = newest.unwrap_or(self.waiting.len());
        let dropped: Vec<MediaEvent> = self.waiting.drain(..keep_from).collect();
        self.dropped_frames += dropped.iter().filter(|event| is_video(event, video)).count() as u64;
        let tracks = dropped.into_iter().rfind(|event| matches!(event, MediaEvent::Tracks(_)));
        if let Some(tracks) = tracks {
            self.waiting.push_front(tracks);
        }
        if newest.is_none() && video.is_some() {
            self.before_first_idr = true;
        }
    }

    fn push_tracks(&mut self, tracks: &Arc<[Track]>) {
        self.video = tracks.iter().find(|track| track.is_video()).map(|track| track.id);
        self.skipping = self.video.is_some();
        self.before_first_idr &= self.video.is_some();
        self.waiting.push_back(MediaEvent::Tracks(Arc::clone(tracks)));
    }

    fn push_packet(&mut self, packet: &Packet) {
        let is_video = Some(packet.track) == self.video;
        if is_video && packet.random_access {
            self.skipping = false;
            self.before_first_idr = false;
        }
        if self.before_first_idr || (is_video && self.skipping) {
            self.dropped_frames += u64::from(is_video);
            return;
        }
        self.waiting.push_back(MediaEvent::Packet(packet.clone()));
        if self.span() > SendQueue::LIMIT {
            self.thin_out();
        }
    }

    /// Drops the oldest run of video that is not a keyframe, up to the next keyframe.
    fn thin_out(&mut self) {
        let video = self.video;
        let droppable = |event: &MediaEvent| match event {
            MediaEvent::Packet(packet) => !packet.random_access && Some(packet.track) == video,
            _ => false,
        };
        let Some(from) = self.waiting.iter().position(droppable) else { return };
        let run = self.waiting.iter().skip(from);
        let is_key = |event: &MediaEvent| is_video(event, video) && !droppable(event);
        let length = run.clone().position(is_key);
        // Without a keyframe behind it, what comes next has lost what it refers to.
        self.skipping |= length.is_none();
        let until = length.map_or(self.waiting.len(), |length| from + length);
        let before = self.waiting.len();
        let mut at = 0;
        self.waiting.retain(|event| {
            let drop = (from..until).contains(&at) && droppable(event);
            at += 1;
            !drop
        });
        self.dropped_frames += (before - self.waiting.len()) as u64;
    }
}

impl Default for SendQueue {
    fn default() -> SendQueue {
        SendQueue::new()
    }
}

fn time_of(event: &MediaEvent) -> Option<Timestamp> {
    match event {
        MediaEvent::Packet(packet) => Some(packet.dts),
        _ => None,
    }
}

fn is_video(event: &MediaEvent, video: Option<TrackId>) -> bool {
    matches!(event, MediaEvent::Packet(packet) if Some(packet.track) == video)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use media::{Aac, Codec, H264, Rational, Size, StreamChecker, Timescale};
    use proptest::prelude::*;

    use super::*;

    const VIDEO: TrackId = TrackId(0);
    const AUDIO: TrackId = TrackId(1);

    fn video_track() -> Track {
        let codec = Codec::H264(H264 {
            avcc: Bytes::new(),
            size: Size::new(16, 16),
            sample_aspect_ratio: Rational::ONE,
            frame_rate: None,
        });
        Track { id: VIDEO, codec, timescale: Timescale::MPEG }
    }

    fn audio_track() -> Track {
        let codec = Codec::Aac(Aac { asc: Bytes::new(), sample_rate: 48_000, channels: 2 });
        Track { id: AUDIO, codec, timescale: Timescale::MILLISECONDS }
    }

    fn both() -> Arc<[Track]> {
        [video_track(), audio_track()].into()
    }

    fn packet(track: TrackId, millis: i64, random_access: bool) -> MediaEvent {
        let nal_type = if random_access { 0x65 } else { 0x41 };
        let dts = Timestamp::from_millis(millis);
        let data = Bytes::from(vec![0, 0, 0, 1, nal_type]);
        MediaEvent::Packet(Packet { track, dts, pts: dts, random_access, data })
    }

    /// 25 fps with a keyframe each second, and audio each 20 ms, from one time to another.
    fn stream(from_millis: i64, to_millis: i64) -> impl Iterator<Item = MediaEvent> {
        (from_millis / 20..to_millis / 20).flat_map(|step| {
            let millis = step * 20;
            let video = (millis % 40 == 0).then(|| packet(VIDEO, millis, millis % 1_000 == 0));
            video.into_iter().chain([packet(AUDIO, millis, true)])
        })
    }

    fn started() -> SendQueue {
        let mut queue = SendQueue::new();
        queue.push(&MediaEvent::Tracks(both()));
        queue
    }

    fn drain(queue: &mut SendQueue) -> Vec<MediaEvent> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    fn count(events: &[MediaEvent], track: TrackId) -> usize {
        events.iter().filter(|event| is_video(event, Some(track))).count()
    }

    #[test]
    fn nothing_leaves_before_the_first_idr() {
        let mut queue = started();
        stream(500, 1_100).for_each(|event| queue.push(&event));
        let events = drain(&mut queue);
        assert!(matches!(&events[0], MediaEvent::Tracks(_)));
        assert_eq!(events[1], packet(VIDEO, 1_000, true));
        assert_eq!((count(&events, VIDEO), count(&events, AUDIO)), (3, 5));
    }

    #[test]
    fn sound_alone_leaves_at_once() {
        let mut queue = SendQueue::new();
        queue.push(&MediaEvent::Tracks([audio_track()].into()));
        queue.push(&packet(AUDIO, 0, true));
        assert_eq!(drain(&mut queue).len(), 2);
    }

    #[test]
    fn a_full_queue_drops_whole_runs_and_keeps_audio_and_keyframes() {
        let mut queue = started();
        stream(0, 5_000).for_each(|event| queue.push(&event));
        let events = drain(&mut queue);
        assert_eq!(count(&events, AUDIO), 250);
        let keys = events.iter().filter(|event| {
            matches!(event, MediaEvent::Packet(packet) if packet.track == VIDEO && packet.random_access)
        });
        assert_eq!(keys.count(), 5);
        assert!(queue.dropped_frames() >= 24, "the oldest run went first");
        assert_eq!(queue.dropped_frames() as usize + count(&events, VIDEO), 125);
    }

    #[test]
    fn video_before_the_newest_tracks_is_left_out_when_asked() {
        let mut queue = started();
        queue.leave_out_older();
        stream(0, 2_000).for_each(|event| queue.push(&event));
        queue.push(&MediaEvent::Tracks(both()));
        stream(2_000, 2_400).for_each(|event| queue.push(&event));
        queue.leave_out_older();
        let events = drain(&mut queue);
        assert_eq!((count(&events, VIDEO), count(&events, AUDIO)), (10, 120));
        assert_eq!(queue.dropped_frames(), 50);
        let mut checker = StreamChecker::new();
        events.iter().for_each(|event| assert_eq!(checker.check(event), Ok(()), "{event:?}"));
    }

    #[test]
    fn a_restart_begins_with_tracks_and_the_next_idr() {
        let mut queue = started();
        stream(0, 700).for_each(|event| queue.push(&event));
        queue.restart(&both());
        stream(700, 1_040).for_each(|event| queue.push(&event));
        let events = drain(&mut queue);
        assert!(matches!(&events[0], MediaEvent::Tracks(_)));
        assert_eq!(events[1], packet(VIDEO, 1_000, true));
    }

    #[test]
    fn without_a_connection_only_the_newest_second_is_kept() {
        let mut queue = started();
        for event in stream(0, 60_000) {
            queue.push(&event);
            queue.keep_newest();
            assert!(queue.span() <= SendQueue::LIMIT);
        }
        let events = drain(&mut queue);
        assert!(matches!(&events[0], MediaEvent::Tracks(_)));
        assert!(
            matches!(&events[1], MediaEvent::Packet(packet) if packet.random_access && packet.track == VIDEO)
        );
    }

    #[test]
    fn a_network_that_carries_nothing_is_noticed() {
        let mut queue = started();
        stream(0, 20_000).for_each(|event| queue.push(&event));
        assert!(!queue.is_stuck());
        stream(20_000, 21_000).for_each(|event| queue.push(&event));
        assert!(queue.is_stuck());
    }

    proptest! {
        #[test]
        fn what_leaves_is_always_decodable(
            steps in prop::collection::vec((0_u8..12, any::<bool>(), 1_i64..400), 1..400)
        ) {
            let mut queue = started();
            let mut checker = StreamChecker::new();
            let (mut now, mut broken, mut sent_audio, mut pushed_audio) = (0, true, 0, 0);
            let mut last_video = None;
            let mut numbers = std::collections::BTreeMap::new();
            for (kind, key, step) in steps {
                now += step;
                match kind {
                    0..=4 => {
                        numbers.insert(now, numbers.len());
                        queue.push(&packet(VIDEO, now, key));
                    }
                    5..=7 => {
                        pushed_audio += 1;
                        queue.push(&packet(AUDIO, now, true));
                    }
                    8 => queue.keep_newest(),
                    9 if key => queue.restart(&both()),
                    _ => {
                        let Some(event) = queue.pop() else { continue };
                        prop_assert_eq!(checker.check(&event), Ok(()));
                        match &event {
                            MediaEvent::Tracks(_) => broken = true,
                            MediaEvent::Packet(packet) if packet.track == VIDEO => {
                                let number = numbers[&packet.dts.ticks(Timescale::MILLISECONDS)];
                                let follows = last_video.is_some_and(|last: usize| last + 1 == number);
                                prop_assert!(packet.random_access || (follows && !broken));
                                (last_video, broken) = (Some(number), false);
                            }
                            _ => sent_audio += 1,
                        }
                    }
                }
            }
            prop_assert!(sent_audio <= pushed_audio);
        }
    }
}
