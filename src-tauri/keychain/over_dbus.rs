//! The keychain of the desktop: the Secret Service over D-Bus, which GNOME's, KDE's and others' keychains speak.

use std::collections::HashMap;
use std::time::Duration;

use secret_service::{Collection, EncryptionType, Error, Item, SecretService};
use tracing::{info, warn};

use super::{KeychainState, Outcome, Secret, Work};

/// Does what can be done of `work`. Only with [`Work::unlock`] may the desktop ask the person something.
pub(super) async fn carry_out(work: Work) -> Outcome {
    let mut outcome = Outcome::default();
    let limit = if work.unlock { PERSON } else { PROGRAM };
    let state = match tokio::time::timeout(limit, attempt(&work, &mut outcome)).await {
        Ok(Ok(state)) => state,
        Ok(Err(Error::Locked | Error::Prompt | Error::PromptDisconnected)) => KeychainState::Locked,
        Ok(Err(error)) => {
            info!(%error, "no keychain");
            KeychainState::Absent
        }
        Err(_) => {
            warn!(?limit, "the keychain does not answer");
            KeychainState::Absent
        }
    };
    Outcome { state, ..outcome }
}

async fn attempt(work: &Work, outcome: &mut Outcome) -> Result<KeychainState, Error> {
    let service = SecretService::connect(EncryptionType::Dh).await?;
    let collection = match service.get_default_collection().await {
        Ok(collection) => Some(collection),
        // A keychain that nobody has set up; what is in another one of it can be read all the same.
        Err(Error::NoResult) => None,
        Err(error) => return Err(error),
    };
    if let Some(collection) = &collection
        && work.unlock
        && collection.is_locked().await?
    {
        collection.unlock().await?;
    }
    let mut locked = false;
    for slot in &work.read {
        match find(&service, slot).await? {
            Found::Item(item) => outcome.read.push((slot.clone(), secret_of(&item).await?)),
            Found::Locked(item) if work.unlock => {
                item.unlock().await?;
                outcome.read.push((slot.clone(), secret_of(&item).await?));
            }
            Found::Locked(_) => locked = true,
            Found::Nothing => outcome.read.push((slot.clone(), None)),
        }
    }
    let open = match &collection {
        Some(collection) => !collection.is_locked().await?,
        None => false,
    };
    if let Some(collection) = collection.as_ref().filter(|_| open) {
        for stored in &work.store {
            outcome.tried.push(stored.slot.clone());
            store(collection, &stored.slot, &stored.name, &stored.secret).await?;
            outcome.stored.push(stored.slot.clone());
        }
    }
    for slot in &work.forget {
        match find(&service, slot).await? {
            Found::Item(item) => item.delete().await?,
            Found::Locked(_) => continue,
            Found::Nothing => {}
        }
        outcome.forgotten.push(slot.clone());
    }
    Ok(match (&collection, open && !locked) {
        (None, _) if !locked => KeychainState::Absent,
        (_, true) => KeychainState::Open,
        _ => KeychainState::Locked,
    })
}

/// Puts a secret into the keychain, and makes sure that it comes out again: the file forgets it then.
async fn store(collection: &Collection<'_>, slot: &str, name: &str, secret: &Secret) -> Result<(), Error> {
    let text = secret.text();
    let label = format!("Rostrum: {name}");
    let item = collection.create_item(&label, attributes(slot), &text, true, "text/plain").await?;
    match item.get_secret().await? == text {
        true => Ok(()),
        false => Err(Error::Crypto("the keychain gives back something else than it was given")),
    }
}

/// `None` when it is not what this program writes.
async fn secret_of(item: &Item<'_>) -> Result<Option<Secret>, Error> {
    Ok(Secret::from_text(&item.get_secret().await?))
}

enum Found<'a> {
    Item(Item<'a>),
    Locked(Item<'a>),
    Nothing,
}

async fn find<'a>(service: &'a SecretService<'_>, slot: &str) -> Result<Found<'a>, Error> {
    let mut found = service.search_items(attributes(slot)).await?;
    Ok(match (found.unlocked.pop(), found.locked.pop()) {
        (Some(item), _) => Found::Item(item),
        (None, Some(item)) => Found::Locked(item),
        (None, None) => Found::Nothing,
    })
}

fn attributes(slot: &str) -> HashMap<&str, &str> {
    HashMap::from([("xdg:schema", SCHEMA), ("destination", slot)])
}

/// What the items are called among those of other programs.
const SCHEMA: &str = "org.rostrum.Destination";
/// A keychain that nobody is asked about answers in milliseconds; it may have to be started first.
const PROGRAM: Duration = Duration::from_secs(10);
/// The person looks for the password of the keychain.
const PERSON: Duration = Duration::from_secs(180);
