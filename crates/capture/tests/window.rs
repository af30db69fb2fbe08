//! Windows of a private X server: listed, captured where others cover them, resized, minimised and closed.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use capture::{Clock, Error, Grab, Region, Stop, VideoInput, VideoSettings, VideoSource, devices};
use media::{Size, VideoFrame};
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{
    AtomEnum, ConfigureWindowAux, ConnectionExt as _, CreateWindowAux, PropMode, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

const RED: u32 = 0x00ff_0000;
const GREEN: u32 = 0x0000_ff00;
const BLUE: u32 = 0x0000_00ff;

/// An X server for this program alone, which `DISPLAY` names.
#[allow(clippy::zombie_processes, reason = "it ends with this program's last connection")]
fn connect() -> RustConnection {
    static KEPT: OnceLock<RustConnection> = OnceLock::new();
    KEPT.get_or_init(|| {
        let mut server = Command::new("Xvfb")
            .args("-displayfd 1 -screen 0 800x600x24 -nolisten tcp -terminate".split(' '))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb is installed");
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
        // SAFETY: every test of this program begins with this call, which others wait for; none reads the environment
        // before.
        unsafe { std::env::set_var("DISPLAY", format!(":{}", number.trim())) };
        x11rb::connect(None).unwrap().0
    });
    x11rb::connect(None).unwrap().0
}

struct Shown<'a> {
    x11: &'a RustConnection,
    id: u32,
}

/// Shows a window of one colour.
fn show<'a>(
    x11: &'a RustConnection,
    title: &str,
    (left, top): (i16, i16),
    size: Size,
    colour: u32,
) -> Shown<'a> {
    let id = x11.generate_id().unwrap();
    let root = &x11.setup().roots[0];
    let (width, height) = (size.width as u16, size.height as u16);
    let look = CreateWindowAux::new().background_pixel(colour);
    let class = WindowClass::INPUT_OUTPUT;
    x11.create_window(24, id, root.root, left, top, width, height, 0, class, 0, &look).unwrap();
    x11.change_property8(PropMode::REPLACE, id, AtomEnum::WM_NAME, AtomEnum::STRING, title.as_bytes())
        .unwrap();
    x11.map_window(id).unwrap();
    x11.sync().unwrap();
    Shown { x11, id }
}

impl Shown<'_> {
    fn change(&self, change: &ConfigureWindowAux) {
        self.x11.configure_window(self.id, change).unwrap().check().unwrap();
    }
}

fn open(title: &str, grab: Grab) -> Result<VideoSource, Error> {
    let clock = Clock::start();
    let settings =
        VideoSettings { size: Size::new(640, 360), fps: 30, begin: clock.now(), screen_permission: None };
    let opened = VideoSource::open(&VideoInput::Window(title.into(), grab), clock, &settings)?;
    Ok(opened.expect("a window is a picture"))
}

/// The source's pictures until one is as wanted: what X is told takes effect a little later.
fn until(source: &mut VideoSource, what: &str, is_wanted: impl Fn(&VideoFrame) -> bool) -> VideoFrame {
    let stop = Stop::new();
    let frames = (0..900).map(|_| source.next(&stop).unwrap().unwrap());
    frames.into_iter().find(|frame| is_wanted(frame)).unwrap_or_else(|| panic!("never: {what}"))
}

/// The reason for which a source breaks off.
fn fault(source: &mut VideoSource) -> String {
    let stop = Stop::new();
    (0..900).find_map(|_| source.next(&stop).err()).expect("it breaks off").to_string()
}

/// Blue, green and red of a pixel.
fn pixel(frame: &VideoFrame, column: usize, row: usize) -> u32 {
    let plane = &frame.planes[0];
    let at = row * plane.stride + column * 4;
    u32::from_le_bytes([plane.data[at], plane.data[at + 1], plane.data[at + 2], 0])
}

fn is_all(frame: &VideoFrame, colour: u32) -> bool {
    let (width, height) = (frame.size.width as usize, frame.size.height as usize);
    (0..height).all(|row| (0..width).all(|column| pixel(frame, column, row) == colour))
}

#[test]
fn a_window_is_listed_and_captured_where_others_cover_it() {
    let x11 = connect();
    let size = Size::new(201, 101);
    let below = show(&x11, "Below: slides", (10, 20), size, RED);
    let _above = show(&x11, "Above", (100, 0), Size::new(300, 200), BLUE);
    let listed = devices().windows;
    let found = listed.iter().find(|window| window.title == "Below: slides").expect("it is listed");
    assert_eq!((found.id.as_str(), found.size), (format!("{:#x}", below.id).as_str(), size));
    for wanted in [found.id.as_str(), "Below: slides", "below"] {
        let mut source = open(wanted, Grab::default()).unwrap();
        // The first picture may be older than the copy that X keeps of it.
        let frame = until(&mut source, "a whole picture of it", |frame| is_all(frame, RED));
        assert_eq!(frame.size, size, "{wanted}");
    }
}

#[test]
fn a_window_s_new_size_is_followed() {
    let x11 = connect();
    let window = show(&x11, "Resized", (0, 300), Size::new(200, 100), GREEN);
    let mut source = open("Resized", Grab::default()).unwrap();
    for size in [Size::new(300, 160), Size::new(120, 80)] {
        window.change(&ConfigureWindowAux::new().width(size.width).height(size.height));
        until(&mut source, "the new size", |frame| frame.size == size && is_all(frame, GREEN));
    }
}

#[test]
fn a_window_that_is_minimised_or_closed_breaks_off_in_words() {
    let x11 = connect();
    let window = show(&x11, "Ending", (0, 450), Size::new(100, 100), GREEN);
    let mut source = open("Ending", Grab::default()).unwrap();
    x11.unmap_window(window.id).unwrap().check().unwrap();
    assert_eq!(fault(&mut source), "window \"Ending\": it is minimised");
    let refused = open("Ending", Grab::default()).err().expect("it is minimised");
    assert_eq!(refused.to_string(), "window \"Ending\": it is minimised");
    x11.map_window(window.id).unwrap().check().unwrap();
    let mut source = open("Ending", Grab::default()).unwrap();
    x11.destroy_window(window.id).unwrap().check().unwrap();
    assert_eq!(fault(&mut source), "window \"Ending\": it was closed");
    let gone = open("Ending", Grab::default()).err().expect("it is closed");
    assert!(matches!(gone, Error::UnknownWindow { .. }), "{gone}");
}

#[test]
fn a_region_is_cut_out_and_one_that_passes_the_edge_is_refused() {
    let x11 = connect();
    let _left = show(&x11, "Left half", (500, 300), Size::new(100, 100), RED);
    let _right = show(&x11, "Right half", (600, 300), Size::new(100, 100), BLUE);
    let clock = Clock::start();
    let settings =
        VideoSettings { size: Size::new(640, 360), fps: 30, begin: clock.now(), screen_permission: None };
    let screen = |region: Region| {
        let grab = Grab { region: Some(region), cursor: false };
        VideoSource::open(&VideoInput::Screen(grab), clock, &settings)
    };
    let size = Size::new(60, 40);
    let mut source = screen(Region { left: 570, top: 320, size }).unwrap().unwrap();
    let halves = |frame: &VideoFrame| pixel(frame, 29, 20) == RED && pixel(frame, 30, 20) == BLUE;
    assert_eq!(until(&mut source, "both halves", halves).size, size);
    let refused = screen(Region { left: 770, top: 0, size }).err().expect("it passes the edge");
    assert!(
        refused.to_string().contains("the region 60x40+770+0 passes the edge, it has 800x600"),
        "{refused}"
    );
}

#[test]
fn the_mouse_pointer_is_in_the_picture_only_when_it_is_wanted() {
    let x11 = connect();
    let window = show(&x11, "Pointer", (400, 420), Size::new(100, 100), GREEN);
    x11.warp_pointer(x11rb::NONE, window.id, 0, 0, 0, 0, 50, 50).unwrap().check().unwrap();
    let grab = |cursor: bool| Grab { region: None, cursor };
    let mut without = open("Pointer", grab(false)).unwrap();
    until(&mut without, "no pointer", |frame| is_all(frame, GREEN));
    let mut with = open("Pointer", grab(true)).unwrap();
    until(&mut with, "the pointer at its place", |frame| {
        (45..56).any(|row| (45..56).any(|column| pixel(frame, column, row) != GREEN))
    });
}
