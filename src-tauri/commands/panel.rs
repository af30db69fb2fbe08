//! The small window above the others.

use tauri::AppHandle;

use crate::command_error::CommandError;

/// Opens the panel, or brings it to the front. It waits for the window's thread, so it does not run on it.
#[tauri::command]
#[specta::specta]
pub async fn open_panel(handle: AppHandle) -> Result<(), CommandError> {
    Ok(crate::panel::open(&handle)?)
}

/// Closes the panel; everything goes on.
#[tauri::command]
#[specta::specta]
pub async fn close_panel(handle: AppHandle) -> Result<(), CommandError> {
    crate::panel::close(&handle);
    Ok(())
}
