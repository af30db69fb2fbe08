//! Lets the engine mix what is kept: settings at once, devices as soon as they are open.
//!
//! Opening takes up to seconds, so it is a task. One runs at a time; when it is done, what has changed meanwhile is looked
//! at again.

use std::collections::HashMap;
use std::sync::Arc;

use broadcast::{SoundSettings, Sources, Trouble};
use tokio::sync::watch;
use tracing::warn;

use super::history::History;
use super::{Ask, Kept, SoundChange, SoundDevice, Sounds};
use crate::studio::{Done, SourcesPhase, Studio};
use crate::trouble::TroubleView;
use crate::view::NoticeKind;

/// The sounds, and what the engine has of them.
pub(crate) struct Board {
    pub(crate) kept: Sounds,
    pub(crate) history: History,
    /// Nothing is heard, whatever is set.
    pub(crate) silent: bool,
    /// What is mixed, by the sound's id.
    placed: HashMap<u32, Placed>,
    /// What the engine did not take, and why, by the sound's id; it is tried again when the device is another.
    refused: HashMap<u32, (SoundDevice, TroubleView)>,
    /// Why nothing comes from what is mixed, by its index.
    pub(crate) trouble: Option<watch::Receiver<Vec<Option<Trouble>>>>,
    /// A task opens devices.
    changing: bool,
    /// The sources were to be opened anew meanwhile.
    reopen: bool,
}

/// A sound that is mixed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Placed {
    index: usize,
    device: SoundDevice,
}

/// Where a sound is now mixed, if at all; or which device the engine did not take, and why.
type Outcome = Result<Option<Placed>, (SoundDevice, TroubleView)>;

/// What was done to the engine.
#[derive(Debug)]
pub(crate) struct Changed(Vec<(u32, Outcome)>);

/// What is to be done.
#[derive(Debug)]
enum Todo {
    Add(Kept),
    Replace(Kept, usize),
    Remove(u32, usize),
}

impl Board {
    pub(crate) fn new(kept: Sounds) -> Board {
        Board {
            kept,
            history: History::default(),
            silent: false,
            placed: HashMap::new(),
            refused: HashMap::new(),
            trouble: None,
            changing: false,
            reopen: false,
        }
    }

    /// Where a sound's level stands among those that the engine measures.
    pub(crate) fn indices(&self) -> Vec<(u32, usize)> {
        let place = |kept: &Kept| Some((kept.id, self.placed.get(&kept.id)?.index));
        self.kept.all().iter().filter_map(place).collect()
    }

    /// How a sound is: `None` while it is being opened, else why nothing comes from it, or nothing at all.
    pub(crate) fn state(&self, kept: &Kept) -> Option<Option<TroubleView>> {
        if let Some((device, why)) = self.refused.get(&kept.id)
            && *device == kept.device
        {
            return Some(Some(why.clone()));
        }
        let placed = self.placed.get(&kept.id).filter(|placed| placed.device == kept.device)?;
        let trouble = self.trouble.as_ref().map(|trouble| trouble.borrow());
        Some(trouble.and_then(|all| Some(all.get(placed.index)?.as_ref()?.into())))
    }

    /// Whether anything is heard, or about to be.
    pub(crate) fn works(&self) -> bool {
        self.kept.all().iter().any(|kept| !matches!(self.state(kept), Some(Some(_))))
    }

    fn settings_of(&self, kept: &Kept) -> SoundSettings {
        SoundSettings { muted: kept.muted || self.silent, ..kept.settings() }
    }

    fn todo(&self) -> Vec<Todo> {
        let gone = self.placed.iter().filter(|(id, _)| !self.kept.all().iter().any(|kept| kept.id == **id));
        let gone = gone.map(|(id, placed)| Todo::Remove(*id, placed.index));
        let refused = |kept: &Kept| self.refused.get(&kept.id).is_some_and(|(it, _)| *it == kept.device);
        let wanted = self.kept.all().iter().filter(|kept| !refused(kept));
        let wanted = wanted.filter_map(|kept| match self.placed.get(&kept.id) {
            None => Some(Todo::Add(Kept { muted: kept.muted || self.silent, ..kept.clone() })),
            Some(placed) if placed.device != kept.device => Some(Todo::Replace(kept.clone(), placed.index)),
            Some(_) => None,
        });
        gone.chain(wanted).collect()
    }
}

impl Todo {
    /// Takes up to seconds.
    fn apply(self, sources: &Sources) -> (u32, Outcome) {
        match self {
            Todo::Remove(id, index) => {
                if let Err(error) = sources.remove_sound(index) {
                    warn!(%error, "a sound was not there");
                }
                (id, Ok(None))
            }
            Todo::Add(kept) => {
                let added = kept.sound().map_err(|error| TroubleView::other(&error));
                let added = added.and_then(|sound| sources.add_sound(sound).map_err(|error| (&error).into()));
                answer(kept, added)
            }
            Todo::Replace(kept, index) => {
                let input = kept.device.input().map_err(|error| TroubleView::other(&error));
                let replaced = input.and_then(|input| {
                    sources.replace_sound(index, input).map_err(|error| (&error).into()).map(|()| index)
                });
                answer(kept, replaced)
            }
        }
    }
}

fn answer(kept: Kept, done: Result<usize, TroubleView>) -> (u32, Outcome) {
    let Kept { id, device, .. } = kept;
    match done {
        Ok(index) => (id, Ok(Some(Placed { index, device }))),
        Err(why) => (id, Err((device, why))),
    }
}

impl Studio {
    /// Does what is asked, keeps it, and lets the engine follow.
    pub(crate) fn sounds_asked(&mut self, ask: Ask) {
        if self.edit_sounds(ask) {
            self.sounds_are_others();
        }
    }

    /// Takes other sounds in the place of those there are; tells whether they are others.
    pub(crate) fn set_sounds(&mut self, sounds: Sounds) -> bool {
        let others = sounds != self.sounds.kept;
        self.sounds.kept = sounds;
        if others {
            self.sounds_are_others();
        }
        others
    }

    /// What is heard follows before the disk does: somebody who mutes must not wait for one that is slow.
    fn sounds_are_others(&mut self) {
        self.follow_sounds();
        if let Err(error) = super::save(&self.folder, &self.sounds.kept) {
            self.clear(|kind| matches!(kind, NoticeKind::SettingsNotSaved { .. }));
            self.notify(NoticeKind::SettingsNotSaved { reason: error.to_string() });
        }
    }

    /// Mutes the first microphone, or not.
    pub(crate) fn set_muted(&mut self, muted: bool) {
        if let Some(id) = self.sounds.kept.microphone().map(|kept| kept.id) {
            self.sounds_asked(Ask::Change(id, SoundChange::Muted(muted)));
        }
    }

    /// Takes another device for the first microphone; `None` is the default one.
    pub(crate) fn choose_microphone(&mut self, id: Option<&str>) {
        let device = SoundDevice::microphone(id);
        match self.sounds.kept.microphone().map(|kept| kept.id) {
            Some(id) => self.sounds_asked(Ask::Change(id, SoundChange::Device(device))),
            None => self.sounds_asked(Ask::Add(device)),
        }
    }

    /// Whether the sources can be opened anew now; when a device is being opened, they are afterwards.
    pub(crate) fn may_reopen(&mut self) -> bool {
        self.sounds.reopen = self.sounds.changing;
        !self.sounds.changing
    }

    /// New sources have no sounds yet.
    pub(crate) fn mix_anew(&mut self) {
        self.sounds.placed.clear();
        self.sounds.refused.clear();
        self.sounds.trouble = self.open_sources_shared().map(|sources| sources.sound_trouble());
        self.follow_sounds();
    }

    /// Lets the engine have what is kept.
    pub(crate) fn follow_sounds(&mut self) {
        self.sounds.silent = self.on_break();
        let Some(sources) = self.open_sources_shared() else { return };
        for kept in self.sounds.kept.all() {
            if let Some(placed) = self.sounds.placed.get(&kept.id)
                && let Err(error) = sources.set_sound(placed.index, self.sounds.settings_of(kept))
            {
                warn!(%error, "a sound's settings were refused");
            }
        }
        if self.sounds.changing {
            return;
        }
        let todo = self.sounds.todo();
        if !todo.is_empty() {
            self.sounds.changing = true;
            self.tasks.spawn_blocking(move || {
                Done::SoundsChanged(Changed(todo.into_iter().map(|todo| todo.apply(&sources)).collect()))
            });
        }
    }

    pub(crate) fn sounds_changed(&mut self, changed: Changed) {
        self.sounds.changing = false;
        for (id, done) in changed.0 {
            match done {
                Ok(Some(placed)) => {
                    self.sounds.refused.remove(&id);
                    self.sounds.placed.insert(id, placed);
                }
                Ok(None) => {
                    self.sounds.placed.remove(&id);
                }
                Err((device, why)) => {
                    warn!(id, ?why, "a sound is not mixed");
                    self.sounds.refused.insert(id, (device, why));
                }
            }
        }
        let indices = self.sounds.indices();
        self.doors.feeds.send_if_modified(|feeds| {
            let news = feeds.sounds != indices;
            feeds.sounds = indices;
            news
        });
        if std::mem::take(&mut self.sounds.reopen) {
            return self.open_sources();
        }
        // What was changed while the task ran.
        self.follow_sounds();
    }

    fn open_sources_shared(&self) -> Option<Arc<Sources>> {
        match &self.sources {
            SourcesPhase::Opened(opened) => opened.sources.clone(),
            SourcesPhase::Opening => None,
        }
    }
}
