//! A network that loses, delays and reorders, the same way each time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

/// What happens to each packet, in both directions alike.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// How long each is under way.
    pub delay: Duration,
    /// Of 1 000 packets so many are lost.
    pub loss_permille: u32,
    /// Of 1 000 packets so many are under way a tenth longer, so that others pass them.
    pub late_permille: u32,
    /// The same seed loses the same packets of the same traffic.
    pub seed: u64,
}

/// A UDP relay between one caller and one listener; dropping it ends it.
#[derive(Debug)]
pub struct LossyRelay {
    address: SocketAddr,
    loss_permille: Arc<AtomicU32>,
    limit_bps: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl LossyRelay {
    /// Relays what comes in on a free port of loopback to `to`, and the answers back.
    ///
    /// # Panics
    /// When no socket can be bound.
    pub async fn start(to: SocketAddr, weather: Weather) -> LossyRelay {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let near = UdpSocket::bind(loopback).await.expect("a free port");
        let far = UdpSocket::bind(loopback).await.expect("a free port");
        far.connect(to).await.expect("an address of loopback");
        let address = near.local_addr().expect("a bound socket");
        let loss_permille = Arc::new(AtomicU32::new(weather.loss_permille));
        let limit_bps = Arc::new(AtomicU64::new(u64::MAX));
        let relay = Relay {
            near,
            far,
            caller: None,
            weather,
            loss_permille: Arc::clone(&loss_permille),
            limit_bps: Arc::clone(&limit_bps),
            free: Instant::now(),
            random: weather.seed | 1,
            under_way: BinaryHeap::new(),
            number: 0,
        };
        LossyRelay { address, loss_permille, limit_bps, task: tokio::spawn(relay.run()) }
    }

    /// Where to call.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Carries so many bits per second towards the listener from now on, with a queue of [`QUEUE_MAX`] before it.
    pub fn set_limit_bps(&self, bits_per_second: u64) {
        self.limit_bps.store(bits_per_second, Ordering::Relaxed);
    }

    /// Loses so many of 1 000 packets from now on.
    pub fn set_loss_permille(&self, permille: u32) {
        self.loss_permille.store(permille, Ordering::Relaxed);
    }
}

impl Drop for LossyRelay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// When a packet arrives, its number, whether it goes to the far end, and its bytes.
type UnderWay = Reverse<(Instant, u64, bool, Vec<u8>)>;

struct Relay {
    near: UdpSocket,
    far: UdpSocket,
    caller: Option<SocketAddr>,
    weather: Weather,
    loss_permille: Arc<AtomicU32>,
    limit_bps: Arc<AtomicU64>,
    /// When what waits for the limit has passed.
    free: Instant,
    random: u64,
    under_way: BinaryHeap<UnderWay>,
    number: u64,
}

impl Relay {
    async fn run(mut self) {
        let (mut there, mut back) = ([0_u8; 2_048], [0_u8; 2_048]);
        loop {
            let due = self.under_way.peek().map(|Reverse((due, ..))| *due);
            tokio::select! {
                Ok((len, from)) = self.near.recv_from(&mut there) => {
                    self.caller = Some(from);
                    self.take(true, &there[..len]);
                }
                Ok(len) = self.far.recv(&mut back) => self.take(false, &back[..len]),
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.deliver().await,
            }
        }
    }

    fn take(&mut self, to_far: bool, packet: &[u8]) {
        let lost = self.chance() < self.loss_permille.load(Ordering::Relaxed);
        let late = self.chance() < self.weather.late_permille;
        if lost || self.under_way.len() >= UNDER_WAY_MAX {
            return;
        }
        let delay = self.weather.delay + if late { self.weather.delay / 10 } else { Duration::ZERO };
        let Some(waits) = self.wait_for(to_far, packet.len()) else { return };
        self.number += 1;
        self.under_way.push(Reverse((Instant::now() + waits + delay, self.number, to_far, packet.to_vec())));
    }

    /// How long a packet waits for those before it; `None` when the queue is full.
    fn wait_for(&mut self, to_far: bool, bytes: usize) -> Option<Duration> {
        let limit_bps = self.limit_bps.load(Ordering::Relaxed);
        if !to_far || limit_bps == u64::MAX {
            return Some(Duration::ZERO);
        }
        let now = Instant::now();
        let passed = self.free.max(now) + Duration::from_secs_f64(bytes as f64 * 8.0 / limit_bps as f64);
        let waits = passed - now;
        if waits > QUEUE_MAX {
            return None;
        }
        self.free = passed;
        Some(waits)
    }

    async fn deliver(&mut self) {
        let now = Instant::now();
        while self.under_way.peek().is_some_and(|Reverse((due, ..))| *due <= now) {
            let Some(Reverse((_, _, to_far, packet))) = self.under_way.pop() else { return };
            // An end that is gone takes nothing, as in any network.
            let _ = match self.caller {
                _ if to_far => self.far.send(&packet).await,
                Some(caller) => self.near.send_to(&packet, caller).await,
                None => Ok(0),
            };
        }
    }

    /// Below 1 000, each as often (xorshift).
    fn chance(&mut self) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 33) as u32 % 1_000
    }
}

/// What routers hold for a slow line, in its time.
const QUEUE_MAX: Duration = Duration::from_millis(500);

/// Packets under way: a second of 100 Mbit/s. Full, the next are lost.
const UNDER_WAY_MAX: usize = 10_000;
