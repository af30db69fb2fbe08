//! Windows of X11: x11rb finds and watches one, FFmpeg's `x11grab` takes its pictures.

use std::fmt;

use media::{Size, VideoFrame};
use x11rb::connection::{Connection as _, RequestConnection as _};
use x11rb::errors::{ConnectError, ConnectionError, ReplyError};
use x11rb::protocol::Event;
use x11rb::protocol::composite::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ConnectionExt as _, EventMask, MapState, Window as Id,
};
use x11rb::rust_connection::RustConnection;

use crate::devices::Window;
use crate::input::Grab;
use crate::screen::{Grabber, display};
use crate::{Clock, Error};

/// Grabs a window, also where others cover it, and follows its size.
pub struct WindowCapture {
    display: String,
    x11: RustConnection,
    window: Window,
    id: Id,
    grab: Grab,
    fps: u32,
    clock: Clock,
    grabber: Grabber,
}

impl WindowCapture {
    /// Opens the window with this id or title.
    pub(crate) fn open(wanted: &str, grab: Grab, fps: u32, clock: Clock) -> Result<WindowCapture, Error> {
        let display = display()?;
        let broken = |error: Broken| Error::Screen { display: display.clone(), reason: error.to_string() };
        let (x11, root) = connect().map_err(broken)?;
        let (id, window) = find(wanted, windows(&x11, root).map_err(broken)?)?;
        let fault = |reason: String| Error::Window { window: window.title.clone(), reason };
        watch(&x11, id).map_err(|error| fault(error.to_string()))?;
        if !is_visible(&x11, id) {
            return Err(fault(MINIMISED.to_owned()));
        }
        if let Some(region) = grab.region {
            region.within(window.size).map_err(fault)?;
        }
        let grabber = Grabber::open(&display, Some(id), grab, fps, clock).map_err(fault)?;
        Ok(WindowCapture { display, x11, window, id, grab, fps, clock, grabber })
    }

    /// Waits for the next picture: the device keeps the pace.
    ///
    /// # Errors
    /// When the window was closed or minimised.
    pub(crate) fn next(&mut self) -> Result<VideoFrame, Error> {
        self.follow()?;
        match self.grabber.next() {
            Ok(frame) => Ok(frame),
            // The grab fails when the window has just become smaller, or has gone.
            Err(reason) => {
                self.follow()?;
                self.regrab().map_err(|_| self.fault(&reason))?;
                self.grabber.next().map_err(|reason| self.fault(&reason))
            }
        }
    }

    /// Notices what has become of the window.
    fn follow(&mut self) -> Result<(), Error> {
        let mut resized = false;
        while let Some(event) = self.x11.poll_for_event().map_err(|error| self.fault(&error.to_string()))? {
            match event {
                // A window that is closed is hidden first.
                Event::UnmapNotify(event) if event.window == self.id => {
                    let is_there = describe(&self.x11, self.id).is_ok();
                    return Err(self.fault(if is_there { MINIMISED } else { CLOSED }));
                }
                Event::DestroyNotify(event) if event.window == self.id => return Err(self.fault(CLOSED)),
                Event::ConfigureNotify(event) if event.window == self.id => {
                    let size = Size::new(event.width.into(), event.height.into());
                    resized |= size != self.window.size;
                    self.window.size = size;
                }
                _ => {}
            }
        }
        if resized { self.regrab().map_err(|reason| self.fault(&reason)) } else { Ok(()) }
    }

    /// Opens the device anew, in the window's present size.
    fn regrab(&mut self) -> Result<(), String> {
        if let Some(region) = self.grab.region {
            region.within(self.window.size)?;
        }
        self.grabber = Grabber::open(&self.display, Some(self.id), self.grab, self.fps, self.clock)?;
        Ok(())
    }

    fn fault(&self, reason: &str) -> Error {
        Error::Window { window: self.window.title.clone(), reason: reason.to_owned() }
    }
}

/// The windows that can be captured.
pub(crate) fn found() -> Vec<Window> {
    let found = connect().and_then(|(x11, root)| windows(&x11, root)).unwrap_or_default();
    found.into_iter().map(|(_, window)| window).collect()
}

/// Why X11 does not answer.
#[derive(Debug)]
struct Broken(String);

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

macro_rules! broken_by {
    ($($error:ty),*) => {$(
        impl From<$error> for Broken {
            fn from(error: $error) -> Broken {
                Broken(error.to_string())
            }
        }
    )*};
}

broken_by!(ConnectError, ConnectionError, ReplyError);

/// A connection to the display named by `DISPLAY`, and its root window.
fn connect() -> Result<(RustConnection, Id), Broken> {
    let (x11, screen) = x11rb::connect(None)?;
    let root = x11.setup().roots.get(screen).map(|screen| screen.root);
    let root = root.ok_or_else(|| Broken(format!("the display has no screen {screen}")))?;
    Ok((x11, root))
}

/// Asks to be told of changes, and for a picture of its own: without it what others cover is not in the grab.
fn watch(x11: &RustConnection, id: Id) -> Result<(), Broken> {
    let events = ChangeWindowAttributesAux::new().event_mask(EventMask::STRUCTURE_NOTIFY);
    x11.change_window_attributes(id, &events)?.check()?;
    if x11.extension_information(composite::X11_EXTENSION_NAME)?.is_some() {
        // The protocol wants the versions compared before any other request of the extension.
        x11.composite_query_version(0, 4)?.reply()?;
        x11.composite_redirect_window(id, composite::Redirect::AUTOMATIC)?.check()?;
    }
    Ok(())
}

/// Windows with a title, the foremost last: those that the window manager lists, or without one all on the root.
fn windows(x11: &RustConnection, root: Id) -> Result<Vec<(Id, Window)>, Broken> {
    let list = x11.intern_atom(false, b"_NET_CLIENT_LIST_STACKING")?.reply()?.atom;
    let listed = x11.get_property(false, root, list, AtomEnum::WINDOW, 0, WINDOWS_MAX)?.reply()?;
    let ids: Vec<Id> = match listed.value32() {
        Some(listed) => listed.collect(),
        None => x11.query_tree(root)?.reply()?.children,
    };
    let mut windows = Vec::new();
    for id in ids.into_iter().take(WINDOWS_MAX as usize) {
        // A window may close while we ask.
        let Ok(Some(window)) = describe(x11, id) else { continue };
        windows.push((id, window));
    }
    Ok(windows)
}

/// `None` for a window without a title, which is no person's.
fn describe(x11: &RustConnection, id: Id) -> Result<Option<Window>, Broken> {
    let (name, utf8) = (x11.intern_atom(false, b"_NET_WM_NAME")?, x11.intern_atom(false, b"UTF8_STRING")?);
    let (name, utf8) = (name.reply()?.atom, utf8.reply()?.atom);
    let modern = x11.get_property(false, id, name, utf8, 0, TITLE_WORDS_MAX)?;
    let old = x11.get_property(false, id, AtomEnum::WM_NAME, AtomEnum::ANY, 0, TITLE_WORDS_MAX)?;
    let geometry = x11.get_geometry(id)?;
    let (modern, old, geometry) = (modern.reply()?.value, old.reply()?.value, geometry.reply()?);
    let title = if modern.is_empty() { old } else { modern };
    let title = String::from_utf8_lossy(&title).trim().to_owned();
    let size = Size::new(geometry.width.into(), geometry.height.into());
    Ok((!title.is_empty()).then(|| Window { id: format!("{id:#x}"), title, size }))
}

fn is_visible(x11: &RustConnection, id: Id) -> bool {
    let attributes = x11.get_window_attributes(id).ok().and_then(|cookie| cookie.reply().ok());
    attributes.is_some_and(|attributes| attributes.map_state == MapState::VIEWABLE)
}

/// By id, by title, or by a part of the title that only one window has.
fn find(wanted: &str, mut windows: Vec<(Id, Window)>) -> Result<(Id, Window), Error> {
    let matches: [&dyn Fn(&Window) -> bool; 3] =
        [&|window| window.id.eq_ignore_ascii_case(wanted), &|window| window.title == wanted, &|window| {
            window.title.to_lowercase().contains(&wanted.to_lowercase())
        }];
    for is_wanted in matches {
        let mut found = (0..windows.len()).filter(|&at| is_wanted(&windows[at].1));
        if let (Some(at), None) = (found.next(), found.next()) {
            return Ok(windows.swap_remove(at));
        }
    }
    let known = windows.iter().map(|(_, window)| format!("{} {:?}", window.id, window.title));
    let known: Vec<String> = known.collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Err(Error::UnknownWindow { wanted: wanted.to_owned(), known })
}

const CLOSED: &str = "it was closed";
const MINIMISED: &str = "it is minimised";

/// More windows than anybody has open.
const WINDOWS_MAX: u32 = 1_024;

/// A kilobyte of title, in words of four bytes.
const TITLE_WORDS_MAX: u32 = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn windows() -> Vec<(Id, Window)> {
        let window = |id: Id, title: &str| {
            (id, Window { id: format!("{id:#x}"), title: title.to_owned(), size: Size::new(2, 2) })
        };
        vec![window(0x1c, "Slides"), window(0x1d, "Slides, notes"), window(0x1e, "Terminal")]
    }

    #[test]
    fn a_window_is_found_by_id_by_title_and_by_a_part_that_only_one_has() {
        for (wanted, id) in [("0x1C", 0x1c), ("Slides", 0x1c), ("NOTES", 0x1d), ("term", 0x1e)] {
            assert_eq!(find(wanted, windows()).expect("it is there").0, id, "{wanted}");
        }
    }

    #[test]
    fn what_is_not_one_window_is_refused_with_those_there_are() {
        for wanted in ["slides", "Browser"] {
            let error = find(wanted, windows()).expect_err("none, or two");
            assert!(error.to_string().contains("0x1e \"Terminal\""), "{error}");
        }
    }
}
