//! What a person needs from the window to see it well, besides its colours.

use serde::{Deserialize, Serialize};
use specta::Type;

use crate::app::{App, Error};
use crate::request::Request;

/// What the window does for the eyes. The system's own wishes hold as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(default, rename_all = "camelCase")]
pub struct Looks {
    /// Nothing slides or spins.
    pub less_movement: bool,
    /// Stronger lines and darker or brighter grey text.
    pub more_contrast: bool,
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
