//! What the page follows: views and chat.

use tauri::State;
use tauri::ipc::Channel;

use crate::App;
use crate::chat::Heard;
use crate::command_error::CommandError;
use crate::view::View;

/// Sends the view now and whenever it changes. A page that reloads calls it again.
#[tauri::command]
#[specta::specta]
pub async fn show_views(app: State<'_, App>, views: Channel<View>) -> Result<(), CommandError> {
    app.show_views(move |view| views.send(view).is_ok());
    Ok(())
}

/// Sends what is heard in the room's chat, from its welcome on. A page that reloads calls it again.
#[tauri::command]
#[specta::specta]
pub async fn show_chat(app: State<'_, App>, heard: Channel<Heard>) -> Result<(), CommandError> {
    app.show_chat(move |what| heard.send(what).is_ok());
    Ok(())
}

/// Sends a chat frame.
#[tauri::command]
#[specta::specta]
pub fn say(app: State<'_, App>, frame: String) -> Result<(), CommandError> {
    Ok(app.say(frame)?)
}
