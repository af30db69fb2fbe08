//! A line between a client and a server that carries only so much towards the server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// What a packet carries on the internet. Loopback's own of 64 KiB would have the sender's system hold megabytes that
/// its program takes for sent.
const SEGMENT_BYTES: u32 = 1_400;
/// What waits in the line itself.
const BUFFER_BYTES: usize = 16 << 10;
/// What is carried at once.
const PIECE_BYTES: usize = 2 << 10;

/// Forwards TCP connections; dropping it ends all of them.
pub struct ThrottledLine {
    /// Where clients connect.
    pub address: SocketAddr,
    bits_per_second: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl ThrottledLine {
    /// Forwards to `server`, at first as fast as it goes.
    ///
    /// # Panics
    /// When no port is free.
    pub fn to(server: SocketAddr) -> ThrottledLine {
        let listener = listen().expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let bits_per_second = Arc::new(AtomicU64::new(u64::MAX));
        let limit = Arc::clone(&bits_per_second);
        let task = tokio::spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                let limit = Arc::clone(&limit);
                open.spawn(async move {
                    let Ok(far) = TcpStream::connect(server).await else { return };
                    let ((near_out, mut near_in), (mut far_out, far_in)) =
                        (near.into_split(), far.into_split());
                    tokio::join!(carry(near_out, far_in, &limit), async {
                        let _ = copy(&mut far_out, &mut near_in).await;
                    });
                });
                while open.try_join_next().is_some() {}
            }
        });
        ThrottledLine { address, bits_per_second, task }
    }

    /// Carries so much towards the server from now on, over each connection.
    pub fn limit(&self, bits_per_second: u64) {
        self.bits_per_second.store(bits_per_second, Ordering::Relaxed);
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

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, bits_per_second: &AtomicU64) {
    let mut piece = [0; PIECE_BYTES];
    while let Ok(length) = from.read(&mut piece).await {
        if length == 0 || to.write_all(&piece[..length]).await.is_err() {
            break;
        }
        let limit = bits_per_second.load(Ordering::Relaxed);
        if limit != u64::MAX {
            tokio::time::sleep(Duration::from_secs_f64(length as f64 * 8.0 / limit as f64)).await;
        }
    }
    let _ = to.shutdown().await;
}
