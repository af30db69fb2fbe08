//! FLV tag bodies to media events.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use media::{Aac, Codec, MediaEvent, Opus, Packet, Span, Timescale, Timestamp, Track, TrackId};

use super::foreign_sound::ForeignBody;
use super::metadata::{Announced, read_announced};
use super::tag_header::{self, Body, Payload, Read};
use super::video::Video;
use super::{Counters, Error, FourCc, TagKind, Warning};
use crate::audio_clock::{AudioClock, Snapped};
use crate::stamps::{Stamp, Stamps, rising};

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
struct Audio {
    codec: Codec,
    clock: AudioClock,
    last: Option<Timestamp>,
    /// Its configuration differs from the one given out.
    changed: bool,
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
    /// Spec: Adobe FLV 10.1 §E.4.2, §E.4.3; Enhanced RTMP v2.
    pub fn push(&mut self, kind: TagKind, timestamp_ms: u32, body: Bytes) -> Result<(), Error> {
        if body.len() > BODY_BYTES_MAX {
            return Err(Error::TooLarge { kind, bytes: body.len(), max: BODY_BYTES_MAX });
        }
        match kind {
            TagKind::Script => {
                self.announced = read_announced(&body).or(self.announced);
                Ok(())
            }
            TagKind::Video => self.take(timestamp_ms, tag_header::video(&body)?),
            TagKind::Audio => self.take(timestamp_ms, tag_header::audio(&body)?),
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
        self.counters.warnings()
    }

    fn take(&mut self, timestamp_ms: u32, read: Read) -> Result<(), Error> {
        let Body { codec, payload, offset } = match read {
            Read::Body(body) => body,
            Read::Foreign(body) => {
                self.foreign_sound(timestamp_ms, body);
                return Ok(());
            }
            Read::Nothing => return Ok(()),
            Read::FurtherTrack => {
                self.counters.further_tracks += 1;
                return Ok(());
            }
            Read::Malformed => {
                self.counters.malformed += 1;
                return Ok(());
            }
        };
        match payload {
            Payload::Header(record) if codec.is_audio() => self.audio_header(codec, record)?,
            Payload::Header(record) => self.video_header(codec, record)?,
            Payload::Coded { data, .. } if codec.is_audio() => {
                self.sound(timestamp_ms, offset, Some(codec), data);
            }
            Payload::Coded { data, composition_ms, keyframe } => {
                self.picture(Stamped { timestamp_ms, offset, composition_ms }, codec, keyframe, &data);
            }
        }
        Ok(())
    }

    fn video_header(&mut self, kind: FourCc, record: Bytes) -> Result<(), Error> {
        let last = self.video.as_ref().and_then(|video| video.last);
        let mut video = Video::from_header(kind, record, last)
            .map_err(|source| Error::BadSequenceHeader { kind: TagKind::Video, source })?;
        let known = self.video.take().filter(|known| known.kind == kind).and_then(|known| known.codec);
        // A header that leaves the parameters to the stream does not take away what the stream has told.
        let changed = video.codec.is_some() && video.codec != known || known.is_none();
        video.codec = video.codec.or(known);
        self.video = Some(video);
        if changed {
            self.parameters_changed();
        }
        Ok(())
    }

    fn parameters_changed(&mut self) {
        self.renew = true;
        self.waiting.retain(|packet| packet.track != VIDEO);
    }

    fn picture(&mut self, stamped: Stamped, kind: FourCc, keyframe: bool, data: &Bytes) {
        let Some(at_ms) = self.stamp(stamped.timestamp_ms) else { return };
        let video = self.video.get_or_insert_with(|| Video::new(kind, None));
        let unit = if video.kind == kind { video.access_unit(data) } else { None };
        let Some(unit) = unit else {
            self.counters.malformed += 1;
            return;
        };
        self.counters.keyframes_not_idr += u64::from(keyframe && !unit.random_access);
        if let Some(parameters) = unit.parameters {
            video.codec = Some(parameters);
            self.parameters_changed();
        }
        let Some(video) = self.video.as_ref().filter(|video| video.codec.is_some()) else {
            self.counters.without_parameters += 1;
            return;
        };
        let dts = rising(at_ms, stamped.offset, video.last);
        let pts = Timestamp::from_millis(at_ms.saturating_add(stamped.composition_ms)) + stamped.offset;
        if unit.data.is_empty() || video.last.is_some_and(|last| dts <= last) {
            self.counters.misplaced += 1;
            return;
        }
        self.give_tracks(at_ms, unit.random_access);
        let random_access = unit.random_access;
        let packet = Packet { track: VIDEO, dts, pts, random_access, data: unit.data };
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

    fn audio_header(&mut self, kind: FourCc, record: Bytes) -> Result<(), Error> {
        let read = match kind {
            FourCc::Opus => Opus::from_head(&record).map(Codec::Opus),
            _ => Aac::from_asc(record).map(Codec::Aac),
        };
        self.set_audio(read.map_err(|source| Error::BadSequenceHeader { kind: TagKind::Audio, source })?);
        Ok(())
    }

    fn set_audio(&mut self, codec: Codec) {
        if self.audio.as_ref().is_some_and(|audio| audio.codec == codec) {
            return;
        }
        let last = self.audio.as_ref().and_then(|audio| audio.last);
        let clock = AudioClock::default();
        self.waiting.retain(|packet| packet.track != AUDIO);
        self.audio = Some(Audio { codec, clock, last, changed: true });
    }

    /// Sound without a sequence header: each access unit brings its parameters.
    fn foreign_sound(&mut self, timestamp_ms: u32, body: ForeignBody) {
        let Some(units) = body.access_units() else {
            self.counters.malformed += 1;
            return;
        };
        for (codec, begins, data) in units {
            self.set_audio(codec);
            self.sound(timestamp_ms, begins, None, data);
        }
    }

    /// `kind`: what the body calls the codec, where it does.
    fn sound(&mut self, timestamp_ms: u32, offset: Span, kind: Option<FourCc>, data: Bytes) {
        if data.is_empty() {
            return;
        }
        let Some(at_ms) = self.stamp(timestamp_ms) else { return };
        let Some(audio) = &mut self.audio else {
            self.counters.early_audio += 1;
            return;
        };
        let duration = audio.codec.sound_duration(&data);
        let Some(duration) = duration.filter(|_| FourCc::of(&audio.codec) == kind) else {
            self.counters.malformed += 1;
            return;
        };
        let first = audio.last.is_none();
        let dts = match audio.clock.snap(Timestamp::from_millis(at_ms) + offset, duration) {
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
                self.renew = self.video_known();
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
        if self.video_known() && !idr_follows || !(self.renew || audio_changed) {
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
        let missing = announced.video && !self.video_known() || announced.audio && self.audio.is_none();
        let waited_ms = self.first_ms.map_or(0, |first| at_ms.saturating_sub(first));
        !missing || waited_ms >= TRACKS_WAIT_MS || self.waiting.len() >= WAITING_PACKETS_MAX
    }

    fn video_known(&self) -> bool {
        self.video.as_ref().is_some_and(|video| video.codec.is_some())
    }

    fn video_track(&self) -> Option<Track> {
        let codec = self.video.as_ref()?.codec.clone()?;
        Some(Track { id: VIDEO, codec, timescale: Timescale::MPEG })
    }

    fn audio_track(&self) -> Option<Track> {
        let codec = self.audio.as_ref()?.codec.clone();
        let timescale = Timescale::new(codec.sound()?.sample_rate)?;
        Some(Track { id: AUDIO, codec, timescale })
    }

    fn wait(&mut self, packet: Packet) {
        if self.waiting.len() >= WAITING_PACKETS_MAX {
            self.waiting.pop_front();
            self.counters.early_audio += 1;
        }
        self.waiting.push_back(packet);
    }
}

/// The times of one tag.
#[derive(Clone, Copy)]
struct Stamped {
    timestamp_ms: u32,
    /// Past the millisecond, below one.
    offset: Span,
    composition_ms: i64,
}

/// Bytes of one body: RTMP's message length has 24 bits.
const BODY_BYTES_MAX: usize = 16 << 20;

/// How long an announced track is waited for, in milliseconds of media.
const TRACKS_WAIT_MS: i64 = 2_000;

/// Packets that wait for the tracks: more than [`TRACKS_WAIT_MS`] of 96 kHz sound and 120 fps. Full: the
/// tracks go out as they are, or, without an IDR picture, the oldest sound goes.
const WAITING_PACKETS_MAX: usize = 512;
