//! The order in which scenes and sounds were edited: *Undo* takes back what was done last, be it here or there.

use std::collections::VecDeque;

use crate::sounds::Ask;
use crate::studio::Studio;

/// What a step was done to. Each has its steps itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edited {
    Scenes,
    Sounds,
}

/// The steps of both, in their order. What has been forgotten there is passed over here.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    undo: VecDeque<Edited>,
    redo: Vec<Edited>,
}

impl Timeline {
    fn did(&mut self, edited: Edited) {
        self.redo.clear();
        self.undo.push_back(edited);
        if self.undo.len() > STEPS_MAX {
            self.undo.pop_front();
        }
    }
}

impl Studio {
    /// Whether there is something to take back, and to make again.
    pub(crate) fn can_undo_and_redo(&self) -> (bool, bool) {
        let (scenes, sounds) = (&self.book, &self.sounds.history);
        (scenes.can_undo() || sounds.can_undo(), scenes.can_redo() || sounds.can_redo())
    }

    /// The scenes were changed; `steps` were counted before.
    pub(crate) fn scenes_edited(&mut self, steps: u64) {
        if self.book.steps() > steps {
            self.sounds.history.forget_redo();
            self.timeline.did(Edited::Scenes);
        }
    }

    /// A sound was changed, and was a step of its own.
    pub(crate) fn sound_edited(&mut self) {
        self.book.forget_redo();
        self.timeline.did(Edited::Sounds);
    }

    /// Takes the last step back; tells whether that was one of the scenes.
    pub(crate) fn undo(&mut self) -> bool {
        while let Some(edited) = self.timeline.undo.pop_back() {
            let undone = match edited {
                Edited::Scenes => self.book.undo(),
                Edited::Sounds => match self.sounds.history.undo(&self.sounds.kept) {
                    Some(sounds) => self.set_sounds(sounds),
                    None => false,
                },
            };
            if undone {
                self.sounds.history.pause();
                self.timeline.redo.push(edited);
                return edited == Edited::Scenes;
            }
        }
        false
    }

    /// Makes the step again that was taken back last; tells whether that was one of the scenes.
    pub(crate) fn redo(&mut self) -> bool {
        while let Some(edited) = self.timeline.redo.pop() {
            let redone = match edited {
                Edited::Scenes => self.book.redo(),
                Edited::Sounds => match self.sounds.history.redo(&self.sounds.kept) {
                    Some(sounds) => self.set_sounds(sounds),
                    None => false,
                },
            };
            if redone {
                self.sounds.history.pause();
                self.timeline.undo.push_back(edited);
                return edited == Edited::Scenes;
            }
        }
        false
    }

    /// Does to the sounds what is asked, and remembers how to take it back.
    pub(crate) fn edit_sounds(&mut self, ask: Ask) -> bool {
        let before = self.sounds.kept.clone();
        if !self.sounds.kept.ask(ask.clone()) {
            return false;
        }
        if self.sounds.history.did(&ask, before) {
            self.sound_edited();
        }
        true
    }
}

/// As many as scenes and sounds remember together.
const STEPS_MAX: usize = 200;
