//! What a command answers when it could not do what it was asked to.

use serde::Serialize;
use specta::Type;

use crate::app;

/// Shown to the person as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
pub struct CommandError {
    /// What happened, in words.
    pub message: String,
}

impl From<app::Error> for CommandError {
    fn from(error: app::Error) -> CommandError {
        CommandError { message: error.to_string() }
    }
}
