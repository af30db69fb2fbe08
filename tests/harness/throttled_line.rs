//! A line between clients and a server that carries only so much, each way.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

/// What a packet carries on the internet. Loopback's own of 64 KiB would have the sender's system hold megabytes that
/// its program takes for sent.
const SEGMENT_BYTES: u32 = 1_400;
/// What waits in the line itself.
const BUFFER_BYTES: usize = 16 << 10;
/// What is carried at once.
const PIECE_BYTES: usize = 2 << 10;

/// Linux' least time until what was not acknowledged is sent again.
const RETRANSMISSION: Duration = Duration::from_millis(200);
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// Forwards TCP connections; dropping it ends all of them.
pub struct ThrottledLine {
    /// Where clients connect.
    pub address: SocketAddr,
    up: Arc<Way>,
    down: Arc<Way>,
    /// How many connections were opened, and how many of them carry nothing more.
    opened: Arc<Counts>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Counts {
    opened: AtomicU64,
    forsaken: AtomicU64,
}

/// One way of the line, which all connections share.
struct Way {
    bits_per_second: AtomicU64,
    /// Of 1 000 pieces so many are lost at first.
    loss_permille: AtomicU64,
    passing: Mutex<Passing>,
}

struct Passing {
    /// When what was taken so far has passed.
    free: Instant,
    random: u64,
}

impl ThrottledLine {
    /// Forwards to `server`, at first as fast as it goes.
    ///
    /// # Panics
    /// When no port is free.
    pub fn to(server: SocketAddr) -> ThrottledLine {
        let listener = listen().expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let (up, down) = (Way::new(), Way::new());
        let ways = (Arc::clone(&up), Arc::clone(&down));
        let opened: Arc<Counts> = Arc::default();
        let counts = Arc::clone(&opened);
        let task = tokio::spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                let ((up, down), counts) = (ways.clone(), Arc::clone(&counts));
                let number = counts.opened.fetch_add(1, Ordering::Relaxed);
                open.spawn(async move {
                    let Ok(far) = TcpStream::connect(server).await else { return };
                    let ((near_out, near_in), (far_out, far_in)) = (near.into_split(), far.into_split());
                    let of = (number, &*counts);
                    tokio::join!(carry(near_out, far_in, &up, of), carry(far_out, near_in, &down, of));
                });
                while open.try_join_next().is_some() {}
            }
        });
        ThrottledLine { address, up, down, opened, task }
    }

    /// Carries so much towards the server from now on.
    pub fn limit(&self, bits_per_second: u64) {
        self.up.bits_per_second.store(bits_per_second, Ordering::Relaxed);
    }

    /// Loses so many of 1 000 pieces towards the server, each of which TCP sends again when its time is over: nothing passes
    /// until then.
    pub fn lose(&self, permille: u64) {
        self.up.loss_permille.store(permille, Ordering::Relaxed);
    }

    /// Whatever is open carries nothing more, and neither end is told; what is opened later does. As when a router forgot what
    /// passes it.
    pub fn forsake(&self) {
        self.opened.forsaken.store(self.opened.opened.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Carries so much towards the clients from now on; `None`: as fast as it goes.
    pub fn limit_down(&self, bits_per_second: Option<u64>) {
        self.down.bits_per_second.store(bits_per_second.unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Way {
    fn new() -> Arc<Way> {
        let bits_per_second = AtomicU64::new(u64::MAX);
        let passing = Mutex::new(Passing { free: Instant::now(), random: SEED });
        Arc::new(Way { bits_per_second, loss_permille: AtomicU64::new(0), passing })
    }

    /// Waits until so many bytes have passed, behind those of everybody before.
    async fn pass(&self, bytes: usize) {
        let limit = self.bits_per_second.load(Ordering::Relaxed);
        let loss_permille = self.loss_permille.load(Ordering::Relaxed);
        if limit == u64::MAX && loss_permille == 0 {
            return;
        }
        let takes = Duration::from_secs_f64(bytes as f64 * 8.0 / limit as f64);
        let passed = {
            let mut passing = self.passing.lock().await;
            let repeated = passing.repeated_for(loss_permille);
            passing.free = passing.free.max(Instant::now()) + takes + repeated;
            passing.free
        };
        tokio::time::sleep_until(passed).await;
    }
}

impl Passing {
    /// How long TCP waits until a piece has arrived at last: the time doubles each time that it is lost again.
    fn repeated_for(&mut self, loss_permille: u64) -> Duration {
        let mut waited = Duration::ZERO;
        let mut timeout = RETRANSMISSION;
        loop {
            // xorshift64: the same pieces are lost each time.
            self.random ^= self.random << 13;
            self.random ^= self.random >> 7;
            self.random ^= self.random << 17;
            if self.random % 1_000 >= loss_permille || waited >= RETRANSMISSION * 15 {
                return waited;
            }
            waited += timeout;
            timeout *= 2;
        }
    }
}

impl Drop for ThrottledLine {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn listen() -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // What connects takes both over from the listener.
    socket.set_tcp_mss(SEGMENT_BYTES)?;
    socket.set_recv_buffer_size(BUFFER_BYTES)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    socket.listen(128)?;
    TcpListener::from_std(socket.into())
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, way: &Way, (number, counts): (u64, &Counts)) {
    let mut piece = [0; PIECE_BYTES];
    while let Ok(length) = from.read(&mut piece).await {
        if length == 0 {
            break;
        }
        way.pass(length).await;
        if number < counts.forsaken.load(Ordering::Relaxed) {
            return std::future::pending().await;
        }
        if to.write_all(&piece[..length]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}
