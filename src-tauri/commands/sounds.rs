//! The mixer.

use tauri::State;

use crate::App;
use crate::command_error::CommandError;
use crate::sounds::{SoundChange, SoundDevice};

/// Mixes one more sound.
#[tauri::command]
#[specta::specta]
pub fn add_sound(app: State<'_, App>, device: SoundDevice) -> Result<(), CommandError> {
    Ok(app.add_sound(device)?)
}

/// Mixes a sound no more.
#[tauri::command]
#[specta::specta]
pub fn remove_sound(app: State<'_, App>, id: u32) -> Result<(), CommandError> {
    Ok(app.remove_sound(id)?)
}

/// Changes one thing of a sound.
#[tauri::command]
#[specta::specta]
pub fn change_sound(app: State<'_, App>, id: u32, change: SoundChange) -> Result<(), CommandError> {
    Ok(app.change_sound(id, change)?)
}
