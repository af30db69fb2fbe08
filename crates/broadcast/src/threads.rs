//! Named threads with an owner.
#![allow(clippy::disallowed_methods, reason = "joining is bounded by time")]

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::Error;

/// Starts a named thread.
///
/// # Errors
/// When the operating system refuses.
pub(crate) fn spawn(
    name: &'static str,
    body: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, Error> {
    let preferred = move || {
        prefer();
        body();
    };
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(preferred);
    thread.map_err(|source| Error::Thread { name, source })
}

/// Calls `open` so that the threads it starts are preferred too: encoders and sound servers' clients have
/// threads of their own, which inherit the preference of the thread that makes them.
/// They inherit `name` as well, by which their share of the CPU is told apart.
///
/// # Errors
/// When the operating system refuses.
pub(crate) fn preferred<T: Send, E: Into<Error> + Send>(
    name: &'static str,
    open: impl FnOnce() -> Result<T, E> + Send,
) -> Result<T, Error> {
    let preferred = || {
        prefer();
        open()
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, preferred);
        match thread.map_err(|source| Error::Thread { name, source })?.join() {
            Ok(opened) => opened.map_err(Into::into),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Prefers the calling thread over ordinary work, where the system lets us: a compiler in the background must
/// not make the stream stutter. Where it does not, nothing is lost but that.
fn prefer() {
    #[cfg(target_os = "linux")]
    // SAFETY: the call takes plain numbers; 0 names the calling thread. A refusal changes nothing.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, NICE);
    }
}

/// Joins threads that have been asked to stop. One that hangs in a driver is left behind and named: nothing
/// can end it, and nobody may wait for it.
pub(crate) fn join_within(threads: &mut Vec<JoinHandle<()>>, limit: Duration) {
    let deadline = Instant::now() + limit;
    for thread in threads.drain(..) {
        while !thread.is_finished() && Instant::now() < deadline {
            std::thread::park_timeout(POLL);
        }
        let name = thread.thread().name().unwrap_or_default().to_owned();
        if !thread.is_finished() {
            tracing::error!(thread = name, "does not stop, left behind");
        } else if thread.join().is_err() {
            tracing::error!(thread = name, "panicked");
        }
    }
}

/// A thread that was asked to stop ends within a frame; this only keeps the wait for it from spinning.
const POLL: Duration = Duration::from_millis(2);

/// Nine steps above ordinary programs: what desktop sound servers take.
#[cfg(target_os = "linux")]
const NICE: libc::c_int = -9;
