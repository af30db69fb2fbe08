//! Where to publish to.

use thiserror::Error;

/// An RTMP server, application and stream key.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// Name or address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The application: everything of the path but the key.
    pub(crate) app: String,
    /// The stream key. Never logged.
    pub(crate) key: String,
    /// The URL up to the application, as `connect` tells it to the server.
    pub(crate) tc_url: String,
}

/// Why an address cannot be published to.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetError {
    /// Another protocol than RTMP.
    #[error("{0:?} is not supported: use rtmp://host/app with a stream key")]
    Scheme(String),
    /// No host, or a port that is no number.
    #[error("the address has no host and port that can be read")]
    Host,
    /// No application.
    #[error("the address has no application: rtmp://host/app")]
    App,
    /// No stream key beside or in the address.
    #[error("there is no stream key: rtmp://host/app/key")]
    Key,
    /// A part is too long for any server.
    #[error("the address is longer than {max} bytes")]
    TooLong {
        /// The limit.
        max: usize,
    },
}

impl Target {
    /// Reads `rtmp://host[:port]/app` with `key` beside it, or with the key as the last path segment.
    ///
    /// # Errors
    /// When a part is missing or the protocol is another.
    pub fn parse(url: &str, key: Option<&str>) -> Result<Target, TargetError> {
        if url.len() + key.map_or(0, str::len) > URL_BYTES_MAX {
            return Err(TargetError::TooLong { max: URL_BYTES_MAX });
        }
        let (scheme, rest) =
            url.trim().split_once("://").ok_or_else(|| TargetError::Scheme(String::new()))?;
        if !scheme.eq_ignore_ascii_case("rtmp") {
            return Err(TargetError::Scheme(scheme.chars().take(16).collect()));
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = host_and_port(authority)?;
        let path = path.trim_end_matches('/');
        let key = key.map(str::trim).filter(|key| !key.is_empty());
        let (app, key) = match key {
            Some(key) => (path, key),
            None => path.rsplit_once('/').ok_or(if path.is_empty() {
                TargetError::App
            } else {
                TargetError::Key
            })?,
        };
        if app.is_empty() {
            return Err(TargetError::App);
        }
        if key.is_empty() {
            return Err(TargetError::Key);
        }
        let tc_url = format!("rtmp://{authority}/{app}");
        Ok(Target { host, port, app: app.to_owned(), key: key.to_owned(), tc_url })
    }

    /// Host and port, for messages: neither application nor key.
    #[must_use]
    pub fn server(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl std::fmt::Debug for Target {
    /// Leaves out the key, and the application, which may hold one.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("server", &self.server()).finish_non_exhaustive()
    }
}

fn host_and_port(authority: &str) -> Result<(String, u16), TargetError> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, port) = rest.split_once(']').ok_or(TargetError::Host)?;
        (host, port.strip_prefix(':'))
    } else {
        match authority.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    };
    let port = port.map_or(Ok(PORT), |port| port.parse().map_err(|_| TargetError::Host))?;
    if host.is_empty() || host.contains(['@', ' ']) {
        return Err(TargetError::Host);
    }
    Ok((host.to_owned(), port))
}

/// RTMP's registered port.
const PORT: u16 = 1935;

/// Longer than any service's server and key together.
const URL_BYTES_MAX: usize = 2_048;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, key: Option<&str>, expected: Result<(&str, u16, &str, &str), TargetError>) {
        let got = Target::parse(url, key);
        let got = got.as_ref().map(|t| (t.host.as_str(), t.port, t.app.as_str(), t.key.as_str()));
        assert_eq!(got.map_err(Clone::clone), expected, "{url}");
    }

    #[test]
    fn the_key_stands_beside_or_at_the_end() {
        check("rtmp://a.example/live", Some("k"), Ok(("a.example", 1935, "live", "k")));
        check("rtmp://a.example:19350/live/k?x=1", None, Ok(("a.example", 19350, "live", "k?x=1")));
        check("rtmp://a.example/app/instance/k", None, Ok(("a.example", 1935, "app/instance", "k")));
        check("rtmp://[::1]:1936/live/", Some(" k "), Ok(("::1", 1936, "live", "k")));
    }

    #[test]
    fn what_is_missing_is_said() {
        check("srt://a.example/live", Some("k"), Err(TargetError::Scheme("srt".into())));
        check("rtmp:///live", Some("k"), Err(TargetError::Host));
        check("rtmp://a.example:x/live", Some("k"), Err(TargetError::Host));
        check("rtmp://a.example", Some("k"), Err(TargetError::App));
        check("rtmp://a.example/live", None, Err(TargetError::Key));
        check("rtmp://a.example/live/", None, Err(TargetError::Key));
    }

    #[test]
    fn a_debug_print_holds_no_key() {
        let target = Target::parse("rtmp://a.example/live/secret", None).expect("a sound address");
        assert!(!format!("{target:?}").contains("secret"));
        let target = Target::parse("rtmp://a.example/secret", Some("secret")).expect("a sound address");
        assert!(!format!("{target:?}").contains("secret"));
    }
}
