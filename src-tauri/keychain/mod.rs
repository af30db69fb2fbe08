//! Where the keys of destinations are: in the keychain of the desktop, or, where there is none or it is locked, encrypted in the
//! file of the destinations (see [`crate::seal`]), which only this user may read.
//!
//! A key leaves the file only after the keychain has given it back, and an item leaves the keychain only after the file
//! refers to it no more. So it is in one of the two at any moment, or in both.

mod app;
mod over_dbus;
#[cfg(test)]
mod tests;

use std::path::Path;

use serde::{Deserialize, Serialize};
use specta::Type;
use tracing::warn;

use crate::destination::Saved;
use crate::seal::Seal;
use crate::settings;
use crate::view::NoticeKind;

/// What opens another server.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Secret {
    key: String,
    passphrase: String,
}

impl Secret {
    pub(crate) fn of(saved: &Saved) -> Secret {
        Secret { key: saved.key.clone(), passphrase: saved.passphrase.clone() }
    }

    /// As it is encrypted or put into the keychain.
    pub(crate) fn text(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a secret is two strings")
    }

    /// `None` when it is not what this program writes.
    pub(crate) fn from_text(text: &[u8]) -> Option<Secret> {
        serde_json::from_slice(text).ok()
    }

    /// To the destination that it opens.
    pub(crate) fn give(self, saved: &mut Saved) {
        (saved.key, saved.passphrase, saved.closed) = (self.key, self.passphrase, false);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.key.is_empty() && self.passphrase.is_empty()
    }
}

/// The desktop's keychain, as it was found last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum KeychainState {
    /// Not looked for yet.
    #[default]
    Unknown,
    /// Takes keys and gives them.
    Open,
    /// The person has to unlock it.
    Locked,
    /// There is none that answers.
    Absent,
}

/// The keychain, as Settings show it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct KeychainView {
    /// How it was found.
    pub state: KeychainState,
    /// How many destinations have their keys in a file.
    pub in_file: u32,
    /// Whether they are encrypted there.
    pub encrypted: bool,
    /// Where what decrypts them is.
    pub key_file: String,
}

/// A secret that is to go into the keychain.
#[derive(Clone, PartialEq, Eq)]
struct Store {
    /// What it is found by.
    slot: String,
    /// The destination, now.
    id: u32,
    name: String,
    secret: Secret,
}

/// What the keychain is asked to do.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Work {
    store: Vec<Store>,
    read: Vec<String>,
    forget: Vec<String>,
    /// Whether the person may be asked for its password.
    unlock: bool,
}

/// What it did, by slots.
#[derive(Default)]
pub(crate) struct Outcome {
    state: KeychainState,
    /// What it was given, whether it took it or not.
    tried: Vec<String>,
    stored: Vec<String>,
    /// `None` where there is nothing of this program.
    read: Vec<(String, Option<Secret>)>,
    forgotten: Vec<String>,
}

/// What is known of the keychain, and what it does at the moment.
pub(crate) struct Keychain {
    /// For what it does not take.
    pub(crate) seal: Seal,
    /// Whether that can encrypt.
    encrypts: bool,
    state: KeychainState,
    /// Items that no destination refers to any more.
    forgotten: Vec<String>,
    /// What it does now.
    doing: Option<Work>,
    /// Ask again when that is done, and whether the person may be asked.
    next: Option<bool>,
    /// What the person was told.
    told: Option<NoticeKind>,
    told_lost: Option<NoticeKind>,
}

/// What an outcome changed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Taken {
    /// The file of the destinations is to be written.
    destinations: bool,
    /// Destinations have their keys that had none.
    opened: bool,
    /// The list of what is to go is to be written.
    forgotten: bool,
}

impl Keychain {
    /// As `folder` has it.
    pub(crate) fn load(folder: &Path, seal: Seal) -> Keychain {
        // Without the list, items are left behind that nobody refers to: no harm is done.
        let (forgotten, unusable): (Vec<String>, _) = settings::read(&folder.join(FILE));
        if let Some(unusable) = unusable {
            warn!(reason = unusable.reason, "which items of the keychain are to go is not known");
        }
        let encrypts = seal.works();
        Keychain {
            seal,
            encrypts,
            state: KeychainState::Unknown,
            forgotten,
            doing: None,
            next: None,
            told: None,
            told_lost: None,
        }
    }

    pub(crate) fn view(&self, destinations: &[Saved]) -> KeychainView {
        let in_file = destinations.iter().filter(|saved| is_in_file(saved)).count();
        KeychainView {
            state: self.state,
            in_file: u32::try_from(in_file).unwrap_or(u32::MAX),
            encrypted: self.encrypts,
            key_file: self.seal.place(),
        }
    }

    /// Nothing refers to an item any more, and the file says so.
    fn forget(&mut self, folder: &Path, slot: String) {
        self.forgotten.push(slot);
        let excess = self.forgotten.len().saturating_sub(FORGOTTEN_MAX);
        self.forgotten.drain(..excess);
        self.keep(folder);
    }

    fn keep(&self, folder: &Path) {
        let content = serde_json::to_vec(&self.forgotten).expect("a list of strings");
        if let Err(error) = settings::replace(&folder.join(FILE), &content, 0o600) {
            warn!(%error, "which items of the keychain are to go is not kept");
        }
    }

    /// What there is to do for these destinations.
    fn due(&self, destinations: &[Saved], unlock: bool) -> Work {
        let store = destinations.iter().filter(|saved| is_in_file(saved)).map(|saved| Store {
            slot: format!("{:032x}", rand::random::<u128>()),
            id: saved.id,
            name: saved.name.clone(),
            secret: Secret::of(saved),
        });
        let closed = destinations.iter().filter(|saved| saved.closed);
        Work {
            store: store.collect(),
            read: closed.filter_map(|saved| saved.keychain.clone()).collect(),
            forget: self.forgotten.clone(),
            unlock,
        }
    }

    /// Takes what came of the work that was begun last.
    fn take(&mut self, destinations: &mut [Saved], outcome: Outcome) -> Taken {
        let before = self.forgotten.clone();
        let mut taken = Taken::default();
        self.state = outcome.state;
        self.forgotten.retain(|slot| !outcome.forgotten.contains(slot));
        for Store { slot, id, secret, .. } in self.doing.take().unwrap_or_default().store {
            let same =
                |saved: &&mut Saved| saved.id == id && is_in_file(saved) && Secret::of(saved) == secret;
            match destinations.iter_mut().find(same).filter(|_| outcome.stored.contains(&slot)) {
                Some(saved) => {
                    saved.keychain = Some(slot);
                    taken.destinations = true;
                }
                // Changed meanwhile; or it was not answered whether it was taken.
                None if outcome.tried.contains(&slot) => self.forgotten.push(slot),
                None => {}
            }
        }
        for (slot, secret) in outcome.read {
            let found = destinations.iter_mut().find(|saved| saved.keychain.as_ref() == Some(&slot));
            if let (Some(saved), Some(secret)) = (found, secret) {
                secret.give(saved);
                taken.opened = true;
            }
        }
        taken.forgotten = self.forgotten != before;
        taken
    }

    /// What the person has to know: keys that the keychain does not give.
    fn notice(&self, destinations: &[Saved]) -> Option<NoticeKind> {
        let names = names(destinations, |saved| saved.closed && !saved.is_lost())?;
        Some(NoticeKind::KeysClosed { state: self.state, names })
    }

    /// What the person has to do: enter keys again that nothing decrypts any more.
    fn notice_of_lost(&self, destinations: &[Saved]) -> Option<NoticeKind> {
        Some(NoticeKind::KeysLost { names: names(destinations, Saved::is_lost)? })
    }
}

/// Those of them, by name; `None` when there are none.
fn names(destinations: &[Saved], which: impl Fn(&Saved) -> bool) -> Option<String> {
    let names: Vec<&str> =
        destinations.iter().filter(|saved| which(saved)).map(|saved| saved.name.as_str()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Whether it has something secret that no keychain has.
fn is_in_file(saved: &Saved) -> bool {
    saved.keychain.is_none() && !Secret::of(saved).is_empty()
}

/// Beside `destinations.json`: items that are to go, by their slots.
const FILE: &str = "keychain.json";
/// More destinations than anybody removes while the keychain is locked. Full: the oldest stays in the keychain.
const FORGOTTEN_MAX: usize = 64;
