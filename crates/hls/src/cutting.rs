//! The renditions of a stream while they are cut: the source's own decides, the others follow.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use media::{Aac, Packet, Span, Timestamp, Track};

use crate::cutter::{Boundary, nominal_frame};
use crate::error::Error;
use crate::follower::Follower;
use crate::lane::Growing;
use crate::part_target;
use crate::rung::{BOUNDARIES_MAX, Rung};
use crate::segmenter::{Segmenter, Targets};

/// The source rendition, and that of its sound alone where there is one.
#[derive(Debug)]
pub(crate) struct Cutting {
    pub(crate) source: Segmenter,
    pub(crate) audio: Option<Follower>,
    /// Renditions made of the picture, by their places.
    rungs: BTreeMap<usize, Rung>,
    /// The latest boundaries and sound of this epoch, for renditions that begin now.
    boundaries: VecDeque<Boundary>,
    recent_sound: VecDeque<Packet>,
    /// The source rendition has no sound.
    separate: bool,
    /// Renditions made of the picture have sound of their own.
    apart: bool,
    /// The newest sound.
    sound: Option<Timestamp>,
}

/// What a stream's packets are distributed to.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// Tracks of the source rendition.
    pub(crate) source: Arc<[Track]>,
    /// The audio track, where there is one.
    pub(crate) audio: Option<Arc<[Track]>>,
    /// The sound has a rendition of its own.
    pub(crate) beside: bool,
}

type UnixMs<'a> = &'a dyn Fn(Timestamp) -> i64;

impl Layout {
    /// For `tracks`; with `separate` picture and sound go apart. `beside`: a rendition of the sound is there
    /// already.
    pub(crate) fn of(tracks: &Arc<[Track]>, separate: bool, beside: bool) -> Layout {
        let only = |video: bool| -> Arc<[Track]> {
            tracks.iter().filter(|track| track.is_video() == video).cloned().collect()
        };
        let (video, audio) = (only(true), only(false));
        let both = !video.is_empty() && !audio.is_empty();
        Layout {
            source: if separate && both { video } else { Arc::clone(tracks) },
            beside: beside || both,
            audio: (!audio.is_empty()).then_some(audio),
        }
    }

    fn is_separate(&self) -> bool {
        self.audio.is_some() && self.source.iter().all(Track::is_video)
    }
}

impl Cutting {
    pub(crate) fn new(targets: Targets, layout: &Layout, independent: bool) -> Cutting {
        Cutting {
            source: Segmenter::new(targets, Arc::clone(&layout.source), independent),
            audio: None,
            rungs: BTreeMap::new(),
            boundaries: VecDeque::new(),
            recent_sound: VecDeque::new(),
            separate: false,
            apart: false,
            sound: None,
        }
    }

    /// What follows does not continue what came before. `part_target` is the one that is aimed at.
    pub(crate) fn begin(&mut self, layout: &Layout, init: u32, part_target: Span) {
        self.source.begin(Arc::clone(&layout.source), init);
        self.separate = layout.is_separate();
        self.sound = None;
        self.boundaries.clear();
        self.recent_sound.clear();
        if self.audio.is_none()
            && layout.beside
            && let Some(tracks) = &layout.audio
        {
            let frame = tracks.first().map_or(AAC_FRAME, |track| nominal_frame(tracks, track.id));
            let target = part_target::choose(part_target, vec![frame; FRAMES_CERTAIN]);
            self.audio = Some(Follower::new(target, Arc::clone(tracks)));
        }
        if let Some(audio) = &mut self.audio {
            audio.begin(layout.audio.clone(), init);
        }
    }

    /// A packet of the track that segments are cut by.
    pub(crate) fn push_lead(&mut self, packet: Packet, unix_ms: UnixMs<'_>) -> Result<(), Error> {
        if packet_is_audio(&packet, self) {
            self.push_beside(&packet);
        }
        let result = self.source.push_lead(packet, unix_ms);
        self.distribute_boundaries();
        let decided = self.source.decided();
        let audio = self.audio.as_mut().map_or(Ok(()), |audio| audio.follow(decided, unix_ms));
        let rungs = self.rungs.values_mut();
        rungs.fold(result.and(audio), |result, rung| result.and(rung.follow(decided, unix_ms)))
    }

    /// A packet of the sound beside a picture. Its bytes are shared, not copied, between the renditions.
    pub(crate) fn push_other(&mut self, packet: Packet) {
        self.sound = Some(packet.dts);
        self.push_beside(&packet);
        if !self.separate {
            if !self.apart {
                self.give_rungs_sound(&packet);
            }
            self.source.push_other(packet);
        }
    }

    /// Whether renditions made of the picture have sound of their own, see [`Cutting::push_rung_sound`].
    pub(crate) fn rungs_have_sound_of_their_own(&mut self, apart: bool) {
        if std::mem::replace(&mut self.apart, apart) != apart {
            self.recent_sound.clear();
        }
    }

    /// A packet of the sound that only renditions made of the picture have.
    pub(crate) fn push_rung_sound(&mut self, packet: &Packet) {
        if self.apart {
            self.give_rungs_sound(packet);
        }
    }

    /// The same for one of them, from before the playlist started.
    pub(crate) fn push_sound_of_rung(&mut self, rung: usize, packet: Packet) {
        if let Some(rung) = self.rungs.get_mut(&rung).filter(|_| self.apart) {
            rung.push_sound(packet);
        }
    }

    fn give_rungs_sound(&mut self, packet: &Packet) {
        for rung in self.rungs.values_mut() {
            rung.push_sound(packet.clone());
        }
        self.keep_sound(packet);
    }

    /// How far the sound is ahead of the picture.
    pub(crate) fn sound_ahead(&self) -> Span {
        match self.sound {
            Some(newest) if self.source.is_growing() => newest - self.source.decided(),
            _ => Span::ZERO,
        }
    }

    /// Ends the epoch: everything goes out.
    pub(crate) fn flush(&mut self, unix_ms: UnixMs<'_>) -> Result<(), Error> {
        let growing = self.source.is_growing();
        let result = self.source.flush(unix_ms);
        if !growing {
            return result;
        }
        self.distribute_boundaries();
        let end = self.source.decided();
        let audio = self.audio.as_mut().map_or(Ok(()), |audio| audio.finish(end, unix_ms));
        let rungs = self.rungs.values_mut();
        rungs.fold(result.and(audio), |result, rung| result.and(rung.finish(end, unix_ms)))
    }

    /// Where the media so far ends on the playlist's timeline, that of every rendition.
    pub(crate) fn end(&self) -> Timestamp {
        let audio = self.audio.iter().map(Follower::end);
        audio.chain(self.rungs.values().map(Rung::end)).fold(self.source.end(), Timestamp::max)
    }

    /// The source rendition's end.
    pub(crate) fn growing_source(&self) -> Growing<'_> {
        Growing {
            targets: *self.source.targets(),
            independent: self.source.independent(),
            open: self.source.open(),
            next_msn: self.source.next_msn(),
            growing: self.source.is_growing(),
        }
    }

    /// The end of the rendition of the sound alone.
    pub(crate) fn growing_audio(&self) -> Option<Growing<'_>> {
        let audio = self.audio.as_ref()?;
        Some(Growing {
            targets: Targets { part: audio.part_target(), ..*self.source.targets() },
            independent: true,
            open: audio.open(),
            next_msn: audio.next_msn(),
            growing: audio.is_growing(),
        })
    }

    /// A rendition of the picture has `tracks` from now on.
    pub(crate) fn set_rung_tracks(&mut self, rung: usize, tracks: &Arc<[Track]>, init: u32) {
        let new = || Rung::new(self.source.targets().part, self.boundaries.clone());
        let rung = self.rungs.entry(rung).or_insert_with(new);
        rung.set_tracks(Arc::clone(tracks), init, &self.recent_sound);
    }

    /// A picture of a rendition.
    pub(crate) fn push_rung(&mut self, rung: usize, packet: Packet) {
        if let Some(rung) = self.rungs.get_mut(&rung) {
            rung.push(packet);
        }
    }

    pub(crate) fn rung(&self, rung: usize) -> Option<&Rung> {
        self.rungs.get(&rung)
    }

    pub(crate) fn rung_mut(&mut self, rung: usize) -> Option<&mut Rung> {
        self.rungs.get_mut(&rung)
    }

    /// The end of a rendition of the picture.
    pub(crate) fn growing_rung(&self, rung: usize) -> Option<Growing<'_>> {
        let rung = self.rungs.get(&rung)?;
        Some(Growing {
            targets: Targets { part: rung.part_target(), ..*self.source.targets() },
            independent: self.source.independent(),
            open: rung.open(),
            next_msn: rung.next_msn(),
            growing: rung.is_growing(),
        })
    }

    /// Whether a segment begins at `at`, among the latest ones.
    pub(crate) fn begins_segment(&self, at: Timestamp) -> bool {
        self.boundaries.iter().any(|boundary| boundary.at == at)
    }

    fn distribute_boundaries(&mut self) {
        for boundary in self.source.take_boundaries() {
            if let Some(audio) = &mut self.audio {
                audio.push_boundary(boundary);
            }
            for rung in self.rungs.values_mut() {
                rung.push_boundary(boundary);
            }
            self.boundaries.push_back(boundary);
            if self.boundaries.len() > BOUNDARIES_MAX {
                self.boundaries.pop_front();
            }
        }
    }

    fn keep_sound(&mut self, packet: &Packet) {
        self.recent_sound.push_back(packet.clone());
        while self.recent_sound.len() > RECENT_SOUND_MAX {
            self.recent_sound.pop_front();
        }
    }

    fn push_beside(&mut self, packet: &Packet) {
        if let Some(audio) = &mut self.audio {
            audio.push(packet.clone());
        }
    }
}

/// Sound kept for a rendition whose first picture comes late: about 7 s.
const RECENT_SOUND_MAX: usize = 320;

/// Whether the leading track is the sound: a publisher without a picture.
fn packet_is_audio(packet: &Packet, cutting: &Cutting) -> bool {
    cutting.source.tracks().iter().any(|track| track.id == packet.track && !track.is_video())
}

/// Frames by their parameters, not by stamps: as many as make the rounding of stamps not count.
const FRAMES_CERTAIN: usize = 100;

/// 48 kHz, where the tracks do not say.
const AAC_FRAME: Span = Span::from_millis((Aac::FRAME_SAMPLES / 48) as i64);
