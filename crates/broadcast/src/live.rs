//! One broadcast: encoders, one task for each destination, and the status of all.
#![allow(clippy::disallowed_methods, reason = "this driver module measures how long a broadcast lasts")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use capture::Stop;
use media::{Span, Track};
use publish::{KeyframeRequest, Publisher, Trust};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::adaptation::Adaptation;
use crate::encoder_state::EncoderState;
use crate::encodes::{EncodeId, Encodes};
use crate::encoding::{Kept, Output, SoundEncoder};
use crate::outlets::{Outlet, Outlets};
use crate::picture_encoder::PictureEncoder;
use crate::program::Program;
use crate::recorder::Recorder;
use crate::reporter::{Pace, Reporter};
use crate::{
    Destination, EncoderChoice, Error, Shape, Sources, Status, Summary, destination, network, threads,
};

/// How to encode, and where to send.
#[derive(Clone, Debug)]
pub struct Config {
    /// Video bits per second, constant.
    pub bitrate_bps: u32,
    /// Least video bits per second for the full size and frame rate. A weak network lowers the bit rate to it; then the
    /// picture becomes smaller and slower, and needs less in proportion. With as much as `bitrate_bps` nothing follows the
    /// network, and what it does not carry is dropped.
    pub bitrate_floor_bps: u32,
    /// Longest distance between keyframes. `None` is what services ask for where it goes to nobody else, else a second.
    pub keyframe_interval: Option<Span>,
    /// Which video encoder.
    pub encoder: EncoderChoice,
    /// Where to send: 1 to 8, or nowhere when it is recorded from the start.
    pub destinations: Vec<Destination>,
    /// Gives each destination whose network carries less than the others' an encode of its own by itself, as
    /// [`Broadcast::let_apart`] does.
    pub apart_when_weak: bool,
    /// Where to record to from the start, a file that is not there yet. Recording is independent of the destinations.
    pub record: Option<PathBuf>,
    /// How much later destinations get everything, at most 30 s. They are connected to when the first media is due. A
    /// recording is not delayed.
    pub delay: Duration,
    /// How much of the last is kept for [`Broadcast::save_replay`], 5 s to 5 min, in memory; nothing without it.
    pub replay: Option<Duration>,
    /// Certificates (PEM) that RTMPS believes besides the system's: those of a server of one's own.
    pub certificates: Option<PathBuf>,
}

impl Default for Config {
    /// 2.5 Mbit/s, down to a fifth of it on a weak network, keyframes as they are asked for, the best encoder of H.264, nowhere to send.
    fn default() -> Config {
        Config {
            bitrate_bps: 2_500_000,
            bitrate_floor_bps: 500_000,
            keyframe_interval: None,
            encoder: EncoderChoice::default(),
            destinations: Vec::new(),
            apart_when_weak: false,
            record: None,
            delay: Duration::ZERO,
            replay: None,
            certificates: None,
        }
    }
}

/// A running broadcast. Dropping it cuts the connections; [`Broadcast::end`] says goodbye.
pub struct Broadcast {
    /// By the destination's name.
    publishers: Vec<(String, Publisher)>,
    /// Of destinations that were taken out, on their way to say goodbye; whether each was in time.
    leaving: JoinSet<bool>,
    trust: Trust,
    /// Beside the one that all share.
    encodes: Arc<Encodes>,
    apart_when_weak: bool,
    reporter: Arc<Reporter>,
    status: watch::Receiver<Status>,
    stop: Stop,
    threads: Vec<JoinHandle<()>>,
    tasks: JoinSet<()>,
    program: Arc<Program>,
    /// Whether the encoders take what `program` has.
    on_air: bool,
    keyframes: KeyframeRequest,
    /// Of recordings and replays, those that were begun last at the end.
    recordings: Vec<JoinHandle<()>>,
}

impl Broadcast {
    /// Opens the encoders and starts sending. Must be called inside a tokio runtime.
    ///
    /// A destination that cannot be reached is a state in [`Status`], not an error here.
    ///
    /// # Errors
    /// [`Error::Destination`] for an address that cannot be used, [`Error::CodecRefused`] for a service that does not take
    /// what the encoder makes, [`Error::Certificates`] for such a file,
    /// [`Error::Encode`] when no encoder opens, [`Error::Length`] for a delay or replay that cannot be,
    /// [`Error::AlreadyLive`] while `sources` feed another broadcast.
    pub fn start(config: Config, sources: &Sources) -> Result<Broadcast, Error> {
        destination::check_count(config.destinations.len(), config.record.is_some())?;
        let trust = config.certificates.as_deref().map(Trust::with_file).transpose()?.unwrap_or_default();
        // Before anything is opened: an address that cannot be used is a mistake that is told at once.
        config.destinations.iter().try_for_each(|destination| destination.target(&trust).map(drop))?;
        config.check_codecs()?;
        check_length("stream delay", config.delay, Duration::ZERO, DELAY_MAX)?;
        config.replay.map_or(Ok(()), |length| check_length("replay", length, REPLAY_MIN, REPLAY_MAX))?;
        let encoders = Encoders::open(&config, sources)?;
        let program = sources.program();
        let blocks = program.go_on_air().ok_or(Error::AlreadyLive)?;
        let keyframes = KeyframeRequest::new();
        let encoder = EncoderState::new(encoders.video.as_ref().map(encode::Video::name));
        let kept = Kept {
            id: EncodeId::SHARED,
            outlets: Arc::new(Outlets::new()),
            delay: config.delay.into(),
            replay: config.replay.map(Span::from),
            shape: shape(&encoders.settings),
        };
        let output = Arc::new(Output::new(encoders.tracks(), encoder, kept));
        let floor_bps = config.bitrate_floor_bps;
        let settings = (encoders.settings.clone(), floor_bps);
        let encodes = Encodes::new(Arc::clone(&program), Arc::clone(&output), settings, config.delay.into());
        let encodes = Arc::new(encodes);
        let reporter =
            Arc::new(Reporter::new(Arc::clone(&output), Arc::clone(&encodes), Arc::clone(&program)));
        let (sender, status) = watch::channel(reporter.status(&Pace::default()));
        let mut tasks = JoinSet::new();
        if encoders.video.is_some() {
            if floor_bps < output.wanted.shape().bitrate_bps {
                tasks.spawn(Adaptation::new(Arc::clone(&output), floor_bps).run());
            }
            tasks.spawn(Arc::clone(&encodes).look_after());
        }
        tasks.spawn(network::follow(Arc::clone(&output.outlets)));
        let stop = Stop::new();
        let mut broadcast = Broadcast {
            publishers: Vec::new(),
            leaving: JoinSet::new(),
            trust,
            encodes,
            apart_when_weak: config.apart_when_weak,
            reporter,
            status,
            stop,
            threads: Vec::new(),
            tasks,
            program,
            on_air: true,
            keyframes: keyframes.clone(),
            recordings: Vec::new(),
        };
        // From here on an error drops `broadcast`, which takes everything off air again.
        config.destinations.iter().try_for_each(|destination| broadcast.connect(destination).map(drop))?;
        let reporter = Arc::clone(&broadcast.reporter);
        sender.send_replace(reporter.status(&Pace::default()));
        broadcast.tasks.spawn(reporter.run(sender));
        if let Some(file) = &config.record {
            broadcast.record(file)?;
        }
        broadcast.start_threads(encoders, output, blocks, keyframes)?;
        Ok(broadcast)
    }

    /// The status, from now on.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Asks the picture encoder for another bit rate from its next picture on, which is also the most that it comes back to
    /// after a weak network; the latest word counts. What no encoder takes
    /// (below 50 kbit/s, above 100 Mbit/s) changes nothing.
    pub fn set_bitrate(&self, bps: u32) {
        self.reporter.output.wanted.set_ceiling(bps);
        self.encodes.set_ceiling(bps);
    }

    /// Makes the shared picture smaller, or its frames fewer, from the next one on, for a computer that is too slow for it:
    /// a step as on a weak network, and it stays so until the end. [`Status::easier`] tells what it becomes; without that it
    /// changes nothing.
    pub fn ease(&self) {
        self.reporter.output.wanted.ease();
    }

    /// Lets the destination of this name have an encode of its own while its network carries less than the others' do: its
    /// bit rate is lowered instead of pictures left out, and the others keep theirs. It costs one more encode. It goes back
    /// to the shared one when its network has carried that for half a minute, or this is taken back. A name that is not
    /// there changes nothing.
    ///
    /// Does nothing where nothing follows the network ([`Config::bitrate_floor_bps`]). [`DestinationStatus::encode`] tells
    /// who needs it.
    ///
    /// [`DestinationStatus::encode`]: crate::DestinationStatus::encode
    pub fn let_apart(&self, name: &str, allowed: bool) {
        let all = self.reporter.output.outlets.all();
        all.iter().filter(|outlet| outlet.name == name).for_each(|outlet| outlet.weakness().allow(allowed));
    }

    /// Records to `file`, which must not be there yet, from the next keyframe on; a recording that runs is finished. It is
    /// a fragmented MP4 until it is finished, so that a crash costs a second at most, then a plain one. Where the picture's
    /// size changes, `NAME-2.mp4` follows.
    ///
    /// # Errors
    /// [`Error::Recording`] when the file cannot be made. What happens to it later is told by [`Status::recording`].
    pub fn record(&mut self, file: &Path) -> Result<(), Error> {
        let (recorder, thread) = Recorder::start(file)?;
        self.recordings.retain(|thread| !thread.is_finished());
        self.reporter.set_recording(recorder.watch());
        self.reporter.output.record(Some(recorder));
        self.recordings.push(thread);
        self.keyframes.ask();
        Ok(())
    }

    /// Finishes the recording; the broadcast goes on.
    pub fn stop_recording(&self) {
        self.reporter.output.record(None);
    }

    /// Sends to one more destination, from the next keyframe on. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`Error::Destination`] for an address that cannot be used, [`Error::DestinationCount`] when there are too many,
    /// [`Error::CodecRefused`] for a service that does not take what the encoder makes;
    /// [`Error::Encode`] and [`Error::EncodeCount`] for a picture of its own that cannot be encoded.
    pub fn add_destination(&mut self, destination: &Destination) -> Result<(), Error> {
        destination::check_count(self.publishers.len() + 1, false)?;
        match self.connect(destination)? {
            EncodeId::SHARED => self.keyframes.ask(),
            other => self.encodes.ask_for_keyframe(other),
        }
        Ok(())
    }

    /// Says goodbye to the destination of this name, and goes on with the others; [`Status`] has it no more. A name that
    /// is not there changes nothing. Must be called inside a tokio runtime.
    pub fn remove_destination(&mut self, name: &str) {
        self.reporter.output.outlets.remove(name);
        let (gone, stay) =
            std::mem::take(&mut self.publishers).into_iter().partition(|(other, _)| other == name);
        self.publishers = stay;
        let gone: Vec<(String, Publisher)> = gone;
        gone.into_iter().for_each(|(_, publisher)| {
            self.leaving.spawn(publisher.finish(GOODBYE_LIMIT));
        });
    }

    /// Tells which encode it gets.
    fn connect(&mut self, destination: &Destination) -> Result<EncodeId, Error> {
        let target = destination.target(&self.trust)?;
        destination.check_codec(destination.encoder_or(self.encodes.shared_choice()))?;
        let shared = &self.reporter.output;
        let output = match &destination.picture {
            Some(picture) => self.encodes.of_picture(picture)?,
            None => Arc::clone(shared),
        };
        let (name, keyframes) = (destination.name.clone(), KeyframeRequest::new());
        let publisher = Publisher::start(name.clone(), target, keyframes.clone());
        let outlet = Outlet::of(name.clone(), (&publisher, keyframes), output.id);
        outlet.weakness().allow(self.apart_when_weak);
        self.tasks.spawn(Arc::clone(&output.outlets).follow(Arc::clone(&outlet)));
        output.add(outlet);
        self.publishers.push((name, publisher));
        Ok(output.id)
    }

    /// Saves what [`Config::replay`] keeps as a plain MP4, which must not be there yet, on a thread of its own: the
    /// broadcast goes on untouched. Where the tracks changed meanwhile, `NAME-2.mp4` follows.
    ///
    /// # Errors
    /// [`Error::NoReplay`] when nothing is kept; [`Error::Recording`] when the file cannot be made. What happens to it later
    /// is told by [`Status::replay`].
    pub fn save_replay(&mut self, file: &Path) -> Result<(), Error> {
        let events = self.reporter.output.replay().filter(|events| !events.is_empty());
        let (replay, thread) = Recorder::save(file, events.ok_or(Error::NoReplay)?)?;
        self.recordings.retain(|thread| !thread.is_finished());
        self.reporter.set_replay(replay);
        self.recordings.push(thread);
        Ok(())
    }

    /// Destinations that wait for their next try make it now, with the back-off begun anew. What is done by itself when the
    /// system reports that the network is back.
    pub fn retry_now(&self) {
        self.publishers.iter().for_each(|(_, publisher)| publisher.retry_now());
    }

    /// Stops encoding, and sends what [`Config::delay`] still holds back, as slowly as it would have been. [`Broadcast::end`]
    /// cuts it off. Cancel safe.
    pub async fn drain(&mut self) {
        self.stop_encoding().await;
        let all = self.encodes.outputs().into_iter().chain([Arc::clone(&self.reporter.output)]);
        let draining: JoinSet<()> = all.map(|output| async move { output.drain().await }).collect();
        draining.join_all().await;
    }

    /// Sends what is queued, says goodbye and stops everything, within two seconds. What [`Config::delay`] holds back is not
    /// sent: see [`Broadcast::drain`].
    pub async fn end(mut self) -> Summary {
        self.stop_encoding().await;
        self.reporter.output.record(None);
        let mut recordings = std::mem::take(&mut self.recordings);
        let closing = tokio::task::spawn_blocking(move || threads::join_within(&mut recordings, FILES_LIMIT));
        let mut finishing = std::mem::take(&mut self.leaving);
        for (_, publisher) in std::mem::take(&mut self.publishers) {
            finishing.spawn(publisher.finish(GOODBYE_LIMIT));
        }
        let in_time = finishing.join_all().await.into_iter().all(|in_time| in_time);
        self.tasks.shutdown().await;
        if closing.await.is_err() {
            tracing::error!("joining the recording failed");
        }
        Summary { status: self.reporter.status(&Pace::default()), cut_short: !in_time }
    }

    async fn stop_encoding(&mut self) {
        self.stop.stop();
        self.go_off_air();
        let mut threads = std::mem::take(&mut self.threads);
        threads.extend(self.encodes.close());
        let joined = tokio::task::spawn_blocking(move || threads::join_within(&mut threads, THREADS_LIMIT));
        if joined.await.is_err() {
            tracing::error!("joining the encoders failed");
        }
        let output = &self.reporter.output;
        self.encodes.outputs().iter().for_each(|output| output.flush());
        output.flush();
        output.outlets.all().iter().for_each(|outlet| outlet.settle());
    }

    /// Once: another broadcast may have the sources afterwards.
    fn go_off_air(&mut self) {
        if std::mem::take(&mut self.on_air) {
            self.program.go_off_air();
        }
    }

    fn start_threads(
        &mut self,
        encoders: Encoders,
        output: Arc<Output>,
        blocks: std::sync::mpsc::Receiver<media::AudioFrame>,
        keyframes: KeyframeRequest,
    ) -> Result<(), Error> {
        let alone = encoders.video.is_none();
        if let Some(encoder) = encoders.video {
            let (program, output) = (Arc::clone(&self.program), Arc::clone(&output));
            let line = PictureEncoder {
                encoder,
                settings: encoders.settings,
                shown: None,
                last: None,
                frames: Arc::clone(&program.frames),
                program,
                output,
                keyframes,
                stop: self.stop.clone(),
            };
            self.threads.push(threads::spawn("picture-encoder", move || line.run())?);
        }
        if let Some(encoder) = encoders.audio {
            let (program, stop) = (Arc::clone(&self.program), self.stop.clone());
            let encodes = Arc::clone(&self.encodes);
            let line = SoundEncoder { encoder, blocks, program, output, encodes, stop, alone };
            self.threads.push(threads::spawn("sound-encoder", move || line.run())?);
        }
        Ok(())
    }
}

impl Drop for Broadcast {
    fn drop(&mut self) {
        self.stop.stop();
        self.go_off_air();
        self.threads.extend(self.encodes.close());
        threads::join_within(&mut self.threads, THREADS_LIMIT);
        self.reporter.output.record(None);
        threads::join_within(&mut self.recordings, FILES_LIMIT);
    }
}

struct Encoders {
    /// Of the picture.
    settings: encode::Config,
    video: Option<encode::Video>,
    audio: Option<encode::Audio>,
}

impl Encoders {
    fn open(config: &Config, sources: &Sources) -> Result<Encoders, Error> {
        let captured = sources.config();
        let settings = encode::Config {
            size: captured.size,
            fps: captured.fps,
            bitrate_bps: config.bitrate_bps,
            keyframe_interval: config.keyframes(),
            choice: config.encoder.clone(),
        };
        let open = || threads::preferred("picture-encoder", || encode::Video::open(&settings));
        let video = sources.has_picture().then(open).transpose()?;
        let audio = sources.has_sound().then(|| encode::Audio::open(config.sound_bps())).transpose()?;
        Ok(Encoders { settings, video, audio })
    }

    fn tracks(&self) -> Arc<[Track]> {
        let video = self.video.as_ref().map(encode::Video::track);
        let audio = self.audio.as_ref().map(encode::Audio::track);
        video.into_iter().chain(audio).collect()
    }
}

fn shape(settings: &encode::Config) -> Shape {
    Shape { size: settings.size, fps: settings.fps, bitrate_bps: settings.bitrate_bps }
}

fn check_length(what: &'static str, given: Duration, least: Duration, most: Duration) -> Result<(), Error> {
    if (least..=most).contains(&given) { Ok(()) } else { Err(Error::Length { what, given, least, most }) }
}

/// Longer than anybody needs to look over what is about to be seen; what is held back takes memory.
const DELAY_MAX: Duration = Duration::from_secs(30);

/// Keyframes may be seconds apart.
const REPLAY_MIN: Duration = Duration::from_secs(5);

/// Longer is a recording.
const REPLAY_MAX: Duration = Duration::from_secs(300);

/// Encoders end within a frame; half a second is for a machine that stands still.
const THREADS_LIMIT: Duration = Duration::from_millis(500);

/// For a recording's last second and its tables.
const FILES_LIMIT: Duration = Duration::from_secs(5);

/// For what is queued and the goodbye. With [`THREADS_LIMIT`] it stays below two seconds.
const GOODBYE_LIMIT: Duration = Duration::from_millis(1_300);
