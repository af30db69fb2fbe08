//! What arrives from a publisher, measured, and what it should know.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use media::{Codec, MediaEvent, Packet, Span, Timestamp, Track};
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

/// The facts about one stream's ingest; none while nobody publishes.
#[derive(Debug, Default)]
pub(crate) struct Facts(Mutex<Option<Ingest>>);

/// What arrives, as its publisher and the admins are told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct Ingest {
    pub(crate) protocol: Protocol,
    /// How an SRT connection does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) srt: Option<SrtFacts>,
    #[schema(required)]
    pub(crate) video: Option<VideoFacts>,
    #[schema(required)]
    pub(crate) audio: Option<AudioFacts>,
    /// Over the last [`MEASURE_INTERVAL`], coded media without the protocol around it.
    pub(crate) bitrate_bps: u64,
    /// Video packets that arrived and could not be passed on, since the publisher came: before a keyframe,
    /// without parameters, unreadable, or at a time that was taken.
    pub(crate) dropped_frames: u64,
    /// How unevenly pictures arrive beside their timestamps, milliseconds, smoothed as RFC 3550 §6.4.1 does;
    /// `None` before the second one.
    #[schema(required)]
    pub(crate) jitter_ms: Option<f64>,
    /// How far the newest sound is ahead of the newest picture by their timestamps as they arrive, milliseconds,
    /// the mean over the last [`MEASURE_INTERVAL`]; negative: behind. `None` without both.
    #[schema(required)]
    pub(crate) av_offset_ms: Option<f64>,
    /// Made of the picture, largest first.
    pub(crate) renditions: Vec<RenditionFacts>,
    /// In words, the oldest first.
    pub(crate) warnings: Vec<Warning>,
}

/// By what way media comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = IngestProtocol)]
pub(crate) enum Protocol {
    #[default]
    Rtmp,
    Srt,
    Websocket,
    /// One of the room's uploaded files.
    File,
}

/// An SRT connection's figures; counts are of packets and from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct SrtFacts {
    pub(crate) rtt_ms: f64,
    /// Missing when they were looked for; most came when repeated.
    pub(crate) lost: u64,
    pub(crate) retransmitted: u64,
    /// Came too late or never.
    pub(crate) dropped: u64,
    pub(crate) undecrypted: u64,
    /// Media that waits to be read.
    pub(crate) buffer_ms: u64,
    /// How long each packet is kept back.
    pub(crate) latency_ms: u64,
    /// What arrives, with headers, averaged since the beginning.
    pub(crate) rate_bps: u64,
    pub(crate) encrypted: bool,
}

/// Something the publisher should know.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(as = IngestWarning)]
pub(crate) struct Warning {
    #[serde(skip)]
    #[schema(required)]
    kind: Option<WarningKind>,
    text: String,
}

/// Tells the demuxers' warnings apart, whatever they count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WarningKind {
    Flv(std::mem::Discriminant<container::flv::Warning>),
    Mpegts(std::mem::Discriminant<container::mpegts::Warning>),
    Fmp4(std::mem::Discriminant<container::fmp4::Warning>),
    /// A file's picture lies on its side.
    Turned,
    /// Few players show the picture as it comes.
    RareProfile,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = IngestVideo)]
pub(crate) struct VideoFacts {
    #[schema(value_type = String)]
    pub(crate) codec: &'static str,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Frames per second: what the stream promises, else what was counted.
    #[schema(required)]
    pub(crate) fps: Option<f64>,
    /// Media time between the last two keyframes at which viewers can join, milliseconds; while the next one is
    /// overdue, the time since the last. `None` before the second.
    #[schema(required)]
    pub(crate) keyframe_interval_ms: Option<u64>,
    #[serde(skip)]
    fps_promised: bool,
}

/// One rendition that is made of the picture.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct RenditionFacts {
    /// As people call it: `480p`.
    pub(crate) name: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// What it never exceeds within a second.
    pub(crate) bitrate_bps_max: u32,
    /// `false` once it was given up.
    pub(crate) active: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = IngestAudio)]
pub(crate) struct AudioFacts {
    #[schema(value_type = String)]
    pub(crate) codec: &'static str,
    pub(crate) sample_rate: u32,
    pub(crate) channels: u8,
}

/// Counts what arrives.
#[derive(Debug)]
pub(crate) struct Meter {
    since: Instant,
    bytes: u64,
    frames: u32,
    tracks: Option<Arc<[Track]>>,
    pictures: Pictures,
    /// Decoding time of the newest sound.
    sound: Option<Timestamp>,
    /// Sum and number of the offsets since `since`.
    av_offsets: (Span, u32),
}

/// What is remembered of the pictures.
#[derive(Debug, Default)]
struct Pictures {
    /// Decoding time and arrival of the newest.
    newest: Option<(Timestamp, Instant)>,
    last_key: Option<Timestamp>,
    keyframe_interval: Option<Span>,
    jitter_ms: Option<f64>,
}

impl Facts {
    /// As they are now.
    pub(crate) fn get(&self) -> Option<Ingest> {
        self.0.lock().expect(UNBROKEN).clone()
    }

    /// Forgets them: the publisher is gone.
    pub(crate) fn clear(&self) {
        *self.0.lock().expect(UNBROKEN) = None;
    }

    /// Notes by what way media comes.
    pub(crate) fn note_protocol(&self, protocol: Protocol) {
        self.change(|ingest| ingest.protocol = protocol);
    }

    /// Notes how the SRT connection does.
    pub(crate) fn note_srt(&self, facts: SrtFacts) {
        self.change(|ingest| ingest.srt = Some(facts));
    }

    /// Keeps a warning, and answers whether it is new. Of a `kind` only the latest words are kept, since they
    /// may hold a count that goes on.
    pub(crate) fn warn(&self, kind: Option<WarningKind>, text: &str) -> bool {
        let mut new = false;
        self.change(|ingest| {
            let known = ingest.warnings.iter_mut().find(|warning| match kind {
                Some(_) => warning.kind == kind,
                None => warning.text == text,
            });
            if let Some(known) = known {
                text.clone_into(&mut known.text);
                return;
            }
            if ingest.warnings.len() == WARNINGS_MAX {
                ingest.warnings.remove(0);
            }
            ingest.warnings.push(Warning { kind, text: text.to_owned() });
            new = true;
        });
        new
    }

    /// Keeps how many video packets were left out so far.
    pub(crate) fn set_dropped(&self, frames: u64) {
        self.change(|ingest| ingest.dropped_frames = frames);
    }

    /// The renditions there are now.
    pub(crate) fn set_renditions(&self, renditions: Vec<RenditionFacts>) {
        self.change(|ingest| ingest.renditions = renditions);
    }

    fn change(&self, change: impl FnOnce(&mut Ingest)) {
        change(self.0.lock().expect(UNBROKEN).get_or_insert_default());
    }
}

impl SrtFacts {
    /// The figures that a publisher is told of those that libsrt has.
    pub(crate) fn of(statistics: &srt::Statistics, encrypted: bool) -> SrtFacts {
        let received = &statistics.received;
        let ms = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        SrtFacts {
            rtt_ms: (statistics.round_trip.as_secs_f64() * 10_000.0).round() / 10.0,
            lost: received.lost,
            retransmitted: received.retransmitted,
            dropped: received.dropped,
            undecrypted: statistics.undecrypted,
            buffer_ms: ms(received.buffered),
            latency_ms: ms(received.latency),
            rate_bps: received.rate_bps,
            encrypted,
        }
    }
}

impl Meter {
    /// Counts from now on.
    pub(crate) fn new() -> Meter {
        Meter {
            since: Instant::now(),
            bytes: 0,
            frames: 0,
            tracks: None,
            pictures: Pictures::default(),
            sound: None,
            av_offsets: (Span::ZERO, 0),
        }
    }

    /// Takes one event into account.
    pub(crate) fn count(&mut self, event: &MediaEvent, facts: &Facts) {
        match event {
            MediaEvent::Tracks(tracks) => {
                self.tracks = Some(Arc::clone(tracks));
                (self.pictures, self.sound) = (Pictures::default(), None);
                facts.change(|ingest| ingest.describe(tracks));
                for profile in tracks.iter().filter_map(rare_profile) {
                    let words = format!(
                        "the picture is H.264 {profile}, which few browsers and phones show: send 8 bits and 4:2:0 (NV12)"
                    );
                    facts.warn(Some(WarningKind::RareProfile), &words);
                }
            }
            MediaEvent::Packet(packet) => self.packet(packet),
            MediaEvent::End(_) => {}
        }
        let elapsed = self.since.elapsed();
        if elapsed < MEASURE_INTERVAL {
            return;
        }
        let bitrate_bps = (self.bytes as f64 * 8.0 / elapsed.as_secs_f64()) as u64;
        let counted_fps = (f64::from(self.frames) / elapsed.as_secs_f64() * 10.0).round() / 10.0;
        let (sum, count) = std::mem::replace(&mut self.av_offsets, (Span::ZERO, 0));
        let keyframe_interval = self.pictures.keyframe_interval();
        facts.change(|ingest| {
            ingest.bitrate_bps = bitrate_bps;
            ingest.jitter_ms = self.pictures.jitter_ms.map(tenths);
            ingest.av_offset_ms = (count > 0).then(|| tenths(milliseconds(sum) / f64::from(count)));
            if let Some(video) = &mut ingest.video {
                video.keyframe_interval_ms =
                    keyframe_interval.and_then(|span| span.as_millis().try_into().ok());
                if !video.fps_promised {
                    video.fps = Some(counted_fps);
                }
            }
        });
        (self.bytes, self.frames, self.since) = (0, 0, Instant::now());
    }

    fn packet(&mut self, packet: &Packet) {
        self.bytes += packet.data.len() as u64;
        let tracks = self.tracks.as_deref().unwrap_or_default();
        if tracks.iter().any(|track| track.id == packet.track && track.is_video()) {
            self.frames += 1;
            self.pictures.take(packet, Instant::now());
        } else {
            self.sound = Some(packet.dts);
        }
        if let (Some(sound), Some((picture, _))) = (self.sound, self.pictures.newest) {
            self.av_offsets.0 += sound - picture;
            self.av_offsets.1 += 1;
        }
    }
}

impl Pictures {
    fn take(&mut self, packet: &Packet, now: Instant) {
        if let Some((dts, arrived)) = self.newest {
            let late_ms = (now - arrived).as_secs_f64() * 1_000.0 - milliseconds(packet.dts - dts);
            let jitter_ms = self.jitter_ms.unwrap_or(0.0);
            self.jitter_ms = Some(jitter_ms + (late_ms.abs() - jitter_ms) / JITTER_SMOOTHING);
        }
        self.newest = Some((packet.dts, now));
        if packet.random_access {
            self.keyframe_interval = self.last_key.map(|last| packet.dts - last).or(self.keyframe_interval);
            self.last_key = Some(packet.dts);
        }
    }

    fn keyframe_interval(&self) -> Option<Span> {
        let since = self.newest.zip(self.last_key).map(|((newest, _), last)| newest - last);
        self.keyframe_interval
            .max(since.filter(|since| self.keyframe_interval.is_some() || *since > GOP_LONG))
    }
}

fn rare_profile(track: &Track) -> Option<&'static str> {
    match &track.codec {
        Codec::H264(h264) => h264.rare_profile(),
        _ => None,
    }
}

fn milliseconds(span: Span) -> f64 {
    span.as_secs_f64() * 1_000.0
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

impl Ingest {
    fn describe(&mut self, tracks: &[Track]) {
        (self.video, self.audio) = (None, None);
        for track in tracks {
            let codec = track.codec.name();
            if let Some(picture) = track.codec.picture() {
                let fps = picture.frame_rate.map(|rate| (rate.as_f64() * 1_000.0).round() / 1_000.0);
                let (width, height) = (picture.size.width, picture.size.height);
                let fps_promised = fps.is_some();
                let keyframe_interval_ms = None;
                self.video =
                    Some(VideoFacts { codec, width, height, fps, keyframe_interval_ms, fps_promised });
            }
            if let Some(sound) = track.codec.sound() {
                let (sample_rate, channels) = (sound.sample_rate, sound.channels);
                self.audio = Some(AudioFacts { codec, sample_rate, channels });
            }
        }
    }
}

const UNBROKEN: &str = "nothing panics while it holds the facts";
/// Bitrate and frame rate are counted over this long: short enough to follow, long enough to be calm.
const MEASURE_INTERVAL: Duration = Duration::from_secs(2);
/// A first keyframe that has no second for so long tells something by itself.
const GOP_LONG: Span = Span::from_secs(4);
/// The weight of one picture in the jitter: a sixteenth (RFC 3550 §6.4.1).
const JITTER_SMOOTHING: f64 = 16.0;
/// Warnings kept for the publisher; the oldest goes.
const WARNINGS_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use media::{Aac, H264, Rational, Size, Timescale, TrackId};

    use super::*;

    const VIDEO: TrackId = TrackId(0);
    const SOUND: TrackId = TrackId(1);
    const HIGH: u8 = 100;
    const HIGH_444: u8 = 244;

    fn tracks() -> MediaEvent {
        tracks_of(HIGH)
    }

    fn tracks_of(profile: u8) -> MediaEvent {
        let h264 = H264 {
            avcc: vec![1, profile, 0, 31].into(),
            size: Size::new(1_280, 720),
            sample_aspect_ratio: Rational::ONE,
            frame_rate: None,
        };
        let aac = Aac { asc: Bytes::new(), sample_rate: 48_000, channels: 2 };
        let track = |id, codec| Track { id, codec, timescale: Timescale::MPEG };
        MediaEvent::Tracks([track(VIDEO, Codec::H264(h264)), track(SOUND, Codec::Aac(aac))].into())
    }

    fn packet(track: TrackId, ms: i64, random_access: bool) -> MediaEvent {
        let (at, data) = (Timestamp::from_millis(ms), Bytes::from_static(&[0; 500]));
        MediaEvent::Packet(Packet { track, dts: at, pts: at, random_access, data })
    }

    /// Twelve seconds of 25 fps with a keyframe every `gop_ms`; each picture `late_ms` after it was due, in turn,
    /// and the sound of 60 ms later right behind it.
    async fn measured(gop_ms: i64, late_ms: [u64; 2]) -> Ingest {
        let (facts, mut meter, begun) = (Facts::default(), Meter::new(), Instant::now());
        meter.count(&tracks(), &facts);
        for (index, at_ms) in (0..12_000).step_by(40).enumerate() {
            let due = begun + Duration::from_millis(at_ms as u64 + late_ms[index % 2]);
            tokio::time::sleep_until(due).await;
            meter.count(&packet(VIDEO, at_ms, at_ms % gop_ms == 0), &facts);
            meter.count(&packet(SOUND, at_ms + 60, true), &facts);
        }
        facts.get().expect("facts")
    }

    #[tokio::test(start_paused = true)]
    async fn an_even_stream_is_measured() {
        let ingest = measured(2_000, [0, 0]).await;
        let video = ingest.video.expect("video");
        assert_eq!((video.fps, video.keyframe_interval_ms), (Some(25.0), Some(2_000)));
        assert_eq!(ingest.bitrate_bps, 200_000);
        assert_eq!(ingest.jitter_ms, Some(0.0));
        // Before its sound a picture is 20 ms ahead of the sound before, behind it 60 ms behind.
        assert_eq!(ingest.av_offset_ms, Some(40.0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_picture_that_few_players_show_is_told_once() {
        let (facts, mut meter) = (Facts::default(), Meter::new());
        meter.count(&tracks(), &facts);
        assert_eq!(facts.get().unwrap().warnings, []);
        for _ in 0..2 {
            meter.count(&tracks_of(HIGH_444), &facts);
        }
        let warnings = facts.get().unwrap().warnings;
        assert!(warnings.len() == 1 && warnings[0].text.contains("High 4:4:4 Predictive"), "{warnings:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn uneven_arrival_is_jitter() {
        let jitter_ms = measured(2_000, [0, 30]).await.jitter_ms.expect("pictures");
        assert!((29.0..31.0).contains(&jitter_ms), "{jitter_ms}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_keyframe_that_does_not_come_is_told_before_it_comes() {
        let video = measured(60_000, [0, 0]).await.video.expect("video");
        assert!(video.keyframe_interval_ms > Some(9_000), "{video:?}");
    }
}
