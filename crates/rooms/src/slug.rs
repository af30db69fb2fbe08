//! Names that may stand in a URL or a protocol.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A room's name in URLs: 1 to 64 of `a-z`, `0-9`, `-`. Parsed once, where it enters the program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Slug(Box<str>);

/// A name that is no slug.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a room's name has 1 to {} characters, each of a-z, 0-9 or -", Slug::LEN_MAX)]
pub struct SlugError;

impl Slug {
    /// Characters at most.
    pub const LEN_MAX: usize = 64;

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nearest slug to what a person wrote: letters lowered, anything else a single hyphen.
    ///
    /// # Errors
    /// [`SlugError`] when nothing is left.
    pub fn nearest(text: &str) -> Result<Slug, SlugError> {
        let mut slug = String::new();
        for character in text.chars().map(|character| character.to_ascii_lowercase()) {
            if slug.len() == Slug::LEN_MAX {
                break;
            }
            if character.is_ascii_lowercase() || character.is_ascii_digit() {
                slug.push(character);
            } else if !slug.is_empty() && !slug.ends_with('-') {
                slug.push('-');
            }
        }
        slug.trim_end_matches('-').parse()
    }
}

impl FromStr for Slug {
    type Err = SlugError;

    fn from_str(text: &str) -> Result<Slug, SlugError> {
        let fits = (1..=Slug::LEN_MAX).contains(&text.len());
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if fits && text.bytes().all(allowed) { Ok(Slug(text.into())) } else { Err(SlugError) }
    }
}

impl PartialSchema for Slug {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[a-z0-9-]{1,64}$"));
        let text = text.description(Some("A room's name in URLs."));
        text.min_length(Some(1)).max_length(Some(Slug::LEN_MAX)).examples(["chess"]).into()
    }
}

impl ToSchema for Slug {}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Slug {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Slug, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_characters_pass() {
        for good in ["demo", "a", "3d-print", &"x".repeat(64)] {
            assert!(good.parse::<Slug>().is_ok(), "{good}");
        }
        for bad in ["", "Demo", "a/b", "..", "a b", "a\0", "%2e", "ä", "a_b", &"x".repeat(65)] {
            assert_eq!(bad.parse::<Slug>(), Err(SlugError), "{bad}");
        }
    }

    #[test]
    fn a_persons_name_gives_a_slug() {
        assert_eq!(Slug::nearest("  Mara O'Neil ").unwrap().as_str(), "mara-o-neil");
        assert_eq!(Slug::nearest("李明"), Err(SlugError));
    }
}
