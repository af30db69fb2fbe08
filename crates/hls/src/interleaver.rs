//! Holds video back until the sound that belongs to it has come.

use std::collections::VecDeque;

use media::{Packet, Span, Timestamp};

/// Video waits here for sound of the same time. At most [`AUDIO_WAIT`] of it; then it goes on alone and
/// the sound that comes late is put in a later part.
#[derive(Debug, Default)]
pub(crate) struct Interleaver {
    video: VecDeque<Packet>,
    /// Where the sound that has come ends; at first where the video begins.
    audio_end: Option<Timestamp>,
}

impl Interleaver {
    pub(crate) fn push_video(&mut self, packet: Packet) {
        self.audio_end.get_or_insert(packet.dts);
        self.video.push_back(packet);
    }

    /// Sound up to `end` has come.
    pub(crate) fn audio_until(&mut self, end: Timestamp) {
        self.audio_end = Some(self.audio_end.map_or(end, |known| known.max(end)));
    }

    /// The next video packet whose sound is there.
    pub(crate) fn pop(&mut self, has_audio: bool) -> Option<Packet> {
        let (first, newest) = (self.video.front()?.dts, self.video.back()?.dts);
        let waits = has_audio
            && self.audio_end.is_some_and(|end| end < first && newest - end < AUDIO_SILENT)
            && newest - first < AUDIO_WAIT;
        if waits { None } else { self.video.pop_front() }
    }

    /// Everything that still waits; the epoch is over.
    pub(crate) fn drain(&mut self) -> VecDeque<Packet> {
        self.audio_end = None;
        std::mem::take(&mut self.video)
    }
}

/// Encoders that send sound later than video do so by some tenths of a second.
const AUDIO_WAIT: Span = Span::from_millis(500);

/// After so much video without sound none is waited for: the microphone was taken away.
const AUDIO_SILENT: Span = Span::from_secs(3);
