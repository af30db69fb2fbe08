//! The task of one destination.
#![allow(clippy::disallowed_methods, reason = "this driver module tells when a state began")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use media::{MediaEvent, Span};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::link::{Behind, Link};
use crate::publisher::Shared;
use crate::under_way::UnderWay;
use crate::{Cause, CauseKind, KeyframeRequest, Look, Reconnect, State, Target};

/// Connects, sends, and connects again.
pub(crate) struct Driver {
    pub(crate) name: String,
    pub(crate) target: Target,
    pub(crate) keyframes: KeyframeRequest,
    pub(crate) shared: Arc<Shared>,
    pub(crate) state: watch::Sender<State>,
    pub(crate) finish: CancellationToken,
    pub(crate) reconnect: Reconnect,
    pub(crate) was_live: bool,
    pub(crate) refusals: u32,
}

impl Driver {
    /// Until the broadcast ends or trying again would not help.
    pub(crate) async fn run(mut self) {
        if !self.has_tracks().await {
            return self.change(State::Ended);
        }
        loop {
            let mut live_since = None;
            let failure = match self.attempt(&mut live_since).await {
                Ok(()) => return self.change(State::Ended),
                Err(failure) => failure,
            };
            if self.finish.is_cancelled() {
                return self.change(State::Ended);
            }
            if self.is_hopeless(&failure) {
                return self.change(State::Failed { cause: failure });
            }
            let live_for = live_since.map_or(Span::ZERO, |since: Instant| since.elapsed().into());
            if !self.wait(live_for, failure).await {
                return self.change(State::Ended);
            }
        }
    }

    /// Waits for the first thing to send; `false` when the broadcast ends before. Servers hang up on a connection that brings
    /// nothing, and a delayed stream brings nothing for a while.
    async fn has_tracks(&self) -> bool {
        while self.shared.lock().tracks.is_none() {
            tokio::select! {
                () = self.finish.cancelled() => return false,
                () = self.shared.arrived.notified() => {}
            }
        }
        true
    }

    /// Whether trying again would not help. A server that has taken this key before may only be slow to
    /// notice that the old connection is gone.
    fn is_hopeless(&mut self, failure: &Cause) -> bool {
        use CauseKind as K;
        match failure.kind {
            K::KeyRefused
            | K::AppRefused
            | K::StreamIdRefused
            | K::PassphraseWrong
            | K::PassphraseUnequal
            | K::TakenOff => {
                self.refusals += 1;
                !self.was_live || self.refusals > REFUSALS_MAX
            }
            K::Dismissed | K::Unsupported | K::Untrusted => true,
            K::KeyUnanswered
            | K::NameUnknown
            | K::NothingListens
            | K::Unreachable
            | K::NoAnswer
            | K::NoSrt
            | K::Stuck
            | K::LeftBehind
            | K::Broken
            | K::Closed
            | K::ClosedEarly
            | K::ShutsDown
            | K::Unavailable
            | K::NotUnderstood
            | K::NotTls
            | K::Network => false,
        }
    }

    /// Waits for the next try; `false` when the broadcast ends meanwhile.
    async fn wait(&mut self, live_for: Span, cause: Cause) -> bool {
        let next = self.reconnect.lost(live_for, rand::random_range(-1.0..=1.0));
        let wait = Duration::from(next.wait);
        self.change(State::Retrying { attempt: next.attempt, at: Instant::now() + wait, cause });
        tokio::select! {
            () = self.finish.cancelled() => return false,
            () = self.shared.retry.notified() => self.reconnect.retry_now(),
            () = tokio::time::sleep(wait) => {}
        }
        true
    }

    /// One connection, from its beginning to its end; `Ok` when the broadcast ended.
    async fn attempt(&mut self, live_since: &mut Option<Instant>) -> Result<(), Cause> {
        let Some(link) = self.connect().await? else { return Ok(()) };
        *live_since = Some(Instant::now());
        self.go_live();
        let ended = self.carry(link).await;
        let mut queued = self.shared.lock();
        queued.offline = true;
        (queued.sent_bps, queued.under_way) = (0, Span::ZERO);
        (queued.link, queued.look) = (None, None);
        ended
    }

    /// `None` when the broadcast ended before.
    async fn connect(&self) -> Result<Option<Link>, Cause> {
        loop {
            let begun = tokio::time::Instant::now();
            let connecting = tokio::time::timeout(CONNECT_LIMIT, Link::connect(&self.target));
            tokio::pin!(connecting);
            loop {
                tokio::select! {
                    () = self.finish.cancelled() => return Ok(None),
                    connected = &mut connecting => return connected.map_err(|_| CauseKind::NoAnswer.alone())?.map(Some),
                    // What was sent into a network that was not there is repeated seconds later.
                    () = self.shared.retry.notified() => if begun.elapsed() >= PROMPT { break },
                }
            }
        }
    }

    /// Sends what comes, until the connection or the broadcast ends.
    async fn carry(&mut self, mut link: Link) -> Result<(), Cause> {
        let finish = self.finish.clone();
        let mut sent = Sent::default();
        let mut moved = tokio::time::Instant::now();
        // When a connection that carries nothing is given up since the network is said to be back.
        let mut last_chance = None;
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.fill(&mut link, &mut sent)?;
            if link.pending() == 0 {
                (moved, sent.idle) = (tokio::time::Instant::now(), true);
                if finish.is_cancelled() {
                    return link.goodbye().await;
                }
            }
            tokio::select! {
                turned = link.turn() => {
                    let bytes = turned? as u64;
                    if bytes > 0 {
                        (moved, last_chance) = (tokio::time::Instant::now(), None);
                        sent.bytes += bytes;
                        self.shared.lock().sent_bytes += bytes;
                    }
                }
                () = self.shared.arrived.notified(), if link.pending() < PENDING_BYTES => {}
                () = finish.cancelled(), if link.pending() == 0 => {}
                _ = look.tick() => self.look_at(&link, &mut sent),
                () = self.shared.retry.notified(), if last_chance.is_none() => {
                    last_chance = (link.pending() > 0 && moved.elapsed() >= PROMPT)
                        .then(|| tokio::time::Instant::now() + PROMPT);
                }
                () = tokio::time::sleep_until(moved + WRITE_LIMIT), if link.pending() > 0 => {
                    return Err(CauseKind::Stuck.alone());
                }
                () = until(last_chance), if link.pending() > 0 => {
                    // Without the back-off.
                    self.shared.retry.notify_one();
                    return Err(CauseKind::LeftBehind.alone());
                }
            }
        }
    }

    /// Takes from the queue while the socket is not far behind.
    fn fill(&self, link: &mut Link, sent: &mut Sent) -> Result<(), Cause> {
        while link.pending() < PENDING_BYTES {
            let event = {
                let mut queued = self.shared.lock();
                if queued.queue.is_stuck() {
                    return Err(CauseKind::Stuck.alone());
                }
                let event = queued.queue.pop();
                let video = matches!((&event, &queued.tracks), (Some(MediaEvent::Packet(packet)), Some(tracks))
                    if tracks.iter().any(|track| track.is_video() && track.id == packet.track));
                queued.sent_frames += u64::from(video);
                event
            };
            let Some(event) = event else { return Ok(()) };
            link.queue(&event)?;
            if let MediaEvent::Packet(packet) = &event {
                sent.under_way.push(sent.bytes + link.pending() as u64, packet.dts);
            }
        }
        Ok(())
    }

    /// Notes how fast it goes and how far it is behind.
    fn look_at(&self, link: &Link, sent: &mut Sent) {
        let (statistics, behind) = link.statistics();
        // What is handed over and not gone: over SRT, what is not acknowledged.
        let (unsent, later) = match behind {
            Behind::Bytes(unsent) => (unsent as u64, Span::ZERO),
            Behind::Time(time) => (0, time.into()),
        };
        let left_bytes = sent.bytes.saturating_sub(unsent);
        let under_way = sent.under_way.left(left_bytes) + later;
        let sent_bps = sent.bits_per_second();
        let unacknowledged = if later > Span::ZERO { statistics.in_flight * PACKET_BYTES } else { unsent };
        let mut queued = self.shared.lock();
        let waiting = queued.queue.bytes() as u64 + link.pending() as u64 + unacknowledged;
        let look = Look {
            queued: queued.queue.span() + under_way,
            queued_bytes: waiting,
            round_trip: statistics.round_trip.into(),
            latency: statistics.latency.into(),
            left_bytes,
            // What the system has not sent waits for the network too.
            idle: std::mem::take(&mut sent.idle) && unsent == 0,
        };
        (queued.sent_bps, queued.under_way) = (sent_bps, under_way);
        (queued.link, queued.look) = (Some(statistics), Some((Instant::now(), look)));
    }

    /// A first connection sends what was encoded while it was made; a later one begins with a new keyframe, and so does one
    /// that took longer than a group of pictures is kept.
    fn go_live(&mut self) {
        {
            let mut queued = self.shared.lock();
            queued.offline = false;
            if let (true, Some(tracks)) = (self.was_live, queued.tracks.clone()) {
                queued.queue.restart(&tracks);
            }
            if queued.queue.awaits_keyframe() {
                self.keyframes.ask();
            }
        }
        self.was_live = true;
        self.refusals = 0;
        self.change(State::Live { since: Instant::now() });
    }

    fn change(&self, state: State) {
        match &state {
            State::Failed { cause } => warn!(destination = self.name, reason = %cause, "failed"),
            State::Retrying { attempt, cause, .. } => {
                warn!(destination = self.name, attempt, reason = %cause, "connection lost, trying again");
            }
            State::Live { .. } => info!(destination = self.name, server = self.target.server(), "live"),
            State::Connecting | State::Ended => info!(destination = self.name, ?state, "destination"),
        }
        self.state.send_replace(state);
    }
}

/// For ever where there is no such moment.
async fn until(moment: Option<tokio::time::Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// What one connection was given.
#[derive(Default)]
struct Sent {
    bytes: u64,
    /// Whether there was nothing more to hand over at some time since the last look.
    idle: bool,
    under_way: UnderWay,
    /// When how much had been sent: one entry for each look of the last second.
    looks: std::collections::VecDeque<(tokio::time::Instant, u64)>,
}

impl Sent {
    /// Over the last second.
    fn bits_per_second(&mut self) -> u64 {
        let now = tokio::time::Instant::now();
        while self.looks.len() > LOOKS {
            self.looks.pop_front();
        }
        self.looks.push_back((now, self.bytes));
        let Some(&(since, before)) = self.looks.front() else { return 0 };
        let seconds = (now - since).as_secs_f64();
        if seconds > 0.0 { ((self.bytes - before) as f64 * 8.0 / seconds) as u64 } else { 0 }
    }
}

/// From the name look-up to the server's yes.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Without a byte accepted for this long the link is dead. Mobile networks pause for some seconds.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

/// On a network that works something moves within this time. TCP repeats what was lost later and later, so a connection that
/// has carried nothing for some seconds may not notice for as long again that it could.
const PROMPT: Duration = Duration::from_secs(1);

/// What waits outside the queue, where nothing can be dropped any more: half a large keyframe.
const PENDING_BYTES: usize = 64 << 10;

/// Of SRT: seven of MPEG-TS.
const PACKET_BYTES: u64 = 1_316;

/// Whoever adapts to the network looks as often.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Looks of a second.
const LOOKS: usize = 5;

/// Refusals in a row of a key that was accepted before, until it counts as withdrawn: half a minute.
const REFUSALS_MAX: u32 = 5;
