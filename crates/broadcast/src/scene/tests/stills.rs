//! Words, images, timers and drawings.

use image::{Rgba as Dot, RgbaImage};

use super::super::{Align, Drawing, Image, SceneError, Stroke, Style, Text, Timer};
use super::*;

fn text(words: &str) -> Layer {
    let style = Style { size: super::super::Length::Fraction(0.5), ..Style::default() };
    Layer::new(Source::Text(Text { text: words.to_owned(), style }))
}

/// Pixels that are nearly white.
fn ink(frame: &VideoFrame) -> usize {
    frame.planes[0].data.iter().filter(|&&luma| luma > 200).count()
}

#[test]
fn every_script_has_letters_of_its_own() {
    let draw = |words: &str| Screen::new().draw(vec![text(words)]);
    // No script has this one: what stands for a letter that no font has.
    let none = draw("\u{378}");
    let words = ["中", "文", "直", "播", "か", "한", "Ж", "a"];
    let drawn: Vec<VideoFrame> = words.iter().map(|words| draw(words)).collect();
    for (index, frame) in drawn.iter().enumerate() {
        assert!(ink(frame) > 100, "{}: {} pixels", words[index], ink(frame));
        for other in drawn[..index].iter().chain([&none]) {
            assert_ne!(frame.planes[0].data, other.planes[0].data, "{}", words[index]);
        }
    }
}

#[test]
fn words_stand_where_they_are_aligned_on_their_background() {
    let style = |align| Style { align, background: Some(RED), ..Style::default() };
    let draw = |align| {
        let words = Text { text: "iii".to_owned(), style: style(align) };
        Screen::new().draw(vec![Layer::new(Source::Text(words)).at(middle())])
    };
    let side = |frame: &VideoFrame| {
        let columns: Vec<usize> = frame.planes[0]
            .data
            .iter()
            .enumerate()
            .filter(|(_, luma)| **luma > 200)
            .map(|(at, _)| at % 320)
            .collect();
        assert!(!columns.is_empty());
        columns.iter().sum::<usize>() / columns.len()
    };
    let [left, centre, right] = [Align::Left, Align::Centre, Align::Right].map(|align| side(&draw(align)));
    assert!(left < 110 && (150..170).contains(&centre) && right > 210, "{left} {centre} {right}");
    is(&draw(Align::Left), (230, 130), RED);
    is(&draw(Align::Left), (250, 130), BLACK);
}

#[test]
fn a_timer_is_drawn_anew_when_its_words_change() {
    let timer = Timer { down_from_s: Some(90), over: None, style: Style::default() };
    let lettering = Lettering::default();
    let scene = Scene { layers: vec![Layer::new(Source::Timer(timer))] };
    let staged = |before: Option<&Staged>, now| {
        Arc::new(Staged::new(&scene, CANVAS, &lettering, before, now).expect("a sound scene"))
    };
    let first = staged(None, Timestamp::ZERO);
    let mut screen = Screen { compositor: Compositor::new(CANVAS, lettering.clone()), ..Screen::new() };
    let mut at = |scene: &Arc<Staged>, millis| screen.show(scene, None, Timestamp::from_millis(millis));
    let (begin, same, later) = (at(&first, 0), at(&first, 10), at(&first, 30_000));
    assert!(ink(&begin) > 20);
    assert_ne!(begin.planes[0].data, later.planes[0].data);
    assert_ne!(same.planes[0].data, later.planes[0].data);
    // A scene that comes later and has the same timer goes on with it.
    let second = staged(Some(&first), Timestamp::from_millis(30_000));
    assert_eq!(at(&second, 30_000).planes[0].data, later.planes[0].data);
}

#[test]
fn an_image_keeps_its_colours_and_its_transparency() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("logo.png");
    let mut logo = RgbaImage::from_pixel(64, 64, Dot([0, 0, 255, 255]));
    (0..64).for_each(|y| (32..64).for_each(|x| logo.put_pixel(x, y, Dot([0, 255, 0, 0]))));
    logo.save(&file).expect("it is written");
    let image = Layer::new(Source::Image(Image { file })).at(Place::pixels(100.0, 40.0, 100.0, 100.0));
    let drawn = Screen::new().draw(vec![fill(RED), image.clone()]);
    is(&drawn, (120, 90), BLUE);
    is(&drawn, (180, 90), RED);
    // The middle of the edge: of green, which is not to be seen, nothing may show.
    let edge = pixel(&drawn, 150, 90);
    assert!(edge[0] < 70, "{edge:?}");
    let turned = Screen::new().draw(vec![fill(RED), Layer { rotation: 180.0, ..image }]);
    is(&turned, (180, 90), BLUE);
    is(&turned, (120, 90), RED);
}

#[test]
fn an_image_that_cannot_be_read_is_told_with_its_layer() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("words.png");
    std::fs::write(&file, "not a picture").expect("it is written");
    for file in [file, "/nowhere/logo.png".into()] {
        let layers = vec![fill(RED), Layer::new(Source::Image(Image { file: file.clone() }))];
        let staged = Staged::new(&Scene { layers }, CANVAS, &Lettering::default(), None, Timestamp::ZERO);
        let Err(SceneError::Image { layer: 2, file: named, .. }) = staged else { panic!("refused") };
        assert_eq!(named, file);
    }
}

#[test]
fn strokes_go_where_the_pen_went() {
    let stroke = |points: &[[f32; 2]]| Stroke {
        points: points.to_vec(),
        width: super::super::Length::Pixels(8.0),
        colour: BLUE,
    };
    let strokes = vec![stroke(&[[0.25, 0.5], [0.75, 0.5]]), stroke(&[[0.5, 0.1]])];
    let drawn = Screen::new().draw(vec![fill(RED), Layer::new(Source::Drawing(Drawing { strokes }))]);
    [(90, 90), (160, 90), (230, 90), (160, 18)].into_iter().for_each(|at| is(&drawn, at, BLUE));
    [(60, 90), (260, 90), (160, 100), (160, 30), (10, 90), (310, 170)]
        .into_iter()
        .for_each(|at| is(&drawn, at, RED));
}
