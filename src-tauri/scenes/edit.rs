//! Every change there is to scenes.

use serde::Deserialize;
use specta::Type;

use super::check::{self, SCENES_MAX, Wrong};
use super::layout;
use super::model::{ChromaKey, Crop, Fit, Layer, Place, Scene, Source, Style, WHOLE_PPM};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Type)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "type")]
pub enum Edit {
    /// Adds an empty scene behind the others.
    AddScene,
    /// Adds a copy of a scene behind it.
    DuplicateScene {
        /// Which.
        scene: u32,
    },
    /// Adds a scene for breaks behind the others, in the place of another one for them.
    AddBreakScene {
        /// What it says.
        words: String,
    },
    /// Shows a scene in breaks, and no other one, or no more.
    UseForBreaks {
        /// Which.
        scene: u32,
        /// Whether it is.
        on: bool,
    },
    /// Removes a scene; the last one stays.
    RemoveScene {
        /// Which.
        scene: u32,
    },
    /// Calls a scene something; empty, it is called by what is in it.
    RenameScene {
        /// Which.
        scene: u32,
        /// What it is called.
        name: String,
    },
    /// Moves a scene in the list.
    MoveScene {
        /// Which.
        scene: u32,
        /// Where it is then, counted from 0; beyond the end is the end.
        to: u32,
    },
    /// Adds a source above the others.
    AddLayer {
        /// To which scene.
        scene: u32,
        /// What it shows.
        source: Source,
    },
    /// Removes a source from its scene.
    RemoveLayer {
        /// Which.
        layer: u32,
    },
    /// Moves a source among the others of its scene.
    MoveLayer {
        /// Which.
        layer: u32,
        /// Where it is then, counted from 0 at the bottom; beyond the top is the top.
        to: u32,
    },
    /// Changes one thing of a source.
    ChangeLayer {
        /// Which.
        layer: u32,
        /// What of it.
        change: Change,
    },
    /// Arranges the pictures of a scene; those that are hidden or locked stay.
    Arrange {
        /// Of which scene.
        scene: u32,
        /// How.
        layout: Layout,
        /// The picture that fills the canvas in [`Layout::Full`]; the lowest one without.
        layer: Option<u32>,
    },
}

/// One thing of a source that can be changed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Type)]
#[serde(rename_all = "kebab-case", tag = "of", content = "to")]
pub enum Change {
    /// What it is called.
    Name(String),
    /// Whether it is hidden.
    Hidden(bool),
    /// Whether its place is safe from mistakes.
    Locked(bool),
    /// What it shows.
    Source(Source),
    /// Where it lies; not while it is locked.
    Place(Place),
    /// What is cut off.
    Crop(Crop),
    /// Degrees clockwise.
    Rotation(i32),
    /// 0 to 100.
    OpacityPercent(u32),
    /// Mirrored left to right.
    Mirrored(bool),
    /// Mirrored top to bottom.
    Flipped(bool),
    /// The colour that becomes transparent.
    ChromaKey(Option<ChromaKey>),
}

/// How the pictures of a scene are arranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// One fills the canvas, above the others.
    Full,
    /// The lowest one fills the canvas, the others are small in its corners.
    PictureInPicture,
    /// One beside the other, all of the same size.
    SideBySide,
    /// In rows and columns.
    Grid,
}

/// Makes a change; `next_id` is taken from for what is new. Returns the id of what was made. On an error, `scenes` may be
/// changed in part: work on a copy.
///
/// # Errors
/// What cannot be.
pub fn apply(edit: Edit, scenes: &mut Vec<Scene>, next_id: &mut u32) -> Result<Option<u32>, Wrong> {
    let made = match edit {
        Edit::AddScene => {
            let id = take(next_id);
            scenes.push(Scene::new(id, Vec::new()));
            Some(id)
        }
        Edit::DuplicateScene { scene } => {
            let at = position(scenes, scene)?;
            let mut copy = scenes[at].clone();
            copy.id = take(next_id);
            copy.layers.iter_mut().for_each(|layer| layer.id = take(next_id));
            copy.for_breaks = false;
            let id = copy.id;
            scenes.insert(at + 1, copy);
            Some(id)
        }
        Edit::AddBreakScene { words } => {
            scenes.iter_mut().for_each(|scene| scene.for_breaks = false);
            let id = take(next_id);
            let colour = Source::Colour { colour: BREAK_COLOUR.to_owned() };
            let name = words.trim().to_owned();
            let text = Source::Text { text: words, style: Style::default() };
            let text = Layer { place: first_place(&text), ..Layer::new(take(next_id), text) };
            let layers = vec![Layer::new(take(next_id), colour), text];
            scenes.push(Scene { name, for_breaks: true, ..Scene::new(id, layers) });
            Some(id)
        }
        Edit::UseForBreaks { scene, on } => {
            position(scenes, scene)?;
            scenes.iter_mut().for_each(|other| other.for_breaks = on && other.id == scene);
            None
        }
        Edit::RemoveScene { scene } => {
            let at = position(scenes, scene)?;
            if scenes.len() == 1 {
                return Err(Wrong::LastScene);
            }
            scenes.remove(at);
            None
        }
        Edit::RenameScene { scene, name } => {
            name.trim().clone_into(&mut find(scenes, scene)?.name);
            None
        }
        Edit::MoveScene { scene, to } => {
            let at = position(scenes, scene)?;
            shift(scenes, at, to);
            None
        }
        Edit::AddLayer { scene, source } => {
            let id = take(next_id);
            let layers = &mut find(scenes, scene)?.layers;
            let place =
                if layers.is_empty() && !is_words(&source) { Place::default() } else { first_place(&source) };
            layers.push(Layer { place, ..Layer::new(id, source) });
            Some(id)
        }
        Edit::RemoveLayer { layer } => {
            let (scene, at) = within(scenes, layer)?;
            scene.layers.remove(at);
            None
        }
        Edit::MoveLayer { layer, to } => {
            let (scene, at) = within(scenes, layer)?;
            shift(&mut scene.layers, at, to);
            None
        }
        Edit::ChangeLayer { layer, change } => {
            let (scene, at) = within(scenes, layer)?;
            change_layer(&mut scene.layers[at], change)?;
            None
        }
        Edit::Arrange { scene, layout, layer } => {
            layout::arrange(&mut find(scenes, scene)?.layers, layout, layer);
            None
        }
    };
    check::count("scenes", scenes.len(), SCENES_MAX)?;
    scenes.iter().try_for_each(check::scene)?;
    Ok(made)
}

fn change_layer(layer: &mut Layer, change: Change) -> Result<(), Wrong> {
    match change {
        Change::Name(name) => name.trim().clone_into(&mut layer.name),
        Change::Hidden(hidden) => layer.hidden = hidden,
        Change::Locked(locked) => layer.locked = locked,
        Change::Source(source) => layer.source = source,
        Change::Place(_) if layer.locked => return Err(Wrong::Locked),
        Change::Place(place) => layer.place = place,
        Change::Crop(crop) => layer.crop = crop,
        Change::Rotation(rotation) => layer.rotation = rotation,
        Change::OpacityPercent(percent) => layer.opacity_percent = percent,
        Change::Mirrored(mirrored) => layer.mirrored = mirrored,
        Change::Flipped(flipped) => layer.flipped = flipped,
        Change::ChromaKey(key) => layer.chroma_key = key,
    }
    Ok(())
}

/// Where something new lies: what covers all of the picture at once would be a surprise on air.
fn first_place(source: &Source) -> Place {
    match source {
        Source::Text { .. } | Source::Timer { .. } => {
            Place::new(WHOLE_PPM / 4, WHOLE_PPM * 4 / 10, WHOLE_PPM / 2, WHOLE_PPM / 5, Fit::Contain)
        }
        Source::Image { .. } => {
            Place::new(WHOLE_PPM / 20, WHOLE_PPM / 20, WHOLE_PPM / 5, WHOLE_PPM / 5, Fit::Contain)
        }
        Source::Colour { .. } => {
            Place::new(WHOLE_PPM / 4, WHOLE_PPM / 4, WHOLE_PPM / 2, WHOLE_PPM / 2, Fit::Contain)
        }
        Source::Camera { .. } => layout::corner(0),
        _ => Place::default(),
    }
}

fn is_words(source: &Source) -> bool {
    matches!(source, Source::Text { .. } | Source::Timer { .. })
}

/// What words stand on in a break: calm, and dark enough for white.
const BREAK_COLOUR: &str = "#1c2647";

fn take(next_id: &mut u32) -> u32 {
    let id = *next_id;
    *next_id = next_id.wrapping_add(1);
    id
}

fn position(scenes: &[Scene], id: u32) -> Result<usize, Wrong> {
    scenes.iter().position(|scene| scene.id == id).ok_or(Wrong::Gone("scene"))
}

fn find(scenes: &mut [Scene], id: u32) -> Result<&mut Scene, Wrong> {
    scenes.iter_mut().find(|scene| scene.id == id).ok_or(Wrong::Gone("scene"))
}

fn within(scenes: &mut [Scene], layer: u32) -> Result<(&mut Scene, usize), Wrong> {
    let found = scenes.iter_mut().find_map(|scene| {
        let at = scene.layers.iter().position(|other| other.id == layer)?;
        Some((scene, at))
    });
    found.ok_or(Wrong::Gone("source"))
}

fn shift<T>(list: &mut Vec<T>, from: usize, to: u32) {
    let item = list.remove(from);
    let to = usize::try_from(to).unwrap_or(usize::MAX).min(list.len());
    list.insert(to, item);
}
