//! What the window shows of the origin inside the app.

use serde::Serialize;
use specta::Type;

use crate::origin_habits::Habits;
use crate::port_owner::Program;
pub use crate::router::Internet;

/// The origin inside the app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct OriginView {
    /// What it is doing.
    pub state: OriginState,
    /// Who can watch.
    pub audience: Audience,
    /// What is known of the way from the internet.
    pub internet: Internet,
    /// When it runs, and what it keeps.
    pub habits: Habits,
}

/// Who can open the watch page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// This computer only.
    OnlyMe,
    /// Everyone on the same network.
    MyNetwork,
    /// These and, if the router does as it is asked to, everyone who has the link.
    Anyone,
}

/// What the origin is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum OriginState {
    /// Off, because it was stopped.
    Off,
    /// On its way.
    Starting,
    /// Serving.
    Running(Box<RunningOrigin>),
    /// On its way down.
    Stopping,
    /// It could not start.
    Failed {
        /// Why, and with it what to do.
        problem: OriginProblem,
    },
}

/// An origin that serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RunningOrigin {
    /// Unix time, seconds.
    pub since_s: u32,
    /// Where HTTP is bound, e.g. `0.0.0.0:8080`.
    pub http: String,
    /// Where HTTPS is bound.
    pub https: Option<String>,
    /// Where RTMP is bound.
    pub rtmp: String,
    /// The RTMP port that was asked for, when another had to be taken.
    pub rtmp_wanted: Option<u16>,
    /// Where SRT is bound, UDP.
    pub srt: String,
    /// The watch page on this computer.
    pub local_url: String,
    /// The watch page on the network, if the network may watch and this computer has an address there.
    pub network_url: Option<String>,
    /// The same by this computer's name, once the name is told to the network.
    pub named_url: Option<String>,
    /// The same over TLS, with a certificate that browsers warn of.
    pub secure_url: Option<String>,
    /// The certificate that it made for itself.
    pub certificate: Option<CertificateView>,
    /// The data folder.
    pub data: String,
}

/// A certificate that nobody else vouches for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct CertificateView {
    /// SHA-256 of it, bytes in hexadecimal with colons, as browsers show it.
    pub fingerprint: String,
    /// When it ends: Unix time, seconds.
    pub until_s: u32,
}

/// Why the origin could not start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum OriginProblem {
    /// Another program has the port of the watch page.
    PortTaken {
        /// The port.
        port: u16,
        /// A port that was free a moment ago.
        free: Option<u16>,
        /// The program, where that can be known.
        program: Option<Program>,
    },
    /// Another Rostrum has the data folder, or the database cannot be opened, or something rarer.
    Other {
        /// What the origin said.
        reason: String,
    },
}

/// The person's room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RoomView {
    /// Its slug.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// The link to share.
    pub watch_url: String,
    /// That link as a QR code: an SVG document.
    pub qr_svg: String,
    /// People on the watch page.
    pub viewers: u32,
}

/// How the running origin does; the panel asks for it while it is open.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct OriginFigures {
    /// The rooms, by name.
    pub rooms: Vec<RoomFigures>,
    /// People on all watch pages.
    pub viewers: u32,
    /// The same every ten seconds of the last hour, the oldest first.
    pub viewers_hour: Vec<u32>,
    /// 1 000 bits a second that leave the computer, other programs' in it.
    pub sent_kbps: u32,
    /// 1 000 000 bytes of finished recordings.
    pub recorded_mb: u32,
    /// 1 000 000 bytes used of the disk, by whatever it is.
    pub disk_used_mb: u32,
    /// Its size, 1 000 000 bytes; 0 where the system does not tell.
    pub disk_mb: u32,
    /// The newest recordings, the newest first.
    pub recordings: Vec<RecordingFigures>,
    /// The last lines of the log, the oldest first.
    pub log: Vec<LogLine>,
    /// Whether Rostrum starts when the person logs in.
    pub autostart: bool,
    /// Whether a replay is kept of every broadcast of this computer's room.
    pub replays: bool,
}

/// A room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RoomFigures {
    /// Its name in links.
    pub slug: String,
    /// Its name for people.
    pub title: String,
    /// Whether somebody publishes.
    pub live: bool,
    /// People on its watch page.
    pub viewers: u32,
    /// 1 000 bits a second that its publisher sends.
    pub ingest_kbps: u32,
}

/// A recording of the origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RecordingFigures {
    /// What the commands take.
    pub id: String,
    /// The room's title when it began.
    pub title: String,
    /// When that was: Unix time, seconds.
    pub started_s: u32,
    /// Its length, seconds.
    pub seconds: u32,
    /// Its files, 1 000 000 bytes.
    pub mb: u32,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct LogLine {
    /// Unix time, seconds.
    pub at_s: u32,
    /// How much it matters.
    pub level: LogLevel,
    /// What happened.
    pub text: String,
}

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something is not as it ought to be.
    Warn,
    /// Something happened.
    Info,
}

/// Somebody of a class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize, Type)]
pub struct Attendee {
    /// As they are called in the room, or stand on the class list.
    pub name: String,
    /// Who they are to the room; `None` for who did not come.
    pub id: Option<String>,
    /// Whether they are there.
    pub state: Presence,
    /// When they first came: Unix time, milliseconds.
    #[specta(type = Option<f64>)]
    pub joined_ms: Option<i64>,
    /// When they last went; `None` for who is here or did not come.
    #[specta(type = Option<f64>)]
    pub left_ms: Option<i64>,
    /// Seconds that they were here.
    pub present_s: u32,
}

/// Whether somebody of a class is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Now.
    Here,
    /// Was, and has gone.
    Left,
    /// Is on the class list, and did not come.
    Missing,
}
