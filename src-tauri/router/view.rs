//! What the window shows of the way from the internet.

use std::net::{IpAddr, Ipv4Addr};

use serde::Serialize;
use specta::Type;

use super::{Answer, Forwarded};
use crate::hosting::Hosted;
use crate::studio::Studio;

/// What is known of the way from the internet to the watch page. That it can be reached is never said: only a computer
/// outside could see that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum Internet {
    /// Nothing: the router was not asked.
    Unasked,
    /// The router is being asked.
    Asking,
    /// The router forwards it.
    Forwarded {
        /// The watch page as the internet sees it.
        url: String,
        /// What the router speaks: `PCP`, `NAT-PMP` or `UPnP`.
        protocol: String,
        /// The port that it forwards from.
        port: u16,
    },
    /// The router forwards it, but its own address is none of the internet's: another router stands before it.
    Nested {
        /// That address.
        address: String,
    },
    /// The router does not.
    Refused {
        /// What it said.
        reason: String,
    },
    /// No router answered.
    Silent,
}

impl Studio {
    /// What is known of the way from the internet.
    pub(crate) fn internet(&self) -> Internet {
        let (Some(answer), Some(room)) = (&self.forwarding.answer, &self.room) else {
            return Internet::Unasked;
        };
        internet(&answer.borrow(), &room.owner.room)
    }

    /// The link to share.
    pub(crate) fn link(&self, hosted: &Hosted) -> String {
        match self.internet() {
            Internet::Forwarded { url, .. } => url,
            _ => hosted.watch_url(),
        }
    }
}

fn internet(answer: &Answer, room: &str) -> Internet {
    match answer {
        Answer::Asking => Internet::Asking,
        Answer::Forwards(Forwarded { outside, .. }) if !is_public(outside.ip()) => {
            Internet::Nested { address: outside.ip().to_string() }
        }
        Answer::Forwards(Forwarded { outside, protocol, .. }) => Internet::Forwarded {
            url: format!("http://{outside}/r/{room}"),
            protocol: (*protocol).to_owned(),
            port: outside.port(),
        },
        Answer::Refuses(reason) => Internet::Refused { reason: reason.clone() },
        Answer::Silent => Internet::Silent,
    }
}

/// Whether an address is one of the internet.
fn is_public(ip: IpAddr) -> bool {
    let IpAddr::V4(ip) = ip else { return false };
    // RFC 6598: what providers put many customers behind.
    let shared = (u32::from(ip) ^ u32::from(Ipv4Addr::new(100, 64, 0, 0))) >> 22 == 0;
    !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() || shared)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Answer, Forwarded, Internet, internet};

    #[test]
    fn a_router_behind_another_one_gives_no_link_to_share() {
        let forwarded = |outside: &str| {
            let lease = Duration::from_secs(1);
            let forwarded = Forwarded { outside: outside.parse().unwrap(), protocol: "PCP", lease };
            internet(&Answer::Forwards(forwarded), "mara")
        };
        for outside in ["192.168.0.2:8080", "100.64.7.1:8080", "100.127.0.1:80", "10.1.1.1:80", "0.0.0.0:80"]
        {
            assert!(matches!(forwarded(outside), Internet::Nested { .. }), "{outside}");
        }
        for outside in ["203.0.113.40:8080", "100.128.0.1:8080", "100.63.0.1:8080"] {
            let url = format!("http://{outside}/r/mara");
            assert!(matches!(forwarded(outside), Internet::Forwarded { url: said, .. } if said == url));
        }
    }
}
