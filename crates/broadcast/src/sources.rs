//! Capture for one session: what the preview shows and the meter measures, whether on air or not.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use capture::{AudioInput, AudioSource, Clock, Stop, VideoInput, VideoSettings, VideoSource};
use media::{Size, Span, VideoFrame};
use tokio::sync::watch;

use crate::program::Program;
use crate::sound::SoundLine;
use crate::{Error, Levels, threads};

/// What to capture.
#[derive(Clone, Debug)]
pub struct SourcesConfig {
    /// The picture.
    pub video: VideoInput,
    /// The sound.
    pub audio: AudioInput,
    /// Size of the picture that is sent; a source of another size is scaled into it, with black bars
    /// where the shapes differ. Both sides even.
    pub size: Size,
    /// Frames per second, 1 to 120.
    pub fps: u32,
}

/// Running capture. Dropping it stops its threads.
pub struct Sources {
    config: SourcesConfig,
    preview: watch::Receiver<Option<VideoFrame>>,
    levels: watch::Receiver<Levels>,
    program: Arc<Program>,
    stop: Stop,
    threads: Vec<JoinHandle<()>>,
}

impl Sources {
    /// Opens the sources and starts their threads. Needs no async runtime. Files begin to play at once.
    ///
    /// Takes up to a few seconds when an audio server hangs: call it off threads that must not wait.
    ///
    /// # Errors
    /// [`Error::Capture`] when a device or file does not open; [`Error::NothingToSend`] when neither
    /// picture nor sound is asked for.
    pub fn open(config: SourcesConfig) -> Result<Sources, Error> {
        let clock = Clock::start();
        let program = Arc::new(Program::new(clock));
        // Both parts of a file start together, once everything is open.
        let begin = clock.now() + FILE_LEAD;
        let settings = VideoSettings { size: config.size, fps: config.fps, begin };
        let video = VideoSource::open(&config.video, clock, &settings)?;
        let audio = threads::preferred(|| AudioSource::open(&config.audio, clock, begin))?;
        if video.is_none() && audio.is_none() {
            return Err(Error::NothingToSend);
        }
        let (preview_sender, preview) = watch::channel(None);
        let (levels_sender, levels) = watch::channel(Levels::SILENCE);
        let stop = Stop::new();
        let mut sources =
            Sources { config, preview, levels, program: Arc::clone(&program), stop, threads: Vec::new() };
        if let Some(source) = video {
            let line = PictureLine {
                input: sources.config.video.clone(),
                settings,
                program: Arc::clone(&program),
                preview: preview_sender,
                stop: sources.stop.clone(),
            };
            sources.threads.push(threads::spawn("picture", move || line.run(source))?);
        }
        if let Some(source) = audio {
            let input = sources.config.audio.clone();
            let line = SoundLine::new(input, source, program, levels_sender, sources.stop.clone());
            sources.threads.push(threads::spawn("sound", move || line.run())?);
        }
        Ok(sources)
    }

    /// The latest frame, in the source's own size and format; `None` until the first one.
    #[must_use]
    pub fn preview(&self) -> watch::Receiver<Option<VideoFrame>> {
        self.preview.clone()
    }

    /// The level of the sound, at most 30 times a second. Measured before muting, so that a meter
    /// shows that a muted microphone hears something.
    #[must_use]
    pub fn levels(&self) -> watch::Receiver<Levels> {
        self.levels.clone()
    }

    /// Sends silence instead of the sound while `muted`.
    pub fn set_muted(&self, muted: bool) {
        self.program.muted.store(muted, Ordering::Relaxed);
    }

    /// Whether silence is sent instead of the sound.
    #[must_use]
    pub fn is_muted(&self) -> bool {
        self.program.muted.load(Ordering::Relaxed)
    }

    /// What is captured.
    #[must_use]
    pub fn config(&self) -> &SourcesConfig {
        &self.config
    }

    pub(crate) fn program(&self) -> Arc<Program> {
        Arc::clone(&self.program)
    }
}

impl Drop for Sources {
    fn drop(&mut self) {
        self.stop.stop();
        threads::join_within(&mut self.threads, JOIN_LIMIT);
    }
}

/// Runs on the thread that owns the picture source.
struct PictureLine {
    input: VideoInput,
    settings: VideoSettings,
    program: Arc<Program>,
    preview: watch::Sender<Option<VideoFrame>>,
    stop: Stop,
}

impl PictureLine {
    fn run(self, mut source: VideoSource) {
        loop {
            match source.next(&self.stop) {
                Ok(Some(frame)) => {
                    self.preview.send_replace(Some(frame.clone()));
                    self.program.frames.push(frame);
                }
                Ok(None) => return self.program.frames.end(),
                Err(error) => {
                    tracing::warn!(input = ?self.input, %error, "the picture source broke off");
                    match self.reopen() {
                        Some(reopened) => source = reopened,
                        None => return self.program.frames.end(),
                    }
                }
            }
        }
    }

    /// A display may come back; a file that broke off has ended.
    fn reopen(&self) -> Option<VideoSource> {
        if matches!(self.input, VideoInput::File(_)) {
            return None;
        }
        let clock = self.program.clock;
        while !self.stop.wait_until(clock.instant(clock.now() + REOPEN_WAIT)) {
            if let Ok(Some(source)) = VideoSource::open(&self.input, clock, &self.settings) {
                tracing::info!(input = ?self.input, "the picture source is back");
                return Some(source);
            }
        }
        None
    }
}

/// From opening the sources until a file plays: time to open the encoders, so that its first picture is sent.
const FILE_LEAD: Span = Span::from_millis(500);

/// Time between two tries to open a display that went away.
const REOPEN_WAIT: Span = Span::from_secs(1);

/// Threads end within a frame, a sound device within its own time limits.
const JOIN_LIMIT: Duration = Duration::from_millis(1_500);
