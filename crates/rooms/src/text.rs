//! What somebody says in a chat.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;
use utoipa::ToSchema;

/// A message's text: trimmed, without control characters, 1 to 500 code points. It is kept and sent
/// plain; whoever shows it shows it as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(value_type = String)]
pub struct Text(String);

/// A text that cannot be sent.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum TextError {
    /// Nothing is left after trimming.
    #[error("the message is empty")]
    Empty,
    /// More than [`Text::CHARS_MAX`] code points.
    #[error("the message is longer than {} characters", Text::CHARS_MAX)]
    TooLong,
}

impl Text {
    /// Unicode code points at most.
    pub const CHARS_MAX: usize = 500;

    /// Cleans and measures `raw`.
    ///
    /// # Errors
    /// [`TextError`].
    pub fn new(raw: &str) -> Result<Text, TextError> {
        let text = without_piles(raw.chars().filter_map(visible));
        let text = text.trim();
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        if text.chars().count() > Text::CHARS_MAX {
            return Err(TextError::TooLong);
        }
        Ok(Text(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a reader sees anything of it.
    pub(crate) fn shows(&self) -> bool {
        self.0.chars().any(|character| !character.is_whitespace() && !is_invisible(character))
    }
}

/// The text as filters compare it: letters of another width are the plain ones, and what nobody sees, or what is only put
/// on a letter, does not count.
pub(crate) fn plain(text: &str) -> String {
    text.nfkc().filter(|&character| !is_invisible(character) && !is_combining(character)).collect()
}

/// Whether a character takes no place, or one that is empty.
pub(crate) fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}'
        | '\u{2800}' | '\u{3164}' | '\u{ffa0}' | '\u{115f}' | '\u{1160}')
}

/// `None` for what must not reach a screen: controls, and the marks that reorder what stands around them.
/// A line break becomes a space. The joiners that emoji and several scripts need stay.
#[must_use]
pub fn visible(character: char) -> Option<char> {
    match character {
        '\n' | '\r' | '\t' => Some(' '),
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => None,
        '\u{2028}' | '\u{2029}' | '\u{feff}' => None,
        _ if character.is_control() => None,
        _ => Some(character),
    }
}

/// Without the marks that are piled on one letter beyond what any language writes: they cover the lines around.
fn without_piles(characters: impl Iterator<Item = char>) -> String {
    let mut piled = 0;
    let kept = characters.filter(|&character| {
        piled = if is_combining(character) { piled + 1 } else { 0 };
        piled <= MARKS_MAX
    });
    kept.collect()
}

fn is_combining(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// Vietnamese puts two on a letter, and transcriptions up to four.
const MARKS_MAX: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_and_reordering_marks_are_removed() {
        assert_eq!(Text::new(" a\u{0}b\u{202e}c\nd ").unwrap().as_str(), "abc d");
        assert_eq!(Text::new("👩\u{200d}🏫").unwrap().as_str(), "👩\u{200d}🏫");
    }

    #[test]
    fn marks_are_not_piled_up() {
        let zalgo = format!("Z{}a", "\u{301}".repeat(40));
        assert_eq!(Text::new(&zalgo).unwrap().as_str(), "Z\u{301}\u{301}\u{301}\u{301}a");
        assert_eq!(Text::new("Tiê\u{301}ng Viê\u{323}t").unwrap().as_str(), "Tiê\u{301}ng Viê\u{323}t");
    }

    #[test]
    fn length_is_counted_in_code_points_after_trimming() {
        let longest = "ü".repeat(Text::CHARS_MAX);
        assert!(Text::new(&format!("  {longest}  ")).is_ok());
        assert_eq!(Text::new(&format!("{longest}!")), Err(TextError::TooLong));
        assert_eq!(Text::new(" \u{7} \n"), Err(TextError::Empty));
    }
}
