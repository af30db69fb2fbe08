//! All scenes of a person, with what was undone and can be done again.

use std::collections::{HashSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::check::{self, SCENES_MAX, Wrong};
use super::edit::{self, Edit};
use super::model::{Layer, Scene, Source, Transition};

/// The scenes, the chosen one, and the history of edits. There is always a scene, and the chosen one is there.
#[derive(Clone, Debug)]
pub struct Book {
    scenes: Vec<Scene>,
    chosen: u32,
    transition: Transition,
    next_id: u32,
    undo: VecDeque<Edited>,
    redo: Vec<Edited>,
    /// The gesture whose first edit was the last step.
    gesture: Option<u32>,
    /// Steps that were ever made.
    steps: u64,
}

/// What edits change, as it was or is to be again.
#[derive(Clone, Debug)]
struct Edited {
    scenes: Vec<Scene>,
    transition: Transition,
}

/// What is kept of a book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    scenes: Vec<Scene>,
    #[serde(default)]
    chosen: u32,
    #[serde(default)]
    transition: Transition,
}

impl Book {
    /// What is there at the first start: one scene of one picture.
    #[must_use]
    pub fn first(source: Source) -> Book {
        let scene = Scene::new(1, vec![Layer::new(2, source)]);
        Book::of(vec![scene], 1, Transition::default())
    }

    /// Opens what was kept.
    ///
    /// # Errors
    /// What cannot be, as in a file that somebody wrote by hand.
    pub fn open(kept: Kept) -> Result<Book, Wrong> {
        let Kept { mut scenes, chosen, transition } = kept;
        let first = scenes.first().ok_or(Wrong::LastScene)?.id;
        check::count("scenes", scenes.len(), SCENES_MAX)?;
        check::transition(transition)?;
        let mut seen = HashSet::new();
        for scene in &mut scenes {
            check::scene(scene)?;
            let ids = std::iter::once(scene.id).chain(scene.layers.iter().map(|layer| layer.id));
            for id in ids {
                if !seen.insert(id) || id == u32::MAX {
                    return Err(Wrong::Twice(id));
                }
            }
            for layer in &mut scene.layers {
                // Another window may have the number by now.
                if let Source::Window { id, .. } = &mut layer.source {
                    *id = None;
                }
            }
        }
        let chosen = if scenes.iter().any(|scene| scene.id == chosen) { chosen } else { first };
        Ok(Book::of(scenes, chosen, transition))
    }

    fn of(scenes: Vec<Scene>, chosen: u32, transition: Transition) -> Book {
        let ids = scenes
            .iter()
            .flat_map(|scene| std::iter::once(scene.id).chain(scene.layers.iter().map(|layer| layer.id)));
        let next_id = ids.max().unwrap_or(0) + 1;
        Book {
            scenes,
            chosen,
            transition,
            next_id,
            undo: VecDeque::new(),
            redo: Vec::new(),
            gesture: None,
            steps: 0,
        }
    }

    /// What is to be kept of it.
    #[must_use]
    pub fn kept(&self) -> Kept {
        Kept { scenes: self.scenes.clone(), chosen: self.chosen, transition: self.transition }
    }

    /// The scenes in their order; at least one.
    #[must_use]
    pub fn scenes(&self) -> &[Scene] {
        &self.scenes
    }

    /// The scene that is shown.
    #[must_use]
    pub fn chosen(&self) -> &Scene {
        let chosen = self.scenes.iter().find(|scene| scene.id == self.chosen);
        chosen.or(self.scenes.first()).expect("a book has a scene")
    }

    /// How another scene follows.
    #[must_use]
    pub fn transition(&self) -> Transition {
        self.transition
    }

    /// How many steps were ever made: edits of one gesture are one.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Something else was done: what was taken back here is not made again.
    pub fn forget_redo(&mut self) {
        self.redo.clear();
        self.gesture = None;
    }

    /// Whether an edit can be taken back.
    #[must_use]
    pub fn can_undo(&self) -> bool {
        !self.undo.is_empty()
    }

    /// Whether one that was taken back can be made again.
    #[must_use]
    pub fn can_redo(&self) -> bool {
        !self.redo.is_empty()
    }

    /// Makes a change; those of one gesture are one step. Returns the id of what was made; a new scene is chosen.
    ///
    /// # Errors
    /// What cannot be; then nothing is changed.
    pub fn edit(&mut self, edit: Edit, gesture: Option<u32>) -> Result<Option<u32>, Wrong> {
        let shows = matches!(edit, Edit::AddScene | Edit::DuplicateScene { .. });
        let (mut scenes, mut next_id) = (self.scenes.clone(), self.next_id);
        let made = edit::apply(edit, &mut scenes, &mut next_id)?;
        if scenes == self.scenes {
            return Ok(made);
        }
        let new_step = gesture.is_none() || self.gesture != gesture;
        if new_step {
            self.remember();
        }
        let before = std::mem::replace(&mut self.scenes, scenes);
        self.next_id = next_id;
        self.redo.clear();
        self.gesture = gesture;
        match made {
            Some(made) if shows => self.chosen = made,
            _ => self.stay_near(&before),
        }
        Ok(made)
    }

    /// Takes the last step back; tells whether there was one.
    pub fn undo(&mut self) -> bool {
        let Some(earlier) = self.undo.pop_back() else { return false };
        let later = self.go_to(earlier);
        self.redo.push(later);
        true
    }

    /// Makes the step again that was taken back last; tells whether there was one.
    pub fn redo(&mut self) -> bool {
        let Some(later) = self.redo.pop() else { return false };
        let earlier = self.go_to(later);
        self.undo.push_back(earlier);
        true
    }

    /// Shows another scene; tells whether it is another one.
    pub fn choose(&mut self, scene: u32) -> bool {
        let changes = scene != self.chosen && self.scenes.iter().any(|other| other.id == scene);
        if changes {
            self.chosen = scene;
            self.gesture = None;
        }
        changes
    }

    /// Sets how another scene follows, which is a step as an edit is.
    ///
    /// # Errors
    /// [`Wrong::Range`].
    pub fn set_transition(&mut self, transition: Transition) -> Result<(), Wrong> {
        check::transition(transition)?;
        if transition != self.transition {
            self.remember();
            self.redo.clear();
            self.gesture = None;
            self.transition = transition;
        }
        Ok(())
    }

    /// The main picture of the chosen scene: the lowest one. It is what [`Book::set_main_picture`] changes.
    #[must_use]
    pub fn main_picture(&self) -> Option<&Layer> {
        self.chosen().layers.iter().find(|layer| layer.source.is_picture())
    }

    /// Shows something else as the main picture of the chosen scene.
    ///
    /// # Errors
    /// As for an edit.
    pub fn set_main_picture(&mut self, source: Source) -> Result<(), Wrong> {
        let edit = match self.main_picture() {
            Some(layer) => Edit::ChangeLayer { layer: layer.id, change: edit::Change::Source(source) },
            None => Edit::AddLayer { scene: self.chosen, source },
        };
        self.edit(edit, None).map(drop)
    }

    /// Adds what a machine with this camera offers, behind the first scene. It is no edit: nobody made it.
    pub fn add_camera_scenes(&mut self, camera: &str) {
        let Some(main) = self.main_picture().map(|layer| layer.source.clone()) else { return };
        if matches!(main, Source::Camera { .. }) {
            return;
        }
        let camera = Source::Camera { id: Some(camera.to_owned()) };
        for sources in [vec![camera.clone()], vec![main, camera]] {
            let id = self.next_id;
            let layers: Vec<Layer> =
                (id + 1..).zip(sources).map(|(id, source)| Layer::new(id, source)).collect();
            self.next_id += 1 + layers.len() as u32;
            let mut scene = Scene::new(id, layers);
            super::layout::arrange(&mut scene.layers, edit::Layout::PictureInPicture, None);
            self.scenes.push(scene);
        }
        self.undo.clear();
        self.redo.clear();
    }

    /// A step begins: what is there now can be taken back to.
    fn remember(&mut self) {
        self.steps += 1;
        self.undo.push_back(Edited { scenes: self.scenes.clone(), transition: self.transition });
        if self.undo.len() > HISTORY_MAX {
            self.undo.pop_front();
        }
    }

    /// What was there is again; returns what it takes the place of.
    fn go_to(&mut self, other: Edited) -> Edited {
        let scenes = std::mem::replace(&mut self.scenes, other.scenes);
        let transition = std::mem::replace(&mut self.transition, other.transition);
        self.stay_near(&scenes);
        self.gesture = None;
        Edited { scenes, transition }
    }

    /// After a change: where the chosen scene is gone, the one that is in its place is chosen.
    fn stay_near(&mut self, before: &[Scene]) {
        if self.scenes.iter().any(|scene| scene.id == self.chosen) {
            return;
        }
        let at = before.iter().position(|scene| scene.id == self.chosen).unwrap_or(0);
        let nearest = self.scenes.get(at).or(self.scenes.last());
        self.chosen = nearest.expect("a book has a scene").id;
    }
}

/// More than anybody takes back step by step. Full: the oldest step stays for good.
const HISTORY_MAX: usize = 100;
