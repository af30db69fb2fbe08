//! Adaptive renditions of the streams: packets to the ladder's threads, and its pictures to the packager.
//!
//! They run beside the source rendition: the publisher's task gives packets away without waiting, and takes what is
//! ready with its next packet.

mod rung_sound;
mod sound;
mod upper_band;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use encode::ladder::{self, Height, Ladder, Output};
use hls::{Input, Packager, RungMedia};
use media::{MediaEvent, Packet, Track, TrackId};

use crate::config::TranscodeSettings;
use crate::facts::RenditionFacts;

use rung_sound::RungSound;
pub(crate) use sound::Sound;

/// What all streams together may make.
#[derive(Debug)]
pub(crate) struct Plan {
    heights: Vec<Height>,
    cores_max: f64,
    /// Processor cores that the streams on air are expected to take.
    taken: Mutex<f64>,
}

/// The renditions of one publisher's stream.
#[derive(Debug)]
pub(crate) struct Renditions {
    plan: Option<Arc<Plan>>,
    tracks: Option<Arc<[Track]>>,
    running: Option<Running>,
    /// Their sound, where it is not the source's.
    sound: Option<RungSound>,
}

/// What became of them with one event.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// For the publisher, in words.
    pub(crate) notices: Vec<String>,
    /// The renditions there are now, when that changed.
    pub(crate) facts: Option<Vec<RenditionFacts>>,
}

#[derive(Debug)]
struct Running {
    ladder: Ladder,
    video: TrackId,
    /// The packager's place of each rung.
    places: Vec<usize>,
    /// Pictures of long groups until it is known which of them begin a segment, with their epoch; at most
    /// [`WAITING_MAX`], then the oldest goes on without being known.
    waiting: VecDeque<(Packet, u32)>,
    _reserved: Reserved,
}

/// A share of the processor, given back when dropped.
#[derive(Debug)]
struct Reserved {
    plan: Arc<Plan>,
    cores: f64,
}

impl Plan {
    /// `None` when nothing is to be re-encoded. Without heights there is still a rendition of the source's own size
    /// where players need one.
    pub(crate) fn new(settings: &TranscodeSettings) -> Option<Arc<Plan>> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut heights: Vec<Height> = settings.heights.iter().copied().map(Height).collect();
        heights.sort_unstable_by(|a, b| b.cmp(a));
        heights.dedup();
        let cores_max = cores as f64 * f64::from(settings.cpu_percent) / 100.0;
        let plan = Plan { heights, cores_max, taken: Mutex::new(0.0) };
        settings.enabled.then(|| Arc::new(plan))
    }

    /// What is left of the processor.
    fn left(&self) -> f64 {
        (self.cores_max - *self.taken.lock().expect(UNBROKEN)).max(0.0)
    }
}

impl Reserved {
    fn new(plan: Arc<Plan>, cores: f64) -> Reserved {
        *plan.taken.lock().expect(UNBROKEN) += cores;
        Reserved { plan, cores }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        *self.plan.taken.lock().expect(UNBROKEN) -= self.cores;
    }
}

impl Renditions {
    /// For a publisher's stream that begins; without a plan there are none.
    pub(crate) fn new(plan: Option<Arc<Plan>>) -> Renditions {
        Renditions { plan, tracks: None, running: None, sound: None }
    }

    /// Takes an event that `packager` has taken before, and gives `packager` what is ready.
    ///
    /// # Errors
    /// What the packager says of it; later events may still be good.
    pub(crate) fn take(&mut self, event: &MediaEvent, packager: &mut Packager) -> Result<News, hls::Error> {
        let mut news = News::default();
        let Some(plan) = self.plan.clone() else { return Ok(news) };
        match event {
            MediaEvent::Tracks(tracks) if self.tracks.as_ref() != Some(tracks) => {
                self.tracks = Some(Arc::clone(tracks));
                self.begin(&plan, tracks, &mut news);
                self.begin_sound(tracks, packager, &mut news)?;
            }
            MediaEvent::Packet(packet) if self.sound.as_ref().is_some_and(|it| it.source == packet.track) => {
                self.take_sound(packet, packager, &mut news)?;
            }
            MediaEvent::Packet(packet) => {
                if let Some(running) = self.running.as_mut().filter(|running| running.video == packet.track)
                    && let Some(mapping) = packager.mapping()
                {
                    let (dts, pts) = (packet.dts + mapping.shift, packet.pts + mapping.shift);
                    running.waiting.push_back((Packet { dts, pts, ..packet.clone() }, mapping.epoch));
                    running.go_on(packager, mapping.epoch);
                }
            }
            MediaEvent::Tracks(_) | MediaEvent::End(_) => {}
        }
        self.hand_over(packager, &mut news)?;
        Ok(news)
    }

    fn begin(&mut self, plan: &Arc<Plan>, tracks: &[Track], news: &mut News) {
        // The threads of the one before end first, so that they take nothing of the new one's processor.
        self.running = None;
        let Some(track) = tracks.iter().find(|track| track.is_video()) else { return };
        let config =
            ladder::Config { heights: plan.heights.clone(), cores_max: plan.left(), track: track.id };
        match Ladder::start(&track.codec, &config) {
            Ok((ladder, notices)) => {
                news.notices.extend(notices.iter().map(ToString::to_string));
                self.running = ladder.zip(track.codec.picture()).map(|(ladder, picture)| Running {
                    places: ladder.rungs().iter().map(|rung| plan.place(rung.height)).collect(),
                    _reserved: Reserved::new(
                        Arc::clone(plan),
                        ladder::cost_in_cores(&picture, ladder.rungs()),
                    ),
                    video: track.id,
                    waiting: VecDeque::new(),
                    ladder,
                });
            }
            Err(error) => news.notices.push(format!("no renditions: {error}")),
        }
        news.facts = Some(self.running.as_ref().map(Running::facts).unwrap_or_default());
    }

    fn begin_sound(
        &mut self,
        tracks: &[Track],
        packager: &mut Packager,
        news: &mut News,
    ) -> Result<(), hls::Error> {
        self.sound = None;
        if self.running.is_none() {
            return Ok(());
        }
        match RungSound::of(tracks) {
            Ok(sound) => self.sound = sound,
            Err(error) => news.notices.push(format!("no AAC beside Opus: {error}")),
        }
        let Some(sound) = &mut self.sound else { return Ok(()) };
        packager.handle_input(Input::Rung { rung: 0, media: RungMedia::Sound(sound.track()) })
    }

    fn take_sound(
        &mut self,
        packet: &Packet,
        packager: &mut Packager,
        news: &mut News,
    ) -> Result<(), hls::Error> {
        let (Some(sound), Some(mapping)) = (&mut self.sound, packager.mapping()) else { return Ok(()) };
        let (dts, pts) = (packet.dts + mapping.shift, packet.pts + mapping.shift);
        let packets = match sound.push(&Packet { dts, pts, ..packet.clone() }) {
            Ok(packets) => packets,
            Err(error) => {
                news.notices.push(format!("no AAC beside Opus any more: {error}"));
                self.sound = None;
                return Ok(());
            }
        };
        let mut result = Ok(());
        for packet in packets {
            let media = RungMedia::SoundPacket { epoch: mapping.epoch, packet };
            result = result.and(packager.handle_input(Input::Rung { rung: 0, media }));
        }
        result
    }

    /// Gives `packager` what is ready.
    fn hand_over(&mut self, packager: &mut Packager, news: &mut News) -> Result<(), hls::Error> {
        let Some(running) = &mut self.running else { return Ok(()) };
        let mut result = Ok(());
        while let Some(output) = running.ladder.poll_output() {
            let (rung, media) = match output {
                Output::Track { rung, track } => {
                    news.facts = Some(running.facts());
                    (rung, RungMedia::Track(track))
                }
                Output::Packet { rung, tag, packet } => (rung, RungMedia::Packet { epoch: tag, packet }),
                Output::Ended { rung } => {
                    news.facts = Some(running.facts());
                    (rung, RungMedia::Ended)
                }
                Output::Notice(notice) => {
                    news.notices.push(notice.to_string());
                    continue;
                }
            };
            let Some(&rung) = running.places.get(rung) else { continue };
            result = result.and(packager.handle_input(Input::Rung { rung, media }));
        }
        result
    }
}

impl Plan {
    /// Each height has a place of its own for the whole broadcast; the one after belongs to the source's own size.
    fn place(&self, height: Height) -> usize {
        self.heights.iter().position(|&wanted| wanted == height).unwrap_or(self.heights.len())
    }
}

impl Running {
    /// Gives the ladder the pictures of which enough is known.
    fn go_on(&mut self, packager: &Packager, epoch: u32) {
        let decided = packager.decided();
        while let Some((packet, of)) = self.waiting.front() {
            let known = decided.is_none_or(|decided| packet.dts < decided);
            if !known && *of == epoch && self.waiting.len() <= WAITING_MAX {
                return;
            }
            self.ladder.push_with(packet, *of, decided.is_some() && packager.begins_segment(packet.dts));
            self.waiting.pop_front();
        }
    }

    fn facts(&self) -> Vec<RenditionFacts> {
        let rungs = self.ladder.rungs().iter().enumerate();
        let facts = rungs.map(|(index, rung)| RenditionFacts {
            name: rung.height.to_string(),
            width: rung.size.width,
            height: rung.size.height,
            bitrate_bps_max: rung.bitrate_bps,
            active: self.ladder.is_active(index),
        });
        facts.collect()
    }
}

/// Pictures that wait for their segment: the packager decides within half a second.
const WAITING_MAX: usize = 128;

const UNBROKEN: &str = "nothing panics while it holds the count";
