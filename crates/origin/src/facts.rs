//! What arrives from a publisher, measured, and what it should know.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use media::{MediaEvent, Track};
use serde::Serialize;
use tokio::time::Instant;

/// The facts about one stream's ingest; none while nobody publishes.
#[derive(Debug, Default)]
pub(crate) struct Facts(Mutex<Option<Ingest>>);

/// What arrives, as its publisher and the admins are told.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Ingest {
    pub(crate) video: Option<VideoFacts>,
    pub(crate) audio: Option<AudioFacts>,
    /// Over the last [`MEASURE_INTERVAL`], coded media without the protocol around it.
    pub(crate) bitrate_bps: u64,
    /// In words, the oldest first.
    pub(crate) warnings: Vec<Warning>,
}

/// Something the publisher should know.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Warning {
    #[serde(skip)]
    kind: Option<WarningKind>,
    text: String,
}

/// Tells the demuxer's warnings apart, whatever they count.
pub(crate) type WarningKind = std::mem::Discriminant<container::flv::Warning>;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct VideoFacts {
    pub(crate) codec: &'static str,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Frames per second: what the stream promises, else what was counted.
    pub(crate) fps: Option<f64>,
    #[serde(skip)]
    fps_promised: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct AudioFacts {
    pub(crate) codec: &'static str,
    pub(crate) sample_rate: u32,
    pub(crate) channels: u8,
}

/// Counts what arrives.
#[derive(Debug)]
pub(crate) struct Meter {
    since: Instant,
    bytes: u64,
    frames: u32,
    tracks: Option<Arc<[Track]>>,
}

impl Facts {
    /// As they are now.
    pub(crate) fn get(&self) -> Option<Ingest> {
        self.0.lock().expect(UNBROKEN).clone()
    }

    /// Forgets them: the publisher is gone.
    pub(crate) fn clear(&self) {
        *self.0.lock().expect(UNBROKEN) = None;
    }

    /// Keeps a warning, and answers whether it is new. Of a `kind` only the latest words are kept, since they
    /// may hold a count that goes on.
    pub(crate) fn warn(&self, kind: Option<WarningKind>, text: &str) -> bool {
        let mut new = false;
        self.change(|ingest| {
            let known = ingest.warnings.iter_mut().find(|warning| match kind {
                Some(_) => warning.kind == kind,
                None => warning.text == text,
            });
            if let Some(known) = known {
                text.clone_into(&mut known.text);
                return;
            }
            if ingest.warnings.len() == WARNINGS_MAX {
                ingest.warnings.remove(0);
            }
            ingest.warnings.push(Warning { kind, text: text.to_owned() });
            new = true;
        });
        new
    }

    fn change(&self, change: impl FnOnce(&mut Ingest)) {
        change(self.0.lock().expect(UNBROKEN).get_or_insert_default());
    }
}

impl Meter {
    /// Counts from now on.
    pub(crate) fn new() -> Meter {
        Meter { since: Instant::now(), bytes: 0, frames: 0, tracks: None }
    }

    /// Takes one event into account.
    pub(crate) fn count(&mut self, event: &MediaEvent, facts: &Facts) {
        match event {
            MediaEvent::Tracks(tracks) => {
                self.tracks = Some(Arc::clone(tracks));
                facts.change(|ingest| ingest.describe(tracks));
            }
            MediaEvent::Packet(packet) => {
                self.bytes += packet.data.len() as u64;
                let tracks = self.tracks.as_deref().unwrap_or_default();
                let is_video = tracks.iter().any(|track| track.id == packet.track && track.is_video());
                self.frames += u32::from(is_video);
            }
            MediaEvent::End(_) => {}
        }
        let elapsed = self.since.elapsed();
        if elapsed < MEASURE_INTERVAL {
            return;
        }
        let bitrate_bps = (self.bytes as f64 * 8.0 / elapsed.as_secs_f64()) as u64;
        let counted_fps = (f64::from(self.frames) / elapsed.as_secs_f64() * 10.0).round() / 10.0;
        facts.change(|ingest| {
            ingest.bitrate_bps = bitrate_bps;
            if let Some(video) = &mut ingest.video
                && !video.fps_promised
            {
                video.fps = Some(counted_fps);
            }
        });
        (self.bytes, self.frames, self.since) = (0, 0, Instant::now());
    }
}

impl Ingest {
    fn describe(&mut self, tracks: &[Track]) {
        (self.video, self.audio) = (None, None);
        for track in tracks {
            let codec = track.codec.name();
            if let Some(picture) = track.codec.picture() {
                let fps = picture.frame_rate.map(|rate| (rate.as_f64() * 1_000.0).round() / 1_000.0);
                let (width, height) = (picture.size.width, picture.size.height);
                self.video = Some(VideoFacts { codec, width, height, fps, fps_promised: fps.is_some() });
            }
            if let Some(sound) = track.codec.sound() {
                let (sample_rate, channels) = (sound.sample_rate, sound.channels);
                self.audio = Some(AudioFacts { codec, sample_rate, channels });
            }
        }
    }
}

const UNBROKEN: &str = "nothing panics while it holds the facts";
/// Bitrate and frame rate are counted over this long: short enough to follow, long enough to be calm.
const MEASURE_INTERVAL: Duration = Duration::from_secs(2);
/// Warnings kept for the publisher; the oldest goes.
const WARNINGS_MAX: usize = 16;
