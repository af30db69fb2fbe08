//! AAC in place of Opus, for renditions that are made since players may not show the source.

use std::sync::{Mutex, PoisonError};

use encode::Recoder;
use media::{Codec, Packet, Track, TrackId};

/// The sound of the renditions of one publisher's stream.
#[derive(Debug)]
pub(super) struct RungSound {
    /// The source's.
    pub(super) source: TrackId,
    /// Locked by nobody: the lock only lets it be referred to from several threads.
    recoder: Mutex<Recoder>,
}

impl RungSound {
    /// For a stream of `tracks`; `None` where its own sound is good enough, which is so beside H.264.
    ///
    /// # Errors
    /// When the sound cannot be decoded.
    pub(super) fn of(tracks: &[Track]) -> Result<Option<RungSound>, encode::Error> {
        let known = tracks.iter().any(|track| matches!(track.codec, Codec::H264(_)));
        let opus = tracks.iter().find_map(|track| match &track.codec {
            Codec::Opus(opus) => Some((track.id, opus)),
            _ => None,
        });
        let Some((source, opus)) = opus.filter(|_| !known) else { return Ok(None) };
        let recoder = Mutex::new(Recoder::open_opus(opus, source)?);
        Ok(Some(RungSound { source, recoder }))
    }

    /// Its parameters.
    pub(super) fn track(&mut self) -> Track {
        self.recoder().track()
    }

    /// The next packet; one that cannot be read becomes silence.
    ///
    /// # Errors
    /// When the encoder fails.
    pub(super) fn push(&mut self, packet: &Packet) -> Result<Vec<Packet>, encode::Error> {
        self.recoder().push(packet)
    }

    fn recoder(&mut self) -> &mut Recoder {
        self.recoder.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}
