//! What both ends of an encrypted connection know.

use std::fmt;

use thiserror::Error;

/// A secret of 10 to 79 bytes from which the key is derived; not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(String);

/// A passphrase of a length that SRT does not take.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "an SRT passphrase has {BYTES_MIN} to {BYTES_MAX} bytes without a zero among them, this one has {bytes}"
)]
pub struct PassphraseError {
    /// Its length.
    pub bytes: usize,
}

/// The length of the key, which a caller chooses and a listener follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyLength {
    /// 128 bits.
    #[default]
    Aes128,
    /// 192 bits.
    Aes192,
    /// 256 bits.
    Aes256,
}

impl Passphrase {
    /// Takes a passphrase.
    ///
    /// # Errors
    /// When it has fewer than 10 or more than 79 bytes, or a zero among them.
    pub fn new(secret: impl Into<String>) -> Result<Passphrase, PassphraseError> {
        let secret = secret.into();
        if (BYTES_MIN..=BYTES_MAX).contains(&secret.len()) && !secret.contains('\0') {
            Ok(Passphrase(secret))
        } else {
            Err(PassphraseError { bytes: secret.len() })
        }
    }

    pub(crate) fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

impl KeyLength {
    pub(crate) fn bytes(self) -> i32 {
        match self {
            KeyLength::Aes128 => 16,
            KeyLength::Aes192 => 24,
            KeyLength::Aes256 => 32,
        }
    }
}

/// `SRTO_PASSPHRASE`.
const BYTES_MIN: usize = 10;
/// `SRTO_PASSPHRASE`.
const BYTES_MAX: usize = 79;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passphrase_has_ten_to_seventy_nine_bytes() {
        for (bytes, good) in [(9, false), (10, true), (79, true), (80, false)] {
            assert_eq!(Passphrase::new("x".repeat(bytes)).is_ok(), good, "{bytes}");
        }
        assert!(Passphrase::new("0123456789\0").is_err());
        assert_eq!(format!("{:?}", Passphrase::new("0123456789").unwrap()), "Passphrase(…)");
    }
}
