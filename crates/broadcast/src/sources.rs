//! Capture for one session: what the preview shows and the meter measures, whether on air or not.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use capture::{AudioInput, AudioSource, Clock, Stop, VideoInput, VideoSettings, VideoSource};
use media::{Size, Span, Timescale, Timestamp, VideoFrame};
use tokio::sync::watch;

use crate::picture::PictureLine;
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
    trouble: watch::Receiver<Option<String>>,
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
        let begin = on_grid(clock.now() + FILE_LEAD, config.fps);
        let settings = VideoSettings { size: config.size, fps: config.fps, begin };
        let video = VideoSource::open(&config.video, clock, &settings)?;
        let audio = threads::preferred(|| AudioSource::open(&config.audio, clock, begin))?;
        if video.is_none() && audio.is_none() {
            return Err(Error::NothingToSend);
        }
        let (preview_sender, preview) = watch::channel(None);
        let (levels_sender, levels) = watch::channel(Levels::SILENCE);
        let (trouble_sender, trouble) = watch::channel(None);
        let mut sources = Sources {
            config,
            preview,
            levels,
            trouble,
            program: Arc::clone(&program),
            stop: Stop::new(),
            threads: Vec::new(),
        };
        if let Some(source) = video {
            let line = PictureLine {
                input: sources.config.video.clone(),
                settings,
                program: Arc::clone(&program),
                preview: preview_sender,
                trouble: trouble_sender,
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

    /// Why there is no picture, in words, while a camera, window or display is away; `None` while all is well. The
    /// broadcast goes on: with the last picture, after five seconds with black, and with the picture once it is back.
    #[must_use]
    pub fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.trouble.clone()
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

/// The next tick of the grid on which pictures leave: a file of the same rate then meets each tick with a picture, which
/// half way between two would be up to half a picture early or late.
fn on_grid(time: Timestamp, fps: u32) -> Timestamp {
    Timescale::new(fps).map_or(time, |rate| Timestamp::from_ticks(time.ticks(rate) + 1, rate))
}

/// From opening the sources until a file plays: time to open the encoders, so that its first picture is sent.
const FILE_LEAD: Span = Span::from_millis(500);

/// Threads end within a frame, a sound device within its own time limits.
const JOIN_LIMIT: Duration = Duration::from_millis(1_500);
