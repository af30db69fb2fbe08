//! libsrt's life in this program, and the one thread that waits for its sockets.

use std::collections::HashMap;
use std::net::UdpSocket;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

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
    sockets: Mutex<Sockets>,
    /// Told when the thread may have something to wait for, or has to end.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Sockets {
    stop: bool,
    waiting: HashMap<Raw, Arc<Readiness>>,
    /// Those of `waiting` that listen, with the ports they listen on.
    ports: HashMap<Raw, UdpSocket>,
    /// Until when a caller that knocked may come in.
    expected: Option<Instant>,
    /// The ports are looked at seldom: nobody is connected, and nobody has knocked.
    resting: bool,
}

/// What a task waits for. Each keeps one wake-up for a task that does not wait yet, so whoever tries first and
/// waits then misses none.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    pub(crate) readable: Notify,
    pub(crate) writable: Notify,
}

/// Wakes the thread for a caller. It holds no reference to the library, which could otherwise end on one of its
/// own threads.
#[derive(Clone, Debug)]
pub(crate) struct Bell(Arc<Watched>);

impl Bell {
    pub(crate) fn ring(&self) {
        self.0.expect_caller();
    }
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
        self.watched.insert(socket, Arc::clone(&readiness));
        if let Err(code) = ffi::epoll_add(self.epoll, socket) {
            self.watched.lock().waiting.remove(&socket);
            return Err(Error::library("watching a socket")(code));
        }
        Ok(readiness)
    }

    /// `socket`, which is watched, only listens on `port`: alone it is no reason to be awake.
    pub(crate) fn rest_with(&self, socket: Raw, port: UdpSocket) {
        self.watched.lock().ports.insert(socket, port);
    }

    /// What a port tells when somebody knocks there.
    pub(crate) fn bell(&self) -> Bell {
        Bell(Arc::clone(&self.watched))
    }

    /// Wakes them no more.
    pub(crate) fn forget(&self, socket: Raw) {
        ffi::epoll_remove(self.epoll, socket);
        let mut sockets = self.watched.lock();
        sockets.waiting.remove(&socket);
        sockets.ports.remove(&socket);
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        self.watched.lock().stop = true;
        self.watched.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // Its end is waited for: libsrt must not be taken away under it. A panic there has been told.
            let _ = thread.join();
        }
        ffi::epoll_release(self.epoll);
        ffi::cleanup();
    }
}

impl Watched {
    fn insert(&self, socket: Raw, readiness: Arc<Readiness>) {
        let mut sockets = self.lock();
        sockets.waiting.insert(socket, readiness);
        sockets.wake();
        self.changed.notify_all();
    }

    #[allow(clippy::disallowed_methods, reason = "a driver's thread knows the time")]
    fn expect_caller(&self) {
        let mut sockets = self.lock();
        sockets.expected = Some(Instant::now() + COMES_IN_MAX);
        sockets.wake();
        self.changed.notify_all();
    }

    #[allow(clippy::disallowed_methods, reason = "a driver's thread paces itself")]
    fn wake_tasks(&self, epoll: i32) {
        let mut events = [Event::default(); EVENTS_AT_A_TIME];
        while self.until_needed() {
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

    /// Sleeps while there are only ports at which nobody knocked; `false` at the end.
    #[allow(clippy::disallowed_methods, reason = "a driver's thread knows the time")]
    fn until_needed(&self) -> bool {
        let mut sockets = self.lock();
        while !sockets.stop && sockets.are_quiet(Instant::now()) {
            sockets.rest();
            sockets = self.changed.wait(sockets).expect("nothing panics while it holds the sockets");
        }
        !sockets.stop
    }

    fn wake(&self, events: &[Event]) {
        let sockets = self.lock();
        for event in events {
            // A socket that was forgotten meanwhile has nobody to wake.
            let Some(readiness) = sockets.waiting.get(&event.socket) else { continue };
            if event.events & (ffi::IN | ffi::ERR) != 0 {
                readiness.readable.notify_one();
            }
            if event.events & (ffi::OUT | ffi::ERR) != 0 {
                readiness.writable.notify_one();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Sockets> {
        self.sockets.lock().expect("nothing panics while it holds the sockets")
    }
}

impl Sockets {
    fn are_quiet(&self, now: Instant) -> bool {
        self.waiting.len() == self.ports.len() && self.expected.is_none_or(|until| until < now)
    }

    fn rest(&mut self) {
        if !std::mem::replace(&mut self.resting, true) {
            self.look_every(LOOK_RESTING);
        }
    }

    fn wake(&mut self) {
        if std::mem::replace(&mut self.resting, false) {
            self.look_every(LOOK_AWAKE);
        }
    }

    /// How long libsrt's own thread waits for a packet before it looks at its timers, which only connections have.
    fn look_every(&self, interval: Duration) {
        for port in self.ports.values() {
            if let Err(error) = port.set_read_timeout(Some(interval)) {
                tracing::debug!(%error, "the pace of an SRT port");
            }
        }
    }
}

/// How many changes are taken at once; more come with the next round.
const EVENTS_AT_A_TIME: usize = 256;
/// How late the thread may see that it has to end, in milliseconds; its end is waited for.
const STOP_NOTICED_MS: i64 = 50;
/// Packets come one by one from libsrt, each at its own time. Gathered for so long, a task wakes for several,
/// which costs a fraction, and is nothing beside the latency of at least 120 ms that SRT works with.
const GATHER: Duration = Duration::from_millis(5);
/// What libsrt sets itself: its timers want to be looked at a hundred times a second.
const LOOK_AWAKE: Duration = Duration::from_millis(10);
/// Without a connection there are no timers, and a packet is taken at once however long the wait is; it is only
/// what the end of a listener takes.
const LOOK_RESTING: Duration = Duration::from_millis(250);
/// From a caller's question to its place among the accepted.
const COMES_IN_MAX: Duration = Duration::from_secs(5);
