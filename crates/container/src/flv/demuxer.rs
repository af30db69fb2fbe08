//! FLV tag bodies to media events.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use media::{Aac, Codec, H264, MediaEvent, Packet, Timescale, Timestamp, Track, TrackId, nal};

use super::audio_clock::{AudioClock, Snapped};
use super::metadata::{Announced, read_announced};
use super::stamps::{Stamp, Stamps, rising};
use super::{
    ACCESS_UNIT, AUDIO_AAC, AUDIO_HEADER_BYTES, Error, SEQUENCE_HEADER, TagKind, VIDEO_AVC,
    VIDEO_HEADER_BYTES,
};

/// Reads one publisher's tags; what it gives out keeps the invariants of [`media`].
///
/// Tracks are held back until every announced one is known, at most 2 s of media; what comes meanwhile
/// waits with them. Video before an IDR picture is dropped and counted.
#[derive(Debug, Default)]
pub struct Demuxer {
    stamps: Stamps,
    announced: Option<Announced>,
    first_ms: Option<i64>,
    video: Option<Video>,
    audio: Option<Audio>,
    /// Tracks as last given out.
    given: Option<Arc<[Track]>>,
    /// Parameters changed, or decoding was interrupted: `Tracks` go out before the next IDR picture.
    renew: bool,
    /// Packets that follow the first tracks; its video begins with an IDR picture.
    waiting: VecDeque<Packet>,
    events: VecDeque<MediaEvent>,
    counters: Counters,
}

#[derive(Debug)]
struct Video {
    codec: H264,
    nal_length_size: usize,
    last: Option<Timestamp>,
}

#[derive(Debug)]
struct Audio {
    codec: Aac,
    clock: AudioClock,
    last: Option<Timestamp>,
    /// Its configuration differs from the one given out.
    changed: bool,
}

/// What was not passed on, and why; all count from the start of the stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Video packets before an IDR picture.
    pub before_idr: u64,
    /// Bodies that could not be read.
    pub malformed: u64,
    /// Packets whose stamps belonged to an older clock, or whose time was taken.
    pub misplaced: u64,
    /// Sound that came before its track could be given out.
    pub early_audio: u64,
    /// Gaps in the sound.
    pub audio_gaps: u64,
    /// Frames flagged as keyframes that are no IDR pictures.
    pub keyframes_not_idr: u64,
    /// How often the publisher's clock was set back.
    pub clock_restarts: u64,
}

/// A fact the publisher should know, in words by `Display`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// Keyframes that are no IDR pictures.
    OpenGop {
        /// How many so far.
        keyframes: u64,
    },
    /// Bodies that could not be read.
    Malformed {
        /// How many so far.
        bodies: u64,
    },
    /// Gaps in the sound.
    AudioGaps {
        /// How many so far.
        gaps: u64,
    },
    /// The clock was set back.
    ClockRestarts {
        /// How often so far.
        times: u64,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::OpenGop { keyframes } => {
                write!(f, "{keyframes} keyframes cannot be joined at (open GOP): switch to closed GOP")
            }
            Warning::Malformed { bodies } => {
                write!(f, "{bodies} packets could not be read and were left out")
            }
            Warning::AudioGaps { gaps } => write!(f, "the sound has {gaps} gaps"),
            Warning::ClockRestarts { times } => write!(f, "the timestamps were set back {times} times"),
        }
    }
}

/// The id of the video track.
const VIDEO: TrackId = TrackId(0);
/// The id of the audio track.
const AUDIO: TrackId = TrackId(1);

impl Demuxer {
    /// A demuxer before the first tag.
    #[must_use]
    pub fn new() -> Demuxer {
        Demuxer::default()
    }

    /// Takes the next tag; then drain [`Demuxer::poll`].
    ///
    /// A body that is cut or senseless is left out and counted.
    ///
    /// # Errors
    /// When the codec is not supported, a sequence header cannot be read, or the body passes 16 MiB.
    ///
    /// Spec: Adobe FLV 10.1 §E.4.2, §E.4.3.
    pub fn push(&mut self, kind: TagKind, timestamp_ms: u32, body: Bytes) -> Result<(), Error> {
        if body.len() > BODY_BYTES_MAX {
            return Err(Error::TooLarge { kind, bytes: body.len(), max: BODY_BYTES_MAX });
        }
        match kind {
            TagKind::Script => {
                self.announced = read_announced(&body).or(self.announced);
                Ok(())
            }
            TagKind::Video => self.video(timestamp_ms, body),
            TagKind::Audio => self.audio(timestamp_ms, body),
        }
    }

    /// The next event, or `None` until more is pushed.
    pub fn poll(&mut self) -> Option<MediaEvent> {
        self.events.pop_front()
    }

    /// What was left out so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What the publisher should know so far.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        let Counters { malformed, audio_gaps, keyframes_not_idr, clock_restarts, .. } = self.counters;
        let all = [
            (keyframes_not_idr, Warning::OpenGop { keyframes: keyframes_not_idr }),
            (malformed, Warning::Malformed { bodies: malformed }),
            (audio_gaps, Warning::AudioGaps { gaps: audio_gaps }),
            (clock_restarts, Warning::ClockRestarts { times: clock_restarts }),
        ];
        all.into_iter().filter(|(count, _)| *count > 0).map(|(_, warning)| warning).collect()
    }

    fn video(&mut self, timestamp_ms: u32, body: Bytes) -> Result<(), Error> {
        let Some(&first) = body.first() else { return self.left_out() };
        if first & ENHANCED != 0 {
            return Err(unsupported_four_cc(&body));
        }
        if first & 0x0f != VIDEO_AVC {
            return Err(Error::UnsupportedCodec { codec: video_codec_name(first & 0x0f) });
        }
        if first >> 4 == COMMAND_FRAME {
            return Ok(());
        }
        let Some(header) = body.first_chunk::<VIDEO_HEADER_BYTES>() else { return self.left_out() };
        let composition_ms = i64::from(i32::from_be_bytes([header[2], header[3], header[4], 0]) >> 8);
        let data = body.slice(VIDEO_HEADER_BYTES..);
        match header[1] {
            SEQUENCE_HEADER => self.video_header(data),
            ACCESS_UNIT => {
                self.access_unit(timestamp_ms, composition_ms, first >> 4 == KEYFRAME, &data);
                Ok(())
            }
            // The end of a sequence says nothing that the next header does not.
            _ => Ok(()),
        }
    }

    fn video_header(&mut self, avcc: Bytes) -> Result<(), Error> {
        let bad = |source| Error::BadSequenceHeader { kind: TagKind::Video, source };
        let nal_length_size = H264::nal_length_size(&avcc).map_err(bad)?;
        let codec = H264::from_avcc(avcc).map_err(bad)?;
        self.set_video(codec, nal_length_size);
        Ok(())
    }

    fn set_video(&mut self, codec: H264, nal_length_size: usize) {
        let last = self.video.as_ref().and_then(|video| video.last);
        let same = self.video.as_ref().is_some_and(|video| video.codec == codec);
        self.renew |= !same;
        if !same {
            self.waiting.retain(|packet| packet.track != VIDEO);
        }
        self.video = Some(Video { codec, nal_length_size, last });
    }

    fn access_unit(&mut self, timestamp_ms: u32, composition_ms: i64, keyframe: bool, data: &Bytes) {
        let Some(at_ms) = self.stamp(timestamp_ms) else { return };
        let Some(video) = &mut self.video else {
            self.counters.before_idr += 1;
            return;
        };
        let units: Result<Vec<&[u8]>, _> = nal::length_prefixed_units(data, video.nal_length_size).collect();
        let Ok(units) = units else {
            self.counters.malformed += 1;
            return;
        };
        let random_access = nal::is_idr_picture(units.iter().copied());
        self.counters.keyframes_not_idr += u64::from(keyframe && !random_access);
        let in_band = with_in_band(&video.codec, &units);
        let data = nal::to_length_prefixed(units);
        let dts = rising(at_ms, video.last);
        let pts = Timestamp::from_millis(at_ms.saturating_add(composition_ms));
        if let Some(codec) = in_band {
            let nal_length_size = video.nal_length_size;
            self.set_video(codec, nal_length_size);
        }
        let last = self.video.as_ref().and_then(|video| video.last);
        if data.is_empty() || last.is_some_and(|last| dts <= last) {
            self.counters.misplaced += 1;
            return;
        }
        self.give_tracks(at_ms, random_access);
        let packet = Packet { track: VIDEO, dts, pts, random_access, data };
        let ready = self.given.as_ref().is_some_and(|tracks| tracks.iter().any(|track| track.id == VIDEO));
        if ready && !self.renew {
            self.note_video(dts);
            self.events.push_back(MediaEvent::Packet(packet));
        } else if self.given.is_none() && (random_access || self.idr_waits()) {
            self.note_video(dts);
            self.wait(packet);
        } else {
            self.counters.before_idr += 1;
        }
    }

    fn note_video(&mut self, dts: Timestamp) {
        if let Some(video) = &mut self.video {
            video.last = Some(dts);
        }
    }

    fn idr_waits(&self) -> bool {
        self.waiting.iter().any(|packet| packet.track == VIDEO)
    }

    fn audio(&mut self, timestamp_ms: u32, body: Bytes) -> Result<(), Error> {
        let Some(&first) = body.first() else { return self.left_out() };
        match first >> 4 {
            AUDIO_AAC => {}
            AUDIO_ENHANCED => return Err(unsupported_four_cc(&body)),
            other => return Err(Error::UnsupportedCodec { codec: audio_codec_name(other).to_owned() }),
        }
        let Some(&packet_type) = body.get(1) else { return self.left_out() };
        let data = body.slice(AUDIO_HEADER_BYTES..);
        match packet_type {
            SEQUENCE_HEADER => self.audio_header(data),
            ACCESS_UNIT if data.is_empty() => Ok(()),
            ACCESS_UNIT => {
                self.sound(timestamp_ms, data);
                Ok(())
            }
            _ => self.left_out(),
        }
    }

    fn audio_header(&mut self, asc: Bytes) -> Result<(), Error> {
        let codec =
            Aac::from_asc(asc).map_err(|source| Error::BadSequenceHeader { kind: TagKind::Audio, source })?;
        if self.audio.as_ref().is_some_and(|audio| audio.codec == codec) {
            return Ok(());
        }
        let last = self.audio.as_ref().and_then(|audio| audio.last);
        let clock = AudioClock::new(&codec);
        self.waiting.retain(|packet| packet.track != AUDIO);
        self.audio = Some(Audio { codec, clock, last, changed: true });
        Ok(())
    }

    fn sound(&mut self, timestamp_ms: u32, data: Bytes) {
        let Some(at_ms) = self.stamp(timestamp_ms) else { return };
        let Some(audio) = &mut self.audio else {
            self.counters.early_audio += 1;
            return;
        };
        let first = audio.last.is_none();
        let dts = match audio.clock.snap(Timestamp::from_millis(at_ms)) {
            Snapped::Follows(dts) => Some(dts),
            Snapped::AfterGap(dts) => {
                self.counters.audio_gaps += u64::from(!first);
                Some(dts)
            }
            Snapped::Overlaps => None,
        };
        let Some(dts) = dts.filter(|&dts| audio.last.is_none_or(|last| dts > last)) else {
            self.counters.misplaced += 1;
            return;
        };
        audio.last = Some(dts);
        self.give_tracks(at_ms, false);
        let packet = Packet { track: AUDIO, dts, pts: dts, random_access: true, data };
        match &self.given {
            None => self.wait(packet),
            Some(_) if self.audio.as_ref().is_some_and(|audio| audio.changed) => {
                self.counters.early_audio += 1
            }
            Some(_) => self.events.push_back(MediaEvent::Packet(packet)),
        }
    }

    fn stamp(&mut self, timestamp_ms: u32) -> Option<i64> {
        let at_ms = match self.stamps.take(timestamp_ms) {
            Stamp::At(at_ms) => at_ms,
            Stamp::Continued(at_ms) => {
                // Frames refer to what came before the clock was set back only if nothing was lost.
                self.renew = self.video.is_some();
                self.waiting.retain(|packet| packet.track != VIDEO);
                self.counters.clock_restarts += 1;
                at_ms
            }
            Stamp::Stale => {
                self.counters.misplaced += 1;
                return None;
            }
        };
        self.first_ms.get_or_insert(at_ms);
        Some(at_ms)
    }

    /// Gives the tracks out when they are complete and this is a moment for it: the first time, or where
    /// an IDR picture follows, or at once without video.
    fn give_tracks(&mut self, at_ms: i64, idr_follows: bool) {
        let audio_changed = self.audio.as_ref().is_some_and(|audio| audio.changed);
        let idr_follows = idr_follows || self.idr_waits();
        if self.video.is_some() && !idr_follows || !(self.renew || audio_changed) {
            return;
        }
        if self.given.is_none() && !self.is_complete(at_ms) {
            return;
        }
        let tracks: Vec<Track> = self.video_track().into_iter().chain(self.audio_track()).collect();
        let tracks: Arc<[Track]> = tracks.into();
        self.renew = false;
        if let Some(audio) = &mut self.audio {
            audio.changed = false;
        }
        self.events.push_back(MediaEvent::Tracks(Arc::clone(&tracks)));
        self.given = Some(tracks);
        self.events.extend(std::mem::take(&mut self.waiting).into_iter().map(MediaEvent::Packet));
    }

    /// Whether no further track is to be expected.
    fn is_complete(&self, at_ms: i64) -> bool {
        let announced = self.announced.unwrap_or(Announced { video: true, audio: true });
        let missing = announced.video && self.video.is_none() || announced.audio && self.audio.is_none();
        let waited_ms = self.first_ms.map_or(0, |first| at_ms.saturating_sub(first));
        !missing || waited_ms >= TRACKS_WAIT_MS || self.waiting.len() >= WAITING_PACKETS_MAX
    }

    fn video_track(&self) -> Option<Track> {
        let codec = Codec::H264(self.video.as_ref()?.codec.clone());
        Some(Track { id: VIDEO, codec, timescale: Timescale::MPEG })
    }

    fn audio_track(&self) -> Option<Track> {
        let aac = &self.audio.as_ref()?.codec;
        let timescale = Timescale::new(aac.sample_rate)?;
        Some(Track { id: AUDIO, codec: Codec::Aac(aac.clone()), timescale })
    }

    fn wait(&mut self, packet: Packet) {
        if self.waiting.len() >= WAITING_PACKETS_MAX {
            self.waiting.pop_front();
            self.counters.early_audio += 1;
        }
        self.waiting.push_back(packet);
    }

    fn left_out(&mut self) -> Result<(), Error> {
        self.counters.malformed += 1;
        Ok(())
    }
}

/// The parameters with those in the access unit, when it carries others.
fn with_in_band(known: &H264, units: &[&[u8]]) -> Option<H264> {
    if !units.iter().any(|unit| nal::is_parameter_set(unit)) {
        return None;
    }
    let sets = |wanted: u8| -> Vec<Bytes> {
        let of_type = units.iter().filter(|unit| nal::unit_type(unit) == wanted);
        of_type.map(|unit| Bytes::copy_from_slice(unit)).collect()
    };
    let (known_sps, known_pps) = known.parameter_sets();
    let (sps, pps) = (sets(nal::SPS), sets(nal::PPS));
    let sps = if sps.is_empty() { known_sps } else { sps };
    let pps = if pps.is_empty() { known_pps } else { pps };
    // Sets that cannot be read are left out: the known ones go on.
    H264::from_parameter_sets(&sps, &pps).ok().filter(|codec| codec != known)
}

fn unsupported_four_cc(body: &[u8]) -> Error {
    let name = match body.get(1..5) {
        Some(b"hvc1" | b"hev1") => "HEVC (Enhanced RTMP)".to_owned(),
        Some(b"av01") => "AV1 (Enhanced RTMP)".to_owned(),
        Some(b"vp08" | b"vp09") => "VP8 or VP9 (Enhanced RTMP)".to_owned(),
        Some(b"avc1") => "H.264 in Enhanced RTMP".to_owned(),
        Some(b"Opus") => "Opus (Enhanced RTMP)".to_owned(),
        Some(b"mp4a") => "AAC in Enhanced RTMP".to_owned(),
        Some(four_cc) => format!("Enhanced RTMP codec {}", four_cc.escape_ascii()),
        None => "Enhanced RTMP".to_owned(),
    };
    Error::UnsupportedCodec { codec: name }
}

fn video_codec_name(id: u8) -> String {
    match id {
        2 => "Sorenson H.263".to_owned(),
        3 | 6 => "Screen video".to_owned(),
        4 | 5 => "VP6".to_owned(),
        12 => "HEVC (codec id 12)".to_owned(),
        _ => format!("video codec {id}"),
    }
}

fn audio_codec_name(format: u8) -> &'static str {
    match format {
        0 | 3 => "PCM",
        1 => "ADPCM",
        2 | 14 => "MP3",
        4..=6 => "Nellymoser",
        7 | 8 => "G.711",
        11 => "Speex",
        13 => "Opus",
        _ => "this audio codec",
    }
}

/// Set in the first byte of a video body by Enhanced RTMP, which puts a FourCC after it.
const ENHANCED: u8 = 0x80;
/// `SoundFormat` by which Enhanced RTMP announces a FourCC.
const AUDIO_ENHANCED: u8 = 9;

/// `FrameType` (§E.4.3.1).
const KEYFRAME: u8 = 1;
const COMMAND_FRAME: u8 = 5;

/// Bytes of one body: RTMP's message length has 24 bits.
const BODY_BYTES_MAX: usize = 16 << 20;

/// How long an announced track is waited for, in milliseconds of media.
const TRACKS_WAIT_MS: i64 = 2_000;

/// Packets that wait for the tracks: more than [`TRACKS_WAIT_MS`] of 96 kHz sound and 120 fps. Full: the
/// tracks go out as they are, or, without an IDR picture, the oldest sound goes.
const WAITING_PACKETS_MAX: usize = 512;
