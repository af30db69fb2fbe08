//! An address of RTMP.

use super::{TargetError, host_and_port};

/// An RTMP server, application and stream key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Rtmp {
    /// Name or address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// RTMPS.
    pub(crate) tls: bool,
    /// The application: everything of the path but the key.
    pub(crate) app: String,
    /// The stream key. Never logged.
    pub(crate) key: String,
    /// The URL up to the application, as `connect` tells it to the server.
    pub(crate) tc_url: String,
}

impl Rtmp {
    /// Reads what stands behind `rtmp://` or `rtmps://`.
    pub(super) fn parse(rest: &str, key: Option<&str>, tls: bool) -> Result<Rtmp, TargetError> {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = host_and_port(authority)?;
        let path = path.trim_end_matches('/');
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
        let (scheme, usual_port) = if tls { ("rtmps", TLS_PORT) } else { ("rtmp", PORT) };
        let tc_url = format!("{scheme}://{authority}/{app}");
        let port = port.unwrap_or(usual_port);
        Ok(Rtmp { host, port, tls, app: app.to_owned(), key: key.to_owned(), tc_url })
    }
}

/// RTMP's registered port.
const PORT: u16 = 1935;

/// Services take RTMPS where firewalls let it through.
const TLS_PORT: u16 = 443;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rest: &str, key: Option<&str>, expected: Result<(&str, u16, &str, &str), TargetError>) {
        let got = Rtmp::parse(rest, key, false);
        let got = got.as_ref().map(|t| (t.host.as_str(), t.port, t.app.as_str(), t.key.as_str()));
        assert_eq!(got.map_err(Clone::clone), expected, "{rest}");
    }

    #[test]
    fn the_key_stands_beside_or_at_the_end() {
        check("a.example/live", Some("k"), Ok(("a.example", 1935, "live", "k")));
        check("a.example:19350/live/k?x=1", None, Ok(("a.example", 19350, "live", "k?x=1")));
        check("a.example/app/instance/k", None, Ok(("a.example", 1935, "app/instance", "k")));
        check("[::1]:1936/live/", Some("k"), Ok(("::1", 1936, "live", "k")));
    }

    #[test]
    fn what_is_missing_is_said() {
        check("/live", Some("k"), Err(TargetError::Host));
        check("a.example:x/live", Some("k"), Err(TargetError::Host));
        check("a.example", Some("k"), Err(TargetError::App));
        check("a.example/live", None, Err(TargetError::Key));
        check("a.example/live/", None, Err(TargetError::Key));
    }

    #[test]
    fn rtmps_has_a_port_of_its_own() {
        let target = Rtmp::parse("a.example/live2/k", None, true).expect("a sound address");
        assert_eq!((target.port, target.tc_url.as_str()), (443, "rtmps://a.example/live2"));
    }
}
