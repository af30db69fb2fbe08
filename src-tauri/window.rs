//! The main window: how it opens, what its title says, and how it closes.

use std::path::Path;
use std::time::Duration;

use tauri::plugin::TauriPlugin;
use tauri::{AppHandle, Manager as _, WebviewUrl, WebviewWindow, WebviewWindowBuilder, WindowEvent};
use tauri_plugin_window_state::StateFlags;
use tokio::time::Instant;

use crate::App;
use crate::view::PhaseView;

/// Remembers where the window is and how large, in the data folder. Whether it was hidden in the tray is not remembered: a
/// start shows a window.
pub fn remembered(folder: &Path) -> TauriPlugin<tauri::Wry> {
    tauri_plugin_window_state::Builder::new()
        .with_state_flags(StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED)
        .with_filename(folder.join(STATE_FILE).display().to_string())
        .build()
}

/// Opens the window.
///
/// # Errors
/// What the window system says.
pub fn open(app: &AppHandle) -> tauri::Result<WebviewWindow> {
    let window = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::default())
        .title(TITLE)
        .inner_size(1280.0, 800.0)
        .min_inner_size(1024.0, 680.0)
        .build()?;
    let handle = app.clone();
    window.on_window_event(move |event| {
        if let WindowEvent::CloseRequested { api, .. } = event
            && handle.state::<App>().ask_to_close().is_ok()
        {
            // The studio closes the window when everything has stopped, or asks back.
            api.prevent_close();
        }
    });
    Ok(window)
}

/// Brings the window to the front.
pub fn focus(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(LABEL) {
        // The window manager may refuse each of these; then the window stays where it is.
        let _ = window.unminimize();
        let _ = window.show();
        let _ = window.set_focus();
    }
}

/// Brings the window back if it is hidden.
pub fn reveal(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(LABEL)
        && window.is_visible().is_ok_and(|visible| !visible)
    {
        focus(app);
    }
}

/// Takes the window from the screen; everything goes on.
pub fn hide(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(LABEL) {
        // One that cannot be hidden stays, which harms nobody.
        let _ = window.hide();
    }
}

/// Keeps the title: `● LIVE 00:42:17 – Rostrum` while on air.
pub async fn keep_title(app: AppHandle, window: WebviewWindow) {
    let mut view = app.state::<App>().view();
    let mut shown = TITLE.to_owned();
    let mut second = tokio::time::interval(Duration::from_secs(1));
    let (mut phase, mut seen) = (view.borrow_and_update().live.phase.clone(), Instant::now());
    loop {
        tokio::select! {
            changed = view.changed() => {
                if changed.is_err() { return; }
                (phase, seen) = (view.borrow_and_update().live.phase.clone(), Instant::now());
            }
            _ = second.tick() => {}
        }
        let title = title(&phase, seen.elapsed());
        if title != shown && window.set_title(&title).is_ok() {
            shown = title;
        }
    }
}

/// The title for `phase`, which was true `ago`.
fn title(phase: &PhaseView, ago: Duration) -> String {
    let clock = |elapsed_ms: u32| {
        let seconds = (Duration::from_millis(u64::from(elapsed_ms)) + ago).as_secs();
        format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
    };
    match phase {
        PhaseView::Live { elapsed_ms } => format!("● LIVE {} – {TITLE}", clock(*elapsed_ms)),
        PhaseView::Reconnecting { elapsed_ms, .. } => {
            format!("◌ Reconnecting {} – {TITLE}", clock(*elapsed_ms))
        }
        _ => TITLE.to_owned(),
    }
}

/// The window's name inside Tauri; `capabilities/main.json` has it too.
const LABEL: &str = "main";
/// Beside `settings.json`.
const STATE_FILE: &str = "window.json";
/// The product's name.
const TITLE: &str = "Rostrum";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_title_goes_on_between_two_views() {
        let live = PhaseView::Live { elapsed_ms: 2_536_600 };
        assert_eq!(title(&live, Duration::from_millis(500)), "● LIVE 00:42:17 – Rostrum");
        assert_eq!(title(&PhaseView::Ending, Duration::ZERO), "Rostrum");
    }
}
