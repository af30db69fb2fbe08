//! No scene, and no picture, makes the compositor panic or write where it should not.

use media::{PixelFormat, Plane};
use proptest::prelude::*;

use super::super::{ChromaKey, Crop, Drawing, Fit, Flip, Length, Stroke};
use super::*;

fn length(fractions: std::ops::Range<f32>, pixels: std::ops::Range<f32>) -> impl Strategy<Value = Length> {
    prop_oneof![fractions.prop_map(Length::Fraction), pixels.prop_map(Length::Pixels)]
}

fn place() -> impl Strategy<Value = Place> {
    let (near, far) = (|| length(-2.0..2.0, -700.0..700.0), || length(0.001..2.0, 1.0..700.0));
    let fit = prop_oneof![Just(Fit::Contain), Just(Fit::Cover), Just(Fit::Stretch)];
    (near(), near(), far(), far(), fit).prop_map(|(left, top, width, height, fit)| Place {
        left,
        top,
        width,
        height,
        fit,
    })
}

fn source() -> impl Strategy<Value = Source> {
    let stroke =
        (proptest::collection::vec([-1.0_f32..2.0, -1.0_f32..2.0], 0..5), length(0.0..1.0, 0.0..99.0))
            .prop_map(|(points, width)| Stroke { points, width, colour: GREEN });
    let drawing =
        proptest::collection::vec(stroke, 0..3).prop_map(|strokes| Source::Drawing(Drawing { strokes }));
    prop_oneof![4 => Just(VideoInput::Test.into()), 1 => Just(Source::Colour(Fill { colour: BLUE })), 1 => drawing]
}

prop_compose! {
    fn layer()(
        source in source(),
        place in place(),
        sides in [length(0.0..1.0, 0.0..300.0), length(0.0..1.0, 0.0..300.0), length(0.0..1.0, 0.0..300.0), length(0.0..1.0, 0.0..300.0)],
        rotation in prop_oneof![Just(0.0_f32), -360.0_f32..360.0],
        opacity in 0.0_f32..=1.0,
        (horizontal, vertical) in (any::<bool>(), any::<bool>()),
        key in proptest::option::of(Just(ChromaKey::default())),
    ) -> Layer {
        let [left, top, right, bottom] = sides;
        let crop = if opacity > 0.3 { Crop { left, top, right, bottom } } else { Crop::default() };
        let flip = Flip { horizontal, vertical };
        Layer { crop, rotation, opacity, flip, chroma_key: key, ..Layer::new(source).at(place) }
    }
}

/// Of any size and format; with `missing` bytes too few in its last plane.
fn raw(size: Size, format: PixelFormat, missing: usize) -> VideoFrame {
    let (width, height) = (size.width as usize, size.height as usize);
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    let shapes: &[(usize, usize)] = match format {
        PixelFormat::Bgr0 | PixelFormat::Rgba => &[(width * 4, height)],
        PixelFormat::Yuyv422 => &[(half_width * 4, height)],
        PixelFormat::Nv12 => &[(width, height), (half_width * 2, half_height)],
        PixelFormat::I420 => &[(width, height), (half_width, half_height), (half_width, half_height)],
    };
    let mut planes: Vec<Plane> = shapes
        .iter()
        .map(|&(stride, rows)| Plane { data: Bytes::from(vec![200; stride * rows]), stride })
        .collect();
    if let Some(last) = planes.last_mut() {
        last.data.truncate(last.data.len().saturating_sub(missing));
    }
    VideoFrame { pts: Timestamp::ZERO, size, format, planes, colour: Colour::Bt601Limited }
}

fn format() -> impl Strategy<Value = PixelFormat> {
    prop_oneof![
        Just(PixelFormat::Bgr0),
        Just(PixelFormat::Rgba),
        Just(PixelFormat::Yuyv422),
        Just(PixelFormat::Nv12),
        Just(PixelFormat::I420)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn any_scene_of_any_picture_becomes_one_picture(
        layers in proptest::collection::vec(layer(), 1..4),
        (width, height) in (1_u32..400, 1_u32..400),
        format in format(),
        missing in prop_oneof![3 => Just(0_usize), 1 => 1_usize..5_000],
    ) {
        let drawn = Screen::with(raw(Size::new(width, height), format, missing)).draw(layers);
        prop_assert_eq!(drawn.size, CANVAS);
        let lengths: Vec<usize> = drawn.planes.iter().map(|plane| plane.data.len()).collect();
        prop_assert_eq!(lengths, vec![320 * 180, 160 * 90, 160 * 90]);
    }

    #[test]
    fn nothing_is_written_beside_a_place(place in place(), opacity in 0.0_f32..=1.0) {
        let drawn = Screen::new().draw(vec![Layer { opacity, ..fill(Rgba::WHITE).at(place) }]);
        let to = super::super::geometry::place(&place, CANVAS);
        let wrong = (0..180 * 320).find(|at| {
            let (x, y) = (at % 320, at / 320);
            let inside = (to.left..to.left + i64::from(to.width)).contains(&x)
                && (to.top..to.top + i64::from(to.height)).contains(&y);
            let expected = if inside { 16.0 + 219.0 * opacity } else { 16.0 };
            (f32::from(drawn.planes[0].data[*at as usize]) - expected).abs() > 2.0
        });
        prop_assert_eq!(wrong, None);
    }

    #[test]
    fn a_scene_is_read_as_it_was_written(layers in proptest::collection::vec(layer(), 1..4)) {
        let scene = Scene { layers };
        let text = serde_json::to_string(&scene).expect("it has a text");
        let read: Scene = serde_json::from_str(&text).expect("its own text");
        prop_assert_eq!(&read, &scene);
        prop_assert!(read.check().is_ok());
    }
}
