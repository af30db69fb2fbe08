//! `srt-live-transmit`, libsrt's own program, for comparison.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::process::{Child, Command};

/// The program as an SRT listener, and where it puts what it receives. It ends when this is dropped.
#[derive(Debug)]
pub struct LiveTransmit {
    /// Where it listens.
    pub address: SocketAddr,
    sink: UdpSocket,
    _program: Child,
}

impl LiveTransmit {
    /// Listens on loopback with this latency.
    ///
    /// # Panics
    /// When the program is not installed, or no port is free.
    pub async fn start(latency: Duration) -> LiveTransmit {
        let free = async || UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        let sink = free().await;
        let local = |socket: &UdpSocket| socket.local_addr().expect("a bound socket has an address");
        let address = local(&free().await);
        let from = format!("srt://{address}?mode=listener&latency={}", latency.as_millis());
        let to = format!("udp://{}", local(&sink));
        let mut command = Command::new("srt-live-transmit");
        command.args(["-q", &from, &to]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let program = command.kill_on_drop(true).spawn().expect("srt-tools is installed");
        LiveTransmit { address, sink, _program: program }
    }

    /// Counts the blocks that it gives out, until nothing came for longer than the latency and any repetition.
    pub async fn count(&self) -> u32 {
        let (mut count, mut block) = (0, [0_u8; 2_048]);
        while tokio::time::timeout(SILENCE, self.sink.recv(&mut block)).await.is_ok() {
            count += 1;
        }
        count
    }
}

const SILENCE: Duration = Duration::from_secs(5);
