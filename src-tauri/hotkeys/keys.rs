//! A combination of keys, as it is written in `settings.json` and shown in the window: `Ctrl Shift L`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use specta::Type;
use thiserror::Error;

/// Modifiers and one key. Written with spaces between, the modifiers in the order of [`MODIFIERS`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Type)]
#[serde(transparent)]
pub struct Keys(String);

/// Why keys cannot be used.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum WrongKeys {
    /// They are written in another way, or the key has a meaning of its own everywhere, as Esc and the arrows have.
    #[error("these keys cannot be used")]
    Unknown,
    /// Everybody's hands know them as copying, pasting and the like.
    #[error("these keys copy, cut, paste and select in text")]
    Text,
    /// One of the digits 1 to 9 is needed.
    #[error("a digit from 1 to 9 is needed, with other keys or without")]
    NoDigit,
    /// Another action has them.
    #[error("another action has these keys")]
    Taken,
}

impl Keys {
    /// Those that are known to be right.
    pub(super) fn fixed(keys: &str) -> Keys {
        Keys(keys.to_owned())
    }

    /// The modifiers, in the order of [`MODIFIERS`].
    pub fn modifiers(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|part| MODIFIERS.contains(part))
    }

    /// The one key.
    #[must_use]
    pub fn key(&self) -> &str {
        self.0.rsplit(' ').next().unwrap_or_default()
    }

    /// The same modifiers with another key.
    pub(super) fn with(&self, key: &str) -> Keys {
        let parts: Vec<&str> = self.modifiers().chain([key]).collect();
        Keys(parts.join(" "))
    }

    /// Whether the key is a digit from 1 to 9.
    #[must_use]
    pub fn is_digit(&self) -> bool {
        matches!(self.key().as_bytes(), [b'1'..=b'9'])
    }

    /// Whether nobody presses them while writing: with Ctrl, Alt or Super, or a function key.
    #[must_use]
    pub fn are_apart_from_writing(&self) -> bool {
        self.modifiers().any(|modifier| modifier != "Shift") || function_key(self.key())
    }
}

impl fmt::Display for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Keys {
    type Err = WrongKeys;

    fn from_str(text: &str) -> Result<Keys, WrongKeys> {
        let mut parts: Vec<&str> = text.split(' ').collect();
        let key = parts.pop().filter(|key| is_key(key)).ok_or(WrongKeys::Unknown)?;
        // Each at most once, in order.
        let mut known = MODIFIERS.iter();
        if !parts.iter().all(|part| known.any(|modifier| modifier == part)) {
            return Err(WrongKeys::Unknown);
        }
        if parts == ["Ctrl"] && TEXT.contains(&key) {
            return Err(WrongKeys::Text);
        }
        Ok(Keys(text.to_owned()))
    }
}

fn is_key(key: &str) -> bool {
    let one = matches!(key.as_bytes(), [one] if one.is_ascii_uppercase() || one.is_ascii_digit() || SIGNS.contains(char::from(*one)));
    one || function_key(key) || NAMED.contains(&key)
}

/// `F1` to `F24`.
fn function_key(key: &str) -> bool {
    let number = key.strip_prefix('F').filter(|number| !number.starts_with('0'));
    number.and_then(|number| number.parse::<u8>().ok()).is_some_and(|number| (1..=24).contains(&number))
}

/// In the order in which they are written.
pub const MODIFIERS: [&str; 4] = ["Ctrl", "Alt", "Shift", "Super"];
/// What a keyboard has besides letters and digits, and one press types.
const SIGNS: &str = ",-./;'=[]\\`";
/// Keys without a sign. Left out is what has a meaning of its own everywhere: Esc, Enter, Tab, Space, Backspace, and what moves
/// in lists.
const NAMED: [&str; 2] = ["Delete", "Insert"];
/// With Ctrl, in every text: select all, copy, paste, cut.
const TEXT: [&str; 4] = ["A", "C", "V", "X"];

#[cfg(test)]
mod tests {
    use super::{Keys, WrongKeys};

    #[test]
    fn what_the_window_writes_is_read() {
        for text in
            ["L", "Ctrl Shift L", "Ctrl ,", "F6", "Shift F6", "Ctrl Alt Shift Super 9", "Delete", "Alt -"]
        {
            assert_eq!(text.parse::<Keys>().map(|keys| keys.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_no_key_press_is_is_refused() {
        let wrong = [
            "",
            " ",
            "Ctrl",
            "l",
            "Shift Ctrl L",
            "Ctrl Ctrl L",
            "Ctrl  L",
            "F25",
            "F06",
            "Escape",
            "Ctrl ArrowUp",
            "Ä",
        ];
        for text in wrong {
            assert_eq!(text.parse::<Keys>(), Err(WrongKeys::Unknown), "{text}");
        }
        assert_eq!("Ctrl C".parse::<Keys>(), Err(WrongKeys::Text));
        assert!("Ctrl Shift C".parse::<Keys>().is_ok());
    }

    #[test]
    fn what_is_pressed_while_writing_is_told_apart() {
        for (text, apart) in
            [("L", false), ("Shift L", false), ("Delete", false), ("F2", true), ("Alt L", true)]
        {
            assert_eq!(text.parse::<Keys>().unwrap().are_apart_from_writing(), apart, "{text}");
        }
    }
}
