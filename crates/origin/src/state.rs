//! What the parts of a running origin share.

use std::sync::Arc;

use rooms::{Gift, Slug};
use tokio::sync::{Mutex, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accounts::{self, AccountError, Accounts};
use crate::callers::Callers;
use crate::clock::unix_ms;
use crate::config::Config;
use crate::doors::Doors;
use crate::gates::Gates;
use crate::health::Health;
use crate::ingest::{Places, Tickets, WrongKeys};
use crate::memory_file::Files;
use crate::origin::Addresses;
use crate::people::People;
use crate::recordings::Recordings;
use crate::room_picture::Pictures;
use crate::secret::{self, Digest};
use crate::store::{Account, NewRoom, Role, RoomRecord, Store, StoreError};
use crate::streams::Streams;
use crate::transcode::Plan;
use crate::uploads::Uploads;

/// Shared by every task of one origin.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) streams: Streams,
    pub(crate) people: People,
    pub(crate) accounts: Accounts,
    pub(crate) gates: Gates,
    /// Held while gates and doors are read anew, so that of two who do so nobody puts back what the other has read later.
    refreshing: Mutex<()>,
    /// What can be given, as every room knows it.
    pub(crate) gifts: watch::Sender<Vec<Gift>>,
    pub(crate) doors: Doors,
    pub(crate) callers: Callers,
    pub(crate) pictures: Pictures,
    pub(crate) health: Health,
    pub(crate) recordings: Arc<Recordings>,
    pub(crate) uploads: Arc<Uploads>,
    /// What is bound, for the URLs that are shown.
    pub(crate) addresses: Addresses,
    /// The token in `run.json`.
    pub(crate) run_token: Digest,
    /// Places for requests that wait for media.
    pub(crate) blocked: Arc<Semaphore>,
    /// What is sent to viewers without a copy.
    pub(crate) files: Arc<Files>,
    /// Publishers over WebSocket.
    pub(crate) websocket_places: Places,
    /// What lets a browser's WebSocket in that showed its key before.
    pub(crate) tickets: Tickets,
    /// Who showed wrong stream keys, in any protocol.
    pub(crate) wrong_keys: Arc<WrongKeys>,
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

impl Shared {
    pub(crate) fn new(config: Config, store: Store, addresses: Addresses, run_token: Digest) -> Arc<Shared> {
        let shutdown = CancellationToken::new();
        let recordings = Recordings::new(store.clone(), &config.data, config.recording);
        Arc::new(Shared {
            streams: Streams::new(config.packager())
                .recorded_by(Arc::clone(&recordings))
                .transcoded_by(Plan::new(&config.transcode)),
            recordings,
            uploads: Uploads::new(store.clone(), &config.data, config.uploads, shutdown.clone()),
            people: People::new(),
            accounts: Accounts::new(config.accounts.registration, &config.mail),
            gates: Gates::default(),
            refreshing: Mutex::default(),
            gifts: watch::Sender::default(),
            doors: Doors::default(),
            callers: Callers::default(),
            pictures: Pictures::new(),
            health: Health::default(),
            blocked: Arc::new(Semaphore::new(config.limits.blocked_requests)),
            files: Arc::default(),
            websocket_places: Places::new(
                config.limits.websocket_publishers,
                config.limits.websocket_publishers_per_address,
            ),
            tickets: Tickets::default(),
            wrong_keys: Arc::default(),
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

    /// Makes an account as an administrator asks for it. Rooms without an owner become the first admin's, which open
    /// ones are told.
    pub(crate) async fn create_account(
        &self,
        name: &str,
        password: String,
        role: Role,
    ) -> Result<Account, AccountError> {
        let account = accounts::create(&self.store, &self.accounts.hashing, name, password, role).await?;
        self.people.describe_again(&self.store).await?;
        Ok(account)
    }

    /// Takes who may come into which room, and who may publish to it, as it is stored now.
    pub(crate) async fn refresh_gates(&self) -> Result<(), StoreError> {
        let _alone = self.refreshing.lock().await;
        self.gates.replace(self.store.locks().await?);
        self.doors.replace(self.store.doors().await?);
        Ok(())
    }

    /// Tells every room what can be given, as it is stored now.
    pub(crate) async fn refresh_gifts(&self) -> Result<(), StoreError> {
        self.gifts.send_replace(self.store.gifts().await?);
        Ok(())
    }

    /// Signs an account out: of one session, or of all. Connections that they opened end.
    pub(crate) async fn end_sessions(&self, account: i64, session: Option<i64>) -> Result<usize, StoreError> {
        let ended = self.store.end_sessions(account, session).await?;
        self.callers.hang_up_session(account, session);
        Ok(ended)
    }

    /// Removes an account: its sessions and tokens end, its messages are nobody's, its rooms the first admin's.
    pub(crate) async fn delete_account(&self, id: i64) -> Result<(), StoreError> {
        let heir = self.store.delete_account(id).await?;
        self.callers.hang_up(id);
        self.people.account_deleted(id).await;
        self.people.describe_again(&self.store).await?;
        tracing::info!(account = id, ?heir, "account removed");
        Ok(())
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

/// A title for people: trimmed, without controls and marks that turn the text around, cut to [`TITLE_CHARS_MAX`] code
/// points; the slug when nothing is left.
pub(crate) fn title(raw: Option<&str>, slug: &Slug) -> String {
    let title: String = raw.unwrap_or_default().chars().filter_map(::rooms::visible).collect();
    let title: String = title.trim().chars().take(TITLE_CHARS_MAX).collect();
    if title.is_empty() { slug.to_string() } else { title }
}

/// Code points of a room's title at most.
pub(crate) const TITLE_CHARS_MAX: usize = 100;
