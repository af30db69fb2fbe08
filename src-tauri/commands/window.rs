//! The window itself.

use tauri::State;

use crate::App;
use crate::command_error::CommandError;
use crate::looks::Looks;
use crate::settings::{Language, Theme};

/// Changes the colours.
#[tauri::command]
#[specta::specta]
pub fn set_theme(app: State<'_, App>, theme: Theme) -> Result<(), CommandError> {
    Ok(app.set_theme(theme)?)
}

/// Changes what the window does for the eyes.
#[tauri::command]
#[specta::specta]
pub fn set_looks(app: State<'_, App>, looks: Looks) -> Result<(), CommandError> {
    Ok(app.set_looks(looks)?)
}

/// Changes the words.
#[tauri::command]
#[specta::specta]
pub fn set_language(app: State<'_, App>, language: Language) -> Result<(), CommandError> {
    Ok(app.set_language(language)?)
}

/// Puts a notice away.
#[tauri::command]
#[specta::specta]
pub fn dismiss(app: State<'_, App>, notice: u32) -> Result<(), CommandError> {
    Ok(app.dismiss(notice)?)
}

/// Closes, or asks back while on air.
#[tauri::command]
#[specta::specta]
pub fn ask_to_close(app: State<'_, App>) -> Result<(), CommandError> {
    Ok(app.ask_to_close()?)
}

/// Stays open after all.
#[tauri::command]
#[specta::specta]
pub fn keep_open(app: State<'_, App>) -> Result<(), CommandError> {
    Ok(app.keep_open()?)
}

/// Goes on without a window, in the tray.
#[tauri::command]
#[specta::specta]
pub fn keep_in_tray(app: State<'_, App>, handle: tauri::AppHandle) -> Result<(), CommandError> {
    app.keep_open()?;
    crate::window::hide(&handle);
    Ok(())
}

/// The page shows the place that it was led to.
#[tauri::command]
#[specta::specta]
pub fn arrived(app: State<'_, App>, id: u32) -> Result<(), CommandError> {
    Ok(app.arrived(id)?)
}

/// Ends the broadcast and closes.
#[tauri::command]
#[specta::specta]
pub fn quit(app: State<'_, App>) -> Result<(), CommandError> {
    Ok(app.quit()?)
}

/// Saves a report for people who are asked for help.
#[tauri::command]
#[specta::specta]
pub async fn save_report(app: State<'_, App>) -> Result<String, CommandError> {
    Ok(app.save_report().await?)
}
