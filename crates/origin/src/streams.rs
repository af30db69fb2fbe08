//! Where publishers and viewers meet: one [`Stream`] a room, its window in a `watch`.
//!
//! The packager travels: a publisher's task holds it in a [`Lease`] and gives it back when it ends, so
//! that whoever comes next continues the same playlist. Only one lease exists at a time, which is the
//! fence: a publisher that was taken over has no packager any more to write to.

mod giving_back;
mod load;
mod packaging;
mod pictures;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use hls::{Packager, Window};
use rooms::Slug;
use rooms::frame::State;
use thiserror::Error;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::audience::Audience;
use crate::clock::unix_ms;
use crate::doors::Door;
use crate::facts::{Facts, Ingest, Meter};
use crate::outlets::{Feed, Outlets, Target};
use crate::recordings::{Recordings, Status as RecordingStatus, StatusView};
use crate::secret::{self, Digest};
use crate::thumbnail::Thumbnail;
use crate::transcode::{Plan, Renditions, Sound};

#[path = "streams_notes.rs"]
mod notes;

/// The streams of all rooms that were asked for; those without a broadcast hold no media.
#[derive(Debug)]
pub(crate) struct Streams {
    config: hls::Config,
    recordings: Option<Arc<Recordings>>,
    plan: Option<Arc<Plan>>,
    streams: Mutex<HashMap<Slug, Arc<Stream>>>,
}

/// One room's stream.
#[derive(Debug)]
pub(crate) struct Stream {
    slug: Slug,
    config: hls::Config,
    status: watch::Sender<Status>,
    window: watch::Sender<Option<Served>>,
    facts: Facts,
    audience: Audience,
    feed: Mutex<Option<Arc<Feed>>>,
    thumbnail: Thumbnail,
    recorded: Option<Target>,
    plan: Option<Arc<Plan>>,
    slot: Mutex<Slot>,
    returned: Notify,
    problem: Mutex<Option<String>>,
}

/// What can be fetched from one broadcast at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    pub(crate) window: Arc<Window>,
    /// Names the broadcast in its media's URLs. Numbers start anew with every broadcast; what a browser
    /// or cache kept of another one must not be taken for this one's.
    pub(crate) broadcast: Arc<str>,
}

/// A packager and the name of the broadcast that it began with.
#[derive(Debug)]
struct Packaging {
    packager: Packager,
    outlets: Outlets,
    broadcast: Arc<str>,
}

/// What a stream does, as viewers are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) state: State,
    /// When the broadcast began, Unix time in milliseconds; `None` while offline.
    pub(crate) live_since_ms: Option<i64>,
}

/// Why a publisher has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dismissal {
    /// A newer one with the same key.
    TakenOver,
    /// The room has another key now.
    KeyChanged,
    /// The room's owner or an admin ended the broadcast.
    Ended,
}

/// Why a publisher was not let in.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// While it waited for its predecessor.
    #[error("a newer publisher took over")]
    TakenOver,
    /// The predecessor did not end in time.
    #[error("the publisher before did not let go of the room")]
    Busy,
    /// Another publishes, and the room is set to refuse a second one.
    #[error("somebody publishes to this room already, and it takes no second publisher")]
    Occupied,
    /// The room is archived.
    #[error("this room is archived: its owner can bring it back in its settings")]
    Archived,
}

/// Who may publish just now, and the packager while nobody does.
#[derive(Debug, Default)]
struct Slot {
    generation: u64,
    publisher: Option<Publisher>,
    leased: bool,
    parked: Option<Packaging>,
    last_media: Option<Instant>,
    /// The last publisher said that it had finished, or was ended.
    finished: bool,
    /// The broadcast was ended: whoever publishes next begins another one.
    ended: bool,
}

#[derive(Debug)]
struct Publisher {
    /// What it was let in with; `None` for one that no key lets in.
    key: Option<Digest>,
    dismissal: watch::Sender<Option<Dismissal>>,
    dismissed: CancellationToken,
}

/// The right to publish to a room, and its packager. Dropping it gives both back.
#[derive(Debug)]
pub(crate) struct Lease {
    stream: Arc<Stream>,
    generation: u64,
    packaging: Option<Packaging>,
    dismissal: watch::Receiver<Option<Dismissal>>,
    dismissed: CancellationToken,
    started: bool,
    /// When its first media came, Unix time in milliseconds.
    heard_ms: Option<i64>,
    sound: Sound,
    renditions: Renditions,
    meter: Meter,
}

impl Streams {
    pub(crate) fn new(config: hls::Config) -> Streams {
        Streams { config, recordings: None, plan: None, streams: Mutex::default() }
    }

    /// The same, with broadcasts recorded where their rooms want it.
    pub(crate) fn recorded_by(self, recordings: Arc<Recordings>) -> Streams {
        Streams { recordings: Some(recordings), ..self }
    }

    /// The same, with renditions of every stream.
    pub(crate) fn transcoded_by(self, plan: Option<Arc<Plan>>) -> Streams {
        Streams { plan, ..self }
    }

    /// Ends the broadcasts whose publishers are gone: nobody comes back to them.
    pub(crate) fn end(&self) {
        self.lock().clear();
    }

    /// The stream of a room that exists; made when it is asked for first.
    pub(crate) fn open(&self, slug: &Slug) -> Arc<Stream> {
        let mut streams = self.lock();
        let stream = streams.entry(slug.clone()).or_insert_with(|| self.stream(slug));
        Arc::clone(stream)
    }

    /// The stream of a room, if anything happened to it lately.
    pub(crate) fn get(&self, slug: &Slug) -> Option<Arc<Stream>> {
        self.lock().get(slug).cloned()
    }

    /// Lets go of a room that was deleted, with the media that it still had.
    pub(crate) fn forget(&self, slug: &Slug) {
        let stream = self.lock().remove(slug);
        if let Some(stream) = stream {
            stream.end();
            stream.window.send_replace(None);
        }
    }

    /// What a room's stream does.
    pub(crate) fn status(&self, slug: &Slug) -> Status {
        self.get(slug).map(|stream| stream.status()).unwrap_or_default()
    }

    /// Ends the broadcasts whose publisher stayed away; to be called about every [`SWEEP_INTERVAL`].
    pub(crate) fn sweep(&self) {
        let streams: Vec<Arc<Stream>> = self.lock().values().cloned().collect();
        for stream in streams {
            stream.end_if_abandoned();
        }
    }

    fn stream(&self, slug: &Slug) -> Arc<Stream> {
        let target = |recordings: &Arc<Recordings>| Target {
            recordings: Arc::clone(recordings),
            slug: slug.clone(),
            wanted: Arc::new(AtomicBool::new(false)),
            status: Arc::new(RecordingStatus::default()),
        };
        let recorded = self.recordings.as_ref().map(target);
        Stream::new(slug.clone(), self.config, recorded, self.plan.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Slug, Arc<Stream>>> {
        self.streams.lock().expect("nothing panics while it holds the streams")
    }
}

impl Stream {
    fn new(
        slug: Slug,
        config: hls::Config,
        recorded: Option<Target>,
        plan: Option<Arc<Plan>>,
    ) -> Arc<Stream> {
        Arc::new(Stream {
            slug,
            config,
            status: watch::Sender::default(),
            window: watch::Sender::new(None),
            facts: Facts::default(),
            audience: Audience::default(),
            feed: Mutex::default(),
            thumbnail: Thumbnail::default(),
            recorded,
            plan,
            slot: Mutex::default(),
            returned: Notify::new(),
            problem: Mutex::default(),
        })
    }

    /// What it does.
    pub(crate) fn status(&self) -> Status {
        *self.status.borrow()
    }

    /// The same, with its changes.
    pub(crate) fn watch_status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// What can be fetched, woken once for every part.
    pub(crate) fn watch_window(&self) -> watch::Receiver<Option<Served>> {
        self.window.subscribe()
    }

    /// What arrives; `None` while nobody publishes.
    pub(crate) fn ingest(&self) -> Option<Ingest> {
        self.facts.get()
    }

    /// Whether the broadcast is recorded from now on; one that runs is begun or finished.
    pub(crate) fn record(&self, wanted: bool) {
        if let Some(recorded) = &self.recorded {
            recorded.wanted.store(wanted, Ordering::Relaxed);
        }
    }

    /// What becomes of the recording.
    pub(crate) fn recording(&self) -> StatusView {
        self.recorded.as_ref().map(|recorded| recorded.status.view()).unwrap_or_default()
    }

    /// Lets a publisher in, unless the room's door keeps it out. One that publishes already is dismissed, and waited for.
    pub(crate) async fn admit(self: &Arc<Stream>, door: Door, key: Option<Digest>) -> Result<Lease, Refusal> {
        if let Some(recorded) = &self.recorded {
            self.record(recorded.recordings.is_wanted(&self.slug).await);
        }
        let (sender, dismissal) = watch::channel(None);
        let dismissed = CancellationToken::new();
        let generation = {
            let mut slot = self.slot();
            slot.check(door)?;
            slot.dismiss(Dismissal::TakenOver);
            slot.generation += 1;
            slot.publisher = Some(Publisher { key, dismissal: sender, dismissed: dismissed.clone() });
            slot.generation
        };
        let deadline = Instant::now() + HANDOVER_MAX;
        loop {
            let returned = self.returned.notified();
            tokio::pin!(returned);
            // Registered before the look, so that a lease given back in between is not missed.
            returned.as_mut().enable();
            if let Some(packaging) = self.take_packaging(generation)? {
                return Ok(Lease {
                    stream: Arc::clone(self),
                    generation,
                    packaging: Some(packaging),
                    dismissal,
                    dismissed,
                    started: false,
                    heard_ms: None,
                    meter: Meter::new(),
                    sound: Sound::new(self.plan.as_ref()),
                    renditions: Renditions::new(self.plan.clone()),
                });
            }
            if tokio::time::timeout_at(deadline, returned).await.is_err() {
                self.slot().leave(generation);
                return Err(Refusal::Busy);
            }
        }
    }

    /// Whether somebody more may publish now, as the room's door has it.
    pub(crate) fn check(&self, door: Door) -> Result<(), Refusal> {
        self.slot().check(door)
    }

    /// Sends a publisher away whose key is not `key`.
    pub(crate) fn require_key(&self, key: Digest) {
        let mut slot = self.slot();
        if slot.publisher.as_ref().and_then(|publisher| publisher.key).is_some_and(|own| own != key) {
            slot.dismiss(Dismissal::KeyChanged);
        }
    }

    /// Ends the broadcast: its publisher is sent away, viewers are told at once, and the next one is another.
    /// Answers whether there was one.
    pub(crate) fn end(&self) -> bool {
        let mut slot = self.slot();
        let status = self.status();
        if slot.publisher.is_none() && status.state == State::Offline {
            return false;
        }
        slot.ended = true;
        if slot.publisher.is_some() {
            // Its lease says so to viewers when the last part is closed.
            slot.finished = true;
            slot.dismiss(Dismissal::Ended);
            return true;
        }
        if let Some(packaging) = &mut slot.parked {
            packaging.outlets.finish();
        }
        self.set_status(Status::default());
        true
    }

    fn take_packaging(&self, generation: u64) -> Result<Option<Packaging>, Refusal> {
        let mut slot = self.slot();
        if slot.generation != generation {
            return Err(Refusal::TakenOver);
        }
        if slot.leased {
            return Ok(None);
        }
        slot.leased = true;
        let expired = slot.last_media.is_none_or(|last| last.elapsed() >= BROADCAST_GAP_MAX);
        let expired = std::mem::take(&mut slot.ended) || expired;
        if let Some(parked) = slot.parked.take().filter(|_| !expired) {
            return Ok(Some(parked));
        }
        self.window.send_replace(None);
        let broadcast: Arc<str> = secret::random()[..BROADCAST_DIGITS].into();
        // The name is in every URI, so that one made of another broadcast's playlist finds nothing here.
        let packager = Packager::with_suffix(self.config, &format!("-{broadcast}"));
        Ok(Some(Packaging { packager, outlets: Outlets::new(self.recorded.clone()), broadcast }))
    }

    fn end_if_abandoned(&self) {
        let mut slot = self.slot();
        let away = slot.last_media.is_some_and(|last| last.elapsed() >= BROADCAST_GAP_MAX);
        if slot.leased || !away {
            return;
        }
        slot.parked = None;
        slot.last_media = None;
        // Still under the lock, so that a publisher who comes just now is not taken for gone.
        self.window.send_replace(None);
        self.drop_feed();
        self.set_status(Status::default());
        tracing::info!(room = %self.slug, "broadcast ended: its publisher stayed away");
    }

    fn set_status(&self, status: Status) {
        self.status.send_if_modified(|now| std::mem::replace(now, status) != status);
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().expect("nothing panics while it holds the slot")
    }
}

impl Slot {
    fn check(&self, door: Door) -> Result<(), Refusal> {
        if door.archived {
            return Err(Refusal::Archived);
        }
        if door.refuses_second && self.publisher.is_some() {
            return Err(Refusal::Occupied);
        }
        Ok(())
    }

    /// The publisher of `generation` is gone.
    fn leave(&mut self, generation: u64) {
        if self.generation == generation {
            self.publisher = None;
        }
    }

    fn dismiss(&mut self, why: Dismissal) {
        if let Some(publisher) = self.publisher.take() {
            publisher.dismissal.send_replace(Some(why));
            publisher.dismissed.cancel();
        }
    }
}

impl Lease {
    /// Done when this publisher has to go.
    pub(crate) fn dismissed(&self) -> impl Future<Output = Dismissal> + Send + use<> {
        let (dismissed, dismissal) = (self.dismissed.clone(), self.dismissal.clone());
        async move {
            dismissed.cancelled().await;
            dismissal.borrow().unwrap_or(Dismissal::TakenOver)
        }
    }

    /// The publisher said that it has finished: viewers are told at once.
    pub(crate) fn finish(self) {
        self.stream.slot().finished = true;
    }
}

impl Stream {
    fn go_live(&self) {
        let status = self.status();
        if status.state == State::Live {
            return;
        }
        let live_since_ms = status.live_since_ms.or_else(|| Some(unix_ms()));
        self.set_status(Status { state: State::Live, live_since_ms });
        tracing::info!(room = %self.slug, "live");
    }
}

const HELD: &str = "a lease holds its packager until it is dropped";
/// Hexadecimal digits that tell a room's broadcasts apart.
const BROADCAST_DIGITS: usize = 8;
/// A publisher that comes back later than this after its last media begins a new broadcast.
pub(crate) const BROADCAST_GAP_MAX: Duration = Duration::from_secs(300);
/// How often abandoned broadcasts are looked for: how late their end may be noticed.
pub(crate) const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// A dismissed publisher ends within one wake-up of its task; longer means that it hangs.
const HANDOVER_MAX: Duration = Duration::from_secs(2);

#[cfg(test)]
#[path = "streams_tests.rs"]
mod tests;
