//! From which address a request comes, and whether over TLS, also behind a proxy.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use axum::middleware::Next;
use axum::response::Response;

use super::secure;
use crate::config::Network;
use crate::state::Shared;

/// Where whoever asks is, as far as it can be known: the peer's address, or what a configured proxy says. Whatever
/// others say about themselves in headers counts for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

impl FromRequestParts<Arc<Shared>> for ClientAddress {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        shared: &Arc<Shared>,
    ) -> Result<ClientAddress, Self::Rejection> {
        Ok(ClientAddress(of(&parts.extensions, &parts.headers, shared)))
    }
}

/// The same of a request that is not taken apart yet.
pub(super) fn of(extensions: &Extensions, headers: &HeaderMap, shared: &Shared) -> IpAddr {
    client(peer(extensions), headers, &shared.config.proxies)
}

/// A request that a configured proxy took over TLS is one over TLS.
pub(super) async fn trust_proxies(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let from_proxy = contains(&shared.config.proxies, peer(request.extensions()));
    let proto = request.headers().get("x-forwarded-proto").and_then(|proto| proto.to_str().ok());
    if from_proxy && proto.is_some_and(|proto| proto.trim().eq_ignore_ascii_case("https")) {
        return secure::mark(request, next).await;
    }
    next.run(request).await
}

/// The same of a request whose connection is known.
pub(super) fn of_peer(peer: IpAddr, headers: &HeaderMap, shared: &Shared) -> IpAddr {
    client(peer.to_canonical(), headers, &shared.config.proxies)
}

fn peer(extensions: &Extensions) -> IpAddr {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    // Every connection has a peer; only a router that a test calls without one has none.
    peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip().to_canonical())
}

/// Reads `X-Forwarded-For` from its end, where the nearest proxy wrote, for as long as proxies of ours wrote it.
fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[Network]) -> IpAddr {
    let values = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let said: Vec<&str> = values.flat_map(|value| value.split(',')).collect();
    let mut client = peer;
    for said in said.into_iter().rev() {
        if !contains(proxies, client) {
            break;
        }
        let Some(next) = parse(said.trim()) else { break };
        client = next;
    }
    client
}

/// An address, or one with a port, as some proxies write it.
fn parse(text: &str) -> Option<IpAddr> {
    let address = text.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    address.ok().map(|address| address.to_canonical())
}

fn contains(proxies: &[Network], address: IpAddr) -> bool {
    proxies.iter().any(|network| network.contains(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(peer: &str, forwarded: &[&str], expected: &str) {
        let proxies: Vec<Network> = ["127.0.0.1", "10.0.0.0/8"].map(|text| text.parse().unwrap()).into();
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let found = client(peer.parse().unwrap(), &headers, &proxies);
        assert_eq!(found, expected.parse::<IpAddr>().unwrap(), "{peer} {forwarded:?}");
    }

    #[test]
    fn only_configured_proxies_say_who_asks() {
        check("203.0.113.9", &["192.0.2.1"], "203.0.113.9");
        check("127.0.0.1", &["192.0.2.1"], "192.0.2.1");
        check("127.0.0.1", &[], "127.0.0.1");
    }

    #[test]
    fn what_stands_before_a_proxys_own_word_is_not_believed() {
        check("127.0.0.1", &["198.51.100.7, 192.0.2.1"], "192.0.2.1");
        check("127.0.0.1", &["198.51.100.7", "192.0.2.1, 10.0.0.2"], "192.0.2.1");
        check("127.0.0.1", &["192.0.2.1, nonsense"], "127.0.0.1");
        check("127.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3");
    }

    #[test]
    fn addresses_come_with_ports_and_as_ipv6_too() {
        check("127.0.0.1", &["192.0.2.1:5000"], "192.0.2.1");
        check("127.0.0.1", &["[2001:db8::1]:5000"], "2001:db8::1");
        check("127.0.0.1", &["::ffff:192.0.2.1"], "192.0.2.1");
    }
}
