//! Scenes and their sources.

use tauri::{AppHandle, State};

use crate::App;
use crate::command_error::CommandError;
use crate::scenes::edit::Edit;
use crate::scenes::file_dialog::{self, FileKind};
use crate::scenes::model::Transition;

/// Changes something of the scenes.
#[tauri::command]
#[specta::specta]
pub async fn edit_scenes(
    app: State<'_, App>,
    edit: Edit,
    gesture: Option<u32>,
) -> Result<Option<u32>, CommandError> {
    Ok(app.edit_scenes(edit, gesture).await?)
}

/// Takes the last edit back.
#[tauri::command]
#[specta::specta]
pub fn undo_scenes(app: State<'_, App>) -> Result<(), CommandError> {
    Ok(app.undo_scenes()?)
}

/// Makes the edit again that was taken back last.
#[tauri::command]
#[specta::specta]
pub fn redo_scenes(app: State<'_, App>) -> Result<(), CommandError> {
    Ok(app.redo_scenes()?)
}

/// Shows another scene.
#[tauri::command]
#[specta::specta]
pub fn choose_scene(app: State<'_, App>, scene: u32) -> Result<(), CommandError> {
    Ok(app.choose_scene(scene)?)
}

/// Shows the scene for breaks, or the one before it.
#[tauri::command]
#[specta::specta]
pub fn take_break(app: State<'_, App>, on: bool, words: String) -> Result<(), CommandError> {
    Ok(app.take_break(on, words)?)
}

/// Sets how another scene follows.
#[tauri::command]
#[specta::specta]
pub fn set_transition(app: State<'_, App>, transition: Transition) -> Result<(), CommandError> {
    Ok(app.set_transition(transition)?)
}

/// Lets the person choose a file; `None` when they choose none.
#[tauri::command]
#[specta::specta]
pub async fn pick_file(handle: AppHandle, kind: FileKind, title: String) -> Option<String> {
    file_dialog::pick(&handle, kind, &title).await
}
