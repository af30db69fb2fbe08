//! Sound that players do not take, re-encoded on its way to everything else.
//!
//! It is done within the publisher's task: a second of sound takes some milliseconds, and the picture that belongs to
//! it waits for it anyway.

use std::sync::{Arc, Mutex, PoisonError};

use encode::Recoder;
use media::{Codec, ForeignSound, MediaEvent, Packet, Track, TrackId};

use super::Plan;
use super::upper_band::Announced;

/// The sound of one publisher's stream.
#[derive(Debug)]
pub(crate) struct Sound {
    wanted: bool,
    announced: Announced,
    running: Option<Running>,
}

/// What re-encodes a track.
#[derive(Debug)]
struct Running {
    track: TrackId,
    sound: ForeignSound,
    /// Locked by nobody: the lock only lets it be referred to from several threads.
    recoder: Mutex<Recoder>,
}

impl Sound {
    /// For a publisher's stream that begins; without a plan such sound is refused.
    pub(crate) fn new(plan: Option<&Arc<Plan>>) -> Sound {
        Sound { wanted: plan.is_some(), announced: Announced::default(), running: None }
    }

    /// What takes the place of an event; `None` where it goes on as it is.
    ///
    /// # Errors
    /// When the sound is not taken or cannot be re-encoded.
    pub(crate) fn take(&mut self, event: &MediaEvent) -> Result<Option<Vec<MediaEvent>>, hls::Error> {
        let Some(events) = self.announced.take(event) else { return self.taken(event) };
        let mut out = Vec::new();
        for event in events {
            match self.taken(&event)? {
                Some(more) => out.extend(more),
                None => out.push(event),
            }
        }
        Ok(Some(out))
    }

    fn taken(&mut self, event: &MediaEvent) -> Result<Option<Vec<MediaEvent>>, hls::Error> {
        match event {
            MediaEvent::Tracks(tracks) => self.tracks(tracks),
            MediaEvent::Packet(packet) => {
                let running = self.running.as_mut().filter(|running| running.track == packet.track);
                let Some(running) = running else { return Ok(None) };
                let refused = refused(running.sound);
                let packets = running.recoder().push(packet).map_err(refused)?;
                Ok(Some(packets.into_iter().map(MediaEvent::Packet).collect()))
            }
            MediaEvent::End(_) if self.running.is_some() => {
                let mut events = self.end();
                events.push(event.clone());
                Ok(Some(events))
            }
            MediaEvent::End(_) => Ok(None),
        }
    }

    fn tracks(&mut self, tracks: &Arc<[Track]>) -> Result<Option<Vec<MediaEvent>>, hls::Error> {
        let foreign = tracks.iter().find_map(foreign);
        if foreign.is_none() && self.running.is_none() {
            return Ok(None);
        }
        let Some((id, sound)) = foreign else {
            let mut events = self.end();
            events.push(MediaEvent::Tracks(Arc::clone(tracks)));
            return Ok(Some(events));
        };
        if !self.wanted {
            return Err(hls::Error::ForeignSound(sound.format.name()));
        }
        let now = self.running.as_ref().map(|running| (running.track, running.sound));
        let mut events = if now == Some((id, sound)) { Vec::new() } else { self.end() };
        let running = match self.running.take() {
            Some(running) => self.running.insert(running),
            None => {
                let recoder = Mutex::new(Recoder::open(sound, id).map_err(refused(sound))?);
                self.running.insert(Running { track: id, sound, recoder })
            }
        };
        let aac = running.recoder().track();
        let replaced = tracks.iter().map(|track| if track.id == id { aac.clone() } else { track.clone() });
        events.push(MediaEvent::Tracks(replaced.collect()));
        Ok(Some(events))
    }

    /// Nothing more comes of the track: what is inside.
    fn end(&mut self) -> Vec<MediaEvent> {
        let Some(Running { recoder, .. }) = self.running.take() else { return Vec::new() };
        let recoder = recoder.into_inner().unwrap_or_else(PoisonError::into_inner);
        let last: Vec<Packet> = recoder.finish().unwrap_or_default();
        last.into_iter().map(MediaEvent::Packet).collect()
    }
}

impl Running {
    fn recoder(&mut self) -> &mut Recoder {
        self.recoder.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

fn foreign(track: &Track) -> Option<(TrackId, ForeignSound)> {
    match track.codec {
        Codec::Foreign(sound) => Some((track.id, sound)),
        _ => None,
    }
}

fn refused(sound: ForeignSound) -> impl Fn(encode::Error) -> hls::Error {
    move |error| {
        tracing::warn!(%error, codec = sound.format.name(), "sound cannot be re-encoded");
        hls::Error::ForeignSound(sound.format.name())
    }
}
