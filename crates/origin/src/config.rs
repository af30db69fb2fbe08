//! Settings: defaults < `rostrum.toml` < `ROSTRUM_*` < flags.

mod mail;
mod network;
mod registration;
mod transcode;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use media::Span;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub(crate) use mail::MailSecurity;
pub use mail::MailSettings;
pub use network::{Network, NetworkError};
pub use registration::{AccountSettings, Registration};
pub use transcode::TranscodeSettings;

/// Everything an origin is told before it starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The data folder: database, locks and everything that a backup has to hold.
    pub data: PathBuf,
    /// Where HTTP listens; port 0 takes a free one.
    pub http: SocketAddr,
    /// Where RTMP listens; port 0 takes a free one.
    pub rtmp: SocketAddr,
    /// Where HTTP over TLS listens; nowhere when it is missing.
    pub https: Option<SocketAddr>,
    /// Where RTMP over TLS listens; nowhere when it is missing.
    pub rtmps: Option<SocketAddr>,
    /// The certificate for both.
    pub tls: TlsSettings,
    /// Where SRT listens, UDP; port 0 takes a free one.
    pub srt: SocketAddr,
    /// The least time that SRT keeps packets back so that lost ones can be repeated, in milliseconds; 20 to
    /// 8 000. A publisher may ask for more.
    pub srt_latency_ms: u32,
    /// Lengths of parts, segments and the window.
    pub hls: HlsSettings,
    /// How long recordings are kept, and how much room they may take.
    pub recording: RecordingSettings,
    /// Files that are uploaded to be broadcast.
    pub uploads: UploadSettings,
    /// Adaptive renditions.
    pub transcode: TranscodeSettings,
    /// Who may make accounts.
    pub accounts: AccountSettings,
    /// Letters for those who forgot their password.
    pub mail: MailSettings,
    /// Proxies in front, whose word counts about who they ask for: `X-Forwarded-For`, `X-Forwarded-Proto`.
    pub proxies: Vec<Network>,
    /// Upper bounds.
    pub limits: Limits,
}

/// Where the certificate comes from; without files, the origin makes its own and keeps it in `tls/` in the data
/// folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsSettings {
    /// The certificate and those above it, PEM. Read again when it changes.
    pub certificate: Option<PathBuf>,
    /// Its private key, PEM. Read again when it changes.
    pub key: Option<PathBuf>,
}

/// How the stream is cut for players.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HlsSettings {
    /// Target duration of a part, in milliseconds; 100 to 2 000.
    pub part_ms: u32,
    /// Target duration of a segment, in milliseconds; at least twice a part, at most 10 000.
    pub segment_ms: u32,
    /// Media that viewers can go back to, in milliseconds; at least four segments, at most 10 minutes.
    pub window_ms: u32,
    /// Picture and sound as renditions of their own, instead of muxed with the sound alone beside.
    pub separate_audio: bool,
}

/// What becomes of recordings. Whether a broadcast is recorded is its room's own setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecordingSettings {
    /// Days after which a recording is removed; 0 keeps it.
    pub keep_days: u32,
    /// Percent of the disk that recordings may take together; above it the oldest are removed. 1 to 100.
    pub disk_percent: u32,
    /// Mebibytes that recordings leave free on the disk; recording stops before.
    pub reserve_mib: u32,
}

/// Files that are uploaded to be broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UploadSettings {
    /// Bytes of one file at most; 0 takes none.
    pub max_bytes: u64,
    /// Mebibytes that uploads leave free on the disk; what would take them is refused.
    pub reserve_mib: u32,
    /// Hours after which an unfinished upload is removed, counted from its last byte. 1 to 8 760.
    pub keep_unfinished_hours: u32,
}

/// Upper bounds on what peers may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// HTTP connections in all.
    pub http_connections: usize,
    /// HTTP connections of one address; loopback is exempt, since a proxy connects from there.
    pub http_connections_per_address: usize,
    /// RTMP connections in all.
    pub rtmp_connections: usize,
    /// RTMP connections of one address; loopback is exempt.
    pub rtmp_connections_per_address: usize,
    /// SRT connections in all.
    pub srt_connections: usize,
    /// SRT connections of one address; loopback is exempt.
    pub srt_connections_per_address: usize,
    /// Publishers over WebSocket in all.
    pub websocket_publishers: usize,
    /// Publishers over WebSocket of one address; loopback is exempt.
    pub websocket_publishers_per_address: usize,
    /// Playlist and part requests that wait for media, in all.
    pub blocked_requests: usize,
    /// Chat connections of one room.
    pub chat_connections_per_room: usize,
}

/// What a command line or an embedding program sets above file and environment.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// A settings file that must exist; without it `rostrum.toml` in the working folder may.
    pub config: Option<PathBuf>,
    /// See [`Config::data`].
    pub data: Option<PathBuf>,
    /// See [`Config::http`].
    pub http: Option<SocketAddr>,
    /// See [`Config::rtmp`].
    pub rtmp: Option<SocketAddr>,
    /// See [`Config::https`].
    pub https: Option<SocketAddr>,
    /// See [`Config::rtmps`].
    pub rtmps: Option<SocketAddr>,
    /// See [`Config::srt`].
    pub srt: Option<SocketAddr>,
}

/// Settings that cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The settings file cannot be read.
    #[error("settings file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The settings file is not what was expected.
    #[error("settings file {}: {source}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and what.
        source: Box<toml::de::Error>,
    },
    /// An environment variable holds something else than was expected.
    #[error("environment variable {name}: expected {expected}, found \"{found}\"")]
    Environment {
        /// Its name.
        name: &'static str,
        /// What it should hold.
        expected: &'static str,
        /// What it holds.
        found: String,
    },
    /// One of two settings that go together.
    #[error("{given} is set without {missing}: set both, or neither {instead}")]
    Alone {
        /// The key that is there.
        given: &'static str,
        /// The key that is not.
        missing: &'static str,
        /// What there is without them.
        instead: &'static str,
    },
    /// A text that is not what was expected.
    #[error("{key} is \"{found}\": expected {expected}")]
    Text {
        /// The key as it stands in the settings file.
        key: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// A value outside of its range.
    #[error("{key} is {found}: expected {expected}")]
    Range {
        /// The key as it stands in the settings file.
        key: &'static str,
        /// The range in words.
        expected: &'static str,
        /// The value.
        found: u32,
    },
}

impl Default for Config {
    fn default() -> Config {
        Config {
            data: default_data(|name| std::env::var(name).ok()),
            http: SocketAddr::from((Ipv4Addr::LOCALHOST, HTTP_PORT)),
            rtmp: SocketAddr::from((Ipv4Addr::LOCALHOST, RTMP_PORT)),
            https: None,
            rtmps: None,
            tls: TlsSettings::default(),
            srt: SocketAddr::from((Ipv4Addr::LOCALHOST, SRT_PORT)),
            // Four round trips of 50 ms, after which nearly every lost packet has come.
            srt_latency_ms: 200,
            hls: HlsSettings::default(),
            recording: RecordingSettings::default(),
            uploads: UploadSettings::default(),
            transcode: TranscodeSettings::default(),
            accounts: AccountSettings::default(),
            mail: MailSettings::default(),
            proxies: Vec::new(),
            limits: Limits::default(),
        }
    }
}

impl Default for HlsSettings {
    fn default() -> HlsSettings {
        // One millisecond above a third of a second, since RTMP rounds ten frames of 30 fps up or down.
        HlsSettings { part_ms: 334, segment_ms: 2_000, window_ms: 120_000, separate_audio: false }
    }
}

impl Default for RecordingSettings {
    fn default() -> RecordingSettings {
        RecordingSettings { keep_days: 0, disk_percent: 80, reserve_mib: 256 }
    }
}

impl Default for UploadSettings {
    fn default() -> UploadSettings {
        // Three hours of 6 Mbit/s; recordings stop before uploads take what they leave free.
        UploadSettings { max_bytes: 8 << 30, reserve_mib: 1_024, keep_unfinished_hours: 24 }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            http_connections: 50_000,
            // A school behind one address: a thousand pages with chat and media connections each.
            http_connections_per_address: 4_096,
            rtmp_connections: 1_024,
            rtmp_connections_per_address: 32,
            // Each has a thread in libsrt.
            srt_connections: 512,
            srt_connections_per_address: 32,
            websocket_publishers: 1_024,
            websocket_publishers_per_address: 32,
            blocked_requests: 40_000,
            chat_connections_per_room: 20_000,
        }
    }
}

impl Config {
    /// Merges defaults, the settings file, `ROSTRUM_*` and `overrides`, and checks the result.
    ///
    /// # Errors
    /// [`ConfigError`], naming the file, variable or key.
    pub fn load(overrides: &Overrides) -> Result<Config, ConfigError> {
        let config = Config::merge(overrides, |name| std::env::var(name).ok())?;
        config.check()?;
        Ok(config)
    }

    fn merge(
        overrides: &Overrides,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Config, ConfigError> {
        // A variable that is set to nothing is how units and containers unset one.
        let environment = |name: &str| environment(name).filter(|value| !value.is_empty());
        let named = overrides.config.clone().or_else(|| environment("ROSTRUM_CONFIG").map(PathBuf::from));
        let mut config = match named {
            Some(path) => read_file(&path)?,
            None if Path::new(DEFAULT_FILE).exists() => read_file(Path::new(DEFAULT_FILE))?,
            None => Config::default(),
        };
        if let Some(data) = overrides.data.clone().or_else(|| environment("ROSTRUM_DATA").map(PathBuf::from))
        {
            config.data = data;
        }
        if let Some(http) = address("ROSTRUM_HTTP", overrides.http, environment)? {
            config.http = http;
        }
        if let Some(rtmp) = address("ROSTRUM_RTMP", overrides.rtmp, environment)? {
            config.rtmp = rtmp;
        }
        config.https = address("ROSTRUM_HTTPS", overrides.https, environment)?.or(config.https);
        config.rtmps = address("ROSTRUM_RTMPS", overrides.rtmps, environment)?.or(config.rtmps);
        if let Some(srt) = address("ROSTRUM_SRT", overrides.srt, environment)? {
            config.srt = srt;
        }
        Ok(config)
    }

    /// Whether every value is in its range.
    ///
    /// # Errors
    /// [`ConfigError::Range`] or [`ConfigError::Alone`] for the first that is not.
    pub fn check(&self) -> Result<(), ConfigError> {
        let (certificate, key) = ("tls.certificate", "tls.key");
        let alone = |given, missing| ConfigError::Alone {
            given,
            missing,
            instead: "for the origin's own certificate",
        };
        match (&self.tls.certificate, &self.tls.key) {
            (Some(_), None) => return Err(alone(certificate, key)),
            (None, Some(_)) => return Err(alone(key, certificate)),
            _ => {}
        }
        self.mail.check()?;
        let percent = self.recording.disk_percent;
        if !(1..=100).contains(&percent) {
            let (key, expected) = ("recording.disk_percent", "1 to 100");
            return Err(ConfigError::Range { key, expected, found: percent });
        }
        let hours = self.uploads.keep_unfinished_hours;
        if !(1..=8_760).contains(&hours) {
            let (key, expected) = ("uploads.keep_unfinished_hours", "1 to 8760");
            return Err(ConfigError::Range { key, expected, found: hours });
        }
        self.transcode.check()?;
        let HlsSettings { part_ms, segment_ms, window_ms, .. } = self.hls;
        let range = |fits, key, expected, found| {
            if fits { Ok(()) } else { Err(ConfigError::Range { key, expected, found }) }
        };
        let latency_ms = self.srt_latency_ms;
        range((20..=8_000).contains(&latency_ms), "srt_latency_ms", "20 to 8000", latency_ms)?;
        range((100..=2_000).contains(&part_ms), "hls.part_ms", "100 to 2000", part_ms)?;
        let segment_fits = segment_ms >= part_ms * 2 && segment_ms <= 10_000;
        range(segment_fits, "hls.segment_ms", "at least twice hls.part_ms and at most 10000", segment_ms)?;
        let window_fits = window_ms >= segment_ms * 4 && window_ms <= 600_000;
        range(
            window_fits,
            "hls.window_ms",
            "at least four times hls.segment_ms and at most 600000",
            window_ms,
        )
    }

    /// All of it as a settings file. No secret is among it: passwords are in files of their own.
    #[must_use]
    pub fn to_text(&self) -> String {
        toml::to_string(self).unwrap_or_else(|error| format!("# a value cannot be written: {error}\n"))
    }

    /// The same lengths as the packager takes them.
    pub(crate) fn packager(&self) -> hls::Config {
        let span = |ms: u32| Span::from_millis(i64::from(ms));
        hls::Config {
            part_target: span(self.hls.part_ms),
            segment_target: span(self.hls.segment_ms),
            window: span(self.hls.window_ms),
            separate_audio: self.hls.separate_audio,
        }
    }
}

fn read_file(path: &Path) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    toml::from_str(&text)
        .map_err(|source| ConfigError::Parse { path: path.to_owned(), source: Box::new(source) })
}

fn address(
    name: &'static str,
    flag: Option<SocketAddr>,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Option<SocketAddr>, ConfigError> {
    if flag.is_some() {
        return Ok(flag);
    }
    let Some(found) = environment(name) else { return Ok(None) };
    match found.parse() {
        Ok(address) => Ok(Some(address)),
        Err(_) => {
            Err(ConfigError::Environment { name, expected: "an address such as 127.0.0.1:8080", found })
        }
    }
}

fn default_data(environment: impl Fn(&str) -> Option<String>) -> PathBuf {
    let environment = |name| environment(name).filter(|value| !value.is_empty());
    let base = environment("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| environment("HOME").map(|home| Path::new(&home).join(".local/share")));
    base.unwrap_or_default().join("rostrum-origin")
}

const DEFAULT_FILE: &str = "rostrum.toml";
const HTTP_PORT: u16 = 8080;
const RTMP_PORT: u16 = 1935;
const SRT_PORT: u16 = 10_080;

#[cfg(test)]
mod tests;
