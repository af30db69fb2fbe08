//! The system's dialog for files.

use serde::Deserialize;
use specta::Type;
use tauri::AppHandle;
use tauri_plugin_dialog::DialogExt as _;
use tokio::sync::oneshot;

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// A picture.
    Image,
    /// A video.
    Video,
    /// A folder to put files into.
    Folder,
}

/// Opens the dialog and waits for the person; `None` when they close it, or choose what has no path that is text.
pub async fn pick(handle: &AppHandle, kind: FileKind, title: &str) -> Option<String> {
    let (answer, answered) = oneshot::channel();
    let dialog = handle.dialog().file().set_title(title);
    let chosen = move |file| {
        // The page that asked may be gone.
        let _ = answer.send(file);
    };
    match kind {
        FileKind::Image => dialog.add_filter(title, &["png", "jpg", "jpeg", "webp"]).pick_file(chosen),
        FileKind::Video => {
            let endings = ["mp4", "mkv", "mov", "webm", "m4v", "ts", "flv", "avi"];
            dialog.add_filter(title, &endings).pick_file(chosen);
        }
        FileKind::Folder => dialog.pick_folder(chosen),
    }
    let file = answered.await.ok()??.into_path().ok()?;
    file.to_str().map(str::to_owned)
}
