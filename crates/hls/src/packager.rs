//! The sans-IO face of the crate: media in, windows and notices out.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use container::fmp4;
use media::{MediaEvent, Packet, Span, Timestamp, Track, TrackId};

use crate::config::Config;
use crate::error::Error;
use crate::interleaver::Interleaver;
use crate::media_playlist::{MediaPlaylist, part_hold_back};
use crate::multivariant_playlist::{self, Bandwidth};
use crate::notice::Notice;
use crate::part_target;
use crate::retention::Retention;
use crate::segment::Segment;
use crate::segmenter::{Segmenter, Targets, leading_track, packet_duration};
use crate::timeline::{AHEAD_MAX, Anchor, Mapped, Reference, SOUND_BEFORE_MAX, Timeline};
use crate::window::{MAIN, Position, Rendition, Window};

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
    tracks: Option<Arc<[Track]>>,
    /// Number of the initialisation segment of `tracks`.
    init: u32,
    timeline: Timeline,
    early: VecDeque<Packet>,
    interleaver: Interleaver,
    stage: Stage,
    retention: Retention,
    bandwidth: Bandwidth,
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
    Cutting(Box<Segmenter>),
}

impl Packager {
    /// A packager before its first publisher.
    #[must_use]
    pub fn new(config: Config) -> Packager {
        Packager {
            config,
            tracks: None,
            init: 0,
            timeline: Timeline::new(),
            early: VecDeque::new(),
            interleaver: Interleaver::default(),
            stage: Stage::Opening(Vec::new()),
            retention: Retention::new(config.window),
            bandwidth: Bandwidth::default(),
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
        let init = fmp4::init_segment(&tracks)?;
        if self.timeline.is_running() {
            // The clock goes on, but decoding starts anew at the next IDR.
            self.end_epoch()?;
            let at = self.end();
            self.timeline.restart(Anchor { at, unix_ms: self.timeline.unix_ms(at) });
        }
        self.init += u32::from(self.tracks.is_some());
        self.retention.add_init(self.init, init);
        self.tracks = Some(tracks);
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
        let sound_from = self.early.iter().map(|early| early.dts);
        let sound_from = sound_from.filter(|&from| packet.dts - from <= SOUND_BEFORE_MAX).min();
        let reference = Reference { lead, gap_max: self.gap_max(), sound_from };
        match self.timeline.map(packet, reference) {
            Mapped::Drop => Ok(()),
            Mapped::Early(packet) => {
                self.keep_early(packet);
                Ok(())
            }
            Mapped::Packet { packet, first } => self.mapped(packet, first, lead),
            Mapped::Jump { packet, by } => {
                self.tell(Notice::TimestampJump { by });
                self.next_epoch()?;
                self.packet(packet)
            }
        }
    }

    /// A packet on the playlist's timeline. Sound that came before the first picture of its epoch follows it.
    fn mapped(&mut self, packet: Packet, first: bool, lead: TrackId) -> Result<(), Error> {
        let has_audio = self.tracks.as_ref().is_some_and(|tracks| tracks.len() > 1);
        if packet.track == lead {
            self.interleaver.push_video(packet);
            if first {
                for early in std::mem::take(&mut self.early) {
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

    fn keep_early(&mut self, packet: Packet) {
        let newest = packet.dts;
        self.early.push_back(packet);
        while self.early.len() > EARLY_PACKETS_MAX
            || self.early.front().is_some_and(|oldest| newest - oldest.dts > EARLY_MAX)
        {
            self.early.pop_front();
        }
    }

    fn push_other(&mut self, packet: Packet) -> Result<(), Error> {
        match &mut self.stage {
            Stage::Opening(packets) => {
                packets.push(packet);
                self.open_playlist_when_known()
            }
            Stage::Cutting(segmenter) => {
                segmenter.push_other(packet);
                let since = segmenter.other_ahead();
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
            Stage::Cutting(segmenter) => segmenter.push_lead(packet, &|at| self.timeline.unix_ms(at)),
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
        let full = collected > TARGET_DURATION_MAX || bytes > OPENING_BYTES_MAX;
        if gop.is_some() || full { self.open_playlist(gop, gop.is_some()) } else { Ok(()) }
    }

    /// Starts the playlist with what is collected; `gop` is the length of the first GOP when it is known,
    /// `independent` the promise that segments begin with IDR pictures.
    fn open_playlist(&mut self, gop: Option<Span>, independent: bool) -> Result<(), Error> {
        let Stage::Opening(packets) = &mut self.stage else { return Ok(()) };
        let packets = std::mem::take(packets);
        let (Some(tracks), Some(lead)) = (self.tracks.clone(), self.lead()) else { return Ok(()) };
        let leading: Vec<Timestamp> =
            packets.iter().filter(|packet| packet.track == lead).map(|packet| packet.dts).collect();
        let seen: Vec<Span> = leading.windows(2).map(|pair| pair[1] - pair[0]).collect();
        // Sound says how long it lasts; of pictures only the stamps tell.
        let video = tracks.iter().any(Track::is_video);
        let sound = packets.iter().map(|packet| packet_duration(&tracks, packet)).max();
        let frames = if video { seen } else { vec![sound.unwrap_or(Span::ZERO); 100] };
        let collected =
            leading.first().zip(leading.last()).map_or(Span::ZERO, |(first, last)| *last - *first);
        let frames_collected = (leading.len() as i64 - 1).max(1);
        self.frame = Span::from_flicks(collected.flicks() / frames_collected);
        let longest = gop.unwrap_or(collected).max(self.config.segment_target);
        let targets = Targets {
            part: part_target::choose(self.config.part_target, frames).min(TARGET_DURATION_MAX),
            segment: self.config.segment_target,
            duration: target_duration(longest),
        };
        self.retention.list(self.config.window.max(targets.duration * 3));
        let mut segmenter = Segmenter::new(targets, Arc::clone(&tracks), independent);
        segmenter.begin(tracks, self.init);
        let mut result = Ok(());
        for packet in packets {
            if packet.track == lead {
                result = result.and(segmenter.push_lead(packet, &|at| self.timeline.unix_ms(at)));
            } else {
                segmenter.push_other(packet);
            }
        }
        self.stage = Stage::Cutting(Box::new(segmenter));
        result
    }

    /// The clock jumped or the picture stopped: what comes next begins where the media so far ends.
    fn next_epoch(&mut self) -> Result<(), Error> {
        self.end_epoch()?;
        let at = self.end();
        self.timeline.restart(Anchor { at, unix_ms: self.timeline.unix_ms(at) });
        self.begin_epoch();
        Ok(())
    }

    fn end_epoch(&mut self) -> Result<(), Error> {
        for video in self.interleaver.drain() {
            self.push_lead(video)?;
        }
        self.early.clear();
        if matches!(&self.stage, Stage::Opening(packets) if !packets.is_empty()) {
            self.open_playlist(None, true)?;
        }
        if let Stage::Cutting(segmenter) = &mut self.stage {
            segmenter.flush(&|at| self.timeline.unix_ms(at))?;
        }
        Ok(())
    }

    fn begin_epoch(&mut self) {
        if let (Stage::Cutting(segmenter), Some(tracks)) = (&mut self.stage, &self.tracks) {
            segmenter.begin(Arc::clone(tracks), self.init);
        }
    }

    fn lead(&self) -> Option<TrackId> {
        leading_track(self.tracks.as_deref()?).map(|track| track.id)
    }

    /// Where the media so far ends on the playlist's timeline.
    fn end(&self) -> Timestamp {
        match &self.stage {
            Stage::Opening(_) => Timestamp::ZERO,
            Stage::Cutting(segmenter) => segmenter.end(),
        }
    }

    /// A leading frame that does not fit a segment counts as a jump; no target duration is below the
    /// segment target.
    fn gap_max(&self) -> Span {
        match &self.stage {
            Stage::Opening(_) => self.config.segment_target,
            Stage::Cutting(segmenter) => segmenter.targets().duration,
        }
    }

    fn tell(&mut self, notice: Notice) {
        let kind = std::mem::discriminant(&notice);
        if !self.told.contains(&kind) {
            self.told.push(kind);
            self.notices.push_back(notice);
        }
    }

    /// Makes a new window when something was completed.
    fn refresh(&mut self) {
        let Stage::Cutting(segmenter) = &mut self.stage else { return };
        let closed = segmenter.take_closed();
        let changed = segmenter.take_changed();
        let long_gop = segmenter.take_long_gop();
        let join_back = part_hold_back(segmenter.targets());
        let segment_closed = !closed.is_empty();
        for segment in closed {
            self.retention.push(segment, join_back);
        }
        if let Some(interval) = long_gop {
            self.tell(Notice::LongGop { interval, wanted: self.config.segment_target });
        }
        if !changed {
            return;
        }
        if segment_closed || self.window.is_none() {
            self.measure();
        }
        if let Some(window) = self.render() {
            self.window = Some(Arc::new(window));
            self.fresh = true;
        }
    }

    fn measure(&mut self) {
        let Stage::Cutting(segmenter) = &self.stage else { return };
        let sizes = |segment: &Segment| (segment.bytes(), segment.duration());
        let complete = self.retention.listed().map(|segment| sizes(segment));
        self.bandwidth = if self.retention.segments().is_empty() {
            Bandwidth::of(segmenter.open().map(sizes).into_iter())
        } else {
            Bandwidth::of(complete)
        };
    }

    fn render(&self) -> Option<Window> {
        let (Stage::Cutting(segmenter), Some(tracks)) = (&self.stage, &self.tracks) else { return None };
        let targets = segmenter.targets();
        let open = segmenter.open().filter(|open| !open.parts.is_empty());
        let open_msn = segmenter.next_msn();
        let next = Position { msn: open_msn, part: open.map_or(0, |open| open.parts.len() as u32) };
        let playlist = MediaPlaylist {
            targets,
            independent: segmenter.independent(),
            discontinuity_sequence: self.retention.discontinuity_sequence(),
            first_msn: self.retention.listed_from(),
            segments: self.retention.listed().collect(),
            open,
            hint: segmenter.is_growing().then_some(next),
            start: if segmenter.independent() {
                None
            } else {
                self.joining_point(open, part_hold_back(targets))
            },
        };
        let rendition = Rendition {
            playlist: Bytes::from(playlist.render()),
            target_duration: targets.duration,
            part_target: targets.part,
            segments: self.retention.segments().iter().cloned().collect(),
            listed_from: self.retention.listed_from(),
            open: open.cloned(),
            open_msn,
            inits: self.retention.inits().clone(),
        };
        Some(Window {
            multivariant: multivariant_playlist::render(tracks, self.bandwidth, self.frame).into(),
            tracks: Arc::clone(tracks),
            renditions: BTreeMap::from([(MAIN, rendition)]),
        })
    }

    /// How far before the end the newest IDR picture stands that is at least `hold_back` old, else the newest.
    fn joining_point(&self, open: Option<&Segment>, hold_back: Span) -> Option<Span> {
        let mut after = Span::ZERO;
        let mut newest = None;
        for segment in open.into_iter().chain(self.retention.listed().rev().map(Arc::as_ref)) {
            after += segment.duration();
            if let Some(idr) = segment.last_idr.filter(|&idr| idr < segment.duration()) {
                newest.get_or_insert(after - idr);
                if after - idr >= hold_back {
                    return Some(after - idr);
                }
            }
        }
        newest
    }
}

/// The smallest whole number of seconds that `longest` does not pass by more than its rounding.
fn target_duration(longest: Span) -> Span {
    let whole = Span::from_secs(longest.flicks() / Span::from_secs(1).flicks());
    let up = if longest - whole > TARGET_ROUNDING { whole + Span::from_secs(1) } else { whole };
    up.max(Span::from_secs(1)).min(TARGET_DURATION_MAX)
}

/// A longer GOP is cut without an IDR picture: players hold back three target durations.
const TARGET_DURATION_MAX: Span = Span::from_secs(10);

/// NTSC rates and millisecond stamps make a GOP of 2 s last 2.002 s.
const TARGET_ROUNDING: Span = Span::from_millis(100);

/// Bytes collected before the playlist starts: 10 s at 50 Mbit/s.
const OPENING_BYTES_MAX: usize = 64 << 20;

/// Sound kept while no picture has come, in media time and in packets; the oldest go first.
const EARLY_MAX: Span = Span::from_secs(3);
const EARLY_PACKETS_MAX: usize = 1_000;

/// Sound without a picture for so long ends the epoch, so that it is not kept for ever.
const VIDEO_SILENT: Span = Span::from_secs(5);
