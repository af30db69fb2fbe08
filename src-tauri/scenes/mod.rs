//! The person's scenes: what they are, how they are edited, kept and put on air.
//!
//! [`model`] has the words, [`edit`] every change there is, [`Book`] undoes and redoes them; all three are pure. [`store`]
//! keeps them in `scenes.json`, [`engine`] says them to the engine, and `staging` is the studio's part: it shows the
//! chosen scene live, one change after the other.

mod app;
mod book;
mod breaks;
pub mod check;
pub mod devices;
pub mod edit;
pub mod engine;
pub mod file_dialog;
mod layout;
pub mod model;
mod staging;
mod store;
pub mod view;

#[cfg(test)]
mod tests;

pub use book::Book;
pub(crate) use staging::{Staged, Staging, first_book};
pub(crate) use store::{load, save};

use tokio::sync::oneshot;

use check::Wrong;
use edit::Edit;
use model::Transition;

/// What a person asks for with scenes.
#[derive(Debug)]
pub enum Ask {
    /// Changes something. Edits of one gesture, as the moves of a drag, are undone as one. Answers what was made.
    Edit(Edit, Option<u32>, oneshot::Sender<Result<Option<u32>, Wrong>>),
    /// Takes the last edit back.
    Undo,
    /// Makes the edit again that was taken back last.
    Redo,
    /// Shows another scene.
    Choose(u32),
    /// Shows the scene for breaks, or no more; what one that is made for it says.
    Break(bool, String),
    /// How another scene follows.
    SetTransition(Transition),
}
