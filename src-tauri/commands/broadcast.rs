//! The Go live button and the sources.

use tauri::State;

use crate::App;
use crate::command_error::CommandError;
use crate::settings::VideoChoice;

/// Starts the countdown.
#[tauri::command]
#[specta::specta]
pub fn go_live(app: State<'_, App>) -> Result<(), CommandError> {
    Ok(app.go_live()?)
}

/// Stops the countdown, or the first connection.
#[tauri::command]
#[specta::specta]
pub fn cancel(app: State<'_, App>) -> Result<(), CommandError> {
    Ok(app.cancel()?)
}

/// Skips the wait for the next try.
#[tauri::command]
#[specta::specta]
pub fn retry_now(app: State<'_, App>) -> Result<(), CommandError> {
    Ok(app.retry_now()?)
}

/// Ends the broadcast.
#[tauri::command]
#[specta::specta]
pub fn end(app: State<'_, App>) -> Result<(), CommandError> {
    Ok(app.end()?)
}

/// Puts the summary away.
#[tauri::command]
#[specta::specta]
pub fn new_broadcast(app: State<'_, App>) -> Result<(), CommandError> {
    Ok(app.new_broadcast()?)
}

/// Mutes the first microphone, or not.
#[tauri::command]
#[specta::specta]
pub fn set_muted(app: State<'_, App>, muted: bool) -> Result<(), CommandError> {
    Ok(app.set_muted(muted)?)
}

/// Takes another device for the first microphone.
#[tauri::command]
#[specta::specta]
pub fn choose_microphone(app: State<'_, App>, id: Option<String>) -> Result<(), CommandError> {
    Ok(app.choose_microphone(id)?)
}

/// Takes another picture.
#[tauri::command]
#[specta::specta]
pub fn choose_video(app: State<'_, App>, choice: VideoChoice) -> Result<(), CommandError> {
    Ok(app.choose_video(choice)?)
}

/// Opens screen and microphone again.
#[tauri::command]
#[specta::specta]
pub fn retry_sources(app: State<'_, App>) -> Result<(), CommandError> {
    Ok(app.retry_sources()?)
}

/// Looks for cameras, windows and microphones again.
#[tauri::command]
#[specta::specta]
pub fn find_devices(app: State<'_, App>) -> Result<(), CommandError> {
    Ok(app.find_devices()?)
}

/// Makes the picture smaller for a computer that is too slow.
#[tauri::command]
#[specta::specta]
pub fn ease_picture(app: State<'_, App>) -> Result<(), CommandError> {
    Ok(app.ease_picture()?)
}

/// Begins broadcasts with a countdown, or at once.
#[tauri::command]
#[specta::specta]
pub fn set_countdown(app: State<'_, App>, on: bool) -> Result<(), CommandError> {
    Ok(app.set_countdown(on)?)
}
