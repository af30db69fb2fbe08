//! Where a running broadcast goes: destinations come and go while it lasts.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use media::{MediaEvent, Track};
use publish::{Feed, KeyframeRequest, Publisher, State};
use tokio::sync::watch;

use crate::DestinationStatus;
use crate::encodes::{EncodeId, Splice, Weakness};
use crate::status::DestinationEncode;

/// One destination as the encoders and the status see it.
pub(crate) struct Outlet {
    pub(crate) name: String,
    pub(crate) state: watch::Receiver<State>,
    pub(crate) feed: Feed,
    /// What its publisher asks the encoder with that it has.
    keyframes: KeyframeRequest,
    /// The encode that it has unless it is a weak one's own.
    pub(crate) home: EncodeId,
    splice: Mutex<Splice>,
    weakness: Mutex<Weakness>,
    /// Video bits per second that its network is believed to carry; 0 before anything is known.
    carried_bps: AtomicU32,
}

impl Outlet {
    /// Of a publisher that was started and asks with `keyframes`; it gets the encode `home`.
    pub(crate) fn of(
        name: String,
        (publisher, keyframes): (&Publisher, KeyframeRequest),
        home: EncodeId,
    ) -> Arc<Outlet> {
        Arc::new(Outlet {
            name,
            state: publisher.state(),
            feed: publisher.feed(),
            keyframes,
            home,
            splice: Mutex::new(Splice::new(home)),
            weakness: Mutex::default(),
            carried_bps: AtomicU32::new(0),
        })
    }

    /// The encode that it has now.
    pub(crate) fn encode(&self) -> EncodeId {
        self.splice().from()
    }

    /// The encode that it has, or is about to have.
    pub(crate) fn next_encode(&self) -> EncodeId {
        self.splice().to()
    }

    /// Goes over to another encode at that one's next keyframe; `tracks` are its own, if it has told them.
    pub(crate) fn go_over(&self, to: EncodeId, tracks: Option<Arc<[Track]>>) {
        let mut splice = self.splice();
        splice.go_over(to, tracks);
        self.hand_on(&mut splice);
    }

    /// Hands on what is held back for a change of encodes that will not come.
    pub(crate) fn settle(&self) {
        let mut splice = self.splice();
        splice.settle();
        self.hand_on(&mut splice);
    }

    /// Takes the next event of an encode, which may not be its own.
    pub(crate) fn take(&self, encode: EncodeId, event: &MediaEvent) {
        let mut splice = self.splice();
        let before = splice.from();
        splice.take(encode, event);
        self.hand_on(&mut splice);
        if ![before, self.home].contains(&splice.from()) {
            // What waits is of an encode that was too much for this network: with it the new one would be late from the
            // beginning, and taken for too much as well.
            self.feed.leave_out_older();
        }
    }

    fn hand_on(&self, splice: &mut Splice) {
        while let Some(event) = splice.poll() {
            self.feed.push(&event);
        }
    }

    /// Whether it ought to have an encode of its own.
    pub(crate) fn weakness(&self) -> MutexGuard<'_, Weakness> {
        self.weakness.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether its network takes anything now.
    pub(crate) fn is_live(&self) -> bool {
        matches!(*self.state.borrow(), State::Live { .. })
    }

    /// Whether it may still take something.
    pub(crate) fn is_over(&self) -> bool {
        matches!(*self.state.borrow(), State::Failed { .. } | State::Ended)
    }

    /// Video bits per second that its network was last believed to carry; `None` before anything is known.
    pub(crate) fn carried_bps(&self) -> Option<u32> {
        Some(self.carried_bps.load(Ordering::Relaxed)).filter(|&bps| bps > 0)
    }

    pub(crate) fn set_carried_bps(&self, bps: u32) {
        self.carried_bps.store(bps, Ordering::Relaxed);
    }

    fn splice(&self) -> MutexGuard<'_, Splice> {
        // Held for moving events between queues of bounded length.
        self.splice.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it is doing, and which encode it has.
    pub(crate) fn status(&self, encode: DestinationEncode) -> DestinationStatus {
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
            encode,
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

    /// Hands `event` of this encode to every destination that has it.
    pub(crate) fn push(&self, encode: EncodeId, event: &MediaEvent) {
        self.lock().iter().for_each(|outlet| outlet.take(encode, event));
    }

    /// Whether a destination that has this encode asked for a keyframe since the last call.
    pub(crate) fn take_keyframe_request(&self, encode: EncodeId) -> bool {
        let asked = |outlet: &&Arc<Outlet>| outlet.next_encode() == encode && outlet.keyframes.take();
        // Every one of them, so that many requests are one keyframe.
        self.lock().iter().filter(asked).count() > 0
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

    /// Tells that something else than a destination has changed of which people should know at once.
    pub(crate) fn tell(&self) {
        self.changed.send_replace(());
    }

    /// Tells when a destination came, went or changed its state, and of [`Outlets::tell`].
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
