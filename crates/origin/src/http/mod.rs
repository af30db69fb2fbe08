//! HTTP: pages, the API, playback and chat.

mod access;
mod accounts;
mod attendance;
mod broadcasts;
mod byte_range;
mod chapters;
mod chat;
mod client_address;
mod comments;
mod cookies;
mod description;
mod entity_tag;
mod flv;
mod following;
mod foreign_pages;
mod forgotten;
mod front;
mod gate;
#[cfg(test)]
mod gate_tests;
mod gifts;
mod health;
mod identity;
mod ingest;
mod invitations;
mod lane;
#[cfg(test)]
mod made_once_tests;
mod moderation;
mod moderators;
mod object;
mod own_account;
mod owner;
mod pages;
mod pieces;
#[cfg(test)]
mod place;
mod playback;
mod player;
mod player_links;
mod polls;
mod problem;
#[cfg(test)]
mod protocol_tests;
mod recordings;
mod replay;
mod rewound;
#[cfg(test)]
mod room_life_tests;
mod room_picture;
mod room_settings;
mod rooms;
mod routes;
mod secure;
mod server_settings;
mod session;
#[cfg(test)]
mod session_tests;
mod thumbnail;
mod tokens;
mod uploads;
#[cfg(test)]
mod walk_tests;
mod webhooks;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::middleware::from_fn_with_state;
use bytes::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use self::front::Front;
use self::lane::Lane;
use self::rewound::Rewound;
use crate::ingest::{Place, Places};
use crate::memory_file::Socket;
use crate::state::Shared;
use crate::threads::Threads;
use crate::tls::Acceptor;

pub use description::api_description;
pub(crate) use rooms::{rtmp_url, shown, srt_url};
pub(crate) use routes::router;

/// Accepts connections until `shutdown`, then lets requests in progress end within [`DRAIN_MAX`]. With `tls` they
/// speak HTTP/2 or HTTP/1.1 as ALPN says, without it HTTP/1.1.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<Acceptor>,
    threads: Arc<Threads>,
    shared: Arc<Shared>,
    shutdown: CancellationToken,
) {
    let limits = shared.config.limits;
    let places = Places::new(limits.http_connections, limits.http_connections_per_address);
    let router = router(Arc::clone(&shared));
    let router = match tls {
        Some(_) => secure::secured(router),
        None => {
            let trusting = from_fn_with_state(Arc::clone(&shared), client_address::trust_proxies);
            router.layer(trusting)
        }
    };
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
            Some(ended) = connections.join_next() => {
                go_on(&mut connections, ended);
                continue;
            }
        };
        match accepted {
            Ok((socket, peer)) => {
                let Some(place) = places.take(peer) else {
                    tracing::warn!(%peer, "too many HTTP connections, this one is refused");
                    continue;
                };
                // A part is written in one go; the last bytes of it must not wait for an acknowledgement.
                let _ = socket.set_nodelay(true);
                // A peer that takes nothing would hold its answer, and the media in it, for as long as TCP probes it.
                let _ = socket2::SockRef::from(&socket).set_tcp_user_timeout(Some(UNREAD_MAX));
                let front = Front { router: router.clone(), shared: Arc::clone(&shared), peer, wire: None };
                let connection = Connection { front, shutdown: shutdown.clone(), place };
                match tls.clone() {
                    Some(tls) => drop(connections.spawn(connection.secure(socket, tls))),
                    None => drop(connections.spawn_on(connection.lane(socket.into_std()), threads.next())),
                }
            }
            Err(error) => {
                tracing::warn!(%error, "HTTP accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    let drain = async {
        while let Some(ended) = connections.join_next().await {
            go_on(&mut connections, ended);
        }
    };
    if tokio::time::timeout(DRAIN_MAX, drain).await.is_err() {
        connections.shutdown().await;
    }
}

struct Connection {
    front: Front,
    shutdown: CancellationToken,
    place: Place,
}

/// A connection that goes on in the general server, and what was read of it.
struct Onward {
    connection: Connection,
    read: Bytes,
    socket: std::net::TcpStream,
}

impl Onward {
    async fn serve(self) -> Option<Onward> {
        let Onward { mut connection, read, socket } = self;
        match TcpStream::from_std(socket) {
            Ok(socket) => {
                let socket = Socket::new(socket, Arc::clone(&connection.front.shared.files));
                let socket = Rewound::new(read, socket);
                connection.front.wire = Some(Arc::clone(socket.wire()));
                connection.serve(socket, builder().http1_only()).await;
            }
            Err(error) => tracing::warn!(peer = %connection.front.peer, %error, "HTTP connection"),
        }
        None
    }
}

impl Connection {
    /// Answers requests for live media over plain HTTP, and gives back what asks for something else.
    async fn lane(self, socket: io::Result<std::net::TcpStream>) -> Option<Onward> {
        let peer = self.front.peer;
        let lane = async {
            let socket = Socket::new(TcpStream::from_std(socket?)?, Arc::clone(&self.front.shared.files));
            Lane::new(socket, Arc::clone(&self.front.shared), peer, self.shutdown.clone()).run().await
        };
        match lane.await {
            Ok(lane::End::Other { read, socket }) => return Some(Onward { connection: self, read, socket }),
            Ok(lane::End::Closed) => {}
            Err(error) => tracing::debug!(%peer, %error, "HTTP connection"),
        }
        None
    }

    async fn secure(self, socket: TcpStream, tls: Acceptor) -> Option<Onward> {
        let peer = self.front.peer;
        let accepted = tokio::select! {
            () = self.shutdown.cancelled() => return None,
            accepted = tls.accept(socket) => accepted,
        };
        match accepted {
            Ok(socket) if socket.get_ref().1.alpn_protocol() == Some(HTTP_2) => {
                self.serve(socket, builder().http2_only()).await;
            }
            Ok(socket) => self.serve(socket, builder().http1_only()).await,
            Err(error) => tracing::debug!(%peer, %error, "TLS handshake"),
        }
        None
    }

    async fn serve<S>(self, socket: S, builder: auto::Builder<TokioExecutor>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Connection { front, shutdown, place: _place } = self;
        let peer = front.peer;
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(socket), front);
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, error, "HTTP connection");
        }
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    let mut http1 = builder.http1();
    http1.timer(TokioTimer::new()).header_read_timeout(HEADERS_MAX).max_buf_size(HEADER_BYTES_MAX);
    let mut http2 = builder.http2();
    http2.timer(TokioTimer::new()).max_header_list_size(HEADER_BYTES_MAX as u32);
    http2
        .max_concurrent_streams(STREAMS_MAX)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(HEADERS_MAX);
    builder
}

/// Hands a connection whose lane has ended to the general server, in the runtime of whoever calls.
fn go_on(connections: &mut JoinSet<Option<Onward>>, ended: Result<Option<Onward>, JoinError>) {
    match ended {
        Ok(Some(onward)) => drop(connections.spawn(onward.serve())),
        Err(error) if error.is_panic() => {
            tracing::error!(%error, "a connection's task failed; the others go on");
        }
        Ok(None) | Err(_) => {}
    }
}

/// For a request's headers to arrive, and between two requests of a connection.
const HEADERS_MAX: Duration = Duration::from_secs(30);
/// HTTP/2 in ALPN (RFC 7301, RFC 9113 §3.2); what else is offered is HTTP/1.1.
pub(crate) const HTTP_2: &[u8] = b"h2";
/// Requests at a time on one HTTP/2 connection: a page's files, and a player's waits.
const STREAMS_MAX: u32 = 128;
/// A silent HTTP/2 connection is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// For what was sent to be acknowledged; a peer that is away for longer connects again.
const UNREAD_MAX: Duration = Duration::from_secs(30);
/// Request line and headers together.
const HEADER_BYTES_MAX: usize = 32 << 10;
/// Shutdown promises closed files after five seconds.
const DRAIN_MAX: Duration = Duration::from_secs(2);
/// After a failed accept, mostly for want of file handles: trying at once would only burn a core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
