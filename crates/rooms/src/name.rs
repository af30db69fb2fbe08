//! Names people go by.

use std::fmt;

use caseless::Caseless as _;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;
use utoipa::ToSchema;

use crate::text::{is_invisible, visible};

/// A shown name: cleaned, without outer or doubled spaces, 1 to 32 code points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(value_type = String, example = "mara")]
pub struct Name(Box<str>);

/// A name that cannot be used.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum NameError {
    /// Nothing is left after cleaning.
    #[error("the name is empty")]
    Empty,
    /// More than [`Name::CHARS_MAX`] code points.
    #[error("the name is longer than {} characters", Name::CHARS_MAX)]
    TooLong,
    /// An account's name holds something else than letters, digits, `_` and `-`.
    #[error("an account's name holds letters, digits, _ and - only")]
    NotForAccounts,
}

impl Name {
    /// Unicode code points at most.
    pub const CHARS_MAX: usize = 32;

    /// Cleans what a guest wrote.
    ///
    /// # Errors
    /// [`NameError::Empty`] or [`NameError::TooLong`].
    pub fn guest(raw: &str) -> Result<Name, NameError> {
        let cleaned: String = raw.chars().filter_map(visible).filter(|&c| !is_invisible(c)).collect();
        let name = cleaned.split_whitespace().collect::<Vec<_>>().join(" ");
        // A name of marks alone would show as nothing, or as part of the name before it.
        if !name.chars().any(|character| character.is_alphanumeric()) {
            return Err(NameError::Empty);
        }
        if name.chars().count() > Name::CHARS_MAX {
            return Err(NameError::TooLong);
        }
        Ok(Name(name.into()))
    }

    /// Checks an account's name: letters or digits of any script, `_`, `-`. Composed and decomposed letters (NFC)
    /// are the same name.
    ///
    /// # Errors
    /// [`NameError`].
    pub fn account(raw: &str) -> Result<Name, NameError> {
        // Composing makes nothing longer than three times as long; what is far too long need not be composed.
        if raw.chars().take(Name::CHARS_MAX * 4 + 1).count() > Name::CHARS_MAX * 4 {
            return Err(NameError::TooLong);
        }
        let raw: &str = &raw.nfc().collect::<String>();
        let name = Name::guest(raw)?;
        let allowed = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-');
        if name.as_str() == raw && raw.chars().all(allowed) {
            Ok(name)
        } else {
            Err(NameError::NotForAccounts)
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// See [`fold`].
    #[must_use]
    pub fn folded(&self) -> String {
        fold(&self.0)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What two names must not share when one is an account's: case, spaces and punctuation do not
/// make a name another. Case is folded as Unicode says (full folding, CaseFolding.txt).
#[must_use]
pub fn fold(name: &str) -> String {
    name.chars().filter(|character| character.is_alphanumeric()).default_case_fold().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guests_name_is_cleaned() {
        assert_eq!(Name::guest("  Ada\t Lovelace\u{200b} ").unwrap().as_str(), "Ada Lovelace");
        for nothing in ["\u{202e}\u{200d}", "\u{ffa0}", "\u{3164} \u{2800}"] {
            assert_eq!(Name::guest(nothing), Err(NameError::Empty), "{nothing:?}");
        }
        assert_eq!(Name::guest(&"a".repeat(33)), Err(NameError::TooLong));
    }

    #[test]
    fn an_accounts_name_is_taken_as_it_stands_or_refused() {
        assert!(Name::account("mara_7").is_ok());
        assert!(Name::account("李明").is_ok());
        assert_eq!(Name::account("Zoe\u{308}").unwrap().as_str(), "Zoë");
        for bad in ["mara 7", " mara", "ma@ra", "", "\u{ffa0}", "mara\u{ffa0}"] {
            assert!(Name::account(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn spacing_and_case_do_not_make_another_name() {
        assert_eq!(fold("M a r a."), fold("mara"));
        assert_ne!(fold("mara2"), fold("mara"));
        for (one, other) in [("Straße", "STRASSE"), ("ΟΔΟΣ", "οδος"), ("Ǆ", "ǆ"), ("ﬁn", "FIN")]
        {
            assert_eq!(fold(one), fold(other));
        }
    }
}
