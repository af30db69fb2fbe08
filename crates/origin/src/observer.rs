//! How a running origin does, for the program that it runs in.

use std::sync::{Arc, Weak};

use crate::health;
use crate::origin::Origin;
use crate::state::Shared;
use crate::store::{Recording, StoreError};
use crate::tls::OwnCertificate;

/// Looks at a running origin without keeping it alive.
#[derive(Clone, Debug)]
pub struct Observer {
    shared: Weak<Shared>,
    certificate: Option<OwnCertificate>,
}

/// How an origin does at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Overview {
    /// The rooms, by name.
    pub rooms: Vec<RoomOverview>,
    /// People on the watch pages of all rooms.
    pub viewers: u32,
    /// Viewers every ten seconds of the last hour, the oldest first.
    pub viewers_hour: Vec<u32>,
    /// Bits a second that leave the computer, other programs' in it and loopback not; the mean of ten seconds.
    pub sent_bps: u64,
    /// Bytes of all finished recordings.
    pub recorded_bytes: u64,
    /// Bytes used of the disk that holds the data folder, by whatever it is.
    pub disk_used_bytes: u64,
    /// Size of that disk; 0 where the system does not tell.
    pub disk_bytes: u64,
    /// The newest recordings, the newest first; at most eight.
    pub recordings: Vec<Recording>,
}

/// One room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomOverview {
    /// Its name in URLs.
    pub slug: String,
    /// Its name for people.
    pub title: String,
    /// Whether somebody publishes.
    pub live: bool,
    /// People on its watch page.
    pub viewers: u32,
    /// Bits a second of media that its publisher sends.
    pub ingest_bps: u64,
    /// Whether its broadcasts are recorded.
    pub record: bool,
}

impl Origin {
    /// What looks at it while it runs.
    #[must_use]
    pub fn observer(&self) -> Observer {
        Observer { shared: Arc::downgrade(self.shared()), certificate: self.own_certificate() }
    }
}

impl Observer {
    pub(crate) fn shared(&self) -> Option<Arc<Shared>> {
        self.shared.upgrade()
    }

    /// The certificate that the origin made for itself, when it serves TLS with that.
    #[must_use]
    pub fn certificate(&self) -> Option<&OwnCertificate> {
        self.certificate.as_ref()
    }

    /// How it does now; `None` when it has stopped.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn look(&self) -> Result<Option<Overview>, StoreError> {
        let Some(shared) = self.shared.upgrade() else { return Ok(None) };
        let rooms = shared.store.rooms().await?;
        let mut recordings = shared.store.finished_recordings().await?;
        recordings.sort_by_key(|recording| std::cmp::Reverse(recording.started_at_ms));
        let recorded_bytes = recordings.iter().map(|recording| recording.bytes).sum();
        recordings.truncate(RECORDINGS_MAX);
        let samples = shared.health.samples();
        let usage = health::usage(shared.config.data.clone()).await.unwrap_or_default();
        let mut rooms: Vec<RoomOverview> = rooms
            .into_iter()
            .map(|room| {
                let ingest = shared.streams.get(&room.slug).and_then(|stream| stream.ingest());
                RoomOverview {
                    live: ingest.is_some(),
                    viewers: shared.people.count(&room.slug).0,
                    ingest_bps: ingest.map_or(0, |ingest| ingest.bitrate_bps),
                    record: room.record,
                    slug: room.slug.to_string(),
                    title: room.title,
                }
            })
            .collect();
        rooms.sort_by(|one, other| one.slug.cmp(&other.slug));
        Ok(Some(Overview {
            rooms,
            viewers: shared.people.viewers(),
            viewers_hour: samples.iter().map(|sample| sample.viewers).collect(),
            sent_bps: samples.last().map_or(0, |sample| sample.sent_bps),
            recorded_bytes,
            disk_used_bytes: usage.disk_used_bytes,
            disk_bytes: usage.disk_bytes,
            recordings,
        }))
    }
}

/// As many as a panel shows.
const RECORDINGS_MAX: usize = 8;
