//! Where to publish to.

mod rtmp;
mod srt;

use std::fmt;

use thiserror::Error;

pub(crate) use rtmp::Rtmp;
pub(crate) use srt::Srt;
pub use srt::with_srt_option;

use crate::Trust;

/// A server and what it has to be told: an RTMP application and stream key, or SRT's stream id and secret.
#[derive(Clone)]
pub struct Target {
    pub(crate) way: Way,
    pub(crate) trust: Trust,
}

/// How to get there.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Way {
    Rtmp(Rtmp),
    Srt(Srt),
}

/// Why an address cannot be published to.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TargetError {
    /// Another protocol than RTMP and SRT.
    #[error("{0:?} is not supported: use rtmp:// or rtmps://host/app with a stream key, or srt://host:port")]
    Scheme(String),
    /// No host, or a port that is no number.
    #[error("the address has no host and port that can be read")]
    Host,
    /// SRT has no port of its own.
    #[error("the address has no port: srt://host:port")]
    Port,
    /// No application.
    #[error("the address has no application: rtmp://host/app")]
    App,
    /// No stream key beside or in the address.
    #[error("there is no stream key: rtmp://host/app/key")]
    Key,
    /// An option of SRT that is not known, or has a value that is not taken.
    #[error("srt option {name}: {expected}")]
    Option {
        /// Its name.
        name: String,
        /// What would be right.
        expected: String,
    },
    /// A key beside a stream id that says which stream it is.
    #[error("the address has a stream id already: leave the stream key empty")]
    KeyAndStreamId,
    /// A part is too long for any server.
    #[error("the address is longer than {max} bytes")]
    TooLong {
        /// The limit.
        max: usize,
    },
}

impl Target {
    /// Reads `rtmp[s]://host[:port]/app` with `key` beside it or as the last path segment, or
    /// `srt://host:port[?streamid=…&passphrase=…&pbkeylen=16|24|32&latency=MILLISECONDS]`, where `key` stands for the
    /// stream id `publish:KEY`.
    ///
    /// # Errors
    /// When a part is missing or cannot be used, or the protocol is another.
    pub fn parse(url: &str, key: Option<&str>) -> Result<Target, TargetError> {
        if url.len() + key.map_or(0, str::len) > URL_BYTES_MAX {
            return Err(TargetError::TooLong { max: URL_BYTES_MAX });
        }
        let (scheme, rest) =
            url.trim().split_once("://").ok_or_else(|| TargetError::Scheme(String::new()))?;
        let key = key.map(str::trim).filter(|key| !key.is_empty());
        let way = match scheme.to_ascii_lowercase().as_str() {
            "rtmp" => Way::Rtmp(Rtmp::parse(rest, key, false)?),
            "rtmps" => Way::Rtmp(Rtmp::parse(rest, key, true)?),
            "srt" => Way::Srt(Srt::parse(rest, key)?),
            _ => return Err(TargetError::Scheme(scheme.chars().take(16).collect())),
        };
        Ok(Target { way, trust: Trust::default() })
    }

    /// The same, with the certificates that `trust` accepts.
    #[must_use]
    pub fn trusting(self, trust: Trust) -> Target {
        Target { trust, ..self }
    }

    /// Host and port, for messages: nothing that may be secret.
    #[must_use]
    pub fn server(&self) -> String {
        let (host, port) = match &self.way {
            Way::Rtmp(rtmp) => (&rtmp.host, rtmp.port),
            Way::Srt(srt) => (&srt.host, srt.port),
        };
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

impl fmt::Debug for Target {
    /// Leaves out the key, and the application, which may hold one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("server", &self.server()).finish_non_exhaustive()
    }
}

/// Reads `host[:port]`, the host in brackets where it has colons.
fn host_and_port(authority: &str) -> Result<(String, Option<u16>), TargetError> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, port) = rest.split_once(']').ok_or(TargetError::Host)?;
        (host, port.strip_prefix(':'))
    } else {
        match authority.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    };
    let port = port.map(|port| port.parse().map_err(|_| TargetError::Host)).transpose()?;
    if host.is_empty() || host.contains(['@', ' ']) {
        return Err(TargetError::Host);
    }
    Ok((host.to_owned(), port))
}

/// Longer than any service's server and key together.
const URL_BYTES_MAX: usize = 2_048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_protocol_is_refused_with_what_is_accepted() {
        for url in ["http://a.example/live/k", "a.example/live", ""] {
            assert!(matches!(Target::parse(url, None), Err(TargetError::Scheme(_))), "{url}");
        }
    }

    #[test]
    fn a_debug_print_holds_no_secret() {
        for (url, key) in [
            ("rtmp://a.example/live/secret", None),
            ("rtmps://a.example/secret", Some("secret")),
            ("srt://a.example:9000?streamid=publish:secret&passphrase=secretsecret", None),
        ] {
            let target = Target::parse(url, key).expect("a sound address");
            assert!(!format!("{target:?}").contains("secret"));
        }
    }
}
