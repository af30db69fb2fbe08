//! Capture for one session: what the preview shows and the meter measures, whether on air or not.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use capture::{AudioInput, Clock, ScreenPermission, Stop, Trouble, VideoInput, VideoSettings, VideoSource};
use media::{Size, Span, Timescale, Timestamp, VideoFrame};
use tokio::sync::watch;

use crate::mixer::Mixer;
use crate::picture::{self, PictureLine};
use crate::program::Program;
use crate::scene::{Drawing, Scene, Stage, Staged, Transition};
use crate::sounds::{self, Sounds};
use crate::{Error, Sound, SoundLevels, SoundSettings, threads};

/// What to capture.
#[derive(Clone, Debug)]
pub struct SourcesConfig {
    /// The picture, where it is one source; scenes begin with [`Sources::open_scene`].
    pub video: VideoInput,
    /// The sounds that are mixed. The first one is the timing master: its samples are never retimed. One
    /// [`AudioInput::None`] is the same as none at all; with one [`AudioInput::Silence`] there is a track of sound to which
    /// others come by [`Sources::add_sound`].
    pub sounds: Vec<Sound>,
    /// Size of the picture that is sent; a source of another size is scaled into it, with black bars
    /// where the shapes differ. Both sides even.
    pub size: Size,
    /// Frames per second, 1 to 120.
    pub fps: u32,
    /// Saves the person a question at the next start, where the desktop asks which screen is captured (Wayland); without
    /// it each start asks.
    pub screen_permission: Option<ScreenPermission>,
}

/// Running capture. Dropping it stops its threads.
pub struct Sources {
    config: SourcesConfig,
    preview: watch::Receiver<Option<VideoFrame>>,
    levels: watch::Receiver<SoundLevels>,
    trouble: watch::Receiver<Option<String>>,
    program: Arc<Program>,
    stage: Arc<Stage>,
    /// The compositor's and those of picture sources. Locked while a scene is set: one comes after the other.
    pictures: Mutex<Vec<JoinHandle<()>>>,
    mixer: Arc<Mixer>,
    sounds: Sounds,
}

/// A picture source that was asked for; one that is away may come back.
type Opened = (VideoInput, Result<VideoSource, capture::Error>);

impl Sources {
    /// Opens the sources and starts their threads. Needs no async runtime. Files begin to play at once.
    ///
    /// Takes up to a few seconds when an audio server hangs: call it off threads that must not wait.
    ///
    /// # Errors
    /// [`Error::Capture`] when a device or file does not open; [`Error::NothingToSend`] when neither
    /// picture nor sound is asked for; [`Error::SoundCount`] and [`Error::SoundSetting`] for sounds that cannot be.
    pub fn open(config: SourcesConfig) -> Result<Sources, Error> {
        let scene = (config.video != VideoInput::None).then(|| Scene::full(config.video.clone()));
        Sources::start(config, scene.as_ref())
    }

    /// Opens the sources of a scene, and the sound; [`SourcesConfig::video`] is of no meaning. A camera, display or window
    /// that is away is told by [`Sources::trouble`] and comes when it is there.
    ///
    /// # Errors
    /// [`Error::Scene`] when the scene cannot be shown, [`Error::Capture`] when a file or the sound does not open.
    pub fn open_scene(config: SourcesConfig, scene: &Scene) -> Result<Sources, Error> {
        Sources::start(SourcesConfig { video: VideoInput::None, ..config }, Some(scene))
    }

    fn start(mut config: SourcesConfig, scene: Option<&Scene>) -> Result<Sources, Error> {
        sounds::check(&mut config.sounds)?;
        let clock = Clock::start();
        let program = Arc::new(Program::new(clock));
        let (preview_sender, preview) = watch::channel(None);
        let (trouble_sender, trouble) = watch::channel(None);
        let shape = (config.size, config.fps);
        let stage = Arc::new(Stage::new(Arc::clone(&program), shape, preview_sender, trouble_sender));
        let staged = scene.map(|scene| stage.prepare(scene)).transpose()?;
        // All parts of a file start together, once everything is open.
        let begin = on_grid(clock.now() + FILE_LEAD, config.fps);
        let mut opened = match &staged {
            Some(staged) => open_all(staged.inputs(), &config, clock, begin)?,
            None => Vec::new(),
        };
        if config.video != VideoInput::None
            && let Some(at) = opened.iter().position(|(_, source)| source.is_err())
            && let Err(error) = opened.swap_remove(at).1
        {
            return Err(error.into());
        }
        let opened_sounds = sounds::open(&config.sounds, clock, begin)?;
        if staged.is_none() && opened_sounds.is_empty() {
            return Err(Error::NothingToSend);
        }
        let (levels_sender, levels) = watch::channel(SoundLevels::silence(config.sounds.len()));
        let mixer = Arc::new(Mixer::new(&config.sounds, Arc::clone(&program), levels_sender));
        let sources = Sources {
            config,
            preview,
            levels,
            trouble,
            program: Arc::clone(&program),
            stage,
            pictures: Mutex::default(),
            sounds: Sounds::new(program, Arc::clone(&mixer)),
            mixer,
        };
        if let Some(staged) = staged {
            let mut threads = sources.lock_pictures();
            sources.stage.expect(Some(&staged));
            sources.feed(opened, begin, &mut threads)?;
            sources.show(staged, Transition::Cut, &mut threads)?;
        }
        sources.sounds.start(opened_sounds)?;
        Ok(sources)
    }

    /// Shows another scene, live. Sources that both scenes have stay open; new ones are opened first, and have shown a
    /// picture (or are in trouble) when the switch comes; the others are closed after it. Meanwhile the old scene goes on.
    ///
    /// A broadcast that began without a picture stays without one.
    ///
    /// Takes as long as opening takes, a few seconds at most: call it off threads that must not wait.
    ///
    /// # Errors
    /// [`Error::Scene`] when the scene cannot be shown, [`Error::Capture`] when a file does not open; the old scene then stays.
    pub fn set_scene(&self, scene: &Scene, transition: Transition) -> Result<(), Error> {
        let mut threads = self.lock_pictures();
        let staged = self.stage.prepare(scene)?;
        let begin = on_grid(self.program.clock.now(), self.config.fps);
        self.stage.expect(Some(&staged));
        let new = staged.inputs().filter(|input| !self.stage.is_fed_by(input));
        let opened = open_all(new, &self.config, self.program.clock, begin);
        let opened = opened.inspect_err(|_| self.stage.expect(None))?;
        self.feed(opened, begin, &mut threads)?;
        self.stage.wait_for_pictures(FIRST_PICTURE_MAX);
        self.show(staged, transition, &mut threads)
    }

    /// Draws over every scene; nothing more with a drawing without strokes.
    ///
    /// # Errors
    /// [`Error::Scene`] when there are too many strokes; the old drawing then stays.
    pub fn set_drawing(&self, drawing: &Drawing) -> Result<(), Error> {
        Ok(self.stage.set_drawing(drawing)?)
    }

    /// Starts a line for each source.
    fn feed(
        &self,
        opened: Vec<Opened>,
        begin: Timestamp,
        threads: &mut Vec<JoinHandle<()>>,
    ) -> Result<(), Error> {
        threads.retain(|thread| !thread.is_finished());
        for (input, source) in opened {
            let stop = Stop::new();
            let line = PictureLine {
                feed: self.stage.add_feed(input.clone(), stop.clone()),
                input,
                settings: settings(&self.config, begin),
                clock: self.program.clock,
                stage: Arc::clone(&self.stage),
                stop,
            };
            threads.push(threads::spawn("picture", move || line.run(source))?);
        }
        Ok(())
    }

    fn show(
        &self,
        staged: Arc<Staged>,
        transition: Transition,
        threads: &mut Vec<JoinHandle<()>>,
    ) -> Result<(), Error> {
        if !self.stage.has_scene() {
            let stage = Arc::clone(&self.stage);
            threads.push(threads::spawn("compositor", move || stage.run())?);
        }
        self.stage.show(staged, transition);
        Ok(())
    }

    fn lock_pictures(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.pictures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is a track of sound to send.
    pub(crate) fn has_sound(&self) -> bool {
        self.mixer.len() > 0
    }

    /// Whether there is a picture to send.
    pub(crate) fn has_picture(&self) -> bool {
        self.stage.has_scene()
    }

    /// The latest picture as it is sent: of a scene that is one source, in that source's own size and format; `None` until
    /// the first one.
    #[must_use]
    pub fn preview(&self) -> watch::Receiver<Option<VideoFrame>> {
        self.preview.clone()
    }

    /// Which picture sources are away and why, in words; `None` while all is well. The broadcast goes on: with the last
    /// picture, after five seconds with what lies below it in the scene (black, where nothing does), and with the picture
    /// once it is back.
    #[must_use]
    pub fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.trouble.clone()
    }

    /// The picture sources that are away now, each with why: what [`Sources::trouble`] tells of, one by one.
    #[must_use]
    pub fn troubles(&self) -> Vec<(VideoInput, Trouble)> {
        self.stage.troubles()
    }

    /// The levels of every sound and of the mix, at most 30 times a second.
    #[must_use]
    pub fn levels(&self) -> watch::Receiver<SoundLevels> {
        self.levels.clone()
    }

    /// Changes what is done to sound `index`, within 10 ms and without a click.
    ///
    /// # Errors
    /// [`Error::NoSuchSound`]; [`Error::SoundSetting`] for a value that cannot be. Then nothing changes.
    pub fn set_sound(&self, index: usize, settings: SoundSettings) -> Result<(), Error> {
        settings.check()?;
        self.mixer.set(index, settings)
    }

    /// Mixes one more sound, live; returns its index, the least that is free. It fades in, and the others notice nothing. A
    /// device that is not there is told by [`Sources::sound_trouble`], and is heard when it is. At index 0, where
    /// [`AudioInput::Silence`] was, it becomes the timing master.
    ///
    /// A broadcast that began without a track of sound stays without one. Takes as long as opening takes, a few seconds at
    /// most: call it off threads that must not wait.
    ///
    /// # Errors
    /// [`Error::SoundCount`] and [`Error::SoundSetting`] for what cannot be; [`Error::Capture`] when a file does not open.
    pub fn add_sound(&self, sound: Sound) -> Result<usize, Error> {
        self.sounds.add(sound)
    }

    /// Lets sound `index` come from another source, with the same settings. The old one sounds until the new one is open,
    /// then it fades. The timing master too: the timeline goes on as it was. See [`Sources::add_sound`].
    ///
    /// # Errors
    /// [`Error::NoSuchSound`]; [`Error::Capture`] when a file does not open. Then nothing changes.
    pub fn replace_sound(&self, index: usize, input: AudioInput) -> Result<(), Error> {
        self.sounds.replace(index, input)
    }

    /// Mixes sound `index` no more: it fades. In the place of the timing master silence keeps the time. The other sounds
    /// keep their indices.
    ///
    /// # Errors
    /// [`Error::NoSuchSound`].
    pub fn remove_sound(&self, index: usize) -> Result<(), Error> {
        self.sounds.remove(index)
    }

    /// Why nothing comes from a sound's source, by index; `None` while all is well. A device is tried again each
    /// second. The broadcast goes on.
    #[must_use]
    pub fn sound_trouble(&self) -> watch::Receiver<Vec<Option<Trouble>>> {
        self.mixer.trouble()
    }

    /// Sends silence instead of the mix while `muted`.
    pub fn set_muted(&self, muted: bool) {
        self.program.muted.store(muted, Ordering::Relaxed);
    }

    /// Whether silence is sent instead of the mix.
    #[must_use]
    pub fn is_muted(&self) -> bool {
        self.program.muted.load(Ordering::Relaxed)
    }

    /// What is captured, with the settings that sounds began with.
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
        self.sounds.stop();
        self.stage.close();
        threads::join_within(&mut self.lock_pictures(), JOIN_LIMIT);
        self.sounds.join(JOIN_LIMIT);
    }
}

/// Opens each of them once.
///
/// # Errors
/// Where one does not open that will not be there later either.
fn open_all<'a>(
    inputs: impl Iterator<Item = &'a VideoInput>,
    config: &SourcesConfig,
    clock: Clock,
    begin: Timestamp,
) -> Result<Vec<Opened>, Error> {
    let settings = settings(config, begin);
    let mut opened: Vec<Opened> = Vec::new();
    for input in inputs {
        if opened.iter().any(|(other, _)| other == input) {
            continue;
        }
        match VideoSource::open(input, clock, &settings) {
            Ok(Some(source)) => opened.push((input.clone(), Ok(source))),
            Ok(None) => {}
            Err(error) if picture::comes_back(input) => opened.push((input.clone(), Err(error))),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(opened)
}

fn settings(config: &SourcesConfig, begin: Timestamp) -> VideoSettings {
    let screen_permission = config.screen_permission.clone();
    VideoSettings { size: config.size, fps: config.fps, begin, screen_permission }
}

/// The next tick of the grid on which pictures leave: a file of the same rate then meets each tick with a picture, which
/// half way between two would be up to half a picture early or late.
fn on_grid(time: Timestamp, fps: u32) -> Timestamp {
    Timescale::new(fps).map_or(time, |rate| Timestamp::from_ticks(time.ticks(rate) + 1, rate))
}

/// From opening the sources until a file plays: time to open the encoders, so that its first picture is sent.
const FILE_LEAD: Span = Span::from_millis(500);

/// A camera shows its first picture within this time; a switch waits no longer for it.
const FIRST_PICTURE_MAX: Duration = Duration::from_secs(2);

/// Threads end within a frame, a sound device within its own time limits.
const JOIN_LIMIT: Duration = Duration::from_millis(1_500);
