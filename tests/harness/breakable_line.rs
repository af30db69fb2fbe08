//! A line between a client and a server that a test can cut.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinHandle};

/// Forwards TCP connections; dropping it ends all of them.
pub struct BreakableLine {
    /// Where clients connect.
    pub address: SocketAddr,
    open: Arc<Mutex<Vec<AbortHandle>>>,
    task: JoinHandle<()>,
}

impl BreakableLine {
    /// Forwards to `server`.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn to(server: SocketAddr) -> BreakableLine {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let open: Arc<Mutex<Vec<AbortHandle>>> = Arc::default();
        let opened = Arc::clone(&open);
        let task = tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let forward = tokio::spawn(async move {
                    if let Ok(mut far) = TcpStream::connect(server).await {
                        let _ = copy_bidirectional(&mut near, &mut far).await;
                    }
                });
                opened.lock().expect("nothing panics with it").push(forward.abort_handle());
            }
        });
        BreakableLine { address, open, task }
    }

    /// Cuts every connection that is open; the next ones are forwarded.
    pub fn cut(&self) {
        for connection in self.open.lock().expect("nothing panics with it").drain(..) {
            connection.abort();
        }
    }
}

impl Drop for BreakableLine {
    fn drop(&mut self) {
        self.task.abort();
        self.cut();
    }
}
