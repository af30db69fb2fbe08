//! The icon in the system's tray: what is going on, and a short way to the window. It is never the only way to anything,
//! and where there is no tray the app is the same without it.

use ksni::menu::{CheckmarkItem, MenuItem, StandardItem};
use ksni::{OfflineReason, TrayMethods as _};
use tauri::{AppHandle, Manager as _};
use tokio::sync::watch;
use tracing::info;

use crate::App;
use crate::surroundings::WindowPlace;
use crate::tray_words::{Words, words};
use crate::view::{PhaseView, View};
use crate::window;

/// Shows the icon wherever there is a tray, also one that comes later, until the app closes.
pub async fn keep(app: AppHandle) {
    let mut view = app.state::<App>().view();
    let (shown, mut is_shown) = watch::channel(true);
    let state = State::of(&view.borrow_and_update());
    let icon = app.default_window_icon().map(|icon| Picture::of(icon.rgba(), icon.width(), icon.height()));
    let item = Item { app: app.clone(), shown, state, icon };
    let handle = match item.assume_sni_available(true).spawn().await {
        Ok(handle) => handle,
        // No session bus: nothing shows icons then.
        Err(error) => return info!(%error, "no tray"),
    };
    is_shown.mark_changed();
    loop {
        tokio::select! {
            changed = view.changed() => {
                if changed.is_err() { break; }
                let state = State::of(&view.borrow_and_update());
                handle.update(|item| item.state = state).await;
            }
            Ok(()) = is_shown.changed() => {
                let shown = *is_shown.borrow_and_update();
                // The app is closing if nobody listens.
                let _ = app.state::<App>().tray_shown(shown);
                if !shown {
                    // A window that is hidden would be out of reach.
                    window::reveal(&app);
                }
            }
        }
    }
    handle.shutdown().await;
}

/// What the icon and its menu tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    phase: Phase,
    /// Whether Go live would do something.
    ready: bool,
    muted: bool,
    /// Whether quitting asks back.
    asks_back: bool,
    words: &'static Words,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    Connecting,
    Live,
    Reconnecting,
}

impl State {
    fn of(view: &View) -> State {
        let phase = match view.live.phase {
            PhaseView::Idle | PhaseView::Ended { .. } => Phase::Idle,
            PhaseView::Countdown { .. } | PhaseView::Connecting | PhaseView::Ending => Phase::Connecting,
            PhaseView::Live { .. } => Phase::Live,
            PhaseView::Reconnecting { .. } => Phase::Reconnecting,
        };
        let idle = matches!(view.live.phase, PhaseView::Idle);
        let ready = idle && view.live.blocked.is_none() && view.first_run.is_none();
        let asks_back = view.closing.is_some();
        State { phase, ready, muted: view.muted, asks_back, words: words(view.language) }
    }

    fn text(self) -> &'static str {
        match self.phase {
            Phase::Idle => self.words.idle,
            Phase::Connecting => self.words.connecting,
            Phase::Live => self.words.live,
            Phase::Reconnecting => self.words.reconnecting,
        }
    }
}

struct Item {
    app: AppHandle,
    shown: watch::Sender<bool>,
    state: State,
    icon: Option<Picture>,
}

impl Item {
    fn app(&self) -> tauri::State<'_, App> {
        self.app.state::<App>()
    }
}

impl ksni::Tray for Item {
    fn id(&self) -> String {
        "rostrum".to_owned()
    }

    fn title(&self) -> String {
        format!("Rostrum: {}", self.state.text())
    }

    fn status(&self) -> ksni::Status {
        ksni::Status::Active
    }

    fn icon_pixmap(&self) -> Vec<ksni::Icon> {
        let on_air = matches!(self.state.phase, Phase::Live | Phase::Reconnecting);
        self.icon.iter().map(|icon| icon.with_dot(on_air)).collect()
    }

    fn tool_tip(&self) -> ksni::ToolTip {
        ksni::ToolTip { title: self.title(), ..ksni::ToolTip::default() }
    }

    fn activate(&mut self, _x: i32, _y: i32) {
        window::focus(&self.app);
    }

    fn menu(&self) -> Vec<MenuItem<Item>> {
        let (state, words) = (self.state, self.state.words);
        let item = |label: &str, enabled: bool, activate: fn(&mut Item)| {
            let label = label.to_owned();
            MenuItem::from(StandardItem {
                label,
                enabled,
                activate: Box::new(activate),
                ..StandardItem::default()
            })
        };
        let broadcast = match state.phase {
            Phase::Live | Phase::Reconnecting => item(words.end, true, |item: &mut Item| {
                window::focus(&item.app);
                // The question is asked in the window.
                let _ = item.app().lead_to(WindowPlace::End);
            }),
            _ => item(words.go_live, state.ready, |item: &mut Item| {
                // The countdown can be stopped in the window.
                window::focus(&item.app);
                let _ = item.app().go_live();
            }),
        };
        let mute = CheckmarkItem {
            label: words.mute.to_owned(),
            checked: state.muted,
            activate: Box::new(|item: &mut Item| {
                let _ = item.app().set_muted(!item.state.muted);
            }),
            ..CheckmarkItem::default()
        };
        vec![
            item(state.text(), false, |_| {}),
            MenuItem::Separator,
            item(words.show, true, |item| window::focus(&item.app)),
            broadcast,
            mute.into(),
            MenuItem::Separator,
            item(words.quit, true, |item| {
                // The question is asked in the window, which may be hidden.
                if item.state.asks_back {
                    window::focus(&item.app);
                }
                let _ = item.app().ask_to_close();
            }),
        ]
    }

    fn watcher_online(&self) {
        self.shown.send_replace(true);
    }

    fn watcher_offline(&self, reason: OfflineReason) -> bool {
        info!(?reason, "no tray now");
        self.shown.send_replace(false);
        // It may come back, as when a desktop's panel is restarted.
        true
    }
}

/// The program's picture as trays take it: rows of alpha, red, green, blue.
struct Picture {
    width: usize,
    height: usize,
    argb: Vec<u8>,
}

impl Picture {
    fn of(rgba: &[u8], width: u32, height: u32) -> Picture {
        let argb = rgba.chunks_exact(4).flat_map(|pixel| [pixel[3], pixel[0], pixel[1], pixel[2]]).collect();
        Picture { width: width as usize, height: height as usize, argb }
    }

    /// With a red dot in the lower right corner while on air: a third of the picture wide.
    fn with_dot(&self, dot: bool) -> ksni::Icon {
        let mut data = self.argb.clone();
        let radius = self.width.min(self.height) / 6;
        let (x0, y0) = (self.width.saturating_sub(radius + 1), self.height.saturating_sub(radius + 1));
        for (at, pixel) in data.chunks_exact_mut(4).enumerate().filter(|_| dot && self.width > 0) {
            let (x, y) = (at % self.width, at / self.width);
            if x.abs_diff(x0).pow(2) + y.abs_diff(y0).pow(2) <= radius.pow(2) {
                pixel.copy_from_slice(&RED);
            }
        }
        ksni::Icon { width: self.width as i32, height: self.height as i32, data }
    }
}

/// As the window's own colour for on air; opaque.
const RED: [u8; 4] = [255, 229, 41, 58];

#[cfg(test)]
mod tests {
    use super::{Picture, State};
    use crate::closing::Closing;
    use crate::view::View;

    #[test]
    fn quitting_shows_the_window_whenever_it_asks_back_there() {
        let mut view = View::empty("");
        assert!(!State::of(&view).asks_back);
        view.closing = Some(Closing::Recording);
        assert!(State::of(&view).asks_back, "a window in the tray would ask nobody");
    }

    #[test]
    fn the_picture_keeps_its_size_and_has_a_dot_only_on_air() {
        let white = Picture::of(&[255; 32 * 32 * 4], 32, 32);
        let (without, with) = (white.with_dot(false), white.with_dot(true));
        assert_eq!((with.width, with.height, with.data.len()), (32, 32, 32 * 32 * 4));
        assert!(without.data.iter().all(|sample| *sample == 255));
        let red = with.data.chunks(4).filter(|pixel| *pixel == super::RED).count();
        assert!((50..120).contains(&red), "{red} pixels are red");
    }
}
