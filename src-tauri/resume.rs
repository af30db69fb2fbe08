//! A mark in the data folder while on air. A start that finds one knows that the last broadcast was cut off.

use std::path::Path;

use crate::go_live::Phase;

/// Whether the last broadcast was cut off; the mark is taken away.
pub(crate) fn was_cut_off(folder: &Path) -> bool {
    std::fs::remove_file(folder.join(MARK)).is_ok()
}

/// Makes or removes the mark, as `phase` asks. It helps after a crash only, so a folder that cannot be written is no fault.
pub(crate) fn keep_mark(folder: &Path, phase: &Phase) {
    let (mark, on_air) =
        (folder.join(MARK), matches!(phase, Phase::Live { .. } | Phase::Reconnecting { .. }));
    if on_air && !mark.exists() {
        let _ = std::fs::write(mark, "");
    } else if !on_air && mark.exists() {
        let _ = std::fs::remove_file(mark);
    }
}

/// Beside `settings.json`.
const MARK: &str = "on-air";

#[cfg(test)]
mod tests {
    use super::{Phase, keep_mark, was_cut_off};

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a phase needs a moment, any moment")]
    fn only_a_broadcast_that_was_not_ended_is_offered_again() {
        let folder = tempfile::tempdir().unwrap();
        let live = Phase::Live { since: std::time::Instant::now() };
        keep_mark(folder.path(), &live);
        keep_mark(folder.path(), &Phase::Ending { on_air: None });
        assert!(!was_cut_off(folder.path()));
        keep_mark(folder.path(), &live);
        assert!(was_cut_off(folder.path()) && !was_cut_off(folder.path()));
    }
}
