//! A port that a router forwards to this computer, by PCP, NAT-PMP or UPnP: whichever the router speaks.
//!
//! Spec: RFC 6887 (PCP), RFC 6886 (NAT-PMP), UPnP `WANIPConnection`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::time::Duration;

use crab_nat::{
    InternetProtocol, MappingFailure, PortMapping, PortMappingOptions, PortMappingType, TimeoutConfig,
    natpmp, pcp,
};
use igd_next::aio::Gateway;
use igd_next::aio::tokio::{Tokio, search_gateway};
use igd_next::{AddPortError, PortMappingProtocol, SearchError, SearchOptions};

use super::{Wish, route};

/// What a router does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Forwarded {
    /// Its own address on the other side, and the port that it forwards from.
    pub(crate) outside: SocketAddr,
    /// What it speaks.
    pub(crate) protocol: &'static str,
    /// For how long it said that it would.
    pub(super) lease: Duration,
}

/// Why a router does not forward.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// There is none, or none answered.
    Silent,
    /// It answered that it does not.
    Refused(String),
}

/// A port that is forwarded until it is closed, or its time is over.
pub(super) enum Mapping {
    /// By PCP or NAT-PMP.
    Pmp(PortMapping),
    /// By UPnP.
    Upnp(Upnp),
}

/// A port that a UPnP router forwards.
pub(super) struct Upnp {
    gateway: Gateway<Tokio>,
    here: SocketAddr,
    outside: u16,
    lease_s: u32,
}

impl Mapping {
    /// Asks the router in each language that it may speak.
    pub(super) async fn open(wish: Wish) -> Result<(Mapping, Forwarded), Problem> {
        let router = wish.router.or_else(route::default_router).ok_or(Problem::Silent)?;
        let here = route::address_towards(router).ok_or(Problem::Silent)?;
        let first = match open_pmp(router, here, wish.port).await {
            Ok(opened) => return Ok(opened),
            Err(problem) => problem,
        };
        match open_upnp(router, wish.router.is_some(), SocketAddr::from((here, wish.port))).await {
            // What it said in the other language says more than silence.
            Err(Problem::Silent) => Err(first),
            opened => opened,
        }
    }

    /// Asks for more time.
    pub(super) async fn renew(&mut self) -> Result<Forwarded, Problem> {
        match self {
            Mapping::Pmp(mapping) => {
                mapping.renew().await.map_err(problem)?;
                outside_of(mapping).await
            }
            Mapping::Upnp(upnp) => {
                upnp.add().await.map_err(refused)?;
                upnp.forwarded().await
            }
        }
    }

    /// Takes it back.
    pub(super) async fn close(self) -> Result<(), String> {
        match self {
            Mapping::Pmp(mapping) => mapping.try_drop().await.map_err(|(error, _)| error.to_string()),
            Mapping::Upnp(upnp) => {
                upnp.gateway.remove_port(TCP, upnp.outside).await.map_err(|error| error.to_string())
            }
        }
    }
}

async fn open_pmp(router: Ipv4Addr, here: Ipv4Addr, port: u16) -> Result<(Mapping, Forwarded), Problem> {
    let port = NonZeroU16::new(port).ok_or(Problem::Silent)?;
    let options = PortMappingOptions {
        external_port: Some(port),
        lifetime_seconds: Some(LEASE_S),
        timeout_config: Some(PATIENCE),
    };
    let asked = PortMapping::new(router.into(), here.into(), InternetProtocol::Tcp, port, options).await;
    let mapping = match asked {
        // Some that speak the older of the two do not answer to the newer at all.
        Err(MappingFailure::Pcp(pcp::Failure::Timeout)) => {
            let older = natpmp::port_mapping(router.into(), InternetProtocol::Tcp, port, options).await;
            older.map_err(|error| problem(error.into()))?
        }
        asked => asked.map_err(problem)?,
    };
    match outside_of(&mapping).await {
        Ok(forwarded) => Ok((Mapping::Pmp(mapping), forwarded)),
        Err(problem) => {
            // Nobody would close it later. One that cannot be closed is forgotten when its time is over.
            let _ = mapping.try_drop().await;
            Err(problem)
        }
    }
}

async fn outside_of(mapping: &PortMapping) -> Result<Forwarded, Problem> {
    let (ip, protocol) = match mapping.mapping_type() {
        PortMappingType::Pcp { external_ip, .. } => (external_ip, "PCP"),
        PortMappingType::NatPmp => {
            let asked = natpmp::external_address(mapping.gateway(), Some(PATIENCE)).await;
            (IpAddr::V4(asked.map_err(|error| problem(error.into()))?), "NAT-PMP")
        }
    };
    // PCP writes an IPv4 address as IPv6 does.
    let outside = SocketAddr::new(ip.to_canonical(), mapping.external_port().get());
    Ok(Forwarded { outside, protocol, lease: Duration::from_secs(mapping.lifetime().into()) })
}

/// `named` is a router that the person named: it is asked directly, and trusted to answer from where it is.
async fn open_upnp(router: Ipv4Addr, named: bool, here: SocketAddr) -> Result<(Mapping, Forwarded), Problem> {
    let mut options = SearchOptions::default();
    options.bind_addr = SocketAddr::new(here.ip(), 0);
    options.timeout = Some(SEARCH_MAX);
    if named {
        options.broadcast_address = SocketAddr::from((router, SEARCH_PORT));
        options.allowed_gateway_ips = vec![router.into()];
    }
    let gateway = search_gateway(options).await.map_err(|error| match error {
        SearchError::NoResponseWithinTimeout | SearchError::IoError(_) => Problem::Silent,
        error => refused(error),
    })?;
    // Anybody on the network may answer a search; what another device forwards does not come by here.
    if gateway.addr.ip() != IpAddr::V4(router) {
        return Err(Problem::Silent);
    }
    let mut upnp = Upnp { gateway, here, outside: here.port(), lease_s: LEASE_S };
    // Before anything is opened: a port whose address nobody knows would stay open for nothing.
    upnp.forwarded().await?;
    match upnp.add().await {
        Ok(()) => {}
        Err(AddPortError::OnlyPermanentLeasesSupported) => {
            upnp.lease_s = 0;
            upnp.add().await.map_err(refused)?;
        }
        Err(AddPortError::PortInUse) => {
            upnp.outside = upnp.gateway.add_any_port(TCP, here, LEASE_S, NAME).await.map_err(refused)?;
        }
        Err(error) => return Err(refused(error)),
    }
    match upnp.forwarded().await {
        Ok(forwarded) => Ok((Mapping::Upnp(upnp), forwarded)),
        Err(problem) => {
            // Nobody would close it later, and some routers never forget.
            let _ = upnp.gateway.remove_port(TCP, upnp.outside).await;
            Err(problem)
        }
    }
}

impl Upnp {
    async fn add(&self) -> Result<(), AddPortError> {
        self.gateway.add_port(TCP, self.outside, self.here, self.lease_s, NAME).await
    }

    async fn forwarded(&self) -> Result<Forwarded, Problem> {
        let ip = self.gateway.get_external_ip().await.map_err(refused)?;
        // One without an end is still looked after: a router that was restarted has forgotten it.
        let lease = Duration::from_secs(LEASE_S.into());
        Ok(Forwarded { outside: SocketAddr::new(ip, self.outside), protocol: "UPnP", lease })
    }
}

fn refused(error: impl std::fmt::Display) -> Problem {
    Problem::Refused(error.to_string())
}

fn problem(failure: MappingFailure) -> Problem {
    match failure {
        MappingFailure::Pcp(pcp::Failure::Socket(_) | pcp::Failure::Timeout)
        | MappingFailure::NatPmp(natpmp::Failure::Socket(_) | natpmp::Failure::Timeout) => Problem::Silent,
        failure => refused(failure),
    }
}

/// A router that is not told otherwise forgets it after an hour: when this computer was switched off, say.
const LEASE_S: u32 = 3_600;
/// RFC 6886 §3.1 begins with 250 ms and doubles; a router on the network answers in a few.
const PATIENCE: TimeoutConfig =
    TimeoutConfig { initial_timeout: Duration::from_millis(250), max_retries: 2, max_retry_timeout: None };
/// UPnP's devices answer a search within the three seconds that it gives them.
const SEARCH_MAX: Duration = Duration::from_secs(5);
/// SSDP's.
const SEARCH_PORT: u16 = 1_900;
const TCP: PortMappingProtocol = PortMappingProtocol::TCP;
/// What the router's own page shows beside the port.
const NAME: &str = "Rostrum";
