//! The studio's part: the chosen scene goes to the engine, live, and the scenes to their file.
//!
//! The engine takes one scene after the other, and each takes as long as its sources take to open. What changes meanwhile
//! is shown next, in one go; so is what is written to the file.

use std::sync::Arc;

use broadcast::{ScreenPermission, Sources};
use tracing::warn;

use super::engine::{self, Broken, Stageable};
use super::model::Source;
use super::view::{Known, ScenesView};
use super::{Ask, Book};
use crate::preview::Feeds;
use crate::settings::VideoChoice;
use crate::sources::{self, Opened, Wanted};
use crate::studio::{Done, SourcesPhase, Studio};
use crate::trouble::TroubleView;
use crate::view::NoticeKind;

/// How far the engine and the file are behind the person.
#[derive(Default)]
pub(crate) struct Staging {
    /// The scene that the engine was given last, by id and content.
    given: Option<(u32, broadcast::scene::Scene)>,
    /// It is on its way to the engine.
    running: bool,
    /// The sources are to be opened anew once the engine has taken it.
    reopen: bool,
    /// Sources that the engine did not take.
    broken: Vec<Broken>,
    /// Something is not in the file yet.
    unsaved: bool,
    /// The file is being written.
    saving: bool,
    /// These are the scenes of the very first start, and nobody has changed them.
    first: bool,
}

/// A scene that the engine was given.
pub(crate) struct Staged {
    broken: Vec<Broken>,
    /// Why it is not shown at all.
    failed: Option<TroubleView>,
}

impl Staging {
    /// `first` says that no scenes were kept.
    pub(crate) fn new(first: bool) -> Staging {
        Staging { first, ..Staging::default() }
    }
}

impl Studio {
    /// Does what a person asks for.
    pub(crate) fn scenes_asked(&mut self, ask: Ask) {
        let changed = match ask {
            Ask::Edit(edit, gesture, answer) => {
                let steps = self.book.steps();
                let made = self.book.edit(edit, gesture);
                let changed = made.is_ok();
                self.scenes_edited(steps);
                self.staging.first &= !changed;
                // Whoever asked may be gone, as a page that reloads.
                let _ = answer.send(made);
                changed
            }
            Ask::Undo => self.undo(),
            Ask::Redo => self.redo(),
            Ask::Choose(scene) => self.book.choose(scene),
            Ask::Break(on, words) => self.take_a_break(on, words),
            Ask::SetTransition(transition) => {
                let steps = self.book.steps();
                let changed = self.book.set_transition(transition).is_ok();
                self.scenes_edited(steps);
                changed
            }
        };
        if changed {
            self.scenes_changed();
        }
    }

    /// Shows another picture as the main one of the chosen scene.
    pub(crate) fn choose_video(&mut self, choice: VideoChoice) {
        let steps = self.book.steps();
        let chosen = Source::of_choice(&choice).map(|mut source| {
            // A window is found by its title at the next start.
            if let Source::Window { id: Some(id), title, .. } = &mut source
                && let Some(window) = self.devices.windows.iter().find(|window| window.id == *id)
            {
                title.clone_from(&window.title);
            }
            self.book.set_main_picture(source)
        });
        if let Some(Ok(())) = chosen {
            self.scenes_edited(steps);
            self.set(|settings| settings.video = choice);
            self.scenes_changed();
        }
    }

    /// A machine with a camera begins with scenes that show it.
    pub(crate) fn offer_camera_scenes(&mut self) {
        if std::mem::take(&mut self.staging.first) {
            if let Some(camera) = self.devices.cameras.first() {
                self.book.add_camera_scenes(&camera.id);
            }
            self.keep_scenes();
        }
    }

    fn scenes_changed(&mut self) {
        self.keep_scenes();
        self.hush();
        self.stage();
    }

    // -- the engine --

    /// Lets the engine show the chosen scene, where it does not.
    fn stage(&mut self) {
        let SourcesPhase::Opened(opened) = &self.sources else { return };
        let Some(sources) = opened.sources.clone().filter(|_| !self.staging.running) else { return };
        let scene = self.book.chosen();
        let mut stageable = Stageable::of(scene);
        let wanted = (scene.id, stageable.scene.clone());
        if self.staging.given.as_ref() == Some(&wanted) {
            return;
        }
        let follows = self.staging.given.as_ref().is_some_and(|(given, _)| *given != scene.id);
        let transition = if follows {
            engine::transition(self.book.transition())
        } else {
            broadcast::scene::Transition::Cut
        };
        self.staging.given = Some(wanted);
        self.staging.running = true;
        let ids: Vec<u32> = scene.layers.iter().map(|layer| layer.id).collect();
        self.tasks.spawn_blocking(move || {
            let (shown, mut broken) = stageable.show(|scene| sources.set_scene(scene, transition));
            let failed = shown.err().map(|error| TroubleView::from(&error));
            if let Some(trouble) = &failed {
                broken = ids.into_iter().map(|layer| Broken { layer, trouble: trouble.clone() }).collect();
            }
            Done::Staged(Staged { broken, failed })
        });
    }

    pub(crate) fn staged(&mut self, Staged { broken, failed }: Staged) {
        if let Some(trouble) = failed {
            warn!(?trouble, "the scene is not shown");
        }
        self.staging.running = false;
        self.staging.broken = broken;
        if std::mem::take(&mut self.staging.reopen) {
            self.open_sources();
        } else {
            self.stage();
        }
    }

    /// Tries again what does not work: what is in use on air stays open.
    pub(crate) fn retry_sources(&mut self) {
        self.staging.given = None;
        if self.is_running() {
            self.stage();
        } else {
            self.open_sources();
        }
    }

    /// Closes what is open and opens what the settings and the chosen scene say. Not while a broadcast uses it.
    pub(crate) fn open_sources(&mut self) {
        if self.is_running() || !self.may_reopen() {
            return;
        }
        if self.staging.running {
            // The engine has the sources until then.
            self.staging.reopen = true;
            return;
        }
        let before = std::mem::replace(&mut self.sources, SourcesPhase::Opening);
        self.doors.feeds.send_replace(Feeds::default());
        let scene = self.book.chosen();
        let stageable = Stageable::of(scene);
        self.staging.given = Some((scene.id, stageable.scene.clone()));
        let wanted = Wanted {
            scene: stageable,
            size: self.settings.output.size(),
            fps: self.settings.output.fps,
            screen_permission: ScreenPermission::in_file(self.folder.join(SCREEN_PERMISSION)),
        };
        self.tasks.spawn_blocking(move || {
            // A device can be open once only.
            drop(before);
            Done::SourcesOpened(Box::new(sources::open(wanted)))
        });
    }

    pub(crate) fn sources_opened(&mut self, mut opened: Box<Opened>) {
        if let Some(trouble) = &opened.no_video {
            warn!(?trouble, "the picture does not open");
        }
        let feeds = opened.sources.as_ref().map_or_else(Feeds::default, |sources| Feeds {
            frames: opened.no_video.is_none().then(|| sources.preview()),
            levels: Some(sources.levels()),
            sounds: Vec::new(),
        });
        self.doors.feeds.send_replace(feeds);
        self.trouble = opened.sources.as_ref().map(|sources| sources.trouble());
        self.staging.broken = std::mem::take(&mut opened.broken);
        self.sources = SourcesPhase::Opened(opened);
        self.stage();
        self.mix_anew();
        self.find_devices();
    }

    /// The open sources.
    pub(crate) fn open_ones(&self) -> Option<&Arc<Sources>> {
        match &self.sources {
            SourcesPhase::Opened(opened) => opened.sources.as_ref(),
            SourcesPhase::Opening => None,
        }
    }

    // -- the file --

    fn keep_scenes(&mut self) {
        self.staging.unsaved = true;
        if self.staging.saving {
            return;
        }
        (self.staging.unsaved, self.staging.saving) = (false, true);
        let (folder, kept) = (self.folder.clone(), self.book.kept());
        self.tasks.spawn_blocking(move || {
            Done::ScenesSaved(super::save(&folder, &kept).map_err(|error| error.to_string()))
        });
    }

    pub(crate) fn scenes_saved(&mut self, saved: Result<(), String>) {
        self.staging.saving = false;
        self.clear(|kind| matches!(kind, NoticeKind::ScenesNotSaved { .. }));
        if let Err(reason) = saved {
            self.notify(NoticeKind::ScenesNotSaved { reason });
        }
        if self.staging.unsaved {
            self.keep_scenes();
        }
    }

    /// At the end, when nothing waits any more: what is not in the file yet. The last write may still be on its way.
    pub(crate) fn keep_scenes_at_last(&self) {
        if !self.staging.unsaved && !self.staging.saving {
            return;
        }
        if let Err(error) = super::save(&self.folder, &self.book.kept()) {
            warn!(%error, "the scenes could not be saved");
        }
    }

    // -- the window --

    pub(crate) fn scenes_view(&self) -> ScenesView {
        let away = self.open_ones().map(|sources| sources.troubles()).unwrap_or_default();
        let known = Known { devices: &self.devices, broken: &self.staging.broken, away: &away };
        ScenesView::of(&self.book, known)
    }

    /// Why there is no picture at all: the only source of the scene shows nothing.
    pub(crate) fn no_picture(&self, view: &ScenesView) -> Option<TroubleView> {
        let mut visible = self.book.chosen().layers.iter().filter(|layer| !layer.hidden);
        let (Some(only), None) = (visible.next(), visible.next()) else { return None };
        view.problems.iter().find(|problem| problem.layer == only.id)?.trouble.clone()
    }
}

/// What an earlier version showed becomes the first scene.
pub(crate) fn first_book(choice: &VideoChoice) -> Book {
    Book::first(Source::of_choice(choice).unwrap_or(Source::Display { cursor: true }))
}

/// In the data folder: what a Wayland desktop was answered.
const SCREEN_PERMISSION: &str = "screen-permission";
