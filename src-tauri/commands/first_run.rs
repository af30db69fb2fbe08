//! The set-up of the first start.

use tauri::State;

use crate::App;
use crate::command_error::CommandError;
use crate::first_run::{EncoderTrial, Step};

/// Goes to a step of the set-up, or leaves it.
#[tauri::command]
#[specta::specta]
pub fn first_run(app: State<'_, App>, step: Option<Step>) -> Result<(), CommandError> {
    Ok(app.first_run(step)?)
}

/// Measures the encoder.
#[tauri::command]
#[specta::specta]
pub async fn try_encoder(app: State<'_, App>) -> Result<EncoderTrial, CommandError> {
    Ok(app.try_encoder().await?)
}
