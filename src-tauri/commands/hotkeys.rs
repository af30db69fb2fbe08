//! The keys of the window's actions.

use tauri::State;

use crate::App;
use crate::command_error::CommandError;
use crate::hotkeys::Action;

/// Gives an action other keys, or none.
#[tauri::command]
#[specta::specta]
pub async fn set_hotkey(
    app: State<'_, App>,
    action: Action,
    keys: Option<String>,
) -> Result<(), CommandError> {
    Ok(app.set_hotkey(action, keys).await?)
}

/// Lets an action's keys work while another program has the keyboard, or not.
#[tauri::command]
#[specta::specta]
pub fn set_background_hotkey(app: State<'_, App>, action: Action, on: bool) -> Result<(), CommandError> {
    Ok(app.set_background_hotkey(action, on)?)
}

/// Lets keys do something that people press while writing, or not.
#[tauri::command]
#[specta::specta]
pub fn set_single_letters(app: State<'_, App>, on: bool) -> Result<(), CommandError> {
    Ok(app.set_single_letters(on)?)
}

/// All keys as they come.
#[tauri::command]
#[specta::specta]
pub fn standard_hotkeys(app: State<'_, App>) -> Result<(), CommandError> {
    Ok(app.standard_hotkeys()?)
}

/// The person presses new keys, or no more.
#[tauri::command]
#[specta::specta]
pub fn hold_hotkeys(app: State<'_, App>, held: bool) -> Result<(), CommandError> {
    Ok(app.hold_hotkeys(held)?)
}
