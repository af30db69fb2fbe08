//! Puts what publishers stamp onto one timeline that only goes forward.

use std::collections::BTreeMap;

use media::{Packet, Span, Timestamp, TrackId};

/// Maps input times to playlist times. Each publisher, and each jump of its clock, is an epoch with a
/// shift of its own, anchored where the media before it ended.
#[derive(Debug)]
pub(crate) struct Timeline {
    epoch: Epoch,
    last: BTreeMap<TrackId, Timestamp>,
}

/// A playlist time and the wall time it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Anchor {
    pub(crate) at: Timestamp,
    pub(crate) unix_ms: i64,
}

#[derive(Debug)]
enum Epoch {
    /// Nobody publishes.
    Stopped,
    /// The next packet of the leading track where decoding can start is put at the anchor.
    Waiting(Beginning),
    /// Playlist time is input time plus the clock's shift.
    Running(Clock),
}

/// How a publisher's times become those of the playlist, and of the world.
#[derive(Clone, Copy, Debug)]
struct Clock {
    shift: Span,
    anchor: Anchor,
}

/// Where an epoch begins, and the clock of the one before, which tells how much later that is.
#[derive(Clone, Copy, Debug)]
struct Beginning {
    anchor: Anchor,
    before: Option<Clock>,
}

impl Anchor {
    /// Wall time at the playlist time `at`, milliseconds since 1970.
    fn unix_ms_at(self, at: Timestamp) -> i64 {
        self.unix_ms.saturating_add((at - self.at).as_millis())
    }
}

/// What becomes of a packet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mapped {
    /// On the playlist's timeline now; `first` of its epoch.
    Packet { packet: Packet, first: bool },
    /// Comes before its epoch begins: it may still belong after the leading packet that begins it.
    Early(Packet),
    /// Not rising, or too far from the leading track.
    Drop,
    /// The clock of the leading track jumped by so much: begin a new epoch and map it again.
    Jump { packet: Packet, by: Span },
}

/// What a packet is measured against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reference {
    /// The track that segments are cut by.
    pub(crate) lead: TrackId,
    /// Its longest frame.
    pub(crate) gap_max: Span,
    /// Where the sound begins that came before the first picture; told with any packet.
    pub(crate) sound_from: Option<Timestamp>,
}

impl Timeline {
    pub(crate) fn new() -> Timeline {
        Timeline { epoch: Epoch::Stopped, last: BTreeMap::new() }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        matches!(self.epoch, Epoch::Stopped)
    }

    pub(crate) fn is_running(&self) -> bool {
        matches!(self.epoch, Epoch::Running(_))
    }

    /// What is added to the publisher's times, once its epoch has begun.
    pub(crate) fn shift(&self) -> Option<Span> {
        match self.epoch {
            Epoch::Running(clock) => Some(clock.shift),
            Epoch::Stopped | Epoch::Waiting(_) => None,
        }
    }

    /// The next leading packet begins a new epoch at `anchor`.
    pub(crate) fn restart(&mut self, anchor: Anchor) {
        self.epoch = Epoch::Waiting(Beginning { anchor, before: None });
        self.last.clear();
    }

    /// The same at `at`, of the same publisher, whose clock tells how much time went by meanwhile.
    pub(crate) fn go_on(&mut self, at: Timestamp) {
        let before = match self.epoch {
            Epoch::Running(clock) => Some(clock),
            Epoch::Waiting(beginning) => beginning.before,
            Epoch::Stopped => None,
        };
        let anchor = Anchor { at, unix_ms: self.unix_ms(at) };
        self.epoch = Epoch::Waiting(Beginning { anchor, before });
        self.last.clear();
    }

    /// What comes next is on another clock.
    pub(crate) fn forget_clock(&mut self) {
        if let Epoch::Waiting(beginning) = &mut self.epoch {
            beginning.before = None;
        }
    }

    pub(crate) fn stop(&mut self) {
        self.epoch = Epoch::Stopped;
        self.last.clear();
    }

    /// Wall time at the playlist time `at`, milliseconds since 1970.
    pub(crate) fn unix_ms(&self, at: Timestamp) -> i64 {
        match self.epoch {
            Epoch::Stopped => 0,
            Epoch::Waiting(Beginning { anchor, .. }) | Epoch::Running(Clock { anchor, .. }) => {
                anchor.unix_ms_at(at)
            }
        }
    }

    /// Puts a packet on the playlist's timeline.
    pub(crate) fn map(&mut self, packet: Packet, reference: Reference) -> Mapped {
        let Reference { lead, gap_max, sound_from } = reference;
        let leads = packet.track == lead;
        match self.epoch {
            Epoch::Stopped => Mapped::Drop,
            Epoch::Waiting(_) if !leads => Mapped::Early(packet),
            Epoch::Waiting(_) if !packet.random_access => Mapped::Drop,
            Epoch::Waiting(beginning) => self.begin(packet, beginning, sound_from),
            Epoch::Running(Clock { shift, .. }) if leads => {
                let step = self.last.get(&lead).map_or(Span::ZERO, |&last| packet.dts - last);
                if step > gap_max || step < -BACK_MAX {
                    return Mapped::Jump { packet, by: step };
                }
                self.shifted(packet, shift)
            }
            Epoch::Running(Clock { shift, anchor }) => {
                let apart = self.last.get(&lead).map_or(Span::ZERO, |&last| packet.dts - last);
                // Its time belongs to the media before the epoch.
                let precedes = packet.dts + shift < anchor.at;
                if apart > AHEAD_MAX || apart < -BACK_MAX || precedes {
                    return Mapped::Drop;
                }
                self.shifted(packet, shift)
            }
        }
    }

    fn begin(&mut self, packet: Packet, beginning: Beginning, sound_from: Option<Timestamp>) -> Mapped {
        let Beginning { mut anchor, before } = beginning;
        // ISO BMFF has no negative decoding time, and players drop negative presentation times.
        let lead_in = if anchor.at == Timestamp::ZERO { packet.dts - packet.pts } else { Span::ZERO };
        // AAC begins with a frame of its encoder's own before the first picture: room is left for it.
        let sound = sound_from.map_or(Span::ZERO, |from| packet.dts - from);
        let room = if sound <= SOUND_BEFORE_MAX { lead_in.max(sound) } else { lead_in };
        let room = room.max(Span::ZERO);
        let shift = anchor.at + room - packet.dts;
        if let Some(before) = before {
            // A clock that was set back tells nothing.
            let told = before.anchor.unix_ms_at(packet.dts + before.shift).saturating_sub(room.as_millis());
            anchor.unix_ms = anchor.unix_ms.max(told);
        }
        self.epoch = Epoch::Running(Clock { shift, anchor });
        match self.shifted(packet, shift) {
            Mapped::Packet { packet, .. } => Mapped::Packet { packet, first: true },
            other => other,
        }
    }

    fn shifted(&mut self, packet: Packet, shift: Span) -> Mapped {
        if self.last.get(&packet.track).is_some_and(|&last| packet.dts <= last) {
            return Mapped::Drop;
        }
        self.last.insert(packet.track, packet.dts);
        let packet = Packet { dts: packet.dts + shift, pts: packet.pts + shift, ..packet };
        Mapped::Packet { packet, first: false }
    }
}

/// A leading clock that goes back further has been started anew; a smaller step is disorder.
const BACK_MAX: Span = Span::from_secs(3);

/// Sound that begins this much before the first picture is kept; earlier sound has nothing to be heard with.
pub(crate) const SOUND_BEFORE_MAX: Span = Span::from_millis(100);

/// Sound may lead the picture by so much before it counts as another clock.
pub(crate) const AHEAD_MAX: Span = Span::from_secs(10);
