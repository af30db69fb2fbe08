//! What the parts of a running origin share.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::PasswordHasher as _;
use rooms::{Name, Slug};
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::unix_ms;
use crate::config::Config;
use crate::ingest::{Places, Tickets};
use crate::origin::Addresses;
use crate::people::People;
use crate::recordings::Recordings;
use crate::secret::{self, Digest};
use crate::store::{Account, NewAccount, NewRoom, RoomRecord, Store, StoreError};
use crate::streams::Streams;
use crate::transcode::Plan;

/// Shared by every task of one origin.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) streams: Streams,
    pub(crate) people: People,
    pub(crate) recordings: Arc<Recordings>,
    /// What is bound, for the URLs that are shown.
    pub(crate) addresses: Addresses,
    /// The token in `run.json`.
    pub(crate) run_token: Digest,
    /// Places for requests that wait for media.
    pub(crate) blocked: Arc<Semaphore>,
    /// Publishers over WebSocket.
    pub(crate) websocket_places: Places,
    /// What lets a browser's WebSocket in that showed its key before.
    pub(crate) tickets: Tickets,
    /// Password hashes at a time; each takes 19 MiB.
    hashing: Arc<Semaphore>,
    pub(crate) shutdown: CancellationToken,
    /// The tasks of upgraded connections.
    pub(crate) sockets: TaskTracker,
}

/// A room and the key that was just made for it: the only time that the key is shown.
#[derive(Clone, Debug)]
pub(crate) struct RoomWithKey {
    pub(crate) room: RoomRecord,
    pub(crate) stream_key: String,
}

/// Why an account was not made.
#[derive(Debug, Error)]
pub(crate) enum AccountError {
    #[error("{0}")]
    Name(#[from] rooms::NameError),
    #[error("the password has fewer than {PASSWORD_CHARS_MIN} characters")]
    PasswordTooShort,
    #[error("the password has more than {PASSWORD_BYTES_MAX} bytes")]
    PasswordTooLong,
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("the password could not be hashed")]
    Hash,
}

impl Shared {
    pub(crate) fn new(config: Config, store: Store, addresses: Addresses, run_token: Digest) -> Arc<Shared> {
        let shutdown = CancellationToken::new();
        let recordings = Recordings::new(store.clone(), &config.data, config.recording);
        Arc::new(Shared {
            streams: Streams::new(config.packager())
                .recorded_by(Arc::clone(&recordings))
                .transcoded_by(Plan::new(&config.transcode)),
            recordings,
            people: People::new(),
            blocked: Arc::new(Semaphore::new(config.limits.blocked_requests)),
            websocket_places: Places::new(
                config.limits.websocket_publishers,
                config.limits.websocket_publishers_per_address,
            ),
            tickets: Tickets::default(),
            hashing: Arc::new(Semaphore::new(HASHES_AT_A_TIME)),
            config,
            store,
            addresses,
            run_token,
            shutdown,
            sockets: TaskTracker::new(),
        })
    }

    /// Gives a room another key and ends a publisher that used the old one.
    pub(crate) async fn rotate_key(&self, slug: Slug) -> Result<RoomWithKey, StoreError> {
        let made = rotate_key(&self.store, slug).await?;
        if let Some(stream) = self.streams.get(&made.room.slug) {
            stream.require_key(Digest::of(&made.stream_key));
        }
        Ok(made)
    }

    /// Makes an administrator and tells open rooms that they have an owner now.
    pub(crate) async fn create_admin(&self, name: &str, password: String) -> Result<Account, AccountError> {
        let place = Arc::clone(&self.hashing).acquire_owned().await.map_err(|_| AccountError::Hash)?;
        let account = create_admin(&self.store, name, password).await?;
        drop(place);
        self.people.describe_again(&self.store).await?;
        Ok(account)
    }
}

/// Makes a room with a new key.
pub(crate) async fn create_room(store: &Store, new: NewRoom) -> Result<RoomWithKey, StoreError> {
    let stream_key = secret::random();
    let room = store.create_room(new, stream_key.clone(), unix_ms()).await?;
    Ok(RoomWithKey { room, stream_key })
}

/// Gives a room another key.
pub(crate) async fn rotate_key(store: &Store, slug: Slug) -> Result<RoomWithKey, StoreError> {
    let stream_key = secret::random();
    let room = store.rotate_key(slug, stream_key.clone()).await?;
    Ok(RoomWithKey { room, stream_key })
}

/// Makes an administrator; the password is hashed off the async threads.
pub(crate) async fn create_admin(
    store: &Store,
    name: &str,
    password: String,
) -> Result<Account, AccountError> {
    let name = Name::account(name)?;
    if password.chars().count() < PASSWORD_CHARS_MIN {
        return Err(AccountError::PasswordTooShort);
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(AccountError::PasswordTooLong);
    }
    let hash = tokio::task::spawn_blocking(move || {
        Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string())
    });
    let password = hash.await.map_err(|_| AccountError::Hash)?.map_err(|_| AccountError::Hash)?;
    let new = NewAccount { name, password: Some(password), admin: true, local: false };
    Ok(store.create_account(new, unix_ms()).await?)
}

/// A title for people: trimmed, without controls, at most [`TITLE_CHARS_MAX`] code points; the slug when
/// nothing is left.
pub(crate) fn title(raw: Option<&str>, slug: &Slug) -> String {
    let title: String = raw.unwrap_or_default().chars().filter(|character| !character.is_control()).collect();
    let title: String = title.trim().chars().take(TITLE_CHARS_MAX).collect();
    if title.is_empty() { slug.to_string() } else { title }
}

/// Code points of a room's title at most.
const TITLE_CHARS_MAX: usize = 100;
/// NIST SP 800-63B §3.1.1.2 asks for eight at least.
const PASSWORD_CHARS_MIN: usize = 8;
/// Longer ones are no safer and cost hashing time.
const PASSWORD_BYTES_MAX: usize = 1_024;
const HASHES_AT_A_TIME: usize = 2;
