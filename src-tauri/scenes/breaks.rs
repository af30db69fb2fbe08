//! A break: while the scene for breaks is shown, no sound is heard. What is set for the sounds stays as it is, so that nothing has
//! to be put back when it is over, not even after a crash.

use super::edit::Edit;
use crate::studio::Studio;

impl Studio {
    /// Whether the scene for breaks is shown.
    pub(crate) fn on_break(&self) -> bool {
        self.book.chosen().for_breaks
    }

    /// Shows the scene for breaks, or the one that was shown before it. Without such a scene there is one afterwards, which says
    /// `words`.
    pub(crate) fn take_a_break(&mut self, on: bool, words: String) -> bool {
        if on == self.on_break() {
            return false;
        }
        if !on {
            let scenes = || self.book.scenes().iter().filter(|scene| !scene.for_breaks).map(|scene| scene.id);
            let back = scenes().find(|id| Some(*id) == self.before_break).or_else(|| scenes().next());
            return back.is_some_and(|back| self.book.choose(back));
        }
        let before = self.book.chosen().id;
        let known = self.book.scenes().iter().find(|scene| scene.for_breaks).map(|scene| scene.id);
        let shown = known.or_else(|| {
            let steps = self.book.steps();
            let made = self.book.edit(Edit::AddBreakScene { words }, None);
            self.scenes_edited(steps);
            made.ok().flatten()
        });
        self.before_break = Some(before);
        shown.is_some_and(|shown| self.book.choose(shown))
    }

    /// Lets sound be heard, or not, as the scene that is shown now wants it.
    pub(crate) fn hush(&mut self) {
        let silent = self.on_break();
        if self.sounds.silent != silent {
            self.sounds.silent = silent;
            self.follow_sounds();
        }
    }
}
