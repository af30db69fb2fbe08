//! Named threads with an owner.
#![allow(clippy::disallowed_methods, reason = "joining is bounded by time")]

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::Error;

/// Starts a named thread.
///
/// # Errors
/// When the operating system refuses.
pub(crate) fn spawn(name: &'static str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|source| Error::Thread { name, source })
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
