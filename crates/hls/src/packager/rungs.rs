//! Renditions that somebody makes of the source's picture while it is packaged.

use std::collections::BTreeMap;
use std::sync::Arc;

use container::fmp4;
use media::{Packet, Span, Timestamp, Track};

use super::{Packager, Stage};
use crate::cutting::Layout;
use crate::error::Error;
use crate::lane::Lane;
use crate::multivariant_playlist::Variant;
use crate::retention::Retention;
use crate::window::{RUNGS, Rendition};

/// How a publisher's times became those of the playlist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Names the stretch of media in which it holds.
    pub epoch: u32,
    /// What is added to the publisher's times.
    pub shift: Span,
}

/// What comes of a rendition.
#[derive(Clone, Debug)]
pub enum RungMedia {
    /// Its parameters; before its pictures, and again when they change.
    Track(Track),
    /// A picture on the playlist's timeline, with the source's decoding time, and an IDR picture wherever the source
    /// has one.
    Packet {
        /// From [`Mapping::epoch`]; of another one than the present it is left out.
        epoch: u32,
        /// The picture.
        packet: Packet,
    },
    /// Nothing more comes of it.
    Ended,
    /// All renditions made of the picture have sound of these parameters in place of the source's, up to the
    /// publisher's next tracks. Where sound has a rendition of its own it stays the source's.
    Sound(Track),
    /// A packet of it, on the playlist's timeline.
    SoundPacket {
        /// As of a picture.
        epoch: u32,
        /// The packet.
        packet: Packet,
    },
}

/// One rendition.
#[derive(Debug)]
pub(super) struct Slot {
    lane: Lane,
    /// Picture and sound, or the picture where sound goes apart.
    tracks: Arc<[Track]>,
    track: Track,
    init: u32,
    /// The latest initialisation segment.
    init_bytes: bytes::Bytes,
    /// Pictures from before the playlist starts.
    early: Vec<Packet>,
    /// Sound of its own from then.
    early_sound: Vec<Packet>,
    /// It is offered to viewers.
    offered: bool,
}

impl Packager {
    /// How times are mapped now; `None` before the publisher's first picture where decoding can start.
    #[must_use]
    pub fn mapping(&self) -> Option<Mapping> {
        Some(Mapping { epoch: self.epoch, shift: self.timeline.shift()? })
    }

    /// Where groups of pictures are longer than a segment: up to where it is decided which segment a picture begins,
    /// see [`Packager::begins_segment`]. `None` where segments begin with the source's IDR pictures anyway.
    #[must_use]
    pub fn decided(&self) -> Option<Timestamp> {
        match &self.stage {
            Stage::Cutting(cutting) if !cutting.source.independent() => Some(cutting.source.decided()),
            _ => None,
        }
    }

    /// Whether a segment of the source begins at `at`, on the playlist's timeline. Of the latest segments only.
    #[must_use]
    pub fn begins_segment(&self, at: Timestamp) -> bool {
        matches!(&self.stage, Stage::Cutting(cutting) if cutting.begins_segment(at))
    }

    pub(super) fn rung_media(&mut self, rung: usize, media: RungMedia) -> Result<(), Error> {
        if rung >= RUNGS.len() {
            return Err(Error::UnknownRung(rung));
        }
        match media {
            RungMedia::Track(track) => self.set_rung_track(rung, track),
            RungMedia::Packet { epoch, packet } if epoch == self.epoch => {
                match (&mut self.stage, self.rungs.get_mut(&rung)) {
                    (Stage::Cutting(cutting), Some(_)) => cutting.push_rung(rung, packet),
                    (Stage::Opening(_), Some(slot)) if slot.early.len() < EARLY_MAX => {
                        slot.early.push(packet)
                    }
                    _ => {}
                }
                Ok(())
            }
            RungMedia::SoundPacket { epoch, packet } if epoch == self.epoch => {
                self.push_rung_sound(&packet);
                Ok(())
            }
            RungMedia::Packet { .. } | RungMedia::SoundPacket { .. } => Ok(()),
            RungMedia::Sound(track) if !self.config.separate_audio => {
                self.rung_sound = Some(track);
                self.renew_rungs()
            }
            RungMedia::Sound(_) => Ok(()),
            RungMedia::Ended => {
                if let Some(slot) = self.rungs.get_mut(&rung) {
                    slot.offered = false;
                }
                Ok(())
            }
        }
    }

    fn push_rung_sound(&mut self, packet: &Packet) {
        if self.rung_sound.is_none() {
            return;
        }
        match &mut self.stage {
            Stage::Cutting(cutting) => cutting.push_rung_sound(packet),
            Stage::Opening(_) => {
                for slot in self.rungs.values_mut().filter(|slot| slot.early_sound.len() < EARLY_MAX) {
                    slot.early_sound.push(packet.clone());
                }
            }
        }
    }

    fn set_rung_track(&mut self, rung: usize, track: Track) -> Result<(), Error> {
        let Some(layout) = self.layout() else { return Err(Error::NotStarted) };
        let own = self.rung_sound.as_slice();
        let shared = layout.audio.as_deref().filter(|_| own.is_empty() && !self.config.separate_audio);
        let sound = own.iter().chain(shared.unwrap_or_default());
        let tracks: Arc<[Track]> = std::iter::once(&track).chain(sound).cloned().collect();
        let init_bytes = fmp4::init_segment(&tracks)?;
        let slot = self.rungs.entry(rung).or_insert_with(|| Slot {
            lane: Lane::new(format!("{}{}", RUNGS[rung], self.suffix), Retention::new(self.config.window)),
            tracks: Arc::clone(&tracks),
            track: track.clone(),
            init: 0,
            init_bytes: bytes::Bytes::new(),
            early: Vec::new(),
            early_sound: Vec::new(),
            offered: true,
        });
        if slot.init_bytes != init_bytes {
            slot.init += u32::from(!slot.init_bytes.is_empty());
            slot.lane.retention.add_init(slot.init, init_bytes.clone());
            slot.init_bytes = init_bytes;
        }
        (slot.tracks, slot.track, slot.offered) = (tracks, track, true);
        if let Stage::Cutting(cutting) = &mut self.stage {
            cutting.rungs_have_sound_of_their_own(self.rung_sound.is_some());
            cutting.set_rung_tracks(rung, &slot.tracks, slot.init);
        }
        Ok(())
    }

    /// The playlist starts: what came before goes in.
    pub(super) fn open_rungs(&mut self) {
        let Stage::Cutting(cutting) = &mut self.stage else { return };
        cutting.rungs_have_sound_of_their_own(self.rung_sound.is_some());
        for (rung, slot) in &mut self.rungs {
            cutting.set_rung_tracks(*rung, &slot.tracks, slot.init);
            for packet in std::mem::take(&mut slot.early_sound) {
                cutting.push_sound_of_rung(*rung, packet);
            }
            for packet in std::mem::take(&mut slot.early) {
                cutting.push_rung(*rung, packet);
            }
        }
    }

    /// Keeps the segments that were completed; answers whether there were any.
    pub(super) fn collect_rungs(&mut self) -> bool {
        let Stage::Cutting(cutting) = &mut self.stage else { return false };
        let least = cutting.source.targets().duration * 3;
        let mut any = false;
        for (index, slot) in &mut self.rungs {
            let Some(rung) = cutting.rung_mut(*index) else { continue };
            let closed = rung.take_closed();
            any |= !closed.is_empty();
            let retention = &mut slot.lane.retention;
            if retention.segments().is_empty()
                && let Some(first) = closed.first().or(rung.open())
            {
                retention.begin_beside(&self.source.retention, first.msn);
            }
            for segment in closed {
                retention.push_beside(segment);
            }
            retention.list_from(self.source.retention.listed_from(), least);
        }
        any
    }

    /// What the multivariant playlist tells of them.
    pub(super) fn measure_rungs(&mut self) -> Vec<Variant> {
        let Stage::Cutting(cutting) = &self.stage else { return Vec::new() };
        let offered = self.rungs.iter_mut().filter(|(_, slot)| slot.offered);
        let variants = offered.filter_map(|(index, slot)| {
            let rung = cutting.rung(*index)?;
            slot.lane.measure(rung.open());
            let begun = rung.open().is_some() || !slot.lane.retention.segments().is_empty();
            begun.then(|| slot.lane.variant(Arc::clone(&slot.tracks), self.frame))
        });
        variants.collect()
    }

    /// What can be fetched of them.
    pub(super) fn render_rungs(&mut self, renditions: &mut BTreeMap<&'static str, Rendition>) {
        let Stage::Cutting(cutting) = &self.stage else { return };
        for (index, slot) in &mut self.rungs {
            let Some(mut growing) = cutting.growing_rung(*index) else { continue };
            growing.independent |= slot.lane.is_independent(growing.open);
            let rendition = slot.lane.rendition(growing);
            // A playlist without a part is none.
            if rendition.last().is_some() {
                renditions.insert(RUNGS[*index], rendition);
            }
        }
    }

    /// The sound changed: what has it inside needs other parameters.
    pub(super) fn retrack_rungs(&mut self, layout: &Layout) -> Result<(), Error> {
        self.rung_sound = None;
        if layout.audio.is_none() && self.config.separate_audio {
            return Ok(());
        }
        self.renew_rungs()
    }

    fn renew_rungs(&mut self) -> Result<(), Error> {
        let tracks: Vec<(usize, Track, bool)> =
            self.rungs.iter().map(|(rung, slot)| (*rung, slot.track.clone(), slot.offered)).collect();
        for (rung, track, offered) in tracks {
            self.set_rung_track(rung, track)?;
            if let Some(slot) = self.rungs.get_mut(&rung) {
                slot.offered = offered;
            }
        }
        Ok(())
    }
}

/// Pictures kept before the playlist starts: 10 s at 60 a second.
const EARLY_MAX: usize = 600;
