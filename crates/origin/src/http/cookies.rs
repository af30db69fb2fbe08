//! Cookies, read and written.

use axum::http::{HeaderMap, HeaderValue, header};

use super::secure::Scheme;
use crate::store::LASTING_MS;

/// The value of the first cookie of this name.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}

/// What a cookie is called that lets somebody in. Over TLS it has a name that browsers take over TLS alone, and from this
/// host alone, so that nobody on the way of an open connection can plant one. Both may be there at once, since the open
/// and the secure address of an origin are one host to a cookie: under one name, a browser that has the secure one would
/// take no open one.
pub(super) fn own_name(scheme: Scheme, name: &str) -> String {
    format!("{}{name}", if scheme.0 == "https" { "__Host-" } else { "" })
}

/// What holds a session.
pub(super) fn session_cookie(scheme: Scheme) -> String {
    own_name(scheme, "rostrum_session")
}

/// Tells the browser to keep a session: for long, or until it is closed. `Secure` is added to every cookie that goes
/// over TLS.
pub(super) fn set_session(scheme: Scheme, secret: &str, lasting: bool) -> HeaderValue {
    let age = if lasting { format!("; Max-Age={}", LASTING_MS / 1_000) } else { String::new() };
    value(&format!("{}={secret}; Path=/{age}; HttpOnly; SameSite=Lax", session_cookie(scheme)))
}

/// Tells the browser to forget its session.
pub(super) fn clear_session(scheme: Scheme) -> HeaderValue {
    value(&format!("{}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax", session_cookie(scheme)))
}

fn value(cookie: &str) -> HeaderValue {
    HeaderValue::from_str(cookie).expect("a cookie of hexadecimal digits and plain words")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "a=1; b=2".parse().unwrap());
        headers.append(header::COOKIE, "c=3".parse().unwrap());
        assert_eq!(cookie(&headers, "b"), Some("2"));
        assert_eq!(cookie(&headers, "c"), Some("3"));
        assert_eq!(cookie(&headers, "d"), None);
    }
}
