//! One destination: its task, its queue, its reconnecting.
#![allow(clippy::disallowed_methods, reason = "this driver module tells when a state began")]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use media::{MediaEvent, Span, Track};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::rtmp::{Connection, Error};
use crate::{KeyframeRequest, Reconnect, SendQueue, State, Target};

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
    /// Media that waits.
    pub queued: Span,
}

struct Shared {
    queue: Mutex<Queued>,
    arrived: Notify,
    retry: Notify,
}

#[derive(Default)]
struct Queued {
    queue: SendQueue,
    tracks: Option<Arc<[Track]>>,
    /// Nobody sends, so only the newest second is worth keeping.
    offline: bool,
    closed: bool,
    sent_bytes: u64,
    sent_frames: u64,
}

impl Publisher {
    /// Starts the task, inside a tokio runtime. `name` is for logs; `keyframes` reaches the encoder.
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
            lock(&shared.queue).closed = true;
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

    /// Makes the next try now, with the back-off begun anew.
    pub fn retry_now(&self) {
        self.feed.0.retry.notify_one();
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
        let mut queued = lock(&self.0.queue);
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

    /// What was sent so far.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let queued = lock(&self.0.queue);
        Progress {
            sent_bytes: queued.sent_bytes,
            sent_frames: queued.sent_frames,
            dropped_frames: queued.queue.dropped_frames(),
            queued: queued.queue.span(),
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.cut.cancel();
    }
}

/// The task.
struct Driver {
    name: String,
    target: Target,
    keyframes: KeyframeRequest,
    shared: Arc<Shared>,
    state: watch::Sender<State>,
    finish: CancellationToken,
    reconnect: Reconnect,
    was_live: bool,
    refusals: u32,
}

impl Driver {
    async fn run(mut self) {
        loop {
            let mut live_since = None;
            let failure = match self.attempt(&mut live_since).await {
                Ok(()) => return self.change(State::Ended),
                Err(failure) => failure,
            };
            lock(&self.shared.queue).offline = true;
            if self.finish.is_cancelled() {
                return self.change(State::Ended);
            }
            if self.is_hopeless(&failure) {
                return self.change(State::Failed { reason: failure.to_string() });
            }
            let live_for = live_since.map_or(Span::ZERO, |since: Instant| since.elapsed().into());
            if !self.wait(live_for, &failure).await {
                return self.change(State::Ended);
            }
        }
    }

    /// Whether trying again would not help. A server that has taken this key before may only be slow to
    /// notice that the old connection is gone.
    fn is_hopeless(&mut self, failure: &Error) -> bool {
        match failure {
            Error::Refused(_) => {
                self.refusals += 1;
                !self.was_live || self.refusals > REFUSALS_MAX
            }
            Error::Unsupported(_) | Error::Dismissed(_) => true,
            Error::Network(_) | Error::Closed(_) | Error::Protocol(_) => false,
        }
    }

    /// Waits for the next try; `false` when the broadcast ends meanwhile.
    async fn wait(&mut self, live_for: Span, failure: &Error) -> bool {
        let next = self.reconnect.lost(live_for, rand::random_range(-1.0..=1.0));
        let wait = Duration::from(next.wait);
        let (attempt, reason) = (next.attempt, failure.to_string());
        self.change(State::Retrying { attempt, at: Instant::now() + wait, reason });
        tokio::select! {
            () = self.finish.cancelled() => return false,
            () = self.shared.retry.notified() => self.reconnect.retry_now(),
            () = tokio::time::sleep(wait) => {}
        }
        true
    }

    /// One connection, from its beginning to its end; `Ok` when the broadcast ended.
    async fn attempt(&mut self, live_since: &mut Option<Instant>) -> Result<(), Error> {
        let connecting = tokio::time::timeout(CONNECT_LIMIT, connect(&self.target));
        let mut connection = tokio::select! {
            () = self.finish.cancelled() => return Ok(()),
            connected = connecting => connected.map_err(|_| too_slow())??,
        };
        *live_since = Some(Instant::now());
        self.go_live();
        let finish = self.finish.clone();
        let mut moved = tokio::time::Instant::now();
        loop {
            self.fill(&mut connection)?;
            if connection.pending() == 0 {
                moved = tokio::time::Instant::now();
                if finish.is_cancelled() {
                    connection.goodbye().await?;
                    return Ok(());
                }
            }
            tokio::select! {
                sent = connection.turn() => {
                    let sent = sent?;
                    if sent > 0 {
                        moved = tokio::time::Instant::now();
                        lock(&self.shared.queue).sent_bytes += sent as u64;
                    }
                }
                () = self.shared.arrived.notified(), if connection.pending() < PENDING_BYTES => {}
                () = finish.cancelled(), if connection.pending() == 0 => {}
                () = tokio::time::sleep_until(moved + WRITE_LIMIT), if connection.pending() > 0 => {
                    return Err(stuck());
                }
            }
        }
    }

    /// Takes from the queue while the socket is not far behind.
    fn fill(&self, connection: &mut Connection<TcpStream>) -> Result<(), Error> {
        while connection.pending() < PENDING_BYTES {
            let event = {
                let mut queued = lock(&self.shared.queue);
                if queued.queue.is_stuck() {
                    return Err(stuck());
                }
                let event = queued.queue.pop();
                let video = matches!((&event, &queued.tracks), (Some(MediaEvent::Packet(packet)), Some(tracks))
                    if tracks.iter().any(|track| track.is_video() && track.id == packet.track));
                queued.sent_frames += u64::from(video);
                event
            };
            let Some(event) = event else { return Ok(()) };
            connection.queue(&event)?;
        }
        Ok(())
    }

    /// A first connection sends what was encoded while it was made; a later one begins with a new keyframe.
    fn go_live(&mut self) {
        {
            let mut queued = lock(&self.shared.queue);
            queued.offline = false;
            if let (true, Some(tracks)) = (self.was_live, queued.tracks.clone()) {
                queued.queue.restart(&tracks);
                self.keyframes.ask();
            }
        }
        self.was_live = true;
        self.refusals = 0;
        self.change(State::Live { since: Instant::now() });
    }

    fn change(&self, state: State) {
        match &state {
            State::Failed { reason } => warn!(destination = self.name, reason, "failed"),
            State::Retrying { attempt, reason, .. } => {
                warn!(destination = self.name, attempt, reason, "connection lost, trying again");
            }
            State::Live { .. } => info!(destination = self.name, server = self.target.server(), "live"),
            State::Connecting | State::Ended => info!(destination = self.name, ?state, "destination"),
        }
        self.state.send_replace(state);
    }
}

async fn connect(target: &Target) -> Result<Connection<TcpStream>, Error> {
    let stream = TcpStream::connect((target.host.as_str(), target.port)).await?;
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(&stream);
    // Best effort: without them a dead link is noticed by `WRITE_LIMIT`, only later.
    #[cfg(target_os = "linux")]
    {
        let _ = socket.set_tcp_user_timeout(Some(WRITE_LIMIT));
        let _ = socket.set_send_buffer_size(SEND_BUFFER_BYTES);
    }
    let _ = socket;
    Connection::publish(stream, target).await
}

fn too_slow() -> Error {
    let limit = CONNECT_LIMIT.as_secs();
    Error::Network(std::io::Error::new(
        std::io::ErrorKind::TimedOut,
        format!("the server did not answer within {limit} s"),
    ))
}

fn stuck() -> Error {
    let limit = WRITE_LIMIT.as_secs();
    Error::Network(std::io::Error::new(
        std::io::ErrorKind::TimedOut,
        format!("the network carried nothing for {limit} s"),
    ))
}

/// A panic under this lock would be a bug of ours; the counters behind it stay usable.
fn lock(queue: &Mutex<Queued>) -> MutexGuard<'_, Queued> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From the name look-up to the server's yes.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Without a byte accepted for this long the link is dead. Mobile networks pause for some seconds.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

/// What waits outside the queue, where nothing can be dropped any more: a large keyframe.
const PENDING_BYTES: usize = 256 * 1_024;

/// The kernel's own queue, for the same reason: a second and a half at 2.5 Mbit/s (Linux doubles it).
#[cfg(target_os = "linux")]
const SEND_BUFFER_BYTES: usize = 256 * 1_024;

/// Refusals in a row of a key that was accepted before, until it counts as withdrawn: half a minute.
const REFUSALS_MAX: u32 = 5;
