//! What is known of public services: where they take a stream, and what they take.

use std::sync::LazyLock;

use serde::Deserialize;

/// One service.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Stays the same whatever it is called, e.g. `youtube`.
    pub id: String,
    /// As it calls itself.
    pub name: String,
    /// Addresses without the stream key, the best first.
    pub servers: Vec<String>,
    /// Where its people find their stream key.
    pub key_page: String,
    /// The distance between keyframes that it asks for, in seconds.
    pub keyframe_seconds: u32,
    /// Most video it takes, in 1 000 bits per second.
    pub video_kbps_max: u32,
    /// Most sound it takes, in 1 000 bits per second.
    pub sound_kbps_max: u32,
    /// The video codecs that it takes from everybody, as people write them: `H.264`, `HEVC`, `AV1`.
    pub codecs: Vec<String>,
    /// Its servers are in these; it has more of them than [`Service::servers`].
    domains: Vec<String>,
    /// Its names in OBS's list of services.
    known_as: Vec<String>,
}

impl Service {
    /// All that are known. One's own origin and any other server are none of them: they take what one likes.
    #[must_use]
    pub fn all() -> &'static [Service] {
        static ALL: LazyLock<Vec<Service>> = LazyLock::new(|| {
            serde_json::from_str(include_str!("services.json")).expect("a test reads the same text")
        });
        &ALL
    }

    /// The one that an address belongs to, whatever server of it.
    #[must_use]
    pub fn at(url: &str) -> Option<&'static Service> {
        let (_, rest) = url.trim().split_once("://")?;
        let authority = rest.split(['/', '?']).next()?;
        let host = authority.split_once(':').map_or(authority, |(host, _)| host).to_ascii_lowercase();
        let within = |domain: &String| {
            host.strip_suffix(domain.as_str())
                .is_some_and(|before| before.is_empty() || before.ends_with('.'))
        };
        Service::all().iter().find(|service| service.domains.iter().any(within))
    }

    /// The one that OBS calls so.
    #[must_use]
    pub fn known_as(name: &str) -> Option<&'static Service> {
        Service::all().iter().find(|service| service.known_as.iter().any(|known| known == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Target;

    #[test]
    fn every_server_can_be_published_to_with_a_key() {
        assert!(Service::all().len() >= 3);
        for service in Service::all() {
            assert!(!service.servers.is_empty() && service.keyframe_seconds > 0, "{}", service.id);
            assert!(service.codecs.iter().any(|codec| codec == "H.264"), "{}", service.id);
            for server in &service.servers {
                let target = Target::parse(server, Some("key"));
                assert!(target.is_ok(), "{server}: {target:?}");
                assert_eq!(Service::at(server), Some(service), "{server}");
            }
        }
    }

    #[test]
    fn a_service_is_known_by_any_of_its_servers_and_by_no_other() {
        let at = |url| Service::at(url).map(|service| service.id.as_str());
        assert_eq!(at("rtmp://fra05.contribute.live-video.net/app"), Some("twitch"));
        assert_eq!(at("rtmps://B.rtmps.YouTube.com:443/live2/key"), Some("youtube"));
        for other in
            ["rtmp://nottwitch.tv/app", "rtmp://twitch.tv.example/app", "rtmp://[::1]:1935/live", "twitch.tv"]
        {
            assert_eq!(at(other), None, "{other}");
        }
    }

    #[test]
    fn a_service_is_found_by_the_name_that_obs_has_for_it() {
        assert_eq!(Service::known_as("YouTube - RTMPS").map(|service| service.id.as_str()), Some("youtube"));
        assert_eq!(Service::known_as("Nowhere"), None);
    }
}
