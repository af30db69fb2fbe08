//! Tells the network this computer's name and that there is a watch page, so that people can open it by name.
//!
//! Spec: RFC 6762 (multicast DNS), RFC 6763 (service discovery).

use mdns_sd::{ServiceDaemon, ServiceInfo};
use tracing::info;

/// A name that the network is told; dropping it takes it back.
pub struct Announced {
    daemon: ServiceDaemon,
    service: String,
    /// E.g. `mara-desk.local`.
    pub host: String,
}

impl std::fmt::Debug for Announced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Announced").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        // Whoever does not hear the goodbye forgets the name when its time is over, after two minutes.
        let _ = self.daemon.unregister(&self.service);
        let _ = self.daemon.shutdown();
    }
}

/// Announces the watch page of `room` on `port`; `None` where the system has no multicast.
pub(crate) fn announce(room: &str, port: u16) -> Option<Announced> {
    let host = host_name(&std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default());
    let announced = || -> mdns_sd::Result<Announced> {
        let daemon = ServiceDaemon::new()?;
        let path = format!("/r/{room}");
        let properties = [("path", path.as_str())];
        // Two Rostrums on one network may have rooms of the same name.
        let name = format!("Rostrum {room} ({})", host.trim_end_matches(".local"));
        let info = ServiceInfo::new(SERVICE, &name, &format!("{host}."), "", port, &properties[..])?;
        let info = info.enable_addr_auto();
        let service = info.get_fullname().to_owned();
        daemon.register(info)?;
        Ok(Announced { daemon, service, host: host.clone() })
    };
    announced().inspect_err(|error| info!(%error, "the network is told no name")).ok()
}

/// The computer's own name where that can be one on a network.
fn host_name(own: &str) -> String {
    let own = own.trim().split('.').next().unwrap_or_default().to_ascii_lowercase();
    let plain = own.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    // RFC 1035 §2.3.4: a label has 63 bytes at most.
    let usable = plain && !own.is_empty() && own.len() <= 63 && own != "localhost";
    format!("{}.local", if usable { &own } else { "rostrum" })
}

/// A page for a browser.
const SERVICE: &str = "_http._tcp.local.";

#[cfg(test)]
mod tests {
    use super::host_name;

    #[test]
    fn a_name_that_no_network_takes_is_replaced() {
        assert_eq!(host_name("Mara-Desk\n"), "mara-desk.local");
        assert_eq!(host_name("mara.example.org"), "mara.local");
        for own in ["", "localhost", "a_b", "(none)", &"a".repeat(64)] {
            assert_eq!(host_name(own), "rostrum.local", "{own}");
        }
    }
}
