//! The origin inside the app.

use tauri::State;

use crate::App;
use crate::app_origin::Folder;
use crate::command_error::CommandError;
use crate::origin_view::{Attendee, OriginFigures};
use crate::people_here::PersonHere;
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

/// How the origin does.
#[tauri::command]
#[specta::specta]
pub async fn origin_figures(app: State<'_, App>) -> Result<OriginFigures, CommandError> {
    Ok(app.origin_figures().await?)
}

/// Starts the app when the person logs in, or no more.
#[tauri::command]
#[specta::specta]
pub fn set_autostart(app: State<'_, App>, on: bool) -> Result<(), CommandError> {
    Ok(app.set_autostart(on)?)
}

/// Opens a folder.
#[tauri::command]
#[specta::specta]
pub fn open_folder(app: State<'_, App>, folder: Folder) -> Result<(), CommandError> {
    Ok(app.open_folder(folder)?)
}

/// A link as a QR code.
#[tauri::command]
#[specta::specta]
pub fn qr_code(app: State<'_, App>, link: String) -> String {
    app.qr_code(&link)
}

/// Opens the administrator's page in the browser.
#[tauri::command]
#[specta::specta]
pub async fn open_admin_page(app: State<'_, App>) -> Result<(), CommandError> {
    Ok(app.open_admin_page().await?)
}

/// Opens a recording in the browser.
#[tauri::command]
#[specta::specta]
pub async fn play_recording(app: State<'_, App>, id: String) -> Result<(), CommandError> {
    Ok(app.play_recording(&id).await?)
}

/// Keeps a replay of every broadcast of this computer's room, or no more.
#[tauri::command]
#[specta::specta]
pub async fn set_replays(app: State<'_, App>, on: bool) -> Result<(), CommandError> {
    Ok(app.set_replays(on).await?)
}

/// Deletes a recording.
#[tauri::command]
#[specta::specta]
pub async fn remove_recording(app: State<'_, App>, id: String) -> Result<(), CommandError> {
    Ok(app.remove_recording(&id).await?)
}

/// Who is in class.
#[tauri::command]
#[specta::specta]
pub async fn attendance(app: State<'_, App>) -> Result<Vec<Attendee>, CommandError> {
    Ok(app.attendance().await?)
}

/// Who is in this computer's room.
#[tauri::command]
#[specta::specta]
pub async fn people_here(app: State<'_, App>) -> Result<Vec<PersonHere>, CommandError> {
    Ok(app.people_here().await?)
}

/// Saves who was in class.
#[tauri::command]
#[specta::specta]
pub async fn save_attendance(app: State<'_, App>) -> Result<String, CommandError> {
    Ok(app.save_attendance().await?)
}

/// Saves what the origin keeps, without replays.
#[tauri::command]
#[specta::specta]
pub async fn save_backup(app: State<'_, App>) -> Result<String, CommandError> {
    Ok(app.save_backup().await?)
}

/// Opens the watch page in the browser.
#[tauri::command]
#[specta::specta]
pub fn open_watch_page(app: State<'_, App>) -> Result<(), CommandError> {
    Ok(app.open_watch_page()?)
}
