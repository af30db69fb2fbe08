//! Access units with times to media events: when tracks are given out, and what is left out.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use media::{Codec, MediaEvent, Packet, Span, Timescale, Timestamp, Track, TrackId};

use crate::audio_clock::{AudioClock, Snapped};

/// Keeps the invariants of [`media`].
///
/// Tracks are held back until every announced one is known, at most 2 s of media; what comes meanwhile
/// waits with them. Video before an IDR picture is dropped and counted.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    expected: Expected,
    first: Option<Timestamp>,
    video: Option<Codec>,
    audio: Option<Codec>,
    last_video: Option<Timestamp>,
    last_audio: Option<Timestamp>,
    clock: AudioClock,
    /// Tracks as last given out.
    given: Option<Arc<[Track]>>,
    /// Pictures cannot go on as they are: `Tracks` go out before the next IDR picture.
    renew: bool,
    /// The sound's parameters differ from those given out.
    audio_changed: bool,
    waiting: VecDeque<Packet>,
    events: VecDeque<MediaEvent>,
    pub(super) counters: Counters,
}

/// Which kinds of tracks are announced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) video: bool,
    pub(super) audio: bool,
}

/// One picture.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) dts: Timestamp,
    pub(super) pts: Timestamp,
    pub(super) random_access: bool,
    pub(super) data: Bytes,
}

/// What was not passed on, and why; all count from the start of the stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Access units of which a part was lost on the way.
    pub broken: u64,
    /// Those of them that are pictures.
    pub broken_pictures: u64,
    /// Video before an IDR picture.
    pub before_idr: u64,
    /// Pieces of the stream that could not be read.
    pub malformed: u64,
    /// Access units whose times belonged to an older clock, or were taken.
    pub misplaced: u64,
    /// Sound that came before its track could be given out.
    pub early_audio: u64,
    /// Gaps in the sound.
    pub audio_gaps: u64,
    /// Pictures flagged as entry points that are none.
    pub keyframes_not_idr: u64,
    /// How often the publisher's clock was set back.
    pub clock_restarts: u64,
    /// How often the beginning of a packet had to be searched.
    pub resynchronised: u64,
    /// Packets that are scrambled.
    pub scrambled: u64,
}

/// A fact the publisher should know, in words by `Display`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// Access units of which a part was lost.
    Broken {
        /// How many so far.
        units: u64,
    },
    /// Entry points that are no IDR pictures.
    OpenGop {
        /// How many so far.
        keyframes: u64,
    },
    /// Pieces that could not be read.
    Malformed {
        /// How many so far.
        pieces: u64,
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
    /// Packets that are scrambled.
    Scrambled {
        /// How many so far.
        packets: u64,
    },
    /// Streams beside the one of each kind that is taken.
    FurtherStreams,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::Broken { units } => {
                write!(f, "{units} frames were lost on the way: raise the latency or lower the bitrate")
            }
            Warning::OpenGop { keyframes } => {
                write!(f, "{keyframes} keyframes cannot be joined at (open GOP): switch to closed GOP")
            }
            Warning::Malformed { pieces } => {
                write!(f, "{pieces} pieces of the stream could not be read and were left out")
            }
            Warning::AudioGaps { gaps } => write!(f, "the sound has {gaps} gaps"),
            Warning::ClockRestarts { times } => write!(f, "the timestamps were set back {times} times"),
            Warning::Scrambled { packets } => {
                write!(f, "{packets} packets are scrambled: send the programme in the clear")
            }
            Warning::FurtherStreams => {
                f.write_str("the programme has more streams: the first video and the first sound are taken")
            }
        }
    }
}

impl Counters {
    /// Pictures that arrived, whole or in part, and were not passed on.
    #[must_use]
    pub fn dropped_video(&self) -> u64 {
        self.broken_pictures + self.before_idr
    }

    pub(super) fn warnings(&self) -> Vec<Warning> {
        let malformed = self.malformed + self.resynchronised;
        let all = [
            (self.broken, Warning::Broken { units: self.broken }),
            (self.keyframes_not_idr, Warning::OpenGop { keyframes: self.keyframes_not_idr }),
            (malformed, Warning::Malformed { pieces: malformed }),
            (self.audio_gaps, Warning::AudioGaps { gaps: self.audio_gaps }),
            (self.clock_restarts, Warning::ClockRestarts { times: self.clock_restarts }),
            (self.scrambled, Warning::Scrambled { packets: self.scrambled }),
        ];
        all.into_iter().filter(|(count, _)| *count > 0).map(|(_, warning)| warning).collect()
    }
}

impl Assembly {
    pub(super) fn poll(&mut self) -> Option<MediaEvent> {
        self.events.pop_front()
    }

    /// Takes what a program announces. A kind that is not announced any more has no track from here on.
    pub(super) fn expect(&mut self, expected: Expected) {
        self.expected = expected;
        if !expected.video && self.video.take().is_some() {
            self.renew = true;
            self.waiting.retain(|packet| packet.track != VIDEO);
        }
        if !expected.audio && self.audio.take().is_some() {
            self.audio_changed = true;
            self.waiting.retain(|packet| packet.track != AUDIO);
        }
    }

    /// Pictures need what is not there: those up to the next IDR picture are left out.
    pub(super) fn interrupt_video(&mut self) {
        self.renew |= self.video.is_some();
        self.waiting.retain(|packet| packet.track != VIDEO);
    }

    pub(super) fn set_video(&mut self, codec: Codec) {
        self.video = Some(codec);
        self.interrupt_video();
    }

    pub(super) fn set_audio(&mut self, codec: Codec) {
        self.audio = Some(codec);
        self.audio_changed = true;
        self.waiting.retain(|packet| packet.track != AUDIO);
    }

    pub(super) fn picture(&mut self, picture: Picture) {
        let Picture { mut dts, pts, random_access, data } = picture;
        self.first.get_or_insert(dts);
        // A decoder's clock that was repeated, or that falls behind by disorder, is put right.
        if let Some(last) = self.last_video.filter(|&last| dts <= last) {
            dts = last + Span::from_millis(1);
        }
        if self.video.is_none() {
            self.counters.before_idr += 1;
            return;
        }
        self.give_tracks(dts, random_access);
        let packet = Packet { track: VIDEO, dts, pts, random_access, data };
        let ready = self.given.as_ref().is_some_and(|tracks| tracks.iter().any(|track| track.id == VIDEO));
        if ready && !self.renew {
            self.last_video = Some(dts);
            self.events.push_back(MediaEvent::Packet(packet));
        } else if self.given.is_none() && (random_access || self.idr_waits()) {
            self.last_video = Some(dts);
            self.wait(packet);
        } else {
            self.counters.before_idr += 1;
        }
    }

    pub(super) fn sound(&mut self, stamp: Timestamp, length: Span, data: Bytes) {
        self.first.get_or_insert(stamp);
        let first = self.last_audio.is_none();
        let dts = match self.clock.snap(stamp, length) {
            Snapped::Follows(dts) => Some(dts),
            Snapped::AfterGap(dts) => {
                self.counters.audio_gaps += u64::from(!first);
                Some(dts)
            }
            Snapped::Overlaps => None,
        };
        let Some(dts) = dts.filter(|&dts| self.last_audio.is_none_or(|last| dts > last)) else {
            self.counters.misplaced += 1;
            return;
        };
        self.last_audio = Some(dts);
        self.give_tracks(dts, false);
        let packet = Packet { track: AUDIO, dts, pts: dts, random_access: true, data };
        match &self.given {
            None => self.wait(packet),
            Some(_) if self.audio_changed => self.counters.early_audio += 1,
            Some(_) => self.events.push_back(MediaEvent::Packet(packet)),
        }
    }

    /// Nothing follows: what waits for tracks gets those there are.
    pub(super) fn finish(&mut self) {
        self.expected = Expected::default();
        if let Some(at) = self.last_video.max(self.last_audio)
            && self.given.is_none()
        {
            self.give_tracks(at, false);
        }
    }

    fn idr_waits(&self) -> bool {
        self.waiting.iter().any(|packet| packet.track == VIDEO)
    }

    /// Gives the tracks out when they are complete and this is a moment for it: the first time, or where
    /// an IDR picture follows, or at once without video.
    fn give_tracks(&mut self, at: Timestamp, idr_follows: bool) {
        let idr_follows = idr_follows || self.idr_waits();
        if self.video.is_some() && !idr_follows || !(self.renew || self.audio_changed) {
            return;
        }
        if self.given.is_none() && !self.is_complete(at) {
            return;
        }
        let tracks: Vec<Track> = self.tracks().collect();
        if tracks.is_empty() {
            return;
        }
        let tracks: Arc<[Track]> = tracks.into();
        (self.renew, self.audio_changed) = (false, false);
        self.events.push_back(MediaEvent::Tracks(Arc::clone(&tracks)));
        self.given = Some(tracks);
        self.events.extend(std::mem::take(&mut self.waiting).into_iter().map(MediaEvent::Packet));
    }

    /// Whether no further track is to be expected.
    fn is_complete(&self, at: Timestamp) -> bool {
        let missing =
            self.expected.video && self.video.is_none() || self.expected.audio && self.audio.is_none();
        let waited = self.first.map_or(Span::ZERO, |first| at - first);
        !missing || waited >= TRACKS_WAIT || self.waiting.len() >= WAITING_PACKETS_MAX
    }

    fn tracks(&self) -> impl Iterator<Item = Track> {
        let video = self.video.clone().map(|codec| Track { id: VIDEO, codec, timescale: Timescale::MPEG });
        let audio = self.audio.clone().and_then(|codec| {
            let timescale = Timescale::new(codec.sound()?.sample_rate)?;
            Some(Track { id: AUDIO, codec, timescale })
        });
        video.into_iter().chain(audio)
    }

    fn wait(&mut self, packet: Packet) {
        if self.waiting.len() >= WAITING_PACKETS_MAX {
            self.waiting.pop_front();
            self.counters.early_audio += 1;
            // Pictures that refer to one that is gone are of no use.
            while self.waiting.front().is_some_and(|first| first.track == VIDEO && !first.random_access) {
                self.waiting.pop_front();
                self.counters.before_idr += 1;
            }
        }
        self.waiting.push_back(packet);
    }
}

/// The id of the video track.
const VIDEO: TrackId = TrackId(0);
/// The id of the audio track.
const AUDIO: TrackId = TrackId(1);

/// How long an announced track is waited for.
const TRACKS_WAIT: Span = Span::from_secs(2);

/// Packets that wait for the tracks: more than [`TRACKS_WAIT`] of 96 kHz sound and 120 fps. Full: the
/// tracks go out as they are, or, without an IDR picture, the oldest sound goes.
const WAITING_PACKETS_MAX: usize = 512;
