//! What the page follows: views and chat.

use tauri::ipc::Channel;
use tauri::{State, WebviewWindow};

use crate::App;
use crate::chat::Heard;
use crate::command_error::CommandError;
use crate::view::View;

/// Sends the view to a window now and whenever it changes. A page that reloads calls it again.
#[tauri::command]
#[specta::specta]
pub async fn show_views(
    app: State<'_, App>,
    window: WebviewWindow,
    views: Channel<View>,
) -> Result<(), CommandError> {
    app.show_views(window.label(), move |view| views.send(view).is_ok());
    Ok(())
}

/// Sends what is heard in the room's chat to a window, from its welcome on. A page that reloads calls it again.
#[tauri::command]
#[specta::specta]
pub async fn show_chat(
    app: State<'_, App>,
    window: WebviewWindow,
    heard: Channel<Heard>,
) -> Result<(), CommandError> {
    app.show_chat(window.label(), move |what| heard.send(what).is_ok());
    Ok(())
}

/// Sends a chat frame.
#[tauri::command]
#[specta::specta]
pub fn say(app: State<'_, App>, frame: String) -> Result<(), CommandError> {
    Ok(app.say(frame)?)
}
