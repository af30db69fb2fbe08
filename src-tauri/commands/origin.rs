//! What the origin inside the app is set to.

use tauri::State;

use crate::App;
use crate::command_error::CommandError;
use crate::origin_habits::{Habits, OriginRules, RuleChange};

/// Changes when the origin runs, and how long it keeps recordings.
#[tauri::command]
#[specta::specta]
pub fn set_habits(app: State<'_, App>, habits: Habits) -> Result<(), CommandError> {
    Ok(app.set_habits(habits)?)
}

/// What the running origin is set to.
#[tauri::command]
#[specta::specta]
pub async fn origin_rules(app: State<'_, App>) -> Result<OriginRules, CommandError> {
    Ok(app.origin_rules().await?)
}

/// Changes one of them.
#[tauri::command]
#[specta::specta]
pub async fn change_rule(app: State<'_, App>, change: RuleChange) -> Result<(), CommandError> {
    Ok(app.change_rule(change).await?)
}
