//! libsrt's life in this program, and the one thread that waits for its sockets.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::Notify;

use crate::error::Error;
use crate::ffi::{self, Event, Raw};

/// The started library; ended with the last reference.
#[derive(Debug)]
pub(crate) struct Library {
    epoll: i32,
    watched: Arc<Watched>,
    thread: Option<JoinHandle<()>>,
}

/// The sockets that the thread wakes tasks for.
#[derive(Debug, Default)]
struct Watched {
    stop: AtomicBool,
    sockets: Mutex<HashMap<Raw, Arc<Readiness>>>,
}

/// What a task waits for. Each keeps one wake-up for a task that does not wait yet, so whoever tries first and
/// waits then misses none.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    pub(crate) readable: Notify,
    pub(crate) writable: Notify,
}

impl Library {
    /// The library, started when it is not.
    pub(crate) fn get() -> Result<Arc<Library>, Error> {
        static STARTED: Mutex<Weak<Library>> = Mutex::new(Weak::new());
        let mut started = STARTED.lock().expect("nothing panics while it holds the library");
        if let Some(library) = started.upgrade() {
            return Ok(library);
        }
        let library = Arc::new(Library::start()?);
        *started = Arc::downgrade(&library);
        Ok(library)
    }

    fn start() -> Result<Library, Error> {
        let failed = |code| Error::Start(ffi::error_words(code));
        ffi::startup().map_err(failed)?;
        let epoll = ffi::epoll_create().map_err(failed)?;
        let watched = Arc::<Watched>::default();
        let thread = std::thread::Builder::new().name("srt-epoll".to_owned()).spawn({
            let watched = Arc::clone(&watched);
            move || watched.wake_tasks(epoll)
        });
        match thread {
            Ok(thread) => Ok(Library { epoll, watched, thread: Some(thread) }),
            Err(error) => {
                ffi::epoll_release(epoll);
                ffi::cleanup();
                Err(Error::Start(error.to_string()))
            }
        }
    }

    /// Wakes the tasks of `socket` from now on.
    pub(crate) fn watch(&self, socket: Raw) -> Result<Arc<Readiness>, Error> {
        let readiness = Arc::<Readiness>::default();
        // Known before it is watched, since the first change may come at once.
        self.watched.lock().insert(socket, Arc::clone(&readiness));
        if let Err(code) = ffi::epoll_add(self.epoll, socket) {
            self.watched.lock().remove(&socket);
            return Err(Error::library("watching a socket")(code));
        }
        Ok(readiness)
    }

    /// Wakes them no more.
    pub(crate) fn forget(&self, socket: Raw) {
        ffi::epoll_remove(self.epoll, socket);
        self.watched.lock().remove(&socket);
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        self.watched.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Its end is waited for: libsrt must not be taken away under it. A panic there has been told.
            let _ = thread.join();
        }
        ffi::epoll_release(self.epoll);
        ffi::cleanup();
    }
}

impl Watched {
    #[allow(clippy::disallowed_methods, reason = "a driver's thread paces itself")]
    fn wake_tasks(&self, epoll: i32) {
        let mut events = [Event::default(); EVENTS_AT_A_TIME];
        while !self.stop.load(Ordering::Relaxed) {
            match ffi::epoll_wait(epoll, &mut events, STOP_NOTICED_MS) {
                Ok(0) => continue,
                Ok(count) => self.wake(&events[..count]),
                Err(code) => {
                    tracing::warn!(error = ffi::error_words(code), "waiting for SRT sockets");
                }
            }
            std::thread::sleep(GATHER);
        }
    }

    fn wake(&self, events: &[Event]) {
        let sockets = self.lock();
        for event in events {
            // A socket that was forgotten meanwhile has nobody to wake.
            let Some(readiness) = sockets.get(&event.socket) else { continue };
            if event.events & (ffi::IN | ffi::ERR) != 0 {
                readiness.readable.notify_one();
            }
            if event.events & (ffi::OUT | ffi::ERR) != 0 {
                readiness.writable.notify_one();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Raw, Arc<Readiness>>> {
        self.sockets.lock().expect("nothing panics while it holds the sockets")
    }
}

/// How many changes are taken at once; more come with the next round.
const EVENTS_AT_A_TIME: usize = 256;
/// How late the thread may see that it has to end, in milliseconds; its end is waited for.
const STOP_NOTICED_MS: i64 = 50;
/// Packets come one by one from libsrt, each at its own time. Gathered for so long, a task wakes for several,
/// which costs a fraction, and is nothing beside the latency of at least 120 ms that SRT works with.
const GATHER: Duration = Duration::from_millis(5);
