//! A window manager on a test's display, and what it makes of windows: who is above whom, and where.

use std::process::Command;

use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ClientMessageEvent, ConfigureWindowAux, ConnectionExt as _, EventMask, Window,
};
use x11rb::rust_connection::RustConnection;

use super::display::Display;
use super::process::Process;
use super::wait::{seconds, until};

/// Openbox, with nothing of this machine's settings; dropping it ends it.
pub struct WindowManager {
    connection: RustConnection,
    root: Window,
    _process: Process,
}

impl WindowManager {
    /// Starts it on a display that has none.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(display: &Display) -> WindowManager {
        let mut command = Command::new("openbox");
        command.arg("--sm-disable").env("DISPLAY", &display.name).env("XDG_CONFIG_HOME", "/nonexistent");
        let process = Process::start("openbox", &mut command);
        let (connection, screen) = x11rb::connect(Some(&display.name)).expect("the display takes a client");
        let root = connection.setup().roots[screen].root;
        let manager = WindowManager { connection, root, _process: process };
        until("a window manager", seconds(45), async || {
            (!manager.numbers(root, "_NET_SUPPORTING_WM_CHECK").is_empty()).then_some(())
        })
        .await;
        manager
    }

    /// The titles of all windows, the lowest first.
    pub fn stacked(&self) -> Vec<String> {
        self.windows().into_iter().map(|window| self.title(window)).collect()
    }

    /// Whether the manager keeps the window that is called `title` above all others.
    pub fn keeps_above(&self, title: &str) -> bool {
        self.is_in(title, "_NET_WM_STATE_ABOVE")
    }

    /// Whether a window has the whole screen.
    pub fn is_full_screen(&self, title: &str) -> bool {
        self.is_in(title, "_NET_WM_STATE_FULLSCREEN")
    }

    fn is_in(&self, title: &str, state: &str) -> bool {
        let state = self.atom(state);
        self.window(title).is_some_and(|window| self.numbers(window, "_NET_WM_STATE").contains(&state))
    }

    /// Where a window is, without what the manager draws around it: pixels from the upper left corner of the display.
    pub fn place(&self, title: &str) -> Option<(i16, i16)> {
        let asked = self.connection.translate_coordinates(self.window(title)?, self.root, 0, 0).ok()?;
        asked.reply().ok().map(|place| (place.dst_x, place.dst_y))
    }

    /// Moves a window, as a person who drags it.
    ///
    /// # Panics
    /// When there is none.
    pub fn move_to(&self, title: &str, x: i32, y: i32) {
        let window = self.window(title).unwrap_or_else(|| panic!("no window {title}"));
        let wanted = ConfigureWindowAux::new().x(x).y(y);
        self.connection.configure_window(window, &wanted).expect("a request").check().expect("it is there");
    }

    /// Asks for a window to come to the front, as a person who clicks it in a list of windows.
    ///
    /// # Panics
    /// When there is none.
    pub fn activate(&self, title: &str) {
        let window = self.window(title).unwrap_or_else(|| panic!("no window {title}"));
        let asked = ClientMessageEvent::new(32, window, self.atom("_NET_ACTIVE_WINDOW"), [PAGER, 0, 0, 0, 0]);
        let mask = EventMask::SUBSTRUCTURE_REDIRECT | EventMask::SUBSTRUCTURE_NOTIFY;
        self.connection.send_event(false, self.root, mask, asked).expect("a request").check().expect("sent");
    }

    fn window(&self, title: &str) -> Option<Window> {
        self.windows().into_iter().find(|window| self.title(*window) == title)
    }

    fn windows(&self) -> Vec<Window> {
        self.numbers(self.root, "_NET_CLIENT_LIST_STACKING")
    }

    fn title(&self, window: Window) -> String {
        let name = self.atom("_NET_WM_NAME");
        let asked = self.connection.get_property(false, window, name, AtomEnum::ANY, 0, 256);
        let text = asked.ok().and_then(|asked| asked.reply().ok()).map(|name| name.value).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }

    /// A property that is a list of numbers; empty where there is none.
    fn numbers(&self, window: Window, name: &str) -> Vec<u32> {
        let asked = self.connection.get_property(false, window, self.atom(name), AtomEnum::ANY, 0, 1024);
        let found = asked.ok().and_then(|asked| asked.reply().ok());
        found.and_then(|found| found.value32().map(Iterator::collect)).unwrap_or_default()
    }

    fn atom(&self, name: &str) -> Atom {
        let asked = self.connection.intern_atom(false, name.as_bytes()).expect("a request");
        asked.reply().expect("the display answers").atom
    }
}

/// Who asks, as the window managers' specification has it: what shows a list of windows.
const PAGER: u32 = 2;
