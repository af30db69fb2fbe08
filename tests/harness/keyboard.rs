//! The keyboard of a display, and a window of another program that has it.

use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    ConnectionExt as _, CreateWindowAux, EventMask, GrabMode, InputFocus, KEY_PRESS_EVENT, KEY_RELEASE_EVENT,
    ModMask, Window, WindowClass,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

use super::display::Display;
use super::wait::{seconds, until};

/// Another program with a window, which asks for the keyboard; and the fingers on that.
pub struct Keyboard {
    connection: RustConnection,
    root: Window,
    window: Window,
}

impl Keyboard {
    /// Opens the window and gives it the keyboard.
    ///
    /// # Panics
    /// When the display refuses.
    pub async fn start(display: &Display) -> Keyboard {
        let (connection, screen) = x11rb::connect(Some(&display.name)).expect("the display takes a client");
        let root = connection.setup().roots[screen].root;
        let window = connection.generate_id().expect("an id");
        let told = CreateWindowAux::new().event_mask(EventMask::KEY_PRESS | EventMask::FOCUS_CHANGE);
        connection
            .create_window(0, window, root, 0, 0, 60, 40, 0, WindowClass::INPUT_OUTPUT, 0, &told)
            .expect("a request")
            .check()
            .expect("a window");
        connection.map_window(window).expect("a request").check().expect("a window that shows");
        let keyboard = Keyboard { connection, root, window };
        keyboard.take().await;
        keyboard
    }

    /// Has the keyboard from now on.
    pub async fn take(&self) {
        until("another program to have the keyboard", seconds(45), async || {
            let asked = self.connection.set_input_focus(InputFocus::NONE, self.window, x11rb::CURRENT_TIME);
            // A window that is not drawn yet cannot have it.
            let _ = asked.expect("a request").check();
            let has = self.connection.get_input_focus().expect("a request").reply().expect("an answer");
            (has.focus == self.window).then_some(())
        })
        .await;
        while let Ok(Some(_)) = self.connection.poll_for_event() {}
    }

    /// Presses keys together, by their X11 keysyms, and lets them go.
    ///
    /// # Panics
    /// When the keyboard lacks one.
    pub fn press(&self, keysyms: &[u32]) {
        let codes: Vec<u8> = keysyms.iter().map(|keysym| self.code(*keysym)).collect();
        let strokes = codes.iter().map(|code| (KEY_PRESS_EVENT, *code));
        let strokes = strokes.chain(codes.iter().rev().map(|code| (KEY_RELEASE_EVENT, *code)));
        for (kind, code) in strokes {
            let asked = self.connection.xtest_fake_input(kind, code, 0, self.root, 0, 0, 0);
            asked.expect("a request").check().expect("XTEST");
        }
    }

    /// Waits until its window gets a key.
    pub async fn gets(&self, keysym: u32) {
        let wanted = self.code(keysym);
        until("the other program to get the key", seconds(45), async || self.got(wanted).then_some(())).await;
    }

    /// Whether its window has got a key since it was asked last.
    pub fn has_got(&self, keysym: u32) -> bool {
        // Whatever was sent before this answer has arrived with it.
        self.connection.get_input_focus().expect("a request").reply().expect("an answer");
        self.got(self.code(keysym))
    }

    /// Takes a key with Ctrl from every other program.
    ///
    /// # Panics
    /// When another one has it.
    pub fn grab_with_control(&self, keysym: u32) {
        let code = self.code(keysym);
        let asked = self.connection.grab_key(
            false,
            self.root,
            ModMask::CONTROL,
            code,
            GrabMode::ASYNC,
            GrabMode::ASYNC,
        );
        asked.expect("a request").check().expect("a key that nobody has");
    }

    fn got(&self, code: u8) -> bool {
        let mut found = false;
        while let Ok(Some(event)) = self.connection.poll_for_event() {
            found |= matches!(event, Event::KeyPress(press) if press.detail == code);
        }
        found
    }

    fn code(&self, keysym: u32) -> u8 {
        let setup = self.connection.setup();
        let (first, last) = (setup.min_keycode, setup.max_keycode);
        let asked = self.connection.get_keyboard_mapping(first, last - first + 1).expect("a request");
        let mapping = asked.reply().expect("an answer");
        let each = mapping.keysyms.chunks(usize::from(mapping.keysyms_per_keycode));
        let found = (first..=last).zip(each).find(|(_, keysyms)| keysyms.contains(&keysym));
        found.map(|(code, _)| code).unwrap_or_else(|| panic!("the keyboard has no key for {keysym:#x}"))
    }
}
