//! RTMP, SRT, WebSocket and stored files in: one task a publisher, from its first byte to its last.

mod amf0;
mod chunk;
mod intake;
mod over_srt;
mod publisher;
mod session;
pub(crate) mod stored_file;
mod stream_id;
mod ticket;
#[cfg(test)]
mod transport_tests;
pub(crate) mod websocket;
mod wrong_keys;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(crate) use over_srt::Server as SrtServer;
pub(crate) use ticket::Tickets;
pub(crate) use wrong_keys::WrongKeys;

use crate::state::Shared;
use crate::threads::Threads;
use crate::tls::Acceptor;

/// Accepts RTMP publishers until `shutdown`, then waits for their tasks. With `tls` they speak RTMPS.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<Acceptor>,
    threads: Arc<Threads>,
    shared: Arc<Shared>,
    shutdown: CancellationToken,
) {
    let limits = shared.config.limits;
    let places = Places::new(limits.rtmp_connections, limits.rtmp_connections_per_address);
    let mut publishers = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
            Some(ended) = publishers.join_next() => {
                report(ended);
                continue;
            }
        };
        match accepted {
            Ok((socket, peer)) => {
                let Some(place) = places.take(peer) else {
                    tracing::warn!(%peer, "too many RTMP connections, this one is refused");
                    continue;
                };
                // Answers are few and small; waiting for more to send would only delay them.
                let _ = socket.set_nodelay(true);
                let (shared, shutdown, tls) = (Arc::clone(&shared), shutdown.clone(), tls.clone());
                let publish = async move |socket| match tls {
                    None => publisher::serve(socket, peer, &shared, &shutdown).await,
                    Some(tls) => match tls.accept(socket).await {
                        Ok(socket) => publisher::serve(socket, peer, &shared, &shutdown).await,
                        Err(error) => tracing::info!(%peer, %error, "RTMPS handshake"),
                    },
                };
                let socket = socket.into_std();
                let task = async move {
                    match socket.and_then(TcpStream::from_std) {
                        Ok(socket) => publish(socket).await,
                        Err(error) => tracing::warn!(%peer, %error, "RTMP connection"),
                    }
                    drop(place);
                };
                publishers.spawn_on(task, threads.next());
            }
            Err(error) => {
                tracing::warn!(%error, "RTMP accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    while let Some(ended) = publishers.join_next().await {
        report(ended);
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a publisher's task failed; the others go on");
    }
}

/// Counts connections in all and by address; loopback is exempt from the latter.
#[derive(Debug)]
pub(crate) struct Places {
    all_max: usize,
    per_address_max: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One connection's place; dropping it frees it.
#[derive(Debug)]
pub(crate) struct Place {
    address: IpAddr,
    taken: Arc<Mutex<Taken>>,
}

impl Places {
    pub(crate) fn new(all_max: usize, per_address_max: usize) -> Places {
        Places { all_max, per_address_max, taken: Arc::default() }
    }

    /// Whether there would be a place for `peer` just now.
    pub(crate) fn has_room(&self, peer: SocketAddr) -> bool {
        let address = peer.ip().to_canonical();
        let taken = self.taken.lock().expect("nothing panics while it counts");
        self.fits(&taken, address)
    }

    /// A place for `peer`, or `None` when there is none.
    pub(crate) fn take(&self, peer: SocketAddr) -> Option<Place> {
        let address = peer.ip().to_canonical();
        let mut taken = self.taken.lock().expect("nothing panics while it counts");
        if !self.fits(&taken, address) {
            return None;
        }
        taken.all += 1;
        *taken.by_address.entry(address).or_default() += 1;
        Some(Place { address, taken: Arc::clone(&self.taken) })
    }

    fn fits(&self, taken: &Taken, address: IpAddr) -> bool {
        let by_address = taken.by_address.get(&address).copied().unwrap_or_default();
        let crowded = !address.is_loopback() && by_address >= self.per_address_max;
        taken.all < self.all_max && !crowded
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().expect("nothing panics while it counts");
        taken.all -= 1;
        if let Some(count) = taken.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

/// After a failed accept, mostly for want of file handles: trying at once would only burn a core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_share_and_gets_it_back() {
        let places = Places::new(10, 2);
        let peer: SocketAddr = "192.0.2.1:5".parse().unwrap();
        let first = places.take(peer);
        let _second = places.take(peer).unwrap();
        assert!(places.take(peer).is_none());
        assert!(places.take("192.0.2.2:5".parse().unwrap()).is_some());
        drop(first);
        assert!(places.take(peer).is_some());
    }

    #[test]
    fn loopback_is_bound_by_the_sum_alone() {
        let places = Places::new(3, 1);
        let held: Vec<_> = (0..4).map(|_| places.take("127.0.0.1:5".parse().unwrap())).collect();
        assert_eq!(held.iter().flatten().count(), 3);
    }
}
