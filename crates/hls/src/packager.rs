//! The sans-IO face of the crate: media in, windows and notices out.

mod rungs;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, OnceLock};

use container::fmp4;
use media::{MediaEvent, Packet, Span, Timestamp, Track, TrackId};

use crate::config::Config;
use crate::cutter::{leading_track, packet_duration};
use crate::cutting::{Cutting, Layout};
use crate::early_sound::EarlySound;
use crate::error::Error;
use crate::interleaver::Interleaver;
use crate::lane::Lane;
use crate::media_playlist::part_hold_back;
use crate::multivariant_playlist::Variants;
use crate::notice::Notice;
use crate::opening;
use crate::retention::Retention;
use crate::segmenter::LongGop;
use crate::timeline::{AHEAD_MAX, Anchor, Mapped, Reference, Timeline};
use crate::window::{AUDIO, MAIN, Window, report};

pub use rungs::{Mapping, RungMedia};

/// What a packager is told.
#[derive(Clone, Debug)]
pub enum Input {
    /// A publisher begins, or comes back. Give it together with the publisher's first media.
    ///
    /// Where something was packaged before, the playlist goes on: media sequence numbers continue, and the
    /// next media stands behind `EXT-X-DISCONTINUITY`.
    Start {
        /// Wall time of the next media, milliseconds since 1970: `EXT-X-PROGRAM-DATE-TIME`.
        unix_ms: i64,
    },
    /// The next event of the publisher; [`MediaEvent::End`] acts as [`Input::Finish`].
    Media(MediaEvent),
    /// Something of a rendition that is made of this stream's picture.
    Rung {
        /// Its place in [`crate::RUNGS`].
        rung: usize,
        /// What comes.
        media: RungMedia,
    },
    /// The publisher is gone: what is open is completed and stays playable.
    Finish,
}

/// What a packager gives out.
#[derive(Clone, Debug)]
pub enum Output {
    /// Something new can be fetched; replaces every earlier window.
    Window(Arc<Window>),
    /// Something the publisher should know.
    Notice(Notice),
}

/// Packages one live stream of one video track, one audio track, or both.
///
/// Keeps, besides the window: the media before the playlist starts (10 s or 64 MiB at most, then the
/// playlist starts anyway) and half a second of video that waits for its sound.
#[derive(Debug)]
pub struct Packager {
    config: Config,
    /// Ends the name of every rendition's folder.
    suffix: String,
    tracks: Option<Arc<[Track]>>,
    /// Number of the initialisation segment of `tracks`.
    init: u32,
    timeline: Timeline,
    early: EarlySound,
    interleaver: Interleaver,
    stage: Stage,
    source: Lane,
    /// The sound alone, once there was sound beside a picture.
    audio: Option<Lane>,
    /// Renditions made of the picture, by their places.
    rungs: BTreeMap<usize, rungs::Slot>,
    rung_sound: Option<Track>,
    /// Counts the epochs of the timeline.
    epoch: u32,
    variants: Arc<Variants>,
    /// How long a picture lasted on average before the playlist started.
    frame: Span,
    window: Option<Arc<Window>>,
    notices: VecDeque<Notice>,
    told: Vec<std::mem::Discriminant<Notice>>,
    fresh: bool,
}

/// Before and after the playlist's lengths are known.
#[derive(Debug)]
enum Stage {
    /// The first GOP is collected, in the order it will be cut.
    Opening(Vec<Packet>),
    Cutting(Box<Cutting>),
}

impl Packager {
    /// A packager before its first publisher.
    #[must_use]
    pub fn new(config: Config) -> Packager {
        Packager::with_suffix(config, "")
    }

    /// The same; the folder of every rendition is its name and `suffix`, which must be fit for a URI: it keeps
    /// what caches know of one broadcast apart from another's.
    #[must_use]
    pub fn with_suffix(config: Config, suffix: &str) -> Packager {
        Packager {
            config,
            suffix: suffix.to_owned(),
            tracks: None,
            init: 0,
            timeline: Timeline::new(),
            early: EarlySound::default(),
            interleaver: Interleaver::default(),
            stage: Stage::Opening(Vec::new()),
            source: Lane::new(format!("{MAIN}{suffix}"), Retention::new(config.window)),
            audio: None,
            rungs: BTreeMap::new(),
            rung_sound: None,
            epoch: 0,
            variants: Arc::default(),
            frame: Span::ZERO,
            window: None,
            notices: VecDeque::new(),
            told: Vec::new(),
            fresh: false,
        }
    }

    /// Takes the next input; then drain [`Packager::poll_output`].
    ///
    /// # Errors
    /// When the input does not fit what came before or cannot be written as MP4. What was packaged stays,
    /// and the next input may be given.
    pub fn handle_input(&mut self, input: Input) -> Result<(), Error> {
        match input {
            Input::Start { unix_ms } => self.start(unix_ms)?,
            Input::Media(MediaEvent::Tracks(tracks)) => self.set_tracks(tracks)?,
            Input::Media(MediaEvent::Packet(packet)) => self.packet(packet)?,
            Input::Rung { rung, media } => self.rung_media(rung, media)?,
            Input::Media(MediaEvent::End(_)) | Input::Finish => {
                self.end_epoch()?;
                self.timeline.stop();
            }
        }
        self.refresh();
        Ok(())
    }

    /// The next output, or `None` when the last input has no more.
    pub fn poll_output(&mut self) -> Option<Output> {
        if let Some(notice) = self.notices.pop_front() {
            return Some(Output::Notice(notice));
        }
        if !std::mem::take(&mut self.fresh) {
            return None;
        }
        self.window.clone().map(Output::Window)
    }

    fn start(&mut self, unix_ms: i64) -> Result<(), Error> {
        self.end_epoch()?;
        self.told.clear();
        self.timeline.restart(Anchor { at: self.end(), unix_ms });
        self.begin_epoch();
        Ok(())
    }

    fn set_tracks(&mut self, tracks: Arc<[Track]>) -> Result<(), Error> {
        if self.timeline.is_stopped() {
            return Err(Error::NotStarted);
        }
        let video = tracks.iter().filter(|track| track.is_video()).count();
        let audio = tracks.len() - video;
        if tracks.is_empty() || video > 1 || audio > 1 {
            return Err(Error::TooManyTracks { video, audio });
        }
        if self.tracks.as_deref() == Some(&*tracks) {
            return Ok(());
        }
        let layout = Layout::of(&tracks, self.config.separate_audio, self.audio.is_some());
        let source_init = fmp4::init_segment(&layout.source)?;
        let audio_init = layout.audio.as_deref().map(fmp4::init_segment).transpose()?;
        if self.timeline.is_running() {
            // The clock goes on, but decoding starts anew at the next IDR.
            self.end_epoch()?;
            self.timeline.go_on(self.end());
        }
        self.init += u32::from(self.tracks.is_some());
        self.source.retention.add_init(self.init, source_init);
        if layout.beside && self.audio.is_none() {
            let retention = Retention::new(self.config.window);
            self.audio = Some(Lane::new(format!("{AUDIO}{}", self.suffix), retention));
        }
        if let (Some(lane), Some(init)) = (&mut self.audio, audio_init) {
            lane.retention.add_init(self.init, init);
        }
        self.early.retrack(self.tracks.as_deref().unwrap_or_default(), &tracks);
        self.tracks = Some(tracks);
        self.retrack_rungs(&layout)?;
        self.begin_epoch();
        Ok(())
    }

    fn packet(&mut self, packet: Packet) -> Result<(), Error> {
        if self.timeline.is_stopped() {
            return Err(Error::NotStarted);
        }
        let tracks = self.tracks.clone().ok_or(Error::UnknownTrack(packet.track))?;
        if !tracks.iter().any(|track| track.id == packet.track) {
            return Err(Error::UnknownTrack(packet.track));
        }
        let lead = leading_track(&tracks).ok_or(Error::UnknownTrack(packet.track))?.id;
        let sound_from = self.early.begins_before(packet.dts);
        let reference = Reference { lead, gap_max: self.gap_max(), sound_from };
        match self.timeline.map(packet, reference) {
            Mapped::Drop => Ok(()),
            Mapped::Early(packet) => {
                self.early.keep(packet);
                Ok(())
            }
            Mapped::Packet { packet, first } => self.mapped(packet, first, lead),
            Mapped::Jump { packet, by } => {
                self.tell(Notice::TimestampJump { by });
                self.next_epoch()?;
                if by > PAUSE_MAX {
                    self.timeline.forget_clock();
                }
                self.packet(packet)
            }
        }
    }

    /// A packet on the playlist's timeline. Sound that came before the first picture of its epoch follows it.
    fn mapped(&mut self, packet: Packet, first: bool, lead: TrackId) -> Result<(), Error> {
        // Picture and sound that go apart need not wait for each other.
        let both = self.tracks.as_ref().is_some_and(|tracks| tracks.len() > 1);
        let has_audio = both && !self.config.separate_audio;
        if packet.track == lead {
            self.interleaver.push_video(packet);
            if first {
                for early in self.early.take() {
                    let reference = Reference { lead, gap_max: AHEAD_MAX, sound_from: None };
                    if let Mapped::Packet { packet, .. } = self.timeline.map(early, reference) {
                        self.mapped(packet, false, lead)?;
                    }
                }
            }
        } else {
            let tracks = self.tracks.as_deref().unwrap_or_default();
            self.interleaver.audio_until(packet.dts + packet_duration(tracks, &packet));
            self.push_other(packet)?;
        }
        while let Some(video) = self.interleaver.pop(has_audio) {
            self.push_lead(video)?;
        }
        Ok(())
    }

    fn push_other(&mut self, packet: Packet) -> Result<(), Error> {
        match &mut self.stage {
            Stage::Opening(packets) => {
                packets.push(packet);
                self.open_playlist_when_known()
            }
            Stage::Cutting(cutting) => {
                cutting.push_other(packet);
                let since = cutting.sound_ahead();
                if since > VIDEO_SILENT {
                    self.tell(Notice::VideoSilent { since });
                    self.next_epoch()?;
                }
                Ok(())
            }
        }
    }

    fn push_lead(&mut self, packet: Packet) -> Result<(), Error> {
        match &mut self.stage {
            Stage::Opening(packets) => {
                packets.push(packet);
                self.open_playlist_when_known()
            }
            Stage::Cutting(cutting) => cutting.push_lead(packet, &|at| self.timeline.unix_ms(at)),
        }
    }

    /// Starts the playlist once the first GOP is complete, which its target duration depends on, or when it
    /// is longer than any target duration.
    fn open_playlist_when_known(&mut self) -> Result<(), Error> {
        let Stage::Opening(packets) = &self.stage else { return Ok(()) };
        let Some(lead) = self.lead() else { return Ok(()) };
        let leading = || packets.iter().filter(|packet| packet.track == lead);
        let Some(start) = leading().next().map(|first| first.dts) else { return Ok(()) };
        let gop = leading().skip(1).find(|packet| packet.random_access).map(|packet| packet.dts - start);
        let collected = packets.last().map_or(Span::ZERO, |last| last.dts - start);
        let bytes: usize = packets.iter().map(|packet| packet.data.len()).sum();
        let full = collected > opening::TARGET_DURATION_MAX || bytes > OPENING_BYTES_MAX;
        if gop.is_some() || full { self.open_playlist(gop, gop.is_some()) } else { Ok(()) }
    }

    /// Starts the playlist with what is collected; `gop` is the length of the first GOP when it is known,
    /// `independent` the promise that segments begin with IDR pictures.
    fn open_playlist(&mut self, gop: Option<Span>, independent: bool) -> Result<(), Error> {
        let Stage::Opening(packets) = &mut self.stage else { return Ok(()) };
        let packets = std::mem::take(packets);
        let (Some(layout), Some(lead)) = (self.layout(), self.lead()) else { return Ok(()) };
        let measured = opening::measure(&packets, &layout.source, lead);
        self.frame = measured.frame;
        let targets = opening::targets(&self.config, &measured, gop);
        self.source.retention.list(self.config.window.max(targets.duration * 3));
        let mut cutting = Cutting::new(targets, &layout, independent);
        cutting.begin(&layout, self.init, self.config.part_target);
        let mut result = Ok(());
        for packet in packets {
            if packet.track == lead {
                result = result.and(cutting.push_lead(packet, &|at| self.timeline.unix_ms(at)));
            } else {
                cutting.push_other(packet);
            }
        }
        self.stage = Stage::Cutting(Box::new(cutting));
        self.open_rungs();
        result
    }

    /// The clock jumped or the picture stopped: what comes next begins where the media so far ends.
    fn next_epoch(&mut self) -> Result<(), Error> {
        self.end_epoch()?;
        self.timeline.go_on(self.end());
        self.begin_epoch();
        Ok(())
    }

    fn end_epoch(&mut self) -> Result<(), Error> {
        for video in self.interleaver.drain() {
            self.push_lead(video)?;
        }
        self.early.take();
        if matches!(&self.stage, Stage::Opening(packets) if !packets.is_empty()) {
            self.open_playlist(None, true)?;
        }
        let result = match &mut self.stage {
            Stage::Opening(_) => Ok(()),
            Stage::Cutting(cutting) => cutting.flush(&|at| self.timeline.unix_ms(at)),
        };
        self.collect();
        result
    }

    fn begin_epoch(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
        if let (Some(layout), Stage::Cutting(cutting)) = (self.layout(), &mut self.stage) {
            cutting.begin(&layout, self.init, self.config.part_target);
        }
    }

    fn layout(&self) -> Option<Layout> {
        let tracks = self.tracks.as_ref()?;
        Some(Layout::of(tracks, self.config.separate_audio, self.audio.is_some()))
    }

    fn lead(&self) -> Option<TrackId> {
        leading_track(self.tracks.as_deref()?).map(|track| track.id)
    }

    /// Where the media so far ends on the playlist's timeline.
    fn end(&self) -> Timestamp {
        match &self.stage {
            Stage::Opening(_) => Timestamp::ZERO,
            Stage::Cutting(cutting) => cutting.end(),
        }
    }

    /// A leading frame that does not fit a segment counts as a jump; no target duration is below the
    /// segment target.
    fn gap_max(&self) -> Span {
        match &self.stage {
            Stage::Opening(_) => self.config.segment_target,
            Stage::Cutting(cutting) => cutting.source.targets().duration,
        }
    }

    fn tell(&mut self, notice: Notice) {
        let kind = std::mem::discriminant(&notice);
        if !self.told.contains(&kind) {
            self.told.push(kind);
            self.notices.push_back(notice);
        }
    }

    /// Keeps the segments that were completed.
    fn collect(&mut self) {
        let Stage::Cutting(cutting) = &mut self.stage else { return };
        let join_back = part_hold_back(cutting.source.targets());
        let closed = cutting.source.take_closed();
        let mut measure = !closed.is_empty() || self.window.is_none();
        for segment in closed {
            self.source.retention.push(segment, join_back);
        }
        if let (Some(lane), Some(audio)) = (&mut self.audio, &mut cutting.audio) {
            let closed = audio.take_closed();
            measure |= !closed.is_empty();
            if lane.retention.segments().is_empty()
                && let Some(first) = closed.first().or(audio.open())
            {
                lane.retention.begin_beside(&self.source.retention, first.msn);
            }
            for segment in closed {
                lane.retention.push_beside(segment);
            }
            if measure {
                let least = cutting.source.targets().duration * 3;
                lane.retention.list_from(self.source.retention.listed_from(), least);
            }
        }
        if self.collect_rungs() || measure {
            self.measure();
        }
    }

    /// Makes a new window when something of the source was completed. Parts of renditions that follow come
    /// with it, so that whoever waits is woken once for all.
    fn refresh(&mut self) {
        self.collect();
        let Stage::Cutting(cutting) = &mut self.stage else { return };
        let changed = cutting.source.take_changed();
        if let Some(LongGop { so_far, ended }) = cutting.source.take_long_gop() {
            let wanted = self.config.segment_target;
            self.tell(Notice::LongGop { interval: so_far, more: !ended, wanted });
        }
        if !changed {
            return;
        }
        if let Some(window) = self.render() {
            self.window = Some(Arc::new(window));
            self.fresh = true;
        }
    }

    /// Keeps what the multivariant playlist tells.
    fn measure(&mut self) {
        let Some(layout) = self.layout() else { return };
        let Stage::Cutting(cutting) = &self.stage else { return };
        self.source.measure(cutting.source.open());
        let source = self.source.variant(Arc::clone(&layout.source), self.frame);
        let mut variants = Variants { video: vec![source], ..Variants::default() };
        if let (Some(lane), Some(audio), Some(tracks)) = (&mut self.audio, &cutting.audio, layout.audio)
            && layout.source.iter().any(Track::is_video)
            && audio.has_media()
        {
            lane.measure(audio.open());
            variants.separate = self.config.separate_audio;
            variants.audio = Some(lane.variant(tracks, self.frame));
        }
        variants.video.extend(self.measure_rungs());
        self.variants = Arc::new(variants);
    }

    fn render(&mut self) -> Option<Window> {
        let (Stage::Cutting(cutting), Some(tracks)) = (&self.stage, self.tracks.clone()) else { return None };
        let mut renditions = BTreeMap::from([(MAIN, self.source.rendition(cutting.growing_source()))]);
        if let (Some(lane), Some(growing)) = (&mut self.audio, cutting.growing_audio()) {
            let rendition = lane.rendition(growing);
            // A playlist without a part is none.
            if rendition.last().is_some() {
                renditions.insert(AUDIO, rendition);
            }
        }
        self.render_rungs(&mut renditions);
        report(&mut renditions, &self.suffix);
        Some(Window {
            multivariant: OnceLock::new(),
            variants: Arc::clone(&self.variants),
            tracks,
            renditions,
        })
    }
}

/// Bytes collected before the playlist starts: 10 s at 50 Mbit/s.
const OPENING_BYTES_MAX: usize = 64 << 20;

/// No publisher is silent for longer, so that stamps which leave out more are no pause.
const PAUSE_MAX: Span = Span::from_secs(12);

/// Sound without a picture for so long ends the epoch, so that it is not kept for ever.
const VIDEO_SILENT: Span = Span::from_secs(5);
