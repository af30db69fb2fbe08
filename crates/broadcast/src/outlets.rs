//! Where a running broadcast goes: destinations come and go while it lasts.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use media::MediaEvent;
use publish::{Feed, Publisher, State};
use tokio::sync::watch;

use crate::DestinationStatus;

/// One destination as the encoders and the status see it.
pub(crate) struct Outlet {
    pub(crate) name: String,
    pub(crate) state: watch::Receiver<State>,
    pub(crate) feed: Feed,
}

impl Outlet {
    /// Of a publisher that was started.
    pub(crate) fn of(name: String, publisher: &Publisher) -> Arc<Outlet> {
        Arc::new(Outlet { name, state: publisher.state(), feed: publisher.feed() })
    }

    /// What it is doing.
    pub(crate) fn status(&self) -> DestinationStatus {
        let progress = self.feed.progress();
        DestinationStatus {
            name: self.name.clone(),
            state: self.state.borrow().clone(),
            sent_bytes: progress.sent_bytes,
            sent_frames: progress.sent_frames,
            dropped_frames: progress.dropped_frames,
            queued: progress.queued.into(),
            sent_bps: progress.sent_bps,
            link: progress.link,
        }
    }
}

/// All of them, in the order in which they were added.
pub(crate) struct Outlets {
    list: Mutex<Vec<Arc<Outlet>>>,
    changed: watch::Sender<()>,
}

impl Outlets {
    /// None yet.
    pub(crate) fn new() -> Outlets {
        Outlets { list: Mutex::new(Vec::new()), changed: watch::Sender::new(()) }
    }

    /// Hands `event` to every destination.
    pub(crate) fn push(&self, event: &MediaEvent) {
        self.lock().iter().for_each(|outlet| outlet.feed.push(event));
    }

    /// One more, which has been told the tracks.
    pub(crate) fn add(&self, outlet: Arc<Outlet>) {
        self.lock().push(outlet);
        self.changed.send_replace(());
    }

    /// One less; what it has taken already is its publisher's to send.
    pub(crate) fn remove(&self, name: &str) {
        self.lock().retain(|outlet| outlet.name != name);
        self.changed.send_replace(());
    }

    /// As they are now.
    pub(crate) fn all(&self) -> Vec<Arc<Outlet>> {
        self.lock().clone()
    }

    /// Tells when a destination came, went or changed its state.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Passes on that the state of `outlet` changed, until its publisher is gone.
    pub(crate) async fn follow(self: Arc<Outlets>, outlet: Arc<Outlet>) {
        let mut state = outlet.state.clone();
        while state.changed().await.is_ok() {
            self.changed.send_replace(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Outlet>>> {
        // Held for pushing into bounded queues only; the list is sound whatever happened to another thread.
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
