//! The screen of a Wayland session, or a window of it: whatever the person chooses in the desktop's dialog.
//!
//! A thread asks the desktop ([`crate::wayland_portal`]), another takes the pictures ([`crate::wayland_stream`]); both are told
//! to end by the source, which waits for neither longer than it may.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::channel::oneshot;
use media::VideoFrame;

use crate::input::Grab;
use crate::wayland_portal::{self, Ask};
use crate::wayland_stream::Wish;
use crate::{Clock, Error, ScreenPermission, Stop};

/// A screen or window that the desktop shares. Dropping it ends the sharing.
pub struct SharedScreen {
    given: Given,
    /// Dropped, it tells the threads to end.
    close: Option<oneshot::Sender<()>>,
}

impl SharedScreen {
    /// Asks the desktop, and does not wait for the person to answer.
    pub(crate) fn open(
        grab: Grab,
        fps: u32,
        clock: Clock,
        permission: Option<ScreenPermission>,
    ) -> Result<SharedScreen, Error> {
        let (close, closed) = oneshot::channel();
        let given = Given::default();
        let ask = Ask { cursor: grab.cursor, permission, wish: Wish { fps, region: grab.region, clock } };
        let last = Last(given.clone());
        let thread = std::thread::Builder::new().name("screen-portal".to_owned());
        // Its owner sees by `given` when it has ended; one that hangs in the desktop is left behind.
        let spawned = thread.spawn(move || {
            let last = last;
            wayland_portal::run(ask, last.0.clone(), closed);
        });
        spawned.map_err(|error| End::Lost(error.to_string()))?;
        Ok(SharedScreen { given, close: Some(close) })
    }

    /// Waits for the next picture, `None` when stopped. A screen that stands still gives none.
    ///
    /// # Errors
    /// When the person refuses or withdraws, or the desktop is gone.
    pub fn next(&mut self, stop: &Stop) -> Result<Option<VideoFrame>, Error> {
        while !stop.is_stopped() {
            let mut state = self.given.wait(POLL, |state| state.picture.is_none() && state.end.is_none());
            if let Some(picture) = state.picture.take() {
                return Ok(Some(picture));
            }
            if let Some(end) = &state.end {
                return Err(end.clone().into());
            }
        }
        Ok(None)
    }
}

impl Drop for SharedScreen {
    /// Waits for the desktop to take its sign of a shared screen away; one that hangs is left.
    fn drop(&mut self) {
        drop(self.close.take());
        if !self.given.wait(CLOSE_LIMIT, |state| !state.left).left {
            tracing::warn!("the desktop does not end the sharing, left behind");
        }
    }
}

/// Why there are no more pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The person closed the dialog.
    Refused,
    /// The person took the permission back, or closed the window that was shared.
    Withdrawn,
    /// Something broke.
    Lost(String),
}

impl End {
    pub(crate) fn lost(reason: &str) -> End {
        End::Lost(reason.to_owned())
    }
}

impl From<End> for Error {
    fn from(end: End) -> Error {
        match end {
            End::Refused => Error::NotShared("nothing was chosen in the desktop's dialog"),
            End::Withdrawn => Error::NotShared("the sharing was ended on the desktop"),
            End::Lost(reason) => Error::Screen { display: WAYLAND.to_owned(), reason },
        }
    }
}

/// Where the threads leave what they have: the latest picture, and the end. A picture that was not fetched is replaced,
/// so that the last one before the screen stands still is never the one that is missed.
#[derive(Clone, Default)]
pub(crate) struct Given(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    picture: Option<VideoFrame>,
    end: Option<End>,
    /// The threads are gone.
    left: bool,
}

impl Given {
    pub(crate) fn give(&self, picture: VideoFrame) {
        self.change(|state| state.picture = Some(picture));
    }

    /// The first reason is the one that counts.
    pub(crate) fn end(&self, end: End) {
        self.change(|state| {
            state.end.get_or_insert(end);
        });
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let (state, changed) = &*self.0;
        change(&mut state.lock().unwrap_or_else(PoisonError::into_inner));
        changed.notify_all();
    }

    fn wait(&self, limit: Duration, is_waiting: impl Fn(&mut State) -> bool) -> MutexGuard<'_, State> {
        let (state, changed) = &*self.0;
        let state = state.lock().unwrap_or_else(PoisonError::into_inner);
        changed.wait_timeout_while(state, limit, is_waiting).unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Tells that the thread has gone, however it went.
struct Last(Given);

impl Drop for Last {
    fn drop(&mut self) {
        self.0.change(|state| {
            state.end.get_or_insert_with(|| End::lost("the capture of the screen ended"));
            state.left = true;
        });
    }
}

/// What the shared screen is called in lists and messages.
pub(crate) const WAYLAND: &str = "wayland";

/// How long the source waits before it looks whether to stop.
const POLL: Duration = Duration::from_millis(20);

/// Desktops answer within some milliseconds.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use media::{Colour, PixelFormat, Size, Timestamp};

    use super::*;

    fn picture(millis: i64) -> VideoFrame {
        let (pts, size) = (Timestamp::from_millis(millis), Size::new(2, 2));
        VideoFrame { pts, size, format: PixelFormat::Bgr0, planes: Vec::new(), colour: Colour::Srgb }
    }

    fn source() -> SharedScreen {
        SharedScreen { given: Given::default(), close: None }
    }

    #[test]
    fn of_pictures_that_nobody_fetched_the_last_one_is_given() {
        let mut source = source();
        source.given.give(picture(1));
        source.given.give(picture(2));
        let given = source.next(&Stop::new()).expect("it has not ended").expect("there is one");
        assert_eq!(given.pts, Timestamp::from_millis(2));
        drop(Last(source.given.clone()));
    }

    #[test]
    fn the_first_reason_for_an_end_is_told_after_the_last_picture() {
        let mut source = source();
        source.given.give(picture(1));
        source.given.end(End::Withdrawn);
        drop(Last(source.given.clone()));
        assert!(source.next(&Stop::new()).expect("a picture first").is_some());
        let error = source.next(&Stop::new()).expect_err("it has ended");
        assert!(error.to_string().contains("ended on the desktop"), "{error}");
        assert!(error.is_for_the_person());
    }

    #[test]
    fn a_stop_ends_the_wait_for_a_person_who_does_not_answer() {
        let (mut source, stop) = (source(), Stop::new());
        stop.stop();
        assert!(source.next(&stop).expect("nothing went wrong").is_none());
        drop(Last(source.given.clone()));
    }
}
