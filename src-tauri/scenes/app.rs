//! What a person can ask [`App`] about scenes.

use tokio::sync::oneshot;

use super::Ask;
use super::edit::Edit;
use super::model::Transition;
use crate::app::{App, Error};
use crate::request::Request;

impl App {
    /// Changes something; returns the id of what was made. Edits of one gesture, as the moves of a drag, are undone as one.
    ///
    /// # Errors
    /// [`Error::Scenes`] when it cannot be; else see [`App::go_live`].
    pub async fn edit_scenes(&self, edit: Edit, gesture: Option<u32>) -> Result<Option<u32>, Error> {
        let (answer, answered) = oneshot::channel();
        self.ask(Request::Scenes(Ask::Edit(edit, gesture, answer)))?;
        Ok(answered.await.map_err(|_| Error::Closing)??)
    }

    /// Takes the last edit back.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn undo_scenes(&self) -> Result<(), Error> {
        self.ask(Request::Scenes(Ask::Undo))
    }

    /// Makes the edit again that was taken back last.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn redo_scenes(&self) -> Result<(), Error> {
        self.ask(Request::Scenes(Ask::Redo))
    }

    /// Shows another scene, also on air.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn choose_scene(&self, scene: u32) -> Result<(), Error> {
        self.ask(Request::Scenes(Ask::Choose(scene)))
    }

    /// Shows the scene for breaks, without sound, or the one before it. Where there is none, one is made that says `words`.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn take_break(&self, on: bool, words: String) -> Result<(), Error> {
        self.ask(Request::Scenes(Ask::Break(on, words)))
    }

    /// Sets how another scene follows.
    ///
    /// # Errors
    /// [`Error::Scenes`] when it cannot be; else see [`App::go_live`].
    pub fn set_transition(&self, transition: Transition) -> Result<(), Error> {
        super::check::transition(transition)?;
        self.ask(Request::Scenes(Ask::SetTransition(transition)))
    }
}
