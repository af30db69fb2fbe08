//! Reads a file through once it is whole, so that its owner learns at once and not at the hour whether it can go live.

use std::sync::Arc;

use media::{MediaEvent, Packet, Span, Timestamp, Track};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use super::source::{Source, SourceError};
use super::state::{AudioFacts, FileFacts, VideoFacts};

/// Why a file does not become ready.
#[derive(Debug, Error)]
pub(super) enum CheckError {
    #[error("{0}")]
    Source(#[from] SourceError),
    #[error("the file holds no picture at which playing can begin, and no sound: expected an IDR picture")]
    NoMedia,
    #[error(
        "the file has a picture track without a picture at which playing can begin: expected an IDR picture"
    )]
    NoPicture,
    #[error("the origin stops")]
    Stopped,
}

/// Reads all of `source`. Blocks for as long as the disk takes.
pub(super) fn check(mut source: Source, stop: &CancellationToken) -> Result<FileFacts, CheckError> {
    let mut seen = Seen::default();
    loop {
        if stop.is_cancelled() {
            return Err(CheckError::Stopped);
        }
        let batch = source.batch()?;
        batch.events.iter().for_each(|event| seen.take(event));
        if batch.last {
            break;
        }
    }
    let mut facts = seen.facts()?;
    facts.format = source.format().map_or("", |format| format.name()).to_owned();
    facts.notices.extend(turned_words(source.turned()));
    facts.notices.extend(source.warnings().iter().map(ToString::to_string));
    Ok(facts)
}

/// What the owner of a file should know whose players turn its picture.
pub(crate) fn turned_words(degrees: u16) -> Option<String> {
    (degrees != 0).then(|| {
        format!("the file turns its picture by {degrees}°, and viewers see it as it lies: turn it before uploading")
    })
}

/// What came by.
#[derive(Debug, Default)]
struct Seen {
    tracks: Option<Arc<[Track]>>,
    begins: Option<Timestamp>,
    ends: Timestamp,
    pictures: u64,
    first_picture: Option<Timestamp>,
    last_picture: Option<Timestamp>,
    last_key: Option<Timestamp>,
    keys_apart_max: Span,
    sounds: u64,
}

impl Seen {
    fn take(&mut self, event: &MediaEvent) {
        match event {
            MediaEvent::Tracks(tracks) => self.tracks = Some(Arc::clone(tracks)),
            MediaEvent::Packet(packet) => self.packet(packet),
            MediaEvent::End(_) => {}
        }
    }

    fn packet(&mut self, packet: &Packet) {
        let tracks = self.tracks.as_deref().unwrap_or_default();
        let Some(track) = tracks.iter().find(|track| track.id == packet.track) else { return };
        let mut lasts = track.codec.sound_duration(&packet.data).unwrap_or(Span::ZERO);
        if track.is_video() {
            self.pictures += 1;
            self.first_picture.get_or_insert(packet.dts);
            if let Some(last) = self.last_picture.replace(packet.dts) {
                lasts = packet.dts - last;
            }
            if packet.random_access {
                let last = self.last_key.replace(packet.dts).unwrap_or(packet.dts);
                self.keys_apart_max = self.keys_apart_max.max(packet.dts - last);
            }
        } else {
            self.sounds += 1;
        }
        self.begins.get_or_insert(packet.dts);
        self.ends = self.ends.max(packet.dts + lasts);
    }

    fn facts(&self) -> Result<FileFacts, CheckError> {
        let (Some(tracks), Some(begins)) = (&self.tracks, self.begins) else {
            return Err(CheckError::NoMedia);
        };
        let picture = tracks.iter().find_map(|track| Some((track.codec.name(), track.codec.picture()?)));
        let sound = tracks.iter().find_map(|track| Some((track.codec.name(), track.codec.sound()?)));
        if picture.is_some() && self.pictures == 0 {
            return Err(CheckError::NoPicture);
        }
        let fps = self.first_picture.zip(self.last_picture).map_or(0.0, |(first, last)| {
            let seconds = (last - first).as_secs_f64();
            if seconds > 0.0 { (self.pictures - 1) as f64 / seconds } else { 0.0 }
        });
        let video = picture.map(|(codec, picture)| VideoFacts {
            codec: codec.to_owned(),
            width: picture.size.width,
            height: picture.size.height,
            fps: (fps * 1_000.0).round() / 1_000.0,
        });
        let audio = sound.filter(|_| self.sounds > 0).map(|(codec, sound)| AudioFacts {
            codec: codec.to_owned(),
            sample_rate: sound.sample_rate,
            channels: sound.channels,
        });
        let since_key = self.last_key.map_or(Span::ZERO, |last| self.ends - last);
        let keys_apart = self.keys_apart_max.max(since_key);
        let notices = (video.is_some() && keys_apart > GOP_LONG).then(|| {
            let seconds = keys_apart.as_secs_f64();
            format!("keyframes are up to {seconds:.1} s apart: viewers wait as long until they see a picture")
        });
        Ok(FileFacts {
            format: String::new(),
            duration_ms: u64::try_from((self.ends - begins).as_millis()).unwrap_or(0),
            video,
            audio,
            notices: notices.into_iter().collect(),
        })
    }
}

/// Two segments by default; more makes viewers wait.
const GOP_LONG: Span = Span::from_secs(4);
