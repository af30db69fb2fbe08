//! A broadcast's recording: begun at an IDR while the room wants one, across all its publishers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use container::fmp4::{Fragmenter, Piece};
use media::{MediaEvent, Packet, Span, Timestamp, Track};
use rooms::Slug;

use super::continuity::Continued;
use crate::clock::unix_ms;
use crate::recordings::{Recordings, Refused, Status, Writer};
use crate::still::KeyFrame;
use crate::store::WallSpan;

/// Whether and where a room's broadcasts are recorded.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) recordings: Arc<Recordings>,
    pub(crate) slug: Slug,
    /// Follows the room's setting, also during a broadcast.
    pub(crate) wanted: Arc<AtomicBool>,
    pub(crate) status: Arc<Status>,
}

/// Records one broadcast.
#[derive(Debug)]
pub(super) struct Recorder {
    target: Target,
    tracks: Option<Arc<[Track]>>,
    running: Option<Running>,
    /// Recording stopped by itself: it stays so until the broadcast is over, or until it is switched off and on.
    stopped: bool,
}

#[derive(Debug)]
struct Running {
    fragmenter: Fragmenter,
    writer: Writer,
    origin: Timestamp,
    /// Pictures handed over for its poster: the first, and one from later, since the first is often black.
    posters: u8,
    tracks: Arc<[Track]>,
}

impl Recorder {
    pub(super) fn new(target: Target) -> Recorder {
        Recorder { target, tracks: None, running: None, stopped: false }
    }

    /// Takes an event on the broadcast's clock.
    pub(super) fn push(&mut self, continued: &Continued) {
        if let MediaEvent::Tracks(tracks) = &continued.event {
            self.tracks = Some(Arc::clone(tracks));
        }
        if !self.target.wanted.load(Ordering::Relaxed) {
            self.finish();
            return;
        }
        let mut anew = continued.anew;
        if let MediaEvent::Packet(packet) = &continued.event
            && self.running.is_none()
            && !self.stopped
        {
            self.begin(packet);
            anew = true;
        }
        let Some(running) = &mut self.running else { return };
        let taken = running.take(&continued.event, anew);
        self.stop_if(taken);
    }

    /// What came so far goes to the disk: its publisher is gone.
    pub(super) fn flush(&mut self) {
        if let Some(running) = &mut self.running {
            let taken = running.flush();
            self.stop_if(taken);
        }
    }

    fn begin(&mut self, packet: &Packet) {
        let Some(tracks) = &self.tracks else { return };
        let lead = tracks.iter().find(|track| track.is_video()).or_else(|| tracks.first());
        if !packet.random_access || lead.is_none_or(|lead| lead.id != packet.track) {
            return;
        }
        let codecs = tracks.iter().map(|track| track.codec.name().to_owned()).collect();
        let Target { recordings, slug, status, .. } = &self.target;
        match Writer::start(recordings, slug, codecs, status) {
            Ok(writer) => {
                let mut fragmenter = Fragmenter::new();
                // Nothing comes of the tracks alone.
                let _ = fragmenter.push(&MediaEvent::Tracks(Arc::clone(tracks)));
                let (origin, tracks) = (packet.dts, Arc::clone(tracks));
                self.running = Some(Running { fragmenter, writer, origin, posters: 0, tracks });
            }
            Err(error) => self.stop(format!("recording stopped: its thread did not start: {error}")),
        }
    }

    fn stop_if(&mut self, taken: Result<(), Failure>) {
        match taken {
            Ok(()) => {}
            Err(Failure::Refused(Refused::TooSlow)) => {
                self.stop("recording stopped: the disk is too slow".to_owned());
            }
            // The thread has told it already.
            Err(Failure::Refused(Refused::Ended)) => {
                self.running = None;
                self.stopped = true;
            }
            Err(Failure::Media(error)) => self.stop(format!("recording stopped: {error}")),
        }
    }

    fn stop(&mut self, notice: String) {
        tracing::warn!(room = %self.target.slug, notice, "the broadcast goes on");
        self.target.status.stop(notice);
        self.running = None;
        self.stopped = true;
    }

    /// Ends the recording with all that came; the next IDR begins another.
    pub(super) fn finish(&mut self) {
        self.flush();
        self.running = None;
        self.stopped = false;
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.finish();
    }
}

enum Failure {
    Refused(Refused),
    Media(container::fmp4::Error),
}

impl Running {
    fn take(&mut self, event: &MediaEvent, anew: bool) -> Result<(), Failure> {
        if let MediaEvent::Packet(packet) = event
            && anew
        {
            let media_ms = (packet.dts - self.origin).as_millis();
            let span = WallSpan { media_ms, unix_ms: unix_ms() };
            self.writer.span(span).map_err(Failure::Refused)?;
        }
        match event {
            MediaEvent::Tracks(tracks) => self.tracks = Arc::clone(tracks),
            MediaEvent::Packet(packet) => self.poster(packet)?,
            MediaEvent::End(_) => {}
        }
        let pieces = self.fragmenter.push(event).map_err(Failure::Media)?;
        self.write(pieces)
    }

    fn poster(&mut self, packet: &Packet) -> Result<(), Failure> {
        let due = match self.posters {
            0 => true,
            1 => packet.dts - self.origin >= POSTER_AFTER,
            _ => false,
        };
        let picture = self.tracks.iter().any(|track| track.id == packet.track && track.is_video());
        if !due || !picture || !packet.random_access {
            return Ok(());
        }
        self.posters += 1;
        let key_frame = KeyFrame { tracks: Arc::clone(&self.tracks), packet: packet.clone() };
        self.writer.poster(key_frame).map_err(Failure::Refused)
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let pieces = self.fragmenter.flush().map_err(Failure::Media)?;
        self.write(pieces)
    }

    fn write(&self, pieces: Vec<Piece>) -> Result<(), Failure> {
        pieces.into_iter().try_for_each(|piece| self.writer.piece(piece)).map_err(Failure::Refused)
    }
}

/// By then a scene is set up and a title is over.
const POSTER_AFTER: Span = Span::from_secs(10);

#[cfg(test)]
#[path = "recorder_tests.rs"]
mod tests;
