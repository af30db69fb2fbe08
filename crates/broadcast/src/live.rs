//! One broadcast: encoders, one task for each destination, and the status of all.
#![allow(clippy::disallowed_methods, reason = "this driver module measures how long a broadcast lasts")]

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use capture::Stop;
use media::{Span, Track};
use publish::{KeyframeRequest, Publisher, Trust};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::adaptation::Adaptation;
use crate::encoder_state::EncoderState;
use crate::encoding::{Kept, Output, SoundEncoder};
use crate::outlets::Outlet;
use crate::picture_encoder::PictureEncoder;
use crate::program::Program;
use crate::recorder::{Recorder, RecordingStatus, RecordingWatch};
use crate::{Destination, EncoderChoice, Error, Shape, Sources, Status, Summary, destination, threads};

/// How to encode, and where to send.
#[derive(Clone, Debug)]
pub struct Config {
    /// Video bits per second, constant.
    pub bitrate_bps: u32,
    /// Least video bits per second for the full size and frame rate. A weak network lowers the bit rate to it; then the
    /// picture becomes smaller and slower, and needs less in proportion. With as much as `bitrate_bps` nothing follows the
    /// network, and what it does not carry is dropped.
    pub bitrate_floor_bps: u32,
    /// Longest distance between keyframes.
    pub keyframe_interval: Span,
    /// Which video encoder.
    pub encoder: EncoderChoice,
    /// Where to send: 1 to 8, or nowhere when it is recorded from the start.
    pub destinations: Vec<Destination>,
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
    /// 2.5 Mbit/s, down to a fifth of it on a weak network, a keyframe each second, the best encoder of H.264, nowhere to send.
    fn default() -> Config {
        Config {
            bitrate_bps: 2_500_000,
            bitrate_floor_bps: 500_000,
            keyframe_interval: Span::from_secs(1),
            encoder: EncoderChoice::default(),
            destinations: Vec::new(),
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
    /// [`Error::Destination`] for an address that cannot be used, [`Error::Certificates`] for such a file,
    /// [`Error::Encode`] when no encoder opens, [`Error::Length`] for a delay or replay that cannot be,
    /// [`Error::AlreadyLive`] while `sources` feed another broadcast.
    pub fn start(config: Config, sources: &Sources) -> Result<Broadcast, Error> {
        destination::check_count(config.destinations.len(), config.record.is_some())?;
        let trust = config.certificates.as_deref().map(Trust::with_file).transpose()?.unwrap_or_default();
        // Before anything is opened: an address that cannot be used is a mistake that is told at once.
        config.destinations.iter().try_for_each(|destination| destination.target(&trust).map(drop))?;
        check_length("stream delay", config.delay, Duration::ZERO, DELAY_MAX)?;
        config.replay.map_or(Ok(()), |length| check_length("replay", length, REPLAY_MIN, REPLAY_MAX))?;
        let encoders = Encoders::open(&config, sources)?;
        let program = sources.program();
        let blocks = program.go_on_air().ok_or(Error::AlreadyLive)?;
        let keyframes = KeyframeRequest::new();
        let encoder = EncoderState::new(encoders.video.as_ref().map(encode::Video::name));
        let kept = Kept {
            delay: config.delay.into(),
            replay: config.replay.map(Span::from),
            shape: shape(&encoders.settings),
        };
        let output = Arc::new(Output::new(encoders.tracks(), encoder, kept));
        let floor_bps = config.bitrate_floor_bps;
        let reporter = Arc::new(Reporter {
            started: Instant::now(),
            output: Arc::clone(&output),
            program: Arc::clone(&program),
            recording: Mutex::new(None),
            replay: Mutex::new(None),
        });
        let (sender, status) = watch::channel(reporter.status(&Pace::default()));
        let mut tasks = JoinSet::new();
        if encoders.video.is_some() && floor_bps < output.wanted.shape().bitrate_bps {
            tasks.spawn(Adaptation::new(Arc::clone(&output), floor_bps).run());
        }
        let stop = Stop::new();
        let mut broadcast = Broadcast {
            publishers: Vec::new(),
            leaving: JoinSet::new(),
            trust,
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
        config.destinations.iter().try_for_each(|destination| broadcast.connect(destination))?;
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
    /// [`Error::Destination`] for an address that cannot be used, [`Error::DestinationCount`] when there are too many.
    pub fn add_destination(&mut self, destination: &Destination) -> Result<(), Error> {
        destination::check_count(self.publishers.len() + 1, false)?;
        self.connect(destination)?;
        self.keyframes.ask();
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

    fn connect(&mut self, destination: &Destination) -> Result<(), Error> {
        let target = destination.target(&self.trust)?;
        let name = destination.name.clone();
        let publisher = Publisher::start(name.clone(), target, self.keyframes.clone());
        let outlet = Outlet::of(name.clone(), &publisher);
        let output = &self.reporter.output;
        self.tasks.spawn(Arc::clone(&output.outlets).follow(Arc::clone(&outlet)));
        output.add(outlet);
        self.publishers.push((name, publisher));
        Ok(())
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
        *self.reporter.replay.lock().unwrap_or_else(PoisonError::into_inner) = Some(replay);
        self.recordings.push(thread);
        Ok(())
    }

    /// Destinations that wait for their next try make it now, with the back-off begun anew.
    pub fn retry_now(&self) {
        self.publishers.iter().for_each(|(_, publisher)| publisher.retry_now());
    }

    /// Stops encoding, and sends what [`Config::delay`] still holds back, as slowly as it would have been. [`Broadcast::end`]
    /// cuts it off. Cancel safe.
    pub async fn drain(&mut self) {
        self.stop_encoding().await;
        self.reporter.output.drain().await;
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
        let joined = tokio::task::spawn_blocking(move || threads::join_within(&mut threads, THREADS_LIMIT));
        if joined.await.is_err() {
            tracing::error!("joining the encoders failed");
        }
        self.reporter.output.flush();
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
                program,
                output,
                keyframes,
                stop: self.stop.clone(),
            };
            self.threads.push(threads::spawn("picture-encoder", move || line.run())?);
        }
        if let Some(encoder) = encoders.audio {
            let (program, stop) = (Arc::clone(&self.program), self.stop.clone());
            let line = SoundEncoder { encoder, blocks, program, output, stop, alone };
            self.threads.push(threads::spawn("sound-encoder", move || line.run())?);
        }
        Ok(())
    }
}

impl Drop for Broadcast {
    fn drop(&mut self) {
        self.stop.stop();
        self.go_off_air();
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
            keyframe_interval: config.keyframe_interval,
            choice: config.encoder.clone(),
        };
        let open = || threads::preferred(|| encode::Video::open(&settings));
        let video = sources.has_picture().then(open).transpose()?;
        let audio = sources.has_sound().then(encode::Audio::open).transpose()?;
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

fn told(watch: &Mutex<Option<RecordingWatch>>) -> Option<RecordingStatus> {
    watch.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(RecordingWatch::status)
}

fn check_length(what: &'static str, given: Duration, least: Duration, most: Duration) -> Result<(), Error> {
    if (least..=most).contains(&given) { Ok(()) } else { Err(Error::Length { what, given, least, most }) }
}

/// Gathers the status.
struct Reporter {
    started: Instant,
    output: Arc<Output>,
    program: Arc<Program>,
    recording: Mutex<Option<RecordingWatch>>,
    /// The one that was saved last.
    replay: Mutex<Option<RecordingWatch>>,
}

/// Rates over the last second.
#[derive(Default)]
struct Pace {
    fps: f64,
    bitrate_bps: u64,
}

impl Reporter {
    /// Until the broadcast ends.
    async fn run(self: Arc<Self>, sender: watch::Sender<Status>) {
        let mut changes = self.output.outlets.changes();
        let mut interval = tokio::time::interval(Duration::from_secs(1));
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let counters = &self.output.counters;
        let mut pace = Pace::default();
        let mut before = (self.started, 0, 0);
        loop {
            tokio::select! {
                _ = interval.tick() => {
                    let frames = counters.frames.load(Ordering::Relaxed);
                    let bytes = counters.bytes.load(Ordering::Relaxed);
                    let seconds = before.0.elapsed().as_secs_f64();
                    if seconds > PACE_SECONDS_MIN {
                        let bits = (bytes - before.2) as f64 * 8.0;
                        pace = Pace { fps: (frames - before.1) as f64 / seconds, bitrate_bps: (bits / seconds) as u64 };
                        before = (Instant::now(), frames, bytes);
                    }
                }
                _ = changes.changed() => {}
            }
            sender.send_replace(self.status(&pace));
        }
    }

    fn set_recording(&self, recording: RecordingWatch) {
        *self.recording.lock().unwrap_or_else(PoisonError::into_inner) = Some(recording);
    }

    fn status(&self, pace: &Pace) -> Status {
        let counters = &self.output.counters;
        let (encoder, replaced_encoder) = self.output.encoder.get();
        Status {
            destinations: self.output.outlets.all().iter().map(|outlet| outlet.status()).collect(),
            encoder,
            replaced_encoder,
            picture: self.output.wanted.shape(),
            recording: told(&self.recording),
            replay: told(&self.replay),
            fps: pace.fps,
            bitrate_bps: pace.bitrate_bps,
            frames: counters.frames.load(Ordering::Relaxed),
            dropped_frames: self.program.frames.dropped() + counters.skipped.load(Ordering::Relaxed),
            repeated_frames: counters.repeated.load(Ordering::Relaxed),
            silent_samples: self.program.silent_samples.load(Ordering::Relaxed),
            duration: self.started.elapsed(),
            source_ended: counters.ended.load(Ordering::Relaxed),
            failure: self.output.failure(),
        }
    }
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

/// A shorter interval gives no rate worth showing.
const PACE_SECONDS_MIN: f64 = 0.5;
