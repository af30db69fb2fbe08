//! A line between a client and a server that a test can cut, and that may be slow.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::{AbortHandle, JoinHandle};

/// Forwards TCP connections; dropping it ends all of them.
pub struct BreakableLine {
    /// Where clients connect.
    pub address: SocketAddr,
    open: Arc<Mutex<Vec<AbortHandle>>>,
    /// Bytes that came from clients so far.
    carried: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl BreakableLine {
    /// Forwards to `server`.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn to(server: SocketAddr) -> BreakableLine {
        BreakableLine::slow_to(server, u64::MAX).await
    }

    /// Forwards to `server`, what comes from each client at `bytes_per_s` at most.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn slow_to(server: SocketAddr, bytes_per_s: u64) -> BreakableLine {
        let socket = TcpSocket::new_v4().expect("the system has sockets");
        if bytes_per_s < u64::MAX {
            // Otherwise the system takes megabytes at once, which go on after the client has ended.
            socket.set_recv_buffer_size(PIECE_BYTES as u32).expect("any size is taken");
        }
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
        let listener = socket.listen(CONNECTIONS_WAITING_MAX).expect("a bound socket listens");
        let address = listener.local_addr().expect("a bound listener has an address");
        let open: Arc<Mutex<Vec<AbortHandle>>> = Arc::default();
        let carried: Arc<AtomicU64> = Arc::default();
        let (opened, counted) = (Arc::clone(&open), Arc::clone(&carried));
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let forward = tokio::spawn(forward(near, server, bytes_per_s, Arc::clone(&counted)));
                opened.lock().expect("nothing panics with it").push(forward.abort_handle());
            }
        });
        BreakableLine { address, open, carried, task }
    }

    /// Cuts every connection that is open; the next ones are forwarded.
    pub fn cut(&self) {
        for connection in self.open.lock().expect("nothing panics with it").drain(..) {
            connection.abort();
        }
    }

    /// Bytes that came from clients so far.
    pub fn carried(&self) -> u64 {
        self.carried.load(Ordering::Relaxed)
    }
}

impl Drop for BreakableLine {
    fn drop(&mut self) {
        self.task.abort();
        self.cut();
    }
}

async fn forward(mut near: TcpStream, server: SocketAddr, bytes_per_s: u64, carried: Arc<AtomicU64>) {
    let Ok(mut far) = TcpStream::connect(server).await else { return };
    let (mut near_in, mut near_out) = near.split();
    let (mut far_in, mut far_out) = far.split();
    let up = async {
        let mut buffer = vec![0; PIECE_BYTES];
        loop {
            let bytes = near_in.read(&mut buffer).await?;
            if bytes == 0 {
                return far_out.shutdown().await;
            }
            far_out.write_all(&buffer[..bytes]).await?;
            carried.fetch_add(bytes as u64, Ordering::Relaxed);
            let took = Duration::from_secs_f64(bytes as f64 / bytes_per_s as f64);
            if took > Duration::from_micros(1) {
                tokio::time::sleep(took).await;
            }
        }
    };
    let down = async {
        copy(&mut far_in, &mut near_out).await?;
        near_out.shutdown().await
    };
    let _ = tokio::try_join!(up, down);
}

/// One read: small, so that a slow line is slow evenly.
const PIECE_BYTES: usize = 16 << 10;

/// A browser opens six at once.
const CONNECTIONS_WAITING_MAX: u32 = 64;
