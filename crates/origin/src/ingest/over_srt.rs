//! SRT in: one listener that answers by stream id, and one task a publisher.
//!
//! A caller is answered on libsrt's own thread, which receives for all publishers meanwhile. So the answer
//! looks only into memory: the digests of the keys there are. Once a caller is in, its task asks the store,
//! whose word is the last.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use bytes::BytesMut;
use container::mpegts::{self, Demuxer};
use srt::{Admission, Connection, Listener, ListenerOptions, Passphrase, Reason, Request};
use thiserror::Error;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::intake::{FIRST_MEDIA_MAX, Intake, Stop};
use super::stream_id::stream_key;
use super::wrong_keys::WrongKeys;
use super::{ACCEPT_PAUSE, Places, report};
use crate::config::Config;
use crate::facts::{Protocol, SrtFacts, WarningKind};
use crate::secret::Digest;
use crate::state::Shared;
use crate::store::{Store, StoreError};
use crate::streams::Refusal;

/// A bound listener with its rules.
#[derive(Debug)]
pub(crate) struct Server {
    listener: Listener,
    gate: Arc<Gate>,
}

/// Who is let in.
#[derive(Debug)]
struct Gate {
    store: Store,
    places: Places,
    /// Everybody has to know it when it is set.
    passphrase: Option<Passphrase>,
    /// There once the origin runs; until then wrong keys are refused and not counted.
    running: OnceLock<Running>,
}

/// What of a running origin tells who is let in.
#[derive(Debug)]
struct Running {
    wrong_keys: Arc<WrongKeys>,
    shared: Weak<Shared>,
}

/// How a publisher's session ended.
#[derive(Debug, Error)]
enum End {
    #[error("the publisher finished")]
    Finished,
    #[error("the connection was lost")]
    Lost,
    #[error("{0}")]
    Connection(srt::Error),
    #[error("unknown stream key")]
    Refused,
    #[error("{0}")]
    NotAdmitted(#[from] Refusal),
    #[error("{0}")]
    Stopped(#[from] Stop),
    #[error("{0}")]
    Stream(#[from] mpegts::Error),
    #[error("the media cannot be packaged: {0}")]
    Media(#[from] hls::Error),
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
}

impl Server {
    /// Binds the address of the settings.
    ///
    /// # Errors
    /// What crate `srt` says.
    pub(crate) fn bind(
        config: &Config,
        store: &Store,
        passphrase: Option<Passphrase>,
    ) -> Result<Server, srt::Error> {
        let limits = config.limits;
        let places = Places::new(limits.srt_connections, limits.srt_connections_per_address);
        let gate = Arc::new(Gate { store: store.clone(), places, passphrase, running: OnceLock::new() });
        let latency = Duration::from_millis(u64::from(config.srt_latency_ms));
        let options = ListenerOptions { latency, silence: LIBRARY_SILENCE };
        let answer = {
            let gate = Arc::clone(&gate);
            move |request: Request<'_>| gate.answer(&request)
        };
        Ok(Server { listener: Listener::bind(config.srt, options, answer)?, gate })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_address()
    }

    /// Accepts publishers until `shutdown`, then waits for their tasks.
    pub(crate) async fn serve(self, shared: Arc<Shared>, shutdown: CancellationToken) {
        let mut publishers = JoinSet::new();
        self.gate.running.get_or_init(|| Running {
            wrong_keys: Arc::clone(&shared.wrong_keys),
            shared: Arc::downgrade(&shared),
        });
        loop {
            let accepted = tokio::select! {
                () = shutdown.cancelled() => break,
                accepted = self.listener.accept() => accepted,
                Some(ended) = publishers.join_next() => {
                    report(ended);
                    continue;
                }
            };
            match accepted {
                Ok(connection) => {
                    let Some(place) = self.gate.places.take(connection.peer()) else {
                        tracing::warn!(peer = %connection.peer(), "too many SRT connections");
                        continue;
                    };
                    let shared = Arc::clone(&shared);
                    publishers.spawn(async move {
                        serve(&connection, &shared).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "SRT accept");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        while let Some(ended) = publishers.join_next().await {
            report(ended);
        }
    }
}

impl Gate {
    /// Answers a caller at once.
    fn answer(&self, request: &Request<'_>) -> Admission {
        let refuse = |reason: Reason| {
            tracing::info!(peer = %request.peer, %reason, "SRT caller refused");
            Admission::Refuse(reason)
        };
        let key = match stream_key(request.stream_id) {
            Ok(key) => key,
            Err(reason) => return refuse(reason),
        };
        let (address, key) = (request.peer.ip(), Digest::of(key));
        let wrong_keys = self.running.get().map(|running| &running.wrong_keys);
        if wrong_keys.is_some_and(|wrong_keys| wrong_keys.check(address).is_err()) {
            return refuse(Reason::OVERLOAD);
        }
        let Some(slug) = self.store.slug_of_key(key) else {
            if let Some(wrong_keys) = wrong_keys {
                wrong_keys.note(address, key);
            }
            return refuse(Reason::UNAUTHORIZED);
        };
        if let Some(reason) = self.closed(&slug) {
            return refuse(reason);
        }
        if !self.places.has_room(request.peer) {
            return refuse(Reason::OVERLOAD);
        }
        match &self.passphrase {
            Some(passphrase) => Admission::AdmitWith(passphrase.clone()),
            None => Admission::Admit,
        }
    }

    /// Why nobody may publish to the room now, although the key is right; its task asks again.
    fn closed(&self, slug: &rooms::Slug) -> Option<Reason> {
        let shared = self.running.get()?.shared.upgrade()?;
        let door = shared.doors.get(slug);
        if door.archived {
            return Some(Reason::FORBIDDEN);
        }
        shared.streams.get(slug)?.check(door).err().map(|_| Reason::CONFLICT)
    }
}

/// Serves one connection to its end.
async fn serve(connection: &Connection, shared: &Shared) {
    let peer = connection.peer();
    match admit(connection, shared).await {
        Ok((room, intake)) => {
            tracing::info!(%peer, %room, "publisher admitted");
            let mut session = Session { connection, intake, demuxer: Demuxer::new() };
            let end = session.publish().await;
            tracing::info!(%peer, %room, %end, "publisher gone");
            if let Some(stream) = shared.streams.get(&room) {
                stream.note_problem(end.problem());
            }
            if matches!(end, End::Finished) {
                session.intake.finish();
            }
        }
        Err(end) => tracing::info!(%peer, %end, "publisher not admitted"),
    }
}

async fn admit(connection: &Connection, shared: &Shared) -> Result<(rooms::Slug, Intake), End> {
    let stream_id = connection.stream_id().map_err(End::Connection)?;
    let digest = Digest::of(stream_key(&stream_id).map_err(|_| End::Refused)?);
    let room = shared.store.room_of_key(digest).await?.ok_or(End::Refused)?;
    let intake = Intake::open(shared, &room, digest, Protocol::Srt).await?;
    Ok((room.slug, intake))
}

struct Session<'a> {
    connection: &'a Connection,
    intake: Intake,
    demuxer: Demuxer,
}

impl Session<'_> {
    /// From the admission to the end.
    async fn publish(&mut self) -> End {
        let mut buffer = BytesMut::with_capacity(READ_BYTES);
        let mut measured = Instant::now();
        // A caller may connect before its encoder runs.
        let mut silence_max = FIRST_MEDIA_MAX;
        self.measure();
        loop {
            buffer.clear();
            let read = timeout(silence_max, self.connection.read(&mut buffer));
            let taken = match self.intake.attend(read).await {
                Err(stop) => return End::Stopped(stop),
                Ok(Err(_)) => return self.complete(End::Lost),
                Ok(Ok(Err(srt::Error::Closed))) => return self.complete(End::Finished),
                Ok(Ok(Err(error))) => return End::Connection(error),
                Ok(Ok(Ok(_))) => self.take(&buffer),
            };
            if let Err(end) = taken {
                return end;
            }
            silence_max = SILENCE_MAX;
            if measured.elapsed() >= MEASURE_INTERVAL {
                measured = Instant::now();
                self.measure();
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), End> {
        self.demuxer.push(bytes)?;
        self.drain()
    }

    fn drain(&mut self) -> Result<(), End> {
        while let Some(event) = self.demuxer.poll() {
            self.intake.push(event)?;
            self.intake.heard();
        }
        Ok(())
    }

    /// Packages what only the end completes.
    fn complete(&mut self, end: End) -> End {
        self.demuxer.finish();
        self.drain().err().unwrap_or(end)
    }

    /// Notes how the connection does, and what the stream's publisher should know.
    fn measure(&self) {
        if let Ok(statistics) = self.connection.statistics() {
            self.intake.note_srt(SrtFacts::of(&statistics, self.connection.is_encrypted()));
        }
        self.intake.set_dropped(self.demuxer.counters().dropped_video());
        for warning in self.demuxer.warnings() {
            self.intake.warn(WarningKind::Mpegts(std::mem::discriminant(&warning)), warning.to_string());
        }
    }
}

impl End {
    /// What the publisher did wrong, in words for its owner: SRT has none to send.
    fn problem(&self) -> Option<String> {
        match self {
            End::Stream(_) | End::Media(_) | End::Stopped(Stop::Silent) => Some(self.to_string()),
            _ => None,
        }
    }
}

/// Bytes in one read: 50 messages, about a frame of a fast stream.
const READ_BYTES: usize = 64 << 10;
/// Between two looks at libsrt's figures.
const MEASURE_INTERVAL: Duration = Duration::from_secs(1);
/// Between two messages: a transport stream has pictures, sound or tables many times a second, so a publisher
/// that was not heard for as long as libsrt itself would wait is lost.
const SILENCE_MAX: Duration = Duration::from_secs(5);
/// libsrt gives up silent peers later than this program in every case, so what it closes has said goodbye.
const LIBRARY_SILENCE: Duration = Duration::from_secs(60);
