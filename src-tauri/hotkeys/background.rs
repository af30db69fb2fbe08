//! Keys that work while another program has the keyboard: X11 hands them over, Wayland does not.

use std::collections::BTreeMap;

use tauri::{AppHandle, Manager as _};
use tauri_plugin_global_shortcut::{Code, GlobalShortcutExt as _, Modifiers, Shortcut, ShortcutState};
use tracing::{info, warn};

use super::view::BackgroundView;
use super::{Action, Ask, Keys};
use crate::App;
use crate::request::Request;
use crate::surroundings::WindowPlace;
use crate::view::{PhaseView, View};
use crate::window;

/// Keys, what they do, and the number of the scene where it is one.
type Caught = (Keys, Action, usize);

/// Whether the system offers it. The window itself may be one of X11 under Wayland; it then only ever sees keys that other
/// windows of X11 get.
pub(super) fn offered() -> BackgroundView {
    let wayland = std::env::var_os("WAYLAND_DISPLAY").is_some_and(|display| !display.is_empty());
    if wayland { BackgroundView::Wayland } else { BackgroundView::Offered }
}

/// Catches what is to be caught until the app closes.
pub async fn keep(app: AppHandle) {
    let mut view = app.state::<App>().view();
    let mut caught: Vec<Caught> = Vec::new();
    let mut refused = BTreeMap::new();
    loop {
        let wanted = view.borrow_and_update().hotkeys.caught.clone();
        if wanted != caught {
            // The system is asked on the window's own thread, and answers late while that is busy.
            let (handle, asked, before) =
                (app.clone(), wanted.clone(), std::mem::replace(&mut caught, wanted));
            let catching = tauri::async_runtime::spawn_blocking(move || catch(&handle, before, asked));
            let Ok(now) = catching.await else { return warn!("catching keys failed") };
            if now != refused {
                refused = now.clone();
                // The app is closing.
                let _ = app.state::<App>().ask(Request::Hotkeys(Ask::Refused(now)));
            }
        }
        if view.changed().await.is_err() {
            return;
        }
    }
}

/// Catches these and no others. Returns which keys could not be caught: another program has them, or the keyboard has not.
fn catch(app: &AppHandle, before: Vec<Caught>, wanted: Vec<Caught>) -> BTreeMap<Action, String> {
    let shortcuts = app.global_shortcut();
    // One after the other: `unregister_all` waits for the window's thread with a lock that a key pressed meanwhile needs.
    for shortcut in before.iter().filter_map(|(keys, ..)| shortcut(keys)) {
        if let Err(error) = shortcuts.unregister(shortcut) {
            info!(%error, "keys were not caught");
        }
    }
    let mut refused = BTreeMap::new();
    for (keys, action, at) in wanted {
        let Some(shortcut) = shortcut(&keys) else { continue };
        let done = shortcuts.on_shortcut(shortcut, move |app, _, event| {
            if event.state == ShortcutState::Pressed {
                let app = app.clone();
                // Not on the thread that watches the keys: what is done may wait for the window, which may wait for that.
                tauri::async_runtime::spawn(async move { act(&app, action, at) });
            }
        });
        if let Err(error) = done {
            info!(%keys, %error, "keys are not caught");
            let known: &mut String = refused.entry(action).or_default();
            let joint = if known.is_empty() { "" } else { ", " };
            *known = format!("{known}{joint}{keys}");
        }
    }
    refused
}

/// Does it, as the window would. What cannot be done now is not done.
fn act(app: &AppHandle, action: Action, at: usize) {
    let state = app.state::<App>();
    let view = state.view().borrow().clone();
    let asked = match action {
        Action::GoLive => return go_or_end(app, &view),
        Action::Record => state.record(view.recording.is_none()),
        Action::SaveReplay => state.save_replay(),
        Action::Mute => state.set_muted(!view.muted),
        Action::Scenes => match view.scenes.scenes.get(at) {
            Some(scene) => state.choose_scene(scene.id),
            None => Ok(()),
        },
        _ => Ok(()),
    };
    if let Err(error) = asked {
        warn!(%error, "a key did nothing");
    }
}

/// As in the tray: the countdown can be stopped in the window, and the question whether to end is asked there.
fn go_or_end(app: &AppHandle, view: &View) {
    let asked = match view.live.phase {
        PhaseView::Idle if view.live.blocked.is_none() => {
            window::focus(app);
            app.state::<App>().go_live()
        }
        PhaseView::Live { .. } | PhaseView::Reconnecting { .. } => {
            window::focus(app);
            app.state::<App>().lead_to(WindowPlace::End)
        }
        _ => Ok(()),
    };
    if let Err(error) = asked {
        warn!(%error, "a key did nothing");
    }
}

/// As the system knows them.
fn shortcut(keys: &Keys) -> Option<Shortcut> {
    let modifiers = keys.modifiers().filter_map(|modifier| match modifier {
        "Ctrl" => Some(Modifiers::CONTROL),
        "Alt" => Some(Modifiers::ALT),
        "Shift" => Some(Modifiers::SHIFT),
        "Super" => Some(Modifiers::SUPER),
        _ => None,
    });
    Some(Shortcut::new(Some(modifiers.collect()), code(keys.key())?))
}

/// The key's name in UI Events, where it is another than our own.
fn code(key: &str) -> Option<Code> {
    let name = match (key, key.as_bytes()) {
        (_, [letter]) if letter.is_ascii_uppercase() => format!("Key{key}"),
        (_, [digit]) if digit.is_ascii_digit() => format!("Digit{key}"),
        (",", _) => "Comma".to_owned(),
        ("-", _) => "Minus".to_owned(),
        (".", _) => "Period".to_owned(),
        ("/", _) => "Slash".to_owned(),
        (";", _) => "Semicolon".to_owned(),
        ("'", _) => "Quote".to_owned(),
        ("=", _) => "Equal".to_owned(),
        ("[", _) => "BracketLeft".to_owned(),
        ("]", _) => "BracketRight".to_owned(),
        ("\\", _) => "Backslash".to_owned(),
        ("`", _) => "Backquote".to_owned(),
        (named, _) => named.to_owned(),
    };
    name.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Action, shortcut};

    #[test]
    fn whatever_keys_there_are_the_system_knows_them() {
        let signs = ",-./;'=[]\\`".chars().map(String::from);
        let letters = ('A'..='Z').chain('0'..='9').map(String::from);
        let named = ["Delete", "Insert", "F1", "F24"].map(String::from);
        for key in signs.chain(letters).chain(named) {
            let keys = format!("Ctrl Alt Shift Super {key}").parse().unwrap();
            assert!(shortcut(&keys).is_some(), "{keys}");
        }
        for action in Action::ALL {
            assert!(shortcut(&action.standard()).is_some(), "{action:?}");
        }
    }
}
