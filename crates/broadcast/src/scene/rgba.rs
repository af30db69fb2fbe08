//! A colour as people write it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An sRGB colour with its opacity, written `#rrggbb` or `#rrggbbaa`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rgba {
    /// Red, 0 to 255.
    pub red: u8,
    /// Green, 0 to 255.
    pub green: u8,
    /// Blue, 0 to 255.
    pub blue: u8,
    /// 0 is not to be seen, 255 hides what lies below.
    pub alpha: u8,
}

impl Rgba {
    /// White.
    pub const WHITE: Rgba = Rgba::opaque(255, 255, 255);

    /// A colour that hides what lies below.
    #[must_use]
    pub const fn opaque(red: u8, green: u8, blue: u8) -> Rgba {
        Rgba { red, green, blue, alpha: 255 }
    }

    /// Y, U and V in BT.709, limited range (ITU-R BT.709-6 §3), not rounded.
    pub(crate) fn yuv(self) -> [f32; 3] {
        yuv([self.red, self.green, self.blue].map(|value| f32::from(value) / 255.0))
    }
}

/// Y, U and V of red, green and blue from 0 to 1.
pub(crate) fn yuv([red, green, blue]: [f32; 3]) -> [f32; 3] {
    let luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    [16.0 + 219.0 * luma, 128.0 + 224.0 * (blue - luma) / 1.8556, 128.0 + 224.0 * (red - luma) / 1.5748]
}

/// A colour that cannot be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{given:?} is not a colour: write #rrggbb or #rrggbbaa")]
pub struct RgbaError {
    given: String,
}

impl FromStr for Rgba {
    type Err = RgbaError;

    fn from_str(text: &str) -> Result<Rgba, RgbaError> {
        let read = || {
            let digits =
                text.strip_prefix('#').filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
            let byte = |at: usize| digits.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
            let alpha = match digits.len() {
                6 => 255,
                8 => byte(6)?,
                _ => return None,
            };
            Some(Rgba { red: byte(0)?, green: byte(2)?, blue: byte(4)?, alpha })
        };
        read().ok_or_else(|| RgbaError { given: text.to_owned() })
    }
}

impl TryFrom<String> for Rgba {
    type Error = RgbaError;

    fn try_from(text: String) -> Result<Rgba, RgbaError> {
        text.parse()
    }
}

impl fmt::Display for Rgba {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rgba { red, green, blue, alpha } = self;
        write!(out, "#{red:02x}{green:02x}{blue:02x}")?;
        if *alpha == 255 { Ok(()) } else { write!(out, "{alpha:02x}") }
    }
}

impl From<Rgba> for String {
    fn from(colour: Rgba) -> String {
        colour.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_as_they_are_written() {
        for text in ["#00ff00", "#12345678"] {
            assert_eq!(text.parse::<Rgba>().map(|colour| colour.to_string()), Ok(text.to_owned()));
        }
        for wrong in ["00ff00", "#0f0", "#00ff0", "#00gg00", "#+1+2+3", "", "#é0000"] {
            assert!(wrong.parse::<Rgba>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn bars_become_what_the_test_pattern_draws() {
        let [y, u, v] = Rgba::opaque(0, 191, 0).yuv();
        for (value, expected) in [(y, 133.0), (u, 63.0), (v, 52.0)] {
            assert!((value - expected).abs() < 0.8, "{value} for {expected}");
        }
    }
}
