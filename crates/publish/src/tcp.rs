//! TCP connections, plain or under TLS, and what the system knows of them.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use socket2::{SockRef, Socket};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::target::Rtmp;
use crate::{Cause, CauseKind, Trust};

/// What RTMP is spoken over.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Connects; gives the stream and a handle by which the system is asked about it. The caller limits the time.
pub(crate) async fn connect(target: &Rtmp, trust: &Trust) -> Result<(Box<dyn Stream>, Watch), Cause> {
    let stream = connect_to_one(&look_up(&target.host, target.port).await?).await?;
    stream.set_nodelay(true)?;
    let socket = SockRef::from(&stream);
    // Best effort: without them a dead link is noticed by the driver's own limit, only later.
    #[cfg(target_os = "linux")]
    {
        let _ = socket.set_tcp_user_timeout(Some(UNANSWERED_LIMIT));
        let _ = socket.set_send_buffer_size(SEND_BUFFER_BYTES);
        let _ = socket.set_tcp_notsent_lowat(UNSENT_BYTES);
    }
    let watch = Watch(socket.try_clone()?);
    if !target.tls {
        return Ok((Box::new(stream), watch));
    }
    let trust = trust.clone();
    let config = tokio::task::spawn_blocking(move || trust.config()).await.map_err(io::Error::other)??;
    let name =
        ServerName::try_from(target.host.clone()).map_err(|error| CauseKind::Untrusted.said(&error))?;
    let secured = tokio_rustls::TlsConnector::from(Arc::clone(&config)).connect(name, stream).await;
    Ok((Box::new(secured.map_err(|error| tls_failure(&error))?), watch))
}

/// Connects to the first of `addresses` that answers. Some of a name's may lead nowhere, as IPv6 does behind many routers:
/// while one has not answered for [`NEXT_ADDRESS`], the next one is tried beside it (RFC 8305 §5).
async fn connect_to_one(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut untried = addresses.iter().copied();
    let mut tries = JoinSet::new();
    let mut failure = None;
    loop {
        match untried.next() {
            Some(address) => drop(tries.spawn(TcpStream::connect(address))),
            None if tries.is_empty() => return Err(failure.unwrap_or_else(|| ErrorKind::NotFound.into())),
            None => {}
        }
        tokio::select! {
            Some(tried) = tries.join_next() => match tried.map_err(io::Error::other).flatten() {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = Some(error),
            },
            () = tokio::time::sleep(NEXT_ADDRESS), if untried.len() > 0 => {}
        }
    }
}

/// The addresses of a server, at least one.
pub(crate) async fn look_up(host: &str, port: u16) -> Result<Vec<SocketAddr>, Cause> {
    let found = tokio::net::lookup_host((host, port)).await;
    let found: Vec<_> = found.map_err(|_| CauseKind::NameUnknown.said(host))?.collect();
    if found.is_empty() { Err(CauseKind::NameUnknown.said(host)) } else { Ok(found) }
}

/// A certificate that is not trusted stays so; anything else of TLS may be the network.
fn tls_failure(error: &io::Error) -> Cause {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(reason)) => CauseKind::Untrusted.said(reason),
        Some(inner @ rustls::Error::InvalidMessage(_)) => CauseKind::NotTls.said(inner),
        Some(inner) => CauseKind::Network.said(&format_args!("TLS: {inner}")),
        None => io::Error::from(error.kind()).into(),
    }
}

/// A second handle of a connection, to ask the system about it.
pub(crate) struct Watch(Socket);

/// What the system knows of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    /// There and back, smoothed.
    pub(crate) round_trip: Duration,
    /// Packets that were repeated.
    pub(crate) retransmitted: u64,
    /// Packets sent and not acknowledged.
    pub(crate) in_flight: u64,
    /// Bytes accepted from the program and not sent yet.
    pub(crate) unsent_bytes: usize,
}

impl Watch {
    /// The figures; zero where the system does not tell.
    #[cfg(target_os = "linux")]
    pub(crate) fn figures(&self) -> Figures {
        use std::os::fd::AsRawFd as _;
        let socket = self.0.as_raw_fd();
        // SAFETY: the structure is plain numbers, for which zero is a value; the kernel writes at most `length` bytes of
        // it, into memory that outlives the call. The descriptor is open for as long as `self`.
        let (info, told) = unsafe {
            let mut info: libc::tcp_info = std::mem::zeroed();
            let mut length = size_of::<libc::tcp_info>() as libc::socklen_t;
            let into = (&raw mut info).cast();
            let told = libc::getsockopt(socket, libc::IPPROTO_TCP, libc::TCP_INFO, into, &raw mut length);
            (info, told)
        };
        let mut unsent: libc::c_int = 0;
        // SAFETY: the request writes one number, into `unsent`.
        let counted = unsafe { libc::ioctl(socket, UNSENT_REQUEST, &raw mut unsent) };
        if told != 0 || counted != 0 {
            return Figures::default();
        }
        Figures {
            round_trip: Duration::from_micros(info.tcpi_rtt.into()),
            retransmitted: info.tcpi_total_retrans.into(),
            in_flight: info.tcpi_unacked.into(),
            unsent_bytes: usize::try_from(unsent).unwrap_or(0),
        }
    }

    /// Not told by this system.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn figures(&self) -> Figures {
        Figures::default()
    }
}

/// A server that is there answers sooner, and all of a name's addresses are tried in time.
const NEXT_ADDRESS: Duration = Duration::from_millis(250);

/// `SIOCOUTQNSD`.
#[cfg(target_os = "linux")]
const UNSENT_REQUEST: libc::Ioctl = 0x894b;

/// What is not acknowledged for so long will not be. Mobile networks pause for some seconds.
#[cfg(target_os = "linux")]
const UNANSWERED_LIMIT: Duration = Duration::from_secs(10);

/// Of the kernel's own queue so much may wait to be sent, where nothing can be dropped any more: a tenth of a second at
/// 2.5 Mbit/s.
#[cfg(target_os = "linux")]
const UNSENT_BYTES: u32 = 32 << 10;

/// The kernel's own queue with what is under way: a long path needs room (Linux doubles it).
#[cfg(target_os = "linux")]
const SEND_BUFFER_BYTES: usize = 256 * 1_024;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    /// A listener that answers nobody any more: what waits to be accepted is full.
    async fn silent() -> (TcpListener, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a free port");
        let listener = socket.listen(1).expect("it listens");
        let address = listener.local_addr().expect("it is bound");
        let mut waiting = Vec::new();
        while let Ok(Ok(stream)) = tokio::time::timeout(NEXT_ADDRESS, TcpStream::connect(address)).await {
            waiting.push(stream);
        }
        (listener, waiting)
    }

    #[tokio::test]
    async fn an_address_that_leads_nowhere_does_not_hide_the_next_one() {
        let (dead, _waiting) = silent().await;
        let there = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let addresses = [&dead, &there].map(|listener| listener.local_addr().expect("it is bound"));
        let connected = tokio::time::timeout(Duration::from_secs(45), connect_to_one(&addresses)).await;
        let stream = connected.expect("it does not wait for the first").expect("the second is there");
        assert_eq!(stream.peer_addr().expect("it is connected"), addresses[1]);
    }

    #[tokio::test]
    async fn when_all_refuse_the_reason_is_told() {
        let refusing: SocketAddr = {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
            listener.local_addr().expect("it is bound")
        };
        let refused = connect_to_one(&[refusing, refusing]).await.expect_err("nobody listens");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }
}
