//! What a person needs from the window to see it well, besides its colours.

use serde::{Deserialize, Serialize};
use specta::Type;
use tauri::{AppHandle, Manager as _, WebviewWindow};
use tracing::warn;

use crate::app::{App, Error};
use crate::request::Request;

/// What the window does for the eyes. The system's own wishes hold as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(default, rename_all = "camelCase")]
pub struct Looks {
    /// Nothing slides or spins.
    pub less_movement: bool,
    /// Stronger lines and darker or brighter grey text.
    pub more_contrast: bool,
    /// How large everything is, percent of what it is made for; 100 to 200.
    pub text_percent: u32,
}

impl Default for Looks {
    fn default() -> Looks {
        Looks { less_movement: false, more_contrast: false, text_percent: LEAST }
    }
}

impl Looks {
    /// Brings what cannot be, as in a file that somebody wrote by hand, to the nearest that can.
    #[must_use]
    pub fn checked(self) -> Looks {
        Looks { text_percent: self.text_percent.clamp(LEAST, MOST), ..self }
    }
}

/// Keeps the page as large as the person wants it. A larger page has less room in the same window: its layout knows.
pub async fn keep_size(app: AppHandle, window: WebviewWindow) {
    let mut view = app.state::<App>().view();
    let mut now = LEAST;
    loop {
        let wanted = view.borrow_and_update().looks.text_percent;
        if wanted != now {
            match window.set_zoom(f64::from(wanted) / 100.0) {
                Ok(()) => now = wanted,
                Err(error) => warn!(%error, wanted, "the page keeps its size"),
            }
        }
        if view.changed().await.is_err() {
            return;
        }
    }
}

impl App {
    /// Changes what the window does for the eyes.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn set_looks(&self, looks: Looks) -> Result<(), Error> {
        self.ask(Request::SetLooks(looks))
    }
}

/// What everything is made for.
const LEAST: u32 = 100;
/// WCAG 2.2 1.4.4 asks for as much.
const MOST: u32 = 200;

#[cfg(test)]
mod tests {
    use super::Looks;

    #[test]
    fn a_size_that_cannot_be_is_brought_to_one_that_can() {
        let size = |text_percent| Looks { text_percent, ..Looks::default() }.checked().text_percent;
        assert_eq!([0, 100, 150, 9_999].map(size), [100, 100, 150, 200]);
    }
}
