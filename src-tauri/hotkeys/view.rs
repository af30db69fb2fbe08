//! The keys as the window shows them.

use serde::Serialize;
use specta::Type;

use super::{Action, Hotkeys, Keys, background};
use crate::studio::Studio;

/// All of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct HotkeysView {
    /// One for each action.
    pub rows: Vec<HotkeyView>,
    /// Whether keys that people press while writing do anything.
    pub single_letters: bool,
    /// Whether anything is other than it comes.
    pub changed: bool,
    /// Whether keys can work while another program has the keyboard.
    pub background: BackgroundView,
    /// What is to be caught now.
    #[serde(skip)]
    pub caught: Vec<(Keys, Action, usize)>,
}

/// The keys of an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct HotkeyView {
    /// What they do.
    pub action: Action,
    /// `None` when there are none.
    pub keys: Option<Keys>,
    /// Whether they work while another program has the keyboard; `None` where that makes no sense.
    pub background: Option<bool>,
    /// Whether such keys can work in the background: not those that people press while writing.
    pub may_background: bool,
    /// Those of them that do not work in the background although they should: another program has them.
    pub refused: Option<String>,
}

/// Whether the system lets a program have keys while another one has the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum BackgroundView {
    /// It does.
    Offered,
    /// Wayland keeps the keyboard to the window in use.
    Wayland,
}

impl HotkeysView {
    /// What is known before the studio has looked around.
    pub(crate) fn of(hotkeys: &Hotkeys) -> HotkeysView {
        let row = |action: Action| {
            let keys = hotkeys.keys_of(action);
            HotkeyView {
                action,
                background: action.may_be_in_the_background().then(|| hotkeys.in_the_background(action)),
                may_background: keys.as_ref().is_some_and(Keys::are_apart_from_writing),
                keys,
                refused: None,
            }
        };
        HotkeysView {
            rows: Action::ALL.into_iter().map(row).collect(),
            single_letters: hotkeys.single_letters(),
            changed: *hotkeys != Hotkeys::default(),
            background: background::offered(),
            caught: Vec::new(),
        }
    }
}

impl Studio {
    pub(crate) fn hotkeys_view(&self) -> HotkeysView {
        let mut view = HotkeysView::of(&self.settings.hotkeys);
        for row in &mut view.rows {
            row.refused = self.hotkeys.refused.get(&row.action).cloned();
        }
        // The set-up has the keyboard to itself, and so has whoever presses new keys.
        if !self.hotkeys.held
            && self.settings.first_run.is_none()
            && view.background == BackgroundView::Offered
        {
            view.caught = self.settings.hotkeys.caught();
        }
        view
    }
}
