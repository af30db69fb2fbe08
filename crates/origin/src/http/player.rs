//! How a player shows itself, to be counted once.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};

use super::cookies::cookie;
use crate::audience::Shown;

/// By the cookie of the watch page, else the session in its address, else `address`, where it is, and what it calls
/// itself. The cookie comes first, since the page's chat shows it as well.
pub(super) fn shown<'a>(
    headers: &'a HeaderMap,
    session: Option<&'a str>,
    address: impl FnOnce() -> IpAddr,
) -> Shown<'a> {
    let page = cookie(headers, COOKIE).filter(|page| (1..=COOKIE_BYTES_MAX).contains(&page.len()));
    match (page, session) {
        (Some(page), _) => Shown::Page(page.as_bytes()),
        (None, Some(session)) => Shown::Session(session),
        (None, None) => {
            let agent = headers.get(header::USER_AGENT).map_or(&[][..], |agent| agent.as_bytes());
            Shown::Address(address(), agent)
        }
    }
}

/// Set by the watch page, another in each browser. It opens nothing.
const COOKIE: &str = "rostrum_player";
/// The page writes 32 digits.
const COOKIE_BYTES_MAX: usize = 64;
