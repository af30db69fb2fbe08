//! The mixer.

use tauri::State;

use crate::App;
use crate::command_error::CommandError;
use crate::sounds::{SoundChange, SoundDevice};

/// Mutes the microphone unless the key for it is held, or no more.
#[tauri::command]
#[specta::specta]
pub fn use_push_to_talk(app: State<'_, App>, on: bool) -> Result<(), CommandError> {
    Ok(app.use_push_to_talk(on)?)
}

/// The key for the microphone is held, or no more.
#[tauri::command]
#[specta::specta]
pub fn talk(app: State<'_, App>, held: bool) -> Result<(), CommandError> {
    Ok(app.talk(held)?)
}

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

/// Moves a sound among the others.
#[tauri::command]
#[specta::specta]
pub fn move_sound(app: State<'_, App>, id: u32, to: u32) -> Result<(), CommandError> {
    Ok(app.move_sound(id, to)?)
}

/// Changes one thing of a sound.
#[tauri::command]
#[specta::specta]
pub fn change_sound(app: State<'_, App>, id: u32, change: SoundChange) -> Result<(), CommandError> {
    Ok(app.change_sound(id, change)?)
}
