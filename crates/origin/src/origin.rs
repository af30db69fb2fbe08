//! The composition root: opens, binds, runs, stops.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rooms::{Name, Slug};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::unix_ms;
use crate::config::{Config, ConfigError};
use crate::data_folder::{Folder, FolderError, RunFile};
use crate::ingest::SrtServer;
use crate::secret::{self, Digest};
use crate::state::{self, Shared};
use crate::store::{Account, NewRoom, NewToken, Recording, RoomRecord, Scope, Store, StoreError};
use crate::streams::SWEEP_INTERVAL;
use crate::threads::Threads;
use crate::tls::{OwnCertificate, Tls, TlsError};
use crate::{archive, health, http, ingest, uploads, webhooks};

/// An origin with its data folder locked and its addresses bound. [`Origin::run`] serves them.
#[derive(Debug)]
pub struct Origin {
    shared: Arc<Shared>,
    folder: Folder,
    http: TcpListener,
    rtmp: TcpListener,
    secure: Option<Secure>,
    /// Recordings that the origin before this one did not finish.
    unfinished: Vec<Recording>,
    srt: SrtServer,
    publishers: Threads,
    players: Threads,
    addresses: Addresses,
}

/// What listens over TLS, and with which certificate.
#[derive(Debug)]
struct Secure {
    tls: Tls,
    https: Option<TcpListener>,
    rtmps: Option<TcpListener>,
}

/// Where an origin listens; ports are the real ones, also where 0 was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Pages, API, playback, chat.
    pub http: SocketAddr,
    /// Ingest.
    pub rtmp: SocketAddr,
    /// The same as `http` over TLS, when it is asked for.
    pub https: Option<SocketAddr>,
    /// The same as `rtmp` over TLS, when it is asked for.
    pub rtmps: Option<SocketAddr>,
    /// Ingest over UDP.
    pub srt: SocketAddr,
}

/// The owner of the app that an origin runs in.
#[derive(Clone)]
pub struct LocalOwner {
    /// The account's name.
    pub name: String,
    /// The room's name in URLs.
    pub room: Slug,
    /// The room's name for people.
    pub title: String,
    /// The room's stream key: the one the caller had when that is still good, else a new one.
    pub stream_key: String,
    /// A bearer token for the API and the chat. The one of the last call is no longer good.
    pub token: String,
}

/// Why an origin did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The settings are out of range.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// An address is taken.
    #[error(
        "{protocol} address {address} is in use: stop the other program, or choose another address with --{protocol}"
    )]
    AddressInUse {
        /// "http", "https", "rtmp", "rtmps" or "srt".
        protocol: &'static str,
        /// The address.
        address: SocketAddr,
    },
    /// An address cannot be bound.
    #[error("{protocol} address {address}: {source}; choose another with --{protocol}")]
    Bind {
        /// "http", "https", "rtmp", "rtmps" or "srt".
        protocol: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// SRT cannot listen.
    #[error("{0}; choose another with --srt")]
    Srt(srt::Error),
    /// The system gives no threads.
    #[error("the system starts no thread for it: {0}")]
    Threads(std::io::Error),
}

impl Origin {
    /// Locks the data folder, opens the store, binds the addresses and writes `run.json`.
    ///
    /// # Errors
    /// [`StartError`], in words that say what to do.
    pub async fn start(config: Config) -> Result<Origin, StartError> {
        config.check()?;
        let folder = Folder::lock(&config.data)?;
        let store = Store::open(&folder.database())?;
        let http = bind("http", config.http).await?;
        let rtmp = bind("rtmp", config.rtmp).await?;
        let srt = SrtServer::bind(&config, &store, folder.srt_passphrase()?).map_err(srt_problem)?;
        let publishers = Threads::start("publishers").map_err(StartError::Threads)?;
        let players = Threads::start("players").map_err(StartError::Threads)?;
        let unfinished = store.unfinished_recordings().await?;
        let broken = store.end_broken_broadcasts().await?;
        if broken > 0 {
            tracing::warn!(broadcasts = broken, "the last run was cut off on air: those broadcasts are over");
        }
        let secure = Secure::start(&config, &folder).await?;
        let (https, rtmps) = match &secure {
            Some(secure) => (secure.https.as_ref(), secure.rtmps.as_ref()),
            None => (None, None),
        };
        let bound = |protocol, listener: &TcpListener| {
            let address = SocketAddr::from(([0, 0, 0, 0], 0));
            listener.local_addr().map_err(|source| StartError::Bind { protocol, address, source })
        };
        let addresses = Addresses {
            http: bound("http", &http)?,
            rtmp: bound("rtmp", &rtmp)?,
            srt: srt.address(),
            https: https.map(|listener| bound("https", listener)).transpose()?,
            rtmps: rtmps.map(|listener| bound("rtmps", listener)).transpose()?,
        };
        let token = secret::random();
        let shared = Shared::new(config, store, addresses, Digest::of(&token));
        shared.refresh_gates().await?;
        shared.refresh_gifts().await?;
        let pid = std::process::id();
        folder.write_run(&RunFile {
            pid,
            http: addresses.http,
            rtmp: addresses.rtmp,
            srt: addresses.srt,
            https: addresses.https,
            rtmps: addresses.rtmps,
            token,
        })?;
        Ok(Origin { shared, folder, http, rtmp, srt, secure, unfinished, publishers, players, addresses })
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The certificate that it made for itself, when it serves TLS with that.
    pub(crate) fn own_certificate(&self) -> Option<OwnCertificate> {
        self.secure.as_ref()?.tls.own_certificate()
    }

    /// Whether anybody may administer it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_admin(&self) -> Result<bool, StoreError> {
        self.shared.store.has_admin().await
    }

    /// The address of the page that makes the first administrator, once; `None` when there is one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_up_link(&self) -> Result<Option<String>, StoreError> {
        if self.has_admin().await? {
            return Ok(None);
        }
        let code = self.shared.accounts.links.open_set_up();
        // Behind the `#`, so that no log of a proxy holds it.
        Ok(Some(format!("http://{}/setup#{code}", http::shown(self.addresses.http))))
    }

    /// Makes sure of an admin without a password who acts only through the app, and of their room.
    ///
    /// `name` is taken the first time; `stream_key` is what the caller kept from an earlier call.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ensure_local_owner(
        &self,
        name: &str,
        stream_key: Option<&str>,
    ) -> Result<LocalOwner, StoreError> {
        let store = &self.shared.store;
        let account = store.ensure_local_account(account_name(name), unix_ms()).await?;
        self.shared.people.describe_again(store).await?;
        let (room, stream_key) = match store.first_room_of(account.id).await? {
            None => self.make_local_room(name, &account).await?,
            Some(room) => {
                let kept = stream_key.map(|key| (key.to_owned(), Digest::of(key)));
                let good = match &kept {
                    Some((_, digest)) => store.room_of_key(*digest).await?.is_some_and(|of| of.id == room.id),
                    None => false,
                };
                match kept {
                    Some((key, _)) if good => (room, key),
                    _ => {
                        let made = self.shared.rotate_key(room.slug).await?;
                        (made.room, made.stream_key)
                    }
                }
            }
        };
        let token = secret::random();
        let new = NewToken {
            digest: Digest::of(&token),
            account: account.id,
            label: LOCAL_TOKEN.to_owned(),
            scopes: Scope::ALL.to_vec(),
        };
        store.replace_token(new, unix_ms()).await?;
        Ok(LocalOwner { name: account.name, room: room.slug, title: room.title, stream_key, token })
    }

    /// Serves until `shutdown`, then lets go of connections, rooms and files within five seconds.
    pub async fn run(self, shutdown: CancellationToken) {
        let Origin { shared, folder, http, rtmp, srt, secure, unfinished, publishers, players, .. } = self;
        let (publishers, players) = (Arc::new(publishers), Arc::new(players));
        let stop = shared.shutdown.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(http::serve(http, None, Arc::clone(&players), Arc::clone(&shared), stop.clone()));
        tasks.spawn(ingest::serve(rtmp, None, Arc::clone(&publishers), Arc::clone(&shared), stop.clone()));
        tasks.spawn(srt.serve(Arc::clone(&shared), stop.clone()));
        if let Some(secure) = secure {
            secure.spawn(&mut tasks, [&publishers, &players], &shared, &stop);
        }
        tasks.spawn(sweep(Arc::clone(&shared), stop.clone()));
        tasks.spawn(archive::serve(Arc::clone(&shared), stop.clone()));
        tasks.spawn(health::serve(Arc::clone(&shared), stop.clone()));
        tasks.spawn(uploads::serve(Arc::clone(&shared)));
        tasks.spawn(webhooks::serve(Arc::clone(&shared)));
        tasks.spawn(letters(Arc::clone(&shared)));
        let (pictured, stopped) = (Arc::clone(&shared), stop.clone());
        tasks.spawn(async move { pictured.streams.picture(stopped).await });
        let (recordings, stopped) = (Arc::clone(&shared.recordings), stop.clone());
        tasks.spawn(async move {
            recordings.recover(unfinished).await;
            recordings.sweep(stopped).await;
        });
        tokio::select! {
            () = shutdown.cancelled() => {}
            Some(ended) = tasks.join_next() => {
                tracing::error!(?ended, "a part of the origin ended by itself; all of it stops");
            }
        }
        stop.cancel();
        shared.sockets.close();
        let all = async {
            while tasks.join_next().await.is_some() {}
            shared.sockets.wait().await;
            shared.uploads.ended().await;
            shared.people.ended().await;
            shared.streams.end();
            shared.recordings.ended().await;
        };
        if tokio::time::timeout(STOP_MAX, all).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        tasks.shutdown().await;
        // It waits for threads that have nothing left to do.
        drop((publishers, players));
        // The database before the lock: whoever gets the folder next finds the files closed.
        drop(shared);
        drop(folder);
    }

    async fn make_local_room(
        &self,
        name: &str,
        account: &Account,
    ) -> Result<(RoomRecord, String), StoreError> {
        let fallback = || "live".parse::<Slug>().expect("four letters are a slug");
        let wanted = Slug::nearest(name).unwrap_or_else(|_| fallback());
        for number in 1.. {
            let slug = if number == 1 { wanted.clone() } else { numbered(&wanted, number) };
            let title = state::title(Some(name), &slug);
            let new = NewRoom { slug, title, owner: Some(account.name.clone()), record: false };
            match state::create_room(&self.shared.store, new).await {
                Err(StoreError::Exists { .. }) => {}
                made => return made.map(|made| (made.room, made.stream_key)),
            }
        }
        unreachable!("one of the numbers is free")
    }
}

impl Secure {
    /// Binds what the settings ask for and loads the certificate; `None` when nothing is asked for.
    async fn start(config: &Config, folder: &Folder) -> Result<Option<Secure>, StartError> {
        if config.https.is_none() && config.rtmps.is_none() {
            return Ok(None);
        }
        let listen = async |protocol, address: Option<SocketAddr>| match address {
            Some(address) => bind(protocol, address).await.map(Some),
            None => Ok(None),
        };
        let https = listen("https", config.https).await?;
        let rtmps = listen("rtmps", config.rtmps).await?;
        let addresses: Vec<SocketAddr> = config.https.into_iter().chain(config.rtmps).collect();
        let tls = Tls::load(&config.tls, &folder.tls(), &addresses)?;
        Ok(Some(Secure { tls, https, rtmps }))
    }

    fn spawn(
        self,
        tasks: &mut JoinSet<()>,
        [publishers, players]: [&Arc<Threads>; 2],
        shared: &Arc<Shared>,
        stop: &CancellationToken,
    ) {
        let Secure { tls, https, rtmps } = self;
        if let Some(listener) = https {
            let acceptor = tls.acceptor(&[http::HTTP_2, b"http/1.1"]);
            tasks.spawn(http::serve(
                listener,
                Some(acceptor),
                Arc::clone(players),
                Arc::clone(shared),
                stop.clone(),
            ));
        }
        if let Some(listener) = rtmps {
            let acceptor = tls.acceptor(&[]);
            tasks.spawn(ingest::serve(
                listener,
                Some(acceptor),
                Arc::clone(publishers),
                Arc::clone(shared),
                stop.clone(),
            ));
        }
        tasks.spawn(tls.follow(stop.clone()));
    }
}

async fn bind(protocol: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => StartError::AddressInUse { protocol, address },
        _ => StartError::Bind { protocol, address, source },
    })
}

fn srt_problem(error: srt::Error) -> StartError {
    match error {
        srt::Error::AddressInUse(address) => StartError::AddressInUse { protocol: "srt", address },
        other => StartError::Srt(other),
    }
}

/// Sends letters, where there is a server for them.
async fn letters(shared: Arc<Shared>) {
    match shared.accounts.post() {
        Ok(post) => post.serve(shared.shutdown.clone()).await,
        Err(_) => shared.shutdown.cancelled().await,
    }
}

async fn sweep(shared: Arc<Shared>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => shared.streams.sweep(),
        }
    }
}

/// The nearest account name to what a person is called.
fn account_name(name: &str) -> Name {
    let allowed = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-');
    let joined: String = name.trim().chars().map(|c| if c.is_whitespace() { '-' } else { c }).collect();
    let kept: String = joined.chars().filter(|c| allowed(*c)).take(Name::CHARS_MAX).collect();
    Name::account(&kept)
        .unwrap_or_else(|_| Name::account("owner").expect("five letters are an account's name"))
}

fn numbered(slug: &Slug, number: u32) -> Slug {
    let suffix = format!("-{number}");
    let kept = &slug.as_str()[..slug.as_str().len().min(Slug::LEN_MAX - suffix.len())];
    format!("{kept}{suffix}").parse().expect("a shortened slug with digits is a slug")
}

const LOCAL_TOKEN: &str = "local app";
/// With the drain of HTTP in it, this keeps the promise of closed files after five seconds.
const STOP_MAX: Duration = Duration::from_secs(4);
