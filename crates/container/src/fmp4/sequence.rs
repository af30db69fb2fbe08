//! Samples of MP4 as media events that keep the invariants of [`media`].

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use media::{MediaEvent, Packet, Span, Timescale, Timestamp, Track, TrackId, TrackKind};

use super::coding::Coding;
use crate::audio_clock::{AudioClock, Snapped};

/// What was not passed on, and why; all count from the start of the stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Video samples before an IDR picture.
    pub before_idr: u64,
    /// Samples that could not be read.
    pub malformed: u64,
    /// Samples whose time was taken.
    pub misplaced: u64,
    /// Sound that came before its track could be given out.
    pub early_audio: u64,
    /// Gaps in the sound.
    pub audio_gaps: u64,
    /// How often the clock leapt, or began anew with another `moov`.
    pub clock_restarts: u64,
}

/// A fact the publisher should know, in words by `Display`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// Samples that could not be read.
    Malformed {
        /// How many so far.
        samples: u64,
    },
    /// Samples whose time was taken.
    Misplaced {
        /// How many so far.
        samples: u64,
    },
    /// Gaps in the sound.
    AudioGaps {
        /// How many so far.
        gaps: u64,
    },
}

impl Counters {
    /// What the publisher should know of them.
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        let all = [
            (self.malformed, Warning::Malformed { samples: self.malformed }),
            (self.misplaced, Warning::Misplaced { samples: self.misplaced }),
            (self.audio_gaps, Warning::AudioGaps { gaps: self.audio_gaps }),
        ];
        all.into_iter().filter(|(count, _)| *count > 0).map(|(_, warning)| warning).collect()
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::Malformed { samples } => {
                write!(f, "{samples} frames could not be read and were left out")
            }
            Warning::Misplaced { samples } => {
                write!(f, "{samples} frames came with the time of others and were left out")
            }
            Warning::AudioGaps { gaps } => write!(f, "the sound has {gaps} gaps"),
        }
    }
}

/// Puts samples on one clock that never goes back, and says which tracks they belong to.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    video: Option<Video>,
    audio: Option<Audio>,
    /// Tracks as last given out.
    given: Option<Arc<[Track]>>,
    /// The tracks differ from those given out: they go out before the next IDR picture.
    renew: bool,
    /// Another movie began: its first sample follows the last one of the movie before.
    anew: bool,
    /// Added to every time since the clock leapt.
    shift: Span,
    /// The greatest decoding time given out.
    greatest: Option<Timestamp>,
    events: VecDeque<MediaEvent>,
    pub(crate) counters: Counters,
}

#[derive(Debug)]
struct Video {
    coding: Coding,
    last: Option<Timestamp>,
    awaiting_idr: bool,
}

#[derive(Debug)]
struct Audio {
    coding: Coding,
    clock: AudioClock,
    last: Option<Timestamp>,
    /// The next gap is none: the sound begins here.
    begins: bool,
}

/// One sample with its data.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) kind: TrackKind,
    pub(crate) dts: Timestamp,
    pub(crate) composition_offset: Span,
    pub(crate) data: Bytes,
}

impl Sequence {
    /// The tracks from here on: of another `moov`.
    pub(crate) fn begin(&mut self, video: Option<Coding>, audio: Option<Coding>) {
        let last_video = self.video.take().and_then(|video| video.last);
        let last_audio = self.audio.take().and_then(|audio| audio.last);
        self.video = video.map(|coding| Video { coding, last: last_video, awaiting_idr: true });
        self.audio = audio.map(|coding| Audio {
            coding,
            clock: AudioClock::default(),
            last: last_audio,
            begins: true,
        });
        self.renew = true;
        self.anew = self.greatest.is_some();
        let known = self.video.as_ref().is_none_or(|video| video.coding.codec.is_some());
        if self.video.is_none() || self.given.is_none() && known {
            self.give_tracks();
        }
    }

    /// The next sample, by decoding time.
    pub(crate) fn take(&mut self, sample: Sample) {
        let dts = self.continued(sample.dts);
        match sample.kind {
            TrackKind::Video => self.picture(dts, sample.composition_offset, sample.data),
            TrackKind::Audio => self.sound(dts, sample.data),
        }
    }

    /// The next event.
    pub(crate) fn poll(&mut self) -> Option<MediaEvent> {
        self.events.pop_front()
    }

    /// The time on the one clock.
    fn continued(&mut self, dts: Timestamp) -> Timestamp {
        let at = dts + self.shift;
        let Some(greatest) = self.greatest else { return at };
        let leaps = at < greatest - BACK_MAX || at > greatest + AHEAD_MAX;
        if !std::mem::take(&mut self.anew) && !leaps {
            return at;
        }
        let next = greatest + CONTINUED_AFTER;
        self.shift = next - dts;
        self.counters.clock_restarts += 1;
        if let Some(audio) = &mut self.audio {
            (audio.clock, audio.begins) = (AudioClock::default(), true);
        }
        next
    }

    fn picture(&mut self, dts: Timestamp, composition_offset: Span, sample: Bytes) {
        let Some(video) = &mut self.video else { return };
        let Some(unit) = video.coding.access_unit(sample) else {
            self.counters.malformed += 1;
            return;
        };
        if unit.parameters.is_some() {
            video.coding.codec = unit.parameters;
            video.awaiting_idr = true;
            self.renew = true;
        }
        if unit.data.is_empty() {
            return;
        }
        if video.awaiting_idr && !unit.random_access || video.coding.codec.is_none() {
            self.counters.before_idr += 1;
            return;
        }
        let Some(dts) = rising(dts, video.last) else {
            self.counters.misplaced += 1;
            return;
        };
        video.awaiting_idr = false;
        video.last = Some(dts);
        if self.renew {
            self.give_tracks();
        }
        let pts = dts + composition_offset;
        self.give(Packet { track: VIDEO, dts, pts, random_access: unit.random_access, data: unit.data });
    }

    fn sound(&mut self, dts: Timestamp, data: Bytes) {
        let Some(audio) = &mut self.audio else { return };
        let tracks_out =
            self.given.as_ref().is_some_and(|tracks| tracks.iter().any(|track| track.id == AUDIO));
        // Sound of another movie is of other tracks, which go out before its first picture.
        let tracks_wait = self.renew && audio.begins;
        if !tracks_out || tracks_wait {
            self.counters.early_audio += 1;
            return;
        }
        let Some(frame) = audio.coding.sound_duration(&data) else {
            self.counters.malformed += 1;
            return;
        };
        let dts = match audio.clock.snap(dts, frame) {
            Snapped::Follows(dts) => Some(dts),
            Snapped::AfterGap(dts) => {
                self.counters.audio_gaps += u64::from(!audio.begins);
                Some(dts)
            }
            Snapped::Overlaps => None,
        };
        let Some(dts) = dts.filter(|&dts| audio.last.is_none_or(|last| dts > last)) else {
            self.counters.misplaced += 1;
            return;
        };
        audio.begins = false;
        audio.last = Some(dts);
        self.give(Packet { track: AUDIO, dts, pts: dts, random_access: true, data });
    }

    fn give(&mut self, packet: Packet) {
        self.greatest = Some(self.greatest.map_or(packet.dts, |greatest| greatest.max(packet.dts)));
        self.events.push_back(MediaEvent::Packet(packet));
    }

    /// Gives the tracks out unless they are those already given.
    fn give_tracks(&mut self) {
        self.renew = false;
        let video = self.video.as_ref().and_then(|video| track(VIDEO, &video.coding));
        let audio = self.audio.as_ref().and_then(|audio| track(AUDIO, &audio.coding));
        let tracks: Arc<[Track]> = video.into_iter().chain(audio).collect();
        if tracks.is_empty() || self.given.as_ref() == Some(&tracks) {
            return;
        }
        self.events.push_back(MediaEvent::Tracks(Arc::clone(&tracks)));
        self.given = Some(tracks);
    }
}

fn track(id: TrackId, coding: &Coding) -> Option<Track> {
    let codec = coding.codec.clone()?;
    let timescale = match codec.sound() {
        Some(sound) => Timescale::new(sound.sample_rate)?,
        None => Timescale::MPEG,
    };
    Some(Track { id, codec, timescale })
}

/// A time that rises above `last` even where a sample lasts no time; `None` where it is taken for long.
fn rising(dts: Timestamp, last: Option<Timestamp>) -> Option<Timestamp> {
    match last {
        Some(last) if dts <= last => {
            Some(last + STEP_MIN).filter(|&next| next > last && next - dts < NUDGED_MAX)
        }
        _ => Some(dts),
    }
}

/// The id of the video track.
const VIDEO: TrackId = TrackId(0);
/// The id of the audio track.
const AUDIO: TrackId = TrackId(1);

/// Times that go back further mean a new clock; less is disorder between the tracks.
const BACK_MAX: Span = Span::from_secs(3);

/// A leap ahead of an hour is no gap but another clock; without this the timeline could be used up.
const AHEAD_MAX: Span = Span::from_secs(3_600);

/// About one frame, between the last time of the old clock and the first of the new.
const CONTINUED_AFTER: Span = Span::from_millis(40);

/// Between two samples of which the first lasts no time.
const STEP_MIN: Span = Span::from_millis(1);

/// How far a time may be moved to make it rise.
const NUDGED_MAX: Span = Span::from_millis(100);
