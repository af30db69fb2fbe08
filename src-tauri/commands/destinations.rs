//! Where broadcasts go, how they are encoded, and what is recorded.

use tauri::State;

use crate::App;
use crate::command_error::CommandError;
use crate::destination::Draft;
use crate::output::Output;
use crate::view::{EncoderView, ObsView, ServiceView};

/// Sends to a destination, or no more.
#[tauri::command]
#[specta::specta]
pub fn switch_destination(app: State<'_, App>, id: u32, on: bool) -> Result<(), CommandError> {
    Ok(app.switch_destination(id, on)?)
}

/// Keeps a destination.
#[tauri::command]
#[specta::specta]
pub async fn save_destination(app: State<'_, App>, draft: Draft) -> Result<(), CommandError> {
    Ok(app.save_destination(draft).await?)
}

/// Forgets a destination.
#[tauri::command]
#[specta::specta]
pub fn remove_destination(app: State<'_, App>, id: u32) -> Result<(), CommandError> {
    Ok(app.remove_destination(id)?)
}

/// Asks the keychain for keys again, and the person to unlock it.
#[tauri::command]
#[specta::specta]
pub fn unlock_keychain(app: State<'_, App>) -> Result<(), CommandError> {
    Ok(app.unlock_keychain()?)
}

/// Gives a destination whose network is weak an encode of its own.
#[tauri::command]
#[specta::specta]
pub fn let_apart(app: State<'_, App>, id: u32) -> Result<(), CommandError> {
    Ok(app.let_apart(id)?)
}

/// The public services that are known.
#[tauri::command]
#[specta::specta]
pub fn services(app: State<'_, App>) -> Vec<ServiceView> {
    app.services()
}

/// The video encoders, and why some of them cannot be used.
#[tauri::command]
#[specta::specta]
pub async fn encoders(app: State<'_, App>) -> Result<Vec<EncoderView>, CommandError> {
    Ok(app.encoders().await?)
}

/// The profiles of OBS on this computer.
#[tauri::command]
#[specta::specta]
pub async fn obs_profiles(app: State<'_, App>) -> Result<Vec<ObsView>, CommandError> {
    Ok(app.obs_profiles().await?)
}

/// Takes over a profile of OBS.
#[tauri::command]
#[specta::specta]
pub async fn import_obs(app: State<'_, App>, folder: String) -> Result<String, CommandError> {
    Ok(app.import_obs(folder.into()).await?)
}

/// Changes what viewers get.
#[tauri::command]
#[specta::specta]
pub fn set_output(app: State<'_, App>, output: Output) -> Result<(), CommandError> {
    Ok(app.set_output(output)?)
}

/// Records on this computer, or no more.
#[tauri::command]
#[specta::specta]
pub fn record(app: State<'_, App>, on: bool) -> Result<(), CommandError> {
    Ok(app.record(on)?)
}

/// Opens the folder of the recording that ended last.
#[tauri::command]
#[specta::specta]
pub fn show_recording(app: State<'_, App>) -> Result<(), CommandError> {
    Ok(app.show_recording()?)
}

/// Records to another folder from now on.
#[tauri::command]
#[specta::specta]
pub async fn record_to(app: State<'_, App>, folder: String) -> Result<(), CommandError> {
    Ok(app.record_to(folder.into()).await?)
}

/// Saves what happened last.
#[tauri::command]
#[specta::specta]
pub fn save_replay(app: State<'_, App>) -> Result<(), CommandError> {
    Ok(app.save_replay()?)
}

/// Opens the folder of the replay that was saved last.
#[tauri::command]
#[specta::specta]
pub fn show_replay(app: State<'_, App>) -> Result<(), CommandError> {
    Ok(app.show_replay()?)
}
