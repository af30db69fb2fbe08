//! The router that this computer sends by, as Linux tells it.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

/// The router of the route to everywhere, the best of them.
pub(super) fn default_router() -> Option<Ipv4Addr> {
    in_table(&std::fs::read_to_string("/proc/net/route").ok()?)
}

/// The address of this computer that packets to `router` carry. Nothing is sent.
pub(super) fn address_towards(router: Ipv4Addr) -> Option<Ipv4Addr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // Discard's port; no packet leaves for it.
    socket.connect((router, 9)).ok()?;
    match socket.local_addr().ok()?.ip() {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    }
}

/// `table` is in the format of proc(5), `/proc/net/route`: addresses in hexadecimal, in the order of the memory.
fn in_table(table: &str) -> Option<Ipv4Addr> {
    let routes = table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let hex = |at: usize| u32::from_str_radix(fields.get(at)?, 16).ok();
        let (to, router, flags, mask) = (hex(1)?, hex(2)?, hex(3)?, hex(7)?);
        let metric: u32 = fields.get(6)?.parse().ok()?;
        let everywhere = to == 0 && mask == 0 && flags & (UP | GATEWAY) == UP | GATEWAY;
        everywhere.then(|| (metric, Ipv4Addr::from(router.to_ne_bytes())))
    });
    routes.min_by_key(|(metric, _)| *metric).map(|(_, router)| router)
}

/// `RTF_UP` of Linux.
const UP: u32 = 1;
/// `RTF_GATEWAY` of Linux.
const GATEWAY: u32 = 2;

#[cfg(test)]
mod tests {
    use super::in_table;

    #[test]
    fn the_best_route_to_everywhere_names_the_router() {
        let [one, other] = ["192.168.1.1", "10.0.0.1"].map(|ip: &str| {
            let ip: std::net::Ipv4Addr = ip.parse().unwrap();
            format!("{:08X}", u32::from_ne_bytes(ip.octets()))
        });
        let table = format!(
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
             wlan0\t00000000\t{other}\t0003\t0\t0\t600\t00000000\t0\t0\t0\n\
             eth0\t00000000\t{one}\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
             eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\njunk\n"
        );
        assert_eq!(in_table(&table), "192.168.1.1".parse().ok());
        assert_eq!(in_table(""), None);
    }
}
