//! Adaptive renditions.

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// Smaller renditions of every stream, for viewers on weak lines. Without the feature `transcode` there are none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TranscodeSettings {
    /// Whether there are any, and whether sound that players do not take is re-encoded.
    pub enabled: bool,
    /// The shorter side of each in pixels, at most five; those not clearly smaller than the source are left out.
    pub heights: Vec<u32>,
    /// Percent of the processor that all of them together may take. 1 to 100.
    pub cpu_percent: u32,
}

impl Default for TranscodeSettings {
    fn default() -> TranscodeSettings {
        TranscodeSettings { enabled: true, heights: vec![720, 480, 240], cpu_percent: 75 }
    }
}

impl TranscodeSettings {
    /// Whether every value is in its range.
    ///
    /// # Errors
    /// [`ConfigError::Range`] for the first that is not.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key, expected, found| Err(ConfigError::Range { key, expected, found });
        if let Some(&found) = self.heights.iter().find(|height| !(120..=2_160).contains(*height)) {
            return wrong("transcode.heights", "120 to 2160", found);
        }
        // The packager has six places, and one is for the source's own size.
        if self.heights.len() > 5 {
            return wrong("transcode.heights", "at most 5 of them", self.heights.len() as u32);
        }
        if !(1..=100).contains(&self.cpu_percent) {
            return wrong("transcode.cpu_percent", "1 to 100", self.cpu_percent);
        }
        Ok(())
    }
}
