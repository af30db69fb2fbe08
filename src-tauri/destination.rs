//! Where a broadcast goes: the origin inside the app, and other servers with their keys.

use std::path::Path;

use broadcast::{Service, Status};
use serde::{Deserialize, Serialize};
use specta::Type;
use thiserror::Error;
use tracing::warn;

use crate::go_live;
use crate::hosting::Hosted;
use crate::keychain::Secret;
use crate::seal::Seal;
use crate::settings::replace;

/// Another server, as it is kept: in a file that only this user may read, with key and passphrase encrypted, or without them where
/// the keychain has them (see [`crate::keychain`]).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// Stays the same when it is edited; from 1 on.
    pub id: u32,
    /// What the person calls it; no two are called the same.
    pub name: String,
    /// [`Service::id`], else `rtmp` or `srt`.
    pub service: String,
    /// `rtmp[s]://host/app` or `srt://host:port`, without anything secret.
    pub address: String,
    /// The stream key of RTMP or the stream id of SRT.
    pub key: String,
    /// SRT's passphrase; empty is none.
    pub passphrase: String,
    /// Whether the next broadcast goes there.
    pub on: bool,
    /// Key and passphrase as the file has them, see [`Seal::close`]; here only while they cannot be decrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<String>,
    /// Where the keychain has key and passphrase; `None` when the file has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keychain: Option<String>,
    /// The keychain has not given them, or what decrypts them is gone: both are empty meanwhile.
    #[serde(skip)]
    pub closed: bool,
}

/// A destination as the person fills it in.
#[derive(Clone, PartialEq, Eq, Deserialize, Type)]
pub struct Draft {
    /// Which one is edited; `None` is a new one.
    pub id: Option<u32>,
    /// See [`Saved::name`].
    pub name: String,
    /// See [`Saved::service`].
    pub service: String,
    /// As it is pasted: a key or passphrase in it is taken out.
    pub address: String,
    /// `None` keeps the one there is.
    pub key: Option<String>,
    /// `None` keeps the one there is.
    pub passphrase: Option<String>,
}

/// What a draft is refused for.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum WrongDraft {
    /// No name, or one that cannot be shown in a row.
    #[error("a name of 1 to {NAME_CHARS_MAX} characters is needed")]
    Name,
    /// Two rows would look the same.
    #[error("there is a destination called {0} already")]
    NameTaken(String),
    /// One of key and passphrase is to be replaced, and the other is not at hand.
    #[error("the keychain has not given the key: unlock it first, or enter both stream id and passphrase")]
    Closed,
    /// The engine cannot use it.
    #[error("{0}")]
    Address(broadcast::TargetError),
}

impl std::fmt::Debug for Saved {
    /// Leaves out what may be secret (DESIGN §8 rule 2).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Saved").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Draft").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Draft {
    /// What is kept of it, when `known` are those there are. A new one is switched on.
    ///
    /// # Errors
    /// [`WrongDraft`], in words.
    pub fn complete(self, known: &[Saved]) -> Result<Saved, WrongDraft> {
        let name = self.name.trim().to_owned();
        if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
            return Err(WrongDraft::Name);
        }
        let before = known.iter().find(|saved| Some(saved.id) == self.id);
        let others = known.iter().filter(|saved| Some(saved.id) != self.id);
        if name == THIS_COMPUTER || others.into_iter().any(|other| other.name == name) {
            return Err(WrongDraft::NameTaken(name));
        }
        let kept = |part: Option<String>, of: fn(&Saved) -> &String| {
            part.map_or_else(|| before.map(of).cloned().unwrap_or_default(), |part| part.trim().to_owned())
        };
        let closed = before.is_some_and(|before| before.closed);
        let typed = self.key.as_ref().is_some_and(|key| !key.trim().is_empty());
        let (key_is_given, passphrase_is_given) = (self.key.is_some(), self.passphrase.is_some());
        let mut saved = Saved {
            id: before.map_or_else(
                || known.iter().map(|saved| saved.id).max().unwrap_or(0) + 1,
                |before| before.id,
            ),
            name,
            service: self.service,
            address: with_plain_scheme(self.address.trim()),
            key: kept(self.key, |saved| &saved.key),
            passphrase: kept(self.passphrase, |saved| &saved.passphrase),
            on: before.is_none_or(|before| before.on),
            sealed: before.and_then(|before| before.sealed.clone()),
            keychain: before.and_then(|before| before.keychain.clone()),
            closed,
        };
        saved.take_secrets_out_of_the_address(typed, before.map(|before| before.address.as_str()));
        // What is closed is empty, so that anything there was typed or pasted.
        let both_are_given =
            (key_is_given || !saved.key.is_empty()) && (passphrase_is_given || !saved.passphrase.is_empty());
        let secret = |saved: &Saved| (saved.key.clone(), saved.passphrase.clone());
        if before.is_some_and(|before| secret(before) != secret(&saved)) {
            if closed && !both_are_given {
                return Err(WrongDraft::Closed);
            }
            (saved.sealed, saved.keychain, saved.closed) = (None, None, false);
        }
        match saved.destination().server() {
            // The keychain has it, or it was lost.
            Err(broadcast::TargetError::Key) if saved.closed => Ok(saved),
            Err(wrong) => Err(WrongDraft::Address(wrong)),
            Ok(_) => Ok(saved),
        }
    }
}

impl Saved {
    /// Whether what decrypts its key is gone: the person has to enter the key again.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.closed && self.sealed.is_some()
    }

    /// For the engine.
    #[must_use]
    pub fn destination(&self) -> broadcast::Destination {
        let name = self.name.clone();
        if !self.address.starts_with("srt://") {
            let key = Some(self.key.clone()).filter(|key| !key.is_empty());
            return broadcast::Destination { name, url: self.address.clone(), key, picture: None };
        }
        let secrets = [("streamid", &self.key), ("passphrase", &self.passphrase)];
        let secrets = secrets.into_iter().filter(|(_, value)| !value.is_empty());
        let url = secrets.fold(self.address.clone(), |url, (option, value)| {
            broadcast::with_srt_option(&url, option, value)
        });
        broadcast::Destination { name, url, key: None, picture: None }
    }

    /// A key that was pasted with the address goes where keys are. `before` is the address so far.
    fn take_secrets_out_of_the_address(&mut self, typed: bool, before: Option<&str>) {
        if !self.address.starts_with("srt://") {
            return self.take_key_of_rtmp(typed, before);
        }
        let Some((server, query)) = self.address.split_once('?') else { return };
        let mut rest = Vec::new();
        for option in query.split('&') {
            match option.split_once('=') {
                Some(("streamid", value)) => self.key = unescaped(value),
                Some(("passphrase", value)) => self.passphrase = unescaped(value),
                _ => rest.push(option),
            }
        }
        let joint = if rest.is_empty() { "" } else { "?" };
        self.address = format!("{server}{joint}{}", rest.join("&"));
    }

    /// The last part of `rtmp://host/app/key`. An application may have such a part too (`rtmp://host/app/instance`): then the
    /// key was typed beside it, or the address so far has as many parts.
    fn take_key_of_rtmp(&mut self, typed: bool, before: Option<&str>) {
        let path = |address: &str| address.split('?').next().unwrap_or_default().trim_end_matches('/').len();
        let parts = |address: &str| address[..path(address)].matches('/').count();
        // `rtmp://host/app` has three slashes.
        let least = before.map_or(3, |before| parts(before).max(3));
        let Some(at) = self.address[..path(&self.address)].rfind('/') else { return };
        let key = self.address[at + 1..].trim_end_matches('/').to_owned();
        if parts(&self.address) > least && (!typed || key == self.key) {
            self.address.truncate(at);
            self.key = key;
        }
    }
}

/// Another server out of a program that had it.
#[must_use]
pub fn draft_of(destination: broadcast::Destination, known: &[String]) -> Draft {
    let broadcast::Destination { name, url, key, picture: _ } = destination;
    let service = Service::all().iter().find(|service| service.servers.contains(&url));
    let kind = if url.starts_with("srt://") { "srt" } else { "rtmp" };
    let numbered = (2_u32..).map(|number| format!("{name} {number}"));
    let free = std::iter::once(name.clone()).chain(numbered).find(|name| !known.contains(name));
    Draft {
        id: None,
        name: free.unwrap_or_default(),
        service: service.map_or(kind, |service| &service.id).to_owned(),
        address: url,
        key: Some(key.unwrap_or_default()),
        passphrase: Some(String::new()),
    }
}

/// The origin inside the app.
pub(crate) fn this_computer(hosted: &Hosted) -> broadcast::Destination {
    broadcast::Destination {
        name: THIS_COMPUTER.to_owned(),
        url: hosted.ingest_url(),
        key: Some(hosted.owner.stream_key().to_owned()),
        picture: None,
    }
}

/// The figures of a broadcast that has ended: what the destination that got most of it got.
pub(crate) fn outcome(status: &Status) -> go_live::Outcome {
    let best = status.destinations.iter().max_by_key(|destination| destination.sent_bytes);
    let seconds = status.duration.as_secs_f64().max(1.0);
    let bits = best.map_or(0, |sent| sent.sent_bytes * 8);
    go_live::Outcome {
        average_bitrate_bps: (bits as f64 / seconds) as u64,
        dropped_frames: status.dropped_frames + best.map_or(0, |sent| sent.dropped_frames),
    }
}

/// Reads the other servers kept in `folder`, and encrypts keys that an earlier version kept as they are. A file that cannot be used
/// is put aside, never overwritten; then the reason comes beside an empty list.
#[must_use]
pub(crate) fn load(folder: &Path, seal: &Seal) -> (Vec<Saved>, Option<crate::settings::Unusable>) {
    let (mut all, unusable): (Vec<Saved>, _) = crate::settings::read(&folder.join(FILE));
    let plain = all.iter().any(|saved| saved.keychain.is_none() && !Secret::of(saved).is_empty());
    all.iter_mut().for_each(|saved| saved.unseal(seal));
    if plain
        && seal.works()
        && let Err(error) = save(folder, &all, seal)
    {
        warn!(%error, "keys are still kept as they are");
    }
    (all, unusable)
}

/// Keeps the other servers, for this user alone, with those keys that the keychain has not: encrypted, or, where no key to encrypt
/// with can be kept, as they are.
///
/// # Errors
/// Whatever the file system answers.
pub(crate) fn save(folder: &Path, saved: &[Saved], seal: &Seal) -> std::io::Result<()> {
    let kept: Vec<Saved> = saved.iter().map(|saved| saved.to_keep(seal)).collect();
    let content = serde_json::to_vec_pretty(&kept).expect("destinations are plain values");
    replace(&folder.join(FILE), &content, 0o600)
}

impl Saved {
    /// Key and passphrase as the file is to have them.
    fn to_keep(&self, seal: &Seal) -> Saved {
        let without = Saved { key: String::new(), passphrase: String::new(), ..self.clone() };
        let secret = Secret::of(self);
        if self.keychain.is_some() || secret.is_empty() {
            return without;
        }
        match seal.close(&self.bound(), &secret.text()) {
            Some(sealed) => Saved { sealed: Some(sealed), ..without },
            None => self.clone(),
        }
    }

    fn unseal(&mut self, seal: &Seal) {
        let opened = self.sealed.as_ref().and_then(|sealed| seal.open(&self.bound(), sealed));
        if let Some(secret) = opened.and_then(|text| Secret::from_text(&text)) {
            secret.give(self);
            self.sealed = None;
        }
        self.closed = self.keychain.is_some() || self.sealed.is_some();
    }

    /// What its key is encrypted for: in the row of another destination, with another server, nothing decrypts it.
    fn bound(&self) -> String {
        format!("destination {} {}", self.id, self.address)
    }
}

/// Schemes are written small here; people paste them as they come.
fn with_plain_scheme(address: &str) -> String {
    match address.split_once("://") {
        Some((scheme, rest)) => format!("{}://{rest}", scheme.to_ascii_lowercase()),
        None => address.to_owned(),
    }
}

/// `%XX` to bytes; what is no such escape stays as it is.
fn unescaped(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let escape = digits.filter(|_| byte == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escape.unwrap_or(byte));
        rest = if escape.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The origin inside the app; the window has its own words for it.
pub(crate) const THIS_COMPUTER: &str = "This computer";
/// Beside `settings.json`, mode 0600.
pub(crate) const FILE: &str = "destinations.json";
/// As long as a row of the window shows.
const NAME_CHARS_MAX: usize = 40;

#[cfg(test)]
#[path = "destination_tests.rs"]
mod tests;
