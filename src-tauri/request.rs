//! What comes to the studio, and where what it makes goes.

use tokio::sync::{mpsc, oneshot, watch};

use crate::chat::Target;
use crate::destination::{Draft, WrongDraft};
use crate::output::Output;
use crate::preview::Feeds;
use crate::scenes::Ask;
use crate::settings::{Language, Theme, VideoChoice};
use crate::sounds;
use crate::view::Audience;

/// What a person asks for; see the methods of [`crate::App`].
#[derive(Debug)]
pub enum Request {
    /// Starts the countdown.
    GoLive,
    /// Stops the countdown, or the first connection.
    Cancel,
    /// Skips the wait for the next try.
    RetryNow,
    /// Ends the broadcast.
    End,
    /// Puts the summary away.
    NewBroadcast,
    /// Mutes the first microphone, or not.
    SetMuted(bool),
    /// Adds, removes or changes a sound.
    Sounds(sounds::Ask),
    /// Takes another device for the first microphone; `None` is the default one.
    ChooseMicrophone(Option<String>),
    /// Takes another main picture.
    ChooseVideo(VideoChoice),
    /// The microphone is heard only while a key is held.
    PushToTalk(crate::push_to_talk::Ask),
    /// Changes or chooses a scene.
    Scenes(Ask),
    /// Tries sources again that do not work.
    RetrySources,
    /// Looks for devices again.
    FindDevices,
    /// Sends to a destination, or no more; 0 is the origin inside the app.
    SwitchDestination(u32, bool),
    /// Keeps a destination, a new one or in the place of the one with its id.
    SaveDestination(Draft, oneshot::Sender<Result<(), WrongDraft>>),
    /// Forgets a destination.
    RemoveDestination(u32),
    /// Asks the keychain for keys again, and the person to unlock it.
    UnlockKeychain,
    /// Gives a destination whose network is weak an encode of its own.
    LetApart(u32),
    /// Makes the picture smaller for a computer that is too slow.
    EasePicture,
    /// Begins broadcasts with a countdown, or at once.
    SetCountdown(bool),
    /// Changes what viewers get.
    SetOutput(Output),
    /// Records on this computer, or no more.
    Record(bool),
    /// Records to this folder from now on.
    RecordTo(std::path::PathBuf),
    /// Saves what happened last.
    SaveReplay,
    /// Goes to a step of the set-up, or leaves it.
    FirstRun(Option<crate::first_run::Step>),
    /// Starts the origin.
    StartOrigin,
    /// Stops the origin.
    StopOrigin,
    /// Stops the origin and starts it again.
    RestartOrigin,
    /// Decides who can watch.
    SetAudience(Audience),
    /// Puts the watch page on another port.
    UsePort(u16),
    /// Changes what the origin is set to.
    Origin(crate::origin_habits::Asked),
    /// Changes the colours.
    SetTheme(Theme),
    /// Changes what the window does for the eyes.
    SetLooks(crate::looks::Looks),
    /// Changes keys.
    Hotkeys(crate::hotkeys::Ask),
    /// Changes the words.
    SetLanguage(Language),
    /// Puts a notice away.
    Dismiss(u32),
    /// Something from around the window.
    Around(crate::surroundings::Asked),
    /// Closes, or asks back while on air.
    AskToClose,
    /// Stays open after all.
    KeepOpen,
    /// Ends the broadcast and closes.
    Quit,
}

/// What connects the studio to the rest of the app.
pub struct Doors {
    /// What people ask for.
    pub requests: mpsc::Receiver<Request>,
    /// What the preview shows.
    pub feeds: watch::Sender<Feeds>,
    /// Whose chat to join.
    pub chat_target: watch::Sender<Option<Target>>,
    /// The origin that runs.
    pub observed: watch::Sender<Option<origin::Observer>>,
    /// People on the watch page.
    pub viewers: watch::Receiver<u32>,
    /// Keys and passphrases of destinations that this start has had in its hands.
    pub secrets: watch::Sender<Vec<String>>,
    /// Where the page connects for pictures.
    pub feed_url: String,
}
