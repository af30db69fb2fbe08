//! Moving pictures: placed, cropped, mirrored, rotated, seen through, keyed, faded.

use capture::TestPattern;
use media::{PixelFormat, Plane};

use super::super::{ChromaKey, Corner, Crop, Fit, Flip, Length};
use super::*;

fn is_black(frame: &VideoFrame, at: (usize, usize)) {
    is(frame, at, BLACK);
}

#[test]
fn a_layer_fills_its_place_and_nothing_else() {
    let drawn = Screen::with(halves(CANVAS)).draw(vec![test_layer().at(middle())]);
    is(&drawn, (84, 48), RED);
    is(&drawn, (235, 48), BLUE);
    is(&drawn, (84, 130), Rgba::opaque(100, 0, 0));
    [(78, 90), (241, 90), (160, 43), (160, 136)].into_iter().for_each(|at| is_black(&drawn, at));
}

#[test]
fn a_place_may_pass_every_edge() {
    let mut screen = Screen::with(halves(CANVAS));
    let drawn = screen.draw(vec![test_layer().at(Place::fraction(-0.5, -0.5, 1.0, 1.0))]);
    is(&drawn, (10, 10), Rgba::opaque(0, 0, 100));
    is_black(&drawn, (170, 10));
    let drawn = screen.draw(vec![test_layer().at(Place::pixels(250.0, 150.0, 320.0, 180.0))]);
    is(&drawn, (310, 170), RED);
    is_black(&drawn, (240, 170));
    let drawn = screen.draw(vec![test_layer().at(Place::fraction(-1.0, -1.0, 3.0, 3.0))]);
    is(&drawn, (10, 10), RED);
    is(&drawn, (310, 170), Rgba::opaque(0, 0, 100));
}

#[test]
fn upper_layers_hide_lower_ones_as_far_as_their_opacity_says() {
    let half = Layer { opacity: 0.5, ..fill(BLUE).at(middle()) };
    let drawn = Screen::new().draw(vec![fill(RED), half]);
    is(&drawn, (10, 10), RED);
    let ([y1, u1, v1], [y2, u2, v2]) = (RED.yuv(), BLUE.yuv());
    let between = [y1 + y2, u1 + u2, v1 + v2].map(|sum| (sum / 2.0).round() as u8);
    is(&drawn, (160, 90), between);
}

#[test]
fn a_crop_leaves_the_rest_to_fill_the_place() {
    let crop = Crop { left: Length::Fraction(0.5), bottom: Length::Fraction(0.5), ..Crop::default() };
    let place = Place::default().with_fit(Fit::Stretch);
    let drawn = Screen::with(halves(CANVAS)).draw(vec![Layer { crop, ..test_layer().at(place) }]);
    [(4, 4), (316, 4), (4, 176), (316, 176)].into_iter().for_each(|at| is(&drawn, at, BLUE));
}

#[test]
fn a_flip_mirrors_the_picture() {
    let flipped = |horizontal, vertical| {
        let flip = Flip { horizontal, vertical };
        Screen::with(halves(CANVAS)).draw(vec![Layer { flip, ..test_layer() }])
    };
    is(&flipped(true, false), (4, 4), BLUE);
    is(&flipped(false, true), (4, 4), Rgba::opaque(100, 0, 0));
    is(&flipped(true, true), (4, 4), Rgba::opaque(0, 0, 100));
}

#[test]
fn a_rotation_is_clockwise_around_the_middle() {
    let square = Size::new(100, 100);
    let place = Place::pixels(100.0, 40.0, 100.0, 100.0);
    let rotated =
        |rotation| Screen::with(halves(square)).draw(vec![Layer { rotation, ..test_layer().at(place) }]);
    // The left half, red, turns up; the lower half, dark, turns to the left.
    let quarter = rotated(90.0);
    is(&quarter, (190, 46), RED);
    is(&quarter, (190, 134), BLUE);
    is(&quarter, (110, 46), Rgba::opaque(100, 0, 0));
    let eighth = rotated(45.0);
    [(102, 42), (198, 42), (102, 138), (198, 138)].into_iter().for_each(|at| is_black(&eighth, at));
    is(&eighth, (150, 30), RED);
    is(&eighth, (90, 90), Rgba::opaque(100, 0, 0));
    let all = rotated(360.0);
    is(&all, (110, 46), RED);
}

#[test]
fn the_keys_colour_lets_through_what_lies_below() {
    let wall = picture(CANVAS, |x, _| if x < 160 { Rgba::opaque(30, 200, 40) } else { RED });
    let key = Some(ChromaKey::default());
    let drawn = Screen::with(wall).draw(vec![fill(BLUE), Layer { chroma_key: key, ..test_layer() }]);
    is(&drawn, (40, 90), BLUE);
    is(&drawn, (280, 90), RED);
}

#[test]
fn bars_keep_their_colours_when_they_are_scaled() {
    let clock = capture::Clock::start();
    let bars = TestPattern::new(Size::new(1280, 720), 30, clock).draw(Timestamp::from_millis(500));
    let scene = Scene::picture_in_picture(VideoInput::Test, VideoInput::Test, Corner::TopLeft);
    let drawn = Screen::with(bars).draw(scene.layers);
    for (index, bar) in TestPattern::BARS.into_iter().enumerate() {
        is(&drawn, (CANVAS.width as usize * (2 * index + 1) / 14, 110), bar);
        is(&drawn, (10 + 80 * (2 * index + 1) / 14, 16), bar);
    }
}

#[test]
fn a_displays_and_a_cameras_colours_become_the_same() {
    let red = |format, pixel: [u8; 4], size: Size, colour| {
        let data = pixel.repeat((size.width * size.height) as usize / (8 / bytes_of_two(format)));
        let plane = Plane { data: Bytes::from(data), stride: size.width as usize * bytes_of_two(format) / 2 };
        VideoFrame { pts: Timestamp::ZERO, size, format, planes: vec![plane], colour }
    };
    let size = Size::new(200, 100);
    let place = middle().with_fit(Fit::Cover);
    for source in [
        red(PixelFormat::Bgr0, [0, 0, 255, 0], size, Colour::Srgb),
        // Red as BT.601 makes it.
        red(PixelFormat::Yuyv422, [81, 90, 81, 240], size, Colour::Bt601Limited),
    ] {
        let drawn = Screen::with(source).draw(vec![test_layer().at(place)]);
        let (got, Shade(expected)) = (pixel(&drawn, 160, 90), Shade::from(RED));
        assert!(
            got.iter().zip(expected).all(|(got, wanted)| got.abs_diff(wanted) <= 3),
            "{got:?} {expected:?}"
        );
    }
}

fn bytes_of_two(format: PixelFormat) -> usize {
    if format == PixelFormat::Yuyv422 { 4 } else { 8 }
}

#[test]
fn a_fade_is_half_way_in_its_middle() {
    let (before, after) = (staged(vec![fill(RED)]), staged(vec![fill(BLUE)]));
    let mut screen = Screen::new();
    let mut at = |weight| screen.show(&after, Some((&before, weight)), Timestamp::ZERO);
    is(&at(0), (160, 90), RED);
    let ([y1, u1, v1], [y2, u2, v2]) = (RED.yuv(), BLUE.yuv());
    is(&at(128), (160, 90), [y1 + y2, u1 + u2, v1 + v2].map(|sum| (sum / 2.0).round() as u8));
    is(&at(256), (160, 90), BLUE);
}

#[test]
fn a_source_without_a_picture_leaves_the_others() {
    let drawn = Screen::new().draw(vec![fill(RED), test_layer().at(middle())]);
    is(&drawn, (160, 90), RED);
}

#[test]
fn what_has_not_changed_is_not_drawn_again() {
    let scene = staged(vec![fill(RED), test_layer().at(middle())]);
    let mut screen = Screen::with(halves(CANVAS));
    let first = screen.show(&scene, None, Timestamp::from_millis(1));
    let second = screen.show(&scene, None, Timestamp::from_millis(2));
    assert_eq!(second.pts, Timestamp::from_millis(2));
    assert_eq!(first.planes[0].data.as_ptr(), second.planes[0].data.as_ptr());
    screen.pictures[0].1.pts = Timestamp::from_millis(3);
    let third = screen.show(&scene, None, Timestamp::from_millis(3));
    assert_ne!(first.planes[0].data.as_ptr(), third.planes[0].data.as_ptr());
}
