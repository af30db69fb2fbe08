//! The app as the commands and the window see it: one method for each thing a person can do.
//!
//! Everything happens in one task, the [`Studio`]; a method hands it a request and returns. What came of it
//! is in the next [`View`].

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::chat::{Chat, Heard, SayError, Target};
use crate::destination::WrongDraft;
use crate::log::Log;
use crate::origin_api::ApiError;
use crate::panel;
use crate::preview::{Feeds, Preview};
use crate::request::{Doors, Request};
use crate::scenes::check::Wrong;
use crate::settings::{Language, Theme, VideoChoice};
use crate::sounds::{Ask, SoundChange, SoundDevice};
use crate::studio::Studio;
use crate::view::{Audience, View};

/// Why something was not done.
#[derive(Debug, Error)]
pub enum Error {
    /// The app is closing.
    #[error("Rostrum is closing")]
    Closing,
    /// More was asked for than a person can click.
    #[error("too much at once: {REQUESTS_MAX} requests already wait")]
    Busy,
    /// The destination cannot be used.
    #[error(transparent)]
    Draft(#[from] WrongDraft),
    /// The scenes cannot be changed like this.
    #[error(transparent)]
    Scenes(#[from] Wrong),
    /// The profile of OBS cannot be taken over.
    #[error(transparent)]
    Obs(#[from] broadcast::ObsProfileError),
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] crate::hotkeys::WrongKeys),
    /// The folder of the recording cannot be shown.
    #[error("the folder cannot be opened: {0}")]
    Folder(String),
    /// There is no such folder.
    #[error("{} is not there yet", .0.display())]
    NoFolder(PathBuf),
    /// The link cannot be opened.
    #[error("the browser cannot be opened: {0}")]
    Browser(String),
    /// The origin did not do it.
    #[error(transparent)]
    Origin(#[from] ApiError),
    /// The port cannot be listened on by this program.
    #[error("expected a port from {PORT_MIN} to 65535")]
    Port,
    /// A file that was asked for cannot be written.
    #[error("{what:?} cannot be written to {}: {source}", folder.display())]
    Document {
        /// Which one.
        what: Document,
        /// Where it would be.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The origin never ran, so it keeps nothing.
    #[error("the origin has nothing to save")]
    NothingToSave,
    /// What starts the app with the session cannot be written.
    #[error("it cannot be set: {0}")]
    Autostart(String),
    /// No encoder works.
    #[error("no encoder works: {0}")]
    Encoder(String),
    /// The panel cannot be opened.
    #[error("the panel cannot be opened: {0}")]
    Window(String),
    /// The chat frame was not taken.
    #[error(transparent)]
    Say(#[from] SayError),
}

/// A file that a person asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// Who was in class.
    Attendance,
    /// What people are told who are asked for help.
    Report,
    /// What the origin keeps.
    Backup,
    /// A recording.
    Recording,
}

/// A running app.
pub struct App {
    requests: mpsc::Sender<Request>,
    view: watch::Receiver<View>,
    chat: Arc<Chat>,
    studio: Mutex<Option<JoinHandle<()>>>,
    pub(crate) observer: watch::Receiver<Option<origin::Observer>>,
    pub(crate) target: watch::Receiver<Option<Target>>,
    pub(crate) secrets: watch::Receiver<Vec<String>>,
    pub(crate) log: Log,
    pub(crate) folder: PathBuf,
    /// By the window's label.
    listeners: Mutex<HashMap<String, Listeners>>,
}

/// A page's two subscriptions. A page that reloads subscribes again, and its old ones end.
#[derive(Default)]
struct Listeners {
    view: Option<AbortHandle>,
    chat: Option<AbortHandle>,
}

impl App {
    /// Starts everything: the origin, the sources, the preview, the chat. Must be called inside a runtime.
    ///
    /// # Errors
    /// When loopback cannot be bound.
    pub async fn start(folder: PathBuf, log: Log) -> std::io::Result<App> {
        let shutdown = CancellationToken::new();
        let (feeds, feeds_of_preview) = watch::channel(Feeds::default());
        let (target, targets) = watch::channel(None);
        let asked = target.subscribe();
        let preview = Preview::bind(feeds_of_preview).await?;
        let feed_url = preview.url()?;
        let (chat, carrier) = Chat::new();
        let chat = Arc::new(chat);
        let mut helpers = JoinSet::new();
        helpers.spawn(preview.run(shutdown.clone()));
        helpers.spawn(carrier.run(targets, shutdown.clone()));
        let (requests, queue) = mpsc::channel(REQUESTS_MAX);
        let (secrets, secrets_of_report) = watch::channel(Vec::new());
        let (observed, observer) = watch::channel(None);
        let doors = Doors {
            requests: queue,
            feeds,
            chat_target: target,
            observed,
            viewers: chat.viewers(),
            secrets,
            feed_url,
        };
        let (studio, view) = Studio::new(folder.clone(), doors);
        let studio = tokio::spawn(async move {
            studio.run().await;
            shutdown.cancel();
            helpers.join_all().await;
        });
        let studio = Mutex::new(Some(studio));
        let secrets = secrets_of_report;
        let (listeners, target) = (Mutex::default(), asked);
        Ok(App { requests, view, chat, studio, observer, target, secrets, log, folder, listeners })
    }

    /// What is on screen, from now on.
    #[must_use]
    pub fn view(&self) -> watch::Receiver<View> {
        self.view.clone()
    }

    /// Calls `show` with each new view until it answers `false`, the window's page subscribes again, or the window is gone.
    pub fn show_views(&self, window: &str, mut show: impl FnMut(View) -> bool + Send + 'static) {
        let mut view = self.view();
        view.mark_changed();
        let task = tokio::spawn(async move {
            while view.changed().await.is_ok() {
                let now = view.borrow_and_update().clone();
                if !show(now) {
                    return;
                }
            }
        });
        replace(&mut self.listeners().entry(window.to_owned()).or_default().view, task.abort_handle());
    }

    /// Calls `show` with what is heard in the chat until it answers `false`, the window's page subscribes again, or the window
    /// is gone.
    pub fn show_chat(&self, window: &str, mut show: impl FnMut(Heard) -> bool + Send + 'static) {
        let task = if panel::is(window) {
            tokio::spawn(panel::carry_chat(self.target.clone(), show))
        } else {
            let chat = Arc::clone(&self.chat);
            tokio::spawn(async move {
                let mut heard = chat.follow().await;
                while let Some(heard) = heard.recv().await {
                    if !show(heard) {
                        return;
                    }
                }
            })
        };
        replace(&mut self.listeners().entry(window.to_owned()).or_default().chat, task.abort_handle());
    }

    /// A window is gone, and its page follows nothing any more.
    pub(crate) fn leave(&self, window: &str) {
        if let Some(Listeners { view, chat }) = self.listeners().remove(window) {
            view.into_iter().chain(chat).for_each(|task| task.abort());
        }
    }

    /// Sends a chat frame of the page.
    ///
    /// # Errors
    /// [`Error::Say`].
    pub fn say(&self, frame: String) -> Result<(), Error> {
        Ok(self.chat.say(frame)?)
    }

    /// Starts the countdown.
    ///
    /// # Errors
    /// As for every request: [`Error::Closing`] or [`Error::Busy`].
    pub fn go_live(&self) -> Result<(), Error> {
        self.ask(Request::GoLive)
    }

    /// Stops the countdown, or the first connection.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn cancel(&self) -> Result<(), Error> {
        self.ask(Request::Cancel)
    }

    /// Skips the wait for the next try.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn retry_now(&self) -> Result<(), Error> {
        self.ask(Request::RetryNow)
    }

    /// Ends the broadcast.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn end(&self) -> Result<(), Error> {
        self.ask(Request::End)
    }

    /// Puts the summary away.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn new_broadcast(&self) -> Result<(), Error> {
        self.ask(Request::NewBroadcast)
    }

    /// Mutes the first microphone, or not.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn set_muted(&self, muted: bool) -> Result<(), Error> {
        self.ask(Request::SetMuted(muted))
    }

    /// Takes another device for the first microphone, also on air; `None` is the default one.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn choose_microphone(&self, id: Option<String>) -> Result<(), Error> {
        self.ask(Request::ChooseMicrophone(id))
    }

    /// Mixes one more sound, also on air.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn add_sound(&self, device: SoundDevice) -> Result<(), Error> {
        self.ask(Request::Sounds(Ask::Add(device)))
    }

    /// Mixes a sound no more, also on air.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn remove_sound(&self, id: u32) -> Result<(), Error> {
        self.ask(Request::Sounds(Ask::Remove(id)))
    }

    /// Moves a sound among the others; `to` is its place from the top, counted from 0.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn move_sound(&self, id: u32, to: u32) -> Result<(), Error> {
        self.ask(Request::Sounds(Ask::Move(id, to)))
    }

    /// Changes one thing of a sound, also on air.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn change_sound(&self, id: u32, change: SoundChange) -> Result<(), Error> {
        self.ask(Request::Sounds(Ask::Change(id, change)))
    }

    /// Takes another main picture in the scene that is shown, also on air.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn choose_video(&self, choice: VideoChoice) -> Result<(), Error> {
        self.ask(Request::ChooseVideo(choice))
    }

    /// Tries sources again that do not work: all of them, on air those of the scene.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn retry_sources(&self) -> Result<(), Error> {
        self.ask(Request::RetrySources)
    }

    /// Looks for cameras, windows and microphones again.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn find_devices(&self) -> Result<(), Error> {
        self.ask(Request::FindDevices)
    }

    /// Starts the origin.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn start_origin(&self) -> Result<(), Error> {
        self.ask(Request::StartOrigin)
    }

    /// Stops the origin; viewers lose page and picture.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn stop_origin(&self) -> Result<(), Error> {
        self.ask(Request::StopOrigin)
    }

    /// Stops the origin and starts it again.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn restart_origin(&self) -> Result<(), Error> {
        self.ask(Request::RestartOrigin)
    }

    /// Decides who can watch; a running origin restarts where it has to listen elsewhere for it. For anyone the router is
    /// asked, again each time that this is called.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn set_audience(&self, audience: Audience) -> Result<(), Error> {
        self.ask(Request::SetAudience(audience))
    }

    /// Puts the watch page on another port, and starts the origin there.
    ///
    /// # Errors
    /// [`Error::Port`] for one that only the administrator's programs may have; else see [`App::go_live`].
    pub fn use_port(&self, port: u16) -> Result<(), Error> {
        if port < PORT_MIN {
            return Err(Error::Port);
        }
        self.ask(Request::UsePort(port))
    }

    /// Changes the colours.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn set_theme(&self, theme: Theme) -> Result<(), Error> {
        self.ask(Request::SetTheme(theme))
    }

    /// Changes the words.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn set_language(&self, language: Language) -> Result<(), Error> {
        self.ask(Request::SetLanguage(language))
    }

    /// Puts a notice away.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn dismiss(&self, notice: u32) -> Result<(), Error> {
        self.ask(Request::Dismiss(notice))
    }

    /// The window was asked to close: closes, or asks back while on air.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn ask_to_close(&self) -> Result<(), Error> {
        self.ask(Request::AskToClose)
    }

    /// Stays open after all.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn keep_open(&self) -> Result<(), Error> {
        self.ask(Request::KeepOpen)
    }

    /// Ends the broadcast, stops the origin and closes.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn quit(&self) -> Result<(), Error> {
        self.ask(Request::Quit)
    }

    /// Waits until everything has stopped; returns at once the second time.
    pub async fn stopped(&self) {
        let studio = self.studio.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(studio) = studio {
            // A panic in there was reported by its own hook; closing goes on.
            let _ = studio.await;
        }
    }

    pub(crate) fn ask(&self, request: Request) -> Result<(), Error> {
        self.requests.try_send(request).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Error::Busy,
            mpsc::error::TrySendError::Closed(_) => Error::Closing,
        })
    }

    fn listeners(&self) -> std::sync::MutexGuard<'_, HashMap<String, Listeners>> {
        self.listeners.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn replace(slot: &mut Option<AbortHandle>, new: AbortHandle) {
    if let Some(old) = slot.replace(new) {
        old.abort();
    }
}

/// Linux keeps those below for the administrator.
const PORT_MIN: u16 = 1_024;
/// Far more than a person clicks while the studio is busy. Full: the click is refused with a message.
const REQUESTS_MAX: usize = 64;
