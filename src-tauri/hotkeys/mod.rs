//! The keys of what a person does often: which they are, and which of them work while another program has the keyboard.

pub mod background;
mod keys;
pub mod view;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use specta::Type;
use tokio::sync::oneshot;

use crate::app::{App, Error};
use crate::request::Request;
use crate::studio::Studio;

pub use keys::{Keys, MODIFIERS, WrongKeys};

/// What has keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Starts the countdown; on air, asks whether to end.
    GoLive,
    /// Records, or no more.
    Record,
    /// Saves what happened last.
    SaveReplay,
    /// Mutes the first microphone, or not.
    Mute,
    /// Shows one of the first nine scenes. The keys have a digit, which stands for all of them.
    Scenes,
    /// Shows the scene for breaks, or the one before it.
    BreakScene,
    /// Takes the last edit back.
    Undo,
    /// Makes it again.
    Redo,
    /// Hides the chosen source, or shows it.
    Hide,
    /// Locks the chosen source, or not.
    Lock,
    /// Renames the chosen source or scene.
    Rename,
    /// Removes the chosen source or scene.
    Remove,
    /// Goes to the chat's field.
    Chat,
    /// Lets whoever raised a hand first speak.
    NextHand,
    /// Reads aloud how the broadcast does.
    Health,
    /// Shows the origin's panel.
    Origin,
    /// Shows the settings.
    Settings,
    /// Shows all keys.
    Keys,
    /// Goes to the next part of the window.
    NextPart,
    /// Goes to the previous part of the window.
    PreviousPart,
    /// Closes.
    Quit,
}

impl Action {
    /// In the order of the window.
    pub const ALL: [Action; 21] = [
        Action::GoLive,
        Action::Record,
        Action::SaveReplay,
        Action::Mute,
        Action::Scenes,
        Action::BreakScene,
        Action::Undo,
        Action::Redo,
        Action::Hide,
        Action::Lock,
        Action::Rename,
        Action::Remove,
        Action::Chat,
        Action::NextHand,
        Action::Health,
        Action::Origin,
        Action::Settings,
        Action::Keys,
        Action::NextPart,
        Action::PreviousPart,
        Action::Quit,
    ];

    /// What it has unless the person wants others.
    #[must_use]
    pub fn standard(self) -> Keys {
        Keys::fixed(match self {
            Action::GoLive => "Ctrl Shift L",
            Action::Record => "Ctrl Shift R",
            Action::SaveReplay => "Ctrl Shift P",
            Action::Mute => "Ctrl D",
            Action::Scenes => "Ctrl 1",
            Action::BreakScene => "Ctrl B",
            Action::Undo => "Ctrl Z",
            Action::Redo => "Ctrl Shift Z",
            Action::Hide => "H",
            Action::Lock => "L",
            Action::Rename => "F2",
            Action::Remove => "Delete",
            Action::Chat => "Ctrl J",
            Action::NextHand => "Ctrl Shift H",
            Action::Health => "Ctrl Shift S",
            Action::Origin => "Ctrl Shift O",
            Action::Settings => "Ctrl ,",
            Action::Keys => "F1",
            Action::NextPart => "F6",
            Action::PreviousPart => "Shift F6",
            Action::Quit => "Ctrl Q",
        })
    }

    /// Whether it makes sense without the window in sight.
    #[must_use]
    pub fn may_be_in_the_background(self) -> bool {
        matches!(self, Action::GoLive | Action::Record | Action::SaveReplay | Action::Mute | Action::Scenes)
    }
}

/// What the person wants other than it comes. Nothing works in the background before they say so: a key that this app takes
/// is gone for every other program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hotkeys {
    /// Other keys; `None` is none at all.
    keys: BTreeMap<Action, Option<Keys>>,
    background: BTreeSet<Action>,
    single_letters: bool,
}

impl Default for Hotkeys {
    fn default() -> Hotkeys {
        Hotkeys { keys: BTreeMap::new(), background: BTreeSet::new(), single_letters: true }
    }
}

impl<'de> Deserialize<'de> for Hotkeys {
    /// Whatever a file holds becomes what can be used: what is not understood has its default, and no two actions have the
    /// same keys.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Hotkeys, D::Error> {
        let said = Value::deserialize(deserializer)?;
        let mut hotkeys = Hotkeys::default();
        if let Some(single) = said.get("single_letters").and_then(Value::as_bool) {
            hotkeys.single_letters = single;
        }
        for (name, keys) in said.get("keys").and_then(Value::as_object).into_iter().flatten() {
            let Some(action) = action(&Value::from(name.as_str())) else { continue };
            match keys {
                Value::Null => _ = hotkeys.keys.insert(action, None),
                keys => {
                    let keys = keys.as_str().and_then(|keys| allowed(action, keys).ok());
                    hotkeys.keys.extend(keys.map(|keys| (action, Some(keys))));
                }
            }
        }
        for (at, action) in Action::ALL.into_iter().enumerate() {
            let before = &Action::ALL[..at];
            if hotkeys.keys_of(action).is_some_and(|keys| hotkeys.has(before, action, &keys)) {
                hotkeys.keys.insert(action, None);
            }
        }
        let background = said.get("background").and_then(Value::as_array).into_iter().flatten();
        for action in background.filter_map(action) {
            hotkeys.set_background(action, true);
        }
        Ok(hotkeys)
    }
}

impl Hotkeys {
    /// The keys of an action; `None` when it has none.
    #[must_use]
    pub fn keys_of(&self, action: Action) -> Option<Keys> {
        self.keys.get(&action).cloned().unwrap_or_else(|| Some(action.standard()))
    }

    /// Whether keys that people press while writing do anything.
    #[must_use]
    pub fn single_letters(&self) -> bool {
        self.single_letters
    }

    /// Whether an action's keys are to work while another program has the keyboard.
    #[must_use]
    pub fn in_the_background(&self, action: Action) -> bool {
        self.background.contains(&action)
    }

    /// What is to be caught whoever has the keyboard, and what it does; the number is a scene's, from 0 on.
    #[must_use]
    pub fn caught(&self) -> Vec<(Keys, Action, usize)> {
        let each = self.background.iter().filter_map(|action| Some((*action, self.keys_of(*action)?)));
        each.flat_map(|(action, keys)| {
            each_of(action, &keys).into_iter().zip(0..).map(move |(keys, at)| (keys, action, at))
        })
        .collect()
    }

    /// Gives an action other keys, or none.
    ///
    /// # Errors
    /// [`WrongKeys`]; nothing changes then.
    pub fn set(&mut self, action: Action, keys: Option<&str>) -> Result<(), WrongKeys> {
        let keys = keys.map(|keys| allowed(action, keys)).transpose()?;
        if keys.as_ref().is_some_and(|keys| self.has(&Action::ALL, action, keys)) {
            return Err(WrongKeys::Taken);
        }
        if !keys.as_ref().is_some_and(Keys::are_apart_from_writing) {
            self.background.remove(&action);
        }
        if keys.as_ref() == Some(&action.standard()) {
            self.keys.remove(&action);
        } else {
            self.keys.insert(action, keys);
        }
        Ok(())
    }

    /// Lets an action's keys work in the background, or not. Those that people press while writing never do.
    fn set_background(&mut self, action: Action, on: bool) {
        let may = action.may_be_in_the_background()
            && self.keys_of(action).is_some_and(|keys| keys.are_apart_from_writing());
        if on && may {
            self.background.insert(action);
        } else {
            self.background.remove(&action);
        }
    }

    /// Whether one of `others` has keys that `action` is to have.
    fn has(&self, others: &[Action], action: Action, keys: &Keys) -> bool {
        let wanted = each_of(action, keys);
        let others = others.iter().filter(|other| **other != action);
        let taken = others.filter_map(|other| Some(each_of(*other, &self.keys_of(*other)?))).flatten();
        taken.into_iter().any(|taken| wanted.contains(&taken))
    }
}

/// All that is pressed for it.
fn each_of(action: Action, keys: &Keys) -> Vec<Keys> {
    match action {
        Action::Scenes => (1..=9).map(|digit| keys.with(&digit.to_string())).collect(),
        _ => vec![keys.clone()],
    }
}

/// The keys, if the action can have them.
fn allowed(action: Action, keys: &str) -> Result<Keys, WrongKeys> {
    let keys: Keys = keys.parse()?;
    match action {
        Action::Scenes if !keys.is_digit() => Err(WrongKeys::NoDigit),
        Action::Scenes => Ok(keys.with("1")),
        _ => Ok(keys),
    }
}

fn action(name: &Value) -> Option<Action> {
    serde_json::from_value(name.clone()).ok()
}

/// What is asked of the keys.
#[derive(Debug)]
pub enum Ask {
    /// Other keys for an action, or none.
    Keys(Action, Option<String>, oneshot::Sender<Result<(), WrongKeys>>),
    /// Whether they work in the background.
    Background(Action, bool),
    /// Whether keys that people press while writing do anything.
    SingleLetters(bool),
    /// All as it comes.
    Standard,
    /// The person presses new keys: nothing is caught meanwhile.
    Hold(bool),
    /// The keys that could not be caught.
    Refused(BTreeMap<Action, String>),
}

/// What is known of the keys besides the settings.
#[derive(Debug, Default)]
pub(crate) struct Board {
    held: bool,
    refused: BTreeMap<Action, String>,
}

impl Studio {
    pub(crate) fn hotkeys_asked(&mut self, ask: Ask) {
        match ask {
            Ask::Keys(action, keys, answer) => {
                let mut hotkeys = self.settings.hotkeys.clone();
                let done = hotkeys.set(action, keys.as_deref());
                if done.is_ok() {
                    self.set(|settings| settings.hotkeys = hotkeys);
                }
                // Whoever asked may be gone, as a page that reloads.
                let _ = answer.send(done);
            }
            Ask::Background(action, on) => self.set(|settings| settings.hotkeys.set_background(action, on)),
            Ask::SingleLetters(on) => self.set(|settings| settings.hotkeys.single_letters = on),
            Ask::Standard => self.set(|settings| settings.hotkeys = Hotkeys::default()),
            Ask::Hold(held) => self.hotkeys.held = held,
            Ask::Refused(refused) => self.hotkeys.refused = refused,
        }
    }
}

impl App {
    /// Gives an action other keys, or none, as `Ctrl Shift L`.
    ///
    /// # Errors
    /// [`Error::Keys`] when they cannot be used; else see [`App::go_live`].
    pub async fn set_hotkey(&self, action: Action, keys: Option<String>) -> Result<(), Error> {
        let (answer, answered) = oneshot::channel();
        self.ask(Request::Hotkeys(Ask::Keys(action, keys, answer)))?;
        Ok(answered.await.map_err(|_| Error::Closing)??)
    }

    /// Lets the keys of an action work while another program has the keyboard, or not.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn set_background_hotkey(&self, action: Action, on: bool) -> Result<(), Error> {
        self.ask(Request::Hotkeys(Ask::Background(action, on)))
    }

    /// Lets keys do something that people press while writing, or not.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn set_single_letters(&self, on: bool) -> Result<(), Error> {
        self.ask(Request::Hotkeys(Ask::SingleLetters(on)))
    }

    /// All keys as they come.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn standard_hotkeys(&self) -> Result<(), Error> {
        self.ask(Request::Hotkeys(Ask::Standard))
    }

    /// The person presses new keys, or no more: meanwhile nothing is caught in the background.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn hold_hotkeys(&self, held: bool) -> Result<(), Error> {
        self.ask(Request::Hotkeys(Ask::Hold(held)))
    }
}

#[cfg(test)]
mod tests;
