//! Addresses of a private room's playlist that open it for a time, to players that take no cookie and know no password.
//!
//! `?expires=SECONDS&signature=HEX`: until when, as Unix time, and HMAC-SHA256 of the room and that, by the room's own
//! key. Nothing is kept for a link that was given; another key ends all of them.

use hmac::{Hmac, Mac as _};
use rooms::Slug;
use sha2::Sha256;

use crate::secret::{self, Digest};

/// What a room's links are signed with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct LinkKey(pub(crate) [u8; 32]);

/// Why a link opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkError {
    /// It is of no room, of another one, changed, or its room's key is another by now.
    Wrong,
    /// It was good.
    Expired,
}

impl std::fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkKey(…)")
    }
}

impl LinkKey {
    /// A new key.
    pub(crate) fn random() -> LinkKey {
        let mut bytes = [0_u8; 32];
        rand::RngCore::fill_bytes(&mut rand::rng(), &mut bytes);
        LinkKey(bytes)
    }

    /// The query of a link that is good until `expires_s`, Unix time in seconds.
    pub(crate) fn query(&self, room: &Slug, expires_s: i64) -> String {
        format!("expires={expires_s}&signature={}", self.signature(room, expires_s))
    }

    fn signature(&self, room: &Slug, expires_s: i64) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("any length is a key");
        mac.update(format!("play {room} {expires_s}").as_bytes());
        secret::hex(&mac.finalize().into_bytes())
    }
}

/// Looks at what the query of a request shows. `Ok(false)`: it is no such link.
///
/// # Errors
/// [`LinkError::Wrong`], also when the room has no key; [`LinkError::Expired`] for one whose signature is right.
pub(crate) fn check(key: Option<LinkKey>, room: &Slug, query: &str, now_ms: i64) -> Result<bool, LinkError> {
    let shown = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let Some(signature) = shown("signature") else { return Ok(false) };
    let expires_s = shown("expires").and_then(|text| text.parse::<i64>().ok()).ok_or(LinkError::Wrong)?;
    let right = key.ok_or(LinkError::Wrong)?.signature(room, expires_s);
    // Digests are compared, so that no duration tells how far a guess is right.
    if Digest::of(&right) != Digest::of(signature) {
        return Err(LinkError::Wrong);
    }
    if now_ms / 1_000 >= expires_s { Err(LinkError::Expired) } else { Ok(true) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: LinkKey = LinkKey([7; 32]);
    const NOW_MS: i64 = 1_800_000_000_000;

    fn room(name: &str) -> Slug {
        name.parse().unwrap()
    }

    #[test]
    fn a_link_is_good_until_its_time_and_then_says_so() {
        let query = KEY.query(&room("class"), 1_800_000_010);
        let at = |seconds: i64| check(Some(KEY), &room("class"), &query, NOW_MS + seconds * 1_000);
        assert_eq!(at(0), Ok(true));
        assert_eq!(at(9), Ok(true));
        assert_eq!(at(10), Err(LinkError::Expired));
        assert_eq!(check(Some(KEY), &room("class"), "_HLS_msn=3", NOW_MS), Ok(false), "it is no link");
    }

    #[test]
    fn a_link_opens_its_own_room_as_long_as_the_key_stays() {
        let query = KEY.query(&room("class"), 1_800_000_010);
        let refused = Err(LinkError::Wrong);
        assert_eq!(check(Some(KEY), &room("other"), &query, NOW_MS), refused);
        assert_eq!(check(Some(LinkKey([8; 32])), &room("class"), &query, NOW_MS), refused);
        assert_eq!(check(None, &room("class"), &query, NOW_MS), refused);
        let longer = query.replace("1800000010", "1900000010");
        assert_eq!(check(Some(KEY), &room("class"), &longer, NOW_MS), refused, "its time is signed too");
        for broken in ["signature=", "expires=1900000010&signature=", "expires=x&signature=00"] {
            assert_eq!(check(Some(KEY), &room("class"), broken, NOW_MS), refused, "{broken}");
        }
    }

    #[test]
    fn a_signature_is_what_openssl_makes() {
        // `printf 'play class 1800000010' | openssl dgst -sha256 -mac hmac -macopt hexkey:0707…07`
        let signature = KEY.signature(&room("class"), 1_800_000_010);
        assert_eq!(signature, "e7ff6f2483c45de43fd082ad24e6cfe0b54f92ea347ba95fa39d0518962d74fd");
    }
}
