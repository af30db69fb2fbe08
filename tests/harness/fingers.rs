//! A person who has a keyboard and no pointer, on a page.

use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use serde_json::{Value, json};

use super::browser::Session;

/// Keys as WebDriver writes them.
pub const TAB: char = '\u{e004}';
/// See [`TAB`].
pub const ENTER: char = '\u{e007}';
/// See [`TAB`].
pub const ESCAPE: char = '\u{e00c}';
/// See [`TAB`].
pub const DOWN: char = '\u{e015}';
const SHIFT: char = '\u{e008}';
/// Steps to anything on a page, at most.
const STEPS_MAX: usize = 90;

/// The keyboard of a page.
pub struct Fingers<'a>(pub &'a Session);

/// What has the keyboard.
#[derive(Debug, PartialEq, Eq)]
pub struct Focused {
    /// Its `data-testid`, or nothing.
    pub test_id: String,
    /// What a screen reader calls it, roughly.
    pub name: String,
}

impl Fingers<'_> {
    /// Presses a key and lets it go.
    ///
    /// # Panics
    /// When the driver refuses.
    pub async fn press(&self, key: char) {
        let keys = KeyActions::new("keys".to_owned());
        let keys = keys.then(KeyAction::Down { value: key }).then(KeyAction::Up { value: key });
        self.0.client.perform_actions(keys).await.expect("the driver presses keys");
    }

    /// Types a text into what has the keyboard.
    ///
    /// # Panics
    /// When the driver refuses.
    pub async fn write(&self, text: &str) {
        for key in text.chars() {
            self.press(key).await;
        }
    }

    /// Goes forward to the element with a `data-testid`; everything on the way shows that it has the keyboard.
    ///
    /// # Panics
    /// When it is not reached, or something on the way shows nothing.
    pub async fn to(&self, test_id: &str) -> Focused {
        self.walk(test_id, false, |focused| focused.test_id == test_id).await
    }

    /// The same backwards, to one whose name holds a text.
    ///
    /// # Panics
    /// When it is not reached, or something on the way shows nothing.
    pub async fn back_to(&self, test_id: &str, name: &str) -> Focused {
        self.walk(test_id, true, |focused| focused.test_id == test_id && focused.name.contains(name)).await
    }

    async fn walk(&self, what: &str, back: bool, found: impl Fn(&Focused) -> bool) -> Focused {
        let mut passed = Vec::new();
        for _ in 0..STEPS_MAX {
            if back {
                let keys = KeyActions::new("keys".to_owned());
                let keys = keys.then(KeyAction::Down { value: SHIFT }).then(KeyAction::Down { value: TAB });
                let keys = keys.then(KeyAction::Up { value: TAB }).then(KeyAction::Up { value: SHIFT });
                self.0.client.perform_actions(keys).await.expect("the driver presses keys");
            } else {
                self.press(TAB).await;
            }
            let (focused, seen) = self.focused().await;
            assert!(seen, "{focused:?} has the keyboard, and nothing shows it");
            if found(&focused) {
                return focused;
            }
            passed.push(focused);
        }
        panic!("{what} is not reached by keyboard: {passed:?}");
    }

    /// What has the keyboard, and whether that is seen: it is on screen and has a ring.
    ///
    /// # Panics
    /// When the page cannot be asked.
    pub async fn focused(&self) -> (Focused, bool) {
        let script = "const it = document.activeElement;
            if (!it || it === document.body) { return ['', '', true]; }
            const style = getComputedStyle(it), box = it.getBoundingClientRect();
            const ring = (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1) || style.boxShadow !== 'none';
            const shown = box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
            return [it.dataset.testid ?? '', it.getAttribute('aria-label') ?? it.innerText ?? '', ring && shown];";
        let told = self.0.run(script, vec![]).await;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (Focused { test_id: text(&told[0]), name: text(&told[1]) }, told[2] == json!(true))
    }
}
