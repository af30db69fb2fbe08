//! One destination: its task, its queue, its reconnecting.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use media::{MediaEvent, Span, Track};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::driver::Driver;
use crate::{KeyframeRequest, LinkStatistics, Look, Reconnect, SendQueue, State, Target};

/// Sends one stream to one destination, for as long as it lives. Dropping it cuts the connection.
pub struct Publisher {
    feed: Feed,
    state: watch::Receiver<State>,
    cut: CancellationToken,
    finish: CancellationToken,
    task: JoinHandle<()>,
}

/// Where encoders put what a publisher sends. Clones feed the same publisher.
#[derive(Clone)]
pub struct Feed(Arc<Shared>);

/// What a destination got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes handed to the network.
    pub sent_bytes: u64,
    /// Video frames handed to the network.
    pub sent_frames: u64,
    /// Video frames left out.
    pub dropped_frames: u64,
    /// Media that waits, here and in the system's own buffers.
    pub queued: Span,
    /// Bits handed to the network each second, over the last second.
    pub sent_bps: u64,
    /// What the network says of the present connection.
    pub link: Option<LinkStatistics>,
    /// The last look at that connection, and when it was.
    pub look: Option<(Instant, Look)>,
}

pub(crate) struct Shared {
    queue: Mutex<Queued>,
    pub(crate) arrived: Notify,
    pub(crate) retry: Notify,
}

#[derive(Default)]
pub(crate) struct Queued {
    pub(crate) queue: SendQueue,
    pub(crate) tracks: Option<Arc<[Track]>>,
    /// Nobody sends, so only the newest second is worth keeping.
    pub(crate) offline: bool,
    closed: bool,
    pub(crate) sent_bytes: u64,
    pub(crate) sent_frames: u64,
    pub(crate) sent_bps: u64,
    /// Media taken from the queue that has not left.
    pub(crate) under_way: Span,
    pub(crate) link: Option<LinkStatistics>,
    pub(crate) look: Option<(Instant, Look)>,
}

impl Shared {
    /// A panic under this lock would be a bug of ours; the counters behind it stay usable.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Queued> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Publisher {
    /// Starts the task, inside a tokio runtime. It connects once it is fed `Tracks`. `name` is for logs; `keyframes` reaches
    /// the encoder.
    #[must_use]
    pub fn start(name: String, target: Target, keyframes: KeyframeRequest) -> Publisher {
        let queue = Mutex::new(Queued { offline: true, ..Queued::default() });
        let shared = Arc::new(Shared { queue, arrived: Notify::new(), retry: Notify::new() });
        let (sender, state) = watch::channel(State::Connecting);
        let (cut, finish) = (CancellationToken::new(), CancellationToken::new());
        let driver = Driver {
            name,
            target,
            keyframes,
            shared: Arc::clone(&shared),
            state: sender,
            finish: finish.clone(),
            reconnect: Reconnect::new(),
            was_live: false,
            refusals: 0,
        };
        let stop = cut.clone();
        let task = tokio::spawn(async move {
            let shared = Arc::clone(&driver.shared);
            tokio::select! {
                () = stop.cancelled() => {}
                () = driver.run() => {}
            }
            shared.lock().closed = true;
        });
        Publisher { feed: Feed(shared), state, cut, finish, task }
    }

    /// Where to put what is to be sent.
    #[must_use]
    pub fn feed(&self) -> Feed {
        self.feed.clone()
    }

    /// The state, from now on.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// As [`Feed::retry_now`].
    pub fn retry_now(&self) {
        self.feed.retry_now();
    }

    /// Sends what waits and says goodbye, at most for `limit`; then cuts. Tells whether it was in time.
    pub async fn finish(mut self, limit: Duration) -> bool {
        self.finish.cancel();
        let in_time = tokio::time::timeout(limit, &mut self.task).await.is_ok();
        if !in_time {
            self.cut.cancel();
            // The task has no await that outlives the cut.
            let _ = (&mut self.task).await;
        }
        in_time
    }
}

impl Feed {
    /// Hands over the next event of the stream; never waits.
    pub fn push(&self, event: &MediaEvent) {
        let mut queued = self.0.lock();
        if queued.closed {
            return;
        }
        if let MediaEvent::Tracks(tracks) = event {
            queued.tracks = Some(Arc::clone(tracks));
        }
        queued.queue.push(event);
        if queued.offline {
            queued.queue.keep_newest();
        }
        drop(queued);
        self.0.arrived.notify_one();
    }

    /// Makes the next try now, with the back-off begun anew: somebody asks for it, or the network is back. A try that has
    /// taken a while already is begun again; a connection that carries nothing gets one more second.
    pub fn retry_now(&self) {
        self.0.retry.notify_one();
    }

    /// Leaves out what waits of the video before the newest tracks: whoever is late begins with what comes after them.
    pub fn leave_out_older(&self) {
        self.0.lock().queue.leave_out_older();
    }

    /// What was sent so far.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let queued = self.0.lock();
        Progress {
            sent_bytes: queued.sent_bytes,
            sent_frames: queued.sent_frames,
            dropped_frames: queued.queue.dropped_frames(),
            queued: queued.queue.span() + queued.under_way,
            sent_bps: queued.sent_bps,
            link: queued.link,
            look: queued.look,
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.cut.cancel();
    }
}
