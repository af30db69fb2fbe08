//! Sound that came before the first picture of its epoch.

use std::collections::VecDeque;

use media::{Packet, Span, Timestamp, Track};

use crate::timeline::SOUND_BEFORE_MAX;

/// The newest of it; the oldest go first.
#[derive(Debug, Default)]
pub(crate) struct EarlySound(VecDeque<Packet>);

impl EarlySound {
    pub(crate) fn keep(&mut self, packet: Packet) {
        let newest = packet.dts;
        self.0.push_back(packet);
        while self.0.len() > PACKETS_MAX
            || self.0.front().is_some_and(|oldest| newest - oldest.dts > LENGTH_MAX)
        {
            self.0.pop_front();
        }
    }

    /// Where it begins that is heard with a picture at `picture`.
    pub(crate) fn begins_before(&self, picture: Timestamp) -> Option<Timestamp> {
        self.0.iter().map(|early| early.dts).filter(|&from| picture - from <= SOUND_BEFORE_MAX).min()
    }

    /// Forgets what is of a track that is not among `tracks` any more, or not as it was.
    pub(crate) fn retrack(&mut self, before: &[Track], tracks: &[Track]) {
        let stays = |track: &&Track| before.contains(track);
        self.0.retain(|early| tracks.iter().filter(stays).any(|track| track.id == early.track));
    }

    pub(crate) fn take(&mut self) -> VecDeque<Packet> {
        std::mem::take(&mut self.0)
    }
}

/// In media time and in packets.
const LENGTH_MAX: Span = Span::from_secs(3);
const PACKETS_MAX: usize = 1_000;
