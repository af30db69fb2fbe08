//! The main window: how it opens, what its title says, and how it closes.

use std::path::Path;
use std::time::Duration;

use tauri::plugin::TauriPlugin;
use tauri::{AppHandle, Manager as _, WebviewUrl, WebviewWindow, WebviewWindowBuilder, WindowEvent};
use tauri_plugin_window_state::StateFlags;
use tokio::time::Instant;

use crate::App;
use crate::tray_words::{Words, words};
use crate::view::{PhaseView, View};

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
        let WindowEvent::CloseRequested { api, .. } = event else { return };
        let app = handle.state::<App>();
        let stays = {
            let view = app.view();
            let view = view.borrow();
            view.tray && view.origin.habits.in_tray
        };
        if stays {
            api.prevent_close();
            hide(&handle);
        } else if app.ask_to_close().is_ok() {
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
    let look = |view: &View| (view.live.phase.clone(), words(view.language), Instant::now());
    let (mut phase, mut said, mut seen) = look(&view.borrow_and_update());
    loop {
        tokio::select! {
            changed = view.changed() => {
                if changed.is_err() { return; }
                (phase, said, seen) = look(&view.borrow_and_update());
            }
            _ = second.tick() => {}
        }
        let title = title(&phase, said, seen.elapsed());
        if title != shown && window.set_title(&title).is_ok() {
            shown = title;
        }
    }
}

/// The title for `phase`, which was true `ago`.
fn title(phase: &PhaseView, said: &Words, ago: Duration) -> String {
    let clock = |elapsed_ms: u32| {
        let seconds = (Duration::from_millis(u64::from(elapsed_ms)) + ago).as_secs();
        format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
    };
    match phase {
        PhaseView::Live { elapsed_ms } => format!("{} {} – {TITLE}", said.live, clock(*elapsed_ms)),
        PhaseView::Reconnecting { elapsed_ms, .. } => {
            format!("◌ {} {} – {TITLE}", said.reconnecting, clock(*elapsed_ms))
        }
        PhaseView::Countdown { .. } | PhaseView::Connecting => format!("{} – {TITLE}", said.starting),
        PhaseView::Ending => format!("{} – {TITLE}", said.ending),
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
    use crate::settings::Language;

    #[test]
    fn the_title_goes_on_between_two_views() {
        let live = PhaseView::Live { elapsed_ms: 2_536_600 };
        let english = words(Language::English);
        assert_eq!(title(&live, english, Duration::from_millis(500)), "● LIVE 00:42:17 – Rostrum");
        assert_eq!(title(&PhaseView::Idle, english, Duration::ZERO), "Rostrum");
    }

    #[test]
    fn the_title_is_in_the_windows_language() {
        let live = PhaseView::Live { elapsed_ms: 61_000 };
        let chinese = words(Language::SimplifiedChinese);
        assert_eq!(title(&live, chinese, Duration::ZERO), "● 直播中 00:01:01 – Rostrum");
        assert_eq!(title(&PhaseView::Ending, chinese, Duration::ZERO), "正在结束 – Rostrum");
    }
}
