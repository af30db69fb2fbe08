//! Random secrets and what is kept of them: only SHA-256, so that a copied database opens nothing.

use std::fmt;

use rand::RngCore;
use sha2::{Digest as _, Sha256};

/// SHA-256 of a secret. Secrets are looked up by it, so no comparison of the secret itself exists whose
/// duration could tell anything.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Digest(pub(crate) [u8; 32]);

impl Digest {
    /// The digest of `secret`.
    pub(crate) fn of(secret: &str) -> Digest {
        Digest(Sha256::digest(secret.as_bytes()).into())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

/// A new secret of 128 random bits, as 32 hexadecimal digits: a stream key, a token, a guest's cookie.
pub(crate) fn random() -> String {
    let mut bytes = [0_u8; 16];
    rand::rng().fill_bytes(&mut bytes);
    hex(&bytes)
}

/// Lower-case hexadecimal digits of `bytes`.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)] as char);
        text.push(DIGITS[usize::from(byte & 15)] as char);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_128_bits_and_differ() {
        let (one, other) = (random(), random());
        assert_eq!(one.len(), 32);
        assert_ne!(one, other);
        assert!(one.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    #[test]
    fn a_digest_is_printed_without_its_bytes() {
        assert_eq!(format!("{:?}", Digest::of("key")), "Digest(…)");
    }
}
