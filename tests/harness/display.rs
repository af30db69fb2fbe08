//! An X display of a test's own, and a picture on it that no other run drew.

use std::path::Path;
use std::process::Command;

use rand::Rng;
use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ClientMessageEvent, ConnectionExt as _, EventMask, MapState, Window,
};
use x11rb::rust_connection::RustConnection;

use super::process::Process;
use super::wait::seconds;

/// Xvfb on a display that it chose itself.
pub struct Display {
    /// What `DISPLAY` is to be.
    pub name: String,
    _server: Process,
}

impl Display {
    /// Starts a display of `width` × `height` pixels.
    ///
    /// # Panics
    /// When Xvfb does not start.
    pub async fn start(width: u32, height: u32) -> Display {
        let screen = format!("{width}x{height}x24");
        let mut command = Command::new("Xvfb");
        // Without a client for a moment, as while an app is started again, it would begin anew and refuse whoever comes.
        command.args(["-displayfd", "1", "-screen", "0", &screen, "-nolisten", "tcp", "-noreset"]);
        let mut server = Process::start("Xvfb", &mut command);
        let number: u32 = server.line(seconds(45), |line| line.text.trim().parse().ok()).await;
        Display { name: format!(":{number}"), _server: server }
    }

    /// Whether a window whose title has `title` in it is on the display.
    ///
    /// # Panics
    /// When the display does not answer.
    pub fn shows_window(&self, title: &str) -> bool {
        let (connection, screen) = x11rb::connect(Some(&self.name)).expect("the display takes a client");
        visible(&connection, screen, title).is_some()
    }

    /// Asks the window whose title has `title` in it to close, as its frame's button does.
    ///
    /// # Panics
    /// When there is none, or the display does not answer.
    pub fn close_window(&self, title: &str) {
        let (connection, screen) = x11rb::connect(Some(&self.name)).expect("the display takes a client");
        let window = visible(&connection, screen, title).unwrap_or_else(|| panic!("no window {title}"));
        let [protocols, delete] = ["WM_PROTOCOLS", "WM_DELETE_WINDOW"].map(|name| {
            let asked = connection.intern_atom(false, name.as_bytes()).expect("a request");
            asked.reply().expect("an answer").atom
        });
        let message = ClientMessageEvent::new(32, window, protocols, [delete, 0, 0, 0, 0]);
        let sent = connection.send_event(false, window, EventMask::NO_EVENT, message).expect("a request");
        sent.check().expect("the window is there");
    }

    /// Hears what windows ask of a window manager from now on.
    ///
    /// # Panics
    /// When the display does not answer.
    pub fn listen(&self) -> Listener {
        let (connection, screen) = x11rb::connect(Some(&self.name)).expect("the display takes a client");
        let root = connection.setup().roots[screen].root;
        let wanted = ChangeWindowAttributesAux::new().event_mask(EventMask::SUBSTRUCTURE_NOTIFY);
        let asked = connection.change_window_attributes(root, &wanted).expect("a request");
        asked.check().expect("everybody may listen");
        Listener(connection)
    }
}

/// The window on screen whose title has `title` in it.
fn visible(connection: &RustConnection, screen: usize, title: &str) -> Option<Window> {
    let root = connection.setup().roots[screen].root;
    let tree = connection.query_tree(root).expect("a request").reply().expect("an answer");
    tree.children.into_iter().find(|window| {
        let name = connection.get_property(false, *window, AtomEnum::WM_NAME, AtomEnum::ANY, 0, 256);
        let name = name.ok().and_then(|asked| asked.reply().ok()).map(|name| name.value);
        let state = connection.get_window_attributes(*window).ok().and_then(|asked| asked.reply().ok());
        let named = name.is_some_and(|name| String::from_utf8_lossy(&name).contains(title));
        named && state.is_some_and(|state| state.map_state == MapState::VIEWABLE)
    })
}

/// Hears what windows ask of a window manager.
pub struct Listener(RustConnection);

impl Listener {
    /// Whether a window asked, since the last call, to be put into a state, as `_NET_WM_STATE_ABOVE`.
    ///
    /// # Panics
    /// When the display does not answer.
    pub fn is_asked(&self, state: &str) -> bool {
        let atom = |name: &str| {
            let asked = self.0.intern_atom(false, name.as_bytes()).expect("a request");
            asked.reply().expect("an answer").atom
        };
        let (kind, state) = (atom("_NET_WM_STATE"), atom(state));
        let mut heard = false;
        while let Some(event) = self.0.poll_for_event().expect("the display is there") {
            if let Event::ClientMessage(message) = event {
                let [action, first, second, ..] = message.data.as_data32();
                heard |= message.type_ == kind && action == ADD && [first, second].contains(&state);
            }
        }
        heard
    }
}

/// As the window managers' specification has it: the window wants the state.
const ADD: u32 = 1;

/// Colours that stay apart after scaling, chroma subsampling and compression.
pub const PALETTE: [[u8; 3]; 6] =
    [[230, 30, 30], [30, 200, 40], [30, 60, 230], [235, 220, 30], [245, 245, 245], [15, 15, 15]];

/// Cells across and down.
pub const CELLS: (usize, usize) = (6, 5);

/// A grid of cells, each of a random colour of [`PALETTE`], row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid(pub Vec<usize>);

impl Grid {
    /// A grid that was never drawn before, in all likelihood: there are 6³⁰ of them.
    pub fn random() -> Grid {
        let mut random = rand::rng();
        Grid((0..CELLS.0 * CELLS.1).map(|_| random.random_range(0..PALETTE.len())).collect())
    }

    /// The grid whose cells have the nearest colours to those seen.
    pub fn nearest(colours: &[[f64; 3]]) -> Grid {
        let distance = |seen: &[f64; 3], colour: [u8; 3]| -> f64 {
            seen.iter().zip(colour).map(|(seen, colour)| (seen - f64::from(colour)).powi(2)).sum()
        };
        let nearest = |seen: &[f64; 3]| {
            (0..PALETTE.len())
                .min_by(|a, b| distance(seen, PALETTE[*a]).total_cmp(&distance(seen, PALETTE[*b])))
        };
        Grid(colours.iter().map(|seen| nearest(seen).expect("the palette is not empty")).collect())
    }

    /// Shows the grid on a display in a window without a border, above the others, until the process is dropped.
    pub fn show(&self, display: &Display, folder: &Path, left: u32, top: u32, cell: u32) -> Process {
        let (columns, rows) = (CELLS.0 as u32, CELLS.1 as u32);
        let (width, height) = (columns * cell, rows * cell);
        let picture = folder.join("grid.ppm");
        std::fs::write(&picture, self.ppm(cell)).expect("a temporary folder can be written");
        let mut command = Command::new("ffplay");
        command.args(["-hide_banner", "-loglevel", "warning", "-noborder", "-alwaysontop"]);
        for (option, value) in [("-left", left), ("-top", top), ("-x", width), ("-y", height)] {
            command.arg(option).arg(value.to_string());
        }
        command.arg(&picture).env("DISPLAY", &display.name).env("SDL_AUDIODRIVER", "dummy");
        Process::start("ffplay (grid)", &mut command)
    }

    fn ppm(&self, cell: u32) -> Vec<u8> {
        let (width, height) = (CELLS.0 as u32 * cell, CELLS.1 as u32 * cell);
        let mut ppm = format!("P6 {width} {height} 255\n").into_bytes();
        for y in 0..height {
            for x in 0..width {
                let (column, row) = ((x / cell) as usize, (y / cell) as usize);
                ppm.extend(PALETTE[self.0[row * CELLS.0 + column]]);
            }
        }
        ppm
    }
}

/// Where the middles of a grid's cells are in a picture of the whole display, as fractions of it: row by row, each the
/// inner half of its cell.
pub fn cell_middles(left: u32, top: u32, cell: u32, display: (u32, u32)) -> Vec<[f64; 4]> {
    let (width, height) = (f64::from(display.0), f64::from(display.1));
    let side = f64::from(cell);
    let middle = |at: usize| {
        let (column, row) = ((at % CELLS.0) as f64, (at / CELLS.0) as f64);
        let x = f64::from(left) + (column + 0.25) * side;
        let y = f64::from(top) + (row + 0.25) * side;
        [x / width, y / height, side / 2.0 / width, side / 2.0 / height]
    };
    (0..CELLS.0 * CELLS.1).map(middle).collect()
}
