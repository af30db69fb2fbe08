//! What the window shows, as one value: the whole of it is sent again whenever something changes.
//!
//! Numbers are those that JavaScript holds exactly. Texts in here come from programs and devices (names,
//! reasons); the window's own words are in `ui/studio`, so that they can be translated.

use serde::Serialize;
use specta::Type;

use crate::cause::CauseView;
pub use crate::origin_view::{Audience, OriginProblem, OriginState, OriginView, RoomView};
use crate::output::Output;
use crate::scenes::view::ScenesView;
use crate::service_advice::ServiceAdvice;
use crate::settings::{Language, Theme, VideoChoice};
use crate::sounds::view::SoundView;
use crate::trouble::TroubleView;

/// Everything on screen besides pictures, sound levels and chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// Rostrum's own version.
    pub version: String,
    /// Colours.
    pub theme: Theme,
    /// What it does for the eyes.
    pub looks: crate::looks::Looks,
    /// Keys of the window's actions.
    pub hotkeys: crate::hotkeys::view::HotkeysView,
    /// Words.
    pub language: Language,
    /// The step of the set-up that is shown instead of the studio.
    pub first_run: Option<crate::first_run::Step>,
    /// Where pictures and levels come from: a `ws://127.0.0.1` address with its token.
    pub feed_url: String,
    /// What the person should know, oldest first.
    pub notices: Vec<Notice>,
    /// The origin inside the app.
    pub origin: OriginView,
    /// The person's room; `None` until the origin first ran.
    pub room: Option<RoomView>,
    /// Scenes and their sources.
    pub scenes: ScenesView,
    /// The main picture of the scene that is shown.
    pub video: SourceView,
    /// Why there is no picture, while cameras, windows or displays that were there are away.
    pub trouble: Vec<TroubleView>,
    /// Pictures to choose from.
    pub pictures: Vec<Picture>,
    /// The chosen one.
    pub video_choice: VideoChoice,
    /// The mixer's rows.
    pub sounds: Vec<SoundView>,
    /// The first microphone.
    pub sound: SourceView,
    /// Microphones to choose from.
    pub microphones: Vec<Microphone>,
    /// Identifier of the first microphone's device; `None` is the system's default.
    pub microphone: Option<String>,
    /// Whether the first microphone is heard only while a key is held.
    pub push_to_talk: bool,
    /// Whether the first microphone is muted.
    pub muted: bool,
    /// What viewers get.
    pub output: Output,
    /// Whether a broadcast begins with a countdown.
    pub countdown: bool,
    /// Whether sources, size and frame rate are in use and cannot be changed.
    pub locked: bool,
    /// The Go live button and all that belongs to it.
    pub live: LiveView,
    /// The recording that runs; `None` when none does.
    pub recording: Option<RecordingView>,
    /// How much room there is to record.
    pub disk: crate::disk::DiskView,
    /// How much *Save replay* would save now, seconds; `None` when nothing is kept.
    pub replay_seconds: Option<u32>,
    /// The file of the recording that ended last, since the last Go live.
    pub recorded: Option<String>,
    /// Where keys of destinations are kept.
    pub keychain: crate::keychain::KeychainView,
    /// The window was asked to close while something would be lost, and waits for an answer.
    pub asks_to_close: bool,
    /// What closing would end now.
    pub closing: Option<crate::closing::Closing>,
    /// Whether a tray shows the icon, so that the window may go and everything goes on.
    pub tray: bool,
    /// Whether the panel is open.
    pub panel: bool,
    /// A place that the page is to show.
    pub arrival: Option<crate::surroundings::Arrival>,
}

/// One thing the person should know; it stays until dismissed or mended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// What [`crate::App::dismiss`] takes.
    pub id: u32,
    /// What it is about.
    pub kind: NoticeKind,
}

/// What a notice is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum NoticeKind {
    /// `settings.json` could not be used.
    #[serde(rename_all = "camelCase")]
    SettingsUnusable {
        /// Where it is kept now.
        kept_as: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Scenes could not be written.
    ScenesNotSaved {
        /// Why.
        reason: String,
    },
    /// Settings could not be written.
    SettingsNotSaved {
        /// Why.
        reason: String,
    },
    /// The broadcast could not start, or every destination gave up.
    BroadcastFailed {
        /// The destination's name; `None` where it is about all of them.
        to: Option<String>,
        /// Why.
        cause: CauseView,
    },
    /// The origin stopped by itself; the log says why.
    OriginStopped,
    /// The picture ended while on air.
    PictureEnded,
    /// An encoder failed and another took over.
    EncoderReplaced {
        /// The one that failed.
        name: String,
        /// The one that runs now.
        by: String,
        /// What the first one failed at.
        reason: String,
    },
    /// Nothing is recorded, or no more.
    RecordingFailed {
        /// Why.
        reason: String,
        /// What was recorded before is there and plays.
        kept: bool,
    },
    /// The recording goes on where it is: where it was to go, no file can be made.
    RecordingStays {
        /// Why.
        reason: String,
    },
    /// The recording was finished, since the disk is full.
    #[serde(rename_all = "camelCase")]
    DiskFull {
        /// What the disk has left, 1 000 000 bytes.
        stop_mb: u32,
    },
    /// What happened last is saved.
    ReplaySaved {
        /// Where.
        file: String,
    },
    /// What happened last could not be saved.
    ReplayFailed {
        /// Why.
        reason: String,
    },
    /// The app ended in the middle of a broadcast the last time.
    CutOff,
    /// Keys are in a keychain that does not give them.
    KeysClosed {
        /// How it was found; open when it has them no more.
        state: crate::keychain::KeychainState,
        /// The destinations' names.
        names: String,
    },
    /// Nothing decrypts keys any more that are in the file.
    KeysLost {
        /// The destinations' names.
        names: String,
    },
    /// A link leads nowhere here.
    LinkRefused {
        /// It, or its beginning.
        link: String,
    },
}

/// One source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum SourceView {
    /// Being opened.
    Starting,
    /// Delivering.
    Ready {
        /// What it is, e.g. `1920 × 1080` or a device's name; may be empty.
        name: String,
    },
    /// Not delivering.
    Failed {
        /// Why.
        trouble: TroubleView,
    },
}

/// A picture to choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
pub struct Picture {
    /// What [`crate::App::choose_video`] takes.
    pub choice: VideoChoice,
    /// What it is.
    pub kind: PictureKind,
    /// What people read: a size, a device's name, a window's title; empty where there is none.
    pub name: String,
}

/// What a picture is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum PictureKind {
    /// The whole screen.
    Screen,
    /// A screen or window, which a Wayland desktop asks for.
    Shared,
    /// One window.
    Window,
    /// A camera.
    Camera,
    /// Moving bars.
    Test,
}

/// A microphone to choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
pub struct Microphone {
    /// What [`crate::App::choose_microphone`] takes.
    pub id: String,
    /// What people read.
    pub name: String,
}

/// The Go live button and all that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct LiveView {
    /// Which button is shown.
    pub phase: PhaseView,
    /// Why Go live is off; `None` when it is on.
    pub blocked: Option<Blocked>,
    /// Where it goes.
    pub destinations: Vec<DestinationView>,
    /// Numbers of the running broadcast; `None` when none runs.
    pub stats: Option<Stats>,
    /// Most viewers at once in this broadcast.
    pub peak_viewers: u32,
    /// The computer is too slow for what is sent.
    pub too_slow: Option<crate::keeping_up::TooSlow>,
}

/// Why Go live is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum Blocked {
    /// The origin is not running, and it is the only destination.
    OriginOff,
    /// Every destination is switched off.
    NoDestination,
    /// Neither screen nor microphone works.
    NoSource,
    /// The sources are being opened.
    Starting,
}

/// See [`crate::go_live::Phase`]; times are relative to the moment the view was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum PhaseView {
    /// Nothing runs.
    Idle,
    /// About to start.
    #[serde(rename_all = "camelCase")]
    Countdown {
        /// Milliseconds until it starts.
        left_ms: u32,
    },
    /// Waiting for the first destination.
    Connecting,
    /// On air.
    #[serde(rename_all = "camelCase")]
    Live {
        /// Milliseconds on air.
        elapsed_ms: u32,
    },
    /// On air, but nobody takes it at the moment.
    #[serde(rename_all = "camelCase")]
    Reconnecting {
        /// Milliseconds since the first live moment.
        elapsed_ms: u32,
        /// Milliseconds from the first live moment to the loss.
        lost_at_ms: u32,
        /// Milliseconds since the loss.
        lost_ms: u32,
        /// Which try is next.
        attempt: u32,
        /// Milliseconds until that try; 0 while it is being made.
        next_ms: u32,
        /// What happened.
        cause: CauseView,
    },
    /// Sending the last frames.
    Ending,
    /// Over.
    #[serde(rename_all = "camelCase")]
    Ended {
        /// Milliseconds on air.
        length_ms: u32,
        /// Most viewers at once.
        peak_viewers: u32,
        /// Bits per second.
        average_bitrate_bps: u32,
        /// Frames that viewers did not get.
        dropped_frames: u32,
    },
}

/// One destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DestinationView {
    /// What the requests take; 0 is the origin inside the app.
    pub id: u32,
    /// The origin inside the app is `This computer` in the window's language; others have their own name.
    pub name: String,
    /// A service's id, `rtmp` or `srt`.
    pub service: String,
    /// Whether broadcasts go there.
    pub on: bool,
    /// A broadcast goes nowhere else, so it cannot be switched off.
    pub last: bool,
    /// What it is doing.
    pub state: DestinationState,
    /// Which picture it gets.
    pub encode: crate::apart::EncodeView,
    /// Its address, without the key.
    pub address: String,
    /// Whether a key is kept.
    pub has_key: bool,
    /// Whether a passphrase is kept.
    pub has_passphrase: bool,
    /// What the service that it is asks for and does not get.
    pub advice: Vec<ServiceAdvice>,
}

/// A recording on this computer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RecordingView {
    /// Where it is.
    pub file: String,
    /// Milliseconds since it began.
    pub elapsed_ms: u32,
    /// What was written, 1 000 bytes.
    pub kilobytes: u32,
    /// Whether it ends with the broadcast, since it began with it by itself.
    pub ends_with_broadcast: bool,
}

/// A public service that takes broadcasts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ServiceView {
    /// E.g. `youtube`.
    pub id: String,
    /// As it calls itself.
    pub name: String,
    /// Addresses without the stream key, the best first.
    pub servers: Vec<String>,
    /// Where its people find their stream key.
    pub key_page: String,
    /// Most video it takes, 1 000 bits per second.
    pub kbps_max: u32,
}

/// A video encoder, and what was found out about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct EncoderView {
    /// FFmpeg's name.
    pub name: String,
    /// As people write it: `H.264`, `HEVC`, `AV1`.
    pub codec: String,
    /// What it runs on, in words.
    pub runs_on: String,
    /// Why it cannot be used here; `None` when it can.
    pub refused: Option<String>,
}

/// A profile of OBS on this computer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ObsView {
    /// The profile's name.
    pub name: String,
    /// Its folder.
    pub folder: String,
}

/// What a destination is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum DestinationState {
    /// Switched off.
    Off,
    /// The origin inside the app is not running.
    NoOrigin,
    /// Its key is in a keychain that does not give it.
    Locked,
    /// Its key is encrypted, and nothing decrypts it any more.
    Lost,
    /// Waits for Go live.
    Ready,
    /// Being connected.
    Connecting,
    /// Takes media.
    #[serde(rename_all = "camelCase")]
    Live {
        /// Bits handed to the network in the last second.
        rate_bps: u32,
    },
    /// Lost; tried again.
    #[serde(rename_all = "camelCase")]
    Retrying {
        /// Which try is next.
        attempt: u32,
        /// Milliseconds until then.
        next_ms: u32,
        /// What happened.
        cause: CauseView,
    },
    /// Given up.
    Failed {
        /// Why.
        cause: CauseView,
    },
    /// Said goodbye.
    Ended,
}

/// Numbers of the running broadcast.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Frames encoded in the last second.
    pub fps: u32,
    /// Bits encoded in the last second.
    pub bitrate_bps: u32,
    /// Frames lost before or after the encoder.
    pub dropped_frames: u32,
    /// Frames encoded.
    pub frames: u32,
    /// The encoder's name.
    pub encoder: String,
    /// Size of the picture that is sent, e.g. `1280 × 720`.
    pub size: String,
    /// Frames per second that the encoder aims at.
    pub aimed_fps: u32,
    /// Video bits per second that the encoder aims at; below the set ones while the network is weak.
    pub aimed_bps: u32,
    /// Whether the network is too weak for what is set.
    pub weak: bool,
    /// Milliseconds there and back, of the slowest network; `None` where none tells.
    pub round_trip_ms: Option<u32>,
    /// Milliseconds of media that wait to be sent, on the slowest network.
    pub queued_ms: u32,
}
