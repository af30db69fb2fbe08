//! The cameras of Linux's driver `vivid`, in the machine that `cargo xtask camera-test` boots: two of them, of which the
//! second has an output too.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::path::Path;

use capture::{
    Camera, CameraCapture, CameraFormat, CameraPixels, Clock, Error, Stop, VideoInput, VideoSettings,
    VideoSource, devices,
};
use media::{Colour, PixelFormat, Size, Span, VideoFrame};
use v4l::control::{Control, Value};

const FIRST: &str = "vivid-000-vid-cap@vivid.0";
const SECOND: &str = "vivid-001-vid-cap@vivid.0";

fn cameras() -> Vec<Camera> {
    devices().cameras
}

fn settings(clock: Clock) -> VideoSettings {
    VideoSettings { size: Size::new(640, 360), fps: 30, begin: clock.now(), screen_permission: None }
}

/// Plugs the cameras in (`bind`) or pulls them out (`unbind`).
fn plug(action: &str) {
    std::fs::write(Path::new("/sys/bus/platform/drivers/vivid").join(action), "vivid.0").unwrap();
}

#[test]
#[ignore = "needs a V4L2 device: cargo xtask camera-test"]
fn cameras_are_listed_with_their_formats_and_outputs_are_not() {
    let cameras = cameras();
    let ids: Vec<&str> = cameras.iter().map(|camera| camera.id.as_str()).collect();
    assert_eq!(ids, [FIRST, SECOND]);
    assert_eq!(cameras[0].name, "vivid-000-vid-cap");
    for pixels in [CameraPixels::Nv12, CameraPixels::Yuyv] {
        let format = CameraFormat { size: Size::new(640, 360), fps: 30, pixels };
        assert!(cameras[0].formats.contains(&format), "no {format} in {:?}", cameras[0].formats);
    }
}

#[test]
#[ignore = "needs a V4L2 device: cargo xtask camera-test"]
fn every_format_gives_its_own_picture_at_its_own_pace() {
    let clock = Clock::start();
    for format in cameras()[0].formats.iter().filter(|format| (15..=30).contains(&format.fps)) {
        let mut camera = CameraCapture::open_in(*format, FIRST, clock).unwrap();
        let stop = Stop::new();
        let frames: Vec<VideoFrame> = (0..8).map(|_| camera.next(&stop).unwrap().unwrap()).collect();
        let frame = &frames[7];
        assert_eq!(frame.size, format.size, "{format}");
        assert_eq!(frame.format, expected(format.pixels), "{format}");
        assert_eq!(frame.colour, Colour::Bt601Limited, "{format}");
        has_bars(frame, *format);
        assert!(frames.windows(2).all(|pair| pair[0].pts < pair[1].pts), "{format}: times do not rise");
        let age = clock.now() - frame.pts;
        assert!(age < Span::from_secs(1), "{format}: a picture is {age:?} old");
        println!("{format}: {:?} for 7 pictures", frames[7].pts - frames[0].pts);
    }
}

fn expected(pixels: CameraPixels) -> PixelFormat {
    match pixels {
        CameraPixels::Nv12 => PixelFormat::Nv12,
        CameraPixels::Yuyv => PixelFormat::Yuyv422,
        CameraPixels::Mjpeg => PixelFormat::I420,
    }
}

/// The driver's test pattern: eight bars at 75 %, white to black, of which the lower part is free of text. Y, U and V in
/// BT.601 (ITU-R BT.601-7 §2.5).
fn has_bars(frame: &VideoFrame, format: CameraFormat) {
    let bars: [[u8; 3]; 8] = [
        [180, 128, 128],
        [162, 44, 142],
        [131, 156, 44],
        [112, 72, 58],
        [84, 184, 198],
        [65, 100, 212],
        [35, 212, 114],
        [16, 128, 128],
    ];
    let (width, height) = (frame.size.width as usize, frame.size.height as usize);
    for (bar, wanted) in bars.into_iter().enumerate() {
        let (column, row) = ((width * (2 * bar + 1) / 16) / 2 * 2, height * 7 / 8 / 2 * 2);
        let at = |plane: usize, row: usize, offset: usize| {
            frame.planes[plane].data[row * frame.planes[plane].stride + offset]
        };
        let got = match frame.format {
            PixelFormat::Nv12 => [at(0, row, column), at(1, row / 2, column), at(1, row / 2, column + 1)],
            _ => [at(0, row, column * 2), at(0, row, column * 2 + 1), at(0, row, column * 2 + 3)],
        };
        let near = got.iter().zip(wanted).all(|(got, wanted)| got.abs_diff(wanted) <= 6);
        assert!(near, "{format}: bar {bar} is {got:?} instead of {wanted:?}");
    }
}

#[test]
#[ignore = "needs a V4L2 device: cargo xtask camera-test"]
fn a_camera_in_use_is_refused_in_words_and_free_once_it_is_dropped() {
    let clock = Clock::start();
    let input: VideoInput = format!("camera:{FIRST}").parse().unwrap();
    let first = VideoSource::open(&input, clock, &settings(clock)).unwrap();
    let error = VideoSource::open(&input, clock, &settings(clock)).err().expect("it is in use");
    assert!(error.to_string().contains("another program uses it"), "{error}");
    drop(first);
    let mut again = VideoSource::open(&input, clock, &settings(clock)).unwrap().unwrap();
    assert!(again.next(&Stop::new()).unwrap().is_some());
}

#[test]
#[ignore = "needs a V4L2 device: cargo xtask camera-test"]
fn an_unknown_camera_is_refused_with_those_there_are() {
    let clock = Clock::start();
    let error = VideoSource::open(&VideoInput::Camera(Some("C920".into())), clock, &settings(clock));
    let Some(Error::UnknownCamera { known, .. }) = error.err() else { panic!("there is no C920") };
    assert_eq!(known, format!("{FIRST}, {SECOND}"));
}

#[test]
#[ignore = "needs a V4L2 device: cargo xtask camera-test"]
fn a_camera_that_delivers_nothing_is_given_up_and_opens_again() {
    let clock = Clock::start();
    let mut source = VideoSource::open(&VideoInput::Camera(None), clock, &settings(clock)).unwrap().unwrap();
    let stop = Stop::new();
    assert!(source.next(&stop).unwrap().is_some());
    let same = source.same_again(&VideoInput::Camera(None));
    assert_eq!(same, VideoInput::Camera(Some(FIRST.into())));
    drop_pictures(100);
    let silent_from = clock.now();
    let error = loop {
        if let Err(error) = source.next(&stop) {
            break error;
        }
        assert!(clock.now() - silent_from < Span::from_secs(30), "it is not noticed");
    };
    assert!(error.to_string().contains("it delivers no pictures"), "{error}");
    drop_pictures(0);
    drop(source);
    let mut again = VideoSource::open(&same, clock, &settings(clock)).unwrap().unwrap();
    assert!(again.next(&stop).unwrap().is_some());
}

/// Sets how many of its pictures the first camera loses.
fn drop_pictures(percent: i64) {
    let device = v4l::Device::new(node_of(FIRST)).unwrap();
    let controls = device.query_controls().unwrap();
    let control = controls.iter().find(|control| control.name == "Percentage of Dropped Buffers").unwrap();
    device.set_control(Control { id: control.id, value: Value::Integer(percent) }).unwrap();
}

#[test]
#[ignore = "needs a V4L2 device: cargo xtask camera-test"]
fn a_camera_that_was_unplugged_is_found_again_by_its_id_at_another_node() {
    let clock = Clock::start();
    let input = VideoInput::Camera(Some(FIRST.into()));
    let mut source = VideoSource::open(&input, clock, &settings(clock)).unwrap().unwrap();
    let stop = Stop::new();
    assert!(source.next(&stop).unwrap().is_some());
    let node = node_of(FIRST);
    // Who holds the old node open keeps its number from the camera that comes back.
    let held = v4l::Device::new(node).unwrap();
    plug("unbind");
    let error = (0..100).find_map(|_| source.next(&stop).err()).expect("it is gone");
    assert!(error.to_string().ends_with("it was unplugged"), "{error}");
    drop(source);
    let missing = VideoSource::open(&input, clock, &settings(clock)).err().expect("it is gone");
    assert!(matches!(missing, Error::UnknownCamera { .. }), "{missing}");
    plug("bind");
    assert_ne!(node_of(FIRST), node, "it has another node");
    let mut again = VideoSource::open(&input, clock, &settings(clock)).unwrap().unwrap();
    assert!(again.next(&stop).unwrap().is_some());
    assert_eq!(again.same_again(&VideoInput::Camera(None)), input);
    drop((again, held));
}

/// The number of a camera's node `/dev/videoN`.
fn node_of(id: &str) -> usize {
    let name = id.split('@').next().unwrap();
    let is_it = |node: &usize| {
        let path = format!("/sys/class/video4linux/video{node}/name");
        std::fs::read_to_string(path).is_ok_and(|text| text.trim() == name)
    };
    (0..64).find(is_it).expect("the camera has a node")
}
