//! The origin inside the app.

use tauri::State;

use crate::App;
use crate::command_error::CommandError;
use crate::view::Audience;

/// Starts the origin.
#[tauri::command]
#[specta::specta]
pub fn start_origin(app: State<'_, App>) -> Result<(), CommandError> {
    Ok(app.start_origin()?)
}

/// Stops the origin.
#[tauri::command]
#[specta::specta]
pub fn stop_origin(app: State<'_, App>) -> Result<(), CommandError> {
    Ok(app.stop_origin()?)
}

/// Stops the origin and starts it again.
#[tauri::command]
#[specta::specta]
pub fn restart_origin(app: State<'_, App>) -> Result<(), CommandError> {
    Ok(app.restart_origin()?)
}

/// Decides who can watch.
#[tauri::command]
#[specta::specta]
pub fn set_audience(app: State<'_, App>, audience: Audience) -> Result<(), CommandError> {
    Ok(app.set_audience(audience)?)
}

/// Puts the watch page on another port.
#[tauri::command]
#[specta::specta]
pub fn use_port(app: State<'_, App>, port: u16) -> Result<(), CommandError> {
    Ok(app.use_port(port)?)
}
