//! Closing the window: at once, or after a question while something would be lost.

use serde::Serialize;
use specta::Type;

use crate::go_live::Phase;
use crate::studio::Studio;

/// What closing would end. The first that is true, as the heaviest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum Closing {
    /// Viewers lose the broadcast, and a recording ends with it.
    Broadcast,
    /// Nothing is sent any more, but viewers still wait for the end that was held back.
    HeldBack,
    /// A recording ends.
    Recording,
    /// A replay is being written.
    Replay,
}

impl Studio {
    /// Closes, or asks back where something would be lost.
    pub(crate) fn close_asked(&mut self) {
        self.asks_to_close = self.closing_ends().is_some();
        self.quitting = !self.asks_to_close;
    }

    /// What closing would end now.
    pub(crate) fn closing_ends(&self) -> Option<Closing> {
        let held_back = matches!(self.go_live.phase(), Phase::Ending { .. });
        if held_back && self.held.is_delayed() {
            Some(Closing::HeldBack)
        } else if self.go_live.is_on_air() {
            Some(Closing::Broadcast)
        } else if self.recording.is_some() {
            Some(Closing::Recording)
        } else if self.held.is_saving() {
            Some(Closing::Replay)
        } else {
            None
        }
    }
}
