//! Scenes as the window shows them.

use broadcast::Devices;
use serde::Serialize;
use specta::Type;

use super::devices::{self, Device};
use super::edit::Layout;
use super::engine::{self, Broken};
use super::model::{Scene, Source, Transition};
use super::{Book, layout};
use crate::trouble::TroubleView;

/// The left column, and what lies on the preview.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ScenesView {
    /// In their order; at least one once the studio has looked around.
    pub scenes: Vec<Scene>,
    /// The one that is shown.
    pub chosen: u32,
    /// Whether it is the one for breaks, so that nothing is heard.
    pub on_break: bool,
    /// How another one follows.
    pub transition: Transition,
    /// The arrangement of the chosen scene's pictures; `None` where it is the person's own.
    pub layout: Option<Layout>,
    /// Whether an edit can be taken back, be it one of scenes or of sounds.
    pub can_undo: bool,
    /// Whether an edit that was taken back can be made again.
    pub can_redo: bool,
    /// Sources of the chosen scene that show nothing, each with why.
    pub problems: Vec<Problem>,
    /// Cameras to choose from.
    pub cameras: Vec<Device>,
    /// Windows to choose from.
    pub windows: Vec<Device>,
}

/// Why a source shows nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// The layer.
    pub layer: u32,
    /// What kind of problem.
    pub kind: ProblemKind,
    /// Why, where there is more to say.
    pub trouble: Option<TroubleView>,
}

/// What keeps a source from being shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// No file or window is chosen yet.
    NotChosen,
    /// A camera, window or display that is away; it comes back by itself.
    Away,
    /// A file that cannot be read, or something that cannot be drawn.
    Unusable,
}

/// What is known about the chosen scene's sources.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Devices of this computer.
    pub devices: &'a Devices,
    /// Sources that the engine did not take.
    pub broken: &'a [Broken],
    /// Picture sources that are away.
    pub away: &'a [(broadcast::VideoInput, broadcast::Trouble)],
}

impl ScenesView {
    /// What is shown of a book.
    #[must_use]
    pub fn of(book: &Book, known: Known<'_>) -> ScenesView {
        let chosen = book.chosen();
        ScenesView {
            scenes: book.scenes().to_vec(),
            chosen: chosen.id,
            on_break: false,
            transition: book.transition(),
            layout: layout::of(&chosen.layers),
            can_undo: false,
            can_redo: false,
            problems: problems(chosen, known),
            cameras: devices::cameras(known.devices),
            windows: devices::windows(known.devices),
        }
    }
}

fn problems(scene: &Scene, known: Known<'_>) -> Vec<Problem> {
    let problem = |layer: &super::model::Layer| {
        let told = |kind, trouble| Some(Problem { layer: layer.id, kind, trouble });
        if is_unchosen(&layer.source) {
            return told(ProblemKind::NotChosen, None);
        }
        if let Some(broken) = known.broken.iter().find(|broken| broken.layer == layer.id) {
            return told(ProblemKind::Unusable, Some(broken.trouble.clone()));
        }
        let input = engine::input(&layer.source)?;
        let (_, trouble) = known.away.iter().find(|(away, _)| *away == input)?;
        told(ProblemKind::Away, Some(trouble.into()))
    };
    scene.layers.iter().filter(|layer| !layer.hidden).filter_map(problem).collect()
}

fn is_unchosen(source: &Source) -> bool {
    match source {
        Source::Video { file } | Source::Image { file } => file.is_empty(),
        Source::Window { .. } => engine::input(source).is_none(),
        _ => false,
    }
}
