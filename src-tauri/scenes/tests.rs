//! What holds for scenes whatever people do with them.

use proptest::prelude::*;

use super::Book;
use super::check::Wrong;
use super::edit::{Change, Edit, Layout};
use super::engine::Stageable;
use super::model::{ChromaKey, Crop, Fit, Layer, Place, Scene, Source, Style, Transition};
use crate::trouble::{TroubleKind, TroubleView};

fn display() -> Source {
    Source::Display { cursor: true }
}

fn text(words: &str) -> Source {
    Source::Text { text: words.to_owned(), style: Style::default() }
}

fn camera() -> Source {
    Source::Camera { id: None }
}

/// A step of somebody's work; numbers stand for whatever is there.
#[derive(Clone, Debug)]
enum Step {
    Edit(Edit),
    Choose(u32),
}

/// An edit of some scene or layer; half of them meet nothing that is there.
fn edit() -> impl Strategy<Value = Edit> {
    let id = 0_u32..24;
    let source = prop_oneof![
        Just(display()),
        Just(camera()),
        Just(text("Lesson 1")),
        Just(Source::Colour { colour: "#123456".to_owned() }),
        Just(Source::Image { file: "/tmp/logo.png".to_owned() }),
    ];
    let place = (-5_000_000..5_000_000, -5_000_000..5_000_000, 0..5_000_000, 0..5_000_000)
        .prop_map(|(left, top, width, height)| Place::new(left, top, width, height, Fit::Cover));
    let layout = prop_oneof![
        Just(Layout::Full),
        Just(Layout::PictureInPicture),
        Just(Layout::SideBySide),
        Just(Layout::Grid),
    ];
    let change = prop_oneof![
        "[a-z]{0,70}".prop_map(Change::Name),
        any::<bool>().prop_map(Change::Hidden),
        any::<bool>().prop_map(Change::Locked),
        place.prop_map(Change::Place),
        (-400..400).prop_map(Change::Rotation),
        (0_u32..120).prop_map(Change::OpacityPercent),
        source.clone().prop_map(Change::Source),
    ];
    prop_oneof![
        Just(Edit::AddScene),
        id.clone().prop_map(|scene| Edit::DuplicateScene { scene }),
        id.clone().prop_map(|scene| Edit::RemoveScene { scene }),
        (id.clone(), "[a-z ]{0,8}").prop_map(|(scene, name)| Edit::RenameScene { scene, name }),
        (id.clone(), 0_u32..6).prop_map(|(scene, to)| Edit::MoveScene { scene, to }),
        (id.clone(), source).prop_map(|(scene, source)| Edit::AddLayer { scene, source }),
        id.clone().prop_map(|layer| Edit::RemoveLayer { layer }),
        (id.clone(), 0_u32..6).prop_map(|(layer, to)| Edit::MoveLayer { layer, to }),
        (id.clone(), change).prop_map(|(layer, change)| Edit::ChangeLayer { layer, change }),
        (id, layout).prop_map(|(scene, layout)| Edit::Arrange { scene, layout, layer: None }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![9 => edit().prop_map(Step::Edit), 1 => (0_u32..24).prop_map(Step::Choose)]
}

fn is_sound(book: &Book) {
    assert!(book.scenes().iter().any(|scene| scene.id == book.chosen().id), "the chosen scene is there");
    let again = Book::open(book.kept()).expect("what was edited can be kept and opened");
    assert_eq!(again.scenes(), book.scenes());
    assert_eq!(again.chosen().id, book.chosen().id);
    for scene in book.scenes() {
        Stageable::of(scene).scene.check().expect("the engine takes it");
    }
}

proptest! {
    #[test]
    fn undoing_everything_gives_the_beginning_and_redoing_everything_the_end(
        steps in prop::collection::vec((step(), prop::option::of(0_u32..2)), 0..60)
    ) {
        let mut book = Book::first(display());
        let beginning = book.scenes().to_vec();
        for (step, gesture) in steps {
            match step {
                // What cannot be is refused, and nothing is changed.
                Step::Edit(edit) => {
                    let before = book.scenes().to_vec();
                    if book.edit(edit, gesture).is_err() {
                        prop_assert_eq!(&before, book.scenes());
                    }
                }
                Step::Choose(scene) => { book.choose(scene); }
            }
            is_sound(&book);
        }
        let end = book.scenes().to_vec();
        while book.undo() { is_sound(&book); }
        prop_assert_eq!(&beginning, book.scenes());
        while book.redo() { is_sound(&book); }
        prop_assert_eq!(&end, book.scenes());
    }
}

#[test]
fn the_moves_of_a_drag_are_undone_as_one_and_those_of_the_next_apart() {
    let mut book = Book::first(camera());
    let place = |left| Place::new(left, 0, 250_000, 250_000, Fit::Cover);
    let to = |left| Edit::ChangeLayer { layer: 2, change: Change::Place(place(left)) };
    for (gesture, left) in [(1, 10), (1, 20), (1, 30), (2, 40), (2, 50)] {
        book.edit(to(left), Some(gesture)).unwrap();
    }
    assert!(book.undo());
    assert_eq!(book.chosen().layers[0].place, place(30));
    assert!(book.undo());
    assert_eq!(book.chosen().layers[0].place, Place::default());
    assert!(!book.undo());
}

#[test]
fn an_edit_that_changes_nothing_is_no_step() {
    let mut book = Book::first(display());
    book.edit(Edit::ChangeLayer { layer: 2, change: Change::Hidden(false) }, None).unwrap();
    assert!(!book.can_undo());
}

#[test]
fn history_forgets_its_oldest_steps() {
    let mut book = Book::first(display());
    for at in 1..=150_u32 {
        let change = Change::OpacityPercent(at % 100);
        book.edit(Edit::ChangeLayer { layer: 2, change }, None).unwrap();
    }
    let mut steps = 0;
    while book.undo() {
        steps += 1;
    }
    assert_eq!(steps, 100);
}

#[test]
fn a_new_scene_is_shown_and_the_last_one_stays() {
    let mut book = Book::first(display());
    assert_eq!(book.edit(Edit::RemoveScene { scene: 1 }, None), Err(Wrong::LastScene));
    let made = book.edit(Edit::AddScene, None).unwrap().unwrap();
    assert_eq!(book.chosen().id, made);
    // Where the chosen scene goes, what comes into its place is shown.
    book.edit(Edit::RemoveScene { scene: made }, None).unwrap();
    assert_eq!(book.chosen().id, 1);
    assert!(book.undo());
    assert_eq!(book.scenes().len(), 2);
}

#[test]
fn the_place_of_a_locked_source_stays() {
    let mut book = Book::first(camera());
    book.edit(Edit::ChangeLayer { layer: 2, change: Change::Locked(true) }, None).unwrap();
    let moved = Change::Place(Place::new(0, 0, 500_000, 500_000, Fit::Cover));
    assert_eq!(book.edit(Edit::ChangeLayer { layer: 2, change: moved }, None), Err(Wrong::Locked));
    book.edit(Edit::Arrange { scene: 1, layout: Layout::Grid, layer: None }, None).unwrap();
    assert_eq!(book.chosen().layers[0].place, Place::default());
}

#[test]
fn what_cannot_be_is_refused_in_words() {
    let mut book = Book::first(camera());
    let mut refused = |change| {
        let refused = book.edit(Edit::ChangeLayer { layer: 2, change }, None);
        refused.expect_err("it cannot be").to_string()
    };
    let key = ChromaKey { colour: "green".to_owned(), ..ChromaKey::default() };
    for (change, words) in [
        (Change::Name("long ".repeat(20)), "at most 60 characters"),
        (Change::OpacityPercent(101), "the opacity is 101, it can be 0 to 100"),
        (Change::Rotation(-361), "the rotation is -361"),
        (Change::Place(Place::new(0, 0, 0, 100_000, Fit::Cover)), "the width is 0"),
        (Change::Crop(Crop { left_ppm: 600_000, right_ppm: 600_000, ..Crop::default() }), "two sides"),
        (Change::ChromaKey(Some(key)), "expected #rrggbb"),
        (Change::Source(Source::Image { file: "logo.png".to_owned() }), "a path that begins with /"),
        (Change::Source(text(&"a".repeat(2_001))), "at most 2000 characters"),
        (
            Change::Source(Source::Timer {
                down_from_s: Some(90_000),
                over: String::new(),
                style: Style::default(),
            }),
            "the time in seconds is 90000",
        ),
    ] {
        let said = refused(change);
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn layouts_arrange_pictures_and_leave_words_where_they_are() {
    let mut book = Book::first(display());
    let camera = book.edit(Edit::AddLayer { scene: 1, source: camera() }, None).unwrap().unwrap();
    let words = book.edit(Edit::AddLayer { scene: 1, source: text("Hi") }, None).unwrap().unwrap();
    let stays = book.chosen().layer(words).unwrap().place;
    let mut places = |layout, layer| {
        book.edit(Edit::Arrange { scene: 1, layout, layer }, None).unwrap();
        let scene = book.chosen();
        assert_eq!(scene.layer(words).unwrap().place, stays);
        assert_eq!(super::layout::of(&scene.layers), Some(layout));
        let ids: Vec<u32> = scene.layers.iter().map(|layer| layer.id).collect();
        (scene.layer(2).unwrap().place, scene.layer(camera).unwrap().place, ids)
    };
    let (screen, inset, _) = places(Layout::SideBySide, None);
    assert_eq!(screen, Place::new(0, 250_000, 500_000, 500_000, Fit::Cover));
    assert_eq!(inset, Place::new(500_000, 250_000, 500_000, 500_000, Fit::Cover));
    let (screen, inset, _) = places(Layout::PictureInPicture, None);
    assert_eq!(
        (screen, inset),
        (Place::default(), Place::new(720_000, 720_000, 250_000, 250_000, Fit::Cover))
    );
    let (screen, ..) = places(Layout::Grid, None);
    assert_eq!(screen, Place::new(0, 0, 500_000, 1_000_000, Fit::Contain));
    // The chosen picture comes above the other one, and stays below the words.
    let (screen, _, order) = places(Layout::Full, Some(2));
    assert_eq!((screen, order), (Place::default(), vec![camera, 2, words]));
}

#[test]
fn a_machine_with_a_camera_begins_with_three_scenes_and_nothing_to_undo() {
    let mut book = Book::first(display());
    book.add_camera_scenes("webcam");
    is_sound(&book);
    let kinds: Vec<Vec<bool>> = book
        .scenes()
        .iter()
        .map(|scene| scene.layers.iter().map(|layer| matches!(layer.source, Source::Camera { .. })).collect())
        .collect();
    assert_eq!(kinds, [vec![false], vec![true], vec![false, true]]);
    assert_eq!(book.chosen().id, 1);
    assert!(!book.can_undo());
}

#[test]
fn a_full_picture_needs_no_composing_and_an_empty_scene_is_black() {
    use broadcast::VideoInput;
    use broadcast::scene::Scene as EngineScene;
    let book = Book::first(Source::Test);
    assert_eq!(Stageable::of(book.chosen()).scene, EngineScene::full(VideoInput::Test));
    let empty = Scene::new(1, Vec::new());
    assert_eq!(Stageable::of(&empty).scene.layers.len(), 1);
    let unchosen = Layer::new(2, Source::Image { file: String::new() });
    let scene = Stageable::of(&Scene { layers: vec![unchosen], ..empty });
    scene.scene.check().expect("a source that nothing is chosen for is left out");
}

#[test]
fn a_missing_image_is_left_out_and_named() {
    let mut book = Book::first(Source::Test);
    let image = Source::Image { file: "/nowhere/logo.png".to_owned() };
    let id = book.edit(Edit::AddLayer { scene: 1, source: image }, None).unwrap().unwrap();
    let config = broadcast::SourcesConfig {
        video: broadcast::VideoInput::None,
        sounds: Vec::new(),
        size: broadcast::Size { width: 320, height: 180 },
        fps: 30,
        screen_permission: None,
    };
    let (sources, broken) =
        Stageable::of(book.chosen()).show(|scene| broadcast::Sources::open_scene(config.clone(), scene));
    assert!(sources.is_ok(), "the rest is shown");
    assert_eq!(broken.len(), 1);
    assert_eq!(broken[0].layer, id);
    let TroubleView { kind, said } = &broken[0].trouble;
    assert!(*kind == TroubleKind::Image && said.contains("No such file"), "{said}");
}

mod kept {
    use super::{Book, Edit, Source, Transition, display};
    use crate::scenes::{load, save};

    #[test]
    fn scenes_are_found_again_and_a_window_by_its_title() {
        let folder = tempfile::tempdir().unwrap();
        assert!(load(folder.path()).0.is_none());
        let mut book = Book::first(display());
        let window = |id: Option<&str>| Source::Window {
            id: id.map(str::to_owned),
            title: "Slides".to_owned(),
            cursor: true,
        };
        book.edit(Edit::AddLayer { scene: 1, source: window(Some("0x1a")) }, None).unwrap();
        book.set_transition(Transition::Cut).unwrap();
        save(folder.path(), &book.kept()).unwrap();
        let (again, unusable) = load(folder.path());
        let again = again.unwrap();
        assert_eq!(unusable, None);
        assert_eq!(again.transition(), Transition::Cut);
        assert_eq!(again.chosen().layers[1].source, window(None));
    }

    fn coloured(colour: &str) -> String {
        let mut book = Book::first(Source::Colour { colour: "#123456".to_owned() });
        book.set_transition(Transition::Cut).unwrap();
        serde_json::to_string(&book.kept()).unwrap().replace("#123456", colour)
    }

    #[test]
    fn a_file_that_cannot_be_used_is_kept_aside_and_said() {
        for (text, words) in [
            ("{\"scenes\":", "EOF"),
            (r#"{"scenes":[]}"#, "one scene stays"),
            (
                r#"{"scenes":[{"id":1,"name":"","layers":[]},{"id":1,"name":"","layers":[]}]}"#,
                "the number 1 is there twice",
            ),
            (&coloured("red"), "#rrggbb"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("scenes.json"), text).unwrap();
            let (book, unusable) = load(folder.path());
            let unusable = unusable.unwrap();
            assert!(book.is_none());
            assert!(unusable.reason.contains(words), "{}", unusable.reason);
            assert_eq!(std::fs::read_to_string(unusable.kept_as.unwrap()).unwrap(), text);
        }
    }
}

#[test]
fn one_scene_at_most_is_for_breaks_and_a_copy_of_it_is_not() {
    let mut book = Book::first(Source::Test);
    let words = "Back soon".to_owned();
    let made = book.edit(Edit::AddBreakScene { words }, None).unwrap().unwrap();
    assert_eq!(book.chosen().id, 1, "making it shows nothing");
    let for_breaks = |book: &Book| {
        book.scenes().iter().filter(|scene| scene.for_breaks).map(|scene| scene.id).collect::<Vec<_>>()
    };
    assert_eq!(for_breaks(&book), [made]);
    book.edit(Edit::DuplicateScene { scene: made }, None).unwrap();
    assert_eq!(for_breaks(&book), [made]);
    book.edit(Edit::UseForBreaks { scene: 1, on: true }, None).unwrap();
    assert_eq!(for_breaks(&book), [1]);
    book.edit(Edit::UseForBreaks { scene: 1, on: false }, None).unwrap();
    assert!(for_breaks(&book).is_empty());
    (0..4).for_each(|_| assert!(book.undo()));
    assert_eq!(book.scenes().len(), 1);
}

#[test]
fn another_transition_is_a_step_that_is_taken_back_and_made_again() {
    let mut book = Book::first(display());
    let before = book.transition();
    book.set_transition(Transition::Cut).unwrap();
    book.set_transition(Transition::Cut).unwrap();
    assert!(book.undo() && book.transition() == before && !book.can_undo());
    assert!(book.redo() && book.transition() == Transition::Cut);
    book.edit(Edit::AddScene, None).unwrap();
    assert!(book.undo() && book.transition() == Transition::Cut && book.scenes().len() == 1);
}
