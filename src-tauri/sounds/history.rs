//! What was done to the sounds, to be taken back and made again.
//!
//! Muting and solo are no edits: taking them back would put somebody on air who does not expect it.

use std::collections::VecDeque;
use std::mem::{Discriminant, discriminant};

use super::{Ask, SoundChange, Sounds};

/// Steps, each as the sounds were before it.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    undo: VecDeque<Sounds>,
    redo: Vec<Sounds>,
    /// What the last step changed of which sound: doing so once more, as a fader that is moved, is the same step.
    last: Option<(u32, Discriminant<SoundChange>)>,
}

impl History {
    /// Remembers that `ask` was done to what was `before`; tells whether that is a step of its own.
    pub(crate) fn did(&mut self, ask: &Ask, before: Sounds) -> bool {
        let same = match ask {
            Ask::Change(_, SoundChange::Muted(_) | SoundChange::Solo(_)) => return false,
            Ask::Change(id, change) => Some((*id, discriminant(change))),
            Ask::Add(_) | Ask::Remove(_) | Ask::Move(..) => None,
        };
        let goes_on = same.is_some() && self.last == same;
        self.last = same;
        self.redo.clear();
        if !goes_on {
            self.undo.push_back(before);
            if self.undo.len() > STEPS_MAX {
                self.undo.pop_front();
            }
        }
        !goes_on
    }

    /// The next change is a step of its own, whatever it changes.
    pub(crate) fn pause(&mut self) {
        self.last = None;
    }

    /// Something else was done: what was taken back here is not made again.
    pub(crate) fn forget_redo(&mut self) {
        self.redo.clear();
        self.last = None;
    }

    /// The sounds as they were before the last step.
    pub(crate) fn undo(&mut self, now: &Sounds) -> Option<Sounds> {
        let earlier = self.undo.pop_back()?.with_mutes_of(now);
        self.redo.push(now.clone());
        self.last = None;
        Some(earlier)
    }

    /// The sounds as they were before the last step was taken back.
    pub(crate) fn redo(&mut self, now: &Sounds) -> Option<Sounds> {
        let later = self.redo.pop()?.with_mutes_of(now);
        self.undo.push_back(now.clone());
        self.last = None;
        Some(later)
    }

    pub(crate) fn can_undo(&self) -> bool {
        !self.undo.is_empty()
    }

    pub(crate) fn can_redo(&self) -> bool {
        !self.redo.is_empty()
    }
}

impl Sounds {
    /// These, with who is heard as in `now`.
    fn with_mutes_of(mut self, now: &Sounds) -> Sounds {
        for kept in &mut self.0 {
            if let Some(now) = now.0.iter().find(|now| now.id == kept.id) {
                (kept.muted, kept.solo) = (now.muted, now.solo);
            }
        }
        self
    }
}

/// More than anybody takes back step by step. Full: the oldest step stays for good.
const STEPS_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sounds::SoundDevice;

    fn done(sounds: &mut Sounds, history: &mut History, ask: Ask) -> bool {
        let before = sounds.clone();
        assert!(sounds.ask(ask.clone()), "{ask:?} changes nothing");
        history.did(&ask, before)
    }

    #[test]
    fn a_removed_sound_comes_back_as_it_was_and_in_its_place() {
        let (mut sounds, mut history) = (Sounds::default(), History::default());
        done(&mut sounds, &mut history, Ask::Add(SoundDevice::system()));
        done(&mut sounds, &mut history, Ask::Change(1, SoundChange::GainTenthsDb(-65)));
        let before = sounds.clone();
        assert!(done(&mut sounds, &mut history, Ask::Remove(1)));
        sounds = history.undo(&sounds).unwrap();
        assert_eq!(sounds, before);
        sounds = history.redo(&sounds).unwrap();
        assert_eq!(sounds.all().len(), 1);
        assert!(history.redo(&sounds).is_none());
    }

    #[test]
    fn a_fader_that_is_moved_is_one_step() {
        let (mut sounds, mut history) = (Sounds::default(), History::default());
        for (gain, step) in [(-10, true), (-20, false), (-30, false)] {
            let ask = Ask::Change(1, SoundChange::GainTenthsDb(gain));
            assert_eq!(done(&mut sounds, &mut history, ask), step);
        }
        history.pause();
        assert!(done(&mut sounds, &mut history, Ask::Change(1, SoundChange::GainTenthsDb(0))));
        let gains = [-30, 0].map(|wanted| {
            sounds = history.undo(&sounds).unwrap();
            (sounds.all()[0].gain_tenths_db, wanted)
        });
        assert!(gains.iter().all(|(gain, wanted)| gain == wanted), "{gains:?}");
        assert!(!history.can_undo());
    }

    #[test]
    fn taking_something_back_mutes_nobody_and_lets_nobody_be_heard() {
        let (mut sounds, mut history) = (Sounds::default(), History::default());
        done(&mut sounds, &mut history, Ask::Change(1, SoundChange::DelayMs(100)));
        assert!(!done(&mut sounds, &mut history, Ask::Change(1, SoundChange::Muted(true))));
        sounds = history.undo(&sounds).unwrap();
        assert!(sounds.all()[0].muted && sounds.all()[0].delay_ms == 0);
        assert!(!history.can_undo());
    }
}
